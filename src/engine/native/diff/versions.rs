// SPDX-License-Identifier: GPL-3.0-or-later
//! One file, in one snapshot or through all of them.

use super::side::{Group, Side};
use super::viewer::{Output, Viewer};
use super::{content, failed, history_of, item, root_of};
use crate::native::NativeEngine;
use crate::{Error, OpenFile};
use model::{
    Aspects, FileChange, FileKind, FileVersion, PathText, Refusal, RefusalCode, SnapshotId, Timestamp,
};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use std::io::Read;

/// So many different versions of a file are told apart; a file with more is taken to differ from all but the last ones.
const REMEMBERED: usize = 64;

/// Looks a path up as a program would that has the snapshot as its root. Links are followed within it, but not the last
/// one; neither other mounts nor the magic links of /proc are.
fn find(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    for _ in 0..16 {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
    Err(Errno::AGAIN)
}

/// What an error of looking up says where it only says that there is no such file.
fn is_missing(error: Errno) -> bool {
    matches!(
        error,
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NAMETOOLONG
    )
}

fn refused(code: RefusalCode, id: Option<SnapshotId>) -> Error {
    match id {
        Some(id) => Refusal::of(code, id).into(),
        None => code.into(),
    }
}

/// Whether the viewer could find the file by its path: every directory on the way is open to them, and none is a link.
fn may_find(root: BorrowedFd<'_>, path: &[u8], viewer: Viewer) -> Result<bool, Error> {
    if viewer == Viewer::Everything {
        return Ok(true);
    }
    let mut end = 0;
    loop {
        let directory = path.get(..end).unwrap_or_default();
        match super::open::plain(root, directory, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(directory) => {
                let status = rustix::fs::fstat(&directory).map_err(failed)?;
                if !viewer.may_list(status.st_mode, status.st_uid) {
                    return Ok(false);
                }
            }
            // Nothing is there: that may be told, since all above it may be listed.
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(true),
            Err(Errno::LOOP | Errno::XDEV) => return Ok(false),
            Err(error) => return Err(Error::io("look for a file in a snapshot", error)),
        }
        let from = if end == 0 { 0 } else { end + 1 };
        match path
            .get(from..)
            .and_then(|rest| rest.iter().position(|byte| *byte == b'/'))
        {
            Some(step) => end = from + step,
            None => return Ok(true),
        }
    }
}

/// Opens a file of a snapshot for reading. The path is a plain one ([`model::checked_path`]).
pub(crate) fn open_file(
    engine: &NativeEngine,
    id: Option<SnapshotId>,
    path: &[u8],
) -> Result<OpenFile, Error> {
    let root = root_of(engine, id)?;
    let failed = |error| match is_missing(error) {
        true => refused(RefusalCode::NoSuchFile, id),
        false => Error::io(format!("open {} in a snapshot", PathText(path)), error),
    };
    let found = find(root.as_fd(), path, OFlags::PATH | OFlags::NOFOLLOW).map_err(failed)?;
    let status = rustix::fs::fstat(&found).map_err(failed)?;
    let kind = item::kind_of_mode(status.st_mode);
    let content: Box<dyn Read + Send> = match kind {
        FileKind::Regular => {
            // Looked up again to be read, which is only done of what is known to be harmless to open.
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
            let file = find(root.as_fd(), path, flags).map_err(failed)?;
            let opened = rustix::fs::fstat(&file).map_err(failed)?;
            if (opened.st_dev, opened.st_ino) != (status.st_dev, status.st_ino) {
                return Err(refused(RefusalCode::NoSuchFile, id));
            }
            Box::new(std::fs::File::from(file))
        }
        FileKind::Symlink => {
            let target = rustix::fs::readlinkat(&found, "", Vec::new()).map_err(failed)?;
            Box::new(std::io::Cursor::new(target.into_bytes()))
        }
        _ => return Err(refused(RefusalCode::NotAFile, id)),
    };
    Ok(OpenFile {
        kind,
        size: status.st_size.cast_unsigned(),
        content,
    })
}

/// A version of the file that was met before.
struct Known {
    number: u32,
    side: Side,
    group: Group,
    target: Vec<u8>,
}

/// The file as it is in each snapshot that has it, and in the running system where that is none. `None` when the viewer
/// could not find the file in one of them.
pub(crate) fn versions(
    engine: &NativeEngine,
    path: &[u8],
    viewer: Viewer,
) -> Result<Option<Vec<FileVersion>>, Error> {
    let ids: Vec<SnapshotId> = engine.store()?.read()?.entries.keys().copied().collect();
    let mut places: Vec<Option<SnapshotId>> = ids.into_iter().map(Some).collect();
    if engine.booted()?.is_none() {
        places.push(None);
    }
    let (mut versions, mut known) = (Vec::new(), Vec::<Known>::new());
    for id in places {
        let root = match root_of(engine, id) {
            // Deleted meanwhile, or something is mounted over it.
            Err(Error::Refused(_)) => continue,
            root => root?,
        };
        if !may_find(root.as_fd(), path, viewer)? {
            return Ok(None);
        }
        if let Some(version) = version(id, &root, path, &mut known)? {
            versions.push(version);
        }
    }
    Ok(Some(versions))
}

fn version(
    id: Option<SnapshotId>,
    root: &OwnedFd,
    path: &[u8],
    known: &mut Vec<Known>,
) -> Result<Option<FileVersion>, Error> {
    let file = match find(root.as_fd(), path, OFlags::PATH | OFlags::NOFOLLOW) {
        Ok(file) => file,
        Err(error) if is_missing(error) => return Ok(None),
        Err(error) => return Err(Error::io("look for a file in a snapshot", error)),
    };
    let status = rustix::fs::fstat(&file).map_err(failed)?;
    let kind = item::kind_of_mode(status.st_mode);
    let target = match kind {
        FileKind::Symlink => rustix::fs::readlinkat(&file, "", Vec::new())
            .map_err(failed)?
            .into_bytes(),
        _ => Vec::new(),
    };
    // The tree in which it lies, by the directory in which it does: a link or a device cannot be asked.
    let parent = path
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(&b"."[..], |end| path.get(..end).unwrap_or(b"."));
    let directory = find(root.as_fd(), parent, OFlags::RDONLY | OFlags::DIRECTORY).map_err(failed)?;
    let history = history_of(directory.as_fd())?;
    if !history.read_only {
        rustix::fs::syncfs(&directory).map_err(failed)?;
    }
    let top = top_of(directory, root, parent, history.id)?;
    let side = Side::new(top, history, Viewer::Everything);
    let Some(group) = side.fetch_one(status.st_ino, true).map_err(failed)? else {
        return Ok(None);
    };
    let number = number(side, group, target, known)?;
    let micros = status
        .st_mtime
        .saturating_mul(1_000_000)
        .saturating_add(i64::try_from(status.st_mtime_nsec / 1000).unwrap_or(0));
    Ok(Some(FileVersion {
        snapshot: id,
        version: number,
        file: kind,
        size: status.st_size.cast_unsigned(),
        modified: Timestamp(u64::try_from(micros).unwrap_or(0)),
        mode: status.st_mode & 0o7777,
        uid: status.st_uid,
        gid: status.st_gid,
    }))
}

/// The root directory of the subvolume in which a directory lies: of those above it, the highest in the same subvolume.
fn top_of(directory: OwnedFd, root: &OwnedFd, parent: &[u8], subvolume: u64) -> Result<OwnedFd, Error> {
    let kept = |fd: &OwnedFd| {
        fd.try_clone()
            .map_err(|error| Error::io("keep a directory open", error))
    };
    if parent == b"." {
        return kept(root);
    }
    let mut top = directory;
    loop {
        if rustix::fs::fstat(&top).map_err(failed)?.st_ino == crate::native::btrfs::ROOT_DIRECTORY {
            return Ok(top);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let above = rustix::fs::openat(&top, "..", flags, Mode::empty()).map_err(failed)?;
        if history_of(above.as_fd())?.id != subvolume {
            return Ok(top);
        }
        top = above;
    }
}

/// The number of the version: that of one with the same content, or a new one.
fn number(mut side: Side, group: Group, target: Vec<u8>, known: &mut Vec<Known>) -> Result<u32, Error> {
    let mut nobody = |_: FileChange| Ok(());
    let mut output = Output::new(&mut nobody);
    for other in known.iter_mut().rev() {
        let is_same = if group.inode.kind() == FileKind::Symlink {
            other.group.inode.kind() == FileKind::Symlink && other.target == target
        } else {
            let sides = ((&mut other.side, &other.group), (&mut side, &group));
            let aspects = content::compare(sides.0, sides.1, &mut output)?;
            !aspects.has(Aspects::KIND) && !aspects.has(Aspects::CONTENT)
        };
        if is_same {
            return Ok(other.number);
        }
    }
    let number = known.last().map_or(1, |last| last.number.saturating_add(1));
    if known.len() >= REMEMBERED {
        known.remove(0);
    }
    known.push(Known {
        number,
        side,
        group,
        target,
    });
    Ok(number)
}
