// SPDX-License-Identifier: GPL-3.0-or-later
//! A package's header out of a database.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| engine::fuzzing::rpm_header(bytes.to_vec()));
