// SPDX-License-Identifier: GPL-3.0-or-later
//! Comparing two subvolumes by their trees.
//!
//! 1. The tree of each side that changed since the lines parted is searched for what was written since; the kernel
//!    passes over unchanged parts. Inodes that were changed, and directory entries that were made, are in there.
//! 2. A file that both sides have is compared with itself; where its names differ it is noted as moved.
//! 3. Directories whose entries differ are merged by name. What is only on one side is created or deleted with all
//!    below it, or belongs to a moved file; what has one name on both sides but is not the same file is compared.
//! 4. The lost and the new names of moved files make renamings.
//!
//! What is held in memory grows with the changes and not with the trees. Nothing recurses, so that the depth of a tree
//! does not matter.

use super::item::{self, Inode};
use super::lineage::Identity;
use super::side::{Child, Directory, Group, Name, Path, Side, Wanted};
use super::viewer::{Output, Row};
use super::{content, failed};
use crate::Error;
use crate::native::btrfs::{Cursor, Key, ROOT_DIRECTORY};
use model::{Aspects, FileChangeKind, FileKind};
use std::collections::{HashMap, HashSet};

/// The size of the buffer of a search over a whole tree.
const SWEEP: usize = 512 << 10;
/// So many files are fetched at a time.
const CHUNK: usize = 512;
const FIRST_FILE: u64 = ROOT_DIRECTORY;
const LAST_FILE: u64 = u64::MAX - 255;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Old,
    New,
}

/// A file that both have under different names.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) file: FileKind,
    pub(super) aspects: Aspects,
    pub(super) removed: Vec<Path>,
    pub(super) added: Vec<Path>,
}

/// Different files that have one name in directories that answer to each other.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) old: u64,
    pub(super) new: u64,
    pub(super) is_directory: bool,
    /// On the new side.
    pub(super) directory: u64,
    pub(super) name: Box<[u8]>,
}

/// A directory that both have, with its sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    pub(super) number: u64,
    pub(super) old_size: u64,
    pub(super) new_size: u64,
}

/// A comparison that goes on.
pub(super) struct TreeDiff<'d, 'o> {
    pub(super) old: Side,
    pub(super) new: Side,
    pub(super) identity: Identity,
    pub(super) output: &'d mut Output<'o>,
    /// The only side that changed; `None` when both may have.
    pub(super) only: Option<Which>,
    pub(super) moved: HashMap<u64, Moved>,
    pub(super) directories: Vec<Shared>,
    /// The entries that were made on the only side that changed, by directory.
    pub(super) made: HashMap<u64, Vec<Child>>,
    /// Numbers that were found to be one file in the old and another one in the new.
    clashes: HashSet<u64>,
    /// Numbers of files of the new side that were looked at, in order.
    seen: Vec<u64>,
    /// Numbers of files that were made since the lines parted, on the old and on the new side, each in order.
    created: [Vec<u64>; 2],
    /// Pairs of different files with one name, to be compared.
    pub(super) pairs: Vec<Pair>,
}

/// Compares two subvolumes.
pub(super) fn compare(
    old: Side,
    new: Side,
    identity: Identity,
    output: &mut Output<'_>,
) -> Result<(), Error> {
    let common = identity.common();
    let is_changed = |side: &Side| identity == Identity::Birth || side.history.changed > common;
    if old.history.id == new.history.id {
        return Ok(());
    }
    let (old_changed, new_changed) = (is_changed(&old), is_changed(&new));
    let only = match (old_changed, new_changed) {
        (false, false) => return Ok(()),
        (true, false) => Some(Which::Old),
        (false, true) => Some(Which::New),
        (true, true) => None,
    };
    let mut diff = TreeDiff {
        old,
        new,
        identity,
        output,
        only,
        moved: HashMap::new(),
        directories: Vec::new(),
        made: HashMap::new(),
        clashes: HashSet::new(),
        seen: Vec::new(),
        created: [Vec::new(), Vec::new()],
        pairs: Vec::new(),
    };
    // The root directories are one by definition.
    let root = Wanted {
        number: ROOT_DIRECTORY,
        is_directory: true,
    };
    diff.look_at(Which::New, &[root])?;
    if new_changed {
        diff.search(Which::New)?;
    }
    if old_changed {
        diff.search(Which::Old)?;
    }
    diff.merge_directories()?;
    diff.finish_moves()
}

impl TreeDiff<'_, '_> {
    pub(super) fn side(&mut self, which: Which) -> &mut Side {
        match which {
            Which::Old => &mut self.old,
            Which::New => &mut self.new,
        }
    }

    /// Searches what was written on one side since the lines parted.
    fn search(&mut self, which: Which) -> Result<(), Error> {
        let common = self.identity.common();
        let is_only = self.only == Some(which);
        let side = self.side(which);
        let tree = side.history.id;
        let filesystem = side
            .root
            .try_clone()
            .map_err(|error| Error::io("keep a directory open", error))?;
        let range = (Key::of(FIRST_FILE), Key::of(LAST_FILE));
        let since = common.saturating_add(1);
        let filesystem = std::os::fd::AsFd::as_fd(&filesystem);
        let mut cursor = Cursor::new(filesystem, tree, range, since, Some(SWEEP));
        let mut chunk = Vec::with_capacity(CHUNK);
        // The directory that was made last, until its name comes.
        let mut fresh: Option<(u64, Inode)> = None;
        while let Some(item) = cursor.next().map_err(failed)? {
            let object = item.key.object;
            match item.key.kind {
                item::INODE => {
                    fresh = None;
                    let Some(inode) = Inode::parse(item.data).filter(|inode| inode.changed > common) else {
                        continue;
                    };
                    if self.identity != Identity::Birth && inode.generation > common {
                        let [old, new] = &mut self.created;
                        match which {
                            Which::Old => old.push(object),
                            Which::New => new.push(object),
                        }
                        fresh = (inode.kind() == FileKind::Directory).then_some((object, inode));
                        continue;
                    }
                    if chunk.len() >= CHUNK {
                        self.look_at(which, &chunk)?;
                        chunk.clear();
                    }
                    chunk.push(Wanted {
                        number: object,
                        is_directory: inode.kind() == FileKind::Directory,
                    });
                }
                item::REF => {
                    if let Some((number, inode)) = fresh.take_if(|(number, _)| *number == object) {
                        let parent = item.key.offset;
                        item::refs(item.data, |name| {
                            let directory = Directory::new(inode, parent, name);
                            self.side(which).know(number, directory);
                        });
                    }
                }
                item::DIR_INDEX if is_only => item::entries(item.data, |entry| {
                    if entry.made > common {
                        self.made.entry(object).or_default().push(entry.into());
                    }
                }),
                _ => {}
            }
        }
        self.look_at(which, &chunk)
    }

    /// Whether this number is one file in the old and another one in the new, asked of a number that both have. A number
    /// is used again when all higher ones are gone, and on two branches the same numbers come next.
    pub(super) fn is_clash(&self, number: u64) -> bool {
        self.clashes.contains(&number)
            || self
                .created
                .iter()
                .any(|created| created.binary_search(&number).is_ok())
    }

    /// Looks at files that may be on both sides, in the order of their numbers.
    fn look_at(&mut self, which: Which, files: &[Wanted]) -> Result<(), Error> {
        self.output.proceed()?;
        let is_second = which == Which::Old && self.only.is_none();
        let wanted: Vec<Wanted> = files
            .iter()
            .copied()
            .filter(|file| !is_second || self.seen.binary_search(&file.number).is_err())
            .collect();
        if which == Which::New && self.only.is_none() {
            let last = self.seen.last().copied().unwrap_or(0);
            let numbers = wanted.iter().map(|file| file.number);
            self.seen.extend(numbers.filter(|number| *number > last));
        }
        let old = self.old.fetch(&wanted, true).map_err(failed)?;
        let new = self.new.fetch(&wanted, true).map_err(failed)?;
        for Wanted { number, .. } in wanted {
            let (Some(old), Some(new)) = (old.get(&number), new.get(&number)) else {
                continue;
            };
            if number == ROOT_DIRECTORY && !self.directories.is_empty() {
                continue;
            }
            if number == ROOT_DIRECTORY || self.identity.is_same(&old.inode, &new.inode) {
                self.compare_shared(old, new)?;
            } else {
                self.clashes.insert(number);
            }
        }
        Ok(())
    }

    /// Compares a file that both sides have with itself.
    fn compare_shared(&mut self, old: &Group, new: &Group) -> Result<(), Error> {
        let file = new.inode.kind();
        if file == FileKind::Directory {
            self.old.remember(old);
            self.new.remember(new);
            self.directories.push(Shared {
                number: new.number,
                old_size: old.inode.size,
                new_size: new.inode.size,
            });
        }
        let aspects = self.compare_groups(old, new)?;
        if new.number == ROOT_DIRECTORY {
            return match aspects.is_empty() {
                true => Ok(()),
                false => self.change(Some(Path::default()), file, aspects),
            };
        }
        let (mut is_moved, mut kept) = (old.names.len() != new.names.len(), Vec::new());
        for name in &new.names {
            if old.names.contains(name) && self.is_shared_directory(name.directory)? {
                kept.push(name);
            } else {
                is_moved = true;
            }
        }
        if !aspects.is_empty() {
            for Name { directory, name } in kept {
                let path = self.new.path_of(*directory, name).map_err(failed)?;
                self.change(path, file, aspects)?;
            }
        }
        if is_moved {
            let moved = Moved {
                file,
                aspects,
                removed: Vec::new(),
                added: Vec::new(),
            };
            self.moved.insert(new.number, moved);
        }
        Ok(())
    }

    /// Whether both sides have this directory. Asked of one that both have under its number.
    fn is_shared_directory(&mut self, number: u64) -> Result<bool, Error> {
        if number == ROOT_DIRECTORY {
            return Ok(true);
        }
        let only = self.only;
        let mut inode = |which| -> Result<Option<Inode>, Error> {
            let directory = self.side(which).directory(number).map_err(failed)?;
            Ok(directory.map(|directory| directory.inode))
        };
        // With one side as it was, only the other can have another file under this number.
        if let Some(which) = only {
            let inode = inode(which)?;
            return Ok(inode.is_some_and(|inode| inode.generation <= self.identity.common()));
        }
        let (old, new) = (inode(Which::Old)?, inode(Which::New)?);
        Ok(matches!((old, new), (Some(old), Some(new)) if self.identity.is_same(&old, &new)))
    }

    pub(super) fn compare_groups(&mut self, old: &Group, new: &Group) -> Result<Aspects, Error> {
        content::compare((&mut self.old, old), (&mut self.new, new), self.output)
    }

    /// Tells that the file with this path changed; without a path, it is too long to be told.
    pub(super) fn change(
        &mut self,
        path: Option<Path>,
        file: FileKind,
        aspects: Aspects,
    ) -> Result<(), Error> {
        self.tell(FileChangeKind::Changed, path, None, file, aspects)
    }

    pub(super) fn tell(
        &mut self,
        kind: FileChangeKind,
        path: Option<Path>,
        from: Option<Path>,
        file: FileKind,
        aspects: Aspects,
    ) -> Result<(), Error> {
        match path {
            Some(path) => self.output.put(Row {
                kind,
                file,
                aspects,
                path,
                from,
            }),
            None => {
                self.output.leave_out();
                Ok(())
            }
        }
    }

    /// The lost names of moved files become their new ones, in the order of the paths; what is left over is a name that
    /// came or went.
    fn finish_moves(&mut self) -> Result<(), Error> {
        for (_, moved) in std::mem::take(&mut self.moved) {
            let Moved {
                file,
                aspects,
                mut removed,
                mut added,
            } = moved;
            removed.sort_unstable_by(|a, b| a.bytes.cmp(&b.bytes));
            added.sort_unstable_by(|a, b| a.bytes.cmp(&b.bytes));
            let (mut removed, mut added) = (removed.into_iter(), added.into_iter());
            loop {
                let (kind, path, from) = match (removed.next(), added.next()) {
                    (Some(from), Some(to)) => (FileChangeKind::Renamed, to, Some(from)),
                    (Some(path), None) => (FileChangeKind::Deleted, path, None),
                    (None, Some(path)) => (FileChangeKind::Created, path, None),
                    (None, None) => break,
                };
                self.tell(kind, Some(path), from, file, aspects)?;
            }
        }
        Ok(())
    }
}
