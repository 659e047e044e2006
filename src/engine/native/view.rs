// SPDX-License-Identifier: GPL-3.0-or-later
//! A directory on a mount of its own, which nobody finds by a path and which goes with its descriptor.

use crate::Error;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount_remount, move_mount, open_tree, unmount,
};
use std::sync::atomic::{AtomicU32, Ordering};

/// The root directory of a writable system. The helper sees the running system's directories read-only, so that nothing
/// else in it can write there by mistake.
pub(super) fn writable(root: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    view(root, MountFlags::empty(), "open the system for writing")
}

/// A directory for somebody to look around in. Owners and permissions hold in it as everywhere.
pub(super) fn read_only(root: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    view(root, flags, "open the snapshot for looking around")
}

fn view(root: BorrowedFd<'_>, how: MountFlags, what: &'static str) -> Result<OwnedFd, Error> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("kedge-view-{}-{count}", std::process::id());
    let place = std::env::temp_dir().join(name);
    let failed = |error| Error::io(what, error);
    rustix::fs::mkdirat(rustix::fs::CWD, &place, Mode::RWXU).map_err(failed)?;
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let attached = open_tree(root, "", flags).and_then(|view| {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(view, "", rustix::fs::CWD, &place, flags)
    });
    let opened = attached.and_then(|()| {
        let opened = mount_remount(&place, MountFlags::BIND | how, c"").and_then(|()| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::open(&place, flags, Mode::empty())
        });
        // What is open stays.
        unmount(&place, UnmountFlags::DETACH).and(opened)
    });
    // Empty again; one that is left harms nobody.
    let _ = rustix::fs::unlinkat(rustix::fs::CWD, &place, AtFlags::REMOVEDIR);
    opened.map_err(failed)
}
