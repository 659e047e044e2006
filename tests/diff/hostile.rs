// SPDX-License-Identifier: GPL-3.0-or-later
//! What somebody may have put into a snapshot.

use crate::Case;
use crate::stage::Stage;
use engine::{Engine as _, Error, Viewer};
use model::{Aspects, FileChangeKind, PATH_LIMIT, RefusalCode, SnapshotId};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, symlink};

pub(crate) const CASES: &[Case] = &[
    ("hostile::names_are_bytes", names),
    ("hostile::a_tree_may_be_deeper_than_any_path", deep),
    ("hostile::a_huge_file_is_compared_where_it_changed", huge),
    ("hostile::many_names_attributes_and_pieces", many),
    ("hostile::rewritten_bytes_are_the_same_bytes", rewritten),
    ("hostile::no_path_leads_out", no_way_out),
];

fn names() {
    let stage = Stage::new(300);
    let live = stage.subvolume("live");
    let long = [b'\xff'; 255];
    let names: [&[u8]; 7] = [
        b"new\nline",
        b"\xff\xfe\x80",
        b"\x1b]0;x\x07",
        b"-rf",
        b" ",
        b"\\",
        &long,
    ];
    let one = stage.snapshot(&live);
    for name in names {
        fs::create_dir(live.join(OsStr::from_bytes(name))).unwrap();
        fs::write(
            live.join(OsStr::from_bytes(name)).join(OsStr::from_bytes(name)),
            name,
        )
        .unwrap();
    }
    let two = stage.snapshot(&live);
    assert_eq!(stage.check_now("names", one, two), 2 * names.len());
}

fn deep() {
    let stage = Stage::new(300);
    let live = stage.subvolume("live");
    let one = stage.snapshot(&live);
    // Deeper than a path can be: from directory to directory.
    let name = OsStr::from_bytes(&[b'd'; 200]);
    let mut directory = File::open(&live).unwrap();
    let depth = 400;
    for _ in 0..depth {
        rustix::fs::mkdirat(&directory, name, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        directory = rustix::fs::openat(&directory, name, flags, rustix::fs::Mode::empty())
            .unwrap()
            .into();
    }
    let two = stage.snapshot(&live);
    for (from, to) in [(one, two), (two, one)] {
        let mut rows = 0;
        let mut take = |change: model::FileChange| {
            assert!(change.path.len() <= PATH_LIMIT);
            rows += 1;
            Ok(())
        };
        let (from, to) = (Some(SnapshotId(from)), Some(SnapshotId(to)));
        let told = stage
            .engine
            .file_changes(from, to, Viewer::Everything, &mut take)
            .unwrap();
        assert_eq!((rows, told.left_out), (PATH_LIMIT / 201, 1));
    }
    // A change at the bottom of it cannot be named, and is counted.
    rustix::fs::mkdirat(&directory, "bottom", rustix::fs::Mode::RWXU).unwrap();
    let three = stage.snapshot(&live);
    let mut nothing = |_| panic!("no path is short enough");
    let (from, to) = (Some(SnapshotId(two)), Some(SnapshotId(three)));
    let told = stage
        .engine
        .file_changes(from, to, Viewer::Everything, &mut nothing)
        .unwrap();
    assert_eq!((told.rows, told.left_out), (0, 1));
}

fn huge() {
    let stage = Stage::new(600);
    let live = stage.subvolume("live");
    let file = File::create(live.join("sparse")).unwrap();
    file.set_len(1 << 42).unwrap();
    file.write_all_at(b"one", 1 << 41).unwrap();
    let dense = File::create(live.join("dense")).unwrap();
    let piece = vec![7; 1 << 20];
    for at in 0..64 {
        dense.write_all_at(&piece, at << 20).unwrap();
    }
    let one = stage.snapshot(&live);
    // Other bytes, and the same bytes once more, in the midst of a lot.
    file.write_all_at(b"two", 1 << 41).unwrap();
    dense.write_all_at(&[7; 4096], 32 << 20).unwrap();
    let two = stage.snapshot(&live);
    let rows = stage.changes(one, two);
    let told: Vec<(&[u8], Aspects)> = rows.iter().map(|row| (&*row.path, row.aspects)).collect();
    let times = Aspects::TIMES;
    assert_eq!(
        told,
        [(&b"dense"[..], times), (b"sparse", times | Aspects::CONTENT)]
    );
}

fn many() {
    let stage = Stage::new(400);
    let live = stage.subvolume("live");
    fs::write(live.join("linked"), "x").unwrap();
    fs::create_dir(live.join("links")).unwrap();
    // So many names in one directory that they need items of another kind.
    for number in 0..600 {
        let name = format!("{number:03}-{}", "n".repeat(200));
        fs::hard_link(live.join("linked"), live.join("links").join(name)).unwrap();
    }
    let pieces = File::create(live.join("pieces")).unwrap();
    for piece in 0..3000_u64 {
        pieces.write_all_at(b"piece", piece * 16384).unwrap();
    }
    rustix::fs::setxattr(
        live.join("pieces"),
        "trusted.a",
        &[1; 3000],
        rustix::fs::XattrFlags::empty(),
    )
    .unwrap();
    fs::create_dir(live.join("entries")).unwrap();
    for number in 0..5000 {
        File::create(live.join(format!("entries/{number}"))).unwrap();
    }
    let one = stage.snapshot(&live);
    pieces.write_all_at(b"other", 2999 * 16384).unwrap();
    for number in 0..2500 {
        fs::rename(
            live.join(format!("entries/{number}")),
            live.join(format!("entries/{number}.x")),
        )
        .unwrap();
    }
    fs::set_permissions(
        live.join("linked"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let two = stage.snapshot(&live);
    fs::remove_file(live.join("links").join(format!("007-{}", "n".repeat(200)))).unwrap();
    fs::remove_dir_all(live.join("entries")).unwrap();
    let three = stage.snapshot(&live);
    assert_eq!(stage.check_now("many", one, two), 1 + 2500 + 601);
    assert_eq!(stage.check_now("fewer", two, three), 1 + 5001);
    assert!(stage.check_now("all", one, three) > 5000);
}

fn rewritten() {
    let stage = Stage::new(400);
    let live = stage.subvolume("live");
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    for name in ["copied", "shared", "compressed", "inline", "hole"] {
        fs::write(live.join(name), &bytes).unwrap();
    }
    fs::write(live.join("inline"), "small").unwrap();
    let one = stage.snapshot(&live);
    let times = fs::metadata(live.join("copied")).unwrap().modified().unwrap();
    fs::write(live.join("copied"), &bytes).unwrap();
    let shared = File::create(live.join("shared.new")).unwrap();
    rustix::fs::ioctl_ficlone(&shared, File::open(live.join("hole")).unwrap().as_fd()).unwrap();
    fs::rename(live.join("shared.new"), live.join("shared")).unwrap();
    let compressed = File::create(live.join("compressed.new")).unwrap();
    rustix::fs::fsetxattr(
        &compressed,
        "btrfs.compression",
        b"zstd",
        rustix::fs::XattrFlags::empty(),
    )
    .unwrap();
    compressed.write_all_at(&bytes, 0).unwrap();
    fs::rename(live.join("compressed.new"), live.join("compressed")).unwrap();
    fs::write(live.join("inline"), "SMALL").unwrap();
    // Other bytes behind times that say that nothing changed.
    File::options()
        .write(true)
        .open(live.join("hole"))
        .unwrap()
        .write_all_at(b"!", 77)
        .unwrap();
    File::open(live.join("hole"))
        .unwrap()
        .set_modified(times)
        .unwrap();
    let two = stage.snapshot(&live);
    stage.check_now("rewritten", one, two);
    let content: Vec<Vec<u8>> = stage
        .changes(one, two)
        .into_iter()
        .filter(|row| row.aspects.has(Aspects::CONTENT))
        .map(|row| row.path)
        .collect();
    assert_eq!(content, [b"hole".to_vec(), b"inline".to_vec()]);
}

fn no_way_out() {
    let stage = Stage::new(300);
    let live = stage.subvolume("live");
    fs::create_dir(live.join("etc")).unwrap();
    fs::write(live.join("etc/real"), "inside").unwrap();
    for (name, target) in [
        ("out", "/etc"),
        ("up", "../../../../etc"),
        ("proc", "/proc/self/root"),
    ] {
        symlink(target, live.join(name)).unwrap();
    }
    symlink("/etc/real", live.join("link")).unwrap();
    let device = rustix::fs::makedev(240, 9);
    let kind = rustix::fs::FileType::CharacterDevice;
    rustix::fs::mknodat(
        rustix::fs::CWD,
        live.join("device"),
        kind,
        rustix::fs::Mode::RUSR,
        device,
    )
    .unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        live.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let number = stage.snapshot(&live);
    let open = |path: &[u8]| stage.engine.open_file(Some(SnapshotId(number)), path);
    let read = |path: &[u8]| {
        let mut text = String::new();
        open(path).unwrap().content.read_to_string(&mut text).unwrap();
        text
    };
    let refused = |path: &[u8]| match open(path) {
        Err(Error::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    };
    // Links lead to what they lead to in the snapshot; the last one is its own content.
    assert_eq!(
        (read(b"out/real"), read(b"up/real"), read(b"link")),
        ("inside".into(), "inside".into(), "/etc/real".into())
    );
    for path in [&b"out/passwd"[..], b"proc/etc/passwd", b"etc/none", b"etc/real/x"] {
        assert_eq!(refused(path), RefusalCode::NoSuchFile, "{path:?}");
    }
    for path in [&b"device"[..], b"pipe", b"etc"] {
        assert_eq!(refused(path), RefusalCode::NotAFile, "{path:?}");
    }
    let nothing = stage.changes(number, number);
    assert!(nothing.iter().all(|row| row.kind != FileChangeKind::Changed) && nothing.is_empty());
}
