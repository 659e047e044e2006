// SPDX-License-Identifier: GPL-3.0-or-later
//! How full a filesystem is, counted as `btrfs filesystem usage` counts.

use super::ioctl::{Filesystem, SPACE_HEADER, SPACE_SLOT, device_size, filesystem_of, space_info};
use super::tree::Fields;
use linux_raw_sys::btrfs;
use model::Usage;
use rustix::fd::AsFd;
use rustix::io::Result;

/// More kinds of block groups than there are combinations of type and profile.
const KINDS: usize = 256;
/// More devices than any filesystem has; their numbers may have gaps.
const DEVICES: u64 = 4096;
/// The kernel makes no block group of less (btrfs-progs: `MIN_UNALOCATED_THRESH`).
const LEAST: u64 = 16 << 20;

/// One kind of block groups: flags, bytes and used bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    flags: u64,
    size: u64,
    used: u64,
}

impl Kind {
    fn has(self, flag: u32) -> bool {
        self.flags & u64::from(flag) != 0
    }

    /// On how many bytes of the devices one byte lies, as a fraction.
    fn copies(self, devices: u64) -> (u64, u64) {
        let parity = |parity: u64| match devices.checked_sub(parity) {
            Some(data @ 1..) => (devices, data),
            _ => (1, 1),
        };
        if self.has(btrfs::BTRFS_BLOCK_GROUP_RAID1C4) {
            (4, 1)
        } else if self.has(btrfs::BTRFS_BLOCK_GROUP_RAID1C3) {
            (3, 1)
        } else if self.has(btrfs::BTRFS_BLOCK_GROUP_RAID5) {
            // Exact when every block group spans all devices; the kernel makes them so.
            parity(1)
        } else if self.has(btrfs::BTRFS_BLOCK_GROUP_RAID6) {
            parity(2)
        } else if self.has(
            btrfs::BTRFS_BLOCK_GROUP_DUP | btrfs::BTRFS_BLOCK_GROUP_RAID1 | btrfs::BTRFS_BLOCK_GROUP_RAID10,
        ) {
            (2, 1)
        } else {
            (1, 1)
        }
    }
}

fn part(bytes: u64, (over, under): (u64, u64)) -> u64 {
    let bytes = u128::from(bytes) * u128::from(over) / u128::from(under.max(1));
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn kinds(argument: &[u8]) -> Vec<Kind> {
    let word = |bytes: &[u8], at| Fields(bytes).bytes(at).map(u64::from_ne_bytes);
    let count = word(argument, size_of::<u64>()).unwrap_or(0);
    let slots = argument
        .get(SPACE_HEADER..)
        .unwrap_or_default()
        .chunks_exact(SPACE_SLOT);
    slots
        .take(usize::try_from(count).unwrap_or(KINDS))
        .filter_map(|slot| {
            Some(Kind {
                flags: word(slot, 0)?,
                size: word(slot, 8)?,
                used: word(slot, 16)?,
            })
        })
        // A part of the metadata that is set aside, not one of the block groups.
        .filter(|kind| kind.flags & btrfs::BTRFS_SPACE_INFO_GLOBAL_RSV == 0)
        .collect()
}

/// Adds the kinds up. `size` is that of all devices.
fn added_up(kinds: &[Kind], size: u64, devices: u64) -> Usage {
    let mut chunks = 0_u64;
    let (mut used, mut most) = (0_u64, (1, 1));
    let (mut data_size, mut raw_data_size, mut raw_data_used) = (0_u64, 0_u64, 0_u64);
    for kind in kinds {
        let copies = kind.copies(devices);
        let (raw_size, raw_used) = (part(kind.size, copies), part(kind.used, copies));
        chunks = chunks.saturating_add(raw_size);
        used = used.saturating_add(raw_used);
        if copies.0 * most.1 > most.0 * copies.1 {
            most = copies;
        }
        if kind.has(btrfs::BTRFS_BLOCK_GROUP_DATA) {
            data_size = data_size.saturating_add(kind.size);
            raw_data_size = raw_data_size.saturating_add(raw_size);
            raw_data_used = raw_data_used.saturating_add(raw_used);
        }
    }
    let unallocated = size.saturating_sub(chunks);
    let ratio = match raw_data_size {
        0 => (1, 1),
        raw => (data_size, raw),
    };
    let in_chunks = part(raw_data_size.saturating_sub(raw_data_used), ratio);
    let beside = match unallocated {
        LEAST.. => (part(unallocated, ratio), part(unallocated, (most.1, most.0))),
        _ => (0, 0),
    };
    Usage {
        size,
        used,
        unallocated,
        free: in_chunks.saturating_add(beside.0),
        free_least: in_chunks.saturating_add(beside.1),
    }
}

/// How full the filesystem is in which this file or directory lies.
pub(crate) fn usage(file: impl AsFd) -> Result<Usage> {
    let Filesystem {
        devices, last_device, ..
    } = filesystem_of(&file)?;
    let (mut size, mut left) = (0_u64, devices);
    for device in 1..=last_device.min(DEVICES) {
        if left == 0 {
            break;
        }
        if let Some(bytes) = device_size(file.as_fd(), device)? {
            size = size.saturating_add(bytes);
            left -= 1;
        }
    }
    let mut argument = vec![0; SPACE_HEADER + KINDS * SPACE_SLOT];
    space_info(file.as_fd(), &mut argument)?;
    Ok(added_up(&kinds(&argument), size, devices))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn kind(flags: u32, size: u64, used: u64) -> Kind {
        Kind {
            flags: flags.into(),
            size,
            used,
        }
    }

    #[test]
    fn copies_count_each() {
        let (data, metadata) = (btrfs::BTRFS_BLOCK_GROUP_DATA, btrfs::BTRFS_BLOCK_GROUP_METADATA);
        let kinds = [
            kind(data, 40 * GIB, 30 * GIB),
            kind(metadata | btrfs::BTRFS_BLOCK_GROUP_DUP, 5 * GIB, 2 * GIB),
        ];
        let expected = Usage {
            size: 100 * GIB,
            used: 34 * GIB,
            unallocated: 50 * GIB,
            free: 60 * GIB,
            free_least: 35 * GIB,
        };
        assert_eq!(added_up(&kinds, 100 * GIB, 1), expected);
        let kinds = [kind(data | btrfs::BTRFS_BLOCK_GROUP_RAID5, 20 * GIB, 10 * GIB)];
        let usage = added_up(&kinds, 90 * GIB, 3);
        assert_eq!(
            (usage.used, usage.unallocated, usage.free),
            (15 * GIB, 60 * GIB, 50 * GIB)
        );
        assert_eq!(added_up(&[], 0, 0), Usage::default());
    }
}
