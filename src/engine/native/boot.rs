// SPDX-License-Identifier: GPL-3.0-or-later
//! What runs and what starts next. One implementation for each way a system chooses; so far there is one.

use super::btrfs;
use crate::Error;
use model::Absence;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};

/// What runs and what starts next, by the number of the subvolume.
pub(crate) trait Boot: Send + Sync + std::fmt::Debug {
    /// Why the default cannot be chosen on this system, where it cannot.
    fn absence(&self) -> Option<Absence>;
    /// The subvolume that the running system was started from.
    fn booted(&self) -> Result<u64, Error>;
    /// The subvolume that starts next.
    fn default(&self) -> Result<u64, Error>;
    /// Makes a subvolume start next and waits until that is on disk.
    fn set_default(&self, subvolume: u64) -> Result<(), Error>;
}

/// The default subvolume of btrfs, which starts wherever the kernel is not told a subvolume by name: what openSUSE's
/// GRUB and plain `root=UUID=…` do.
#[derive(Debug)]
pub(crate) struct BtrfsDefault {
    /// The root directory of the running system.
    root: OwnedFd,
    /// A directory of the filesystem on a writable mount.
    filesystem: OwnedFd,
    is_in_charge: bool,
}

impl BtrfsDefault {
    /// `root` is the root directory of the running system, `filesystem` a directory of it on a writable mount.
    pub(crate) fn new(root: BorrowedFd<'_>, filesystem: BorrowedFd<'_>) -> Result<Self, Error> {
        let duplicate = |file: BorrowedFd<'_>| {
            rustix::io::fcntl_dupfd_cloexec(file, 0)
                .map_err(|error| Error::io("keep a directory open", error))
        };
        Ok(Self {
            root: duplicate(root)?,
            filesystem: duplicate(filesystem)?,
            // Where the kernel's command line cannot be read, nothing says that somebody else is in charge.
            is_in_charge: !command_line(root).is_ok_and(|line| names_subvolume(&line)),
        })
    }
}

fn command_line(root: BorrowedFd<'_>) -> rustix::io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::openat(root, "proc/cmdline", flags, Mode::empty())?;
    let mut bytes = vec![0; 4096];
    let length = rustix::io::read(&file, &mut bytes)?;
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether the kernel was told which subvolume to start from: then the boot loader's entries decide (sdbootutil writes
/// one for each snapshot, Debian's and Ubuntu's GRUB names `@`), and another default subvolume would change nothing.
fn names_subvolume(command_line: &str) -> bool {
    command_line
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("rootflags="))
        .flat_map(|flags| flags.split(','))
        .any(|flag| flag.starts_with("subvol=") || flag.starts_with("subvolid="))
}

impl Boot for BtrfsDefault {
    fn absence(&self) -> Option<Absence> {
        (!self.is_in_charge).then_some(Absence::BootLoaderUnsupported)
    }

    fn booted(&self) -> Result<u64, Error> {
        btrfs::root_of(&self.root)
            .map(|root| root.id)
            .map_err(|error| Error::io("read the running subvolume", error))
    }

    fn default(&self) -> Result<u64, Error> {
        btrfs::default_root(&self.filesystem).map_err(|error| Error::io("read the default subvolume", error))
    }

    fn set_default(&self, subvolume: u64) -> Result<(), Error> {
        // Setting it alone commits nothing: after a power cut the old one would be back.
        btrfs::default_from(&self.filesystem, subvolume)
            .and_then(|()| btrfs::commit(&self.filesystem).map(drop))
            .map_err(|error| Error::io(format!("make subvolume {subvolume} the default"), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subvolume_on_the_command_line_is_seen() {
        for (line, names) in [
            ("BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro quiet", false),
            ("root=UUID=1 rootflags=noatime,compress=zstd", false),
            ("root=UUID=1 rootflags=subvol=@ ro", true),
            ("root=UUID=1 rootflags=noatime,subvolid=256", true),
            ("root=UUID=1 rootflags=subvol=@/.snapshots/3/snapshot\n", true),
            ("systemd.setenv=rootflags=subvol=@", false),
        ] {
            assert_eq!(names_subvolume(line), names, "{line}");
        }
    }
}
