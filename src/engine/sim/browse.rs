// SPDX-License-Identifier: GPL-3.0-or-later
//! A simulated version as a real directory, for file managers: made when somebody looks at it, gone with the machine.

use super::SimEngine;
use super::files::Tree;
use crate::Error;
use model::{FileKind, PathText, SnapshotId};
use rustix::fs::{Mode, OFlags};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Shown(PathBuf);

impl Drop for Shown {
    fn drop(&mut self) {
        // What is left lies among temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl SimEngine {
    pub(super) fn show(&self, id: SnapshotId) -> Result<OwnedFd, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let tree = self.tree(Some(id))?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kedge-sim-{}-{count}", std::process::id());
        let shown = Shown(std::env::temp_dir().join(name));
        let failed = |error| Error::io("show a simulated snapshot", error);
        fs::create_dir(&shown.0).map_err(failed)?;
        write(&tree, &shown.0).map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(&shown.0, flags, Mode::empty()).map_err(|it| failed(it.into()))?;
        self.machine().directories.push(shown);
        Ok(directory)
    }
}

fn write(tree: &Tree, root: &Path) -> std::io::Result<()> {
    for (path, (_, kind, content)) in tree {
        let place = root.join(OsStr::from_bytes(path));
        match (kind, place.parent()) {
            (FileKind::Directory, _) => fs::create_dir_all(&place)?,
            (_, None) => tracing::warn!(path = %PathText(path), "a simulated file has no directory"),
            (FileKind::Symlink, Some(parent)) => {
                fs::create_dir_all(parent)?;
                symlink(OsStr::from_bytes(content), &place)?;
            }
            (_, Some(parent)) => {
                fs::create_dir_all(parent)?;
                fs::write(&place, content)?;
            }
        }
    }
    Ok(())
}
