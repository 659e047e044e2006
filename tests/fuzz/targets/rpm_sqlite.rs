// SPDX-License-Identifier: GPL-3.0-or-later
//! rpm's sqlite database out of a snapshot, with the log beside it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<u8>)| engine::fuzzing::rpm_sqlite(input.0, input.1));
