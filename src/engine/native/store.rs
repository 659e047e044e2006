// SPDX-License-Identifier: GPL-3.0-or-later
//! `.snapshots`, snapper's directory of snapshots: `N/snapshot` is a subvolume, `N/info.xml` its books.
//!
//! The directory is opened once, and every path is looked up below it without following symbolic links or leaving the
//! mount: what somebody plants there cannot make us read or change anything else.
//!
//! The calls know no rules of the model: whether a snapshot may be deleted is the caller's question.

mod create;
mod delete;
mod directory;
mod edit;
mod listing;
mod sync_point;
mod watch;

use listing::Cache;

use super::btrfs::{self, ROOT_DIRECTORY, Root};
use crate::Error;

use model::{Refusal, RefusalCode, SnapshotId};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a new snapshot is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// The running system.
    Running,
    /// A snapshot.
    Snapshot(SnapshotId),
}

/// The snapshots of one system.
#[derive(Debug)]
pub(crate) struct Store {
    /// The root directory of the running system.
    root: OwnedFd,
    /// `.snapshots`.
    directory: OwnedFd,
    /// The subvolume that `.snapshots` is.
    id: u64,
    cache: Mutex<Cache>,
    /// Held while something is changed, so that two changes of ours never meet.
    changing: Mutex<()>,
}

/// How the name of a directory begins that is being made or removed and has no number; that of the process follows.
const UNNUMBERED: &str = "kedge-unnumbered-";

fn unnumbered() -> String {
    format!("{UNNUMBERED}{:06}", std::process::id())
}

fn is_unnumbered(name: &str) -> bool {
    name.starts_with(UNNUMBERED)
}

/// What is at a number.
enum Found {
    /// A snapshot: its root directory and its subvolume.
    Snapshot(OwnedFd, Root),
    /// Something is mounted over what may be one.
    Covered,
    /// No snapshot; perhaps a directory without subvolume.
    Nothing,
}

/// The number that a directory name is: decimal, from 1 up, without leading zeroes.
fn number(name: &str) -> Option<SnapshotId> {
    let is_canonical = !name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| is_canonical).map(SnapshotId)
}

impl Store {
    /// The snapshots of the system with this root directory; `None` when it has no `.snapshots` that is a subvolume of
    /// the same btrfs.
    pub(crate) fn of_system(root: BorrowedFd<'_>) -> Result<Option<Self>, Error> {
        let failed = |error| Error::io("open .snapshots", error);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // The one look-up that may cross a mount: `.snapshots` usually is one.
        let directory = match rustix::fs::openat(root, ".snapshots", flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            directory => directory.map_err(failed)?,
        };
        let filesystems = (btrfs::filesystem_of(root), btrfs::filesystem_of(&directory));
        let (Ok(of_root), Ok(of_directory)) = filesystems else {
            return Ok(None);
        };
        let is_subvolume = rustix::fs::fstat(&directory).map_err(failed)?.st_ino == ROOT_DIRECTORY;
        if of_root.id != of_directory.id || !is_subvolume {
            return Ok(None);
        }
        let id = btrfs::root_of(&directory).map_err(failed)?.id;
        Ok(Some(Self {
            root: rustix::io::fcntl_dupfd_cloexec(root, 0).map_err(failed)?,
            directory,
            id,
            cache: Mutex::default(),
            changing: Mutex::default(),
        }))
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, id: SnapshotId) -> Result<Found, Error> {
        let failed = |error| Error::io(format!("open .snapshots/{id}/snapshot"), error);
        let path = format!("{id}/snapshot");
        let root = match directory::open_directory(&self.directory, path.as_str()) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Found::Nothing),
            Err(Errno::XDEV) => return Ok(Found::Covered),
            root => root.map_err(failed)?,
        };
        if rustix::fs::fstat(&root).map_err(failed)?.st_ino != ROOT_DIRECTORY {
            return Ok(Found::Nothing);
        }
        match btrfs::root_of(&root) {
            Ok(subvolume) if subvolume.parent == self.id => Ok(Found::Snapshot(root, subvolume)),
            // Nested elsewhere, or deleted since it was opened.
            Ok(_) | Err(Errno::NOENT) => Ok(Found::Nothing),
            Err(error) => Err(failed(error)),
        }
    }

    /// The snapshot that lies in this subvolume, without reading all; `None` when it is no snapshot.
    pub(crate) fn by_subvolume(&self, subvolume: u64) -> Result<Option<SnapshotId>, Error> {
        let failed = |error| Error::io(format!("find subvolume {subvolume}"), error);
        let root = btrfs::root(&self.directory, subvolume).map_err(failed)?;
        let Some(root) = root.filter(|root| root.parent == self.id) else {
            return Ok(None);
        };
        let path = match btrfs::path_in(&self.directory, self.id, root.directory) {
            Err(Errno::NOENT) => return Ok(None),
            path => path.map_err(failed)?,
        };
        let Some(id) = std::str::from_utf8(&path).ok().and_then(number) else {
            return Ok(None);
        };
        let entry = self.entry(id)?;
        Ok(entry.filter(|entry| entry.subvolume == subvolume).map(|_| id))
    }

    /// The root directory of a snapshot. A nested `/etc` lies in it as the directory `etc`. Refused with
    /// `NoSuchSnapshot` when there is none with this number, with `InUse` when something is mounted over it.
    pub(crate) fn open(&self, id: SnapshotId) -> Result<OwnedFd, Error> {
        Ok(self.existing(id)?.0)
    }

    fn existing(&self, id: SnapshotId) -> Result<(OwnedFd, Root), Error> {
        match self.look(id)? {
            Found::Snapshot(root, subvolume) => Ok((root, subvolume)),
            Found::Covered => Err(Refusal::of(RefusalCode::InUse, id).into()),
            Found::Nothing => Err(Refusal::of(RefusalCode::NoSuchSnapshot, id).into()),
        }
    }

    /// The root directory of the running system.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// `.snapshots`, on a mount that is writable where the system's root is not.
    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Writes everything in the filesystem to disk (`syncfs`).
    pub(crate) fn sync(&self) -> Result<(), Error> {
        rustix::fs::syncfs(&self.directory).map_err(|error| Error::io("write the filesystem to disk", error))
    }
}
