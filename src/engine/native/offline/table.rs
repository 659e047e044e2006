// SPDX-License-Identifier: GPL-3.0-or-later
//! What the kernel's table of mounts says of one.

use crate::Error;
use crate::transaction::unescaped;
use model::RefusalCode;
use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, StatxFlags, statx};

/// No name of a device is longer.
const NAME_LIMIT: usize = 256;

/// A line of the kernel's table of mounts.
pub(super) struct Mounted {
    /// Where it is mounted.
    pub(super) place: String,
    pub(super) device: String,
    pub(super) kind: String,
    pub(super) read_only: bool,
}

/// The number of the mount that something lies on.
pub(super) fn mount_of(file: BorrowedFd<'_>) -> Option<u64> {
    statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)
        .ok()
        .map(|found| found.stx_mnt_id)
}

/// What the mount of this directory is made of.
pub(super) fn mounted(directory: BorrowedFd<'_>) -> Result<Mounted, Error> {
    let id = mount_of(directory).map(|id| id.to_string()).unwrap_or_default();
    let table = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(|source| Error::io("read the table of mounts", source))?;
    let line = table
        .lines()
        .find(|line| line.split(' ').next() == Some(id.as_str()));
    line.and_then(parse).ok_or_else(|| RefusalCode::NotBtrfs.into())
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - btrfs /dev/root rw,subvolid=256,subvol=/mnt1`
fn parse(line: &str) -> Option<Mounted> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut fields = filesystem.split(' ');
    let (kind, device, options) = (fields.next()?, fields.next()?, fields.next()?);
    let has = |options: &str| options.split(',').any(|option| option == "ro");
    let place = mount.split(' ').nth(4)?;
    (device.len() <= NAME_LIMIT).then(|| Mounted {
        place: unescaped(place),
        kind: kind.to_owned(),
        device: unescaped(device),
        read_only: has(options) || mount.split(' ').nth(5).is_some_and(has),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_tells_its_device_and_whether_it_may_be_written() {
        let told = |line: &str| parse(line).map(|it| (it.device, it.kind, it.read_only));
        let told_of = |options: &str, filesystem: &str| {
            told(&format!(
                "32 30 0:41 /@ /mnt {options} shared:4 - btrfs /dev/my\\040disk {filesystem}"
            ))
        };
        let expected = |read_only| Some(("/dev/my disk".to_owned(), "btrfs".to_owned(), read_only));
        assert_eq!(told_of("rw,noatime", "rw,subvolid=5"), expected(false));
        assert_eq!(told_of("ro,noatime", "rw,subvolid=5"), expected(true));
        assert_eq!(told_of("rw", "ro,subvolid=5"), expected(true));
        assert_eq!(told("32 30 0:41 /@ /mnt rw"), None);
        assert_eq!(told("x - btrfs"), None);
    }
}
