// SPDX-License-Identifier: GPL-3.0-or-later
//! Which lines a list of changed files shows: folded, and only what is unfolded.

use super::{Counts, FileChange, FileEntry, Files};
use crate::code::coded;
use std::collections::{BTreeMap, BTreeSet};

/// So many lines of one directory or package are shown before somebody asks for more.
const STEP: usize = 500;

coded! {
    /// By what a list of changed files is folded.
    FileFold {
        /// By the directories they are in.
        Directories = "directories",
        /// By the packages they belong to.
        Packages = "packages",
    }
}

/// What a line shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileRowKind {
    /// A package, or what belongs to none.
    Package(Option<String>),
    /// A directory with changes below it.
    Directory,
    /// One change.
    File,
    /// So many more changes, which are not shown yet.
    More(usize),
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// By what it is unfolded, and known again.
    pub key: Vec<u8>,
    /// What it shows.
    pub kind: FileRowKind,
    /// How deep it is, counted from 0.
    pub depth: u16,
    /// What it is called: the part of its path below the line above; empty for a package.
    pub name: Vec<u8>,
    /// Its own change, where it has one.
    pub change: Option<FileChange>,
    /// The changes below it.
    pub below: Counts,
    /// Whether what is below it is shown.
    pub is_open: bool,
}

/// How somebody looks at a list of changed files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileTree {
    fold: Option<FileFold>,
    filter: Vec<u8>,
    open: BTreeSet<Vec<u8>>,
    /// How many steps of lines somebody asked for, by key.
    more: BTreeMap<Vec<u8>, usize>,
}

impl FileTree {
    /// Folds by something else. Returns whether that is new.
    pub fn set_fold(&mut self, fold: FileFold) -> bool {
        self.fold.replace(fold) != Some(fold)
    }

    /// By what it is folded.
    pub fn fold(&self) -> FileFold {
        self.fold.unwrap_or(FileFold::Directories)
    }

    /// Shows only what has this in its path. Returns whether that is new.
    pub fn set_filter(&mut self, filter: &[u8]) -> bool {
        let is_new = self.filter != filter;
        if is_new {
            self.filter = filter.to_vec();
            self.more.clear();
        }
        is_new
    }

    /// Unfolds or folds a line, or shows more behind one.
    pub fn toggle(&mut self, row: &FileRow) {
        match row.kind {
            FileRowKind::More(_) => *self.more.entry(row.key.clone()).or_insert(1) += 1,
            FileRowKind::File => {}
            _ if self.open.remove(&row.key) => {}
            _ => {
                self.open.insert(row.key.clone());
            }
        }
    }

    /// How many lines are shown below a line.
    fn limit(&self, key: &[u8]) -> usize {
        self.more.get(&more_key(key)).map_or(STEP, |steps| steps * STEP)
    }

    /// The lines. With a filter, directories make place for a plain list of what was found.
    pub fn rows(&self, files: &Files) -> Vec<FileRow> {
        let mut rows = Vec::new();
        match self.fold() {
            FileFold::Packages => self.packages(files, &mut rows),
            FileFold::Directories if self.filter.is_empty() => self.directory(files, b"", 0, &mut rows),
            FileFold::Directories => {
                let (found, count) = files.matching(&self.filter, self.limit(b""));
                let shown = found.len();
                rows.extend(found.into_iter().map(|change| file(b"", &[], change, 0)));
                self.end(b"", count - shown, 0, &mut rows);
            }
        }
        rows
    }

    fn end(&self, key: &[u8], left: usize, depth: u16, rows: &mut Vec<FileRow>) {
        if left > 0 {
            rows.push(FileRow {
                key: more_key(key),
                kind: FileRowKind::More(left),
                depth,
                name: Vec::new(),
                change: None,
                below: Counts::default(),
                is_open: false,
            });
        }
    }

    fn directory(&self, files: &Files, path: &[u8], depth: u16, rows: &mut Vec<FileRow>) {
        let mut entries = files.level(path, b"");
        let left = entries.len().saturating_sub(self.limit(path));
        entries.truncate(self.limit(path));
        for entry in entries {
            if entry.below.total() == 0 {
                let changes = entry.changes.into_iter();
                rows.extend(changes.map(|change| file(b"", path, change, depth)));
                continue;
            }
            let mut entry = entry;
            // A directory that only holds another one is one line with it.
            while let Some(only) = only_directory(files, &entry) {
                entry = only;
            }
            let is_open = self.open.contains(&entry.path);
            let below = entry.path.clone();
            // What was something else before and is a directory now has two changes of its own.
            let mut changes = entry.changes.into_iter().rev();
            rows.push(FileRow {
                key: entry.path.clone(),
                kind: FileRowKind::Directory,
                depth,
                name: name_below(&entry.path, path),
                change: changes.next(),
                below: entry.below,
                is_open,
            });
            if is_open {
                self.directory(files, &below, depth.saturating_add(1), rows);
            }
        }
        self.end(path, left, depth, rows);
    }

    fn packages(&self, files: &Files, rows: &mut Vec<FileRow>) {
        for group in files.groups(&self.filter) {
            let mut key = vec![0];
            key.extend_from_slice(group.package.as_deref().unwrap_or_default().as_bytes());
            key.push(0);
            let is_open = self.open.contains(&key);
            let count = usize::try_from(group.counts.total()).unwrap_or(usize::MAX);
            rows.push(FileRow {
                key: key.clone(),
                kind: FileRowKind::Package(group.package.clone()),
                depth: 0,
                name: Vec::new(),
                change: None,
                below: group.counts,
                is_open,
            });
            if is_open {
                let changes = files.of_package(group.package.as_deref(), &self.filter, self.limit(&key));
                let left = count.saturating_sub(changes.len());
                rows.extend(changes.into_iter().map(|change| file(&key, &[], change, 1)));
                self.end(&key, left, 1, rows);
            }
        }
    }
}

fn more_key(key: &[u8]) -> Vec<u8> {
    // No path ends with a zero byte, and a package's key has one in front.
    [key, &[0, 0]].concat()
}

fn file(prefix: &[u8], directory: &[u8], change: FileChange, depth: u16) -> FileRow {
    let mut key = [prefix, &change.path].concat();
    // The same path may have been deleted and created.
    key.extend_from_slice(change.kind.as_str().as_bytes().get(..1).unwrap_or_default());
    key.push(0);
    FileRow {
        key,
        kind: FileRowKind::File,
        depth,
        name: name_below(&change.path, directory),
        change: Some(change),
        below: Counts::default(),
        is_open: false,
    }
}

fn name_below(path: &[u8], directory: &[u8]) -> Vec<u8> {
    let rest = match directory {
        [] => path,
        _ => path.get(directory.len() + 1..).unwrap_or(path),
    };
    rest.to_vec()
}

/// The one directory in a directory, when nothing else changed in it and it did not change itself.
fn only_directory(files: &Files, entry: &FileEntry) -> Option<FileEntry> {
    if !entry.changes.is_empty() {
        return None;
    }
    let mut level = files.level(&entry.path, b"");
    let only = level.pop().filter(|_| level.is_empty())?;
    (only.below.total() > 0).then_some(only)
}

#[cfg(test)]
mod tests;
