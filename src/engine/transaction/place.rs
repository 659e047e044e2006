// SPDX-License-Identifier: GPL-3.0-or-later
//! Puts mounts and files into a snapshot without ever following a link out of it.

use crate::Error;
use crate::packages::Tree;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, fstat, statat, unlinkat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// Attaches a mount to a directory or file.
pub(super) fn attach(mount: impl AsFd, to: impl AsFd, path: &str) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", to, path, flags)
}

/// A tree that is being furnished.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    root: BorrowedFd<'a>,
}

impl<'a> Place<'a> {
    pub(super) fn new(root: BorrowedFd<'a>) -> Self {
        Self { root }
    }

    pub(super) fn tree(self) -> Tree<'a> {
        Tree::new(self.root)
    }

    /// A directory that no link leads to.
    pub(super) fn directory(self, path: &str) -> Result<OwnedFd, Error> {
        self.tree()
            .open_plain(path, OFlags::PATH | OFlags::DIRECTORY)
            .map_err(|errno| match errno {
                Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Error::Damaged {
                    path: PathBuf::from(format!("/{path}")),
                    reason: "is not a directory".to_owned(),
                },
                source => Error::io(format!("open /{path}"), source),
            })
    }

    pub(super) fn is_directory(self, path: &str) -> bool {
        self.directory(path).is_ok()
    }

    /// Mounts onto a directory that no link leads to.
    pub(super) fn mount(self, path: &str, mount: &OwnedFd) -> Result<(), Error> {
        attach(mount, self.directory(path)?, "").map_err(|source| Error::io(format!("mount /{path}"), source))
    }

    /// Mounts onto a directory that a link within the tree may lead to.
    pub(super) fn mount_resolved(self, path: &str, mount: &OwnedFd) -> Result<(), Error> {
        self.tree()
            .open(path, OFlags::PATH | OFlags::DIRECTORY)
            .and_then(|target| attach(mount, target, ""))
            .map_err(|source| Error::io(format!("mount /{path}"), source))
    }

    /// Mounts an empty filesystem in memory.
    pub(super) fn tmpfs(self, path: &str, mode: &str) -> Result<(), Error> {
        let made = || {
            let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
            fsconfig_set_string(&context, "mode", mode)?;
            fsconfig_create(&context)?;
            let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
            fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
        };
        let mount = made().map_err(|source| Error::io(format!("make a tmpfs for /{path}"), source))?;
        self.mount(path, &mount)
    }

    pub(super) fn make_directories(self, path: &str) -> Result<OwnedFd, Error> {
        self.tree().make_directories(path)
    }

    /// Writes a file in `/run`, which is a filesystem of the sandbox's own.
    fn write_in_run(self, path: &str, content: &[u8], mode: u32) -> Result<OwnedFd, Error> {
        let failed = |source| Error::io(format!("write /run/{path}"), source);
        let path = format!("run/{path}");
        if let Some((directory, _)) = path.rsplit_once('/') {
            self.make_directories(directory)?;
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = self
            .tree()
            .open_as(&path, flags, Mode::from_raw_mode(mode), ResolveFlags::NO_SYMLINKS)
            .map_err(failed)?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).map_err(failed)?;
        let mut rest = content;
        while !rest.is_empty() {
            let written = rustix::io::write(&file, rest).map_err(failed)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        // Reopened, so that nobody finds it busy when it is run.
        drop(file);
        self.tree().open_plain(&path, OFlags::PATH).map_err(failed)
    }

    /// Covers a file that exists with another one.
    fn cover(self, path: &str, with: &OwnedFd) -> Result<(), Error> {
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
        let target = self.tree().open(path, OFlags::PATH);
        target
            .and_then(|target| attach(open_tree(with, "", flags)?, target, ""))
            .map_err(|source| Error::io(format!("cover /{path}"), source))
    }
}

/// Files that exist only while the sandbox does.
#[derive(Debug, Default)]
pub(super) struct Placed {
    placeholders: Vec<Placeholder>,
}

#[derive(Debug)]
struct Placeholder {
    directory: OwnedFd,
    name: &'static str,
    inode: u64,
}

impl Placed {
    /// Forbids package scripts to start or stop services (invoke-rc.d(8)): they are those of the running system.
    pub(super) fn policy(&mut self, place: Place<'_>) -> Result<(), Error> {
        const NAME: &str = "policy-rc.d";
        let path = format!("usr/sbin/{NAME}");
        let script = place.write_in_run("kedge/policy-rc.d", b"#!/bin/sh\nexit 101\n", 0o755)?;
        if !place.tree().exists(&path) {
            let failed = |source| Error::io(format!("place /{path}"), source);
            let directory = match place.tree().open("usr/sbin", OFlags::PATH | OFlags::DIRECTORY) {
                Ok(directory) => directory,
                // Without that directory there is no invoke-rc.d that would ask.
                Err(Errno::NOENT) => return Ok(()),
                Err(source) => return Err(failed(source)),
            };
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file =
                rustix::fs::openat(&directory, NAME, flags, Mode::from_raw_mode(0o755)).map_err(failed)?;
            let inode = fstat(&file).map_err(failed)?.st_ino;
            self.placeholders.push(Placeholder {
                directory,
                name: NAME,
                inode,
            });
        }
        place.cover(&path, &script)
    }

    /// Gives the snapshot the running system's name servers.
    pub(super) fn resolver(&mut self, place: Place<'_>, content: &[u8]) -> Result<(), Error> {
        const PATH: &str = "etc/resolv.conf";
        let link = place.tree().open_as(
            PATH,
            OFlags::PATH | OFlags::NOFOLLOW,
            Mode::empty(),
            ResolveFlags::empty(),
        );
        let Ok(link) = link else { return Ok(()) };
        let failed = |source| Error::io(format!("look at /{PATH}"), source);
        let kind = FileType::from_raw_mode(fstat(&link).map_err(failed)?.st_mode);
        if kind == FileType::Symlink {
            let target = rustix::fs::readlinkat(&link, "", Vec::new()).map_err(failed)?;
            let target = target.to_string_lossy().into_owned();
            // A link into /run is what resolvconf and systemd-resolved make; its target is missing in an empty /run.
            let inner = target.trim_start_matches("../").trim_start_matches('/');
            if let Some(name) = inner.strip_prefix("run/")
                && !name.split('/').any(|part| part == "..")
                && !place.tree().exists(PATH)
            {
                place.write_in_run(name, content, 0o644)?;
            }
            return Ok(());
        }
        if kind == FileType::RegularFile {
            let current = place.write_in_run("kedge/resolv.conf", content, 0o644)?;
            place.cover(PATH, &current)?;
        }
        Ok(())
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        for placeholder in &self.placeholders {
            let Placeholder {
                directory,
                name,
                inode,
            } = placeholder;
            let ours = statat(directory, *name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| stat.st_ino == *inode && stat.st_size == 0);
            // A package that brought its own has replaced ours.
            if ours && let Err(error) = unlinkat(directory, *name, AtFlags::empty()) {
                tracing::warn!(%error, name, "left in the snapshot");
            }
        }
    }
}
