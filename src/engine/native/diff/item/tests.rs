// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;

/// A directory entry of the disk format.
fn bytes(number: u64, key: u8, kind: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut item = number.to_le_bytes().to_vec();
    item.push(key);
    item.extend([0; 8]);
    item.extend(77_u64.to_le_bytes());
    item.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
    item.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    item.push(kind);
    item.extend(name);
    item.extend(value);
    item
}

fn names(data: &[u8]) -> Vec<(Vec<u8>, FileKind, Target)> {
    let mut found = Vec::new();
    entries(data, |entry| {
        found.push((entry.name.to_vec(), entry.kind, entry.target))
    });
    found
}

#[test]
fn entries_that_share_an_item_are_all_found() {
    let item = [
        bytes(300, 1, 1, b"a\n\xff", b""),
        bytes(301, 1, 2, b"b", b""),
        bytes(302, 132, 2, b"c", b""),
        bytes(303, 1, 0x87, b"d", b""),
    ]
    .concat();
    let expected = [
        (b"a\n\xff".to_vec(), FileKind::Regular, Target::Inode(300)),
        (b"b".to_vec(), FileKind::Directory, Target::Inode(301)),
        (b"c".to_vec(), FileKind::Subvolume, Target::Subvolume(302)),
        (b"d".to_vec(), FileKind::Symlink, Target::Inode(303)),
    ];
    assert_eq!(names(&item), expected);
    // Whatever is cut off, what is whole before it is found and nothing else.
    for end in 0..item.len() {
        let found = names(&item[..end]);
        assert!(found.len() < 4 && found[..] == expected[..found.len()], "{end}");
    }
}

#[test]
fn attributes_have_a_value() {
    let mut found = Vec::new();
    let item = bytes(0, 0, 8, b"user.x", b"value");
    entries(&item, |entry| {
        found.push((entry.name.to_vec(), entry.value.to_vec()))
    });
    assert_eq!(found, [(b"user.x".to_vec(), b"value".to_vec())]);
}

#[test]
fn references_are_read_one_after_the_other() {
    let one = |index: u64, name: &[u8]| {
        let length = u16::try_from(name.len()).unwrap();
        [&index.to_le_bytes()[..], &length.to_le_bytes(), name].concat()
    };
    let item = [one(2, b"first"), one(3, b"")].concat();
    let mut found = Vec::new();
    refs(&item, |name| found.push(name.to_vec()));
    assert_eq!(found, [b"first".to_vec(), Vec::new()]);
    let far = [&256_u64.to_le_bytes()[..], &one(9, b"far")].concat();
    let mut found = Vec::new();
    extrefs(&far, |directory, name| found.push((directory, name.to_vec())));
    assert_eq!(found, [(256, b"far".to_vec())]);
}

#[test]
fn pieces_say_where_they_are() {
    let head = |kind: u8| {
        let mut item = 9_u64.to_le_bytes().to_vec();
        item.extend(100_u64.to_le_bytes());
        item.extend([0, 0, 0, 0, kind]);
        item
    };
    let disk = |kind: u8, address: u64| {
        let mut item = head(kind);
        for word in [address, 4096, 8, 50] {
            item.extend(word.to_le_bytes());
        }
        Extent::parse(4096, &item).unwrap()
    };
    let source = Source::Disk {
        address: 77,
        encoding: 0,
        within: 8,
    };
    assert_eq!((disk(1, 77).length, disk(1, 77).source), (50, source));
    assert_eq!(
        (disk(2, 77).source, disk(1, 0).source),
        (Source::Zero, Source::Zero)
    );
    let inline = Extent::parse(0, &[&head(0)[..], b"text"].concat()).unwrap();
    assert_eq!(inline.length, 100);
    assert!(matches!(inline.source, Source::Inline { bytes, .. } if *bytes == *b"text"));
    assert_eq!(Extent::parse(0, &head(1)), None);
}
