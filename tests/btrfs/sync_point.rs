// SPDX-License-Identifier: GPL-3.0-or-later
//! The nested `/etc` of the MicroOS layout, as snapper's plugin and the first start's merge leave it.

use crate::Case;
use crate::fixture::{Machine, open};
use engine::etc::{Three, apply, plan};
use model::SnapshotId;
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    ("sync_point::of_a_snapshot_of_what_runs", from_running),
    ("sync_point::of_a_snapshot_that_continues", continued),
    (
        "sync_point::of_anything_else_is_copied_or_absent",
        copied_or_absent,
    ),
    ("sync_point::a_first_start_merges", first_start),
    ("sync_point::goes_with_its_snapshot", deleted),
];

fn files(root: &Path) -> std::io::Result<()> {
    fs::write(root.join("etc/fstab"), "/etc /etc none bind,x-initrd.mount 0 0\n")?;
    fs::write(root.join("etc/hostname"), "kedge\n")?;
    fs::write(root.join("etc/motd"), "hello\n")?;
    fs::create_dir(root.join("run"))?;
    fs::write(root.join("usr/file"), "one\n")
}

fn machine() -> Machine {
    let disk = LoopBtrfs::with_system(256, Layout::Transactional, files).unwrap();
    let none = rustix::mount::MountFlags::empty();
    rustix::mount::mount("kedge", disk.root().join("run"), "tmpfs", none, None).unwrap();
    let engine = open(&disk.root());
    Machine { engine, disk }
}

fn etc(machine: &Machine, number: u32) -> PathBuf {
    machine.disk.snapshot(number).join("etc")
}

fn compare_with(machine: &Machine, number: u32) -> Option<String> {
    let file = "etc.syncpoint/transactional-update.comparewith";
    fs::read_to_string(etc(machine, number).join(file)).ok()
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

/// The parent's and the own identity of a subvolume, as `btrfs` tells them.
fn identities(machine: &Machine, path: &Path) -> (String, String) {
    let told = machine
        .disk
        .btrfs(["subvolume", "show", path.to_str().unwrap()])
        .unwrap();
    let value = |key: &str| {
        let line = told.lines().find(|line| line.trim().starts_with(key)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    (value("Parent UUID:"), value("UUID:"))
}

/// The running system's /etc, as its people change it: it is bound over itself there.
fn live(machine: &Machine) -> PathBuf {
    etc(machine, 1)
}

fn from_running() {
    let machine = machine();
    let number = machine.create("two");
    assert_eq!(compare_with(&machine, number).unwrap(), "1\n");
    let (root, etc, sync) = (
        machine.disk.snapshot(number),
        etc(&machine, number),
        etc(&machine, number).join("etc.syncpoint"),
    );
    // The values that were recorded of tukit: see the subvolumes' parents, and which of them are read-only.
    let (one, one_etc) = (machine.disk.snapshot(1), live(&machine));
    assert_eq!(identities(&machine, &root).0, identities(&machine, &one).1);
    assert_eq!(identities(&machine, &etc).0, identities(&machine, &one_etc).1);
    assert_eq!(identities(&machine, &sync).0, identities(&machine, &etc).1);
    assert!(machine.disk.is_read_only(&root).unwrap());
    assert!(!machine.disk.is_read_only(&etc).unwrap() && !machine.disk.is_read_only(&sync).unwrap());
    assert_eq!(read(sync.join("motd")), "hello\n");
    assert!(!sync.join("etc.syncpoint").exists());
}

fn continued() {
    let machine = machine();
    let first = machine.create("two");
    fs::write(etc(&machine, first).join("by-update"), "update's\n").unwrap();
    machine.set_default(first);
    // Life goes on before the update is continued.
    fs::write(live(&machine).join("motd"), "by people, and longer\n").unwrap();
    fs::write(live(&machine).join("new"), "people's\n").unwrap();
    fs::remove_file(live(&machine).join("hostname")).unwrap();
    let second = machine.open_transaction();
    assert_eq!(compare_with(&machine, second).unwrap(), "1\n");
    let place = etc(&machine, second);
    assert_eq!(read(place.join("by-update")), "update's\n");
    assert_eq!(read(place.join("motd")), "by people, and longer\n");
    assert_eq!(read(place.join("new")), "people's\n");
    assert!(!place.join("hostname").exists());
    // From here on only what changes after this moment is to be merged.
    let sync = place.join("etc.syncpoint");
    assert_eq!(read(sync.join("motd")), "by people, and longer\n");
    assert!(!sync.join("by-update").exists());
    // The first one is as it was.
    assert_eq!(read(etc(&machine, first).join("motd")), "hello\n");
}

fn copied_or_absent() {
    let machine = machine();
    let first = machine.create("two");
    let file = etc(&machine, first).join("etc.syncpoint/transactional-update.comparewith");
    fs::write(&file, "77\n").unwrap();
    machine.set_default(first);
    let copied = machine.open_transaction();
    assert_eq!(compare_with(&machine, copied).unwrap(), "77\n");
    let sync = etc(&machine, first).join("etc.syncpoint");
    machine
        .disk
        .btrfs(["subvolume", "delete", sync.to_str().unwrap()])
        .unwrap();
    let absent = machine.open_transaction();
    assert_eq!(compare_with(&machine, absent), None);
    assert!(!etc(&machine, absent).join("etc.syncpoint").exists());
}

fn first_start() {
    let machine = machine();
    let number = machine.create("two");
    fs::write(etc(&machine, number).join("hostname"), "from the update\n").unwrap();
    fs::write(live(&machine).join("hostname"), "from people\n").unwrap();
    fs::write(live(&machine).join("motd"), "by people, and longer\n").unwrap();
    let open = |path: PathBuf| File::open(path).unwrap();
    let sync = etc(&machine, number).join("etc.syncpoint");
    let (old, new, reference) = (
        open(live(&machine)),
        open(etc(&machine, number)),
        open(sync.clone()),
    );
    let three = Three {
        old: old.as_fd(),
        new: new.as_fd(),
        sync_point: reference.as_fd(),
    };
    apply(three, &plan(three).unwrap(), |_| {}).unwrap();
    drop(reference);
    engine::etc::remove_sync_point(&sync).unwrap();
    assert_eq!(read(etc(&machine, number).join("hostname")), "from the update\n");
    assert_eq!(
        read(etc(&machine, number).join("motd")),
        "by people, and longer\n"
    );
    let path = format!("@/.snapshots/{number}/snapshot/etc/etc.syncpoint");
    assert!(!machine.disk.subvolumes().unwrap().contains(&path));
}

fn deleted() {
    use engine::Engine as _;
    let machine = machine();
    let before = machine.disk.subvolumes().unwrap();
    let number = machine.create("two");
    assert_eq!(machine.disk.subvolumes().unwrap().len(), before.len() + 3);
    machine.engine.delete(SnapshotId(number)).unwrap();
    assert_eq!(machine.disk.subvolumes().unwrap(), before);
}
