// SPDX-License-Identifier: GPL-3.0-or-later
//! Reads files of shell assignments without a shell: `KEY="value"`, one a line. The distribution's scripts source them;
//! here nothing in them is ever run or expanded.

use std::collections::BTreeMap;

/// More assignments than this are not kept.
const LIMIT: usize = 10_000;

/// The assignments; the last one of a name counts, as in a shell. Keys may have an index (`REBOOT_ASSOCS[2]`).
pub(crate) fn parse(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for line in text.lines() {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((key, rest)) = line.split_once('=') else {
            continue;
        };
        if is_key(key) && (values.len() < LIMIT || values.contains_key(key)) {
            values.insert(key.to_owned(), value(rest));
        }
    }
    values
}

fn is_key(key: &str) -> bool {
    let name = key.split('[').next().unwrap_or_default();
    let has_index = key.len() > name.len();
    let index = key.get(name.len()..).unwrap_or_default();
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && (!has_index || (index.ends_with(']') && index.len() > 2))
}

/// One word, with its quotes taken away. What follows it (a comment, another command) is not part of it.
fn value(text: &str) -> String {
    let (mut word, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\'' => word.extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => {
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => word.extend(chars.next()),
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.extend(chars.next()),
            c if c.is_whitespace() || c == ';' => break,
            c => word.push(c),
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_their_quotes_and_nothing_is_run() {
        let values = parse(
            "# A=1\nSUBVOLUME=\"/\"\nEMPTY=\nA='x y'\nB=plain # why\nexport C=\"a \\\"b\\\" $(rm) \\$d\"\n\
             REBOOT_ASSOCS[2]=reboot\nnot an assignment\n=x\nD[]=1\n A=2\n",
        );
        let expected = [
            ("A", "2"),
            ("B", "plain"),
            ("C", "a \"b\" $(rm) $d"),
            ("EMPTY", ""),
            ("REBOOT_ASSOCS[2]", "reboot"),
            ("SUBVOLUME", "/"),
        ];
        let values: Vec<_> = values.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(values, expected);
    }
}
