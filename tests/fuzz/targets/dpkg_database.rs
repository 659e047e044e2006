// SPDX-License-Identifier: GPL-3.0-or-later
//! dpkg's status file out of a snapshot.
#![no_main]

use engine::packages::dpkg;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for record in dpkg::parse(bytes).unwrap_or_default() {
        assert!(!record.package.name.is_empty());
    }
});
