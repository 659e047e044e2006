// SPDX-License-Identifier: GPL-3.0-or-later
//! What the names in a snapshot tell to whom.

use super::side::Path;
use crate::Error;
use model::{Aspects, FileChange, FileChangeKind, FileKind, FilesSummary};
use std::collections::HashSet;

/// For whom changes are listed. Names in a directory are for those who could list it in the snapshot: a change below
/// one that the viewer could not is told as a change of that directory and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Somebody who may read everything.
    Everything,
    /// The user with this number, of whose groups nothing is known.
    User(u32),
}

impl Viewer {
    /// Whether the viewer may list a directory with this mode and owner and pass through it.
    pub(crate) fn may_list(self, mode: u32, owner: u32) -> bool {
        let needed = match self {
            Self::Everything | Self::User(0) => return true,
            Self::User(uid) if uid == owner => 0o500,
            Self::User(_) => 0o005,
        };
        mode & needed == needed
    }
}

/// Who is told of changes. An error ends the comparison with that error.
pub trait TakeChanges {
    /// Takes a change.
    fn change(&mut self, change: FileChange) -> Result<(), Error>;

    /// Asked now and then while nothing is found, so that who has gone away is noticed.
    fn proceed(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl<F: FnMut(FileChange) -> Result<(), Error>> TakeChanges for F {
    fn change(&mut self, change: FileChange) -> Result<(), Error> {
        self(change)
    }
}

/// Something that changed, with all that the viewer may not know.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: FileChangeKind,
    pub(super) file: FileKind,
    pub(super) aspects: Aspects,
    pub(super) path: Path,
    pub(super) from: Option<Path>,
}

/// Where rows go: what the viewer may not know is taken out of them.
pub(super) struct Output<'a> {
    take: &'a mut dyn TakeChanges,
    hidden: HashSet<Vec<u8>>,
    summary: FilesSummary,
    /// In front of every path: the nested subvolume that is compared, with a slash.
    prefix: Vec<u8>,
    /// Nothing of this name at the root, nor below it, is told.
    skip: Option<&'static [u8]>,
}

impl<'a> Output<'a> {
    pub(super) fn new(take: &'a mut dyn TakeChanges) -> Self {
        Self {
            take,
            hidden: HashSet::new(),
            summary: FilesSummary::default(),
            prefix: Vec::new(),
            skip: None,
        }
    }

    /// What follows is about the subvolume or directory with this name in the root directory.
    pub(super) fn enter(&mut self, name: &[u8]) {
        self.prefix = name.to_vec();
        self.skip = None;
    }

    /// Leaves out what is called so at the root, and everything below it.
    pub(super) fn skip(&mut self, name: &'static [u8]) {
        self.skip = Some(name);
    }

    pub(super) fn is_skipped(&self, path: &[u8]) -> bool {
        self.skip.is_some_and(|skip| {
            path.strip_prefix(skip)
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
        })
    }

    pub(super) fn summary(&self) -> FilesSummary {
        self.summary
    }

    /// Counts a change whose path is too long.
    pub(super) fn leave_out(&mut self) {
        self.summary.left_out += 1;
    }

    pub(super) fn proceed(&mut self) -> Result<(), Error> {
        self.take.proceed()
    }

    fn whole(&self, path: &[u8]) -> Vec<u8> {
        match (self.prefix.is_empty(), path.is_empty()) {
            (true, _) => path.to_vec(),
            (false, true) => self.prefix.clone(),
            (false, false) => [&self.prefix, &b"/"[..], path].concat(),
        }
    }

    fn tell(&mut self, change: FileChange) -> Result<(), Error> {
        self.summary.rows += 1;
        self.take.change(change)
    }

    /// The directory in which a path is hidden is named once.
    fn hide(&mut self, path: &Path, closed: usize) -> Result<(), Error> {
        let directory = self.whole(path.bytes.get(..closed).unwrap_or_default());
        if !self.hidden.insert(directory.clone()) {
            return Ok(());
        }
        self.tell(FileChange {
            path: directory,
            kind: FileChangeKind::Hidden,
            file: FileKind::Directory,
            aspects: Aspects::none(),
            from: None,
        })
    }

    /// Tells a change.
    pub(super) fn put(&mut self, row: Row) -> Result<(), Error> {
        let Row {
            mut kind,
            file,
            aspects,
            mut path,
            from,
        } = row;
        // What crosses the border of what is skipped is told as far as it lies on this side.
        let from = match from {
            Some(from) if self.is_skipped(&path.bytes) => {
                kind = FileChangeKind::Deleted;
                path = from;
                None
            }
            from => from.filter(|from| !self.is_skipped(&from.bytes)),
        };
        if self.is_skipped(&path.bytes) {
            return Ok(());
        }
        if let Some(from) = &from
            && let Some(closed) = from.closed
        {
            self.hide(from, closed)?;
        }
        let (path, from) = match (path.closed, from) {
            (None, from) => (path, from.filter(|from| from.closed.is_none())),
            (Some(closed), from) => {
                self.hide(&path, closed)?;
                match from.filter(|from| from.closed.is_none()) {
                    // What went where the viewer may not look is gone for the viewer.
                    Some(from) => {
                        kind = FileChangeKind::Deleted;
                        (from, None)
                    }
                    None => return Ok(()),
                }
            }
        };
        if kind == FileChangeKind::Renamed && from.is_none() {
            kind = FileChangeKind::Created;
        }
        let aspects = match kind {
            FileChangeKind::Changed | FileChangeKind::Renamed => aspects,
            _ => Aspects::none(),
        };
        let change = FileChange {
            path: self.whole(&path.bytes),
            kind,
            file,
            aspects,
            from: from.map(|from| self.whole(&from.bytes)),
        };
        self.tell(change)
    }
}
