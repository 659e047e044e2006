// SPDX-License-Identifier: GPL-3.0-or-later
//! Which subvolumes of a filesystem are mounted, from the kernel's table of mounts.

/// The numbers of all subvolumes that are mounted from the filesystem of the mount `id`, and those of which a directory
/// is. `table` is the text of `/proc/self/mountinfo`.
pub(super) fn mounted_subvolumes(table: &str, id: u64) -> Vec<u64> {
    let lines = || table.lines().filter_map(Line::parse);
    let Some(device) = lines().find(|line| line.id == id).map(|line| line.device) else {
        return Vec::new();
    };
    lines()
        .filter(|line| line.device == device)
        .filter_map(|line| line.subvolume)
        .collect()
}

struct Line<'a> {
    id: u64,
    device: &'a str,
    subvolume: Option<u64>,
}

impl<'a> Line<'a> {
    /// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - btrfs /dev/root rw,subvolid=256,subvol=/mnt1`
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(' ');
        let id = fields.next()?.parse().ok()?;
        let device = fields.nth(1)?;
        // The last field holds the filesystem's own options; paths in front of it have their blanks escaped.
        let options = fields.next_back()?;
        let subvolume = options
            .split(',')
            .find_map(|option| option.strip_prefix("subvolid="))
            .and_then(|id| id.parse().ok());
        Some(Self {
            id,
            device,
            subvolume,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_the_same_filesystem_are_found() {
        let table = "\
            22 1 0:20 / /proc rw - proc proc rw\n\
            30 1 0:41 /@/.snapshots/1/snapshot / ro - btrfs /dev/vda2 rw,subvolid=268,subvol=/@/.snapshots/1/snapshot\n\
            31 30 0:41 /@/.snapshots /.snapshots rw shared:4 - btrfs /dev/vda2 rw,subvolid=266,subvol=/@/.snapshots\n\
            32 30 0:41 /@/.snapshots/7/snapshot/etc /mnt/a\\040b rw - btrfs /dev/vda2 rw,subvolid=301,subvol=/x\n\
            33 30 0:52 / /other rw - btrfs /dev/vdb rw,subvolid=7,subvol=/\n\
            broken line\n";
        assert_eq!(mounted_subvolumes(table, 31), [268, 266, 301]);
        assert_eq!(mounted_subvolumes(table, 33), [7]);
        assert_eq!(mounted_subvolumes(table, 22), [0_u64; 0]);
        assert_eq!(mounted_subvolumes(table, 99), [0_u64; 0]);
    }
}
