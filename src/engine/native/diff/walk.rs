// SPDX-License-Identifier: GPL-3.0-or-later
//! Comparing two directories by walking through them: slower, and without renamings, but it asks nothing of the
//! filesystem. For what has no common tree.

use super::content::{compare_properties, compare_xattrs, reads_same};
use super::item::{self, Inode};
use super::open;
use super::side::Path;
use super::viewer::{Output, Row, Viewer};
use crate::Error;
use model::{Aspects, FileChangeKind, FileKind, PATH_LIMIT};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, OFlags, RawDir, Stat};
use rustix::io::{Errno, Result};
use std::cmp::Ordering;
use std::mem::MaybeUninit;

/// The inode of a subvolume's root directory, and of what stands for a nested subvolume in a snapshot.
const ROOTS: [u64; 2] = [256, 2];
/// Linux lists no more (XATTR_LIST_MAX), and no value is larger (XATTR_SIZE_MAX).
const XATTR_MOST: usize = 64 << 10;

/// A directory of one side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree<'a> {
    root: BorrowedFd<'a>,
    viewer: Viewer,
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: BorrowedFd<'a>, viewer: Viewer) -> Self {
        Self { root, viewer }
    }
}

/// A directory that is still to be compared: its path, and on each side that has it how much of it everybody may know.
struct Work {
    path: Vec<u8>,
    old: Option<Option<usize>>,
    new: Option<Option<usize>>,
}

/// An entry of a directory.
struct Found {
    name: Vec<u8>,
    inode: Inode,
    kind: FileKind,
}

type Listing = (OwnedFd, Vec<Found>);

/// Compares two directories, of which one may be missing.
pub(super) fn compare(
    old: Option<Tree<'_>>,
    new: Option<Tree<'_>>,
    output: &mut Output<'_>,
) -> std::result::Result<(), Error> {
    let closed = |tree: Option<Tree<'_>>| -> Result<Option<Option<usize>>> {
        tree.map(|tree| {
            let inode = inode_of(&rustix::fs::fstat(tree.root)?);
            let is_open = tree.viewer.may_list(inode.mode, inode.uid);
            Ok((!is_open).then_some(0))
        })
        .transpose()
    };
    let failed = |error| Error::io("look at a directory of a snapshot", error);
    let mut walk = Walk { old, new, output };
    let (in_old, in_new) = (closed(old).map_err(failed)?, closed(new).map_err(failed)?);
    walk.root()?;
    let mut work = vec![Work {
        path: Vec::new(),
        old: in_old,
        new: in_new,
    }];
    while let Some(next) = work.pop() {
        walk.directory(&next, &mut work).map_err(|error| match error {
            Stop::Error(error) => error,
            Stop::System(error) => Error::io("read a directory of a snapshot", error),
        })?;
    }
    Ok(())
}

enum Stop {
    Error(Error),
    System(Errno),
}

impl From<Errno> for Stop {
    fn from(error: Errno) -> Self {
        Self::System(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

struct Walk<'a, 'd, 'o> {
    old: Option<Tree<'a>>,
    new: Option<Tree<'a>>,
    output: &'d mut Output<'o>,
}

impl Walk<'_, '_, '_> {
    /// The directories themselves.
    fn root(&mut self) -> std::result::Result<(), Error> {
        let failed = |error| Error::io("look at a directory of a snapshot", error);
        let inode = |tree: Tree<'_>| rustix::fs::fstat(tree.root).map(|status| inode_of(&status));
        let (kind, aspects) = match (self.old, self.new) {
            (Some(old), Some(new)) => {
                let (a, b) = (inode(old).map_err(failed)?, inode(new).map_err(failed)?);
                let xattrs = compare_lists(&xattrs_of(old.root, b".")?, &xattrs_of(new.root, b".")?);
                (FileChangeKind::Changed, compare_properties(&a, &b) | xattrs)
            }
            (Some(_), None) => (FileChangeKind::Deleted, Aspects::none()),
            (None, _) => (FileChangeKind::Created, Aspects::none()),
        };
        if kind == FileChangeKind::Changed && aspects.is_empty() {
            return Ok(());
        }
        self.output.put(Row {
            kind,
            file: FileKind::Directory,
            aspects,
            path: Path::default(),
            from: None,
        })
    }

    fn directory(&mut self, at: &Work, work: &mut Vec<Work>) -> std::result::Result<(), Stop> {
        self.output.proceed()?;
        let list = |tree: Option<Tree<'_>>, has: bool| -> Result<Option<Listing>> {
            tree.filter(|_| has).map(|tree| list(tree, &at.path)).transpose()
        };
        let old = list(self.old, at.old.is_some())?;
        let new = list(self.new, at.new.is_some())?;
        let (old_directory, old_entries) = old.unzip();
        let (new_directory, new_entries) = new.unzip();
        let mut before = old_entries.unwrap_or_default().into_iter().peekable();
        let mut after = new_entries.unwrap_or_default().into_iter().peekable();
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.name.cmp(&new.name),
            };
            let old = if order.is_le() { before.next() } else { None };
            let new = if order.is_ge() { after.next() } else { None };
            let directories = (old_directory.as_ref(), new_directory.as_ref());
            self.entry(at, (old, new), directories, work)?;
        }
    }

    fn entry(
        &mut self,
        at: &Work,
        (old, new): (Option<Found>, Option<Found>),
        directories: (Option<&OwnedFd>, Option<&OwnedFd>),
        work: &mut Vec<Work>,
    ) -> std::result::Result<(), Stop> {
        let Some(named) = new.as_ref().or(old.as_ref()) else {
            return Ok(());
        };
        let mut path = at.path.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&named.name);
        if path.len() > PATH_LIMIT {
            self.output.leave_out();
            return Ok(());
        }
        if self.output.is_skipped(&path) {
            return Ok(());
        }
        let (kind, aspects) = match (&old, &new) {
            (Some(old), Some(new)) if old.kind != new.kind => (FileChangeKind::Changed, Aspects::KIND),
            (Some(old), Some(new)) => (FileChangeKind::Changed, self.compare((old, new), directories)?),
            (Some(_), None) => (FileChangeKind::Deleted, Aspects::none()),
            (None, _) => (FileChangeKind::Created, Aspects::none()),
        };
        let closed = if new.is_some() { at.new } else { at.old };
        if kind != FileChangeKind::Changed || !aspects.is_empty() {
            self.output.put(Row {
                kind,
                file: named.kind,
                aspects,
                path: Path {
                    bytes: path.clone(),
                    closed: closed.flatten(),
                },
                from: None,
            })?;
        }
        let below = |found: &Option<Found>, tree: Option<Tree<'_>>, closed: Option<Option<usize>>| {
            let found = found.as_ref().filter(|found| found.kind == FileKind::Directory)?;
            let is_open = tree?.viewer.may_list(found.inode.mode, found.inode.uid);
            Some(closed?.or((!is_open).then_some(path.len())))
        };
        let next = Work {
            old: below(&old, self.old, at.old),
            new: below(&new, self.new, at.new),
            path: path.clone(),
        };
        if next.old.is_some() || next.new.is_some() {
            work.push(next);
        }
        Ok(())
    }

    /// Compares two files of one kind.
    fn compare(
        &mut self,
        (old, new): (&Found, &Found),
        directories: (Option<&OwnedFd>, Option<&OwnedFd>),
    ) -> std::result::Result<Aspects, Stop> {
        let (Some(in_old), Some(in_new)) = directories else {
            return Ok(Aspects::none());
        };
        if new.kind == FileKind::Subvolume {
            return Ok(Aspects::none());
        }
        let mut aspects = compare_properties(&old.inode, &new.inode);
        let lists = (
            xattrs_of(in_old.as_fd(), &old.name)?,
            xattrs_of(in_new.as_fd(), &new.name)?,
        );
        aspects = aspects | compare_lists(&lists.0, &lists.1);
        if aspects.has(Aspects::CONTENT) {
            return Ok(aspects);
        }
        let differs = match new.kind {
            FileKind::Symlink => {
                let target =
                    |directory: &OwnedFd, name: &[u8]| rustix::fs::readlinkat(directory, name, Vec::new());
                target(in_old, &old.name)? != target(in_new, &new.name)?
            }
            FileKind::Regular if new.inode.size > 0 => {
                let a = open::regular(in_old.as_fd(), &old.name)?;
                let b = open::regular(in_new.as_fd(), &new.name)?;
                !self.has_same_bytes((&a, &b), new.inode.size)?
            }
            _ => false,
        };
        aspects.set(Aspects::CONTENT, differs);
        Ok(aspects)
    }

    /// Compares two files of one size, passing over what is a hole in both.
    fn has_same_bytes(
        &mut self,
        (a, b): (&OwnedFd, &OwnedFd),
        size: u64,
    ) -> std::result::Result<bool, Error> {
        let data = |file: &OwnedFd, at: u64| match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(Errno::NXIO) => size,
            Err(_) => at,
        };
        let hole =
            |file: &OwnedFd, at: u64| rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(at)).unwrap_or(size);
        let mut at = 0;
        while at < size {
            let start = data(a, at).min(data(b, at)).clamp(at, size);
            let end = hole(a, start).max(hole(b, start)).clamp(start, size);
            if !reads_same((a, b), start, end, self.output)? {
                return Ok(false);
            }
            if start == size {
                break;
            }
            // A filesystem that tells nonsense must not keep us here.
            at = end.max(start + 1);
        }
        Ok(true)
    }
}

fn inode_of(status: &Stat) -> Inode {
    Inode {
        generation: 0,
        changed: 0,
        size: status.st_size.cast_unsigned(),
        uid: status.st_uid,
        gid: status.st_gid,
        mode: status.st_mode,
        device: status.st_rdev,
        modified: (status.st_mtime, u32::try_from(status.st_mtime_nsec).unwrap_or(0)),
        born: (0, 0),
    }
}

/// A directory's entries in the order of their names.
fn list(tree: Tree<'_>, path: &[u8]) -> Result<Listing> {
    let directory = open::plain(tree.root, path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let device = rustix::fs::fstat(&directory)?.st_dev;
    let mut names = Vec::new();
    let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
    let mut entries = RawDir::new(&directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(name.to_vec());
        }
    }
    names.sort_unstable();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let status = match rustix::fs::statat(&directory, &*name, AtFlags::SYMLINK_NOFOLLOW) {
            // Gone since it was listed: the running system goes on running.
            Err(Errno::NOENT) => continue,
            status => status?,
        };
        let inode = inode_of(&status);
        let is_nested = ROOTS.contains(&status.st_ino) && status.st_dev != device;
        let kind = match item::kind_of_mode(status.st_mode) {
            FileKind::Directory if is_nested || status.st_ino == 2 => FileKind::Subvolume,
            kind => kind,
        };
        found.push(Found { name, inode, kind });
    }
    Ok((directory, found))
}

type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

fn compare_lists(old: &Xattrs, new: &Xattrs) -> Aspects {
    fn view(all: &Xattrs) -> impl Iterator<Item = (&[u8], &[u8])> {
        all.iter().map(|(name, value)| (&**name, &**value))
    }
    compare_xattrs(view(old), view(new))
}

/// The attributes of a directory's entry; of a link its own.
fn xattrs_of(directory: BorrowedFd<'_>, name: &[u8]) -> std::result::Result<Xattrs, Error> {
    let failed = |error: Errno| Error::io("read extended attributes in a snapshot", error);
    // There is no call that takes a directory and a name before Linux 6.13.
    let path = [
        format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(),
        name,
    ]
    .concat();
    let mut names = vec![0; XATTR_MOST];
    let length = match rustix::fs::llistxattr(&*path, &mut names) {
        Err(Errno::OPNOTSUPP | Errno::NOENT) => return Ok(Vec::new()),
        length => length.map_err(failed)?,
    };
    let mut xattrs = Xattrs::new();
    let names = names.get(..length).unwrap_or_default();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; XATTR_MOST];
        match rustix::fs::lgetxattr(&*path, name, &mut value) {
            Ok(length) => {
                value.truncate(length);
                xattrs.push((name.to_vec(), value));
            }
            Err(Errno::NODATA | Errno::NOENT) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(xattrs)
}
