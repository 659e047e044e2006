// SPDX-License-Identifier: GPL-3.0-or-later
//! Deletes a snapshot: what is nested in it, deepest first, then itself, its books and its directory.

use super::{Found, Store, directory, is_unnumbered, number, unnumbered};
use crate::native::btrfs::{self, ROOT_DIRECTORY};
use crate::native::mounts::mounted_subvolumes;
use crate::{Error, Outcome};
use model::{Refusal, RefusalCode, SnapshotId};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, StatxFlags};
use rustix::io::Errno;

/// Nothing real is nested deeper; a damaged tree of roots might go round in circles.
const DEEPEST: usize = 32;

/// The files snapper and its plugins put beside a snapshot.
fn is_ours_or_snappers(name: &str) -> bool {
    matches!(name, "info.xml" | "grub-snapshot.cfg")
        || name.starts_with("info.xml.tmp-")
        || name.starts_with("filelist-")
}

/// A subvolume nested in a snapshot.
#[derive(Debug, PartialEq, Eq)]
struct Nested {
    id: u64,
    /// Below the snapshot's root directory.
    path: Vec<u8>,
    /// Others are nested in it.
    is_parent: bool,
}

/// Makes all those writable in which others are nested: entries of a read-only subvolume cannot be removed. Those that
/// were read-only are collected in `sealed`.
fn unseal(root: OwnedFd, nested: &[Nested], sealed: &mut Vec<OwnedFd>) -> rustix::io::Result<()> {
    if nested.is_empty() {
        return Ok(());
    }
    let parents = nested
        .iter()
        .filter(|child| child.is_parent)
        .map(|child| directory::open_directory(&root, child.path.as_slice()))
        .collect::<Result<Vec<_>, _>>()?;
    for parent in parents.into_iter().chain([root]) {
        if btrfs::is_read_only(&parent)? {
            btrfs::set_read_only(&parent, false)?;
            sealed.push(parent);
        }
    }
    Ok(())
}

impl Store {
    /// Deletes a snapshot, what is nested in it, and its directory. Refused with `InUse` when any of it is mounted.
    /// `Unchanged` when there is none with this number. The kernel frees the space later.
    pub(crate) fn delete(&self, id: SnapshotId) -> Result<Outcome<()>, Error> {
        let _changing = self.changing();
        let subvolume = match self.look(id)? {
            Found::Snapshot(_, subvolume) => subvolume.id,
            Found::Covered => return Err(Refusal::of(RefusalCode::InUse, id).into()),
            Found::Nothing => return Ok(Outcome::Unchanged),
        };
        let wrapped = |error| Error::ChangeSnapshot {
            id,
            source: Box::new(error),
        };
        let nested = self.nested(subvolume).map_err(wrapped)?;
        let mounted = self.mounted().map_err(wrapped)?;
        if mounted.contains(&subvolume) || nested.iter().any(|child| mounted.contains(&child.id)) {
            return Err(Refusal::of(RefusalCode::InUse, id).into());
        }
        match self.remove(id) {
            Ok(()) => Ok(Outcome::Changed(())),
            // Whole as before, or some of it gone: only the disk knows.
            Err(error) if self.nested(subvolume).is_ok_and(|left| left == nested) => Err(wrapped(error)),
            Err(error) => Err(Error::NeedsAttention {
                left: format!("snapshot {id} is deleted in part"),
                cause: Box::new(wrapped(error)),
            }),
        }
    }

    /// Removes a number directory with everything in it that is ours or snapper's, complete or not.
    pub(super) fn remove(&self, id: SnapshotId) -> Result<(), Error> {
        let mut before = None;
        if let Found::Snapshot(root, subvolume) = self.look(id)? {
            before = Some(subvolume.id);
            let failed = |error| match error {
                // A running send keeps a subvolume; so does being the default.
                Errno::PERM | Errno::BUSY | Errno::TXTBSY => Error::from(Refusal::of(RefusalCode::InUse, id)),
                error => Error::io(format!("delete the subvolumes of snapshot {id}"), error),
            };
            let nested = self.nested(subvolume.id)?;
            // Without what is nested in it a snapshot is not whole. The mark is on disk before the first of that goes, so
            // that a deletion that is cut short is finished at the next start. On a full disk only removing works.
            let unmarked = match nested.is_empty() {
                true => None,
                false => self.mark(id),
            };
            let mut sealed = Vec::new();
            let destroyed = unseal(root, &nested, &mut sealed).and_then(|()| {
                let ids = nested.iter().map(|child| child.id).chain([subvolume.id]);
                ids.into_iter()
                    .try_for_each(|id| match btrfs::destroy_subvolume(&self.directory, id) {
                        Err(Errno::NOENT) => Ok(()),
                        result => result,
                    })
            });
            if let Err(error) = destroyed {
                for root in sealed {
                    // The first error is the one to tell.
                    let _ = btrfs::set_read_only(root, true);
                }
                if let Some(unmarked) = unmarked
                    && self.nested(subvolume.id).is_ok_and(|left| left == nested)
                    && let Err(error) = self.put_back(&unmarked)
                {
                    tracing::warn!("snapshot {id} is still marked: {}", error.chain());
                }
                return Err(failed(error));
            }
        }
        self.remove_directory(&id.to_string())?;
        match self.look(id)? {
            Found::Snapshot(_, now) if Some(now.id) == before => {
                Err(Error::io(format!("delete snapshot {id}"), Errno::BUSY))
            }
            // Nothing, or by now somebody else's: the number was free.
            _ => Ok(()),
        }
    }

    /// Removes a directory in `.snapshots` with the files we and snapper put beside a snapshot, unless somebody else
    /// keeps something in it.
    pub(super) fn remove_directory(&self, name: &str) -> Result<(), Error> {
        let failed = |error| Error::io(format!("remove the directory .snapshots/{name}"), error);
        let place = match directory::open_directory(&self.directory, name) {
            Err(Errno::NOENT) => return Ok(()),
            place => place.map_err(failed)?,
        };
        let (mut names, mut others) = (Vec::new(), false);
        directory::visit_entries(&place, |name, kind, _| {
            if is_ours_or_snappers(name) && kind != FileType::Directory {
                names.push(name.to_owned());
            } else {
                others = true;
            }
        })
        .map_err(failed)?;
        // It gives up its number as a whole, so that no crash leaves a number that says nothing. On a full disk only
        // removing works: then it goes as it is.
        let unnumbered = unnumbered();
        let is_renamed = !others
            && name != unnumbered
            && rustix::fs::renameat(&self.directory, name, &self.directory, unnumbered.as_str()).is_ok();
        let name = if is_renamed { unnumbered.as_str() } else { name };
        for name in names {
            match rustix::fs::unlinkat(&place, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        match rustix::fs::unlinkat(&self.directory, name, AtFlags::REMOVEDIR) {
            // A directory without a snapshot is nobody's snapshot: its number stays taken, nothing more.
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Every subvolume nested in this one, the deepest first.
    fn nested(&self, subvolume: u64) -> Result<Vec<Nested>, Error> {
        let mut found = Vec::new();
        self.collect_nested(subvolume, Vec::new(), DEEPEST, &mut found)
            .map_err(|error| Error::io("list the nested subvolumes", error))?;
        Ok(found)
    }

    /// Returns whether there are any.
    fn collect_nested(
        &self,
        parent: u64,
        path: Vec<u8>,
        depth: usize,
        found: &mut Vec<Nested>,
    ) -> rustix::io::Result<bool> {
        let depth = depth.checked_sub(1).ok_or(Errno::LOOP)?;
        let children = btrfs::children(&self.directory, parent)?;
        let any = !children.is_empty();
        for child in children {
            let folder = match child.directory {
                ROOT_DIRECTORY => Vec::new(),
                folder => btrfs::path_in(&self.directory, parent, folder)?,
            };
            let parts = [path.as_slice(), &folder, &child.name].into_iter();
            let path = parts
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(&b'/');
            let is_parent = self.collect_nested(child.id, path.clone(), depth, found)?;
            found.push(Nested {
                id: child.id,
                path,
                is_parent,
            });
        }
        Ok(any)
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
        let mut strays = Vec::new();
        directory::visit_entries(&self.directory, |name, kind, _| {
            if kind == FileType::Directory && (is_unnumbered(name) || number(name).is_some()) {
                strays.push(name.to_owned());
            }
        })
        .map_err(|error| Error::io("read .snapshots", error))?;
        let listing = self.read()?;
        strays.retain(|name| number(name).is_none_or(|id| !listing.entries.contains_key(&id)));
        for name in strays {
            let is_unfinished = match number(&name) {
                None => true,
                // An empty one may be snapper's: it keeps the highest number from being used again.
                Some(id) => self.has_books(id) && matches!(self.look(id)?, Found::Nothing),
            };
            if is_unfinished {
                self.remove_directory(&name)?;
            }
        }
        Ok(())
    }

    fn has_books(&self, id: SnapshotId) -> bool {
        let info = format!("{id}/info.xml");
        directory::open(
            &self.directory,
            info.as_str(),
            OFlags::PATH | OFlags::NOFOLLOW,
            Mode::empty(),
        )
        .is_ok()
    }
}
