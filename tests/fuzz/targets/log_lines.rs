// SPDX-License-Identifier: GPL-3.0-or-later
//! Lines of programs on their way to logs and terminals: bounded, printable, and the same however the bytes come in.
#![no_main]

use engine::fuzzing::{LINE_LIMIT, Lines};
use libfuzzer_sys::fuzz_target;

fn lines<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let (mut lines, mut found) = (Lines::default(), Vec::new());
    for piece in pieces {
        lines.feed(piece, |line| found.push(line.to_owned()));
    }
    lines.finish(|line| found.push(line.to_owned()));
    found
}

fuzz_target!(|input: (u8, &[u8])| {
    let (at, bytes) = input;
    let whole = lines([bytes]);
    let (head, tail) = bytes.split_at(bytes.len().min(at.into()));
    assert_eq!(whole, lines([head, tail]));
    for line in &whole {
        assert!(line.len() <= LINE_LIMIT && !line.chars().any(char::is_control), "{line:?}");
    }
});
