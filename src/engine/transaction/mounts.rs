// SPDX-License-Identifier: GPL-3.0-or-later
//! Which parts of the running system are no part of its snapshots, and how a sandbox shows them.

use crate::Error;
use rustix::fs::{AtFlags, statat};
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// How a sandbox shows a directory that the running system mounts from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// As it is, and what is written there is thrown away with the sandbox.
    Overlaid,
    /// As it is, and nothing can be written there.
    ReadOnly,
}

/// One such directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Apart {
    /// Relative to the root.
    pub(crate) path: String,
    /// How it is shown.
    pub(crate) shown: Shown,
}

/// Filesystems that hold a system's own data; network and automatic mounts could keep a transaction waiting.
const FILESYSTEMS: [&str; 6] = ["btrfs", "ext4", "xfs", "f2fs", "bcachefs", "ext3"];
/// How deep below the root a mount in `/var` may lie to be shown.
const DEPTH: usize = 2;
/// Directories that may hold a local repository or a home that scripts look at.
const READ_ONLY: [&str; 5] = ["opt", "srv", "home", "root", "usr/local"];

/// The directories of the running system that are no part of its snapshots, outer ones first.
pub(crate) fn apart(root: BorrowedFd<'_>) -> Result<Vec<Apart>, Error> {
    let failed = |source| Error::io("read the list of mounts", source);
    let place = std::fs::read_link(format!("/proc/self/fd/{}", root.as_raw_fd())).map_err(failed)?;
    let table = std::fs::read("/proc/self/mountinfo").map_err(failed)?;
    let mut apart = from_table(&String::from_utf8_lossy(&table), &place.to_string_lossy());
    // A nested subvolume is no part of the snapshots either, mounted or not.
    if var_is_apart(root)? && !apart.iter().any(|part| part.path == "var") {
        apart.push(Apart {
            path: "var".to_owned(),
            shown: Shown::Overlaid,
        });
    }
    apart.sort_by_key(|part| part.path.matches('/').count());
    Ok(apart)
}

/// Whether the running system's `/var` is no part of its snapshots.
pub(crate) fn var_is_apart(root: BorrowedFd<'_>) -> Result<bool, Error> {
    let device = |path| statat(root, path, AtFlags::SYMLINK_NOFOLLOW).map(|stat| stat.st_dev);
    match (device("."), device("var")) {
        (Ok(root), Ok(var)) => Ok(root != var),
        (Ok(_), Err(rustix::io::Errno::NOENT)) => Ok(false),
        (Err(source), _) | (_, Err(source)) => Err(Error::io("look at /var", source)),
    }
}

/// Reads `/proc/PID/mountinfo` (proc_pid_mountinfo(5)) for the system at `place`.
fn from_table(table: &str, place: &str) -> Vec<Apart> {
    let place = place.trim_end_matches('/');
    let mut apart: Vec<Apart> = table
        .lines()
        .filter_map(|line| {
            let (fields, kind) = line.split_once(" - ")?;
            let target = unescaped(fields.split(' ').nth(4)?);
            let path = target.strip_prefix(place)?.strip_prefix('/')?;
            let filesystem = kind.split(' ').next()?;
            let shown = shown(path)?;
            FILESYSTEMS.contains(&filesystem).then(|| Apart {
                path: path.to_owned(),
                shown,
            })
        })
        .collect();
    apart.sort_by(|a, b| a.path.cmp(&b.path));
    apart.dedup();
    apart
}

fn shown(path: &str) -> Option<Shown> {
    let below = |top: &str| path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'));
    if path == "var/tmp" || below("var/tmp") {
        None
    } else if path == "var" || below("var") {
        // What lies deeper belongs to containers and the like, of which there may be hundreds.
        (path.matches('/').count() <= DEPTH).then_some(Shown::Overlaid)
    } else {
        READ_ONLY.contains(&path).then_some(Shown::ReadOnly)
    }
}

/// Spaces and the like are written as three octal digits, by the kernel and in fstab(5).
pub(crate) fn unescaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let code = tail
            .get(..3)
            .filter(|_| *byte == b'\\')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match code {
            Some(code) => {
                out.push(code);
                rest = &tail[3..];
            }
            None => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
29 1 0:25 /@/.snapshots/1/snapshot / rw,relatime shared:1 - btrfs /dev/sda3 rw,subvolid=266
30 29 0:5 / /dev rw,nosuid shared:2 - devtmpfs devtmpfs rw
31 29 0:25 /@/.snapshots /.snapshots rw shared:3 - btrfs /dev/sda3 rw
32 29 0:25 /@/var /var rw shared:4 - btrfs /dev/sda3 rw
33 32 0:41 / /var/lib/nfs/rpc_pipefs rw - rpc_pipefs sunrpc rw
34 32 8:2 / /var/log rw shared:9 - ext4 /dev/sda2 rw
35 29 0:25 /@/opt /opt rw - btrfs /dev/sda3 rw
36 29 0:50 / /home rw - nfs4 server:/home rw
37 29 0:25 /@/my\\040data /srv/my\\040data rw - btrfs /dev/sda3 rw
38 29 0:25 /@/srv /srv rw - btrfs /dev/sda3 rw
39 29 8:1 / /boot/efi rw - vfat /dev/sda1 rw
garbage
";

    #[test]
    fn only_a_systems_own_data_is_shown() {
        let shown = |place| {
            from_table(TABLE, place)
                .into_iter()
                .map(|part| (part.path, part.shown))
                .collect::<Vec<_>>()
        };
        let own = |path: &str, shown| (path.to_owned(), shown);
        assert_eq!(
            shown("/"),
            [
                own("opt", Shown::ReadOnly),
                own("srv", Shown::ReadOnly),
                own("var", Shown::Overlaid),
                own("var/log", Shown::Overlaid),
            ]
        );
        assert_eq!(shown("/var"), []);
        assert_eq!(unescaped("a\\040b\\134c\\9"), "a b\\c\\9");
    }
}
