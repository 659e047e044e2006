// SPDX-License-Identifier: GPL-3.0-or-later
//! Every layout, mounted in every way.

use crate::Case;
use crate::stage::{Rescue, mount, pending, snapshot};
use engine::Engine as _;
use model::SnapshotId;
use std::fs;
use support::Layout;

pub(crate) const CASES: &[Case] = &[
    ("layouts::a_transactional_system", || {
        rolled_back(Layout::Transactional, "@/.snapshots/2/snapshot")
    }),
    ("layouts::a_classic_system", || {
        rolled_back(Layout::Classic, "@/.snapshots/4/snapshot")
    }),
    ("layouts::snapper_beside_the_system", || {
        rolled_back(Layout::At, "@/.snapshots/4/snapshot")
    }),
    ("layouts::an_update_that_does_not_start_is_discarded", discarded),
    ("layouts::looking_changes_nothing", looking),
    ("layouts::a_filesystem_that_is_mounted_twice", mounted_twice),
    ("layouts::what_was_asked_is_known_after_the_start", receipt),
];

/// Mounted by its default, by its top, and by the subvolume of the snapshots.
const WAYS: [&str; 3] = ["noatime", "subvolid=5", "subvol=@/.snapshots"];

fn two(layout: Layout) -> Rescue {
    Rescue::new(layout, |disk| {
        let first = snapshot(disk, "before the accident");
        let second = snapshot(disk, "after it");
        let expected = if layout == Layout::At { (1, 2) } else { (2, 3) };
        assert_eq!((first, second), expected);
    })
}

fn rolled_back(layout: Layout, expected: &str) {
    let target = if layout == Layout::At { 1 } else { 2 };
    for way in WAYS {
        let rescue = two(layout);
        rescue.mount(way);
        let before = rescue.numbers();
        let text = rescue.kedgectl(&["list"]).exited(0).out;
        assert!(text.contains("before the accident"), "{text}");
        let said = rescue.kedgectl(&["rollback", &target.to_string()]).exited(0);
        let default = rescue.default();
        let copy = before.iter().max().unwrap() + if layout == Layout::At { 2 } else { 1 };
        let expected = match layout {
            Layout::Transactional => expected.to_owned(),
            _ => format!("@/.snapshots/{copy}/snapshot"),
        };
        assert_eq!(default, expected, "{way}: {said:?}");
        // Before anything else of it was written: it is on the disk.
        let engine = rescue.start();
        let system = engine.system().unwrap();
        assert_eq!(system.booted, system.default, "{way}");
        let booted = system.booted.unwrap();
        assert_eq!(default, format!("@/.snapshots/{booted}/snapshot"));
        assert_eq!(
            fs::read_to_string(rescue.disk.root().join("usr/file")).unwrap(),
            "one\n"
        );
        assert!(system.snapshots.values().all(|it| !it.is_in_progress()));
    }
}

fn discarded() {
    for way in WAYS {
        let rescue = Rescue::new(Layout::Transactional, |disk| {
            assert_eq!(snapshot(disk, "a version that ran"), 2);
            assert_eq!(snapshot(disk, "Snapshot Update of #1"), 3);
            pending(disk, 3);
        });
        rescue.mount(way);
        let status = rescue.json(&["status"]);
        assert_eq!(
            (&status["booted"], &status["default"]),
            (&1.into(), &3.into()),
            "{status}"
        );
        rescue.kedgectl(&["discard"]).exited(0);
        assert_eq!(rescue.default(), "@/.snapshots/1/snapshot", "{way}");
        assert_eq!(rescue.numbers(), [1, 2]);
        // Nothing waits any more.
        rescue.kedgectl(&["discard"]).exited(3);
        assert_eq!(rescue.start().system().unwrap().booted, Some(SnapshotId(1)));
    }
}

fn looking() {
    let rescue = Rescue::new(Layout::Transactional, |disk| {
        assert_eq!(snapshot(disk, "to be looked at"), 2);
        assert_eq!(snapshot(disk, "Snapshot Update of #1"), 3);
        pending(disk, 3);
    });
    rescue.mount("subvolid=5");
    let info = rescue.mnt().join("@/.snapshots/3/info.xml");
    let before = fs::read_to_string(&info).unwrap();
    for words in [
        &["status"][..],
        &["list"],
        &["show", "2"],
        &["diff", "1", "2", "--files"],
        &["cat", "2", "/usr/file"],
    ] {
        rescue.kedgectl(words).exited(0);
    }
    assert_eq!(rescue.kedgectl(&["cat", "2", "/usr/file"]).out, "one\n");
    // What never ran is not taken for what runs, though it is the default.
    assert_eq!(fs::read_to_string(&info).unwrap(), before);
    assert_eq!(rescue.default(), "@/.snapshots/3/snapshot");
    let said = rescue.kedgectl(&["delete", "2"]).exited(0);
    assert_eq!(rescue.numbers(), [1, 3], "{said:?}");
    rescue.kedgectl(&["delete", "1"]).exited(3);
}

fn mounted_twice() {
    let rescue = two(Layout::Transactional);
    rescue.mount("subvolid=5");
    let second = tempfile::tempdir().unwrap();
    let device = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let device = device
        .lines()
        .find(|line| line.contains(rescue.mnt().to_str().unwrap()))
        .unwrap();
    let device = device
        .split(" - ")
        .nth(1)
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .to_owned();
    support::loop_btrfs::run("mount", [device.as_str(), second.path().to_str().unwrap()]).unwrap();
    rescue.kedgectl(&["rollback", "2"]).exited(0);
    // One kernel, one filesystem: both show the same.
    let told = rescue
        .disk
        .btrfs(["subvolume", "get-default", second.path().to_str().unwrap()]);
    assert!(told.unwrap().contains("@/.snapshots/2/snapshot"));
    support::loop_btrfs::unmount_all(second.path()).unwrap();
    // A copy of it elsewhere is another one, and stays as it is.
    let copy = second.path().with_extension("img");
    fs::copy(rescue.disk.image(), &copy).unwrap();
    rescue.umount();
    mount(&copy, second.path(), "subvolid=5");
    crate::stage::kedgectl(second.path(), &["rollback", "3"]).exited(0);
    support::loop_btrfs::unmount_all(second.path()).unwrap();
    fs::remove_file(copy).unwrap();
    rescue.mount("subvolid=5");
    assert_eq!(rescue.default(), "@/.snapshots/2/snapshot");
}

fn receipt() {
    let rescue = two(Layout::Transactional);
    rescue.mount("subvolid=5");
    rescue.kedgectl(&["rollback", "2"]).exited(0);
    let memory = rescue.mnt().join("@/var/lib/kedge/restart.json");
    let memory: serde_json::Value = serde_json::from_slice(&fs::read(memory).unwrap()).unwrap();
    assert_eq!(memory["wish"]["wanted"], 2, "{memory}");
    let log = rescue.kedgectl(&["log"]).exited(0).out;
    assert!(log.to_lowercase().contains("roll"), "{log}");
}
