// SPDX-License-Identifier: GPL-3.0-or-later
//! The order of Debian versions (deb-version(7)), exactly as dpkg sorts them.

use std::cmp::Ordering;

/// Whether `a` is lower than, equal to or higher than `b`.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::of(a), Version::of(b));
    compare_number(a.epoch, b.epoch)
        .then_with(|| compare_part(a.upstream, b.upstream))
        .then_with(|| compare_part(a.revision, b.revision))
}

struct Version<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

impl<'a> Version<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.trim();
        let (epoch, rest) = text.split_once(':').unwrap_or(("", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self {
            epoch: epoch.as_bytes(),
            upstream: upstream.as_bytes(),
            revision: revision.as_bytes(),
        }
    }
}

/// Compares digits as a number of any length.
fn compare_number(a: &[u8], b: &[u8]) -> Ordering {
    let strip = |digits: &[u8]| digits.iter().take_while(|digit| **digit == b'0').count();
    let (a, b) = (&a[strip(a)..], &b[strip(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// The weight of a character outside numbers: `~` before the end, the end before letters, letters before the rest.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None | Some(b'0'..=b'9') => 0,
        Some(b'~') => -1,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => i32::from(*other) + 256,
    }
}

/// dpkg's `verrevcmp`: alternately what is no number and numbers.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    let is_text = |text: &[u8]| text.first().is_some_and(|byte| !byte.is_ascii_digit());
    while !a.is_empty() || !b.is_empty() {
        while is_text(a) || is_text(b) {
            let order = weight(a.first()).cmp(&weight(b.first()));
            if order != Ordering::Equal {
                return order;
            }
            a = a.get(1..).unwrap_or_default();
            b = b.get(1..).unwrap_or_default();
        }
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number_a, rest_a) = a.split_at(digits(a));
        let (number_b, rest_b) = b.split_at(digits(b));
        let order = compare_number(number_a, number_b);
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_sort_as_dpkg_sorts_them() {
        for (a, order, b) in [
            ("1", Ordering::Less, "2"),
            ("9", Ordering::Less, "10"),
            ("1:1", Ordering::Greater, "2"),
            ("0:1", Ordering::Equal, "1"),
            ("1.0~rc1-1", Ordering::Less, "1.0-1"),
            ("1.0~~", Ordering::Less, "1.0~"),
            ("1.0", Ordering::Less, "1.0a"),
            ("1.0a", Ordering::Less, "1.0+"),
            ("1.0-1", Ordering::Less, "1.0-1+deb13u1"),
            ("1.0-1~bpo12+1", Ordering::Less, "1.0-1"),
            ("1-2-3", Ordering::Greater, "1-1-9"),
            ("007", Ordering::Equal, "7"),
            ("1.0-0", Ordering::Equal, "1.0"),
            (
                "99999999999999999999999",
                Ordering::Less,
                "100000000000000000000000",
            ),
            ("", Ordering::Equal, "0"),
        ] {
            assert_eq!(compare(a, b), order, "{a} {b}");
            assert_eq!(compare(b, a), order.reverse(), "{b} {a}");
        }
    }

    fn version() -> impl Strategy<Value = String> {
        "([0-3]:)?[0-9][a-b0-2.+~]{0,6}(-[a-b0-2.+~]{1,4})?"
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in version(), b in version(), c in version()) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b) != Ordering::Greater && compare(&b, &c) != Ordering::Greater {
                prop_assert_ne!(compare(&a, &c), Ordering::Greater);
            }
        }

        #[test]
        fn any_text_can_be_compared(a in ".{0,20}", b in ".{0,20}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        }
    }
}
