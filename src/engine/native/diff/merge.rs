// SPDX-License-Identifier: GPL-3.0-or-later
//! Merging directories by the names in them.

use super::failed;
use super::item::{self, Entry, Target};
use super::side::{Child, Path, Wanted};
use super::tree::{Pair, Shared, TreeDiff, Which};
use crate::Error;
use crate::native::btrfs::Cursor;
use model::{Aspects, FileChangeKind, FileKind};
use std::cmp::Ordering;

/// So many pairs are compared at a time.
const PAIRS: usize = 256;

/// To look up a name costs as much as to read so many bytes of a directory's size, two of which are a byte of a name:
/// about five entries on both sides.
const SIZE_FOR_A_NAME: u64 = 160;

/// Two directories, of which one may be missing, whose entries are compared: a directory of the old side and one of the
/// new.
type Work = (Option<u64>, Option<u64>);
type Children = Vec<Child>;

impl TreeDiff<'_, '_> {
    /// Merges every directory whose entries may differ, and what comes with them.
    pub(super) fn merge_directories(&mut self) -> Result<(), Error> {
        let mut work: Vec<Work> = Vec::new();
        for shared in std::mem::take(&mut self.directories) {
            let Some((removed, added)) = self.differences(shared)? else {
                continue;
            };
            let number = Some(shared.number);
            self.merge((number, number), removed, added, &mut work)?;
            while let Some((old, new)) = work.pop() {
                let removed = self.all_entries(Which::Old, old)?;
                let added = self.all_entries(Which::New, new)?;
                self.merge((old, new), removed, added, &mut work)?;
            }
        }
        self.compare_pairs()
    }

    /// The entries of a directory that only one side has; `None` for none.
    fn differences(&mut self, shared: Shared) -> Result<Option<(Children, Children)>, Error> {
        let Shared {
            number,
            old_size,
            new_size,
        } = shared;
        if let Some(only) = self.only {
            // A directory's size is that of the names in it: it tells when none was lost.
            let made = self.made.remove(&number).unwrap_or_default();
            let grown: u64 = made.iter().map(|child| 2 * child.name.len() as u64).sum();
            let (before, after) = match only {
                Which::New => (old_size, new_size),
                Which::Old => (new_size, old_size),
            };
            let gone = before.saturating_add(grown).checked_sub(after);
            let replaced = match gone {
                Some(0) if made.is_empty() => return Ok(None),
                Some(0) => Some(Children::new()),
                Some(gone) => self.replaced_names((only, number), &made, (before, gone))?,
                None => None,
            };
            if let Some(replaced) = replaced {
                return Ok(Some(match only {
                    Which::New => (replaced, made),
                    Which::Old => (made, replaced),
                }));
            }
        }
        let (mut removed, mut added) = (Children::new(), Children::new());
        let (mut old, mut new) = (self.old.entries(number), self.new.entries(number));
        let (mut from_old, mut from_new) = (next(&mut old)?, next(&mut new)?);
        loop {
            let order = match (&from_old, &from_new) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            if order.is_eq() && from_old == from_new {
                let children = from_old.iter().flat_map(|(_, children)| children);
                let is_clash =
                    |child: &Child| matches!(child.target, Target::Inode(number) if self.is_clash(number));
                if !children.clone().any(is_clash) {
                    (from_old, from_new) = (next(&mut old)?, next(&mut new)?);
                    continue;
                }
            }
            if order.is_le() {
                removed.extend(from_old.into_iter().flat_map(|(_, children)| children));
                from_old = next(&mut old)?;
            }
            if order.is_ge() {
                added.extend(from_new.into_iter().flat_map(|(_, children)| children));
                from_new = next(&mut new)?;
            }
        }
        Ok((!removed.is_empty() || !added.is_empty()).then_some((removed, added)))
    }

    /// The entries that the side that did not change has under the names that were made on the other, when those are all
    /// that was lost; `size` is that of the directory before and of what was lost. An update puts a new file in the place
    /// of an old one, so that mostly nothing else goes, and few names are looked up quicker than all are read.
    fn replaced_names(
        &self,
        (only, directory): (Which, u64),
        made: &[Child],
        (size, lost): (u64, u64),
    ) -> Result<Option<Children>, Error> {
        if made.len() as u64 > 1 + size / SIZE_FOR_A_NAME {
            return Ok(None);
        }
        let side = match only {
            Which::New => &self.old,
            Which::Old => &self.new,
        };
        let names = made.iter().map(|child| &*child.name);
        let found = side.entries_called(directory, names).map_err(failed)?;
        let found_size: u64 = found.iter().map(|child| 2 * child.name.len() as u64).sum();
        Ok((found_size == lost).then_some(found))
    }

    /// Every entry of a directory that only this side has.
    fn all_entries(&mut self, which: Which, number: Option<u64>) -> Result<Children, Error> {
        let Some(number) = number else {
            return Ok(Children::new());
        };
        // Everything in a directory that was made since the lines parted was made since, too.
        if self.only == Some(which) {
            return Ok(self.made.remove(&number).unwrap_or_default());
        }
        let mut children = Children::new();
        let mut cursor = self.side(which).entries(number);
        while let Some((_, more)) = next(&mut cursor)? {
            children.extend(more);
        }
        Ok(children)
    }

    /// Tells what the entries that differ between two directories mean.
    fn merge(
        &mut self,
        (old, new): Work,
        mut removed: Children,
        mut added: Children,
        work: &mut Vec<Work>,
    ) -> Result<(), Error> {
        self.output.proceed()?;
        removed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        added.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let (mut removed, mut added) = (removed.into_iter().peekable(), added.into_iter().peekable());
        loop {
            let order = match (removed.peek(), added.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.name.cmp(&new.name),
            };
            let before = if order.is_le() {
                removed.next().zip(old)
            } else {
                None
            };
            let after = if order.is_ge() {
                added.next().zip(new)
            } else {
                None
            };
            match (before, after) {
                (Some(before), Some(after)) => self.replaced(before, after, work)?,
                (Some(before), None) => self.lost(Which::Old, before, work)?,
                (None, Some(after)) => self.lost(Which::New, after, work)?,
                (None, None) => return Ok(()),
            }
        }
    }

    fn is_moved(&self, child: &Child) -> bool {
        matches!(child.target, Target::Inode(number) if self.moved.contains_key(&number))
    }

    fn path(&mut self, which: Which, (child, directory): &(Child, u64)) -> Result<Option<Path>, Error> {
        self.side(which).path_of(*directory, &child.name).map_err(failed)
    }

    /// A name that only one side has.
    fn lost(&mut self, which: Which, named: (Child, u64), work: &mut Vec<Work>) -> Result<(), Error> {
        let path = self.path(which, &named)?;
        let (child, _) = named;
        if let Target::Inode(number) = child.target
            && let Some(moved) = self.moved.get_mut(&number)
        {
            match (path, which) {
                (Some(path), Which::Old) => moved.removed.push(path),
                (Some(path), Which::New) => moved.added.push(path),
                (None, _) => self.output.leave_out(),
            }
            return Ok(());
        }
        let kind = match which {
            Which::Old => FileChangeKind::Deleted,
            Which::New => FileChangeKind::Created,
        };
        let is_reachable = path.is_some();
        self.tell(kind, path, None, child.kind, Aspects::none())?;
        if is_reachable {
            go_below(which, &child, work);
        }
        Ok(())
    }

    /// A name that both sides have in directories that answer to each other, but perhaps not for the same file.
    fn replaced(
        &mut self,
        before: (Child, u64),
        after: (Child, u64),
        work: &mut Vec<Work>,
    ) -> Result<(), Error> {
        let (old, new) = (&before.0, &after.0);
        let is_directory = |child: &Child| child.kind == FileKind::Directory;
        if old.target == new.target && !matches!(old.target, Target::Inode(number) if self.is_clash(number)) {
            // The same file in a directory that was replaced: where the directories are one, it was told already.
            if let Target::Inode(number) = new.target
                && before.1 != after.1
                && let Some(moved) = self.moved.get(&number)
                && !moved.aspects.is_empty()
            {
                let (file, aspects) = (moved.file, moved.aspects);
                let path = self.path(Which::New, &after)?;
                self.change(path, file, aspects)?;
            }
            return Ok(());
        }
        // A directory that lives on elsewhere was renamed; what has its place now is another thing.
        if (is_directory(old) && self.is_moved(old)) || (is_directory(new) && self.is_moved(new)) {
            self.lost(Which::Old, before, work)?;
            return self.lost(Which::New, after, work);
        }
        match (old.target, new.target) {
            (Target::Inode(a), Target::Inode(b)) if old.kind == new.kind => {
                if is_directory(old) {
                    work.push((Some(a), Some(b)));
                }
                let (child, directory) = after;
                self.pairs.push(Pair {
                    old: a,
                    new: b,
                    is_directory: child.kind == FileKind::Directory,
                    directory,
                    name: child.name,
                });
                if self.pairs.len() >= PAIRS {
                    self.compare_pairs()?;
                }
                Ok(())
            }
            // Nested subvolumes are not looked into.
            (Target::Subvolume(_), Target::Subvolume(_)) => Ok(()),
            _ => {
                let path = self.path(Which::New, &after)?;
                go_below(Which::Old, old, work);
                go_below(Which::New, new, work);
                self.change(path, new.kind, Aspects::KIND)
            }
        }
    }

    /// Compares the pairs of different files with one name.
    fn compare_pairs(&mut self) -> Result<(), Error> {
        let pairs = std::mem::take(&mut self.pairs);
        let sorted = |number: fn(&Pair) -> u64| {
            let wanted = |pair: &Pair| Wanted {
                number: number(pair),
                is_directory: pair.is_directory,
            };
            let mut files: Vec<Wanted> = pairs.iter().map(wanted).collect();
            files.sort_unstable();
            files.dedup_by_key(|file| file.number);
            files
        };
        let old = self.old.fetch(&sorted(|pair| pair.old), true).map_err(failed)?;
        let new = self.new.fetch(&sorted(|pair| pair.new), true).map_err(failed)?;
        for pair in &pairs {
            let (Some(old), Some(new)) = (old.get(&pair.old), new.get(&pair.new)) else {
                continue;
            };
            let aspects = self.compare_groups(old, new)?;
            if aspects.is_empty() {
                continue;
            }
            let path = self.new.path_of(pair.directory, &pair.name).map_err(failed)?;
            self.change(path, new.inode.kind(), aspects)?;
        }
        Ok(())
    }
}

/// Everything in a directory that only one side has comes or goes with it.
fn go_below(which: Which, child: &Child, work: &mut Vec<Work>) {
    if let (FileKind::Directory, Target::Inode(number)) = (child.kind, child.target) {
        work.push(match which {
            Which::Old => (Some(number), None),
            Which::New => (None, Some(number)),
        });
    }
}

/// The next item of a directory: its index and its entries, mostly one.
fn next(cursor: &mut Cursor<'_>) -> Result<Option<(u64, Children)>, Error> {
    let Some(item) = cursor.next().map_err(failed)? else {
        return Ok(None);
    };
    let mut children = Children::new();
    item::entries(item.data, |entry: Entry<'_>| children.push(entry.into()));
    Ok(Some((item.key.offset, children)))
}
