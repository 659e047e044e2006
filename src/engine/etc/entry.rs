// SPDX-License-Identifier: GPL-3.0-or-later
//! One file of `/etc`, without following any symbolic link.

use crate::Error;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::AsRawFd as _;

/// The kernel's limit for the names of a file's attributes, and for the value of one (xattr(7)), in bytes.
const ATTRIBUTES: usize = 64 << 10;

/// What is compared of a file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) stat: Stat,
    pub(super) attributes: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.stat, &other.stat);
        (a.st_mode, a.st_uid, a.st_gid, a.st_mtime) == (b.st_mode, b.st_uid, b.st_gid, b.st_mtime)
            && (self.kind() == FileType::Directory || a.st_size == b.st_size)
            && self.attributes == other.attributes
    }
}

/// A path in words; names are any bytes.
pub(super) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path)
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Opens what lies at a path below a directory. Symbolic links on the way are not followed, and none at its end is
/// opened as what it leads to.
pub(super) fn open(directory: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<Option<OwnedFd>, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..16 {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat2(directory, path, flags, Mode::empty(), resolve) {
            // The last one with NO_SYMLINKS: a link where a directory was.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(Errno::AGAIN | Errno::INTR) => {}
            file => return file.map(Some),
        }
    }
    Err(Errno::AGAIN)
}

/// How to name an open file to calls that want a path; also for a symbolic link itself.
pub(super) fn path_of(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

impl Entry {
    /// What lies at a path below a directory; `None` when nothing does.
    pub(super) fn at(directory: BorrowedFd<'_>, path: &[u8]) -> Result<Option<Self>, Error> {
        let failed = |error| Error::io(format!("look at {}", shown(path)), error);
        // A symbolic link at the end is refused with NO_SYMLINKS unless it is opened as itself.
        match open(directory, path, OFlags::PATH).map_err(failed)? {
            Some(file) => Self::of(&file).map(Some).map_err(failed),
            None => Ok(None),
        }
    }

    /// What an open file is.
    pub(super) fn of(file: &OwnedFd) -> Result<Self, Errno> {
        Ok(Self {
            stat: fstat(file.as_fd())?,
            attributes: attributes(file)?,
        })
    }

    /// Its type.
    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

fn attributes(file: &OwnedFd) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Errno> {
    let path = path_of(file);
    let mut names = vec![0; 256];
    let names = loop {
        match rustix::fs::listxattr(&path, &mut names[..]) {
            Ok(length) => {
                names.truncate(length);
                break names;
            }
            Err(Errno::RANGE) if names.len() < ATTRIBUTES => names.resize(ATTRIBUTES, 0),
            // A filesystem without any.
            Err(Errno::OPNOTSUPP) => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        }
    };
    let mut found = BTreeMap::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let c_name = CString::new(name).map_err(|_| Errno::INVAL)?;
        let mut value = vec![0; ATTRIBUTES];
        match rustix::fs::getxattr(&path, &c_name, &mut value[..]) {
            Ok(length) => {
                value.truncate(length);
                found.insert(name.to_owned(), value);
            }
            // Gone meanwhile.
            Err(Errno::NODATA) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
