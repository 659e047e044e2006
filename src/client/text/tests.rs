// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;

/// The hunks as `diff -u` would print them.
fn unified(before: &str, after: &str) -> Vec<String> {
    let TextDiff::Hunks(hunks) = compare_texts(before.as_bytes(), after.as_bytes()) else {
        panic!("no hunks");
    };
    let mut text = Vec::new();
    for hunk in hunks {
        text.push(format!("@@ {:?} {:?}", hunk.before, hunk.after));
        for line in hunk.lines {
            let mark = match line.side {
                Side::Both => ' ',
                Side::Before => '-',
                Side::After => '+',
            };
            text.push(format!(
                "{mark}{}{}",
                line.text,
                if line.is_open { "|" } else { "" }
            ));
        }
    }
    text
}

#[test]
fn changes_come_with_the_lines_around_them() {
    let before: String = (0..30).map(|number| format!("{number}\n")).collect();
    let after = before
        .replace("\n5\n", "\nfive\n")
        .replace("\n9\n", "\n")
        .replace("\n25\n", "\n25\nnew\n");
    let expected = [
        "@@ 2..13 2..12",
        " 2",
        " 3",
        " 4",
        "-5",
        "+five",
        " 6",
        " 7",
        " 8",
        "-9",
        " 10",
        " 11",
        " 12",
        "@@ 23..29 22..29",
        " 23",
        " 24",
        " 25",
        "+new",
        " 26",
        " 27",
        " 28",
    ];
    assert_eq!(unified(&before, &after), expected);
    assert_eq!(unified("", "one\ntwo"), ["@@ 0..0 0..2", "+one", "+two|"]);
    assert_eq!(unified("one\n", "one"), ["@@ 0..1 0..1", "-one", "+one|"]);
}

#[test]
fn what_is_no_text_is_said_to_be_none() {
    assert_eq!(compare_texts(b"a", b"a"), TextDiff::Same);
    assert_eq!(compare_texts(b"a\0", b"b"), TextDiff::Binary);
    assert_eq!(
        compare_texts(&vec![b'a'; TEXT_LIMIT + 1], b"b"),
        TextDiff::TooLarge
    );
}

#[test]
fn lines_are_harmless() {
    assert_eq!(harmless(b"a\tb\\c\x1b[2J\xff"), "a\tb\\c\\x1b[2J\\xff");
    assert_eq!(harmless(b""), "");
    assert_eq!(harmless(b"\t"), "\t");
}
