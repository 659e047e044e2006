// SPDX-License-Identifier: GPL-3.0-or-later
//! What two subvolumes have in common.
//!
//! A snapshot is what its parent was in the transaction that made it. So the lines of ancestors of two snapshots meet
//! in one subvolume at one transaction: what was written before it is the same in both, and what was written later in
//! either may differ. It does not matter whether a snapshot was writable since, was received, or lies on a branch that
//! was rolled back: the numbers of transactions tell.

use super::item::Inode;
use crate::native::btrfs::{self, History};
use model::Uuid;
use rustix::fd::BorrowedFd;
use rustix::io::Result;

/// No line of ancestors is followed further: one link a day makes a century.
const LONGEST: usize = 40_000;

/// When a file in one subvolume is the same file as one in another with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// When it was made before the lines parted, in this transaction or earlier.
    Common(u64),
    /// Nothing is known of a common ancestor (it may be deleted): when it was made in the same transaction and at the
    /// same moment.
    Birth,
}

impl Identity {
    pub(super) fn is_same(self, old: &Inode, new: &Inode) -> bool {
        let is_one = old.generation == new.generation && old.kind() == new.kind();
        match self {
            Self::Common(until) => is_one && old.generation <= until,
            Self::Birth => is_one && old.born == new.born,
        }
    }

    /// Changes up to this transaction are common to both.
    pub(super) fn common(self) -> u64 {
        match self {
            Self::Common(until) => until,
            Self::Birth => 0,
        }
    }
}

/// The identities of a subvolume's ancestors, itself first, each with the transaction up to which the subvolume is what
/// the ancestor was.
fn line(filesystem: BorrowedFd<'_>, of: &History) -> Result<Vec<(Uuid, u64)>> {
    let mut line = vec![(of.uuid, u64::MAX)];
    let (mut current, mut until) = (*of, u64::MAX);
    while current.parent_uuid != Uuid::default() && line.len() < LONGEST {
        until = until.min(current.made);
        line.push((current.parent_uuid, until));
        match btrfs::history_of(filesystem, current.parent_uuid)? {
            Some(parent) if parent.made <= until => current = parent,
            // Deleted: who its parent was is forgotten.
            _ => break,
        }
    }
    Ok(line)
}

/// How the files of two subvolumes of one filesystem are told to be the same.
pub(super) fn identity(filesystem: BorrowedFd<'_>, old: &History, new: &History) -> Result<Identity> {
    if old.uuid == Uuid::default() || new.uuid == Uuid::default() {
        return Ok(Identity::Birth);
    }
    // The common case without a search: one is the parent of the other, or both have the same.
    let (of_old, of_new) = if old.uuid == new.parent_uuid
        || old.parent_uuid == new.uuid
        || (old.parent_uuid == new.parent_uuid && old.parent_uuid != Uuid::default())
    {
        let short = |of: &History| vec![(of.uuid, u64::MAX), (of.parent_uuid, of.made)];
        (short(old), short(new))
    } else {
        (line(filesystem, old)?, line(filesystem, new)?)
    };
    let common = of_old
        .iter()
        .filter(|(uuid, _)| *uuid != Uuid::default())
        .find_map(|(uuid, until)| {
            let other = of_new.iter().find(|(other, _)| other == uuid)?;
            Some((*until).min(other.1))
        });
    Ok(common.map_or(Identity::Birth, Identity::Common))
}
