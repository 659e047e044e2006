// SPDX-License-Identifier: GPL-3.0-or-later
//! What the kernel hands out of a btrfs that somebody else may have written.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (count, bytes) = input;
    engine::fuzzing::search_result(bytes, count.into());
});
