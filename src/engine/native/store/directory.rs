// SPDX-License-Identifier: GPL-3.0-or-later
//! Files below a directory, looked up so that nothing planted there can lead elsewhere: no symbolic links, no magic
//! links, no other mounts.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags};
use rustix::io::{Errno, Result};
use rustix::path::Arg;
use std::mem::MaybeUninit;

/// How info.xml is read: never waiting for a pipe, never taking a terminal.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Opens what lies at `path` below `directory`.
pub(super) fn open(
    directory: impl AsFd,
    path: impl Arg + Copy,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH
        .union(ResolveFlags::NO_SYMLINKS)
        .union(ResolveFlags::NO_MAGICLINKS)
        .union(ResolveFlags::NO_XDEV);
    let directory = directory.as_fd();
    loop {
        match rustix::fs::openat2(directory, path, flags | OFlags::CLOEXEC, mode, resolve) {
            // The kernel could not be sure because something was renamed meanwhile.
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
}

/// Opens a directory below another one.
pub(super) fn open_directory(directory: impl AsFd, path: impl Arg + Copy) -> Result<OwnedFd> {
    open(directory, path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
}

/// The beginning of a regular file, at most `limit` bytes and one more, with its permissions; `None` when it is not a
/// regular file.
pub(super) fn read_file(directory: impl AsFd, path: &str, limit: usize) -> Result<Option<(Vec<u8>, Mode)>> {
    let file = open(directory, path, READ, Mode::empty())?;
    let status = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let size = usize::try_from(status.st_size).unwrap_or(limit).min(limit);
    // One byte more than its size shows the end of an ordinary file with one read.
    let mut bytes = vec![0; size + 1];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::io::read(&file, rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        if filled == bytes.len() && filled <= limit {
            bytes.resize((filled * 2).min(limit + 1), 0);
        }
    }
    bytes.truncate(filled);
    Ok(Some((bytes, Mode::from_raw_mode(status.st_mode))))
}

/// Writes a whole file under `temporary` and lets it take the place of `name` once it is on disk.
pub(super) fn replace_file(
    directory: BorrowedFd<'_>,
    name: &str,
    temporary: &str,
    bytes: &[u8],
    mode: Mode,
) -> Result<()> {
    let result = write_file(directory, temporary, bytes, mode)
        .and_then(|()| rustix::fs::renameat(directory, temporary, directory, name));
    match result {
        Ok(()) => rustix::fs::fsync(directory),
        Err(error) => {
            // The first error is the one to tell; a file that is left is removed with its snapshot.
            let _ = rustix::fs::unlinkat(directory, temporary, AtFlags::empty());
            Err(error)
        }
    }
}

/// Writes a whole new file. What has its name already goes: a link is not followed.
pub(super) fn write_file(directory: BorrowedFd<'_>, name: &str, bytes: &[u8], mode: Mode) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let file = match open(directory, name, flags, Mode::RUSR | Mode::WUSR) {
        Err(Errno::EXIST) => {
            rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
            open(directory, name, flags, Mode::RUSR | Mode::WUSR)?
        }
        file => file?,
    };
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(&file, rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    rustix::fs::fchmod(&file, mode)?;
    rustix::fs::fsync(&file)
}

/// Calls `visit` with name, type and inode of every entry of a directory but `.` and `..`. Names that are not UTF-8 are
/// left out: nothing of ours or snapper's has one.
pub(super) fn visit_entries(directory: impl AsFd, mut visit: impl FnMut(&str, FileType, u64)) -> Result<()> {
    // Opened again, because reading moves the position that all duplicates of a descriptor share.
    let directory = open_directory(directory, ".")?;
    let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
    let mut entries = RawDir::new(&directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => visit(name, entry.file_type(), entry.ino()),
        }
    }
    Ok(())
}
