// SPDX-License-Identifier: GPL-3.0-or-later
//! Everything in a system, to be compared: names, kinds, owners, modes, times, and the content of each file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One thing in a system.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    /// Mode, owner, group and device.
    kind: (u32, u32, u32, u64),
    /// When it was changed, in seconds and nanoseconds.
    time: (i64, i64),
    /// What is in a file, or where a link leads.
    content: Arc<[u8]>,
}

/// What is at each path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Manifest(BTreeMap<PathBuf, Item>);

impl Manifest {
    /// Of everything below a directory, with what is nested in it. Content that is also in one of `like` at the same
    /// path is kept once.
    pub(crate) fn of(root: &Path, like: &[&Self]) -> io::Result<Self> {
        let mut found = BTreeMap::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let (path, data) = (folder.join(entry.file_name()), entry.metadata()?);
                let mut content = Vec::new();
                if data.is_dir() {
                    folders.push(path.clone());
                } else if data.is_symlink() {
                    let target = fs::read_link(entry.path())?;
                    content = target.as_os_str().as_bytes().to_vec();
                } else if data.is_file() {
                    content = fs::read(entry.path())?;
                }
                let known = like
                    .iter()
                    .filter_map(|manifest| manifest.0.get(&path))
                    .find(|item| *item.content == *content)
                    .map(|item| Arc::clone(&item.content));
                let item = Item {
                    kind: (data.mode(), data.uid(), data.gid(), data.rdev()),
                    time: (data.mtime(), data.mtime_nsec()),
                    content: known.unwrap_or_else(|| content.into()),
                };
                found.insert(path, item);
            }
        }
        Ok(Self(found))
    }

    /// The first path at which another one differs, and how many there are.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let is_same = |a: &Item, b: &Item| {
            (a.kind, a.time) == (b.kind, b.time)
                && (Arc::ptr_eq(&a.content, &b.content) || a.content == b.content)
        };
        let gone = |(path, item): (&PathBuf, &Item)| match other.0.get(path) {
            None => Some((path.clone(), "is gone")),
            Some(there) if is_same(item, there) => None,
            Some(_) => Some((path.clone(), "differs")),
        };
        let new = other.0.keys().filter(|path| !self.0.contains_key(*path));
        let mut different: Vec<_> = self.0.iter().filter_map(gone).collect();
        different.extend(new.map(|path| (path.clone(), "is new")));
        let (path, how) = different.first()?;
        Some(format!("/{} {how} ({} in all)", path.display(), different.len()))
    }
}
