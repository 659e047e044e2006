// SPDX-License-Identifier: GPL-3.0-or-later
//! What the process that reads databases says, should somebody have taken it over.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| engine::fuzzing::reader_answer(bytes));
