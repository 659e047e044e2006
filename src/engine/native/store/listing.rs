// SPDX-License-Identifier: GPL-3.0-or-later
//! The list of snapshots in memory, and how it is kept true.
//!
//! A first reading sweeps the tree of roots once and matches it with the directories. Later readings ask two questions
//! whose cost does not depend on the number of snapshots: has anything happened in the directories (inotify), and which
//! roots changed since the transaction in which we last asked (the kernel skips unchanged parts of the tree). Only what
//! the answers name is read again.

use super::watch::{Dirty, Watch};
use super::{Found, Store, directory, number};
use crate::Error;
use crate::native::btrfs::{self, Root, RootChange};
use crate::native::info::{Books, Info, LIMIT};
use model::{Cleanup, Condition, Snapshot, SnapshotId, SnapshotKind, Timestamp};
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A snapshot and the subvolume it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What the model knows about it.
    pub(crate) snapshot: Snapshot,
    /// The number of its subvolume.
    pub(crate) subvolume: u64,
}

/// One reading of `.snapshots`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// Rises whenever the entries change. Who wants to know whether they did keeps this number and not the listing, which
    /// would have to be copied for the next change.
    pub(crate) version: u64,
    /// All snapshots by number; directories without a subvolume are not among them.
    pub(crate) entries: BTreeMap<SnapshotId, Arc<Entry>>,
}

impl Listing {
    /// The snapshot with this number.
    pub(crate) fn get(&self, id: SnapshotId) -> Option<&Snapshot> {
        self.entries.get(&id).map(|entry| &entry.snapshot)
    }

    /// The snapshot that lies in this subvolume.
    pub(crate) fn by_subvolume(&self, subvolume: u64) -> Option<SnapshotId> {
        self.entries
            .iter()
            .find(|(_, entry)| entry.subvolume == subvolume)
            .map(|(id, _)| *id)
    }

    /// Every subvolume that is a snapshot.
    pub(crate) fn by_subvolume_number(&self) -> BTreeMap<u64, SnapshotId> {
        let entries = self.entries.iter();
        entries.map(|(id, entry)| (entry.subvolume, *id)).collect()
    }
}

/// The last reading and what is needed to see whether it still holds.
#[derive(Debug, Default)]
pub(super) struct Cache {
    listing: Option<Arc<Listing>>,
    /// Every number that is taken, with the inode of what takes it.
    taken: BTreeMap<SnapshotId, u64>,
    subvolumes: HashMap<u64, SnapshotId>,
    /// The transaction from which on changes are not yet known.
    since: Option<u64>,
    watch: Option<Watch>,
    /// What the watch has told since the last reading.
    dirty: Dirty,
    /// The version of the last listing.
    version: u64,
}

/// What the books of a snapshot say, or why they say nothing.
fn books(
    id: SnapshotId,
    file: rustix::io::Result<Option<Vec<u8>>>,
) -> Result<Result<Books, Condition>, Errno> {
    match file {
        Ok(Some(bytes)) => Ok(Info::parse(&bytes)
            .ok()
            .filter(|info| info.id == id)
            .map(|info| info.books)
            .ok_or(Condition::BadMetadata)),
        Err(Errno::NOENT) => Ok(Err(Condition::NoMetadata)),
        // Not a regular file, a symbolic link, something mounted over it, or unreadable on disk.
        Ok(None) | Err(Errno::LOOP | Errno::XDEV | Errno::NOTDIR | Errno::NXIO | Errno::IO) => {
            Ok(Err(Condition::BadMetadata))
        }
        Err(error) => Err(error),
    }
}

/// Builds what the model knows from a subvolume and its books.
fn entry(id: SnapshotId, root: &Root, books: Result<Books, Condition>) -> Entry {
    let (books, condition) = match books {
        Ok(books) => (books, Condition::Complete),
        Err(condition) => {
            let books = Books {
                kind: SnapshotKind::Single,
                pre: None,
                time: Timestamp::from_seconds(root.created),
                uid: 0,
                description: String::new(),
                cleanup: Cleanup::default(),
                userdata: BTreeMap::new(),
            };
            (books, condition)
        }
    };
    Entry {
        snapshot: Snapshot {
            id,
            kind: books.kind,
            pre: books.pre,
            time: books.time,
            uid: books.uid,
            description: books.description,
            cleanup: books.cleanup,
            userdata: books.userdata,
            read_only: root.read_only,
            uuid: root.uuid,
            parent_uuid: root.parent_uuid,
            condition,
        },
        subvolume: root.id,
    }
}

/// Takes what the watch has to tell.
fn drain(cache: &mut Cache) -> Result<(), Error> {
    if let Some(watch) = &mut cache.watch {
        let dirty = watch
            .drain()
            .map_err(|error| Error::io("read changes of .snapshots", error))?;
        cache.dirty.all |= dirty.all;
        cache.dirty.numbers.extend(dirty.numbers);
    }
    Ok(())
}

impl Store {
    fn build(&self, id: SnapshotId, root: &Root) -> Result<Entry, Error> {
        let file = directory::read_file(&self.directory, &format!("{id}/info.xml"), LIMIT)
            .map(|file| file.map(|(bytes, _)| bytes));
        let books =
            books(id, file).map_err(|error| Error::io(format!("read .snapshots/{id}/info.xml"), error))?;
        Ok(entry(id, root, books))
    }

    /// One snapshot, read from the disk and not from memory; `None` when there is none with this number.
    pub(crate) fn entry(&self, id: SnapshotId) -> Result<Option<Arc<Entry>>, Error> {
        let root = match self.look(id)? {
            Found::Snapshot(_, root) => Some(root),
            Found::Covered => self.covered(id)?,
            Found::Nothing => None,
        };
        root.map(|root| self.build(id, &root).map(Arc::new)).transpose()
    }

    /// The subvolume below a mount, found by its place in the tree of roots.
    fn covered(&self, id: SnapshotId) -> Result<Option<Root>, Error> {
        let failed = |error| Error::io(format!("find the subvolume of snapshot {id}"), error);
        let place =
            rustix::fs::statat(&self.directory, id.to_string(), AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let roots = btrfs::all_roots(&self.directory, self.id, b"snapshot").map_err(failed)?;
        Ok(roots.into_iter().find(|root| root.directory == place.st_ino))
    }

    /// All snapshots. Cheap when nothing changed since the last call: then it is the same `Arc`.
    pub(crate) fn read(&self) -> Result<Arc<Listing>, Error> {
        let mut cache = self.cache();
        let result = self.refresh(&mut cache);
        if result.is_err() {
            // Events that were taken from the queue must not be lost with the reading they were for.
            cache.listing = None;
        }
        result
    }

    /// The number after the highest that is taken. Numbers are names of directories, of which the watch tells everything:
    /// the tree of roots need not be asked, so the cost does not depend on the number of snapshots.
    pub(super) fn next_number(&self) -> Result<SnapshotId, Error> {
        let mut cache = self.cache();
        drain(&mut cache)?;
        if cache.watch.is_none() || cache.listing.is_none() || cache.dirty.all {
            drop(cache);
            self.read()?;
            cache = self.cache();
        }
        for id in cache.dirty.numbers.clone() {
            self.note_taken(&mut cache, id);
        }
        let highest = cache.taken.last_key_value().map_or(0, |(id, _)| id.0);
        highest.checked_add(1).map(SnapshotId).ok_or_else(|| {
            Error::io(
                "number a new snapshot: the highest number is taken",
                Errno::OVERFLOW,
            )
        })
    }

    /// Readable when [`Store::read`] may find something new.
    pub(crate) fn watch(&self) -> Result<Option<rustix::fd::OwnedFd>, Error> {
        let mut cache = self.cache();
        if cache.watch.is_none() {
            self.start_watching(&mut cache)?;
        }
        let duplicate = |watch: &Watch| rustix::io::fcntl_dupfd_cloexec(watch, 0);
        cache
            .watch
            .as_ref()
            .map(duplicate)
            .transpose()
            .map_err(|error| Error::io("watch .snapshots", error))
    }

    fn start_watching(&self, cache: &mut Cache) -> Result<(), Error> {
        let watch = Watch::new(rustix::fd::AsFd::as_fd(&self.directory))
            .map_err(|error| Error::io("watch .snapshots", error))?;
        cache.watch = Some(watch);
        cache.dirty = Dirty::default();
        cache.listing = None;
        Ok(())
    }

    fn refresh(&self, cache: &mut Cache) -> Result<Arc<Listing>, Error> {
        if cache.listing.is_some() && cache.watch.is_none() {
            // The second reading: this process goes on, so it pays to watch. Without a watch everything is read anew.
            if let Err(error) = self.start_watching(cache) {
                tracing::debug!("{}", error.chain());
                cache.listing = None;
            }
        }
        drain(cache)?;
        let dirty = std::mem::take(&mut cache.dirty);
        match (cache.listing.take(), cache.since) {
            (Some(listing), Some(since)) if !dirty.all => self.update(cache, listing, since, dirty.numbers),
            _ => self.load(cache),
        }
    }

    fn load(&self, cache: &mut Cache) -> Result<Arc<Listing>, Error> {
        let read = |error| Error::io("read .snapshots", error);
        cache.taken.clear();
        cache.subvolumes.clear();
        let mut directories = Vec::new();
        directory::visit_entries(&self.directory, |name, kind, inode| {
            if let Some(id) = number(name) {
                cache.taken.insert(id, inode);
                if kind == FileType::Directory {
                    directories.push((id, inode));
                }
            }
        })
        .map_err(read)?;
        if let Some(watch) = &mut cache.watch {
            for (id, _) in &directories {
                watch.add(rustix::fd::AsFd::as_fd(&self.directory), *id);
            }
        }
        // What happens from here on is seen by the next reading, by inotify or by its transaction.
        cache.since = self.generation()?;
        let roots: HashMap<u64, Root> = btrfs::all_roots(&self.directory, self.id, b"snapshot")
            .map_err(|error| Error::io("list the subvolumes", error))?
            .into_iter()
            .map(|root| (root.directory, root))
            .collect();
        cache.version += 1;
        let mut listing = Listing {
            version: cache.version,
            ..Listing::default()
        };
        for (id, inode) in directories {
            if let Some(root) = roots.get(&inode) {
                cache.subvolumes.insert(root.id, id);
                listing.entries.insert(id, Arc::new(self.build(id, root)?));
            }
        }
        let listing = Arc::new(listing);
        cache.listing = Some(Arc::clone(&listing));
        Ok(listing)
    }

    fn update(
        &self,
        cache: &mut Cache,
        mut listing: Arc<Listing>,
        since: u64,
        mut dirty: BTreeSet<SnapshotId>,
    ) -> Result<Arc<Listing>, Error> {
        cache.since = self.generation()?;
        btrfs::changed_roots(&self.directory, since, self.id, |change| match change {
            RootChange::Item {
                id,
                read_only,
                uuid,
                parent_uuid,
            } => {
                let known = cache.subvolumes.get(&id);
                let snapshot = known.and_then(|id| listing.get(*id));
                if snapshot.is_some_and(|snapshot| {
                    (snapshot.read_only, snapshot.uuid, snapshot.parent_uuid)
                        != (read_only, uuid, parent_uuid)
                }) {
                    dirty.extend(known);
                }
            }
            RootChange::Place {
                id,
                parent,
                directory,
            } if parent == self.id && !cache.subvolumes.contains_key(&id) => {
                let place = cache.taken.iter().find(|(_, inode)| **inode == directory);
                dirty.extend(place.map(|(id, _)| id));
            }
            RootChange::Place { .. } => {}
        })
        .map_err(|error| Error::io("list the changed subvolumes", error))?;
        for id in dirty {
            self.reread(cache, &mut listing, id)?;
        }
        cache.listing = Some(Arc::clone(&listing));
        Ok(listing)
    }

    /// Reads one number again. A listing that somebody still holds is copied, but only when something did change.
    fn reread(&self, cache: &mut Cache, listing: &mut Arc<Listing>, id: SnapshotId) -> Result<(), Error> {
        if let Some(watch) = &mut cache.watch {
            watch.add(rustix::fd::AsFd::as_fd(&self.directory), id);
        }
        self.note_taken(cache, id);
        let entry = self.entry(id)?;
        if listing.entries.get(&id) == entry.as_ref() {
            return Ok(());
        }
        if let Some(old) = listing.entries.get(&id) {
            cache.subvolumes.remove(&old.subvolume);
        }
        cache.version += 1;
        let listing = Arc::make_mut(listing);
        listing.version = cache.version;
        let entries = &mut listing.entries;
        match entry {
            Some(entry) => {
                cache.subvolumes.insert(entry.subvolume, id);
                entries.insert(id, entry);
            }
            None => {
                entries.remove(&id);
            }
        }
        Ok(())
    }

    /// Looks whether something takes this number.
    fn note_taken(&self, cache: &mut Cache, id: SnapshotId) {
        match rustix::fs::statat(&self.directory, id.to_string(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => cache.taken.insert(id, status.st_ino),
            Err(_) => cache.taken.remove(&id),
        };
    }

    fn generation(&self) -> Result<Option<u64>, Error> {
        btrfs::filesystem_of(&self.directory)
            .map(|filesystem| filesystem.generation)
            .map_err(|error| Error::io("read the filesystem's transaction", error))
    }
}
