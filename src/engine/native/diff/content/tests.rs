// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;

fn inode(mode: u32) -> Inode {
    Inode {
        generation: 1,
        changed: 1,
        size: 10,
        uid: 0,
        gid: 0,
        mode,
        device: 0,
        modified: (5, 5),
        born: (1, 1),
    }
}

#[test]
fn properties_are_told_apart() {
    let file = inode(0o100_644);
    let differs = |change: fn(&mut Inode)| {
        let mut other = inode(0o100_644);
        change(&mut other);
        compare_properties(&file, &other)
    };
    assert_eq!(differs(|_| {}), Aspects::none());
    assert_eq!(differs(|it| it.mode = 0o100_600), Aspects::MODE);
    assert_eq!(differs(|it| it.uid = 1), Aspects::OWNER);
    assert_eq!(differs(|it| it.gid = 1), Aspects::GROUP);
    assert_eq!(differs(|it| it.modified.1 = 6), Aspects::TIMES);
    assert_eq!(differs(|it| it.size = 11), Aspects::CONTENT);
    assert_eq!(differs(|it| (it.mode, it.uid) = (0o040_755, 7)), Aspects::KIND);
    let directory = inode(0o040_755);
    let mut later = directory;
    (later.modified, later.size) = ((9, 9), 99);
    assert_eq!(compare_properties(&directory, &later), Aspects::none());
    let mut device = inode(0o020_600);
    device.device = 3;
    assert_eq!(compare_properties(&inode(0o020_600), &device), Aspects::CONTENT);
}

#[test]
fn attributes_are_lists_or_others() {
    let a: &[(&[u8], &[u8])] = &[(b"user.x", b"1"), (ACCESS, b"2")];
    let b: &[(&[u8], &[u8])] = &[(ACCESS, b"2"), (b"user.x", b"1")];
    let compare = |a: &[(&'static [u8], &'static [u8])], b: &[(&'static [u8], &'static [u8])]| {
        compare_xattrs(a.iter().copied(), b.iter().copied())
    };
    assert_eq!(
        compare_xattrs(a.iter().copied(), b.iter().copied()),
        Aspects::none()
    );
    assert_eq!(compare(&[(ACCESS, b"2")], &[(ACCESS, b"3")]), Aspects::ACL);
    assert_eq!(compare(&[(DEFAULT, b"2")], &[]), Aspects::ACL);
    assert_eq!(
        compare(&[(b"user.x", b"1")], &[(b"user.y", b"1")]),
        Aspects::XATTRS
    );
}

#[test]
fn pieces_of_one_extent_are_the_same_wherever_they_are_cut() {
    let piece = |start, length, within| Extent {
        start,
        length,
        source: Source::Disk {
            address: 1 << 20,
            encoding: 0,
            within,
        },
    };
    let (whole, tail) = (piece(0, 100, 0), piece(40, 60, 40));
    assert!(is_same_source(&whole, &tail, 40) && is_same_source(&whole, &tail, 70));
    assert!(!is_same_source(&whole, &piece(40, 60, 0), 40));
}
