// SPDX-License-Identifier: GPL-3.0-or-later
//! rpm's sqlite database out of a snapshot, with the log behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| engine::fuzzing::rpm_sqlite(bytes.to_vec()));
