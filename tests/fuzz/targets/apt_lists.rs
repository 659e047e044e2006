// SPDX-License-Identifier: GPL-3.0-or-later
//! What apt-get and apt-cache print about an update.
#![no_main]

use engine::packages::apt::simulate::{parse_show, parse_simulation, parse_uris};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for planned in parse_simulation(&text) {
        assert!(!planned.name.is_empty() && (planned.old.is_some() || planned.new.is_some()));
        let _ = (planned.is_security(), planned.labels());
    }
    let _ = (parse_uris(&text), parse_show(bytes));
});
