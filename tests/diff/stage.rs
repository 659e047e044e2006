// SPDX-License-Identifier: GPL-3.0-or-later
//! A filesystem with an engine on it, and snapshots of whatever a test likes.

use crate::oracle::{self, Node};
use engine::{NativeEngine, Viewer};
use model::{FileChange, PathText, SnapshotId, Timestamp};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use support::{Layout, LoopBtrfs};

pub(crate) struct Stage {
    pub(crate) disk: LoopBtrfs,
    pub(crate) engine: NativeEngine,
    next: AtomicU32,
}

impl Stage {
    pub(crate) fn new(mebibytes: u64) -> Self {
        let disk = LoopBtrfs::with_system(mebibytes, Layout::At, |_| Ok(())).unwrap();
        let clock = Arc::new(|| Timestamp(1_795_000_000_000_000));
        let engine = NativeEngine::open(&disk.root(), clock).unwrap();
        Self {
            disk,
            engine,
            next: AtomicU32::new(1),
        }
    }

    /// Makes an empty subvolume that is no snapshot, to work in.
    pub(crate) fn subvolume(&self, name: &str) -> PathBuf {
        let path = self.disk.top().join(name);
        self.disk
            .btrfs(["subvolume", "create", path.to_str().unwrap()])
            .unwrap();
        path
    }

    fn place(&self) -> (u32, PathBuf) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let place = self.disk.snapshots().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        (number, place.join("snapshot"))
    }

    /// Makes a snapshot in the place where the engine looks for it.
    pub(crate) fn snapshot(&self, of: &Path) -> u32 {
        let (number, place) = self.place();
        let (of, place) = (of.to_str().unwrap(), place.to_str().unwrap());
        self.disk
            .btrfs(["subvolume", "snapshot", "-r", of, place])
            .unwrap();
        number
    }

    /// The same, writable.
    pub(crate) fn writable(&self, of: &Path) -> u32 {
        let (number, place) = self.place();
        let (of, place) = (of.to_str().unwrap(), place.to_str().unwrap());
        self.disk.btrfs(["subvolume", "snapshot", of, place]).unwrap();
        number
    }

    pub(crate) fn seal(&self, number: u32, read_only: bool) {
        let value = if read_only { "true" } else { "false" };
        let path = self.path(number);
        self.disk
            .btrfs(["property", "set", path.to_str().unwrap(), "ro", value])
            .unwrap();
    }

    pub(crate) fn path(&self, number: u32) -> PathBuf {
        self.disk.snapshot(number)
    }

    pub(crate) fn delete(&self, path: &Path) {
        self.disk
            .btrfs(["subvolume", "delete", path.to_str().unwrap()])
            .unwrap();
    }

    pub(crate) fn read(&self, number: u32) -> Node {
        oracle::read(&self.path(number))
    }

    /// What the engine says, in order.
    pub(crate) fn changes(&self, from: u32, to: u32) -> Vec<FileChange> {
        self.changes_for(from, to, Viewer::Everything)
    }

    pub(crate) fn changes_for(&self, from: u32, to: u32, viewer: Viewer) -> Vec<FileChange> {
        use engine::Engine as _;
        let mut rows = Vec::new();
        let mut take = |change| {
            rows.push(change);
            Ok(())
        };
        let (from, to) = (SnapshotId(from), SnapshotId(to));
        let summary = self
            .engine
            .file_changes(Some(from), Some(to), viewer, &mut take)
            .unwrap();
        assert_eq!(summary.rows, rows.len() as u64);
        rows.sort();
        rows
    }

    /// What the engine says when it walks.
    pub(crate) fn walked(&self, from: u32, to: u32) -> Vec<FileChange> {
        let open = |number| std::fs::File::open(self.path(number)).unwrap();
        let mut rows = Vec::new();
        let mut take = |change| {
            rows.push(change);
            Ok(())
        };
        let (old, new) = (open(from), open(to));
        engine::compare_directories(old.as_fd(), new.as_fd(), Viewer::Everything, &mut take).unwrap();
        rows.sort();
        rows
    }

    /// Fails unless the engine says what the oracle does, both ways.
    pub(crate) fn check(&self, what: &str, (from, old): (u32, &Node), (to, new): (u32, &Node)) -> usize {
        let there = self.changes(from, to);
        same(
            &format!("{what}: {from} to {to}"),
            &there,
            &oracle::changes(old, new, true),
        );
        same(
            &format!("{what}: {to} to {from}"),
            &self.changes(to, from),
            &oracle::changes(new, old, true),
        );
        there.len()
    }

    /// The same with trees that are read for it.
    pub(crate) fn check_now(&self, what: &str, from: u32, to: u32) -> usize {
        self.check(what, (from, &self.read(from)), (to, &self.read(to)))
    }
}

/// One line a change.
pub(crate) fn shown(change: &FileChange) -> String {
    let from = change
        .from
        .as_deref()
        .map(|from| format!(" from {}", PathText(from)));
    let aspects: Vec<&str> = change.aspects.names().collect();
    format!(
        "{} {} {}{} {}",
        change.kind,
        change.file,
        PathText(&change.path),
        from.unwrap_or_default(),
        aspects.join(",")
    )
}

/// Fails with what one has and the other has not.
pub(crate) fn same(what: &str, told: &[FileChange], expected: &[FileChange]) {
    if told == expected {
        return;
    }
    let list = |all: &[FileChange], other: &[FileChange]| {
        let only: Vec<String> = all.iter().filter(|row| !other.contains(row)).map(shown).collect();
        only.join("\n  ")
    };
    panic!(
        "{what}:\nonly the engine:\n  {}\nonly the oracle:\n  {}\n({} and {} rows)",
        list(told, expected),
        list(expected, told),
        told.len(),
        expected.len()
    );
}
