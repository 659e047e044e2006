// SPDX-License-Identifier: GPL-3.0-or-later
//! The order of pacman's versions: `EPOCH:VERSION-RELEASE` as vercmp(8) has it. It knows no tilde and no caret, and the
//! length of what stands between two parts counts.

use crate::packages::rpm::version::compare_number;
use std::cmp::Ordering;

/// The order of two versions. A missing epoch is 0; a missing release equals any.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (a, b) = (parts(a), parts(b));
    compare_part(a.0, b.0)
        .then_with(|| compare_part(a.1, b.1))
        .then_with(|| match (a.2, b.2) {
            (Some(a), Some(b)) => compare_part(a, b),
            _ => Ordering::Equal,
        })
}

fn parts(text: &str) -> (&str, &str, Option<&str>) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (epoch, rest) = match text.split_at(digits) {
        (epoch, rest) if rest.starts_with(':') => (epoch, rest.split_at(1).1),
        _ => ("0", text),
    };
    let epoch = if epoch.is_empty() { "0" } else { epoch };
    match rest.rsplit_once('-') {
        Some((version, release)) => (epoch, version, Some(release)),
        None => (epoch, rest, None),
    }
}

fn length(text: &[u8], is: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|byte| is(**byte)).count()
}

fn compare_part(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() && !b.is_empty() {
        let is_separator = |byte: u8| !byte.is_ascii_alphanumeric();
        let (skip_a, skip_b) = (length(a, is_separator), length(b, is_separator));
        (a, b) = (a.split_at(skip_a).1, b.split_at(skip_b).1);
        if a.is_empty() || b.is_empty() {
            break;
        }
        if skip_a != skip_b {
            return skip_a.cmp(&skip_b);
        }
        let is_number = a.first().is_some_and(u8::is_ascii_digit);
        let is_same = |byte: u8| match is_number {
            true => byte.is_ascii_digit(),
            false => byte.is_ascii_alphabetic(),
        };
        let (one, rest_a) = a.split_at(length(a, is_same));
        let (two, rest_b) = b.split_at(length(b, is_same));
        (a, b) = (rest_a, rest_b);
        if two.is_empty() {
            return if is_number {
                Ordering::Greater
            } else {
                Ordering::Less
            };
        }
        let order = match is_number {
            true => compare_number(one, two),
            false => one.cmp(two),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    // Letters that are left are a pre-release: they never beat the end.
    let is_text = |text: &[u8]| text.first().is_some_and(u8::is_ascii_alphabetic);
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) if !is_text(b) => Ordering::Less,
        _ if is_text(a) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_sort_as_pacman_sorts_them() {
        for (a, order, b) in [
            ("1.5.0", Ordering::Equal, "1.5.0"),
            ("1.5.1", Ordering::Greater, "1.5.0"),
            ("1.5.1", Ordering::Greater, "1.5"),
            ("1.5.0-1", Ordering::Less, "1.5.0-2"),
            ("1.5-1", Ordering::Equal, "1.5"),
            ("1.5b", Ordering::Less, "1.5"),
            ("1.5b", Ordering::Less, "1.5.1"),
            ("1.0a", Ordering::Less, "1.0alpha"),
            ("1.0alpha", Ordering::Less, "1.0b"),
            ("1.0rc", Ordering::Less, "1.0"),
            ("1.5.a", Ordering::Greater, "1.5"),
            ("1.5.b", Ordering::Less, "1.5.1"),
            ("2.0", Ordering::Equal, "2_0"),
            ("2.0_a", Ordering::Equal, "2_0.a"),
            ("2.0a", Ordering::Less, "2.0.a"),
            ("2___a", Ordering::Greater, "2_a"),
            ("0:1.0", Ordering::Equal, "1.0"),
            ("1:1.0", Ordering::Greater, "2.0"),
        ] {
            assert_eq!(compare(a, b), order, "{a} {b}");
            assert_eq!(compare(b, a), order.reverse(), "{b} {a}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_compared(a in ".{0,20}", b in "[0-2a-b._:-]{0,9}") {
            let _: Ordering = compare(&a, &b);
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        }
    }
}
