// SPDX-License-Identifier: GPL-3.0-or-later
//! What runs, what starts next, and what could. One implementation for each way a system chooses.

mod btrfs_default;
mod efi;
mod entry;
mod esp;
mod resting;
mod systemd_boot;

use super::btrfs;
use crate::Error;
use crate::packages::Tree;
use btrfs_default::{BtrfsDefault, names_subvolume};
pub(crate) use resting::{Resting, detect_offline};

use model::{Absence, Concern, RefusalCode, SnapshotId, Timestamp};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use systemd_boot::SystemdBoot;

/// A snapshot that is to start, or could.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// Its number.
    pub(crate) id: SnapshotId,
    /// Its subvolume.
    pub(crate) subvolume: u64,
    /// Its root directory.
    pub(crate) root: OwnedFd,
    /// Words about it.
    pub(crate) description: String,
    /// When it was made.
    pub(crate) time: Timestamp,
}

impl Candidate {
    /// Its files.
    pub(crate) fn tree(&self) -> Tree<'_> {
        Tree::new(self.root.as_fd())
    }
}

/// What runs and what starts next, by the number of the subvolume.
pub(crate) trait Boot: Send + Sync + std::fmt::Debug {
    /// Why the default cannot be chosen on this system, where it cannot.
    fn absence(&self) -> Option<Absence>;
    /// The subvolume that the running system was started from.
    fn booted(&self) -> Result<u64, Error>;
    /// The subvolume that starts next. One that is on trial counts: it becomes the default by starting well.
    fn default(&self) -> Result<u64, Error>;
    /// Makes a subvolume start next and waits until that is on disk. With `trial`, one start that fails brings back what
    /// was the default before, where the boot loader can do that.
    fn set_default(&self, subvolume: u64, trial: bool) -> Result<(), Error>;

    /// Why nothing can be started just once, where it cannot.
    fn once_absence(&self) -> Option<Absence> {
        Some(RefusalCode::NoBootOnce)
    }
    /// The subvolume that starts once, before the default is started again.
    fn once(&self) -> Result<Option<u64>, Error> {
        Ok(None)
    }
    /// Lets a subvolume start once, or nothing.
    fn set_once(&self, subvolume: Option<u64>) -> Result<(), Error> {
        match subvolume {
            None => Ok(()),
            Some(_) => Err(RefusalCode::NoBootOnce.into()),
        }
    }
    /// The running system was started for the first time: ends its trial if the start went well, and tells whether it
    /// is over.
    fn adopt(&self, _subvolume: u64) -> Result<bool, Error> {
        Ok(true)
    }
    /// What speaks against starting this one, as far as the boot loader is concerned.
    fn concerns(&self, _candidate: &Candidate) -> Result<Vec<Concern>, Error> {
        Ok(Vec::new())
    }
    /// Makes this one startable, safely on disk: what has to be there before it may be chosen.
    fn prepare(&self, _candidate: &Candidate, _trial: bool) -> Result<(), Error> {
        Ok(())
    }
    /// Whether there is a menu in which [`Boot::show`] shows anything: what to show is found by reading all snapshots.
    fn has_menu(&self) -> bool {
        false
    }
    /// Shows these in the boot menu, the most important first, and no others of ours.
    fn show(&self, _candidates: &[Candidate]) -> Result<(), Error> {
        Ok(())
    }
}

/// The boot loader that is in charge of the system with this root directory. `filesystem` is a directory of it on a
/// writable mount.
pub(crate) fn detect(root: BorrowedFd<'_>, filesystem: BorrowedFd<'_>) -> Result<Box<dyn Boot>, Error> {
    let plain = BtrfsDefault::new(root, filesystem)?;
    Ok(match SystemdBoot::detect(root, filesystem)? {
        Some(loader) => Box::new(loader),
        None => Box::new(plain),
    })
}

fn duplicate(file: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    rustix::io::fcntl_dupfd_cloexec(file, 0).map_err(|error| Error::io("keep the root directory open", error))
}

/// What the kernel was told when it started, at most 4 KiB.
fn command_line(root: BorrowedFd<'_>) -> rustix::io::Result<String> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::openat(root, "proc/cmdline", flags, Mode::empty())?;
    let mut bytes = vec![0; 4096];
    let length = rustix::io::read(&file, &mut bytes)?;
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The subvolume that a directory lies in.
fn running(root: &OwnedFd) -> Result<u64, Error> {
    btrfs::root_of(root)
        .map(|root| root.id)
        .map_err(|error| Error::io("read the running subvolume", error))
}
