// SPDX-License-Identifier: GPL-3.0-or-later
//! The lines of a list of changed files, made by one look over all changes in whatever order they lie. What is kept
//! meanwhile grows with what is shown, never with how many changes there are.

use super::fold::tree_order;
use super::tree::{file, more, name_below};
use super::{Counts, FileChange, FileChangeKind, FileChangeRef, FileFold, FileRow, FileRowKind, FileTree};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// So many changes of one path are shown; more than one of each kind there are not.
const OF_ONE_PATH: usize = 8;

/// A look over changes, for the lines of a [`FileTree`].
#[derive(Debug)]
pub struct FileScan<'a> {
    tree: &'a FileTree,
    packages: &'a [String],
    counts: Counts,
    /// Those that are unfolded, and the one that holds all, by their paths.
    levels: HashMap<Vec<u8>, Level>,
    /// What the filter found.
    found: First,
    /// What belongs to no package, and then to each.
    groups: Vec<Group>,
}

/// Changes of the same path.
#[derive(Debug, Default)]
struct Own {
    counts: Counts,
    changes: Vec<FileChange>,
}

impl Own {
    fn add(&mut self, change: FileChangeRef<'_>) {
        self.counts.add(change.kind);
        if self.changes.len() < OF_ONE_PATH {
            self.changes.push(change.to_change());
            self.changes.sort_by_key(|it| it.kind);
        }
    }
}

/// An entry of a directory: the changes of itself, and those below it.
#[derive(Debug, Default)]
struct Entry {
    own: Own,
    below: Counts,
    /// The longest path at or below which everything is that is below the entry.
    common: Vec<u8>,
    /// The changes of that path itself.
    at_common: Own,
}

impl Entry {
    fn below(&mut self, change: FileChangeRef<'_>) {
        self.below.add(change.kind);
        let common = match self.below.total() {
            1 => change.path.len(),
            _ => common_directory(&self.common, change.path),
        };
        if common < self.common.len() || self.below.total() == 1 {
            self.common = change.path.get(..common).unwrap_or_default().to_vec();
            self.at_common = Own::default();
        }
        if common == change.path.len() {
            self.at_common.add(change);
        }
    }

    /// The directory that the line shows, with its own changes and those below it: directories that only hold another
    /// one are one line with it.
    fn lonely(self, path: Vec<u8>) -> (Vec<u8>, Own, Counts) {
        if self.own.counts.total() > 0 {
            return (path, self.own, self.below);
        }
        let below = self.below.without(self.at_common.counts);
        if below.total() > 0 {
            return (self.common, self.at_common, below);
        }
        let end = self.common.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let parent = self.common.get(..end).unwrap_or_default().to_vec();
        (parent, Own::default(), self.below)
    }
}

/// How long the path is that two paths begin with, in whole names.
fn common_directory(a: &[u8], b: &[u8]) -> usize {
    let same = std::iter::zip(a, b).take_while(|(a, b)| a == b).count();
    let ends = |path: &[u8]| path.get(same).is_none_or(|byte| *byte == b'/');
    if ends(a) && ends(b) {
        return same;
    }
    let names = a.get(..same).unwrap_or_default();
    names.iter().rposition(|byte| *byte == b'/').unwrap_or(0)
}

/// A directory that is unfolded: its first entries, in the order of their names.
#[derive(Debug)]
struct Level {
    limit: usize,
    /// All changes below it.
    all: u32,
    entries: BTreeMap<Vec<u8>, Entry>,
}

impl Level {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            all: 0,
            entries: BTreeMap::new(),
        }
    }

    /// Takes what is below it; `rest` is the path from here.
    fn take(&mut self, rest: &[u8], change: FileChangeRef<'_>) {
        let end = rest.iter().position(|byte| *byte == b'/');
        let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
        self.all = self.all.saturating_add(1);
        // An entry that is left out or pushed out once has enough others before it, and never comes back: so the counts
        // of those that stay are whole.
        let is_full = self.entries.len() >= self.limit;
        if is_full
            && self
                .entries
                .last_key_value()
                .is_some_and(|(last, _)| last.as_slice() < name)
        {
            return;
        }
        let entry = match self.entries.get_mut(name) {
            Some(entry) => entry,
            None => self.entries.entry(name.to_vec()).or_default(),
        };
        match end {
            None => entry.own.add(change),
            Some(_) => entry.below(change),
        }
        if self.entries.len() > self.limit {
            self.entries.pop_last();
        }
    }
}

/// A change by its place among the lines.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    path: Vec<u8>,
    kind: FileChangeKind,
    number: usize,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let rest = (self.kind, self.number).cmp(&(other.kind, other.number));
        tree_order(&self.path, &other.path).then(rest)
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The first ones of many changes, in the order of a tree.
#[derive(Debug, Default)]
struct First {
    limit: usize,
    all: usize,
    changes: BTreeMap<Place, FileChange>,
}

impl First {
    fn take(&mut self, change: FileChangeRef<'_>) {
        self.all += 1;
        let is_full = self.changes.len() >= self.limit;
        let last = self.changes.last_key_value().map(|(place, _)| place);
        if is_full && last.is_none_or(|last| tree_order(&last.path, change.path).is_lt()) {
            return;
        }
        let place = Place {
            path: change.path.to_vec(),
            kind: change.kind,
            number: self.all,
        };
        self.changes.insert(place, change.to_change());
        if self.changes.len() > self.limit {
            self.changes.pop_last();
        }
    }

    fn rows(self, key: &[u8], prefix: &[u8], depth: u16, rows: &mut Vec<FileRow>) {
        let left = self.all - self.changes.len();
        let changes = self.changes.into_values();
        rows.extend(changes.map(|change| file(prefix, &[], change, depth)));
        rows.extend(more(key, left, depth));
    }
}

#[derive(Debug, Default)]
struct Group {
    counts: Counts,
    /// Its changes, where it is unfolded.
    first: Option<First>,
}

fn package_key(package: &str) -> Vec<u8> {
    [&[0], package.as_bytes(), &[0]].concat()
}

/// Whether `part` is in `path`; letters of ASCII match in either case.
fn contains(path: &[u8], part: &[u8]) -> bool {
    part.is_empty()
        || path
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part))
}

impl<'a> FileScan<'a> {
    /// Begins a look. `packages` are those that changes belong to.
    pub fn new(tree: &'a FileTree, packages: &'a [String]) -> Self {
        let mut scan = Self {
            tree,
            packages,
            counts: Counts::default(),
            levels: HashMap::new(),
            found: First {
                limit: tree.limit(b""),
                ..First::default()
            },
            groups: Vec::new(),
        };
        if tree.fold() == FileFold::Packages {
            let names = std::iter::once("").chain(packages.iter().map(String::as_str));
            scan.groups = names.map(|name| scan.group(name)).collect();
        } else {
            let open = tree.open().iter().map(Vec::as_slice).chain([&b""[..]]);
            let levels = open.map(|path| (path.to_vec(), Level::new(tree.limit(path))));
            scan.levels = levels.collect();
        }
        scan
    }

    fn group(&self, package: &str) -> Group {
        let key = package_key(package);
        let first = self.tree.open().contains(&key).then(|| First {
            limit: self.tree.limit(&key),
            ..First::default()
        });
        Group {
            counts: Counts::default(),
            first,
        }
    }

    /// Takes one change. `owner` is the place of its package among those given, counted from 1; zero for none.
    pub fn take(&mut self, change: FileChangeRef<'_>, owner: u32) {
        self.counts.add(change.kind);
        if !contains(change.path, self.tree.filter()) {
            return;
        }
        if self.tree.fold() == FileFold::Packages {
            if let Some(group) = self.groups.get_mut(owner as usize) {
                group.counts.add(change.kind);
                if let Some(first) = &mut group.first {
                    first.take(change);
                }
            }
        } else if !self.tree.filter().is_empty() {
            self.found.take(change);
        } else {
            self.directories(change);
        }
    }

    fn directories(&mut self, change: FileChangeRef<'_>) {
        if let Some(level) = self.levels.get_mut(&b""[..]) {
            level.take(change.path, change);
        }
        if self.levels.len() == 1 {
            return;
        }
        for (at, _) in change.path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let (directory, rest) = change.path.split_at(at);
            if let (Some(level), Some(rest)) = (self.levels.get_mut(directory), rest.get(1..)) {
                level.take(rest, change);
            }
        }
    }

    /// The lines, and how many changes of each kind there are in all. With a filter, directories make place for a plain
    /// list of what was found.
    pub fn rows(mut self) -> (Vec<FileRow>, Counts) {
        let mut rows = Vec::new();
        match self.tree.fold() {
            FileFold::Packages => self.package_rows(&mut rows),
            FileFold::Directories if self.tree.filter().is_empty() => self.directory_rows(b"", 0, &mut rows),
            FileFold::Directories => std::mem::take(&mut self.found).rows(b"", b"", 0, &mut rows),
        }
        (rows, self.counts)
    }

    fn directory_rows(&mut self, path: &[u8], depth: u16, rows: &mut Vec<FileRow>) {
        let Some(level) = self.levels.remove(path) else {
            return;
        };
        let mut left = level.all as usize;
        for (name, entry) in level.entries {
            let shown = entry.own.counts.total() as usize + entry.below.total() as usize;
            left = left.saturating_sub(shown);
            if entry.below.total() == 0 {
                let changes = entry.own.changes.into_iter();
                rows.extend(changes.map(|change| file(b"", path, change, depth)));
                continue;
            }
            let whole = if path.is_empty() {
                name
            } else {
                [path, b"/", &name].concat()
            };
            let (directory, mut own, below) = entry.lonely(whole);
            let is_open = self.tree.open().contains(&directory);
            rows.push(FileRow {
                key: directory.clone(),
                kind: FileRowKind::Directory,
                depth,
                name: name_below(&directory, path),
                // What was something else before and is a directory now has two changes of its own.
                change: own.changes.pop(),
                below,
                is_open,
            });
            if is_open {
                self.directory_rows(&directory, depth.saturating_add(1), rows);
            }
        }
        rows.extend(more(path, left, depth));
    }

    /// The packages with changes, most changes first, and what belongs to none at the end.
    fn package_rows(&mut self, rows: &mut Vec<FileRow>) {
        let mut groups = std::mem::take(&mut self.groups).into_iter();
        let loose = groups.next().unwrap_or_default();
        let packages = self.packages.iter().map(Some);
        let mut named: Vec<_> = std::iter::zip(packages, groups).collect();
        named.sort_by(|(name, a), (other, b)| {
            let order = b.counts.total().cmp(&a.counts.total());
            order.then_with(|| name.cmp(other))
        });
        named.push((None, loose));
        for (package, group) in named.into_iter().filter(|(_, group)| group.counts.total() > 0) {
            let key = package_key(package.map_or("", String::as_str));
            rows.push(FileRow {
                key: key.clone(),
                kind: FileRowKind::Package(package.cloned()),
                depth: 0,
                name: Vec::new(),
                change: None,
                below: group.counts,
                is_open: group.first.is_some(),
            });
            if let Some(first) = group.first {
                first.rows(&key, &key, 1, rows);
            }
        }
    }
}

#[cfg(test)]
mod tests;
