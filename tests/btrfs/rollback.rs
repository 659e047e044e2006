// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Case;
use crate::fixture::{Deaf, Machine, refusal};
use engine::{Cancel, Context, Engine, Error, Outcome};
use model::{Edit, RefusalCode, SnapshotId};
use std::fs;
use support::Layout;

pub(crate) const CASES: &[Case] = &[
    (
        "rollback::transactional_makes_the_target_the_default",
        transactional,
    ),
    (
        "rollback::a_writable_target_is_sealed",
        a_writable_target_is_sealed,
    ),
    (
        "rollback::what_must_not_start_is_refused",
        what_must_not_start_is_refused,
    ),
    ("rollback::classic_makes_a_writable_copy", classic),
    (
        "rollback::a_running_system_that_is_no_snapshot_is_kept",
        no_snapshot_runs,
    ),
    ("rollback::there_and_back", there_and_back),
    ("rollback::discarding_deletes_what_never_started", discarding),
    (
        "rollback::discarding_keeps_a_rollback_target",
        discarding_keeps_a_target,
    ),
    ("rollback::a_cancelled_one_changes_nothing", cancelled),
    ("rollback::a_power_cut_behind_it_keeps_it", power_cut),
];

fn default_path(machine: &Machine) -> String {
    machine.disk.default_path().unwrap()
}

fn transactional() {
    let machine = Machine::new(Layout::Transactional);
    let number = machine.create("target");
    let _ = machine.create("another");
    let before = machine.numbers();
    assert_eq!(
        machine.roll_back(number).unwrap(),
        Outcome::Changed(SnapshotId(number))
    );
    assert_eq!(default_path(&machine), format!("@/.snapshots/{number}/snapshot"));
    let system = machine.system();
    assert_eq!(
        (system.booted, system.default),
        (Some(SnapshotId(1)), Some(SnapshotId(number)))
    );
    // Snapper's cleanup must not take what starts next.
    assert!(machine.get(number).cleanup.0.is_empty() && machine.get(number).read_only);
    assert_eq!(machine.numbers(), before);
    let machine = machine.restart();
    assert_eq!(machine.system().booted, Some(SnapshotId(number)));
    assert_eq!(
        fs::read_to_string(machine.disk.root().join("etc/hostname")).unwrap(),
        "kedge\n"
    );
}

fn a_writable_target_is_sealed() {
    let machine = Machine::new(Layout::Transactional);
    let number = machine.create("target");
    let edit = Edit {
        read_only: Some(false),
        ..Edit::default()
    };
    machine.engine.edit(SnapshotId(number), &edit).unwrap();
    machine.roll_back(number).unwrap();
    assert!(machine.disk.is_read_only(&machine.disk.snapshot(number)).unwrap());
}

fn what_must_not_start_is_refused() {
    let machine = Machine::new(Layout::Transactional);
    assert_eq!(
        refusal(machine.roll_back(1)),
        (RefusalCode::AlreadyDefault, Some(1))
    );
    assert_eq!(
        refusal(machine.roll_back(7)),
        (RefusalCode::NoSuchSnapshot, Some(7))
    );
    let number = machine.create("open");
    machine.rewrite_info(number, |xml| {
        let key = model::userdata_key::IN_PROGRESS;
        xml.replace(
            "</snapshot>",
            &format!("<userdata><key>{key}</key><value>yes</value></userdata></snapshot>"),
        )
    });
    assert_eq!(
        refusal(machine.roll_back(number)),
        (RefusalCode::InProgress, Some(number))
    );
    fs::remove_file(machine.info_path(number)).unwrap();
    assert_eq!(
        refusal(machine.roll_back(number)),
        (RefusalCode::Damaged, Some(number))
    );
    assert_eq!(default_path(&machine), "@/.snapshots/1/snapshot");
    // The kernel's command line decides, not the default.
    let proc = machine.disk.snapshot(1);
    let machine = {
        let proc = proc.to_str().unwrap();
        machine
            .disk
            .btrfs(["property", "set", proc, "ro", "false"])
            .unwrap();
        fs::create_dir(machine.disk.snapshot(1).join("proc")).unwrap();
        let line = "root=UUID=1 rootflags=subvol=@/.snapshots/1/snapshot ro";
        fs::write(machine.disk.snapshot(1).join("proc/cmdline"), line).unwrap();
        machine.restart()
    };
    let number = machine.create("fine");
    assert_eq!(
        refusal(machine.roll_back(number)).0,
        RefusalCode::BootLoaderUnsupported
    );
    assert_eq!(
        refusal(machine.engine.plan_rollback(SnapshotId(number))).0,
        RefusalCode::BootLoaderUnsupported
    );
}

fn classic() {
    let machine = Machine::new(Layout::Classic);
    let number = machine.create("target");
    fs::write(machine.disk.root().join("usr/file"), "two\n").unwrap();
    let made = match machine.roll_back(number).unwrap() {
        Outcome::Changed(id) => id.0,
        Outcome::Unchanged => panic!("nothing changed"),
    };
    assert_ne!(made, number);
    let copy = machine.get(made);
    assert_eq!(copy.description, format!("writable copy of #{number}"));
    assert!(!copy.read_only && copy.userdata.is_empty() && copy.cleanup.0.is_empty());
    assert_eq!(copy.parent_uuid, machine.get(number).uuid);
    assert_eq!(default_path(&machine), format!("@/.snapshots/{made}/snapshot"));
    // The target stays what it was, and what is replaced may be cleaned up some day.
    assert!(machine.get(number).read_only);
    assert_eq!(machine.get(number).cleanup.0, "number");
    assert_eq!(machine.get(1).cleanup.0, "number");
    let machine = machine.restart();
    assert_eq!(machine.system().booted, Some(SnapshotId(made)));
    let file = machine.disk.root().join("usr/file");
    assert_eq!(fs::read_to_string(&file).unwrap(), "one\n");
    fs::write(file, "three\n").unwrap();
}

fn no_snapshot_runs() {
    let machine = Machine::new(Layout::At);
    let number = machine.create("target");
    fs::write(machine.disk.root().join("usr/file"), "two\n").unwrap();
    let made = machine.roll_back(number).unwrap();
    assert_eq!(machine.numbers(), [1, 2, 3]);
    assert_eq!(made, Outcome::Changed(SnapshotId(3)));
    let backup = machine.get(2);
    assert!(backup.is_important() && backup.read_only);
    assert_eq!(
        (backup.description.as_str(), backup.cleanup.0.as_str()),
        ("rollback backup", "number")
    );
    let machine = machine.restart();
    assert_eq!(
        fs::read_to_string(machine.disk.root().join("usr/file")).unwrap(),
        "one\n"
    );
    // And back: nothing of what ran before is lost.
    machine.roll_back(2).unwrap();
    let machine = machine.restart();
    assert_eq!(
        fs::read_to_string(machine.disk.root().join("usr/file")).unwrap(),
        "two\n"
    );
}

fn there_and_back() {
    let machine = Machine::new(Layout::Transactional);
    let number = machine.create("target");
    let one = machine.info(1);
    machine.roll_back(number).unwrap();
    machine.roll_back(1).unwrap();
    assert_eq!(default_path(&machine), "@/.snapshots/1/snapshot");
    assert_eq!(machine.info(1), one);
    let machine = machine.restart();
    assert_eq!(machine.system().booted, Some(SnapshotId(1)));
}

fn discarding() {
    let machine = Machine::new(Layout::Transactional);
    assert_eq!(refusal(machine.discard()).0, RefusalCode::NothingPending);
    let other = machine.create("other");
    let first = machine.create_pending(1);
    // The second is made from the first, as an update that continues does.
    let second = first + 1;
    let place = machine.disk.snapshots().join(second.to_string());
    fs::create_dir(&place).unwrap();
    let (from, to) = (machine.disk.snapshot(first), machine.disk.snapshot(second));
    machine
        .disk
        .btrfs([
            "subvolume",
            "snapshot",
            "-r",
            from.to_str().unwrap(),
            to.to_str().unwrap(),
        ])
        .unwrap();
    let books = machine
        .info(first)
        .replace(&format!("<num>{first}<"), &format!("<num>{second}<"));
    fs::write(machine.info_path(second), books).unwrap();
    machine.set_default(second);
    assert_eq!(
        machine.system().to_state().pending_updates(),
        [SnapshotId(second), SnapshotId(first)]
    );
    let gone = machine.discard().unwrap();
    assert_eq!(
        gone,
        Outcome::Changed(vec![SnapshotId(second), SnapshotId(first)])
    );
    assert_eq!(machine.numbers(), [1, other]);
    assert_eq!(default_path(&machine), "@/.snapshots/1/snapshot");
    // A pinned one stays.
    let pinned = machine.create_pending(1);
    let edit = Edit {
        pinned: Some(true),
        ..Edit::default()
    };
    machine.engine.edit(SnapshotId(pinned), &edit).unwrap();
    assert_eq!(machine.discard().unwrap(), Outcome::Changed(Vec::new()));
    assert_eq!(machine.numbers(), [1, other, pinned]);
}

fn discarding_keeps_a_target() {
    let machine = Machine::new(Layout::Transactional);
    let number = machine.create("target");
    machine.roll_back(number).unwrap();
    assert_eq!(machine.discard().unwrap(), Outcome::Changed(Vec::new()));
    assert_eq!(default_path(&machine), "@/.snapshots/1/snapshot");
    assert_eq!(machine.numbers(), [1, number]);
}

fn cancelled() {
    for layout in [Layout::Transactional, Layout::Classic, Layout::At] {
        let machine = Machine::new(layout);
        let number = machine.create("target");
        let (before, default) = (machine.system(), default_path(&machine));
        let cancel = Cancel::new().unwrap();
        assert!(cancel.request());
        let context = Context {
            report: &Deaf,
            cancel: &cancel,
        };
        let result = machine.engine.roll_back(SnapshotId(number), &context);
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
        assert_eq!((machine.system(), default_path(&machine)), (before, default));
    }
}

/// What was reported as done is on disk.
fn power_cut() {
    let Machine { engine, disk } = Machine::new(Layout::Transactional);
    let machine = Machine { engine, disk };
    let number = machine.create("target");
    machine.roll_back(number).unwrap();
    let Machine { engine, disk } = machine;
    drop(engine);
    disk.power_cut().unwrap();
    assert_eq!(
        disk.default_path().unwrap(),
        format!("@/.snapshots/{number}/snapshot")
    );
    let engine = crate::fixture::open(&disk.root());
    let machine = Machine { engine, disk };
    let snapshot = machine.get(number);
    assert_eq!(
        (snapshot.description.as_str(), snapshot.cleanup.0.as_str()),
        ("target", "")
    );
    assert_eq!(machine.system().booted, Some(SnapshotId(number)));
    // Creating alone is on disk too.
    let last = machine.create("last");
    let books = machine.info(last);
    let Machine { engine, disk } = machine;
    drop(engine);
    disk.power_cut().unwrap();
    let path = disk.snapshots().join(format!("{last}/info.xml"));
    assert_eq!(fs::read_to_string(path).unwrap(), books);
    let hostname = disk.snapshot(last).join("etc/hostname");
    assert_eq!(fs::read_to_string(hostname).unwrap(), "kedge\n");
}
