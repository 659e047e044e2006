// SPDX-License-Identifier: GPL-3.0-or-later
//! A small system with the native engine on it.

use engine::{Cancel, Context, Engine, Error, NativeEngine, Outcome, Report, System};
use model::{Cleanup, NewSnapshot, Progress, Refusal, RefusalCode, Snapshot, SnapshotId, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::{Layout, LoopBtrfs};

/// The moment at which everything happens.
pub(crate) const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

/// Nobody listens.
#[derive(Debug)]
pub(crate) struct Deaf;

impl Report for Deaf {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: &str) {}
}

pub(crate) struct Machine {
    pub(crate) engine: NativeEngine,
    pub(crate) disk: LoopBtrfs,
}

pub(crate) fn open(root: &Path) -> NativeEngine {
    NativeEngine::open(root, Arc::new(|| NOW)).unwrap()
}

fn files(root: &Path) -> std::io::Result<()> {
    std::fs::write(root.join("etc/hostname"), "kedge\n")?;
    std::fs::write(root.join("usr/file"), "one\n")
}

impl Machine {
    pub(crate) fn new(layout: Layout) -> Self {
        Self::sized(256, layout)
    }

    pub(crate) fn sized(mebibytes: u64, layout: Layout) -> Self {
        let disk = LoopBtrfs::with_system(mebibytes, layout, files).unwrap();
        let engine = open(&disk.root());
        Self { engine, disk }
    }

    pub(crate) fn restart(self) -> Self {
        let disk = self.disk;
        drop(self.engine);
        disk.restart().unwrap();
        let engine = open(&disk.root());
        Self { engine, disk }
    }

    pub(crate) fn system(&self) -> Arc<System> {
        self.engine.system().unwrap()
    }

    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.system().snapshots.keys().map(|id| id.0).collect()
    }

    pub(crate) fn get(&self, number: u32) -> Snapshot {
        self.system().snapshots[&SnapshotId(number)].clone()
    }

    pub(crate) fn create(&self, description: &str) -> u32 {
        let wish = NewSnapshot {
            description: description.to_owned(),
            cleanup: Cleanup("number".to_owned()),
            ..NewSnapshot::default()
        };
        self.engine.create(&wish).unwrap().0
    }

    /// Creates a snapshot and makes of it what an update would have left.
    pub(crate) fn create_pending(&self, from: u32) -> u32 {
        let number = self.create(&format!("Update of #{from}"));
        let key = model::userdata_key::NOT_BOOTED;
        self.rewrite_info(number, |xml| {
            xml.replace(
                "</snapshot>",
                &format!(
                    "  <userdata>\n    <key>{key}</key>\n    <value>yes</value>\n  </userdata>\n</snapshot>"
                ),
            )
        });
        self.set_default(number);
        number
    }

    pub(crate) fn set_default(&self, number: u32) {
        let path = self.disk.snapshot(number);
        self.disk
            .btrfs(["subvolume", "set-default", path.to_str().unwrap()])
            .unwrap();
    }

    /// A snapshot of what starts next, as an open transaction.
    pub(crate) fn open_transaction(&self) -> u32 {
        self.with(|context| self.engine.open_transaction(context))
            .unwrap()
            .0
    }

    pub(crate) fn close_transaction(&self, number: u32) -> Result<(), Error> {
        self.with(|context| self.engine.close_transaction(SnapshotId(number), context))
    }

    pub(crate) fn abort_transaction(&self, number: u32) -> Result<(), Error> {
        self.with(|context| self.engine.abort_transaction(SnapshotId(number), context))
    }

    pub(crate) fn info_path(&self, number: u32) -> PathBuf {
        self.disk.snapshots().join(format!("{number}/info.xml"))
    }

    pub(crate) fn info(&self, number: u32) -> String {
        std::fs::read_to_string(self.info_path(number)).unwrap()
    }

    /// Changes info.xml as snapper does, by another file that takes its place.
    pub(crate) fn rewrite_info(&self, number: u32, change: impl FnOnce(String) -> String) {
        let (path, temporary) = (
            self.info_path(number),
            self.info_path(number).with_extension("new"),
        );
        std::fs::write(&temporary, change(self.info(number))).unwrap();
        std::fs::rename(temporary, path).unwrap();
    }

    pub(crate) fn roll_back(&self, number: u32) -> Result<Outcome<SnapshotId>, Error> {
        self.with(|context| self.engine.roll_back(SnapshotId(number), context))
    }

    pub(crate) fn discard(&self) -> Result<Outcome<Vec<SnapshotId>>, Error> {
        self.with(|context| self.engine.discard(context))
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        let cancel = Cancel::new().unwrap();
        work(&Context {
            report: &Deaf,
            cancel: &cancel,
        })
    }

    /// The directories in `.snapshots`, in order.
    pub(crate) fn directories(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.disk.snapshots())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_by_key(|name| (name.len(), name.clone()));
        names
    }
}

pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> (RefusalCode, Option<u32>) {
    match result {
        Err(Error::Refused(Refusal { code, snapshot })) => (code, snapshot.map(|id| id.0)),
        other => panic!("not refused: {other:?}"),
    }
}
