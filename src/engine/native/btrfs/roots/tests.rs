// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use proptest::prelude::*;

fn entry(name: &[u8], target: u64) -> Vec<u8> {
    let mut bytes = target.to_le_bytes().to_vec();
    bytes.extend_from_slice(&[132, 255, 255, 255, 255, 255, 255, 255, 255]);
    bytes.extend_from_slice(&7_u64.to_le_bytes());
    bytes.extend_from_slice(&0_u16.to_le_bytes());
    bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
    bytes.push(2);
    bytes.extend_from_slice(name);
    bytes
}

#[test]
fn the_default_is_found_among_names_of_one_hash() {
    let item = [entry(b"other", 300), entry(b"default", 258)].concat();
    assert_eq!(default_in(&item), Some(258));
    assert_eq!(default_in(&entry(b"defaults", 258)), None);
    assert_eq!(default_in(&item[..item.len() - 1]), None);
    assert_eq!(default_in(&[]), None);
}

#[test]
fn a_reference_whose_name_is_cut_is_none() {
    let mut bytes = 256_u64.to_le_bytes().to_vec();
    bytes.extend_from_slice(&2_u64.to_le_bytes());
    bytes.extend_from_slice(&3_u16.to_le_bytes());
    bytes.extend_from_slice(b"etc");
    assert_eq!(reference(&bytes), Some((256, b"etc".as_slice())));
    assert_eq!(reference(&bytes[..bytes.len() - 1]), None);
    assert_eq!(reference(&bytes[..17]), None);
}

#[test]
fn root_items_of_old_filesystems_have_no_identity() {
    // 239 bytes, as before Linux 3.6; the flags lie at 208.
    let mut bytes = [0_u8; 239];
    bytes[208] = 1;
    let old = properties(&bytes).unwrap();
    assert!(old.read_only && old.uuid == Uuid::default() && old.created == 0);
    let mut bytes = [0_u8; 439];
    bytes[247] = 0xab;
    bytes[263] = 0xcd;
    bytes[339] = 5;
    let new = properties(&bytes).unwrap();
    assert_eq!(
        (new.read_only, new.uuid.0[0], new.parent_uuid.0[0], new.created),
        (false, 0xab, 0xcd, 5)
    );
    assert!(properties(&bytes[..215]).is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = (default_in(&bytes), reference(&bytes), properties(&bytes));
    }
}
