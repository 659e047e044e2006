// SPDX-License-Identifier: GPL-3.0-or-later
//! How the files of two system versions differ, exactly.
//!
//! Both are subvolumes of one filesystem, whose trees share what is common to them. [`tree`] compares those trees; where
//! nothing is known of a common ancestor it compares them whole. [`walk`] walks through directories where there are no
//! two trees to compare.
//!
//! A nested `/etc` is part of a version and compared as such; other nested subvolumes are leaves.
//!
//! # What a change is
//! A file is the same in both when it has one inode that was made before the two lines parted. A directory of one
//! version answers to one of the other when they are the same, or when their parents answer to each other, they have
//! one name, and neither is in the other version at all. A name in directories that answer to each other is in both
//! versions, and what it leads to is compared, unless a directory of that name lives on elsewhere. All other names are
//! lost or new; those of one file are paired in the order of their paths and make renamings. What lies in a renamed
//! directory is not told for that.

mod content;
mod item;
mod lineage;
mod merge;
mod open;
mod side;
mod tree;
mod versions;
mod viewer;
mod walk;

#[cfg(feature = "fuzzing")]
pub(crate) use item::read_item;
pub(crate) use open::plain;
pub(crate) use versions::{open_file, versions};
pub use viewer::{TakeChanges, Viewer};

use super::NativeEngine;
use super::btrfs::{self, History, ROOT_DIRECTORY};
use crate::Error;
use model::{FilesSummary, SnapshotId};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::OpenTreeFlags;
use side::Side;
use std::sync::PoisonError;
use viewer::Output;

/// The subvolume that is part of a version.
const ETC: &[u8] = b"etc";

fn failed(error: Errno) -> Error {
    Error::io("search the tree of a snapshot", error)
}

/// A version of the system: its root directory and its nested `/etc`.
struct Version {
    root: OwnedFd,
    history: History,
    etc: Option<(OwnedFd, History)>,
}

fn history_of(directory: BorrowedFd<'_>) -> Result<History, Error> {
    let id = btrfs::root_of(directory).map_err(failed)?.id;
    let history = btrfs::history(directory, id).map_err(failed)?;
    history.ok_or_else(|| failed(Errno::NOENT))
}

/// The root directory of a snapshot, or of the running system without what is mounted over it.
pub(super) fn root_of(engine: &NativeEngine, id: Option<SnapshotId>) -> Result<OwnedFd, Error> {
    let store = engine.store()?;
    // A running snapshot is looked at where it lies: nothing is mounted over its directories there.
    match id.or(engine.booted()?) {
        Some(id) => store.open(id),
        None => {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE
                | OpenTreeFlags::OPEN_TREE_CLOEXEC
                | OpenTreeFlags::AT_EMPTY_PATH;
            let tree = rustix::mount::open_tree(store.root(), "", flags);
            let tree =
                tree.map_err(|error| Error::io("look below the mounts of the running system", error))?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::openat(&tree, ".", flags, Mode::empty())
                .map_err(|error| Error::io("open the root directory", error))
        }
    }
}

impl Version {
    fn open(engine: &NativeEngine, id: Option<SnapshotId>) -> Result<Self, Error> {
        let root = root_of(engine, id)?;
        let history = history_of(root.as_fd())?;
        let children = btrfs::children(&root, history.id).map_err(failed)?;
        let is_etc = |child: &&btrfs::Child| child.directory == ROOT_DIRECTORY && child.name == ETC;
        let etc = match children.iter().find(is_etc) {
            Some(child) => {
                let etc = open::plain(root.as_fd(), ETC, OFlags::RDONLY | OFlags::DIRECTORY);
                let etc = etc.map_err(|error| Error::io("open the nested /etc of a snapshot", error))?;
                let history = history_of(etc.as_fd())?;
                (history.id == child.id).then_some((etc, history))
            }
            None => None,
        };
        let mut version = Self { root, history, etc };
        version.settle(engine)?;
        Ok(version)
    }

    /// What is not written yet is in no tree. A snapshot that was read-only from the start is complete; in one that was
    /// written to, the last bytes may be on their way even if it is read-only by now.
    fn settle(&mut self, engine: &NativeEngine) -> Result<(), Error> {
        let subvolumes = std::iter::once(&self.history).chain(self.etc.iter().map(|(_, history)| history));
        let mut open = subvolumes
            .filter(|history| !history.read_only || history.changed > history.made)
            .map(|history| (history.id, history.changed, history.read_only))
            .collect::<Vec<_>>();
        {
            let settled = engine.settled.lock().unwrap_or_else(PoisonError::into_inner);
            open.retain(|(id, changed, read_only)| !read_only || !settled.contains(&(*id, *changed)));
        }
        if open.is_empty() {
            return Ok(());
        }
        rustix::fs::syncfs(&self.root).map_err(|error| Error::io("write the filesystem to disk", error))?;
        self.history = history_of(self.root.as_fd())?;
        if let Some((etc, history)) = &mut self.etc {
            *history = history_of(etc.as_fd())?;
        }
        let mut settled = engine.settled.lock().unwrap_or_else(PoisonError::into_inner);
        for history in std::iter::once(&self.history).chain(self.etc.iter().map(|(_, history)| history)) {
            settled.insert((history.id, history.changed));
        }
        Ok(())
    }
}

/// Tells how the files of `to` differ from those of `from`; `None` is the running system. Needs CAP_SYS_ADMIN.
pub(crate) fn file_changes(
    engine: &NativeEngine,
    (from, to): (Option<SnapshotId>, Option<SnapshotId>),
    viewer: Viewer,
    take: &mut dyn TakeChanges,
) -> Result<FilesSummary, Error> {
    let (old, new) = (Version::open(engine, from)?, Version::open(engine, to)?);
    let mut output = Output::new(take);
    let one_has_etc = old.etc.is_some() != new.etc.is_some();
    if one_has_etc {
        output.skip(ETC);
    }
    let in_directory = match one_has_etc {
        true => Some((directory(&old.root, ETC)?, directory(&new.root, ETC)?)),
        false => None,
    };
    compare(
        (old.root, old.history),
        (new.root, new.history),
        viewer,
        &mut output,
    )?;
    output.enter(ETC);
    if let (Some(old), Some(new)) = (old.etc, new.etc) {
        compare(old, new, viewer, &mut output)?;
    } else if let Some((old, new)) = in_directory {
        walk::compare(
            old.as_ref().map(|old| walk::Tree::new(old.as_fd(), viewer)),
            new.as_ref().map(|new| walk::Tree::new(new.as_fd(), viewer)),
            &mut output,
        )?;
    }
    Ok(output.summary())
}

fn directory(root: &OwnedFd, name: &[u8]) -> Result<Option<OwnedFd>, Error> {
    match open::plain(root.as_fd(), name, OFlags::RDONLY | OFlags::DIRECTORY) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(Error::io("open a directory of a snapshot", error)),
    }
}

type Subvolume = (OwnedFd, History);

fn compare(old: Subvolume, new: Subvolume, viewer: Viewer, output: &mut Output<'_>) -> Result<(), Error> {
    let identity = lineage::identity(new.0.as_fd(), &old.1, &new.1).map_err(failed)?;
    let side = |(root, history): Subvolume| Side::new(root, history, viewer);
    tree::compare(side(old), side(new), identity, output)
}

/// Tells how the files below one directory differ from those below another, on whatever filesystems they are: by walking
/// through both. A file that moved is told as deleted and created. Nested subvolumes and other mounts are leaves.
pub fn compare_directories(
    old: BorrowedFd<'_>,
    new: BorrowedFd<'_>,
    viewer: Viewer,
    take: &mut dyn TakeChanges,
) -> Result<FilesSummary, Error> {
    let mut output = Output::new(take);
    let tree = |root| Some(walk::Tree::new(root, viewer));
    walk::compare(tree(old), tree(new), &mut output)?;
    Ok(output.summary())
}
