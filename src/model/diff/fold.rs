// SPDX-License-Identifier: GPL-3.0-or-later
//! All changes between two versions, kept small.

use super::{Aspects, FileChange, FileChangeKind, FileKind};
use std::cmp::Ordering;

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
    fn of(&mut self, kind: FileChangeKind) -> &mut u32 {
        match kind {
            FileChangeKind::Created => &mut self.created,
            FileChangeKind::Deleted => &mut self.deleted,
            FileChangeKind::Changed => &mut self.changed,
            FileChangeKind::Renamed => &mut self.renamed,
            FileChangeKind::Hidden => &mut self.hidden,
        }
    }

    pub(super) fn add(&mut self, kind: FileChangeKind) {
        let count = self.of(kind);
        *count = count.saturating_add(1);
    }

    /// These without those.
    pub(super) fn without(mut self, mut other: Self) -> Self {
        for kind in FileChangeKind::ALL {
            let count = self.of(*kind);
            *count = count.saturating_sub(*other.of(*kind));
        }
        self
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
pub(super) fn tree_order(a: &[u8], b: &[u8]) -> Ordering {
    let key = |byte: &u8| if *byte == b'/' { 0 } else { u16::from(*byte) + 1 };
    a.iter().map(key).cmp(b.iter().map(key))
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

    fn all(&self) -> impl Iterator<Item = &Compact> {
        self.order.iter().filter_map(|number| self.row(*number))
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
