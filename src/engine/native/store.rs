// SPDX-License-Identifier: GPL-3.0-or-later
use crate::{Error, Outcome};
use model::{Cleanup, Edit, Snapshot, SnapshotId, SnapshotKind, Timestamp};
use std::collections::BTreeMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

/// What a new snapshot is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// The running system.
    Running,
    /// A snapshot.
    Snapshot(SnapshotId),
}

/// What info.xml says about a snapshot, besides its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// Single, pre or post.
    pub kind: SnapshotKind,
    /// For a post snapshot, the number of its pre snapshot.
    pub pre: Option<SnapshotId>,
    /// When it was made; whole seconds are kept.
    pub time: Timestamp,
    /// The user who asked for it.
    pub uid: u32,
    /// Words about it.
    pub description: String,
    /// Which cleanup algorithm may remove it.
    pub cleanup: Cleanup,
    /// Free keys and values.
    pub userdata: BTreeMap<String, String>,
}

/// A snapshot and the subvolume it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What the model knows about it.
    pub(crate) snapshot: Snapshot,
    /// The number of its subvolume.
    pub(crate) subvolume: u64,
}

/// One reading of `.snapshots`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// All snapshots by number; directories without a subvolume are not among them.
    pub(crate) entries: BTreeMap<SnapshotId, Arc<Entry>>,
}

impl Listing {
    /// The snapshot with this number.
    pub(crate) fn get(&self, id: SnapshotId) -> Option<&Snapshot> {
        self.entries.get(&id).map(|entry| &entry.snapshot)
    }

    /// The snapshot that lies in this subvolume.
    pub(crate) fn by_subvolume(&self, subvolume: u64) -> Option<SnapshotId> {
        self.entries
            .iter()
            .find(|(_, entry)| entry.subvolume == subvolume)
            .map(|(id, _)| *id)
    }
}

/// The snapshots of one system: `.snapshots`, opened once. Every path is looked up below that directory without
/// following symbolic links.
///
/// The calls know no rules of the model: whether a snapshot may be deleted is the caller's question.
#[derive(Debug)]
pub(crate) struct Store {}

impl Store {
    /// All snapshots. Cheap when nothing changed since the last call: then it is the same `Arc`.
    pub(crate) fn read(&self) -> Result<Arc<Listing>, Error> {
        unimplemented!("interface first")
    }

    /// One snapshot, read from the disk and not from memory; `None` when there is none with this number.
    pub(crate) fn entry(&self, _id: SnapshotId) -> Result<Option<Arc<Entry>>, Error> {
        unimplemented!("interface first")
    }

    /// Makes a snapshot of `base` with the base's nested `/etc`, and writes its books. All of it is on disk when this
    /// returns; when it fails, nothing is left.
    pub(crate) fn create(&self, _base: Base, _books: &Books, _writable: bool) -> Result<SnapshotId, Error> {
        unimplemented!("interface first")
    }

    /// Deletes a snapshot, what is nested in it, and its directory. Refused with `InUse` when it is mounted.
    pub(crate) fn delete(&self, _id: SnapshotId) -> Result<Outcome<()>, Error> {
        unimplemented!("interface first")
    }

    /// Changes a snapshot's books and read-only flag.
    pub(crate) fn edit(&self, _id: SnapshotId, _edit: &Edit) -> Result<Outcome<()>, Error> {
        unimplemented!("interface first")
    }

    /// Sets a key of the userdata, or removes it.
    pub(crate) fn set_userdata(
        &self,
        _id: SnapshotId,
        _key: &str,
        _value: Option<&str>,
    ) -> Result<Outcome<()>, Error> {
        unimplemented!("interface first")
    }

    /// Sets the read-only flag of a snapshot; what is nested in it keeps its own.
    pub(crate) fn set_read_only(&self, _id: SnapshotId, _read_only: bool) -> Result<Outcome<()>, Error> {
        unimplemented!("interface first")
    }

    /// The root directory of a snapshot. A nested `/etc` lies in it as the directory `etc`.
    pub(crate) fn open(&self, _id: SnapshotId) -> Result<OwnedFd, Error> {
        unimplemented!("interface first")
    }

    /// The root directory of the running system.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        unimplemented!("interface first")
    }

    /// Writes everything in the filesystem to disk (`syncfs`).
    pub(crate) fn sync(&self) -> Result<(), Error> {
        unimplemented!("interface first")
    }
}
