// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether a failure is that of a full disk. Package managers do not always say so: dpkg reports that a script or a
//! rename failed, and the script was silent. So the disk itself is asked, while what filled it is still there.

use crate::Error;
use model::FailureCode;
use rustix::fd::AsFd;
use rustix::fs::{FallocateFlags, Mode, OFlags};
use rustix::io::Errno;

/// Less than this is no room to install anything: dpkg rewrites a database of some MiB for every package.
const LEAST: u64 = 4 << 20;

/// The error under the name of a full disk, when the package manager failed for a reason that may be one and there is no
/// room left at `snapshot`, the root directory of a writable snapshot.
pub(super) fn named(cause: Error, snapshot: impl AsFd) -> Error {
    match cause {
        Error::Packages(mut failure) | Error::Unverified(mut failure)
            if may_be(failure.code) && is_full(&snapshot) =>
        {
            failure.code = FailureCode::DiskFull;
            Error::Packages(failure)
        }
        cause => cause,
    }
}

/// The names that a failure may have which is really that of a full disk.
fn may_be(code: FailureCode) -> bool {
    use FailureCode::{PackageManager, PackageScript, Unverified};
    matches!(code, PackageManager | PackageScript | Unverified)
}

/// Space is promised to a file without a name, which vanishes at once. The free space of btrfs is only an estimate; this
/// is what a program that writes would meet.
fn is_full(directory: impl AsFd) -> bool {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let result = rustix::fs::openat(directory, ".", flags, Mode::RUSR | Mode::WUSR)
        .and_then(|file| rustix::fs::fallocate(file, FallocateFlags::empty(), 0, LEAST));
    matches!(result, Err(Errno::NOSPC | Errno::DQUOT))
}
