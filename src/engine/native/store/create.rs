// SPDX-License-Identifier: GPL-3.0-or-later
//! Makes a snapshot so that a crash at any point leaves either nothing that is listed, or something that says of itself
//! that it is unfinished: the books are on disk before the subvolume comes, and the kernel makes a snapshot by
//! committing everything before it.

use super::{Base, Store, directory, unnumbered};
use crate::Error;
use crate::native::btrfs::{self, ROOT_DIRECTORY};
use crate::native::info::{Books, Info};
use model::{SnapshotId, userdata_key};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// As snapper makes its directories.
const DIRECTORY: Mode = Mode::from_raw_mode(0o755);
/// As snapper makes info.xml. `.snapshots` itself keeps others out.
const INFO: Mode = Mode::from_raw_mode(0o644);

/// The root directories of what a snapshot is made from.
struct Source {
    root: OwnedFd,
    /// The subvolume nested in it as `/etc`.
    etc: Option<OwnedFd>,
    /// Its number, where it is a snapshot.
    id: Option<SnapshotId>,
}

fn whole(id: SnapshotId, books: &Books) -> Info {
    Info {
        id,
        books: books.clone(),
        unknown: Vec::new(),
    }
}

impl Store {
    /// Makes a snapshot of `base` with the base's nested `/etc`, and writes its books. All of it is on disk when this
    /// returns; when it fails, nothing is left. A nested `/etc` is always writable, as the running system needs it.
    pub(crate) fn create(&self, base: Base, books: &Books, writable: bool) -> Result<SnapshotId, Error> {
        let _changing = self.changing();
        let source = self.source(base)?;
        let etc_comes_later = source.etc.is_some() && !books.userdata.contains_key(userdata_key::IN_PROGRESS);
        let mut first = books.clone();
        if etc_comes_later {
            // There is a moment in which the snapshot is there but not complete.
            first
                .userdata
                .insert(userdata_key::IN_PROGRESS.to_owned(), "yes".to_owned());
        }
        let (id, place) = self
            .make_place(&first)
            .map_err(|error| Error::CreateSnapshot(Box::new(error)))?;
        let filled = self
            .fill(id, place.as_fd(), &source, writable)
            .and_then(|()| match etc_comes_later {
                true => self.write_info(place.as_fd(), &whole(id, books), INFO),
                false => Ok(()),
            })
            .and_then(|()| self.check(id, writable));
        match filled {
            Ok(()) => Ok(id),
            Err(error) => {
                let error = Error::CreateSnapshot(Box::new(error));
                match self.remove(id) {
                    Ok(()) => Err(error),
                    Err(removal) => Err(Error::NeedsAttention {
                        left: format!(
                            "a half-made snapshot is left in .snapshots/{id}: {}",
                            removal.chain()
                        ),
                        cause: Box::new(error),
                    }),
                }
            }
        }
    }

    /// The subvolume nested as `/etc` in this one.
    fn nested_etc(&self, subvolume: u64) -> rustix::io::Result<Option<btrfs::Child>> {
        let children = btrfs::children(&self.directory, subvolume)?;
        Ok(children
            .into_iter()
            .find(|child| child.directory == ROOT_DIRECTORY && child.name == b"etc"))
    }

    /// Whether a subvolume is nested as `/etc` in this one.
    pub(crate) fn has_nested_etc(&self, subvolume: u64) -> Result<bool, Error> {
        self.nested_etc(subvolume)
            .map(|etc| etc.is_some())
            .map_err(|error| Error::io("look for a nested /etc", error))
    }

    fn source(&self, base: Base) -> Result<Source, Error> {
        let failed = |error| Error::io("open what the snapshot is to be made from", error);
        let mut number = None;
        let (root, subvolume) = match base {
            Base::Snapshot(id) => {
                number = Some(id);
                self.existing(id)?
            }
            Base::Running => {
                let subvolume = btrfs::root_of(&self.root).map_err(failed)?;
                match self.by_subvolume(subvolume.id)? {
                    // Over its own /etc nothing can be mounted there.
                    Some(id) => {
                        number = Some(id);
                        self.existing(id)?
                    }
                    None => (
                        rustix::io::fcntl_dupfd_cloexec(&self.root, 0).map_err(failed)?,
                        subvolume,
                    ),
                }
            }
        };
        let etc = match self.nested_etc(subvolume.id).map_err(failed)? {
            None => None,
            Some(child) => {
                // In the running system it may be mounted onto itself.
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let etc = rustix::fs::openat(&root, "etc", flags, Mode::empty()).map_err(failed)?;
                if btrfs::root_of(&etc).map_err(failed)?.id != child.id {
                    return Err(Error::Damaged {
                        path: "/etc".into(),
                        reason: "something else is mounted over the nested subvolume".to_owned(),
                    });
                }
                Some(etc)
            }
        };
        Ok(Source {
            root,
            etc,
            id: number,
        })
    }

    /// Makes a directory with books in it and gives it the number after the highest one that is taken, whoever takes
    /// one at the same time. It comes with its books, so that no crash leaves a number that says nothing.
    fn make_place(&self, books: &Books) -> Result<(SnapshotId, OwnedFd), Error> {
        let name = unnumbered();
        let result = self.make_unnumbered(&name).and_then(|place| {
            let id = self.number_place(&name, place.as_fd(), books)?;
            Ok((id, place))
        });
        if result.is_err() {
            // The first error is the one to tell; `sweep` removes what is left.
            let _ = self.remove_directory(&name);
        }
        result
    }

    fn make_unnumbered(&self, name: &str) -> Result<OwnedFd, Error> {
        // Left by a process of this number that was killed.
        self.remove_directory(name)?;
        rustix::fs::mkdirat(&self.directory, name, DIRECTORY)
            .and_then(|()| directory::open_directory(&self.directory, name))
            .and_then(|place| rustix::fs::fchmod(&place, DIRECTORY).map(|()| place))
            .map_err(|error| Error::io("make a directory in .snapshots", error))
    }

    fn number_place(&self, name: &str, place: BorrowedFd<'_>, books: &Books) -> Result<SnapshotId, Error> {
        let mut id = self.next_number()?;
        loop {
            let failed = |error| Error::io(format!("make the directory .snapshots/{id}"), error);
            // The directory itself is written by the commit that makes the snapshot.
            self.write_first_info(place, &whole(id, books), INFO)?;
            let (from, to) = (&self.directory, &self.directory);
            match rustix::fs::renameat_with(from, name, to, id.to_string(), RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(id),
                Err(Errno::EXIST) => {
                    let next = id.0.checked_add(1).ok_or(Errno::OVERFLOW);
                    id = SnapshotId(next.map_err(failed)?);
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn fill(
        &self,
        id: SnapshotId,
        place: BorrowedFd<'_>,
        source: &Source,
        writable: bool,
    ) -> Result<(), Error> {
        let snapshot = |error| Error::io(format!("make the subvolume .snapshots/{id}/snapshot"), error);
        let nested = |error| Error::io(format!("make the subvolume .snapshots/{id}/snapshot/etc"), error);
        let read_only = !writable && source.etc.is_none();
        btrfs::create_snapshot(place, &source.root, c"snapshot", read_only).map_err(snapshot)?;
        let Some(etc) = &source.etc else {
            return Ok(());
        };
        let root = directory::open_directory(place, "snapshot").map_err(snapshot)?;
        // Where a subvolume is nested, its snapshot has an empty directory.
        match rustix::fs::unlinkat(&root, "etc", AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(nested(error)),
        }
        btrfs::create_snapshot(&root, etc, c"etc", false).map_err(nested)?;
        let new_etc = directory::open_directory(&root, "etc").map_err(nested)?;
        self.make_sync_point(root.as_fd(), &new_etc, source.id, etc.as_fd())?;
        if writable {
            return Ok(());
        }
        btrfs::set_read_only(&root, true)
            .map_err(|error| Error::io(format!("make snapshot {id} read-only"), error))
    }

    /// Judges by what is on disk.
    fn check(&self, id: SnapshotId, writable: bool) -> Result<(), Error> {
        let entry = self.entry(id)?;
        let is_right = entry.is_some_and(|entry| {
            entry.snapshot.read_only != writable && entry.snapshot.condition == model::Condition::Complete
        });
        if is_right {
            return Ok(());
        }
        Err(Error::Damaged {
            path: format!(".snapshots/{id}").into(),
            reason: "the new snapshot is not what was made".to_owned(),
        })
    }
}
