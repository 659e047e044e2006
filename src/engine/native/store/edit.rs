// SPDX-License-Identifier: GPL-3.0-or-later
//! Changes the books and the read-only flag of a snapshot.

use super::{Found, Store, directory};
use crate::native::btrfs;
use crate::native::info::{Info, LIMIT};
use crate::{Error, Outcome};
use model::{Condition, Edit, Refusal, RefusalCode, Snapshot, SnapshotId, userdata_key};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode};

/// The file as it is, to be put back when a later step fails.
#[derive(Debug)]
pub(super) struct Original {
    place: OwnedFd,
    bytes: Vec<u8>,
    mode: Mode,
}

impl Store {
    /// Changes a snapshot's books and read-only flag. Refused with `NoSuchSnapshot`, or with `Damaged` when the books
    /// are.
    pub(crate) fn edit(&self, id: SnapshotId, edit: &Edit) -> Result<Outcome<()>, Error> {
        self.change(id, |snapshot| edit.apply(snapshot))
    }

    /// Sets a key of the userdata, or removes it.
    pub(crate) fn set_userdata(
        &self,
        id: SnapshotId,
        key: &str,
        value: Option<&str>,
    ) -> Result<Outcome<()>, Error> {
        self.change(id, |snapshot| {
            match value {
                Some(value) => snapshot.userdata.insert(key.to_owned(), value.to_owned()),
                None => snapshot.userdata.remove(key),
            };
        })
    }

    /// Sets the read-only flag of a snapshot; what is nested in it keeps its own.
    pub(crate) fn set_read_only(&self, id: SnapshotId, read_only: bool) -> Result<Outcome<()>, Error> {
        let _changing = self.changing();
        let (root, subvolume) = self.existing(id)?;
        if subvolume.read_only == read_only {
            return Ok(Outcome::Unchanged);
        }
        self.write_flag(id, root.as_fd(), read_only)?;
        Ok(Outcome::Changed(()))
    }

    /// Changes a snapshot in memory and then the disk, both the books and the flag or neither.
    pub(crate) fn change(
        &self,
        id: SnapshotId,
        change: impl FnOnce(&mut Snapshot),
    ) -> Result<Outcome<()>, Error> {
        let _changing = self.changing();
        let (root, _) = self.existing(id)?;
        let old = self
            .entry(id)?
            .map(|entry| entry.snapshot.clone())
            .filter(|snapshot| snapshot.condition == Condition::Complete)
            .ok_or_else(|| Error::from(Refusal::of(RefusalCode::Damaged, id)))?;
        let mut new = old.clone();
        change(&mut new);
        if new == old {
            return Ok(Outcome::Unchanged);
        }
        let wrapped = |error| match self.look(id) {
            // Deleted by somebody else in the middle of it.
            Ok(Found::Nothing) => Refusal::of(RefusalCode::NoSuchSnapshot, id).into(),
            _ => Error::ChangeSnapshot {
                id,
                source: Box::new(error),
            },
        };
        let original = if books_differ(&old, &new) {
            Some(self.rewrite(id, &new).map_err(wrapped)?)
        } else {
            None
        };
        if let (Some(original), Found::Nothing) = (&original, self.look(id)?) {
            // Somebody deleted it, and may have removed its books before we wrote them.
            let inode =
                |status: rustix::io::Result<rustix::fs::Stat>| status.ok().map(|status| status.st_ino);
            let now = rustix::fs::statat(&self.directory, id.to_string(), AtFlags::SYMLINK_NOFOLLOW);
            if inode(now) == inode(rustix::fs::fstat(&original.place)) {
                self.remove_directory(&id.to_string())?;
            }
            return Err(Refusal::of(RefusalCode::NoSuchSnapshot, id).into());
        }
        if new.read_only != old.read_only
            && let Err(error) = self.write_flag(id, root.as_fd(), new.read_only)
        {
            let error = wrapped(error);
            return Err(match original.map(|original| self.put_back(&original)) {
                None | Some(Ok(())) => error,
                Some(Err(undo)) => Error::NeedsAttention {
                    left: format!("the books of snapshot {id} are changed already: {}", undo.chain()),
                    cause: Box::new(error),
                },
            });
        }
        Ok(Outcome::Changed(()))
    }

    fn write_flag(&self, id: SnapshotId, root: BorrowedFd<'_>, read_only: bool) -> Result<(), Error> {
        let failed = |error| Error::io(format!("change the read-only flag of snapshot {id}"), error);
        btrfs::set_read_only(root, read_only).map_err(failed)?;
        if btrfs::is_read_only(root).map_err(failed)? == read_only {
            Ok(())
        } else {
            Err(failed(rustix::io::Errno::IO))
        }
    }

    fn rewrite(&self, id: SnapshotId, new: &Snapshot) -> Result<Original, Error> {
        let failed = |error| Error::io(format!("read .snapshots/{id}/info.xml"), error);
        let damaged = |reason: String| Error::Damaged {
            path: format!("/.snapshots/{id}/info.xml").into(),
            reason,
        };
        let place = directory::open_directory(&self.directory, &id.to_string()).map_err(failed)?;
        let (bytes, mode) = directory::read_file(&place, "info.xml", LIMIT)
            .map_err(failed)?
            .ok_or_else(|| damaged("it is not a regular file".to_owned()))?;
        let mut info = Info::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
        info.books.description.clone_from(&new.description);
        info.books.cleanup.clone_from(&new.cleanup);
        info.books.userdata.clone_from(&new.userdata);
        self.write_info(place.as_fd(), &info, mode)?;
        Ok(Original { place, bytes, mode })
    }

    /// Marks a snapshot as in progress. `None` when it is already, when its books are damaged, or when they cannot be
    /// written; else the books as they were.
    pub(super) fn mark(&self, id: SnapshotId) -> Option<Original> {
        let mut snapshot = self.entry(id).ok()??.snapshot.clone();
        if snapshot.condition != Condition::Complete || snapshot.is_in_progress() {
            return None;
        }
        let key = userdata_key::IN_PROGRESS.to_owned();
        snapshot.userdata.insert(key, "yes".to_owned());
        match self.rewrite(id, &snapshot) {
            Ok(original) => Some(original),
            Err(error) => {
                tracing::debug!("snapshot {id} is not marked: {}", error.chain());
                None
            }
        }
    }

    pub(super) fn put_back(&self, original: &Original) -> Result<(), Error> {
        replace(original.place.as_fd(), &original.bytes, original.mode)?;
        rustix::fs::fsync(&original.place)
            .map_err(|error| Error::io("write the directory of info.xml", error))
    }

    /// Writes info.xml in the place of the one that is there; it is on disk when this returns.
    pub(super) fn write_info(&self, place: BorrowedFd<'_>, info: &Info, mode: Mode) -> Result<(), Error> {
        replace(place, xml(info)?.as_bytes(), mode)
    }

    /// Writes info.xml into a directory that nobody reads yet. Its content is on disk when this returns, but not yet the
    /// directory.
    pub(super) fn write_first_info(
        &self,
        place: BorrowedFd<'_>,
        info: &Info,
        mode: Mode,
    ) -> Result<(), Error> {
        directory::write_file(place, "info.xml", xml(info)?.as_bytes(), mode)
            .map_err(|error| Error::io("write info.xml", error))
    }
}

fn xml(info: &Info) -> Result<String, Error> {
    let xml = info.to_xml();
    if xml.len() <= LIMIT {
        return Ok(xml);
    }
    Err(Error::Damaged {
        path: format!("/.snapshots/{}/info.xml", info.id).into(),
        reason: "it would be larger than 64 KiB".to_owned(),
    })
}

fn books_differ(old: &Snapshot, new: &Snapshot) -> bool {
    (&old.description, &old.cleanup, &old.userdata) != (&new.description, &new.cleanup, &new.userdata)
}

fn replace(place: BorrowedFd<'_>, bytes: &[u8], mode: Mode) -> Result<(), Error> {
    // Snapper's name for such files, so that it and we both know what a left one is.
    let temporary = format!("info.xml.tmp-{:06}", std::process::id());
    directory::replace_file(place, "info.xml", &temporary, bytes, mode)
        .map_err(|error| Error::io("write info.xml", error))
}
