// SPDX-License-Identifier: GPL-3.0-or-later
//! What the engine should say, found by another way: both trees are walked and read whole, and compared in memory by
//! the definition of a change. A file is recognized by its inode and the moment of its birth.

use model::{Aspects, FileChange, FileChangeKind, FileKind};
use rustix::fs::{AtFlags, FileType, StatxFlags};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hasher as _};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// An inode and its birth in seconds and nanoseconds.
type Id = (u64, i64, u32);

#[derive(Debug)]
pub(crate) struct Node {
    id: Id,
    kind: FileKind,
    mode: u16,
    owner: (u32, u32),
    modified: (i64, u32),
    content: (u64, u64),
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    children: BTreeMap<Vec<u8>, Node>,
}

/// Reads a tree. `etc` directly below is looked into even if it is a subvolume.
pub(crate) fn read(path: &Path) -> Node {
    let node = node(path);
    assert_eq!(node.kind, FileKind::Directory);
    node
}

fn node(path: &Path) -> Node {
    let flags = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let status = rustix::fs::statx(rustix::fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW, flags).unwrap();
    let kind = match FileType::from_raw_mode(status.stx_mode.into()) {
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        FileType::CharacterDevice => FileKind::Character,
        FileType::BlockDevice => FileKind::Block,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        _ => FileKind::Regular,
    };
    let mut node = Node {
        id: (status.stx_ino, status.stx_btime.tv_sec, status.stx_btime.tv_nsec),
        kind,
        mode: status.stx_mode & 0o7777,
        owner: (status.stx_uid, status.stx_gid),
        modified: (status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec),
        content: (0, 0),
        xattrs: xattrs(path),
        children: BTreeMap::new(),
    };
    let hash = |bytes: &[u8]| {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        (bytes.len() as u64, hasher.finish())
    };
    match kind {
        FileKind::Regular => node.content = hash(&std::fs::read(path).unwrap()),
        FileKind::Symlink => node.content = hash(std::fs::read_link(path).unwrap().as_os_str().as_bytes()),
        FileKind::Character | FileKind::Block => {
            node.content = (status.stx_rdev_major.into(), status.stx_rdev_minor.into());
        }
        FileKind::Directory => {
            for entry in std::fs::read_dir(path).unwrap() {
                let name = entry.unwrap().file_name();
                let mut child = self::node(&path.join(&name));
                if child.kind == FileKind::Directory && matches!(child.id.0, 2 | 256) && name != "etc" {
                    child.kind = FileKind::Subvolume;
                    child.children.clear();
                }
                node.children.insert(name.as_bytes().to_vec(), child);
            }
        }
        _ => {}
    }
    node
}

fn xattrs(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 65536];
    let length = rustix::fs::llistxattr(path, &mut names).unwrap();
    names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 65536];
            let length = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value).unwrap();
            value.truncate(length);
            (name.to_vec(), value)
        })
        .collect()
}

fn aspects(old: &Node, new: &Node) -> Aspects {
    let mut aspects = Aspects::none();
    if old.kind != new.kind {
        return Aspects::KIND;
    }
    if new.kind == FileKind::Subvolume {
        return aspects;
    }
    aspects.set(Aspects::CONTENT, old.content != new.content);
    aspects.set(Aspects::MODE, old.mode != new.mode);
    aspects.set(Aspects::OWNER, old.owner.0 != new.owner.0);
    aspects.set(Aspects::GROUP, old.owner.1 != new.owner.1);
    aspects.set(
        Aspects::TIMES,
        new.kind != FileKind::Directory && old.modified != new.modified,
    );
    let part = |node: &Node, lists: bool| -> Vec<(Vec<u8>, Vec<u8>)> {
        let is_list = |name: &[u8]| name.starts_with(b"system.posix_acl_");
        let all = node.xattrs.iter();
        all.filter(|(name, _)| is_list(name) == lists)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    aspects.set(Aspects::ACL, part(old, true) != part(new, true));
    aspects.set(Aspects::XATTRS, part(old, false) != part(new, false));
    aspects
}

fn collect<'n>(node: &'n Node, path: &[u8], found: &mut BTreeMap<Id, (&'n Node, Vec<u8>)>) {
    for (name, child) in &node.children {
        let path = join(path, name);
        if child.kind != FileKind::Subvolume {
            collect(child, &path, found);
            found.insert(child.id, (child, path));
        }
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    match directory.is_empty() {
        true => name.to_vec(),
        false => [directory, b"/", name].concat(),
    }
}

/// Names that were lost and names that are new.
type Moves = (Vec<Vec<u8>>, Vec<Vec<u8>>);

#[derive(Debug, Default)]
struct Comparison {
    shared: BTreeSet<Id>,
    rows: Vec<FileChange>,
    /// Of shared files: names that were lost and that are new, with the kind.
    moves: HashMap<Id, Moves>,
}

impl Comparison {
    fn row(&mut self, kind: FileChangeKind, path: &[u8], node: &Node, aspects: Aspects) {
        self.rows.push(FileChange {
            path: path.to_vec(),
            kind,
            file: node.kind,
            aspects,
            from: None,
        });
    }

    fn is_shared(&self, node: &Node) -> bool {
        node.kind != FileKind::Subvolume && self.shared.contains(&node.id)
    }

    fn one_sided(&mut self, node: &Node, path: &[u8], is_old: bool) {
        if self.is_shared(node) {
            let (removed, added) = self.moves.entry(node.id).or_default();
            if is_old { removed } else { added }.push(path.to_vec());
            return;
        }
        let kind = if is_old {
            FileChangeKind::Deleted
        } else {
            FileChangeKind::Created
        };
        self.row(kind, path, node, Aspects::none());
        self.below(node, path, is_old);
    }

    fn below(&mut self, node: &Node, path: &[u8], is_old: bool) {
        for (name, child) in &node.children {
            self.one_sided(child, &join(path, name), is_old);
        }
    }

    /// Compares two directories that answer to each other.
    fn directories(&mut self, (old, old_path): (&Node, &[u8]), (new, new_path): (&Node, &[u8])) {
        let names: BTreeSet<&Vec<u8>> = old.children.keys().chain(new.children.keys()).collect();
        for name in names {
            let (from, to) = (join(old_path, name), join(new_path, name));
            match (old.children.get(name), new.children.get(name)) {
                (Some(a), Some(b)) => {
                    let is_directory = |node: &Node| node.kind == FileKind::Directory;
                    let is_one = a.id == b.id && self.is_shared(a) && self.is_shared(b);
                    let lives_on = |node: &Node| is_directory(node) && self.is_shared(node);
                    if !is_one && (lives_on(a) || lives_on(b)) {
                        self.one_sided(a, &from, true);
                        self.one_sided(b, &to, false);
                        continue;
                    }
                    let aspects = aspects(a, b);
                    if !aspects.is_empty() {
                        self.row(FileChangeKind::Changed, &to, b, aspects);
                    }
                    if is_one {
                        // Its entries are compared because it is shared.
                    } else if is_directory(a) && is_directory(b) {
                        self.directories((a, &from), (b, &to));
                    } else {
                        self.below(a, &from, true);
                        self.below(b, &to, false);
                    }
                }
                (Some(a), None) => self.one_sided(a, &from, true),
                (None, Some(b)) => self.one_sided(b, &to, false),
                (None, None) => {}
            }
        }
    }
}

/// The changes between two trees, in order. With `recognize`, files that moved are recognized.
pub(crate) fn changes(old: &Node, new: &Node, recognize: bool) -> Vec<FileChange> {
    let (mut in_old, mut in_new) = (BTreeMap::new(), BTreeMap::new());
    if recognize {
        collect(old, b"", &mut in_old);
        collect(new, b"", &mut in_new);
    }
    let shared: BTreeSet<Id> = in_old
        .iter()
        .filter(|(id, (node, _))| in_new.get(id).is_some_and(|(other, _)| other.kind == node.kind))
        .map(|(id, _)| *id)
        .collect();
    let mut comparison = Comparison {
        shared,
        ..Comparison::default()
    };
    let aspects_of_root = aspects(old, new);
    if !aspects_of_root.is_empty() {
        comparison.row(FileChangeKind::Changed, b"", new, aspects_of_root);
    }
    comparison.directories((old, b""), (new, b""));
    for id in comparison.shared.clone() {
        let ((a, from), (b, to)) = (&in_old[&id], &in_new[&id]);
        if a.kind == FileKind::Directory {
            comparison.directories((a, from), (b, to));
        }
    }
    for (id, (mut removed, mut added)) in std::mem::take(&mut comparison.moves) {
        removed.sort();
        added.sort();
        let (old, new) = (in_old[&id].0, in_new[&id].0);
        let both = removed.len().min(added.len());
        for (from, to) in std::iter::zip(&removed, &added) {
            comparison.rows.push(FileChange {
                path: to.clone(),
                kind: FileChangeKind::Renamed,
                file: new.kind,
                aspects: aspects(old, new),
                from: Some(from.clone()),
            });
        }
        for path in &removed[both..] {
            comparison.row(FileChangeKind::Deleted, path, old, Aspects::none());
        }
        for path in &added[both..] {
            comparison.row(FileChangeKind::Created, path, new, Aspects::none());
        }
    }
    comparison.rows.sort();
    comparison.rows
}
