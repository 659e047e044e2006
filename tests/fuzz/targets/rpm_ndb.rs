// SPDX-License-Identifier: GPL-3.0-or-later
//! rpm's ndb database out of a snapshot.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| engine::fuzzing::rpm_ndb(bytes.to_vec()));
