// SPDX-License-Identifier: GPL-3.0-or-later
//! Lines out of the bytes a program writes, fit to be shown and logged.
#![cfg_attr(
    not(feature = "fuzzing"),
    expect(
        unreachable_pub,
        reason = "the fuzz targets reach it, nobody else outside does"
    )
)]

/// The longest line that is passed on, in bytes; what is longer loses its end.
pub const LINE_LIMIT: usize = 4096;

/// Cuts a stream of bytes into lines. A carriage return starts a line over, as on a terminal.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    cut: bool,
    returned: bool,
}

impl Lines {
    /// Takes the next bytes and hands out every line that they complete, cleaned and without line end.
    pub fn feed(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        for &byte in bytes {
            if byte == b'\n' {
                self.emit(&mut line);
                continue;
            }
            if std::mem::take(&mut self.returned) {
                self.buffer.clear();
                self.cut = false;
            }
            if byte == b'\r' {
                self.returned = true;
            } else if self.buffer.len() < LINE_LIMIT {
                self.buffer.push(byte);
            } else {
                self.cut = true;
            }
        }
    }

    /// Hands out the last line when the stream ended without a line end.
    pub fn finish(&mut self, mut line: impl FnMut(&str)) {
        if !self.buffer.is_empty() {
            self.emit(&mut line);
        }
    }

    fn emit(&mut self, line: &mut impl FnMut(&str)) {
        let mut text = clean(&self.buffer);
        if self.cut || text.len() > LINE_LIMIT {
            let end = (0..=text.len().min(LINE_LIMIT - '…'.len_utf8()))
                .rev()
                .find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or(0));
            text.push('…');
        }
        line(&text);
        *self = Self::default();
    }
}

/// Text without escape sequences, control characters and marks that reverse the direction of writing; what is not
/// UTF-8 is replaced.
pub(crate) fn clean(bytes: &[u8]) -> String {
    // Nearly all there is: nothing of it has to go but spaces at the end.
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
    }
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => skip_control_sequence(&mut chars),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut chars),
                Some(c) if (' '..='/').contains(&c) => {
                    while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
                    chars.next();
                }
                _ => {}
            },
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            '\t' => out.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// `ESC [` parameters, intermediates, one final character.
fn skip_control_sequence(chars: &mut impl Iterator<Item = char>) {
    for c in chars {
        if ('@'..='~').contains(&c) {
            break;
        }
    }
}

/// `ESC ]` and its like: up to BEL, ST or the end of the line.
fn skip_string(chars: &mut std::iter::Peekable<impl Iterator<Item = char>>) {
    while let Some(c) = chars.next() {
        if matches!(c, '\u{7}' | '\u{9c}') {
            break;
        }
        if c == '\u{1b}' {
            chars.next_if_eq(&'\\');
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        lines.feed(bytes, |line| out.push(line.to_owned()));
        lines.finish(|line| out.push(line.to_owned()));
        out
    }

    #[test]
    fn a_line_is_what_a_terminal_would_show() {
        for (bytes, shown) in [
            (&b"one\ntwo"[..], &["one", "two"][..]),
            (b"dos\r\n\r\nend\r\n", &["dos", "", "end"]),
            (
                b"(Reading ... \r(Reading ... 5%\r(Reading ... 9 files.)\n",
                &["(Reading ... 9 files.)"],
            ),
            (
                b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07t\x1b]8;;x\x1b\\u\x1b(Bv\n",
                &["red tuv"],
            ),
            (b"a\x00b\x08c\td\n", &["abc d"]),
            (b"\xff\xfe ok\n", &["\u{fffd}\u{fffd} ok"]),
            ("x\u{202e}y\u{9b}31mz\n".as_bytes(), &["xyz"]),
            (b"cut short \x1b[", &["cut short"]),
        ] {
            assert_eq!(lines(bytes), shown);
        }
    }

    #[test]
    fn a_long_line_loses_its_end_only() {
        let mut bytes = vec![b'x'; 3 * LINE_LIMIT];
        bytes.extend_from_slice(b"\nnext\n");
        let lines = lines(&bytes);
        assert_eq!((lines.len(), lines[1].as_str()), (2, "next"));
        assert!(lines[0].len() <= LINE_LIMIT && lines[0].ends_with("x…"));
        // Each bad byte grows to three: the limit holds for what is passed on.
        let mut lines = Lines::default();
        lines.feed(&[0xff; LINE_LIMIT], |_| ());
        lines.finish(|line| assert!(line.len() <= LINE_LIMIT && line.ends_with('…')));
    }

    proptest! {
        #[test]
        fn no_bytes_get_a_control_character_through(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(b'\r')], 0..300),
            at in 0_usize..300,
        ) {
            let (mut lines, mut out) = (Lines::default(), Vec::new());
            let at = at.min(bytes.len());
            lines.feed(&bytes[..at], |line| out.push(line.to_owned()));
            lines.feed(&bytes[at..], |line| out.push(line.to_owned()));
            lines.finish(|line| out.push(line.to_owned()));
            prop_assert!(out.iter().all(|line| line.len() <= LINE_LIMIT && !line.chars().any(char::is_control)));
            prop_assert_eq!(out, self::lines(&bytes));
        }
    }
}
