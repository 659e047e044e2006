// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use proptest::prelude::*;

fn results(items: &[(Key, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, data) in items {
        for word in [9, key.object, key.offset] {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        bytes.extend_from_slice(&key.kind.to_ne_bytes());
        bytes.extend_from_slice(&(data.len() as u32).to_ne_bytes());
        bytes.extend_from_slice(data);
    }
    bytes
}

const fn key(object: u64, kind: u32, offset: u64) -> Key {
    Key { object, kind, offset }
}

#[test]
fn items_are_visited_in_order_and_a_broken_one_ends_the_visit() {
    let whole = results(&[
        (key(256, 1, 0), b"abc"),
        (key(257, 1, 5), b""),
        (key(300, 84, 7), b"xy"),
    ]);
    let mut seen = Vec::new();
    let last = visit_items(&whole, 3, |item| seen.push((item.key, item.data.to_vec())));
    assert_eq!(last, Some(key(300, 84, 7)));
    assert_eq!(seen[0], (key(256, 1, 0), b"abc".to_vec()));
    assert_eq!(seen.len(), 3);
    // A count that promises more than there is, and a last item that is cut.
    assert_eq!(visit_items(&whole, u32::MAX, |_| ()), Some(key(300, 84, 7)));
    assert_eq!(
        visit_items(&whole[..whole.len() - 1], 3, |_| ()),
        Some(key(257, 1, 5))
    );
    assert_eq!(visit_items(&[], 1, |_| ()), None);
}

#[test]
fn names_are_found_by_their_hash() {
    // As `btrfs inspect-internal dump-tree -t root` shows it of every filesystem.
    assert_eq!(hash_of_name(b"default"), 2_378_154_706);
}

#[test]
fn the_key_after_a_key_is_the_least_greater_one() {
    assert_eq!(key(1, 2, 3).next(), Some(key(1, 2, 4)));
    assert_eq!(key(1, 2, u64::MAX).next(), Some(key(1, 3, 0)));
    assert_eq!(key(1, 255, u64::MAX).next(), Some(key(2, 0, 0)));
    assert_eq!(key(u64::MAX, 255, u64::MAX).next(), None);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256), count in any::<u32>()) {
        let mut total = 0;
        visit_items(&bytes, count, |item| total += 32 + item.data.len());
        prop_assert!(total <= bytes.len());
    }
}
