// SPDX-License-Identifier: GPL-3.0-or-later
//! Which lines a list of changed files shows: folded, and only what is unfolded.

use super::{Counts, FileChange};
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
    pub(super) fn limit(&self, key: &[u8]) -> usize {
        self.more.get(&more_key(key)).map_or(STEP, |steps| steps * STEP)
    }

    pub(super) fn filter(&self) -> &[u8] {
        &self.filter
    }

    /// What is unfolded, by the keys of the lines.
    pub(super) fn open(&self) -> &BTreeSet<Vec<u8>> {
        &self.open
    }
}

/// The line behind the others of a directory or package, where some are left.
pub(super) fn more(key: &[u8], left: usize, depth: u16) -> Option<FileRow> {
    (left > 0).then(|| FileRow {
        key: more_key(key),
        kind: FileRowKind::More(left),
        depth,
        name: Vec::new(),
        change: None,
        below: Counts::default(),
        is_open: false,
    })
}

fn more_key(key: &[u8]) -> Vec<u8> {
    // No path ends with a zero byte, and a package's key has one in front.
    [key, &[0, 0]].concat()
}

pub(super) fn file(prefix: &[u8], directory: &[u8], change: FileChange, depth: u16) -> FileRow {
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

pub(super) fn name_below(path: &[u8], directory: &[u8]) -> Vec<u8> {
    let rest = match directory {
        [] => path,
        _ => path.get(directory.len() + 1..).unwrap_or(path),
    };
    rest.to_vec()
}
