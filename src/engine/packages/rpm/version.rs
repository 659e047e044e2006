// SPDX-License-Identifier: GPL-3.0-or-later
//! The order of rpm's versions: `EPOCH:VERSION-RELEASE`, each part compared as `rpmvercmp` does (rpm-version(7)).

use std::cmp::Ordering;

/// The order of two versions. A missing epoch is 0; a missing release equals any.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::of(a), Parts::of(b));
    compare_part(a.epoch, b.epoch)
        .then_with(|| compare_part(a.version, b.version))
        .then_with(|| match (a.release, b.release) {
            (Some(a), Some(b)) => compare_part(a, b),
            _ => Ordering::Equal,
        })
}

struct Parts<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let is_epoch = |epoch: &str| epoch.bytes().all(|byte| byte.is_ascii_digit());
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if is_epoch(epoch) => (epoch, rest),
            _ => ("", text),
        };
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release.as_bytes())),
            None => (rest, None),
        };
        Self {
            epoch: if epoch.is_empty() { b"0" } else { epoch.as_bytes() },
            version: version.as_bytes(),
            release,
        }
    }
}

/// Splits off the bytes at the start that `is` picks.
fn take<'a>(text: &mut &'a [u8], is: impl Fn(u8) -> bool) -> &'a [u8] {
    let length = text.iter().take_while(|byte| is(**byte)).count();
    let (taken, rest) = text.split_at(length);
    *text = rest;
    taken
}

fn strip(text: &mut &[u8], mark: u8) -> bool {
    match text.split_first() {
        Some((first, rest)) if *first == mark => {
            *text = rest;
            true
        }
        _ => false,
    }
}

fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let is_separator = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'~' && byte != b'^';
        take(&mut a, is_separator);
        take(&mut b, is_separator);
        // A tilde sorts before everything, even the end; a caret after the end and before everything else.
        match (strip(&mut a, b'~'), strip(&mut b, b'~')) {
            (true, true) => continue,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        let (a_ends, b_ends) = (a.is_empty(), b.is_empty());
        match (strip(&mut a, b'^'), strip(&mut b, b'^')) {
            (true, true) => continue,
            (true, false) if b_ends => return Ordering::Greater,
            (true, false) => return Ordering::Less,
            (false, true) if a_ends => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        if a_ends || b_ends {
            return a.len().cmp(&b.len());
        }
        let is_number = a.first().is_some_and(u8::is_ascii_digit);
        let is_same = |byte: u8| match is_number {
            true => byte.is_ascii_digit(),
            false => byte.is_ascii_alphabetic(),
        };
        let (one, two) = (take(&mut a, is_same), take(&mut b, is_same));
        // A number is newer than letters.
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
}

/// The order of two numbers of any length.
pub(crate) fn compare_number(a: &[u8], b: &[u8]) -> Ordering {
    let strip = |number: &[u8]| number.iter().take_while(|digit| **digit == b'0').count();
    let (a, b) = (a.split_at(strip(a)).1, b.split_at(strip(b)).1);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_sort_as_rpm_sorts_them() {
        for (a, order, b) in [
            ("1.0", Ordering::Equal, "1.0"),
            ("1.0", Ordering::Less, "2.0"),
            ("2.0.1", Ordering::Greater, "2.0"),
            ("2.0.1a", Ordering::Greater, "2.0.1"),
            ("5.5p1", Ordering::Less, "5.5p2"),
            ("5.5p10", Ordering::Greater, "5.5p1"),
            ("10xyz", Ordering::Less, "10.1xyz"),
            ("xyz10", Ordering::Less, "xyz10.1"),
            ("xyz.4", Ordering::Less, "8"),
            ("5.5p2", Ordering::Less, "5.6p1"),
            ("6.0.rc1", Ordering::Greater, "6.0"),
            ("10b2", Ordering::Greater, "10a1"),
            ("1.0aa", Ordering::Greater, "1.0a"),
            ("10.0001", Ordering::Equal, "10.1"),
            ("4.999.9", Ordering::Less, "5.0"),
            ("2_0", Ordering::Equal, "2.0"),
            ("1.0~rc1", Ordering::Less, "1.0"),
            ("1.0~rc1~git123", Ordering::Less, "1.0~rc1"),
            ("1.0^", Ordering::Greater, "1.0"),
            ("1.0^git1", Ordering::Less, "1.01"),
            ("1.0^20160101", Ordering::Less, "1.0.1"),
            ("1.0~rc1^git1", Ordering::Greater, "1.0~rc1"),
            ("1.0^git1~pre", Ordering::Less, "1.0^git1"),
            ("1:1-1", Ordering::Greater, "2-1"),
            ("0:1-1", Ordering::Equal, "1-1"),
            ("1-1.2", Ordering::Less, "1-1.10"),
            ("1-1", Ordering::Equal, "1"),
            ("99999999999999999999", Ordering::Less, "100000000000000000000"),
        ] {
            assert_eq!(compare(a, b), order, "{a} {b}");
            assert_eq!(compare(b, a), order.reverse(), "{b} {a}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_compared(a in ".{0,20}", b in "[0-2a-b.~^:-]{0,9}", c in "[0-2a-b.~^:-]{0,9}") {
            for (a, b) in [(&a, &b), (&b, &c)] {
                prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            }
            prop_assert_eq!(compare(&b, &b), Ordering::Equal);
        }
    }
}
