// SPDX-License-Identifier: GPL-3.0-or-later
//! The cache of what snapshots use: whatever is accepted is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    engine::fuzzing::space_cache(bytes);
});
