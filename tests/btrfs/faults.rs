// SPDX-License-Identifier: GPL-3.0-or-later
//! Full disks and killed processes: afterwards the old or the new is there, whole.

use crate::Case;
use crate::children;
use crate::fixture::{Machine, open};
use engine::{Engine, Outcome};
use model::{Condition, Edit, FailureCode, NewSnapshot, SnapshotId};
use std::io::Write;
use std::time::Duration;
use support::Layout;

pub(crate) const CASES: &[Case] = &[
    ("faults::a_full_disk_leaves_nothing_half_made", a_full_disk),
    (
        "faults::killed_while_creating_and_deleting",
        killed_while_creating,
    ),
    ("faults::killed_while_rolling_back", killed_while_rolling_back),
    ("faults::killed_while_copying", killed_while_copying),
];

fn a_full_disk() {
    let machine = Machine::sized(128, Layout::Transactional);
    for _ in 0..3 {
        machine.engine.create(&NewSnapshot::default()).unwrap();
    }
    let mut file = std::fs::File::create(machine.disk.root().join("var/ballast")).unwrap();
    let block = vec![0xa5; 1 << 20];
    while file.write_all(&block).is_ok() {}
    drop(file);
    let _ = machine.engine.system();
    let mut last = 4;
    let error = (0..5000)
        .find_map(|_| match machine.engine.create(&NewSnapshot::default()) {
            Ok(id) => {
                last = id.0;
                None
            }
            Err(error) => Some(error),
        })
        .expect("the disk is never full");
    assert_eq!(error.failure().code, FailureCode::DiskFull, "{}", error.chain());
    let fresh = open(&machine.disk.root()).system().unwrap();
    assert_eq!(*machine.system(), *fresh);
    assert_eq!(machine.numbers(), (1..=last).collect::<Vec<_>>());
    assert_eq!(machine.directories().len(), last as usize);
    // Two subvolumes a snapshot, and @, .snapshots and var.
    assert_eq!(machine.disk.subvolumes().unwrap().len(), 2 * last as usize + 3);
    for snapshot in fresh.snapshots.values() {
        assert_eq!(
            (snapshot.condition, snapshot.is_in_progress()),
            (Condition::Complete, false)
        );
    }
    // Changing the books of one fails whole or works.
    let edit = Edit {
        description: Some("x".repeat(1000)),
        ..Edit::default()
    };
    let before = machine.info(last);
    if machine.engine.edit(SnapshotId(last), &edit).is_err() {
        assert_eq!(machine.info(last), before);
    }
    // Room can be made.
    std::fs::remove_file(machine.disk.root().join("var/ballast")).unwrap();
    assert_eq!(
        machine.engine.delete(SnapshotId(last)).unwrap(),
        Outcome::Changed(())
    );
    // The kernel frees the space when it comes to it.
    let is_free_again = (0..300).any(|_| {
        machine
            .disk
            .btrfs(["filesystem", "sync", machine.disk.top().to_str().unwrap()])
            .unwrap();
        std::thread::sleep(Duration::from_millis(50));
        machine.engine.create(&NewSnapshot::default()).is_ok()
    });
    assert!(is_free_again);
}

/// Lets a child work and kills it at ever another moment.
fn killed(machine: &Machine, work: &str, rounds: u64, mut look: impl FnMut()) {
    for round in 0..rounds {
        let mut child = children::start(work, &machine.disk.root());
        std::thread::sleep(Duration::from_millis(12) + Duration::from_micros(round * 7919 % 40_000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), None, "the child ended by itself: {status}");
        look();
    }
}

/// What must hold of every system once leftovers are removed.
fn check(machine: &Machine, subvolumes_each: usize, others: usize) {
    let engine = open(&machine.disk.root());
    engine.recover().unwrap();
    let system = engine.system().unwrap();
    for snapshot in system.snapshots.values() {
        assert_eq!(snapshot.condition, Condition::Complete, "{snapshot:?}");
        assert!(!snapshot.is_in_progress(), "{snapshot:?}");
        let file = machine.disk.snapshot(snapshot.id.0).join("etc/hostname");
        assert_eq!(std::fs::read_to_string(file).unwrap(), "kedge\n");
    }
    let numbers: Vec<String> = system.snapshots.keys().map(ToString::to_string).collect();
    assert_eq!(machine.directories(), numbers);
    let subvolumes = machine.disk.subvolumes().unwrap();
    assert_eq!(
        subvolumes.len(),
        subvolumes_each * numbers.len() + others,
        "{subvolumes:?}"
    );
    // An engine that was there all the time sees the same.
    assert_eq!(*machine.system(), *system);
}

fn killed_while_creating() {
    let machine = Machine::new(Layout::Transactional);
    killed(&machine, "create-delete", 40, || check(&machine, 2, 3));
}

fn killed_while_rolling_back() {
    let machine = Machine::new(Layout::Transactional);
    for name in ["two", "three"] {
        machine.create(name);
    }
    killed(&machine, "roll-back", 40, || {
        check(&machine, 2, 3);
        let default = machine.system().default.unwrap();
        assert!([1, 2, 3].contains(&default.0));
        assert!(machine.get(default.0).read_only);
        assert_eq!(machine.numbers(), [1, 2, 3]);
    });
    let default = machine.system().default;
    let machine = machine.restart();
    assert_eq!(machine.system().booted, default);
}

fn killed_while_copying() {
    let machine = Machine::new(Layout::Classic);
    for name in ["two", "three"] {
        machine.create(name);
    }
    killed(&machine, "roll-back", 25, || {
        check(&machine, 1, 2);
        let default = machine.system().default.unwrap();
        assert!(!machine.get(default.0).read_only);
    });
    let machine = machine.restart();
    assert!(machine.system().booted.is_some());
}
