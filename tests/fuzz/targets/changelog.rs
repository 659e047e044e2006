// SPDX-License-Identifier: GPL-3.0-or-later
//! A Debian changelog out of a snapshot.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let entries = engine::packages::changelog::parse(bytes);
    drop(engine::packages::changelog::fixes(&entries));
});
