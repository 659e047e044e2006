// SPDX-License-Identifier: GPL-3.0-or-later
//! Gets one file back out of a snapshot: beside the present one or in its place, with owner, mode, times and every
//! attribute it has there, access lists, labels and capabilities among them.
//!
//! The path is one below the snapshot's root and names the same place in the system: nobody chooses a destination. On
//! neither side is a symbolic link followed, and what is written is on the same filesystem as the snapshot: neither a
//! link that a user planted nor something mounted by one leads us elsewhere. The file is complete, under another name,
//! before it takes its own.

use super::{NativeEngine, btrfs, view};
use crate::native::diff::plain;
use crate::packages::Tree;
use crate::{Context, Error, Outcome, transaction};
use model::{Refusal, RefusalCode, RestoreTo, SnapshotId};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, StatVfsMountFlags, Timespec,
    Timestamps, XattrFlags,
};
use rustix::io::Errno;
use std::sync::atomic::{AtomicU32, Ordering};

/// No longer list of attributes, and no longer value, than the kernel takes (limits.h: `XATTR_LIST_MAX`,
/// `XATTR_SIZE_MAX`).
const ATTRIBUTES: usize = 64 << 10;
/// So much is copied between two looks whether to stop.
const PIECE: usize = 1 << 20;
/// As many names are tried beside the present file.
const NAMES: u32 = 100;
/// The longest name of a file.
const LONGEST: usize = 255;

fn failed(what: &'static str) -> impl Fn(Errno) -> Error {
    move |error| Error::io(what, error)
}

/// What is to be fetched.
struct Source {
    /// The file for reading, or the link itself.
    file: OwnedFd,
    status: Stat,
}

impl Source {
    fn open(root: BorrowedFd<'_>, path: &[u8], id: SnapshotId) -> Result<Self, Error> {
        let refused = |code| Error::from(Refusal::of(code, id));
        let missing = |error| match error {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV => refused(RefusalCode::NoSuchFile),
            error => Error::io("open the file in the snapshot", error),
        };
        let look = plain(root, path, OFlags::PATH | OFlags::NOFOLLOW).map_err(missing)?;
        let status = rustix::fs::fstat(&look).map_err(failed("look at the file in the snapshot"))?;
        let file = match FileType::from_raw_mode(status.st_mode) {
            FileType::Symlink => look,
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
                let file = plain(root, path, flags).map_err(missing)?;
                let opened = rustix::fs::fstat(&file).map_err(failed("look at the file in the snapshot"))?;
                if (opened.st_dev, opened.st_ino) != (status.st_dev, status.st_ino) {
                    return Err(refused(RefusalCode::NoSuchFile));
                }
                file
            }
            _ => return Err(refused(RefusalCode::NotAFile)),
        };
        Ok(Self { file, status })
    }

    fn is_link(&self) -> bool {
        FileType::from_raw_mode(self.status.st_mode) == FileType::Symlink
    }
}

/// The directory that the path leads to in a system, and the file's name there.
fn destination<'a>(
    root: BorrowedFd<'_>,
    filesystem: [u8; 16],
    path: &'a [u8],
) -> Result<(OwnedFd, &'a [u8]), Error> {
    let (folder, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (
            path.get(..at).unwrap_or_default(),
            path.get(at + 1..).unwrap_or_default(),
        ),
        None => (b".".as_slice(), path),
    };
    // `/etc` may be mounted onto itself, so mounts are entered; what lies there must be the same filesystem.
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::openat2(root, folder, flags, Mode::empty(), resolve);
    let directory = opened.map_err(|error| match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Error::from(RefusalCode::NoSuchFile),
        error => Error::io("open the directory that the file belongs to", error),
    })?;
    match btrfs::filesystem_of(&directory) {
        Ok(found) if found.id == filesystem => Ok((directory, name)),
        _ => Err(RefusalCode::NoSuchFile.into()),
    }
}

fn is_mounted_read_only(directory: &OwnedFd) -> Result<bool, Error> {
    let status = rustix::fs::fstatvfs(directory).map_err(failed("look at the directory"))?;
    Ok(status.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Writes in the running system, where the helper sees the directory read-only through a view of its own.
pub(super) fn write_in<T>(
    root: BorrowedFd<'_>,
    write: impl Fn(Tree<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    match write(Tree::new(root)) {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
            write(Tree::new(view::writable(root)?.as_fd()))
        }
        result => result,
    }
}

/// Copies everything in a file, by reference where the filesystem can.
fn copy_content(from: &OwnedFd, to: &OwnedFd, context: &Context<'_>) -> Result<(), Error> {
    if rustix::fs::ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    let copied = failed("copy the file");
    let mut piece = vec![0; PIECE];
    loop {
        context.cancel.check()?;
        let count = match rustix::io::read(from, &mut piece) {
            Ok(0) => return Ok(()),
            Err(Errno::INTR) => continue,
            result => result.map_err(&copied)?,
        };
        let mut rest = piece.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            match rustix::io::write(to, rest) {
                Err(Errno::INTR) => {}
                result => rest = rest.get(result.map_err(&copied)?..).unwrap_or_default(),
            }
        }
    }
}

/// Copies owner, mode, attributes and times of a regular file, in the order in which one does not undo another.
fn copy_attributes(source: &Source, to: &OwnedFd) -> Result<(), Error> {
    let status = &source.status;
    let (owner, group) = (
        rustix::process::Uid::from_raw(status.st_uid),
        rustix::process::Gid::from_raw(status.st_gid),
    );
    rustix::fs::fchown(to, Some(owner), Some(group)).map_err(failed("set the file's owner"))?;
    rustix::fs::fchmod(to, Mode::from_raw_mode(status.st_mode)).map_err(failed("set the file's mode"))?;
    let listed = failed("read the file's attributes");
    let mut names = vec![0; ATTRIBUTES];
    let length = match rustix::fs::flistxattr(&source.file, &mut names) {
        Err(Errno::OPNOTSUPP) => 0,
        length => length.map_err(&listed)?,
    };
    names.truncate(length);
    let mut value = vec![0; ATTRIBUTES];
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let length = rustix::fs::fgetxattr(&source.file, name, &mut value).map_err(&listed)?;
        let value = value.get(..length).unwrap_or_default();
        rustix::fs::fsetxattr(to, name, value, XattrFlags::empty())
            .map_err(|error| Error::io(format!("set {}", String::from_utf8_lossy(name)), error))?;
    }
    rustix::fs::futimens(to, &times(status)).map_err(failed("set the file's times"))
}

fn times(status: &Stat) -> Timestamps {
    let time = |seconds: i64, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
    };
    Timestamps {
        last_access: time(status.st_atime, status.st_atime_nsec),
        last_modification: time(status.st_mtime, status.st_mtime_nsec),
    }
}

/// Writes the file under a name that nobody has, complete and on disk.
fn write(source: &Source, directory: &OwnedFd, context: &Context<'_>) -> Result<String, Error> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!(".kedge-restore-{}-{count}", std::process::id());
    let written = || -> Result<(), Error> {
        let made = failed("write the file");
        if source.is_link() {
            let target = rustix::fs::readlinkat(&source.file, "", Vec::new());
            let target = target.map_err(failed("read the link in the snapshot"))?;
            rustix::fs::symlinkat(target.as_c_str(), directory, &name).map_err(&made)?;
            let (owner, group) = (
                rustix::process::Uid::from_raw(source.status.st_uid),
                rustix::process::Gid::from_raw(source.status.st_gid),
            );
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(directory, &name, Some(owner), Some(group), flags).map_err(&made)?;
            return rustix::fs::utimensat(directory, &name, &times(&source.status), flags).map_err(&made);
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(directory, &name, flags, mode).map_err(&made)?;
        copy_content(&source.file, &file, context)?;
        copy_attributes(source, &file)?;
        rustix::fs::fsync(&file).map_err(&made)
    };
    written().map(|()| name.clone()).inspect_err(|_| {
        // The first error is the one to tell.
        let _ = rustix::fs::unlinkat(directory, &name, AtFlags::empty());
    })
}

/// The name beside the present file: `fstab.from-38`, then `fstab.from-38.2` and so on.
fn beside(name: &[u8], id: SnapshotId, count: u32) -> Vec<u8> {
    let end = match count {
        1 => format!(".from-{id}"),
        count => format!(".from-{id}.{count}"),
    };
    let kept = name.get(..LONGEST.saturating_sub(end.len())).unwrap_or(name);
    [kept, end.as_bytes()].concat()
}

/// Gives the written file its name.
fn place(
    directory: &OwnedFd,
    temporary: &str,
    name: &[u8],
    id: SnapshotId,
    to: RestoreTo,
) -> Result<(), Error> {
    let placed = failed("give the file its name");
    match to {
        RestoreTo::Replace => match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status)
                if !matches!(
                    FileType::from_raw_mode(status.st_mode),
                    FileType::RegularFile | FileType::Symlink
                ) =>
            {
                Err(RefusalCode::NotAFile.into())
            }
            _ => rustix::fs::renameat(directory, temporary, directory, name).map_err(placed),
        },
        RestoreTo::Beside => {
            for count in 1..=NAMES {
                let name = beside(name, id, count);
                let flags = RenameFlags::NOREPLACE;
                match rustix::fs::renameat_with(directory, temporary, directory, name.as_slice(), flags) {
                    Err(Errno::EXIST) => {}
                    result => return result.map_err(placed),
                }
            }
            Err(placed(Errno::EXIST))
        }
    }
}

fn put(
    root: BorrowedFd<'_>,
    filesystem: [u8; 16],
    source: &Source,
    (id, path, to): (SnapshotId, &[u8], RestoreTo),
    context: &Context<'_>,
) -> Result<(), Error> {
    let (directory, name) = destination(root, filesystem, path)?;
    let subvolume = btrfs::root_of(&directory).map_err(failed("look at the directory"))?;
    if subvolume.read_only {
        return Err(failed("write into a read-only system")(Errno::ROFS));
    }
    let (directory, name) = match is_mounted_read_only(&directory)? {
        false => (directory, name),
        true => destination(view::writable(root)?.as_fd(), filesystem, path)?,
    };
    let temporary = write(source, &directory, context)?;
    let placed = place(&directory, &temporary, name, id, to);
    if placed.is_err() {
        // The first error is the one to tell.
        let _ = rustix::fs::unlinkat(&directory, &temporary, AtFlags::empty());
    }
    placed?;
    rustix::fs::fsync(&directory).map_err(failed("write the directory to disk"))
}

impl NativeEngine {
    pub(super) fn restore_file(
        &self,
        id: SnapshotId,
        path: &[u8],
        to: RestoreTo,
        context: &Context<'_>,
    ) -> Result<Outcome<Option<SnapshotId>>, Error> {
        let path = model::checked_path(path).map_err(|_| Error::from(RefusalCode::NoSuchFile))?;
        let path = path.as_slice();
        let store = self.store()?;
        let snapshot = store.open(id)?;
        let source = Source::open(snapshot.as_fd(), path, id)?;
        let filesystem = btrfs::filesystem_of(store.directory())
            .map_err(failed("tell the filesystem"))?
            .id;
        let wish = (id, path, to);
        let read_only = |error: &Error| matches!(error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem);
        match put(store.root(), filesystem, &source, wish, context) {
            Ok(()) => Ok(Outcome::Changed(None)),
            // The running system is never modified where it is read-only: what starts next gets the file.
            Err(error) if read_only(&error) => {
                let words = format!("File of #{id} fetched back");
                let made = transaction::change(self, context, &words, |root| {
                    put(root, filesystem, &source, wish, context)
                })?;
                Ok(Outcome::Changed(Some(made)))
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_fit() {
        assert_eq!(beside(b"fstab", SnapshotId(38), 1), b"fstab.from-38");
        assert_eq!(beside(b"fstab", SnapshotId(38), 2), b"fstab.from-38.2");
        let long = beside(&[b'x'; 255], SnapshotId(38), 1);
        assert!(long.len() == 255 && long.ends_with(b"x.from-38"));
    }
}
