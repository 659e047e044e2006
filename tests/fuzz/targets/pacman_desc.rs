// SPDX-License-Identifier: GPL-3.0-or-later
//! A description out of pacman's database.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(package) = engine::packages::pacman::parse(bytes) {
        assert!(!package.name.is_empty());
    }
});
