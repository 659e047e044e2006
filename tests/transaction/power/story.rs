// SPDX-License-Identifier: GPL-3.0-or-later
//! One change of a system, recorded, with what the system was before and after it.

use super::manifest::Manifest;
use engine::{Engine as _, NativeEngine};
use model::{NewSnapshot, Snapshot};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use support::loop_btrfs::run;
use support::machine::{Kit, Machine, Place, Record, mount_others};
use support::{LoopBtrfs, Recording};

/// What no package manager needs; every point reads all that is left.
const SLIM: &str = "usr/share/doc usr/share/man usr/share/i18n usr/share/locale usr/share/zoneinfo usr/share/bash-completion \
    usr/share/common-licenses usr/share/icons usr/share/mime usr/share/dbus-1 usr/lib/x86_64-linux-gnu/gconv \
    usr/lib/x86_64-linux-gnu/systemd usr/lib/systemd usr/lib/udev usr/lib/snapper usr/bin/systemd-analyze \
    usr/lib/x86_64-linux-gnu/perl usr/share/perl usr/lib/locale usr/share/misc usr/bin/btrfs usr/sbin/btrfs";

/// A system at one moment.
#[derive(Debug)]
pub(crate) struct Moment {
    /// The subvolume that starts next.
    pub(crate) default: String,
    /// What each snapshot holds.
    pub(crate) snapshots: BTreeMap<u32, Manifest>,
}

impl Moment {
    fn of(disk: &LoopBtrfs, engine: &NativeEngine, like: Option<&Self>) -> Self {
        let mut snapshots = BTreeMap::<u32, Manifest>::new();
        for id in engine.system().unwrap().snapshots.keys() {
            let earlier = like.into_iter().flat_map(|like| like.snapshots.values());
            let known: Vec<&Manifest> = snapshots.values().chain(earlier).collect();
            let manifest = Manifest::of(&disk.snapshot(id.0), &known).unwrap();
            snapshots.insert(id.0, manifest);
        }
        Self {
            default: disk.default_path().unwrap(),
            snapshots,
        }
    }
}

/// The number of the snapshot that nothing may touch.
pub(crate) const PINNED: u32 = 2;

/// A recorded change.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) recording: Recording,
    pub(crate) before: Moment,
    pub(crate) after: Moment,
    /// The pinned snapshot as the engine tells it.
    pub(crate) pinned: Snapshot,
    /// Before which entry the engine said that it is done.
    pub(crate) done: usize,
}

/// Makes a snapshot before the story begins.
pub(crate) fn snapshot(machine: &Machine<'_>, description: &str) -> u32 {
    let wish = NewSnapshot {
        description: description.to_owned(),
        ..NewSnapshot::default()
    };
    machine.engine().create(&wish).unwrap().0
}

/// Takes away what no package manager needs.
pub(crate) fn slim(system: &Path) -> io::Result<()> {
    for path in SLIM.split_ascii_whitespace() {
        let path = system.join(path);
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path.exists() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

impl Story {
    /// Records what `act` does to a machine that `prepare` made ready.
    pub(crate) fn record(
        kit: &Kit,
        place: Place,
        prepare: impl FnOnce(&Machine<'_>),
        act: impl FnOnce(&NativeEngine, &Record),
    ) -> Self {
        Self::record_after(kit, place, prepare, |_| (), act)
    }

    /// The same with something that is done after the start and before the recording.
    pub(crate) fn record_after(
        kit: &Kit,
        place: Place,
        prepare: impl FnOnce(&Machine<'_>),
        started: impl FnOnce(&NativeEngine),
        act: impl FnOnce(&NativeEngine, &Record),
    ) -> Self {
        let mut machine = Machine::with(kit, place, 900, slim);
        let wish = NewSnapshot {
            description: "pinned".to_owned(),
            pinned: true,
            ..NewSnapshot::default()
        };
        assert_eq!(machine.engine().create(&wish).unwrap().0, PINNED);
        prepare(&machine);
        // What was deleted need not be carried along.
        run("fstrim", [machine.disk.top()]).unwrap();
        let disk = machine.disk.onto_disk().unwrap();
        mount_others(&machine.disk);
        let engine = machine.engine();
        started(&engine);
        let before = Moment::of(&machine.disk, &engine, None);
        let pinned = engine.system().unwrap().snapshots[&model::SnapshotId(PINNED)].clone();
        let record = Record::hooked({
            let disk = disk.clone();
            move |progress, _| disk.mark(progress.phase.as_str())
        });
        let record = Record {
            root: Some(machine.disk.root()),
            ..record
        };
        run("sync", ["-f", machine.disk.top().to_str().unwrap()]).unwrap();
        disk.record();
        act(&engine, &record);
        disk.mark("done");
        // The machine goes on: what was not flushed by the change itself can still be lost here.
        let work = machine.disk.top().join("work");
        for round in 0..3 {
            fs::create_dir_all(&work).unwrap();
            fs::write(work.join(format!("{round}")), vec![b'w'; 200_000]).unwrap();
            run("sync", ["-f", machine.disk.top().to_str().unwrap()]).unwrap();
        }
        let recording = disk.recording();
        let after = Moment::of(&machine.disk, &engine, Some(&before));
        let done = recording.marked("done").unwrap();
        Self {
            recording,
            before,
            after,
            pinned,
            done,
        }
    }

    /// Whether the change has another default.
    pub(crate) fn changes_default(&self) -> bool {
        self.before.default != self.after.default
    }
}
