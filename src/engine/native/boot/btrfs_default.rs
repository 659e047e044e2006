// SPDX-License-Identifier: GPL-3.0-or-later
use super::{Boot, btrfs, command_line, duplicate, running};
use crate::Error;
use model::Absence;
use rustix::fd::{BorrowedFd, OwnedFd};

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
        Ok(Self {
            root: duplicate(root)?,
            filesystem: duplicate(filesystem)?,
            // Where the kernel's command line cannot be read, nothing says that somebody else is in charge.
            is_in_charge: !command_line(root).is_ok_and(|line| names_subvolume(&line)),
        })
    }
}

impl BtrfsDefault {
    /// The same of a system that does not run.
    pub(super) fn resting(root: BorrowedFd<'_>, filesystem: BorrowedFd<'_>) -> Result<Self, Error> {
        Ok(Self {
            root: duplicate(root)?,
            filesystem: duplicate(filesystem)?,
            is_in_charge: true,
        })
    }
}

/// Whether the kernel was told which subvolume to start from: then the boot loader's entries decide (sdbootutil writes
/// one for each snapshot, Debian's and Ubuntu's GRUB names `@`), and another default subvolume would change nothing.
pub(super) fn names_subvolume(command_line: &str) -> bool {
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
        running(&self.root)
    }

    fn default(&self) -> Result<u64, Error> {
        btrfs::default_root(&self.filesystem).map_err(|error| Error::io("read the default subvolume", error))
    }

    fn set_default(&self, subvolume: u64, _trial: bool) -> Result<(), Error> {
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
