// SPDX-License-Identifier: GPL-3.0-or-later
//! Where versions come from: nested `/etc`, rollbacks, received snapshots, the running system.

use crate::Case;
use crate::oracle;
use crate::stage::{Stage, same};
use engine::{Engine as _, Viewer};
use model::{FileChange, FileChangeKind, SnapshotId};
use std::fs;
use std::path::Path;
use support::loop_btrfs::run;

pub(crate) const CASES: &[Case] = &[
    ("lineages::a_nested_etc_is_part_of_a_version", nested_etc),
    (
        "lineages::an_etc_that_became_a_subvolume_is_compared",
        etc_of_both_kinds,
    ),
    ("lineages::other_nested_subvolumes_are_leaves", nested_leaves),
    ("lineages::received_snapshots_agree_with_a_walk", received),
    ("lineages::the_running_system_is_compared_as_it_is_now", running),
    ("lineages::one_file_is_followed_through_all_versions", versions),
];

fn fill(root: &Path) {
    for directory in ["usr", "usr/lib", "etc/ssh"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("usr/lib/one"), "one\n").unwrap();
    fs::write(root.join("etc/hostname"), "kedge\n").unwrap();
    fs::write(root.join("etc/ssh/config"), "no\n").unwrap();
}

/// A version with a nested `/etc`, made from another as an update makes it.
fn version(stage: &Stage, base: &Path, change: impl FnOnce(&Path)) -> u32 {
    let number = stage.writable(base);
    let root = stage.path(number);
    // The place of a nested subvolume is an empty directory in a snapshot.
    fs::remove_dir(root.join("etc")).unwrap();
    let (from, to) = (base.join("etc"), root.join("etc"));
    let words = [
        "subvolume",
        "snapshot",
        from.to_str().unwrap(),
        to.to_str().unwrap(),
    ];
    stage.disk.btrfs(words).unwrap();
    change(&root);
    stage.seal(number, true);
    number
}

fn nested_etc() {
    let stage = Stage::new(300);
    let base = stage.subvolume("base");
    run(
        "btrfs",
        ["subvolume", "create", base.join("etc").to_str().unwrap()],
    )
    .unwrap();
    fill(&base);
    let one = version(&stage, &base, |_| ());
    let two = version(&stage, &stage.path(one), |root| {
        fs::write(root.join("usr/lib/two"), "two\n").unwrap();
        fs::write(root.join("etc/new"), "new\n").unwrap();
        fs::rename(root.join("etc/ssh"), root.join("etc/ssh.old")).unwrap();
    });
    let three = version(&stage, &stage.path(two), |root| {
        fs::write(root.join("etc/hostname"), "sloop\n").unwrap();
        fs::remove_file(root.join("usr/lib/one")).unwrap();
    });
    // A rollback to the first one, and an update from there.
    std::thread::sleep(std::time::Duration::from_millis(12));
    let branch = version(&stage, &stage.path(one), |root| {
        fs::write(root.join("etc/new"), "other\n").unwrap();
        fs::write(root.join("usr/lib/branch"), "b\n").unwrap();
    });
    assert_eq!(stage.check_now("an update", one, two), 3);
    for (from, to) in [
        (two, three),
        (one, three),
        (one, branch),
        (two, branch),
        (three, branch),
    ] {
        assert!(stage.check_now("versions with a nested /etc", from, to) > 1);
    }
    // Nobody knows any more where the third one comes from: the one between is gone.
    stage.seal(two, false);
    stage.delete(&stage.path(two).join("etc"));
    stage.delete(&stage.path(two));
    assert!(stage.check_now("without the one between", one, three) > 3);
}

fn etc_of_both_kinds() {
    let stage = Stage::new(300);
    let plain = stage.subvolume("plain");
    fs::create_dir(plain.join("etc")).unwrap();
    fill(&plain);
    let before = stage.snapshot(&plain);
    let nested = stage.writable(&plain);
    let root = stage.path(nested);
    fs::rename(root.join("etc"), root.join("old")).unwrap();
    run(
        "btrfs",
        ["subvolume", "create", root.join("etc").to_str().unwrap()],
    )
    .unwrap();
    for name in ["hostname", "ssh"] {
        let (from, to) = (root.join("old").join(name), root.join("etc").join(name));
        run("cp", ["-a", from.to_str().unwrap(), to.to_str().unwrap()]).unwrap();
    }
    fs::remove_dir_all(root.join("old")).unwrap();
    fs::write(root.join("etc/ssh/config"), "yes\n").unwrap();
    fs::write(root.join("usr/lib/one"), "1\n").unwrap();
    stage.seal(nested, true);
    let rows = stage.changes(before, nested);
    let paths: Vec<&[u8]> = rows.iter().map(|row| &*row.path).collect();
    assert_eq!(paths, [&b"etc/ssh/config"[..], b"usr/lib/one"]);
    assert!(rows.iter().all(|row| row.kind == FileChangeKind::Changed));
    same("the other way", &stage.changes(nested, before), &rows);
}

fn nested_leaves() {
    let stage = Stage::new(300);
    let live = stage.subvolume("live");
    fill_plain(&live);
    let one = stage.snapshot(&live);
    run(
        "btrfs",
        ["subvolume", "create", live.join("usr/inner").to_str().unwrap()],
    )
    .unwrap();
    fs::write(live.join("usr/inner/file"), "x").unwrap();
    let two = stage.snapshot(&live);
    fs::write(live.join("usr/inner/file"), "y").unwrap();
    let three = stage.snapshot(&live);
    assert_eq!(stage.check_now("a subvolume came", one, two), 1);
    assert_eq!(stage.check_now("something changed in it", two, three), 0);
}

fn fill_plain(root: &Path) {
    fs::create_dir(root.join("etc")).unwrap();
    fill(root);
}

fn received() {
    let stage = Stage::new(500);
    let live = stage.subvolume("live");
    fill_plain(&live);
    let one = stage.snapshot(&live);
    fs::write(live.join("usr/lib/two"), "two\n").unwrap();
    fs::rename(live.join("usr/lib"), live.join("lib")).unwrap();
    let two = stage.snapshot(&live);
    let receive = |number: u32, parent: Option<u32>| {
        let (copy, place) = (
            number + 100,
            stage.disk.snapshots().join((number + 100).to_string()),
        );
        fs::create_dir(&place).unwrap();
        let parent = parent
            .map(|it| format!("-p {}", stage.path(it).display()))
            .unwrap_or_default();
        let (from, to) = (stage.path(number), place);
        let line = format!(
            "btrfs -q send {parent} {} | btrfs -q receive {}",
            from.display(),
            to.display()
        );
        run("sh", ["-c", &line]).unwrap();
        copy
    };
    let first = receive(one, None);
    let second = receive(two, Some(one));
    assert!(stage.check_now("two received ones", first, second) > 0);
    // Nothing is common to a snapshot and its copy but what is in them: times of birth and inodes differ.
    for (from, to) in [(one, first), (two, second), (one, second)] {
        let (old, new) = (stage.read(from), stage.read(to));
        same(
            "a copy",
            &stage.changes(from, to),
            &oracle::changes(&old, &new, true),
        );
    }
    assert!(stage.changes(two, second).is_empty());
}

fn running() {
    let stage = Stage::new(300);
    let system = stage.disk.top().join("@");
    fs::write(system.join("usr/file"), "before").unwrap();
    let snapshot = stage.snapshot(&system);
    fs::write(stage.disk.root().join("usr/file"), "after!").unwrap();
    fs::create_dir(stage.disk.root().join("usr/new")).unwrap();
    let mut rows: Vec<FileChange> = Vec::new();
    let mut take = |change| {
        rows.push(change);
        Ok(())
    };
    // Nothing was written out by anybody so far.
    let (from, all) = (Some(SnapshotId(snapshot)), Viewer::Everything);
    stage.engine.file_changes(from, None, all, &mut take).unwrap();
    rows.sort();
    let (old, new) = (stage.read(snapshot), oracle::read(&system));
    same("the running system", &rows, &oracle::changes(&old, &new, true));
    assert_eq!(rows.len(), 2);
}

fn versions() {
    let stage = Stage::new(300);
    let live = stage.subvolume("live");
    fill_plain(&live);
    let file = live.join("usr/lib/one");
    let mut expected = Vec::new();
    for (content, version) in [
        ("one\n", 1),
        ("two\n", 2),
        ("two\n", 2),
        ("one\n", 1),
        ("three", 3),
    ] {
        // Another file each time, as updates write them.
        fs::write(live.join("temporary"), content).unwrap();
        fs::rename(live.join("temporary"), &file).unwrap();
        expected.push((stage.snapshot(&live), version, content.len() as u64));
    }
    fs::remove_file(&file).unwrap();
    stage.snapshot(&live);
    let told = |path: &[u8], viewer| stage.engine.file_versions(path, viewer).unwrap();
    let found: Vec<_> = told(b"usr/lib/one", Viewer::User(1000))
        .unwrap()
        .iter()
        .map(|it| (it.snapshot.unwrap().0, it.version, it.size))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(told(b"no/such/file", Viewer::Everything), Some(Vec::new()));
}
