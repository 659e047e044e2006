// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Case;
use crate::fixture::{Machine, open};
use engine::Engine;
use model::SnapshotId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::AsFd;
use std::sync::Arc;
use support::Layout;

pub(crate) const CASES: &[Case] = &[
    (
        "watching::an_unchanged_system_is_the_same",
        an_unchanged_system_is_the_same,
    ),
    (
        "watching::whatever_others_do_is_seen_at_once",
        whatever_others_do_is_seen_at_once,
    ),
    ("watching::the_watch_wakes", the_watch_wakes),
    (
        "watching::a_flood_of_changes_is_survived",
        a_flood_of_changes_is_survived,
    ),
];

fn an_unchanged_system_is_the_same() {
    let machine = Machine::new(Layout::Transactional);
    machine.create("one");
    let _ = machine.system();
    let first = machine.system();
    // Work elsewhere in the filesystem changes nothing here.
    std::fs::write(machine.disk.root().join("var/log"), "busy").unwrap();
    machine
        .disk
        .btrfs(["filesystem", "sync", machine.disk.top().to_str().unwrap()])
        .unwrap();
    assert!(Arc::ptr_eq(&first, &machine.system()));
    machine.create("two");
    let second = machine.system();
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&second, &machine.system()));
}

/// Each change is made by others and compared with what an engine sees that has no memory.
fn whatever_others_do_is_seen_at_once() {
    let machine = Machine::new(Layout::Transactional);
    for name in ["two", "three", "four"] {
        machine.create(name);
    }
    let (disk, snapshots) = (&machine.disk, machine.disk.snapshots());
    let btrfs = |arguments: &[&str]| {
        disk.btrfs(arguments).unwrap();
    };
    let path = |number: u32| disk.snapshot(number).to_str().unwrap().to_owned();
    let _ = (machine.system(), machine.system());
    let steps: &[(&str, &dyn Fn())] = &[
        ("info renamed", &|| {
            machine.rewrite_info(2, |xml| xml.replace("two", "zwei"))
        }),
        ("info overwritten", &|| {
            std::fs::write(machine.info_path(3), machine.info(2)).unwrap()
        }),
        ("info deleted", &|| {
            std::fs::remove_file(machine.info_path(4)).unwrap()
        }),
        ("made writable", &|| {
            btrfs(&["property", "set", &path(2), "ro", "false"])
        }),
        ("nested deleted", &|| {
            btrfs(&["subvolume", "delete", &format!("{}/etc", path(2))])
        }),
        ("subvolume deleted", &|| btrfs(&["subvolume", "delete", &path(2)])),
        ("directory made", &|| {
            std::fs::create_dir(snapshots.join("20")).unwrap()
        }),
        ("subvolume made", &|| {
            btrfs(&["subvolume", "snapshot", "-r", &path(1), &path(20)])
        }),
        ("info made", &|| {
            let xml = machine.info(1).replace("<num>1<", "<num>20<");
            std::fs::write(machine.info_path(20), xml).unwrap();
        }),
        ("default set", &|| machine.set_default(20)),
        ("subvolume swapped", &|| {
            btrfs(&["property", "set", &path(4), "ro", "false"]);
            btrfs(&["subvolume", "delete", &format!("{}/etc", path(4)), &path(4)]);
            btrfs(&["subvolume", "snapshot", &path(1), &path(4)]);
        }),
        ("directory moved", &|| {
            std::fs::rename(snapshots.join("4"), snapshots.join("30")).unwrap()
        }),
        ("directories exchanged", &|| {
            std::fs::rename(snapshots.join("3"), snapshots.join("x")).unwrap();
            std::fs::rename(snapshots.join("30"), snapshots.join("3")).unwrap();
            std::fs::rename(snapshots.join("x"), snapshots.join("30")).unwrap();
        }),
    ];
    for (what, step) in steps {
        let before = machine.system();
        step();
        let seen = machine.system();
        assert_eq!(*seen, *open(&disk.root()).system().unwrap(), "{what}");
        let is_empty_directory = *what == "directory made" || *what == "nested deleted";
        assert_eq!(*seen == *before, is_empty_directory, "{what}");
        disk.btrfs(["filesystem", "sync", disk.top().to_str().unwrap()])
            .unwrap();
        assert!(Arc::ptr_eq(&seen, &machine.system()), "{what}, written back");
    }
}

fn is_readable(watch: impl AsFd) -> bool {
    let mut polled = [PollFd::new(&watch, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&now)).unwrap() == 1
}

fn the_watch_wakes() {
    let machine = Machine::new(Layout::Classic);
    let watch = machine.engine.watch().unwrap().unwrap();
    let _ = machine.system();
    assert!(!is_readable(&watch));
    let other = open(&machine.disk.root());
    let id = other.create(&model::NewSnapshot::default()).unwrap();
    assert!(is_readable(&watch));
    assert!(machine.system().snapshots.contains_key(&id));
    assert!(!is_readable(&watch));
    machine.rewrite_info(id.0, |xml| {
        xml.replace("</snapshot>", "<cleanup>number</cleanup></snapshot>")
    });
    assert!(is_readable(&watch));
    assert_eq!(machine.get(id.0).cleanup.0, "number");
    other.delete(id).unwrap();
    assert!(is_readable(&watch));
    // That the watch on the deleted directory is gone is told when the kernel forgets the directory.
    let is_quiet = (0..200).any(|_| {
        assert_eq!(machine.numbers(), [1]);
        std::thread::sleep(std::time::Duration::from_millis(10));
        !is_readable(&watch)
    });
    assert!(is_quiet);
}

fn a_flood_of_changes_is_survived() {
    let machine = Machine::new(Layout::Classic);
    let id = machine.create("flooded");
    let _ = (machine.system(), machine.system());
    // More events than the kernel's queue holds, unless the machine is set up for very many.
    let place = machine.disk.snapshots().join(id.to_string());
    for round in 0..10_000 {
        let (a, b) = (place.join(format!("a{round}")), place.join("b"));
        std::fs::write(&a, "").unwrap();
        std::fs::rename(&a, &b).unwrap();
    }
    machine.rewrite_info(id, |xml| xml.replace("flooded", "dry"));
    assert_eq!(machine.get(id).description, "dry");
    assert_eq!(
        machine.system().snapshots.keys().next_back(),
        Some(&SnapshotId(id))
    );
}
