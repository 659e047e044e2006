// SPDX-License-Identifier: GPL-3.0-or-later
//! In which respects two files differ. Bytes are only read where the trees do not tell that they are the same.

use super::item::{self, Extent, Inode, Source};
use super::side::{Group, Side};
use super::viewer::Output;
use super::{failed, open};
use crate::Error;
use crate::native::btrfs::{Cursor, Key};
use model::{Aspects, FileKind};
use rustix::fd::AsFd;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// So many bytes are read at a time.
const PIECE: usize = 128 << 10;
const ACCESS: &[u8] = b"system.posix_acl_access";
const DEFAULT: &[u8] = b"system.posix_acl_default";

/// What can be told without looking into the files.
pub(super) fn compare_properties(old: &Inode, new: &Inode) -> Aspects {
    let mut aspects = Aspects::none();
    let kind = new.kind();
    if old.kind() != kind {
        return Aspects::KIND;
    }
    aspects.set(Aspects::MODE, (old.mode ^ new.mode) & 0o7777 != 0);
    aspects.set(Aspects::OWNER, old.uid != new.uid);
    aspects.set(Aspects::GROUP, old.gid != new.gid);
    let is_timed = kind != FileKind::Directory;
    aspects.set(Aspects::TIMES, is_timed && old.modified != new.modified);
    let is_different = match kind {
        FileKind::Regular | FileKind::Symlink => old.size != new.size,
        FileKind::Character | FileKind::Block => old.device != new.device,
        _ => false,
    };
    aspects.set(Aspects::CONTENT, is_different);
    aspects
}

/// Compares attributes in any order.
pub(super) fn compare_xattrs<'a>(
    old: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    new: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Aspects {
    let is_list = |name: &[u8]| name == ACCESS || name == DEFAULT;
    let (mut old, mut new): (Vec<_>, Vec<_>) = (old.into_iter().collect(), new.into_iter().collect());
    old.sort_unstable();
    new.sort_unstable();
    let part = |all: &[(&'a [u8], &'a [u8])], lists: bool| -> Vec<(&'a [u8], &'a [u8])> {
        all.iter()
            .copied()
            .filter(|(name, _)| is_list(name) == lists)
            .collect()
    };
    let mut aspects = Aspects::none();
    aspects.set(Aspects::ACL, part(&old, true) != part(&new, true));
    aspects.set(Aspects::XATTRS, part(&old, false) != part(&new, false));
    aspects
}

/// In which respects a file of the new side differs from one of the old.
pub(super) fn compare(
    (old_side, old): (&mut Side, &Group),
    (new_side, new): (&mut Side, &Group),
    output: &mut Output<'_>,
) -> Result<Aspects, Error> {
    let mut aspects = compare_properties(&old.inode, &new.inode);
    if aspects.has(Aspects::KIND) {
        return Ok(aspects);
    }
    let pairs = |group: &Group, whole: Option<Vec<Xattr>>| whole.unwrap_or_else(|| group.xattrs.clone());
    if old.is_cut || new.is_cut || old.xattrs != new.xattrs {
        let old = pairs(
            old,
            old.is_cut.then(|| all_xattrs(old_side, old.number)).transpose()?,
        );
        let new = pairs(
            new,
            new.is_cut.then(|| all_xattrs(new_side, new.number)).transpose()?,
        );
        fn view(all: &[Xattr]) -> impl Iterator<Item = (&[u8], &[u8])> {
            all.iter().map(|(name, value)| (&**name, &**value))
        }
        aspects = aspects | compare_xattrs(view(&old), view(&new));
    }
    let has_bytes = matches!(new.inode.kind(), FileKind::Regular | FileKind::Symlink);
    if has_bytes && !aspects.has(Aspects::CONTENT) {
        let is_same = !old.is_cut && !new.is_cut && old.extents == new.extents;
        let differs = !is_same && !has_same_bytes((old_side, old), (new_side, new), output)?;
        aspects.set(Aspects::CONTENT, differs);
    }
    Ok(aspects)
}

type Xattr = (Box<[u8]>, Box<[u8]>);

/// More attributes than this make a file's whole set compared by its beginning: Linux itself lists 64 KiB of names.
const XATTRS: usize = 4 << 20;

fn all_xattrs(side: &Side, number: u64) -> Result<Vec<Xattr>, Error> {
    let key = |offset| Key {
        object: number,
        kind: item::XATTR,
        offset,
    };
    let (mut xattrs, mut size) = (Vec::new(), 0);
    let mut cursor = side.cursor((key(0), key(u64::MAX)), 0, None);
    while let Some(item) = cursor.next().map_err(failed)? {
        size += item.data.len();
        if size > XATTRS {
            break;
        }
        item::entries(item.data, |entry| {
            xattrs.push((entry.name.into(), entry.value.into()))
        });
    }
    Ok(xattrs)
}

/// The pieces of a file one after the other, without gaps: what is in no extent reads as zeroes.
struct Pieces<'s> {
    stored: std::slice::Iter<'s, Extent>,
    /// Where there are too many pieces to be stored.
    cursor: Option<Cursor<'s>>,
    ahead: Option<Extent>,
    at: u64,
    size: u64,
}

impl<'s> Pieces<'s> {
    fn new(side: &'s Side, group: &'s Group) -> Self {
        let key = |offset| Key {
            object: group.number,
            kind: item::EXTENT,
            offset,
        };
        Self {
            stored: group.extents.iter(),
            cursor: group
                .is_cut
                .then(|| side.cursor((key(0), key(u64::MAX)), 0, None)),
            ahead: None,
            at: 0,
            size: group.inode.size,
        }
    }

    fn read(&mut self) -> Result<Option<Extent>, Error> {
        let Some(cursor) = &mut self.cursor else {
            return Ok(self.stored.next().cloned());
        };
        while let Some(item) = cursor.next().map_err(failed)? {
            if let Some(extent) = Extent::parse(item.key.offset, item.data) {
                return Ok(Some(extent));
            }
        }
        Ok(None)
    }

    /// The next piece; `None` at the end of the file.
    fn next(&mut self) -> Result<Option<Extent>, Error> {
        while self.at < self.size {
            let extent = match self.ahead.take() {
                Some(extent) => Some(extent),
                None => self.read()?,
            };
            let start = extent
                .as_ref()
                .map_or(self.size, |extent| extent.start.min(self.size));
            if start > self.at {
                let gap = Extent {
                    start: self.at,
                    length: start - self.at,
                    source: Source::Zero,
                };
                (self.at, self.ahead) = (start, extent);
                return Ok(Some(gap));
            }
            let Some(mut extent) = extent else { continue };
            let end = extent.start.saturating_add(extent.length).min(self.size);
            // Damaged: it ends before it begins, or before the last one did.
            if end <= self.at {
                continue;
            }
            extent.length = end - extent.start;
            self.at = end;
            return Ok(Some(extent));
        }
        Ok(None)
    }
}

/// Whether two pieces hold the same from `at` on, as far as the trees tell.
fn is_same_source(old: &Extent, new: &Extent, at: u64) -> bool {
    match (&old.source, &new.source) {
        (Source::Zero, Source::Zero) => true,
        (Source::Inline { .. }, Source::Inline { .. }) => old == new,
        (
            Source::Disk {
                address: a,
                encoding: x,
                within: i,
            },
            Source::Disk {
                address: b,
                encoding: y,
                within: j,
            },
        ) => {
            let place = |within: u64, start: u64| within.wrapping_add(at.wrapping_sub(start));
            (a, x) == (b, y) && place(*i, old.start) == place(*j, new.start)
        }
        _ => false,
    }
}

/// Whether two files of one size have the same bytes. What cannot be read counts as different.
fn has_same_bytes(
    (old_side, old): (&mut Side, &Group),
    (new_side, new): (&mut Side, &Group),
    output: &mut Output<'_>,
) -> Result<bool, Error> {
    // A link's target is in its tree, and not compressed.
    if new.inode.kind() == FileKind::Symlink {
        return Ok(false);
    }
    let paths = (path_of(old_side, old)?, path_of(new_side, new)?);
    let (mut from_old, mut from_new) = (Pieces::new(old_side, old), Pieces::new(new_side, new));
    let (mut left, mut right) = (from_old.next()?, from_new.next()?);
    let (mut at, mut files) = (0, None);
    while let (Some(a), Some(b)) = (&left, &right) {
        let (end_a, end_b) = (a.start.saturating_add(a.length), b.start.saturating_add(b.length));
        let end = end_a.min(end_b);
        if !is_same_source(a, b, at) {
            if files.is_none() {
                let (Some(a), Some(b)) = &paths else {
                    return Ok(false);
                };
                let opened = open_file(old_side, a, old.number).zip(open_file(new_side, b, new.number));
                files = opened;
            }
            let Some((a, b)) = &files else { return Ok(false) };
            if !reads_same((a, b), at, end, output)? {
                return Ok(false);
            }
        }
        at = end;
        if end_a == end {
            left = from_old.next()?;
        }
        if end_b == end {
            right = from_new.next()?;
        }
    }
    Ok(left.is_none() && right.is_none())
}

fn path_of(side: &mut Side, group: &Group) -> Result<Option<Vec<u8>>, Error> {
    let Some(name) = group.names.first() else {
        return Ok(None);
    };
    let path = side.path_of(name.directory, &name.name).map_err(failed)?;
    Ok(path.map(|path| path.bytes))
}

fn open_file(side: &Side, path: &[u8], number: u64) -> Option<OwnedFd> {
    let file = open::regular(side.root.as_fd(), path).ok()?;
    let status = rustix::fs::fstat(&file).ok()?;
    let is_it = status.st_ino == number && FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
    is_it.then_some(file)
}

/// Whether two files have the same bytes between two places. What cannot be read counts as different.
pub(super) fn reads_same(
    (a, b): (&OwnedFd, &OwnedFd),
    start: u64,
    end: u64,
    output: &mut Output<'_>,
) -> Result<bool, Error> {
    let (mut from_a, mut from_b) = (vec![0; PIECE], vec![0; PIECE]);
    let mut at = start;
    while at < end {
        output.proceed()?;
        let length = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
        let (Some(left), Some(right)) = (from_a.get_mut(..length), from_b.get_mut(..length)) else {
            return Ok(false);
        };
        if !read_all(a, left, at) || !read_all(b, right, at) || left != right {
            return Ok(false);
        }
        at += length as u64;
    }
    Ok(true)
}

fn read_all(file: &OwnedFd, mut buffer: &mut [u8], mut at: u64) -> bool {
    while !buffer.is_empty() {
        match rustix::io::pread(file, &mut *buffer, at) {
            Ok(0) => return false,
            Ok(count) => {
                at += count as u64;
                buffer = buffer.get_mut(count..).unwrap_or_default();
            }
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
