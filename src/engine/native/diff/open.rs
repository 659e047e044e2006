// SPDX-License-Identifier: GPL-3.0-or-later
//! Opening what lies in a snapshot by its path, which may be longer than a system call takes.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, Result};

/// No longer piece of a path is looked up at once (PATH_MAX, less the zero at its end).
const LONGEST: usize = 4095;

/// Looked up below `root`: no symbolic link is followed, no other mount entered.
pub(crate) fn plain(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let mut rest = path;
    let mut directory: Option<OwnedFd> = None;
    while rest.len() > LONGEST {
        let piece = rest.get(..LONGEST).unwrap_or(rest);
        let cut = piece
            .iter()
            .rposition(|byte| *byte == b'/')
            .ok_or(Errno::NAMETOOLONG)?;
        let (step, behind) = rest.split_at(cut);
        let from = directory.as_ref().map_or(root, AsFd::as_fd);
        directory = Some(one(from, step, OFlags::PATH | OFlags::DIRECTORY)?);
        rest = behind.get(1..).unwrap_or_default();
    }
    let from = directory.as_ref().map_or(root, AsFd::as_fd);
    one(from, if rest.is_empty() { b"." } else { rest }, flags)
}

fn one(from: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    // openat2 asks to be called again when something was renamed at the same time (openat2(2)).
    for _ in 0..16 {
        match openat2(from, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
    Err(Errno::AGAIN)
}

/// A file for reading: never waiting for a pipe, never taking a terminal. It may turn out to be of another kind.
pub(super) fn regular(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd> {
    plain(
        root,
        path,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW,
    )
}
