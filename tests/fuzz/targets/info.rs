// SPDX-License-Identifier: GPL-3.0-or-later
//! info.xml: whatever is accepted is written so that it reads the same.
#![no_main]

use engine::fuzzing::Info;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(info) = Info::parse(bytes) {
        let written = info.to_xml();
        let again = Info::parse(written.as_bytes()).expect("our own writing can be read");
        assert_eq!((again.id, &again.books), (info.id, &info.books));
    }
});
