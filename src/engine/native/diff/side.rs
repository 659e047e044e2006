// SPDX-License-Identifier: GPL-3.0-or-later
//! One of the two subvolumes that are compared: fetching what describes a file, and finding paths.

use super::item::{self, Entry, Extent, Inode, Target};
use super::viewer::Viewer;
use crate::native::btrfs::{self, Cursor, History, Key, ROOT_DIRECTORY};
use model::{FileKind, PATH_LIMIT};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Result;
use std::collections::HashMap;

/// The size of the buffer for one entry of a directory: few have the same hash.
const ENTRY: usize = 4 << 10;
/// So many paths of directories are kept at a time.
const PATHS: usize = 4096;
/// Files whose numbers are no further apart are fetched with one search.
const GAP: u64 = 24;
/// A file with more pieces or attributes than these bytes is compared piece by piece with another search.
const SMALL: usize = 64 << 10;

/// A directory's place and who may look into it.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub(super) inode: Inode,
    parent: u64,
    name: Box<[u8]>,
}

impl Directory {
    pub(super) fn new(inode: Inode, parent: u64, name: &[u8]) -> Self {
        Self {
            inode,
            parent,
            name: name.into(),
        }
    }
}

/// A path, and how much of its beginning everybody may know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) bytes: Vec<u8>,
    /// The length of the path of the first directory that the viewer may not look into.
    pub(super) closed: Option<usize>,
}

/// A name that a file has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) directory: u64,
    pub(super) name: Box<[u8]>,
}

/// A file to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) number: u64,
    /// What lies behind the attributes of a directory is its entries, which may be very many.
    pub(super) is_directory: bool,
}

/// Name and value of an extended attribute.
type Xattr = (Box<[u8]>, Box<[u8]>);

/// What a tree knows of a file, but for a directory's entries.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) number: u64,
    pub(super) inode: Inode,
    pub(super) names: Vec<Name>,
    pub(super) xattrs: Vec<Xattr>,
    pub(super) extents: Vec<Extent>,
    /// Not all attributes or pieces are in this: there are too many.
    pub(super) is_cut: bool,
}

/// An entry of a directory that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) name: Box<[u8]>,
    pub(super) target: Target,
    pub(super) kind: FileKind,
}

impl From<Entry<'_>> for Child {
    fn from(entry: Entry<'_>) -> Self {
        Self {
            name: entry.name.into(),
            target: entry.target,
            kind: entry.kind,
        }
    }
}

/// A subvolume that is compared.
#[derive(Debug)]
pub(super) struct Side {
    /// Its root directory.
    pub(super) root: OwnedFd,
    pub(super) history: History,
    /// Of the filesystem, in bytes.
    node_size: usize,
    viewer: Viewer,
    directories: HashMap<u64, Option<Directory>>,
    paths: HashMap<u64, Option<Path>>,
}

impl Side {
    pub(super) fn new(root: OwnedFd, history: History, viewer: Viewer) -> Self {
        // Where it is not told, the largest there is counts.
        let node_size = btrfs::filesystem_of(&root).map_or(u32::MAX, |it| it.node_size);
        Self {
            root,
            history,
            node_size: node_size as usize,
            viewer,
            directories: HashMap::new(),
            paths: HashMap::new(),
        }
    }

    pub(super) fn filesystem(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// A search in this subvolume's tree.
    pub(super) fn cursor(&self, range: (Key, Key), changed_since: u64, size: Option<usize>) -> Cursor<'_> {
        Cursor::new(self.filesystem(), self.history.id, range, changed_since, size)
            .with_node_size(self.node_size)
    }

    /// Fetches files in the order of their numbers, each once; those that are not there are left out. `with_contents`
    /// also fetches attributes and pieces.
    pub(super) fn fetch(&self, files: &[Wanted], with_contents: bool) -> Result<HashMap<u64, Group>> {
        let mut found = HashMap::with_capacity(files.len());
        let mut cursor: Option<Cursor<'_>> = None;
        // Everything up to a wide gap is one search, and so is a directory.
        let near = |a: &Wanted, b: &Wanted| {
            b.number.saturating_sub(a.number) <= GAP && !a.is_directory && !b.is_directory
        };
        for run in files.chunk_by(near) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let last_kind = match (with_contents, last.is_directory) {
                (true, true) => item::XATTR,
                (true, false) => item::EXTENT,
                (false, _) => item::EXTREF,
            };
            let end = Key {
                object: last.number,
                kind: last_kind,
                offset: u64::MAX,
            };
            let range = (Key::of(first.number), end);
            let cursor = match &mut cursor {
                Some(cursor) => {
                    cursor.again(range);
                    cursor
                }
                none => none.insert(self.cursor(range, 0, None)),
            };
            fetch_run(cursor, run, with_contents, &mut found)?;
        }
        Ok(found)
    }

    /// One file.
    pub(super) fn fetch_one(&self, number: u64, with_contents: bool) -> Result<Option<Group>> {
        let wanted = Wanted {
            number,
            is_directory: false,
        };
        Ok(self.fetch(&[wanted], with_contents)?.remove(&number))
    }

    /// A directory; `None` when there is none with this number.
    pub(super) fn directory(&mut self, number: u64) -> Result<Option<&Directory>> {
        if !self.directories.contains_key(&number) {
            let group = self.fetch_one(number, false)?;
            let directory = group.and_then(|group| directory_of(&group));
            self.directories.insert(number, directory);
        }
        Ok(self.directories.get(&number).and_then(Option::as_ref))
    }

    /// Remembers a directory that a search came by.
    pub(super) fn know(&mut self, number: u64, directory: Directory) {
        self.directories.insert(number, Some(directory));
    }

    /// Remembers a directory that was fetched for another reason.
    pub(super) fn remember(&mut self, group: &Group) {
        if group.inode.kind() == FileKind::Directory {
            self.directories.insert(group.number, directory_of(group));
        }
    }

    /// The path of a directory; `None` when it is too long or does not lead to the root.
    pub(super) fn path(&mut self, number: u64) -> Result<Option<Path>> {
        if let Some(path) = self.paths.get(&number) {
            return Ok(path.clone());
        }
        // Upwards to the root or to a path that is known, then down again.
        let viewer = self.viewer;
        let (mut steps, mut length, mut current) = (Vec::new(), 0, number);
        let known = loop {
            if let Some(path) = self.paths.get(&current) {
                break path.clone();
            }
            let Some(directory) = self.directory(current)? else {
                break None;
            };
            if current == ROOT_DIRECTORY {
                let is_open = viewer.may_list(directory.inode.mode, directory.inode.uid);
                steps.push(current);
                break Some(Path {
                    bytes: Vec::new(),
                    closed: (!is_open).then_some(0),
                });
            }
            let parent = directory.parent;
            length += directory.name.len() + 1;
            steps.push(current);
            // Too long, or damaged: a directory within itself.
            if length > PATH_LIMIT {
                break None;
            }
            current = parent;
        };
        if self.paths.len() > PATHS {
            self.paths.clear();
        }
        let mut path = known;
        for step in steps.into_iter().rev() {
            if step != ROOT_DIRECTORY {
                path = match path {
                    Some(parent) => self.below(parent, step),
                    None => None,
                };
            }
            self.paths.insert(step, path.clone());
        }
        Ok(path)
    }

    /// The path of a directory in another one, both of which are known.
    fn below(&self, mut path: Path, number: u64) -> Option<Path> {
        let directory = self.directories.get(&number)?.as_ref()?;
        path.push(&directory.name)?;
        if path.closed.is_none() && !self.viewer.may_list(directory.inode.mode, directory.inode.uid) {
            path.closed = Some(path.bytes.len());
        }
        Some(path)
    }

    /// The path of an entry of a directory; `None` as for [`Side::path`].
    pub(super) fn path_of(&mut self, directory: u64, name: &[u8]) -> Result<Option<Path>> {
        let Some(mut path) = self.path(directory)? else {
            return Ok(None);
        };
        Ok(path.push(name).map(|()| path))
    }

    /// The entries of these names that a directory has.
    pub(super) fn entries_called<'n>(
        &self,
        directory: u64,
        names: impl Iterator<Item = &'n [u8]>,
    ) -> Result<Vec<Child>> {
        let (mut found, mut cursor) = (Vec::new(), None::<Cursor<'_>>);
        for name in names {
            let key = Key {
                object: directory,
                kind: item::DIR_ITEM,
                offset: btrfs::hash_of_name(name).into(),
            };
            let cursor = match &mut cursor {
                Some(cursor) => {
                    cursor.again((key, key));
                    cursor
                }
                none => none.insert(self.cursor((key, key), 0, Some(ENTRY))),
            };
            while let Some(item) = cursor.next()? {
                item::entries(item.data, |entry| {
                    if entry.name == name {
                        found.push(entry.into());
                    }
                });
            }
        }
        Ok(found)
    }

    /// A directory's entries in the order in which they were made.
    pub(super) fn entries(&self, number: u64) -> Cursor<'_> {
        let key = |offset| Key {
            object: number,
            kind: item::DIR_INDEX,
            offset,
        };
        self.cursor((key(0), key(u64::MAX)), 0, None)
    }
}

impl Path {
    fn push(&mut self, name: &[u8]) -> Option<()> {
        if self.bytes.len() + name.len() + 1 > PATH_LIMIT {
            return None;
        }
        if !self.bytes.is_empty() {
            self.bytes.push(b'/');
        }
        self.bytes.extend_from_slice(name);
        Some(())
    }
}

fn directory_of(group: &Group) -> Option<Directory> {
    let name = match group.names.first() {
        Some(name) => name.clone(),
        // The root directory refers to itself.
        None if group.number == ROOT_DIRECTORY => Name {
            directory: ROOT_DIRECTORY,
            name: Box::default(),
        },
        None => return None,
    };
    (group.inode.kind() == FileKind::Directory).then_some(Directory {
        inode: group.inode,
        parent: name.directory,
        name: name.name,
    })
}

/// Reads the files of `run`, which lie close together, from a cursor over all of them.
fn fetch_run(
    cursor: &mut Cursor<'_>,
    run: &[Wanted],
    with_contents: bool,
    found: &mut HashMap<u64, Group>,
) -> Result<()> {
    let mut wanted = run.iter().map(|it| it.number).peekable();
    let mut group: Option<Group> = None;
    let mut bytes = 0;
    let mut seek = None;
    loop {
        if let Some(key) = seek.take() {
            cursor.seek(key);
        }
        let Some(item) = cursor.next()? else { break };
        let object = item.key.object;
        if group.as_ref().is_some_and(|group| group.number != object)
            && let Some(group) = group.take()
        {
            found.insert(group.number, group);
        }
        while wanted.next_if(|number| *number < object).is_some() {}
        let Some(next) = wanted.peek().copied() else { break };
        if next > object {
            seek = Some(Key::of(next));
            continue;
        }
        match (&mut group, item.key.kind) {
            (none @ None, item::INODE) => {
                bytes = 0;
                *none = Inode::parse(item.data).map(|inode| Group {
                    number: object,
                    inode,
                    names: Vec::new(),
                    xattrs: Vec::new(),
                    extents: Vec::new(),
                    is_cut: false,
                });
            }
            (Some(group), item::REF) => item::refs(item.data, |name| {
                group.names.push(Name {
                    directory: item.key.offset,
                    name: name.into(),
                });
            }),
            (Some(group), item::EXTREF) => item::extrefs(item.data, |directory, name| {
                group.names.push(Name {
                    directory,
                    name: name.into(),
                });
            }),
            (Some(group), item::XATTR | item::EXTENT) if with_contents => {
                bytes += item.data.len();
                if bytes > SMALL {
                    group.is_cut = true;
                    seek = object.checked_add(1).map(Key::of);
                } else if item.key.kind == item::XATTR {
                    item::entries(item.data, |entry| {
                        group.xattrs.push((entry.name.into(), entry.value.into()));
                    });
                } else {
                    group.extents.extend(Extent::parse(item.key.offset, item.data));
                }
            }
            // The entries of a directory may be very many, and it has no pieces behind them.
            (_, item::DIR_ITEM | item::DIR_INDEX) => seek = object.checked_add(1).map(Key::of),
            _ => {}
        }
    }
    if let Some(group) = group {
        found.insert(group.number, group);
    }
    Ok(())
}
