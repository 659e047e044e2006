// SPDX-License-Identifier: GPL-3.0-or-later
//! The real engine: a btrfs system whose versions lie in snapper's on-disk layout.
//!
//! [`Store`] reads and writes `.snapshots`, [`Boot`] knows what runs and what starts next, and [`NativeEngine`] puts
//! the rules of a transaction on top of both.

mod boot;
mod store;

pub(crate) use boot::Boot;
pub(crate) use store::{Base, Books, Entry, Listing, Store};

use crate::Error;
use model::{SnapshotId, Timestamp};
use std::path::Path;
use std::sync::Arc;

/// Reads the time; an argument so that tests can set it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A btrfs system with snapshots in snapper's layout.
pub struct NativeEngine {
    clock: Clock,
}

impl std::fmt::Debug for NativeEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeEngine").finish_non_exhaustive()
    }
}

impl NativeEngine {
    /// The engine of the system that is mounted at `root`. Works without `.snapshots`, and then refuses what needs it.
    pub fn open(_root: &Path, clock: Clock) -> Result<Self, Error> {
        Ok(Self { clock })
    }

    /// The snapshots; refused with `NoSnapshots` where there is no `.snapshots`.
    pub(crate) fn store(&self) -> Result<&Store, Error> {
        unimplemented!("interface first")
    }

    /// What runs and what starts next.
    pub(crate) fn boot(&self) -> &dyn Boot {
        unimplemented!("interface first")
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The running snapshot; `None` when the running system is not a snapshot.
    pub(crate) fn booted(&self) -> Result<Option<SnapshotId>, Error> {
        unimplemented!("interface first")
    }

    /// The snapshot that starts next; `None` when that is not a snapshot.
    pub(crate) fn default(&self) -> Result<Option<SnapshotId>, Error> {
        unimplemented!("interface first")
    }

    /// Whether what starts next is read-only: then new defaults are made read-only too (the transactional layout).
    pub(crate) fn is_default_read_only(&self) -> Result<bool, Error> {
        unimplemented!("interface first")
    }

    /// Makes a snapshot the default, waits until that is on disk, reads it back and fails unless it is so.
    pub(crate) fn set_default(&self, _id: SnapshotId) -> Result<(), Error> {
        unimplemented!("interface first")
    }
}
