// SPDX-License-Identifier: GPL-3.0-or-later
//! Deletes a snapshot: what is nested in it, deepest first, then itself, its books and its directory.

use super::{Store, directory};
use crate::native::btrfs;
use crate::native::mounts::mounted_subvolumes;
use crate::{Error, Outcome};
use model::{Refusal, RefusalCode, SnapshotId};
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, StatxFlags};
use rustix::io::Errno;

/// Nothing real is nested deeper; a damaged tree of roots might go round in circles.
const DEEPEST: usize = 32;

/// The files snapper and its plugins put beside a snapshot.
fn is_ours_or_snappers(name: &str) -> bool {
    matches!(name, "info.xml" | "grub-snapshot.cfg")
        || name.starts_with("info.xml.tmp-")
        || name.starts_with("filelist-")
}

impl Store {
    /// Deletes a snapshot, what is nested in it, and its directory. Refused with `InUse` when any of it is mounted.
    /// `Unchanged` when there is none with this number. The kernel frees the space later.
    pub(crate) fn delete(&self, id: SnapshotId) -> Result<Outcome<()>, Error> {
        let _changing = self.changing();
        let Some((_, subvolume)) = self.subvolume(id)? else {
            return Ok(Outcome::Unchanged);
        };
        let wrapped = |error| Error::ChangeSnapshot {
            id,
            source: Box::new(error),
        };
        let nested = self.nested(subvolume.id).map_err(wrapped)?;
        let mounted = self.mounted().map_err(wrapped)?;
        if mounted.contains(&subvolume.id) || nested.iter().any(|child| mounted.contains(child)) {
            return Err(Refusal::of(RefusalCode::InUse, id).into());
        }
        match self.remove(id) {
            Ok(()) => Ok(Outcome::Changed(())),
            // Whole as before, or some of it gone: only the disk knows.
            Err(error) if self.nested(subvolume.id).is_ok_and(|left| left == nested) => Err(wrapped(error)),
            Err(error) => Err(Error::NeedsAttention {
                left: format!("snapshot {id} is deleted in part"),
                cause: Box::new(wrapped(error)),
            }),
        }
    }

    /// Removes a number directory with everything in it that is ours or snapper's, complete or not.
    pub(super) fn remove(&self, id: SnapshotId) -> Result<(), Error> {
        if let Some((root, subvolume)) = self.subvolume(id)? {
            let nested = self.nested(subvolume.id)?;
            let failed = |error| match error {
                // A running send keeps a subvolume; so does being the default.
                Errno::PERM | Errno::BUSY | Errno::TXTBSY => Error::from(Refusal::of(RefusalCode::InUse, id)),
                error => Error::io(format!("delete the subvolumes of snapshot {id}"), error),
            };
            if !nested.is_empty() {
                // Entries of a read-only subvolume cannot be removed.
                btrfs::set_read_only(&root, false).map_err(failed)?;
            }
            let destroyed = nested.iter().chain([&subvolume.id]).try_for_each(|child| {
                match btrfs::destroy_subvolume(&self.directory, *child) {
                    Err(Errno::NOENT) => Ok(()),
                    result => result,
                }
            });
            if let Err(error) = destroyed {
                if subvolume.read_only && !nested.is_empty() {
                    // The first error is the one to tell.
                    let _ = btrfs::set_read_only(&root, true);
                }
                return Err(failed(error));
            }
        }
        self.remove_place(id)?;
        if self.subvolume(id)?.is_some() {
            return Err(Error::io(format!("delete snapshot {id}"), Errno::BUSY));
        }
        Ok(())
    }

    /// Removes the files beside a snapshot, and the directory unless somebody else keeps something in it.
    fn remove_place(&self, id: SnapshotId) -> Result<(), Error> {
        let failed = |error| Error::io(format!("remove the directory .snapshots/{id}"), error);
        let place = match directory::open_directory(&self.directory, &id.to_string()) {
            Err(Errno::NOENT) => return Ok(()),
            place => place.map_err(failed)?,
        };
        let mut names = Vec::new();
        directory::visit_entries(&place, |name, _, _| {
            if is_ours_or_snappers(name) {
                names.push(name.to_owned());
            }
        })
        .map_err(failed)?;
        for name in names {
            match rustix::fs::unlinkat(&place, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        match rustix::fs::unlinkat(&self.directory, id.to_string(), AtFlags::REMOVEDIR) {
            // A directory without a snapshot is nobody's snapshot: its number stays taken, nothing more.
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Every subvolume nested in this one, the deepest first.
    fn nested(&self, subvolume: u64) -> Result<Vec<u64>, Error> {
        let mut found = Vec::new();
        self.collect_nested(subvolume, DEEPEST, &mut found)
            .map_err(|error| Error::io("list the nested subvolumes", error))?;
        Ok(found)
    }

    fn collect_nested(&self, parent: u64, depth: usize, found: &mut Vec<u64>) -> rustix::io::Result<()> {
        let depth = depth.checked_sub(1).ok_or(Errno::LOOP)?;
        for child in btrfs::children(&self.directory, parent)? {
            self.collect_nested(child.id, depth, found)?;
            found.push(child.id);
        }
        Ok(())
    }

    /// The subvolumes of this filesystem that are mounted, as far as this process sees mounts.
    fn mounted(&self) -> Result<Vec<u64>, Error> {
        let failed = |error| Error::io("read /proc/self/mountinfo", error);
        let status = rustix::fs::statx(
            self.directory.as_fd(),
            "",
            AtFlags::EMPTY_PATH,
            StatxFlags::MNT_ID,
        )
        .map_err(|error| failed(error.into()))?;
        // The table of this process, not a file of the system the engine works on.
        let table = std::fs::read_to_string("/proc/self/mountinfo").map_err(failed)?;
        Ok(mounted_subvolumes(&table, status.stx_mnt_id))
    }

    /// Removes directories that hold books but no subvolume: what a creation or deletion that was cut short leaves. To
    /// be called when nobody works here.
    pub(crate) fn sweep(&self) -> Result<(), Error> {
        let _changing = self.changing();
        let listing = self.read()?;
        let strays: Vec<SnapshotId> = self
            .taken()
            .into_iter()
            .filter(|id| !listing.entries.contains_key(id))
            .collect();
        for id in strays {
            let info = format!("{id}/info.xml");
            let has_books = rustix::fs::statat(&self.directory, info, AtFlags::SYMLINK_NOFOLLOW).is_ok();
            if has_books && self.subvolume(id)?.is_none() {
                self.remove_place(id)?;
            }
        }
        Ok(())
    }
}
