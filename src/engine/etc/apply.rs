// SPDX-License-Identifier: GPL-3.0-or-later
//! Carries the plan out. Every file that comes is made whole beside its place and then takes it, so that whoever starts
//! meanwhile sees the old file or the new one.

use super::entry::{Entry, open, path_of, shown};
use super::{Action, Plan, Three};
use crate::Error;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Timespec, Timestamps, XattrFlags, fchmod, ioctl_ficlone, mkdirat,
    openat, readlinkat, renameat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use std::ffi::CString;

/// Directories deeper than this are not removed: nothing real is.
const DEEPEST: usize = 256;
/// The name of a file that is being made.
const TEMPORARY: &str = ".kedge-merge";

/// Does what the plan says and tells each step as a line. What cannot be done for one path is told and the others are
/// done all the same: a start must not fail for a socket in `/etc`.
///
/// # Errors
/// The paths that could not be done, when there are any.
pub fn apply(three: Three<'_>, plan: &Plan, mut told: impl FnMut(String)) -> Result<(), Error> {
    let mut failed = None;
    let mut directories = Vec::new();
    for (path, action) in plan {
        let done = match action {
            Action::Keep => continue,
            Action::Delete => {
                told(format!("Deleting {}", shown(path)));
                delete(three.new, path)
            }
            Action::Copy => {
                told(format!("Copying {}", shown(path)));
                copy(three, path, &mut told, &mut directories)
            }
        };
        if let Err(error) = done {
            let error = Error::io(format!("merge /etc/{}", shown(path)), error);
            told(error.chain());
            failed = failed.or(Some(error));
        }
    }
    // What was put into a directory changed its time.
    for (path, entry) in directories.iter().rev() {
        if let Ok(Some(directory)) = open(three.new, path, OFlags::PATH) {
            let times = times(entry);
            if let Err(error) = utimensat(rustix::fs::CWD, path_of(&directory), &times, AtFlags::empty()) {
                told(format!("could not set the time of {}: {error}", shown(path)));
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// The directory that a path is in, and its name there; `None` when there is no such directory.
fn parent<'p>(root: BorrowedFd<'_>, path: &'p [u8]) -> Result<Option<(OwnedFd, &'p [u8])>, Errno> {
    let (above, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (
            path.get(..at).unwrap_or_default(),
            path.get(at + 1..).unwrap_or_default(),
        ),
        None => (b".".as_slice(), path),
    };
    let directory = open(root, above, OFlags::RDONLY | OFlags::DIRECTORY)?;
    Ok(directory.map(|directory| (directory, name)))
}

fn delete(root: BorrowedFd<'_>, path: &[u8]) -> Result<(), Errno> {
    let Some((directory, name)) = parent(root, path)? else {
        return Ok(());
    };
    remove(directory.as_fd(), name, 0)
}

/// Removes a directory with everything in it.
pub(super) fn remove_directory(path: &std::path::Path) -> Result<(), Errno> {
    use std::os::unix::ffi::OsStrExt as _;
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let name = path.file_name().ok_or(Errno::INVAL)?.as_bytes();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let above = rustix::fs::open(above.unwrap_or(std::path::Path::new(".")), flags, Mode::empty())?;
    remove(above.as_fd(), name, 0)
}

/// Removes a name with everything below it.
fn remove(directory: BorrowedFd<'_>, name: &[u8], depth: usize) -> Result<(), Errno> {
    if depth > DEEPEST {
        return Err(Errno::LOOP);
    }
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR) => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inside = openat(directory, name, flags, Mode::empty())?;
    let names: Vec<Vec<u8>> = Dir::read_from(&inside)?
        .map(|entry| entry.map(|entry| entry.file_name().to_bytes().to_owned()))
        .collect::<Result<_, _>>()?;
    for name in names
        .iter()
        .filter(|name| !matches!(name.as_slice(), b"." | b".."))
    {
        remove(inside.as_fd(), name, depth + 1)?;
    }
    unlinkat(directory, name, AtFlags::REMOVEDIR)
}

fn copy(
    three: Three<'_>,
    path: &[u8],
    told: &mut impl FnMut(String),
    directories: &mut Vec<(Vec<u8>, Entry)>,
) -> Result<(), Errno> {
    let Some(source) = open(three.old, path, OFlags::PATH)? else {
        return Ok(());
    };
    let entry = Entry::of(&source)?;
    let Some((directory, name)) = parent(three.new, path)? else {
        told(format!(
            "The directory of {} was deleted in the new snapshot, skipping it",
            shown(path)
        ));
        return Ok(());
    };
    match entry.kind() {
        FileType::Directory => {
            if is_other_kind(directory.as_fd(), name, FileType::Directory)? {
                remove(directory.as_fd(), name, 0)?;
            }
            match mkdirat(&directory, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let made = openat(&directory, name, flags, Mode::empty())?;
            dress(&made, &entry, false)?;
            directories.push((path.to_owned(), entry));
            Ok(())
        }
        FileType::RegularFile | FileType::Symlink => {
            let (from, at) = (three.old, directory.as_fd());
            let made = make(from, path, &source, &entry, at).and_then(|()| {
                if is_other_kind(at, name, entry.kind())? {
                    remove(at, name, 0)?;
                }
                renameat(at, TEMPORARY, at, name)
            });
            if made.is_err() {
                // The first error is the one to tell.
                let _ = unlinkat(at, TEMPORARY, AtFlags::empty());
            }
            made
        }
        _ => {
            told(format!("Unsupported file type of {}, skipping it", shown(path)));
            Ok(())
        }
    }
}

fn is_other_kind(directory: BorrowedFd<'_>, name: &[u8], kind: FileType) -> Result<bool, Errno> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode) != kind),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a copy of a file or a link under the temporary name.
fn make(
    from: BorrowedFd<'_>,
    path: &[u8],
    source: &OwnedFd,
    entry: &Entry,
    at: BorrowedFd<'_>,
) -> Result<(), Errno> {
    match unlinkat(at, TEMPORARY, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    if entry.kind() == FileType::Symlink {
        let target = readlinkat(source, "", Vec::new())?;
        symlinkat(target.as_c_str(), at, TEMPORARY)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let link = openat(at, TEMPORARY, flags, Mode::empty())?;
        dress(&link, entry, true)?;
        return utimensat(at, TEMPORARY, &times(entry), AtFlags::SYMLINK_NOFOLLOW);
    }
    let source = open(from, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?.ok_or(Errno::NOENT)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(at, TEMPORARY, flags, Mode::RUSR | Mode::WUSR)?;
    if ioctl_ficlone(&made, &source).is_err() {
        contents(&source, &made)?;
    }
    dress(&made, entry, false)?;
    rustix::fs::futimens(&made, &times(entry))
}

fn contents(source: &OwnedFd, made: &OwnedFd) -> Result<(), Errno> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = rustix::io::read(source, &mut buffer[..])?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        while !rest.is_empty() {
            let count = rustix::io::write(made, rest)?;
            rest = rest.get(count..).unwrap_or_default();
        }
    }
}

fn times(entry: &Entry) -> Timestamps {
    let time = |seconds, nanoseconds| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
    };
    Timestamps {
        last_access: time(entry.stat.st_atime, entry.stat.st_atime_nsec),
        last_modification: time(entry.stat.st_mtime, entry.stat.st_mtime_nsec),
    }
}

/// Gives a new file the owner, the mode and the attributes of the old one. The owner first, since changing it takes
/// set-user bits and capabilities away (chown(2)).
fn dress(made: &OwnedFd, entry: &Entry, is_link: bool) -> Result<(), Errno> {
    let owner = Some(rustix::fs::Uid::from_raw(entry.stat.st_uid));
    let group = Some(rustix::fs::Gid::from_raw(entry.stat.st_gid));
    rustix::fs::chownat(made, "", owner, group, AtFlags::EMPTY_PATH)?;
    if !is_link {
        fchmod(made, Mode::from_raw_mode(entry.stat.st_mode))?;
    }
    let path = path_of(made);
    let present = Entry::of(made)?;
    let name = |name: &Vec<u8>| CString::new(name.as_slice()).map_err(|_| Errno::INVAL);
    for other in present
        .attributes
        .keys()
        .filter(|name| !entry.attributes.contains_key(*name))
    {
        rustix::fs::removexattr(&path, name(other)?)?;
    }
    for (key, value) in &entry.attributes {
        if present.attributes.get(key) != Some(value) {
            rustix::fs::setxattr(&path, name(key)?, value, XattrFlags::empty())?;
        }
    }
    Ok(())
}
