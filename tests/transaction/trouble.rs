// SPDX-License-Identifier: GPL-3.0-or-later
//! What goes wrong around an update: a disk that fails, a clock that jumps, somebody else at the same time, a package
//! manager that is killed. Each ends with the old or the new system, whole, and says which.

use crate::Case;
use crate::faults::processes_with;
use crate::power::slim;
use crate::successes::offer;
use engine::{Engine as _, Error, NativeEngine, Outcome};
use model::{Condition, FailureCode, NewSnapshot, Phase, SnapshotId, Timestamp};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::loop_btrfs::run;
use support::machine::{Kit, Machine, Place, Record, failure, mount_others, open};
use support::repository::Deb;
use support::{Chance, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    ("device::fails_while_preparing", |kit| device(kit, Phase::Prepare)),
    ("device::fails_while_refreshing", |kit| {
        device(kit, Phase::Refresh)
    }),
    ("device::fails_while_downloading", |kit| {
        device(kit, Phase::Download)
    }),
    ("device::fails_while_installing", |kit| {
        device(kit, Phase::Install)
    }),
    ("device::fails_while_verifying", |kit| device(kit, Phase::Verify)),
    ("device::fails_while_committing", |kit| device(kit, Phase::Commit)),
    ("clock::jumps", clock),
    ("others::a_timer_in_the_middle", timer),
    ("others::a_second_helper", second),
    ("killed::the_package_manager", |kit| {
        package_manager(kit, "apt-get")
    }),
    ("killed::what_the_package_manager_started", |kit| {
        package_manager(kit, "dpkg")
    }),
];

/// Lets the disk fail some requests after a phase began, takes the power away, and starts what is on it.
fn device(kit: &Kit, phase: Phase) {
    let rounds = match std::env::var("KEDGE_POWERCUT").as_deref() {
        Ok("full") => 10,
        _ => 1,
    };
    let (mut old, mut new) = (0, 0);
    for round in 0..rounds {
        let mut machine = Machine::with(kit, Place::Sysimage, 900, slim);
        offer(&machine, "2");
        let disk = machine.disk.onto_disk().unwrap();
        mount_others(&machine.disk);
        disk.record();
        let limit = Chance::new(round + 7 * phase as u64).below(if round == 0 { 1 } else { 60 });
        let record = Record::hooked({
            let (disk, done) = (disk.clone(), AtomicU64::new(0));
            move |progress, _| {
                if progress.phase == phase && done.fetch_add(1, Ordering::Relaxed) == 0 {
                    disk.fail_after(Some(limit));
                }
            }
        });
        let engine = machine.engine();
        let result = record.update(&engine);
        drop(engine);
        let recording = disk.recording();
        let succeeded = matches!(result, Ok(Outcome::Changed(_)));
        if let Err(error) = &result {
            assert!(!error.chain().is_empty());
        }
        drop(machine);
        // What reached the disk is what the next start finds.
        let left = recording.cut(recording.entries.len(), &mut Chance::new(round));
        let started = LoopBtrfs::on_disk(&left).unwrap();
        run(
            "btrfs",
            ["check", "--readonly", started.image().to_str().unwrap()],
        )
        .unwrap();
        started.start().unwrap();
        mount_others(&started);
        let engine = open(&started.root());
        engine.recover().unwrap();
        let system = engine.system().unwrap();
        for snapshot in system.snapshots.values() {
            assert_eq!(snapshot.condition, Condition::Complete, "{snapshot:?}");
            assert!(!snapshot.is_in_progress(), "{snapshot:?}");
        }
        let default = system.default.unwrap().0;
        let version = fs::read_to_string(started.snapshot(default).join("usr/share/beta/version")).unwrap();
        let expected = if default == 1 { "1" } else { "2" };
        assert_eq!(version, expected, "{phase}, after {limit} requests");
        assert!(
            !succeeded || default == 2,
            "{phase}: the update was reported as done and is lost"
        );
        match default {
            1 => old += 1,
            _ => new += 1,
        }
    }
    println!("device fails, {phase}: {rounds} times, {old} old, {new} new");
}

fn clock(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    // Forward by decades, back to the beginning, and to the end of time.
    let times = [
        1_780_000_000_000_000,
        4_000_000_000_000_000,
        1,
        0,
        u64::MAX,
        1_700_000_000_000_000,
    ];
    let at = AtomicU64::new(0);
    let clock = Arc::new(move || {
        let at = at.fetch_add(1, Ordering::Relaxed);
        Timestamp(times[usize::try_from(at).unwrap() % times.len()])
    });
    let engine = NativeEngine::open(&machine.disk.root(), clock).unwrap();
    let record = Record::default();
    assert_eq!(record.update(&engine).unwrap(), Outcome::Changed(SnapshotId(2)));
    for expected in [3, 4, 5] {
        assert_eq!(
            engine.create(&NewSnapshot::default()).unwrap(),
            SnapshotId(expected)
        );
    }
    let system = engine.system().unwrap();
    assert!(
        system
            .snapshots
            .values()
            .all(|it| it.condition == Condition::Complete),
        "{system:?}"
    );
    let back = record.with(|context| engine.roll_back(SnapshotId(4), context));
    assert_eq!(back.unwrap(), Outcome::Changed(SnapshotId(4)));
    assert_eq!(machine.engine().system().unwrap().default, Some(SnapshotId(4)));
}

/// What snapper's timers do, beside a transaction: one takes a snapshot, the other deletes an old one.
fn timer(kit: &Kit) {
    for phase in [
        Phase::Prepare,
        Phase::Download,
        Phase::Install,
        Phase::Verify,
        Phase::Commit,
    ] {
        let machine = Machine::new(kit);
        let old = machine.engine().create(&NewSnapshot::default()).unwrap();
        offer(&machine, "2");
        let (root, done) = (machine.disk.root(), AtomicU64::new(0));
        let record = Record::hooked(move |progress, _| {
            if progress.phase == phase && done.fetch_add(1, Ordering::Relaxed) == 0 {
                let other = open(&root);
                let wish = NewSnapshot {
                    description: "timeline".to_owned(),
                    ..NewSnapshot::default()
                };
                other.create(&wish).unwrap();
                assert_eq!(other.delete(old).unwrap(), Outcome::Changed(()));
            }
        });
        let Outcome::Changed(made) = record.update(&machine.engine()).unwrap() else {
            panic!("{phase}: nothing was installed");
        };
        let system = machine.engine().system().unwrap();
        assert_eq!(system.default, Some(made), "{phase}");
        let timeline = system
            .snapshots
            .values()
            .filter(|it| it.description == "timeline")
            .count();
        assert_eq!(
            (timeline, system.snapshots.contains_key(&old)),
            (1, false),
            "{phase}"
        );
        assert!(
            system.snapshots.values().all(|it| !it.is_in_progress()),
            "{phase}"
        );
        assert_eq!(machine.read(made.0, "usr/share/beta/version"), "2", "{phase}");
    }
}

fn second(kit: &Kit) {
    for phase in [Phase::Download, Phase::Install, Phase::Commit] {
        let machine = Machine::new(kit);
        let target = machine.engine().create(&NewSnapshot::default()).unwrap();
        offer(&machine, "2");
        let (root, done) = (machine.disk.root(), AtomicU64::new(0));
        let record = Record::hooked(move |progress, _| {
            if progress.phase == phase && done.fetch_add(1, Ordering::Relaxed) == 0 {
                let other = open(&root);
                let own = Record::default();
                assert_eq!(failure(own.update(&other)).code, FailureCode::LockHeld, "{phase}");
                let back = own.with(|context| other.roll_back(target, context));
                assert!(matches!(back, Err(Error::Refused(_))), "{phase}: {back:?}");
                assert_eq!(other.recover().unwrap(), Outcome::Unchanged, "{phase}");
            }
        });
        let Outcome::Changed(made) = record.update(&machine.engine()).unwrap() else {
            panic!("{phase}: nothing was installed");
        };
        assert_eq!(machine.engine().system().unwrap().default, Some(made), "{phase}");
        assert_eq!(machine.read(made.0, "usr/share/beta/version"), "2");
    }
}

/// The parent of a process and what it is called.
fn parent(pid: u32) -> Option<(u32, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let parent = rest.split(' ').nth(1)?.parse().ok()?;
    Some((parent, name.to_owned()))
}

/// The process of this name above the sleep with this argument.
fn above(marker: &str, name: &str) -> Option<u32> {
    let sleeps = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"sleep\0") && String::from_utf8_lossy(&line).contains(marker)
    };
    let all = fs::read_dir("/proc").ok()?;
    let mut all = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut pid = all.find(sleeps)?;
    loop {
        let (above, own) = parent(pid)?;
        if own == name {
            return Some(pid);
        }
        pid = above;
    }
}

fn package_manager(kit: &Kit, name: &'static str) {
    let machine = Machine::new(kit);
    let marker = format!("4{}.{}", std::process::id(), name.len());
    machine.publish(&[Deb::new("slow", "2").script("preinst", &format!("sleep {marker}"))]);
    let result = std::thread::scope(|scope| {
        let marker = &marker;
        scope.spawn(move || {
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(60) {
                if let Some(pid) = above(marker, name) {
                    run("kill", ["-KILL", &pid.to_string()]).unwrap();
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            panic!("{name} never ran");
        });
        let record = Record::default();
        record.update(&machine.engine())
    });
    let failure = failure(result);
    assert!(!failure.detail.is_empty());
    assert_eq!(processes_with(&marker), 0, "what it started lives on");
    machine.assert_old_system();
    machine.publish(&[Deb::new("large", "5")]);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(2)));
}
