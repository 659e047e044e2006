// SPDX-License-Identifier: GPL-3.0-or-later
//! What others left, lost or planted in `.snapshots`.

use crate::Case;
use crate::fixture::{Machine, open, refusal};
use engine::{Engine, Outcome};
use model::{Condition, Edit, NewSnapshot, RefusalCode, SnapshotId};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use support::Layout;

pub(crate) const CASES: &[Case] = &[
    ("hostile::bad_books_are_named_and_harm_no_others", bad_books),
    (
        "hostile::a_snapshot_without_books_is_listed",
        a_snapshot_without_books,
    ),
    ("hostile::no_link_is_followed", no_link_is_followed),
    (
        "hostile::a_directory_is_no_subvolume",
        a_directory_is_no_subvolume,
    ),
    (
        "hostile::a_mount_over_a_snapshot_is_not_entered",
        a_mount_over_a_snapshot,
    ),
    (
        "hostile::temporary_files_are_not_written_through_links",
        temporary_files,
    ),
    ("hostile::what_is_not_ours_is_kept", what_is_not_ours_is_kept),
];

fn describe(text: &str) -> Edit {
    Edit {
        description: Some(text.to_owned()),
        ..Edit::default()
    }
}

fn bad_books() {
    let machine = Machine::new(Layout::Classic);
    let good = machine.create("good");
    let bomb = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE s [<!ENTITY a \"{}\"><!ENTITY b \"{}\">]><snapshot>&b;</snapshot>",
        "x".repeat(1000),
        "&a;".repeat(1000)
    );
    let valid = machine.info(good).replace("<num>2<", "<num>3<");
    let huge = valid.replace("good", &"x".repeat(1 << 20));
    let bad = machine.create("bad");
    let path = machine.info_path(bad);
    let contents: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("garbage", (0..=255).collect()),
        ("a bomb of entities", bomb.into_bytes()),
        ("huge", huge.into_bytes()),
        ("another's number", machine.info(good).into_bytes()),
        ("cut", valid.as_bytes()[..valid.len() / 2].to_vec()),
        (
            "not UTF-8",
            valid
                .replace("good", "\u{7f}")
                .into_bytes()
                .into_iter()
                .map(|byte| byte | 0x80)
                .collect(),
        ),
    ];
    for (what, content) in contents {
        fs::write(&path, content).unwrap();
        assert_eq!(machine.get(bad).condition, Condition::BadMetadata, "{what}");
        assert_eq!(
            *machine.system(),
            *open(&machine.disk.root()).system().unwrap(),
            "{what}"
        );
        let refused = refusal(machine.engine.edit(SnapshotId(bad), &describe("new")));
        assert_eq!(refused, (RefusalCode::Damaged, Some(bad)), "{what}");
    }
    for what in ["a directory", "a pipe", "a device"] {
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        match what {
            "a directory" => fs::create_dir(&path).unwrap(),
            kind => {
                let (kind, device) = match kind {
                    "a pipe" => (rustix::fs::FileType::Fifo, 0),
                    _ => (rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(1, 5)),
                };
                let mode = rustix::fs::Mode::RUSR;
                rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, device).unwrap();
            }
        }
        assert_eq!(machine.get(bad).condition, Condition::BadMetadata, "{what}");
    }
    let listed = machine.get(good);
    assert_eq!(
        (listed.description.as_str(), listed.condition),
        ("good", Condition::Complete)
    );
    assert_eq!(refusal(machine.roll_back(bad)), (RefusalCode::Damaged, Some(bad)));
    assert_eq!(
        machine.engine.delete(SnapshotId(bad)).unwrap(),
        Outcome::Changed(())
    );
    assert_eq!(machine.numbers(), [1, good]);
}

fn a_snapshot_without_books() {
    let machine = Machine::new(Layout::Transactional);
    let number = machine.create("lost");
    fs::remove_file(machine.info_path(number)).unwrap();
    let snapshot = machine.get(number);
    assert_eq!(snapshot.condition, Condition::NoMetadata);
    assert!(snapshot.description.is_empty() && snapshot.time.0 > 0 && snapshot.read_only);
    assert_eq!(snapshot.parent_uuid, machine.get(1).uuid);
    let refused = refusal(machine.engine.edit(SnapshotId(number), &describe("new")));
    assert_eq!(refused, (RefusalCode::Damaged, Some(number)));
    // Nobody's leftover: it may be all there is of something precious.
    assert_eq!(machine.engine.recover().unwrap(), Outcome::Unchanged);
    assert_eq!(
        machine.engine.delete(SnapshotId(number)).unwrap(),
        Outcome::Changed(())
    );
    assert_eq!(machine.directories(), ["1"]);
}

/// Everything below a directory with its content, to see that nothing was touched.
fn content(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap_or_default()))
        .collect();
    found.sort();
    found
}

fn no_link_is_followed() {
    let machine = Machine::new(Layout::Transactional);
    let snapshots = machine.disk.snapshots();
    // A whole snapshot elsewhere, with books that would be valid under each of the numbers.
    let victim = machine.disk.top().join("@/victim");
    fs::create_dir(&victim).unwrap();
    let books = |number| machine.info(1).replace("<num>1<", &format!("<num>{number}<"));
    fs::write(victim.join("secret"), "secret").unwrap();
    machine
        .disk
        .btrfs([
            "subvolume",
            "snapshot",
            machine.disk.snapshot(1).to_str().unwrap(),
            victim.join("snapshot").to_str().unwrap(),
        ])
        .unwrap();
    fs::write(victim.join("info.xml"), books(5)).unwrap();
    let before = content(&victim);

    // 5: the directory is a link. 6: the subvolume is one. 7: the books are one.
    symlink(&victim, snapshots.join("5")).unwrap();
    fs::create_dir(snapshots.join("6")).unwrap();
    fs::write(snapshots.join("6/info.xml"), books(6)).unwrap();
    symlink(victim.join("snapshot"), snapshots.join("6/snapshot")).unwrap();
    fs::create_dir(snapshots.join("7")).unwrap();
    let path = machine.disk.snapshot(7);
    machine
        .disk
        .btrfs([
            "subvolume",
            "snapshot",
            machine.disk.snapshot(1).to_str().unwrap(),
            path.to_str().unwrap(),
        ])
        .unwrap();
    fs::write(victim.join("info7"), books(7)).unwrap();
    let before = [
        before,
        vec![(victim.join("info7").display().to_string(), books(7).into_bytes())],
    ]
    .concat();
    symlink(victim.join("info7"), snapshots.join("7/info.xml")).unwrap();

    assert_eq!(machine.numbers(), [1, 7]);
    assert_eq!(machine.get(7).condition, Condition::BadMetadata);
    for number in [5, 6] {
        assert_eq!(
            machine.engine.delete(SnapshotId(number)).unwrap(),
            Outcome::Unchanged
        );
        let refused = refusal(machine.engine.edit(SnapshotId(number), &describe("new")));
        assert_eq!(refused, (RefusalCode::NoSuchSnapshot, Some(number)));
        assert_eq!(
            refusal(machine.roll_back(number)),
            (RefusalCode::NoSuchSnapshot, Some(number))
        );
    }
    assert_eq!(machine.create("8"), 8);
    assert_eq!(
        machine.engine.delete(SnapshotId(7)).unwrap(),
        Outcome::Changed(())
    );
    machine.engine.recover().unwrap();
    let mut before = before;
    before.sort();
    assert_eq!(content(&victim), before);
    assert!(victim.join("snapshot/usr/file").exists());

    // `.snapshots` itself is one.
    let fake = machine.disk.top().join("fake");
    fs::create_dir(&fake).unwrap();
    symlink(&snapshots, fake.join(".snapshots")).unwrap();
    assert_eq!(
        refusal(open(&fake).create(&NewSnapshot::default())).0,
        RefusalCode::NoSnapshots
    );
}

fn a_directory_is_no_subvolume() {
    let machine = Machine::new(Layout::Classic);
    let place = machine.disk.snapshots().join("4/snapshot");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("data"), "data").unwrap();
    fs::write(
        machine.info_path(4),
        machine.info(1).replace("<num>1<", "<num>4<"),
    )
    .unwrap();
    assert_eq!(machine.numbers(), [1]);
    assert_eq!(machine.engine.delete(SnapshotId(4)).unwrap(), Outcome::Unchanged);
    // A subvolume by another name is none either.
    let other = machine.disk.snapshots().join("4/other");
    machine
        .disk
        .btrfs(["subvolume", "create", other.to_str().unwrap()])
        .unwrap();
    assert_eq!(machine.numbers(), [1]);
    machine.engine.recover().unwrap();
    assert_eq!(fs::read_to_string(place.join("data")).unwrap(), "data");
    assert!(other.exists());
}

fn a_mount_over_a_snapshot() {
    let machine = Machine::new(Layout::Transactional);
    let number = machine.create("covered");
    let covered = machine.disk.root().join(format!(".snapshots/{number}/snapshot"));
    let victim = machine.disk.top().join("@/victim");
    machine
        .disk
        .btrfs(["subvolume", "create", victim.to_str().unwrap()])
        .unwrap();
    fs::write(victim.join("data"), "data").unwrap();
    rustix::mount::mount_bind(&victim, &covered).unwrap();
    let refused = refusal(machine.engine.delete(SnapshotId(number)));
    assert_eq!(refused, (RefusalCode::InUse, Some(number)));
    assert!(victim.join("data").exists());
    rustix::mount::unmount(&covered, rustix::mount::UnmountFlags::empty()).unwrap();
    assert_eq!(
        machine.engine.delete(SnapshotId(number)).unwrap(),
        Outcome::Changed(())
    );
}

fn temporary_files() {
    let machine = Machine::new(Layout::Classic);
    let number = machine.create("edited");
    let victim = machine.disk.top().join("victim");
    fs::write(&victim, "victim").unwrap();
    let temporary = format!("{number}/info.xml.tmp-{:06}", std::process::id());
    symlink(&victim, machine.disk.snapshots().join(&temporary)).unwrap();
    assert_eq!(
        machine.engine.edit(SnapshotId(number), &describe("new")).unwrap(),
        Outcome::Changed(())
    );
    assert_eq!(fs::read_to_string(&victim).unwrap(), "victim");
    assert_eq!(machine.get(number).description, "new");
    assert!(!machine.disk.snapshots().join(temporary).exists());
}

fn what_is_not_ours_is_kept() {
    let machine = Machine::new(Layout::Classic);
    let number = machine.create("with more");
    let place = machine.disk.snapshots().join(number.to_string());
    for name in [
        "filelist-1.txt",
        "filelist-2.txt.gz",
        "grub-snapshot.cfg",
        "notes.txt",
    ] {
        fs::write(place.join(name), name).unwrap();
    }
    assert_eq!(
        machine.engine.delete(SnapshotId(number)).unwrap(),
        Outcome::Changed(())
    );
    assert_eq!(machine.numbers(), [1]);
    let left = content(&place);
    assert_eq!(
        left,
        [(
            place.join("notes.txt").display().to_string(),
            b"notes.txt".to_vec()
        )]
    );
    // The number stays taken.
    assert_eq!(machine.create("next"), number + 1);
}
