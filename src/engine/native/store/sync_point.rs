// SPDX-License-Identifier: GPL-3.0-or-later
//! The sync point of a nested `/etc`, as snapper's plugin `50-etc` makes it on MicroOS: a subvolume in the new
//! snapshot's `/etc` that says what the two systems had in common, for the merge at the first start (`crate::etc`).
//!
//! - Made from the running system: the sync point is the new `/etc` as it is.
//! - Made from what was made from the running system: what changed in the running system since is merged in now, and the
//!   sync point is the running `/etc`.
//! - Made from anything else that has a sync point: that one is copied, for it was never merged.
//!
//! A file in it names the snapshot that it is to be compared with.

use super::{Store, directory};
use crate::Error;
use crate::etc::{self, SYNC_POINT, Three};
use crate::native::btrfs;
use crate::packages::Tree;
use crate::platform::{self, fstab_names_etc};
use model::SnapshotId;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

/// The name of the file in the sync point.
const COMPARE_WITH: &str = "transactional-update.comparewith";
/// The directory of a sync point's name in C.
const SYNC_POINT_C: &std::ffi::CStr = c"etc.syncpoint";

fn failed(action: &str) -> impl Fn(Errno) -> Error + '_ {
    move |error| Error::io(action, error)
}

/// The sync point in an `/etc`, where there is one.
fn of(etc: BorrowedFd<'_>) -> Result<Option<OwnedFd>, Error> {
    match directory::open_directory(etc, SYNC_POINT) {
        Ok(found) if btrfs::is_subvolume(&found) => Ok(Some(found)),
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(failed("open the sync point of /etc")(error)),
    }
}

/// The snapshot that a sync point is to be compared with.
fn compares_with(sync_point: BorrowedFd<'_>) -> Option<SnapshotId> {
    let words = directory::read_file(sync_point, COMPARE_WITH, 64).ok()??.0;
    let words = String::from_utf8(words).ok()?;
    super::number(words.trim())
}

fn compare_with(sync_point: BorrowedFd<'_>, id: SnapshotId) -> Result<(), Error> {
    let mode = Mode::from_raw_mode(0o644);
    directory::write_file(sync_point, COMPARE_WITH, format!("{id}\n").as_bytes(), mode)
        .map_err(failed("write what the sync point is compared with"))
}

impl Store {
    /// Gives the new snapshot's nested `/etc` its sync point. `root` is the new snapshot, `etc` its `/etc`, `source_etc`
    /// that of what it was made from.
    pub(super) fn make_sync_point(
        &self,
        root: BorrowedFd<'_>,
        etc: &OwnedFd,
        base: Option<SnapshotId>,
        source_etc: BorrowedFd<'_>,
    ) -> Result<(), Error> {
        // A subvolume nested in the source is an empty directory in its snapshot.
        match rustix::fs::unlinkat(etc, SYNC_POINT, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(error) => return Err(failed("remove the empty place of the sync point")(error)),
        }
        let table = platform::text(Tree::new(root), "etc/fstab").unwrap_or_default();
        let Some(base) = base.filter(|_| fstab_names_etc(&table)) else {
            return Ok(());
        };
        let running = self.by_subvolume(btrfs::root_of(&self.root).map_err(failed("read what runs"))?.id)?;
        let snapshot = |source: BorrowedFd<'_>| {
            btrfs::create_snapshot(etc, source, SYNC_POINT_C, false)
                .map_err(failed("make the sync point of /etc"))?;
            directory::open_directory(etc, SYNC_POINT).map_err(failed("open the new sync point of /etc"))
        };
        if running == Some(base) {
            return compare_with(snapshot(etc.as_fd())?.as_fd(), base);
        }
        let Some(theirs) = of(source_etc)? else {
            return Ok(());
        };
        match running.filter(|running| compares_with(theirs.as_fd()) == Some(*running)) {
            Some(running) => {
                let (live, _) = self.existing(running)?;
                let live =
                    directory::open_directory(&live, "etc").map_err(failed("open the running /etc"))?;
                let three = Three {
                    old: live.as_fd(),
                    new: etc.as_fd(),
                    sync_point: theirs.as_fd(),
                };
                etc::apply(three, &etc::plan(three)?, |line| tracing::debug!("{line}"))?;
                compare_with(snapshot(live.as_fd())?.as_fd(), running)
            }
            None => snapshot(theirs.as_fd()).map(drop),
        }
    }
}
