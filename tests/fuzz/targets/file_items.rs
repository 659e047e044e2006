// SPDX-License-Identifier: GPL-3.0-or-later
//! The items of a tree that describe files, out of a btrfs that somebody else may have written.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| engine::fuzzing::file_item(bytes));
