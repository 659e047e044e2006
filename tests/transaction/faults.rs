// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Case;
use crate::child::Updating;
use crate::successes::offer;
use engine::{Engine as _, Error, Outcome};
use model::{Phase, SnapshotId};
use std::time::{Duration, Instant};
use support::machine::{Kit, Machine, Record};
use support::repository::Deb;

pub(crate) const CASES: &[Case] = &[
    ("cancel::while_refreshing", |kit| cancelled(kit, Phase::Refresh)),
    ("cancel::while_downloading", |kit| cancelled(kit, Phase::Download)),
    ("cancel::while_installing", cancelled_installing),
    ("cancel::too_late", cancelled_too_late),
    ("killed::while_preparing", |kit| {
        killed(kit, Phase::Prepare, "prepare", Some(1))
    }),
    ("killed::while_refreshing", |kit| {
        killed(kit, Phase::Refresh, "refresh", Some(1))
    }),
    ("killed::while_downloading", |kit| {
        killed(kit, Phase::Download, "download", Some(1))
    }),
    ("killed::while_installing", killed_installing),
    ("killed::while_verifying", |kit| {
        killed(kit, Phase::Verify, "verify", Some(1))
    }),
    ("killed::while_committing", |kit| {
        killed(kit, Phase::Commit, "commit", Some(1))
    }),
    ("killed::at_any_time", killed_at_any_time),
    ("recover::spares_a_transaction_that_runs", recover_spares),
];

/// How many processes have this among their arguments.
pub(crate) fn processes_with(marker: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let has = |line: Vec<u8>| {
        let line = String::from_utf8_lossy(&line).into_owned();
        line.starts_with("sleep\0") && line.contains(marker)
    };
    entries
        .filter(|entry| std::fs::read(entry.path().join("cmdline")).is_ok_and(has))
        .count()
}

/// Something that takes longer than anybody waits, to be found by its argument.
fn endless(marker: &str) -> Deb {
    Deb::new("slow", "2").script("preinst", &format!("sleep {marker}"))
}

fn marker(name: &str) -> String {
    format!("3{}.{}", std::process::id(), name.len())
}

fn cancelled(kit: &Kit, phase: Phase) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    let record = Record::hooked(move |progress, cancel| {
        if progress.phase == phase {
            assert!(cancel.request());
        }
    });
    assert!(matches!(record.update(&machine.engine()), Err(Error::Cancelled)));
    machine.assert_old_system();
    machine.update().unwrap();
    machine.assert_snapshots(&[1, 2], 2);
}

fn cancelled_installing(kit: &Kit) {
    let machine = Machine::new(kit);
    let marker = marker("cancelled-while-installing");
    machine.publish(&[endless(&marker)]);
    let record = Record::default();
    let result = std::thread::scope(|scope| {
        let (cancel, marker) = (record.cancel.clone(), &marker);
        scope.spawn(move || {
            let began = Instant::now();
            while processes_with(marker) == 0 && began.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(cancel.request());
        });
        record.update(&machine.engine())
    });
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(processes_with(&marker), 0);
    machine.assert_old_system();
}

fn cancelled_too_late(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    let record = Record::hooked(|progress, cancel| {
        if progress.phase == Phase::Commit {
            assert!(!cancel.request());
        }
    });
    assert_eq!(
        record.update(&machine.engine()).unwrap(),
        Outcome::Changed(SnapshotId(2))
    );
    machine.assert_new_system(2);
}

/// Recovers, and says which system starts next.
fn recovered(machine: &Machine<'_>) -> u32 {
    let engine = machine.engine();
    engine.recover().unwrap();
    let default = engine.system().unwrap().default.unwrap().0;
    match default {
        1 => machine.assert_old_system(),
        _ => {
            machine.assert_snapshots(&[1, 2], 2);
            machine.assert_new_system(2);
            assert_eq!(machine.read(2, "usr/share/beta/version"), "2");
        }
    }
    default
}

fn killed(kit: &Kit, phase: Phase, line: &str, expected: Option<u32>) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    let mut updating = Updating::start(&machine.disk.root(), Some(phase));
    assert!(updating.wait_for(line));
    updating.kill();
    let default = recovered(&machine);
    assert!(expected.is_none_or(|expected| expected == default));
    // And whatever was left, the next update succeeds.
    machine.publish(&[Deb::new("large", "5")]);
    machine.update().unwrap();
    assert_ne!(
        machine.engine().system().unwrap().default,
        Some(SnapshotId(default))
    );
}

fn killed_installing(kit: &Kit) {
    let machine = Machine::new(kit);
    let marker = marker("killed");
    machine.publish(&[endless(&marker)]);
    let mut updating = Updating::start(&machine.disk.root(), None);
    assert!(updating.wait_for("install slow"));
    let began = Instant::now();
    while processes_with(&marker) == 0 {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
    updating.kill();
    let began = Instant::now();
    while processes_with(&marker) > 0 {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "what the package started lives on"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(recovered(&machine), 1);
}

fn killed_at_any_time(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    let began = Instant::now();
    let mut whole = Updating::start(&machine.disk.root(), None);
    assert!(whole.wait_for("changed 2"));
    let length = began.elapsed();
    drop(machine);
    let mut ends = Vec::new();
    for part in [0.1, 0.5, 0.7, 0.85, 0.92, 0.96, 0.99, 1.02] {
        let machine = Machine::new(kit);
        offer(&machine, "2");
        let updating = Updating::start(&machine.disk.root(), None);
        std::thread::sleep(length.mul_f64(part));
        updating.kill();
        ends.push(recovered(&machine));
    }
    assert_eq!(ends[0], 1, "killed at the beginning: {ends:?}");
}

fn recover_spares(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    let mut updating = Updating::start(&machine.disk.root(), Some(Phase::Verify));
    assert!(updating.wait_for("verify"));
    let engine = machine.engine();
    assert_eq!(engine.recover().unwrap(), Outcome::Unchanged);
    assert!(engine.system().unwrap().snapshots[&SnapshotId(2)].is_in_progress());
    updating.kill();
    assert_eq!(engine.recover().unwrap(), Outcome::Changed(vec![SnapshotId(2)]));
    machine.assert_old_system();
}
