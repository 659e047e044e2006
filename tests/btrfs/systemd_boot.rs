// SPDX-License-Identifier: GPL-3.0-or-later
//! A machine that systemd-boot starts: entries in a directory that stands for the boot partition, variables in one that
//! stands for the firmware's. What the boot loader does at a start is played here, by its documentation.

use crate::Case;
use crate::fixture::{Machine, open, refusal};
use engine::{Engine as _, Outcome};
use model::{Capability, Concern, RefusalCode, SnapshotId};
use std::fs;
use std::path::PathBuf;
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    ("systemd-boot::a_rollback_is_what_the_loader_starts", roll_back),
    ("systemd-boot::a_try_is_over_after_one_start", try_once),
    ("systemd-boot::an_update_that_starts_well_stays", trial_succeeds),
    (
        "systemd-boot::an_update_that_fails_to_start_falls_back",
        trial_fails,
    ),
    ("systemd-boot::the_menu_is_readable_and_short", menu),
    (
        "systemd-boot::files_are_kept_once_and_removed_with_the_last_entry",
        files_once,
    ),
    (
        "systemd-boot::a_full_partition_is_refused_and_nothing_changes",
        full,
    ),
    ("systemd-boot::a_missing_partition_is_said", missing),
    (
        "systemd-boot::variables_that_cannot_be_set_change_nothing",
        stubborn,
    ),
    ("systemd-boot::an_update_cannot_be_committed", uncommitted),
];

const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

fn variable(root: &std::path::Path, name: &str) -> PathBuf {
    root.join(format!("sys/firmware/efi/efivars/{name}-{VENDOR}"))
}

fn encoded(value: &str) -> Vec<u8> {
    let units = value.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
    [7, 0, 0, 0].into_iter().chain(units).collect()
}

fn read(machine: &Machine, name: &str) -> Option<String> {
    let bytes = fs::read(variable(&machine.disk.root(), name)).ok()?;
    let units: Vec<u16> = bytes[4..]
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|unit| *unit != 0)
        .collect();
    Some(String::from_utf16(&units).unwrap())
}

/// What is apart from the snapshots: mounted into the running system as a boot does.
const APART: [&str; 4] = ["efi", "sys", "proc", "run"];

fn mount_apart(disk: &LoopBtrfs) {
    for name in APART {
        let (from, to) = (disk.top().join("apart").join(name), disk.root().join(name));
        support::loop_btrfs::run("mount", ["--bind", from.to_str().unwrap(), to.to_str().unwrap()]).unwrap();
    }
}

/// A machine started by systemd-boot from snapshot 1, whose entry another tool wrote.
fn machine() -> Machine {
    let disk = LoopBtrfs::with_system(256, Layout::Transactional, |root| {
        for folder in ["boot", "usr/lib/modules/6.12.1", "efi", "sys", "proc", "run"] {
            fs::create_dir_all(root.join(folder))?;
        }
        fs::write(root.join("boot/vmlinuz-6.12.1"), vec![b'k'; 300_000])?;
        fs::write(root.join("boot/initrd.img-6.12.1"), vec![b'i'; 500_000])?;
        fs::write(
            root.join("etc/os-release"),
            "NAME=\"openSUSE Tumbleweed\"\nID=opensuse-tumbleweed\nVERSION_ID=20261120\n",
        )
    })
    .unwrap();
    let apart = disk.top().join("apart");
    for folder in [
        "efi/loader/entries",
        "efi/other",
        "sys/firmware/efi/efivars",
        "proc",
        "run",
    ] {
        fs::create_dir_all(apart.join(folder)).unwrap();
    }
    fs::write(
        apart.join("proc/cmdline"),
        "initrd=\\x root=LABEL=x rootflags=subvol=@/.snapshots/1/snapshot quiet\n",
    )
    .unwrap();
    fs::write(apart.join("efi/other/linux"), "kernel").unwrap();
    fs::write(
        apart.join("efi/loader/entries/other-1.conf"),
        "title first\nversion 1\nsort-key opensuse-tumbleweed\nlinux /other/linux\n\
         options root=LABEL=x rootflags=subvol=@/.snapshots/1/snapshot quiet\n",
    )
    .unwrap();
    fs::write(variable(&apart, "LoaderInfo"), encoded("systemd-boot 257.9")).unwrap();
    mount_apart(&disk);
    let engine = open(&disk.root());
    Machine { engine, disk }
}

fn entries(machine: &Machine) -> Vec<String> {
    let folder = machine.disk.root().join("efi/loader/entries");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn entry(machine: &Machine, name: &str) -> String {
    fs::read_to_string(machine.disk.root().join("efi/loader/entries").join(name)).unwrap()
}

/// What systemd-boot does: takes the one-shot variable away, counts a start, and starts what it chose. Returns the name
/// of the entry's file by then.
fn start(machine: Machine, blessed: bool) -> (Machine, String) {
    let folder = machine.disk.top().join("apart/efi/loader/entries");
    let chosen = read(&machine, "LoaderEntryOneShot").or(read(&machine, "LoaderEntryDefault"));
    let chosen = chosen.unwrap_or_else(|| "other-1.conf".to_owned());
    let _ = fs::remove_file(variable(&machine.disk.top().join("apart"), "LoaderEntryOneShot"));
    let stem = chosen.strip_suffix(".conf").unwrap();
    let file = entries(&machine)
        .into_iter()
        .find(|name| *name == chosen || name.starts_with(&format!("{stem}+")))
        .unwrap_or_else(|| panic!("{chosen} is no entry: {:?}", entries(&machine)));
    let mut now = file.clone();
    if let Some((_, count)) = file.trim_end_matches(".conf").rsplit_once('+') {
        let (left, done) = count.split_once('-').unwrap_or((count, "0"));
        let left: u32 = left.parse().unwrap();
        now = match blessed {
            true => chosen.clone(),
            false => format!("{stem}+{}-{}.conf", left - 1, done.parse::<u32>().unwrap() + 1),
        };
        fs::rename(folder.join(&file), folder.join(&now)).unwrap();
    }
    let options = entry(&machine, &now);
    let (_, subvolume) = options.split_once("subvol=@/.snapshots/").unwrap();
    let number: u32 = subvolume.split('/').next().unwrap().parse().unwrap();
    // The entry names the subvolume; the fixture starts the default of btrfs.
    machine.set_default(number);
    let Machine { engine, disk } = machine;
    drop(engine);
    disk.restart().unwrap();
    mount_apart(&disk);
    fs::write(
        disk.top().join("apart/proc/cmdline"),
        format!("root=LABEL=x rootflags=subvol=@/.snapshots/{number}/snapshot quiet\n"),
    )
    .unwrap();
    let engine = open(&disk.root());
    (Machine { engine, disk }, now)
}

fn running(machine: &Machine) -> (Option<u32>, Option<u32>, Option<u32>) {
    let system = machine.system();
    let number = |id: Option<SnapshotId>| id.map(|id| id.0);
    (number(system.booted), number(system.default), number(system.once))
}

fn roll_back() {
    let machine = machine();
    assert!(machine.system().capabilities.has(Capability::BootDefault));
    assert_eq!(running(&machine), (Some(1), Some(1), None));
    let id = machine.create("before update");
    assert_eq!(machine.engine.examine(SnapshotId(id)).unwrap(), []);
    assert_eq!(machine.roll_back(id).unwrap(), Outcome::Changed(SnapshotId(id)));
    assert_eq!(running(&machine), (Some(1), Some(id), None));
    assert_eq!(
        read(&machine, "LoaderEntryDefault").unwrap(),
        "kedge-2-6.12.1.conf"
    );
    let text = entry(&machine, "kedge-2-6.12.1.conf");
    assert!(
        text.starts_with("title Tumbleweed 20261120, before update, "),
        "{text}"
    );
    assert!(
        text.contains("options root=LABEL=x rootflags=subvol=@/.snapshots/2/snapshot quiet\n"),
        "{text}"
    );
    assert_eq!(machine.disk.default_path().unwrap(), "@/.snapshots/2/snapshot");
    let (machine, _) = start(machine, true);
    assert_eq!(running(&machine), (Some(2), Some(2), None));
    assert_eq!(machine.roll_back(1).unwrap(), Outcome::Changed(SnapshotId(1)));
    let (machine, file) = start(machine, true);
    assert_eq!(
        (running(&machine), file.as_str()),
        ((Some(1), Some(1), None), "other-1.conf")
    );
}

fn try_once() {
    let machine = machine();
    let id = machine.create("to try");
    let tried = machine.with(|context| machine.engine.try_once(Some(SnapshotId(id)), context));
    assert_eq!(tried.unwrap(), Outcome::Changed(()));
    assert_eq!(running(&machine), (Some(1), Some(1), Some(id)));
    assert_eq!(
        refusal(machine.engine.delete(SnapshotId(id))),
        (RefusalCode::StartsOnce, Some(id))
    );
    let (machine, _) = start(machine, true);
    assert_eq!(running(&machine), (Some(id), Some(1), None));
    let (machine, _) = start(machine, true);
    assert_eq!(running(&machine), (Some(1), Some(1), None));
}

/// Makes what an update leaves, by the same calls.
fn update(machine: &Machine) -> u32 {
    let id = machine.create_pending(1);
    machine.set_default(1);
    let done = machine.roll_back(id);
    assert_eq!(done.unwrap(), Outcome::Changed(SnapshotId(id)));
    assert_eq!(running(machine), (Some(1), Some(id), None));
    assert_eq!(
        read(machine, "LoaderEntryDefault").unwrap(),
        "other-1.conf",
        "the trap of an exact default"
    );
    assert!(
        entries(machine).contains(&format!("kedge-{id}-6.12.1+3.conf")),
        "{:?}",
        entries(machine)
    );
    id
}

fn trial_succeeds() {
    let machine = machine();
    let id = update(&machine);
    let (machine, file) = start(machine, true);
    assert_eq!(file, format!("kedge-{id}-6.12.1.conf"));
    assert_eq!(running(&machine), (Some(id), Some(id), None));
    assert!(!machine.get(id).is_not_booted());
    let (machine, _) = start(machine, true);
    assert_eq!(running(&machine), (Some(id), Some(id), None));
}

fn trial_fails() {
    let machine = machine();
    let id = update(&machine);
    // It starts and never comes up: nobody blesses it, and somebody resets the machine.
    let (machine, file) = start(machine, false);
    assert_eq!(file, format!("kedge-{id}-6.12.1+2-1.conf"));
    assert!(
        machine.get(id).is_not_booted(),
        "a start that is not complete is none"
    );
    let (machine, file) = start(machine, true);
    assert_eq!(
        (running(&machine), file.as_str()),
        ((Some(1), Some(1), None), "other-1.conf")
    );
    assert!(machine.get(id).is_not_booted());
}

fn menu() {
    let machine = machine();
    for number in 0..9 {
        let _ = machine.create(&format!("snapshot\n{number}"));
    }
    let pinned = model::Edit {
        pinned: Some(true),
        ..model::Edit::default()
    };
    machine.engine.edit(SnapshotId(2), &pinned).unwrap();
    let _ = machine.roll_back(10).unwrap();
    let ours: Vec<String> = entries(&machine)
        .into_iter()
        .filter(|name| name.starts_with("kedge-"))
        .collect();
    let shown: Vec<&str> = ours.iter().filter_map(|name| name.split('-').nth(1)).collect();
    assert_eq!(
        shown,
        ["10", "2", "6", "7", "8", "9"],
        "the default, the pinned one, and the newest"
    );
    assert!(entry(&machine, &ours[0]).starts_with("title Tumbleweed 20261120, snapshot 8, "));
}

fn files_once() {
    let machine = machine();
    let (first, second) = (machine.create("one"), machine.create("two"));
    let _ = machine.roll_back(first).unwrap();
    let _ = machine.roll_back(second).unwrap();
    let kept = || {
        fs::read_dir(machine.disk.root().join("efi/kedge"))
            .unwrap()
            .count()
    };
    assert_eq!(kept(), 2, "one kernel and one initrd for both");
    let _ = machine.roll_back(1).unwrap();
    for id in [first, second] {
        machine.engine.delete(SnapshotId(id)).unwrap();
    }
    let third = machine.create("three");
    let _ = machine.roll_back(third).unwrap();
    let left = entries(&machine);
    assert!(
        !left
            .iter()
            .any(|name| name.starts_with(&format!("kedge-{second}-"))),
        "{left:?}"
    );
    assert_eq!(kept(), 2);
}

fn full() {
    let machine = machine();
    let id = machine.create("does not fit");
    let efi = machine.disk.root().join("efi");
    support::loop_btrfs::run("umount", [efi.to_str().unwrap()]).unwrap();
    support::loop_btrfs::run(
        "mount",
        ["-t", "tmpfs", "-o", "size=4400k", "esp", efi.to_str().unwrap()],
    )
    .unwrap();
    let from = machine.disk.top().join("apart/efi/.");
    support::loop_btrfs::run("cp", ["-a", from.to_str().unwrap(), efi.to_str().unwrap()]).unwrap();
    let before = (running(&machine), entries(&machine));
    assert_eq!(
        machine.engine.examine(SnapshotId(id)).unwrap(),
        [Concern::NoBootSpace]
    );
    assert_eq!(
        refusal(machine.roll_back(id)),
        (RefusalCode::NotBootable, Some(id))
    );
    assert_eq!((running(&machine), entries(&machine)), before);
}

fn missing() {
    let machine = machine();
    let id = machine.create("nowhere to go");
    let efi = machine.disk.root().join("efi");
    support::loop_btrfs::run("umount", [efi.to_str().unwrap()]).unwrap();
    let engine = open(&machine.disk.root());
    let system = engine.system().unwrap();
    let reason = Some(RefusalCode::NoBootPartition);
    assert_eq!(system.capabilities.absence(Capability::BootDefault), reason);
    assert_eq!(system.capabilities.absence(Capability::BootOnce), reason);
    assert_eq!(
        engine.examine(SnapshotId(id)).unwrap(),
        [Concern::NoBootPartition]
    );
    assert_eq!(machine.disk.default_path().unwrap(), "@/.snapshots/1/snapshot");
}

fn stubborn() {
    let machine = machine();
    let id = machine.create("target");
    let place = machine.disk.root().join("sys/firmware/efi/efivars");
    let text = place.to_str().unwrap();
    support::loop_btrfs::run("mount", ["--bind", text, text]).unwrap();
    support::loop_btrfs::run("mount", ["-o", "remount,ro,bind", text]).unwrap();
    let before = running(&machine);
    let error = machine.roll_back(id).unwrap_err();
    assert!(error.chain().contains("LoaderEntryDefault"), "{}", error.chain());
    assert_eq!(running(&machine), before);
    assert_eq!(machine.disk.default_path().unwrap(), "@/.snapshots/1/snapshot");
}

/// What may happen to a machine while an update is installed, and what the failure then speaks of.
type Mishap = (&'static str, fn(&std::path::Path), &'static str);
const MEANWHILE: [Mishap; 3] = [
    ("the partition is full", fill, "No space left on device"),
    ("the partition is gone", unmount, "no-boot-partition"),
    (
        "the variables are closed",
        close_variables,
        "set LoaderEntryDefault",
    ),
];

/// The partition becomes a small one with what is on it, and no room for a kernel.
fn fill(root: &std::path::Path) {
    let efi = root.join("efi");
    let kept = tempfile::tempdir().unwrap();
    let (efi, kept) = (efi.to_str().unwrap(), kept.path().to_str().unwrap());
    support::loop_btrfs::run("cp", ["-a", &format!("{efi}/."), kept]).unwrap();
    unmount(root);
    support::loop_btrfs::run("mount", ["-t", "tmpfs", "-o", "size=200k", "esp", efi]).unwrap();
    support::loop_btrfs::run("cp", ["-a", &format!("{kept}/."), efi]).unwrap();
}

fn unmount(root: &std::path::Path) {
    support::loop_btrfs::run("umount", [root.join("efi").to_str().unwrap()]).unwrap();
}

fn close_variables(root: &std::path::Path) {
    let place = root.join("sys/firmware/efi/efivars");
    let text = place.to_str().unwrap();
    support::loop_btrfs::run("mount", ["--bind", text, text]).unwrap();
    support::loop_btrfs::run("mount", ["-o", "remount,ro,bind", text]).unwrap();
}

fn uncommitted() {
    for (what, happens, told) in MEANWHILE {
        let machine = machine();
        let id = machine.open_transaction();
        happens(&machine.disk.root());
        let error = machine.close_transaction(id).unwrap_err();
        assert!(error.chain().contains(told), "{what}: {}", error.chain());
        assert_eq!(running(&machine), (Some(1), Some(1), None), "{what}");
        assert_eq!(
            machine.disk.default_path().unwrap(),
            "@/.snapshots/1/snapshot",
            "{what}"
        );
        let folder = machine.disk.root().join("efi");
        let half = ["loader/entries/.kedge-new", "kedge/.kedge-new"];
        assert!(
            half.iter().all(|name| !folder.join(name).exists()),
            "{what}: half a file is in the way"
        );
        // What is left of it goes with the next start of the helper, and cannot start until then.
        let removed = machine.engine.recover().unwrap();
        assert_eq!(removed, Outcome::Changed(vec![SnapshotId(id)]), "{what}");
        assert_eq!(machine.numbers(), [1], "{what}");
        let Machine { engine, disk } = machine;
        drop(engine);
        disk.restart().unwrap();
        mount_apart(&disk);
        let engine = open(&disk.root());
        let (machine, file) = start(Machine { engine, disk }, true);
        assert_eq!(
            (running(&machine), file.as_str()),
            ((Some(1), Some(1), None), "other-1.conf"),
            "{what}"
        );
    }
}
