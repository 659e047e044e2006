// SPDX-License-Identifier: GPL-3.0-or-later
//! The three-way merge of `/etc`, as transactional-update does it when a new snapshot starts for the first time.
//!
//! While an update is made the running system goes on, and its `/etc` with it. The sync point is `/etc` as it was when the
//! new snapshot was made: what differs from it in the new snapshot was changed by the update and stays; what differs from
//! it only in the old system was changed by its people and is carried over.
//!
//! "Differs" means the mode with the type, the owner, the group, the whole seconds of the time, the size of what is no
//! directory, or the extended attributes. Contents are not compared.

mod apply;
mod entry;
mod walk;

pub use apply::apply;

use crate::Error;
use crate::native::btrfs;
use entry::Entry;
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::path::Path;

/// The sync point's name in `/etc`. It is no part of what is merged.
pub const SYNC_POINT: &str = "etc.syncpoint";

/// The three directories.
#[derive(Debug, Clone, Copy)]
pub struct Three<'a> {
    /// `/etc` of the system that ran before.
    pub old: BorrowedFd<'a>,
    /// `/etc` of the new snapshot; what is changed.
    pub new: BorrowedFd<'a>,
    /// `/etc` as both had it.
    pub sync_point: BorrowedFd<'a>,
}

/// What happens to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The new snapshot changed, added or deleted it, and keeps it so.
    Keep,
    /// The old system changed or added it: carried over.
    Copy,
    /// The old system deleted it: deleted.
    Delete,
}

/// Paths below `/etc`, of any bytes, with what happens to each; the others are the same everywhere. A directory comes
/// before what is in it.
pub type Plan = BTreeMap<Vec<u8>, Action>;

/// What the merge would do.
pub fn plan(three: Three<'_>) -> Result<Plan, Error> {
    let mut plan = Plan::new();
    walk::visit(three.sync_point, |path, was| {
        let is = Entry::at(three.new, path)?;
        if is.is_none_or(|is| is != *was) {
            plan.insert(path.to_owned(), Action::Keep);
        }
        Ok(())
    })?;
    walk::visit(three.new, |path, _| {
        if Entry::at(three.sync_point, path)?.is_none() {
            plan.insert(path.to_owned(), Action::Keep);
        }
        Ok(())
    })?;
    walk::visit(three.sync_point, |path, was| {
        if plan.contains_key(path) {
            return Ok(());
        }
        match Entry::at(three.old, path)? {
            Some(is) if is == *was => {}
            Some(_) => {
                plan.insert(path.to_owned(), Action::Copy);
            }
            // Something below was changed in the new snapshot: the directory stays for it.
            None if was.kind() == FileType::Directory && has_below(&plan, path) => {
                plan.insert(path.to_owned(), Action::Keep);
            }
            None => {
                plan.insert(path.to_owned(), Action::Delete);
            }
        }
        Ok(())
    })?;
    walk::visit(three.old, |path, _| {
        if !plan.contains_key(path) && Entry::at(three.sync_point, path)?.is_none() {
            plan.insert(path.to_owned(), Action::Copy);
        }
        Ok(())
    })?;
    Ok(plan)
}

/// Removes the sync point when its work is done: the subvolume it is, or the directory.
pub fn remove_sync_point(path: &Path) -> Result<(), Error> {
    let failed = |error| Error::io(format!("remove {}", path.display()), error);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        directory => directory.map_err(failed)?,
    };
    if let Some(parent) = path.parent().filter(|_| btrfs::is_subvolume(&directory)) {
        let id = btrfs::root_of(&directory).map_err(failed)?.id;
        drop(directory);
        let parent = rustix::fs::open(parent, flags, Mode::empty()).map_err(failed)?;
        return btrfs::destroy_subvolume(&parent, id).map_err(failed);
    }
    apply::remove_directory(path).map_err(failed)
}

/// Whether anything below a path is in the plan.
fn has_below(plan: &Plan, path: &[u8]) -> bool {
    let from = [path, b"/"].concat();
    plan.range(from.clone()..)
        .next()
        .is_some_and(|(other, _)| other.starts_with(&from))
}

#[cfg(test)]
mod tests;
