// SPDX-License-Identifier: GPL-3.0-or-later
//! Looks into a snapshot's own tree: symbolic links are followed, but never out of it.

use crate::Error;
use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat2, readlinkat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The root directory of a system, running or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree<'a> {
    root: BorrowedFd<'a>,
}

impl<'a> Tree<'a> {
    /// The tree below this directory.
    pub(crate) fn new(root: BorrowedFd<'a>) -> Self {
        Self { root }
    }

    /// Opens something, with symbolic links meaning what they mean to a program that has this tree as its root.
    pub(crate) fn open(self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.open_as(path, flags, Mode::empty(), ResolveFlags::empty())
    }

    /// The same without any symbolic link on the way.
    pub(crate) fn open_plain(self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.open_as(path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
    }

    /// The same with the mode of what is created.
    pub(crate) fn open_as(
        self,
        path: &str,
        flags: OFlags,
        mode: Mode,
        resolve: ResolveFlags,
    ) -> Result<OwnedFd, Errno> {
        let resolve = resolve | ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        // openat2 asks to be called again when something was renamed at the same time (openat2(2)).
        for _ in 0..16 {
            match openat2(self.root, path, flags | OFlags::CLOEXEC, mode, resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                result => return result,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Opens a regular file for reading; `None` when there is nothing of that name.
    pub(crate) fn file(self, path: &str) -> Result<Option<File>, Error> {
        // Not blocking, so that a pipe of that name cannot hold us up.
        let fd = match self.open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(source) => return Err(Error::io(format!("open /{path}"), source)),
        };
        let stat = fstat(&fd).map_err(|source| Error::io(format!("look at /{path}"), source))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Error::Damaged {
                path: format!("/{path}").into(),
                reason: "is not a regular file".to_owned(),
            });
        }
        Ok(Some(File::from(fd)))
    }

    /// Whether a regular file that is not empty has this name.
    pub(crate) fn has_content(self, path: &str) -> bool {
        matches!(self.file(path), Ok(Some(file)) if file.metadata().is_ok_and(|data| data.len() > 0))
    }

    /// Whether anything has this name.
    pub(crate) fn exists(self, path: &str) -> bool {
        self.open(path, OFlags::PATH).is_ok()
    }

    /// The names in a directory, sorted, at most `limit` of them; none when there is no such directory.
    pub(crate) fn names(self, path: &str, limit: usize) -> Result<Vec<String>, Error> {
        let failed = |source| Error::io(format!("read the directory /{path}"), source);
        let fd = match self.open(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut names = Vec::new();
        for entry in Dir::new(fd).map_err(failed)? {
            if names.len() >= limit {
                break;
            }
            let entry = entry.map_err(failed)?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The symbolic links in the root directory that lead to a directory below it, with the directory's path, both
    /// without slashes in front.
    pub(crate) fn links_at_root(self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Error> {
        let failed = |source| Error::io("read the root directory", source);
        let fd = self
            .open(".", OFlags::RDONLY | OFlags::DIRECTORY)
            .map_err(failed)?;
        let mut links = BTreeMap::new();
        for entry in Dir::read_from(&fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(target) = readlinkat(&fd, entry.file_name(), Vec::new()) else {
                continue;
            };
            let target = target.to_bytes();
            let target = target.strip_prefix(b"/").unwrap_or(target);
            let is_plain = target
                .split(|byte| *byte == b'/')
                .all(|step| !matches!(step, b"" | b"." | b".."));
            if is_plain {
                links.insert(entry.file_name().to_bytes().to_vec(), target.to_vec());
            }
        }
        Ok(links)
    }

    /// Makes a directory with those above it, where they are missing. Links within the tree are followed.
    pub(crate) fn make_directories(self, path: &str) -> Result<OwnedFd, Error> {
        let failed = |source| Error::io(format!("make the directory /{path}"), source);
        let open = |path: &str| self.open(path, OFlags::PATH | OFlags::DIRECTORY);
        let mut parent = open(".").map_err(failed)?;
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let (above, name) = path[..end].rsplit_once('/').unwrap_or((".", &path[..end]));
            parent = match open(&path[..end]) {
                Err(Errno::NOENT) => {
                    // Looked up from the top again, since a directory on the way may be a link.
                    let above = open(above).map_err(failed)?;
                    match mkdirat(&above, name, Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => open(&path[..end]),
                        Err(error) => Err(error),
                    }
                }
                result => result,
            }
            .map_err(failed)?;
        }
        Ok(parent)
    }
}
