// SPDX-License-Identifier: GPL-3.0-or-later
//! All changes between two versions, kept small, and folded on demand: one level of directories, or one package.

use super::{Aspects, FileChange, FileChangeKind, FileKind};
use std::cmp::Ordering;
use std::ops::Range;

/// How many changes of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Created.
    pub created: u32,
    /// Deleted.
    pub deleted: u32,
    /// Changed.
    pub changed: u32,
    /// Renamed.
    pub renamed: u32,
    /// Directories with changes that are not shown.
    pub hidden: u32,
}

impl Counts {
    fn add(&mut self, kind: FileChangeKind) {
        let count = match kind {
            FileChangeKind::Created => &mut self.created,
            FileChangeKind::Deleted => &mut self.deleted,
            FileChangeKind::Changed => &mut self.changed,
            FileChangeKind::Renamed => &mut self.renamed,
            FileChangeKind::Hidden => &mut self.hidden,
        };
        *count = count.saturating_add(1);
    }

    /// All of them.
    pub fn total(&self) -> u32 {
        [
            self.created,
            self.deleted,
            self.changed,
            self.renamed,
            self.hidden,
        ]
        .into_iter()
        .fold(0, u32::saturating_add)
    }
}

/// An entry of a folded directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its whole path.
    pub path: Vec<u8>,
    /// The changes of the entry itself, mostly one; none for a directory that only holds changes.
    pub changes: Vec<FileChange>,
    /// The changes below it.
    pub below: Counts,
}

/// A package with changed files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGroup {
    /// The package; `None` for files of no package.
    pub package: Option<String>,
    /// Its changes.
    pub counts: Counts,
}

#[derive(Debug, Clone, Copy)]
struct Compact {
    path: u32,
    path_length: u32,
    from_length: u32,
    /// An index into the packages and one; zero for none.
    owner: u32,
    kind: FileChangeKind,
    file: FileKind,
    aspects: Aspects,
}

/// All changes between two versions: some forty bytes a change and its path, whatever asks for them.
#[derive(Debug, Clone, Default)]
pub struct Files {
    bytes: Vec<u8>,
    /// As they came, so that their numbers hold while more come.
    rows: Vec<Compact>,
    /// The rows in the order of a tree, as far as they were sorted.
    order: Vec<u32>,
    packages: Vec<String>,
}

/// The order of a tree: what is below a directory follows it at once.
fn tree_order(a: &[u8], b: &[u8]) -> Ordering {
    let key = |byte: &u8| if *byte == b'/' { 0 } else { u16::from(*byte) + 1 };
    a.iter().map(key).cmp(b.iter().map(key))
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    directory.is_empty()
        || path
            .strip_prefix(directory)
            .is_some_and(|rest| rest.first() == Some(&b'/'))
}

impl Files {
    /// Takes one change. Returns its number, which [`Files::set_owner`] takes; `None` when there is no room for more
    /// (four gigabytes of paths).
    pub fn push(&mut self, change: &FileChange) -> Option<u32> {
        let from = change.from.as_deref().unwrap_or_default();
        let number = u32::try_from(self.rows.len()).ok()?;
        let path = u32::try_from(self.bytes.len()).ok()?;
        let row = Compact {
            path,
            path_length: u32::try_from(change.path.len()).ok()?,
            from_length: u32::try_from(from.len()).ok()?,
            owner: 0,
            kind: change.kind,
            file: change.file,
            aspects: change.aspects,
        };
        self.bytes.extend_from_slice(&change.path);
        self.bytes.extend_from_slice(from);
        self.rows.push(row);
        Some(number)
    }

    /// Says which package the changes with these numbers belong to. Numbers nobody was given are left out.
    pub fn set_owner(&mut self, package: &str, numbers: &[u32]) {
        let Ok(owner) = u32::try_from(self.packages.len() + 1) else {
            return;
        };
        self.packages.push(package.to_owned());
        for number in numbers {
            if let Some(row) = self.rows.get_mut(*number as usize) {
                row.owner = owner;
            }
        }
    }

    /// Orders the changes, which makes those that have come so far ready to be looked at. More may come afterwards, and
    /// be ordered then.
    pub fn sort(&mut self) {
        let known = self.order.len();
        let new = self.rows.len();
        self.order
            .extend((known..new).filter_map(|at| u32::try_from(at).ok()));
        let mut order = std::mem::take(&mut self.order);
        // What is in order already is one run for the sort.
        order.sort_by(|a, b| match (self.row(*a), self.row(*b)) {
            (Some(a), Some(b)) => tree_order(self.path(a), self.path(b)).then(a.kind.cmp(&b.kind)),
            _ => Ordering::Equal,
        });
        self.order = order;
    }

    fn row(&self, number: u32) -> Option<&Compact> {
        self.rows.get(number as usize)
    }

    /// The rows of a part of the order.
    fn ordered(&self, range: Range<usize>) -> impl Iterator<Item = &Compact> {
        let part = self.order.get(range).unwrap_or_default();
        part.iter().filter_map(|number| self.row(*number))
    }

    fn all(&self) -> impl Iterator<Item = &Compact> {
        self.ordered(0..self.order.len())
    }

    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn path(&self, row: &Compact) -> &[u8] {
        slice(&self.bytes, row.path, row.path_length)
    }

    fn change(&self, row: &Compact) -> FileChange {
        let from = slice(
            &self.bytes,
            row.path.saturating_add(row.path_length),
            row.from_length,
        );
        FileChange {
            path: self.path(row).to_vec(),
            kind: row.kind,
            file: row.file,
            aspects: row.aspects,
            from: (row.kind == FileChangeKind::Renamed).then(|| from.to_vec()),
        }
    }

    fn owner(&self, row: &Compact) -> Option<&str> {
        let at = (row.owner as usize).checked_sub(1)?;
        self.packages.get(at).map(String::as_str)
    }

    /// Every change in the order of a tree, with the package it belongs to.
    pub fn iter(&self) -> impl Iterator<Item = (FileChange, Option<&str>)> {
        self.all().map(|row| (self.change(row), self.owner(row)))
    }

    /// The changes at and below a directory; all for the empty path.
    fn range(&self, directory: &[u8]) -> Range<usize> {
        if directory.is_empty() {
            return 0..self.order.len();
        }
        let path = |number: &u32| self.row(*number).map_or(&[][..], |row| self.path(row));
        let first = self
            .order
            .partition_point(|number| tree_order(path(number), directory).is_lt());
        let rest = self.order.get(first..).unwrap_or_default();
        let length = rest.partition_point(|number| {
            let path = path(number);
            path == directory || is_below(path, directory)
        });
        first..first + length
    }

    /// One level: the entries of a directory that changed or below which something did, in the order of their names.
    /// Only changes whose path contains `filter` count; the empty filter lets all through.
    pub fn level(&self, directory: &[u8], filter: &[u8]) -> Vec<FileEntry> {
        let skip = if directory.is_empty() {
            0
        } else {
            directory.len() + 1
        };
        let mut entries: Vec<FileEntry> = Vec::new();
        for row in self.ordered(self.range(directory)) {
            let path = self.path(row);
            let Some(rest) = path.get(skip..).filter(|rest| !rest.is_empty()) else {
                continue;
            };
            if !contains(path, filter) {
                continue;
            }
            let name = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
            let entry_path = path.get(..skip + name).unwrap_or(path);
            if entries.last().is_none_or(|last| last.path != entry_path) {
                entries.push(FileEntry {
                    path: entry_path.to_vec(),
                    changes: Vec::new(),
                    below: Counts::default(),
                });
            }
            let Some(entry) = entries.last_mut() else { continue };
            if name == rest.len() {
                entry.changes.push(self.change(row));
            } else {
                entry.below.add(row.kind);
            }
        }
        entries
    }

    /// The packages with changes, most changes first, and what belongs to none at the end. Only changes whose path
    /// contains `filter` count.
    pub fn groups(&self, filter: &[u8]) -> Vec<FileGroup> {
        let mut counts = vec![Counts::default(); self.packages.len() + 1];
        for row in self.rows.iter().filter(|row| contains(self.path(row), filter)) {
            if let Some(counts) = counts.get_mut(row.owner as usize) {
                counts.add(row.kind);
            }
        }
        let mut counts = counts.into_iter();
        let loose = counts.next().unwrap_or_default();
        let mut groups: Vec<FileGroup> = std::iter::zip(&self.packages, counts)
            .filter(|(_, counts)| counts.total() > 0)
            .map(|(package, counts)| FileGroup {
                package: Some(package.clone()),
                counts,
            })
            .collect();
        groups.sort_by(|a, b| {
            let order = b.counts.total().cmp(&a.counts.total());
            order.then_with(|| a.package.cmp(&b.package))
        });
        if loose.total() > 0 {
            groups.push(FileGroup {
                package: None,
                counts: loose,
            });
        }
        groups
    }

    /// The changes of one package, or of none, at most `limit` of them, in the order of a tree.
    pub fn of_package(&self, package: Option<&str>, filter: &[u8], limit: usize) -> Vec<FileChange> {
        self.all()
            .filter(|row| self.owner(row) == package && contains(self.path(row), filter))
            .take(limit)
            .map(|row| self.change(row))
            .collect()
    }

    /// The changes whose path contains `filter`, at most `limit` of them, in the order of a tree, and how many there are.
    pub fn matching(&self, filter: &[u8], limit: usize) -> (Vec<FileChange>, usize) {
        let matching: Vec<&Compact> = self
            .all()
            .filter(|row| contains(self.path(row), filter))
            .collect();
        let shown = matching.iter().take(limit).map(|row| self.change(row));
        (shown.collect(), matching.len())
    }

    /// How many changes of each kind.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for row in &self.rows {
            counts.add(row.kind);
        }
        counts
    }
}

fn slice(bytes: &[u8], start: u32, length: u32) -> &[u8] {
    bytes
        .get(start as usize..)
        .and_then(|rest| rest.get(..length as usize))
        .unwrap_or_default()
}

/// Whether `part` is in `path`; letters of ASCII match in either case.
fn contains(path: &[u8], part: &[u8]) -> bool {
    part.is_empty()
        || path
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part))
}
