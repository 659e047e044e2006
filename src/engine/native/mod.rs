// SPDX-License-Identifier: GPL-3.0-or-later
//! The real engine: a btrfs system whose versions lie in snapper's on-disk layout.
//!
//! [`Store`] reads and writes `.snapshots`, [`Boot`] knows what runs and what starts next, and [`NativeEngine`] puts
//! the rules on top of both. It needs root. It runs none of snapper's plugins by itself: where snapper's service runs, that
//! one writes what a person wishes (`writer`).

mod boot;
pub(crate) mod btrfs;
mod clean_up;
mod date;
mod diff;
mod engine;
mod info;
mod mounts;
mod offline;
mod restore;
mod rollback;
mod snapperd;
mod space;
mod store;
mod view;
mod writer;

pub(crate) use boot::{Boot, Candidate};
#[cfg(feature = "fuzzing")]
pub(crate) use btrfs::read_search_result;
pub(crate) use clean_up::civil;
pub(crate) use date::parse as parse_date;
#[cfg(feature = "fuzzing")]
pub(crate) use diff::read_item;
pub use diff::{TakeChanges, Viewer, compare_directories};
pub use info::{Books, Info, InfoError};
pub use offline::Offline;
pub(crate) use space::delete_all;
#[cfg(feature = "fuzzing")]
pub(crate) use space::read_cache;
pub(crate) use store::{Base, Store};

use crate::packages::reader::Reader;
use crate::platform::Known;
use crate::{Error, System};
use model::{Capability, Refusal, RefusalCode, SnapshotId, State, Timestamp, userdata_key};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// So many snapshots that are not pinned are in the boot menu besides those that start.
const IN_MENU: usize = 5;

/// Reads the time; an argument so that tests can set it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A btrfs system with snapshots in snapper's layout.
///
/// Changes by others to snapshots are seen by the next [`crate::Engine::system`] and make [`crate::Engine::watch`]
/// readable. Read-only flags and the default leave no trace in files, so that a change of only those is seen by the
/// next `system` but not by the watch.
pub struct NativeEngine {
    root: OwnedFd,
    clock: Clock,
    parts: OnceLock<Parts>,
    last: Mutex<Option<Reading>>,
    space: space::Space,
    reader: Reader,
    /// Subvolumes, with the transaction of their last change, of which everything is known to be on disk.
    settled: Mutex<BTreeSet<(u64, u64)>>,
    service: Option<writer::Service>,
    /// Set where the system does not run.
    offline: Option<Arc<Offline>>,
}

/// What there is once `.snapshots` is.
#[derive(Debug)]
struct Parts {
    store: Store,
    boot: Box<dyn Boot>,
}

/// What the last reading was made of: while that is the same, so is the reading.
#[derive(Debug)]
struct Reading {
    /// The version of the listing, the running subvolume, the default one, and the one that starts once.
    of: (u64, u64, u64, u64),
    system: Arc<System>,
}

impl std::fmt::Debug for NativeEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeEngine")
            .field("root", &self.root)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

impl NativeEngine {
    /// The engine of the system that is mounted at `root`. Works without `.snapshots`, and then refuses what needs it.
    ///
    /// That the running snapshot runs is written into its books here: an update that was started once is no longer one
    /// that discarding may delete.
    pub fn open(root: &Path, clock: Clock) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty())
            .map_err(|error| Error::io(format!("open {}", root.display()), error))?;
        let engine = Self::of(root, clock, None);
        if engine.find_parts()?.is_some()
            && let Some(id) = engine.booted()?
            && let Some(entry) = engine.store()?.entry(id)?
            && entry.snapshot.is_not_booted()
            && engine.boot()?.adopt(entry.subvolume)?
        {
            engine.store()?.set_userdata(id, userdata_key::NOT_BOOTED, None)?;
        }
        Ok(engine)
    }

    /// The engine of a system that does not run. What ran last counts as the running one: discarding goes back to it. It
    /// lists, compares, deletes and chooses what starts; all else is refused with `Offline`.
    pub fn open_offline(offline: Arc<Offline>, clock: Clock) -> Result<Self, Error> {
        let root = offline.root.try_clone();
        let root = root.map_err(|source| Error::io("keep the root directory open", source))?;
        let engine = Self::of(root, clock, Some(offline));
        engine.find_parts()?;
        Ok(engine)
    }

    fn of(root: OwnedFd, clock: Clock, offline: Option<Arc<Offline>>) -> Self {
        Self {
            root,
            clock,
            parts: OnceLock::new(),
            last: Mutex::default(),
            space: space::Space::default(),
            reader: Reader::default(),
            settled: Mutex::default(),
            service: None,
            offline,
        }
    }

    /// Refuses what makes sense only for a system that runs.
    pub(crate) fn runs(&self) -> Result<(), Error> {
        match self.offline {
            None => Ok(()),
            Some(_) => Err(RefusalCode::Offline.into()),
        }
    }

    fn find_parts(&self) -> Result<Option<&Parts>, Error> {
        if let Some(parts) = self.parts.get() {
            return Ok(Some(parts));
        }
        // Not there so far: it may have been made meanwhile.
        let Some(store) = Store::of_system(self.root.as_fd())? else {
            return Ok(None);
        };
        let boot = match &self.offline {
            None => boot::detect(store.root(), store.directory())?,
            Some(_) => {
                let boot = boot::detect_offline(store.root(), store.directory())?;
                // Not simply what is mounted: that may be gone.
                let last = last_run(&store, boot.default()?)?;
                Box::new(boot::Resting::new(boot, last))
            }
        };
        Ok(Some(self.parts.get_or_init(|| Parts { store, boot })))
    }

    fn parts(&self) -> Result<&Parts, Error> {
        self.find_parts()?.ok_or_else(|| RefusalCode::NoSnapshots.into())
    }

    /// The snapshots; refused with `NoSnapshots` where there is no `.snapshots`.
    pub(crate) fn store(&self) -> Result<&Store, Error> {
        Ok(&self.parts()?.store)
    }

    /// What runs and what starts next; refused as [`NativeEngine::store`] is.
    pub(crate) fn boot(&self) -> Result<&dyn Boot, Error> {
        Ok(&*self.parts()?.boot)
    }

    /// Reads package databases.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The running snapshot; `None` when the running system is not a snapshot.
    pub(crate) fn booted(&self) -> Result<Option<SnapshotId>, Error> {
        self.store()?.by_subvolume(self.boot()?.booted()?)
    }

    /// The snapshot that starts next; `None` when that is not a snapshot.
    pub(crate) fn default(&self) -> Result<Option<SnapshotId>, Error> {
        self.store()?.by_subvolume(self.boot()?.default()?)
    }

    /// Whether what starts next is read-only: then new defaults are made read-only too (the transactional layout).
    pub(crate) fn is_default_read_only(&self) -> Result<bool, Error> {
        let default = self.boot()?.default()?;
        btrfs::root(self.store()?.directory(), default)
            .map(|root| root.is_some_and(|root| root.read_only))
            .map_err(|error| Error::io("read the default subvolume", error))
    }

    /// Makes a snapshot the default, waits until that is on disk, reads it back and fails unless it is so.
    pub(crate) fn set_default(&self, id: SnapshotId) -> Result<(), Error> {
        let wrapped = |error| Error::SetDefault {
            id,
            source: Box::new(error),
        };
        let entry = self.store()?.entry(id)?;
        let entry = entry.ok_or_else(|| Error::from(Refusal::of(RefusalCode::NoSuchSnapshot, id)))?;
        // What has never been started may fail to.
        let trial = entry.snapshot.is_not_booted();
        self.candidate(id)
            .and_then(|candidate| self.boot()?.prepare(&candidate, trial))
            .and_then(|()| self.set_default_subvolume(entry.subvolume, trial))
            .map_err(wrapped)
    }

    /// A snapshot as something to start.
    pub(crate) fn candidate(&self, id: SnapshotId) -> Result<Candidate, Error> {
        let store = self.store()?;
        let entry = store.entry(id)?;
        let entry = entry.ok_or_else(|| Error::from(Refusal::of(RefusalCode::NoSuchSnapshot, id)))?;
        Ok(Candidate {
            id,
            subvolume: entry.subvolume,
            root: store.open(id)?,
            description: entry.snapshot.description.clone(),
            time: entry.snapshot.time,
        })
    }

    /// Lets the boot menu show what starts, what is pinned, and the newest of the others.
    pub(crate) fn show_in_menu(&self) -> Result<(), Error> {
        if !self.boot()?.has_menu() {
            return Ok(());
        }
        let state = self.read()?.to_state();
        let starts = [state.default, state.booted, state.once];
        let newest = state.snapshots.values().rev().filter(|it| !it.is_pinned());
        let pinned = state.snapshots.values().rev().filter(|it| it.is_pinned());
        let others = pinned.chain(newest.take(IN_MENU)).map(|snapshot| snapshot.id);
        let mut shown: Vec<SnapshotId> = Vec::new();
        for id in starts.into_iter().flatten().chain(others) {
            let is_whole = state
                .snapshots
                .get(&id)
                .is_some_and(|it| it.condition == model::Condition::Complete && !it.is_in_progress());
            if is_whole && !shown.contains(&id) {
                shown.push(id);
            }
        }
        let candidates: Vec<Candidate> = shown
            .into_iter()
            .filter_map(|id| self.candidate(id).ok())
            .collect();
        self.boot()?.show(&candidates)
    }

    /// The snapshot that starts once; `None` for nothing.
    pub(crate) fn once(&self) -> Result<Option<SnapshotId>, Error> {
        match self.boot()?.once()? {
            Some(subvolume) => self.store()?.by_subvolume(subvolume),
            None => Ok(None),
        }
    }

    fn set_default_subvolume(&self, subvolume: u64, trial: bool) -> Result<(), Error> {
        self.boot()?.set_default(subvolume, trial)?;
        let now = self.boot()?.default()?;
        if now == subvolume {
            return Ok(());
        }
        Err(Error::Damaged {
            path: "/".into(),
            reason: format!("the default subvolume is {now} after it was set to {subvolume}"),
        })
    }

    /// The rules' view of one snapshot, read from the disk. Enough to ask whether it may be deleted, edited or rolled
    /// back to, at a cost that does not grow with the number of snapshots.
    pub(crate) fn state_about(&self, id: SnapshotId) -> Result<State, Error> {
        let parts = self.parts()?;
        let entry = parts.store.entry(id)?;
        Ok(State {
            snapshots: entry
                .map(|entry| (id, entry.snapshot.clone()))
                .into_iter()
                .collect(),
            booted: self.booted()?,
            default: self.default()?,
            once: self.once()?,
            capabilities: self.capabilities(),
            ..State::default()
        })
    }

    /// The root directory of the running system, with or without `.snapshots`.
    pub(crate) fn root_directory(&self) -> rustix::fd::BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Where to keep what must not go back with a rollback: at `usual`, an absolute path, unless that is on the
    /// subvolume of the root and so in its snapshots. Then it is a directory between the snapshots, which snapper passes
    /// over, as it does everything there that is no number. Nothing is made here.
    pub fn lasting(&self, usual: &Path) -> PathBuf {
        let device = |path: &Path| {
            let path = path.strip_prefix("/").unwrap_or(path);
            let path = if path.as_os_str().is_empty() {
                Path::new(".")
            } else {
                path
            };
            rustix::fs::statat(&self.root, path, AtFlags::empty()).map(|it| it.st_dev)
        };
        // The nearest that is there already: the rest will be made on the same subvolume.
        let is_apart = usual.ancestors().find_map(|path| device(path).ok()) != device(Path::new("/")).ok();
        match self.find_parts() {
            Ok(Some(_)) if !is_apart => PathBuf::from("/.snapshots/kedge"),
            _ => usual.to_owned(),
        }
    }

    /// What only the engine knows of the machine. Without `.snapshots` that is nothing.
    pub(crate) fn known(&self) -> Result<Known, Error> {
        let parts = self.find_parts()?;
        let etc_is_nested = match parts {
            Some(parts) => parts.store.has_nested_etc(parts.boot.booted()?)?,
            None => false,
        };
        Ok(Known {
            etc_is_nested,
            read_only_root: parts.is_some() && self.is_default_read_only()?,
            writer: self.writer(etc_is_nested),
        })
    }

    /// What this system can do.
    fn capabilities(&self) -> model::Capabilities {
        let boot = self
            .parts
            .get()
            .map_or(Some(RefusalCode::NoSnapshots), |parts| parts.boot.absence());
        let once = self
            .parts
            .get()
            .map_or(Some(RefusalCode::NoSnapshots), |parts| parts.boot.once_absence());
        let snapshots = self.parts.get().is_none().then_some(RefusalCode::NoSnapshots);
        let (updates, packages) = match snapshots {
            None => crate::transaction::absence(self),
            absence => (absence, absence),
        };
        let (updates, locked) = match &self.offline {
            None => (updates, None),
            Some(offline) => (
                Some(RefusalCode::Offline),
                offline.read_only.then_some(RefusalCode::ReadOnlyDisk),
            ),
        };
        let (snapshots, boot, once) = (snapshots.or(locked), boot.or(locked), once.or(locked));
        model::Capabilities(BTreeMap::from([
            (Capability::Snapshots, snapshots),
            (Capability::Updates, updates),
            (Capability::BootDefault, boot),
            (Capability::BootOnce, once),
            (Capability::PackageChanges, packages),
        ]))
    }

    fn read(&self) -> Result<Arc<System>, Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = self.find_parts()?;
        let listing = parts.map(|parts| parts.store.read()).transpose()?;
        let of = match (parts, &listing) {
            (Some(parts), Some(listing)) => (
                listing.version,
                parts.boot.booted()?,
                parts.boot.default()?,
                parts.boot.once()?.unwrap_or_default(),
            ),
            _ => (0, 0, 0, 0),
        };
        if let Some(reading) = last.as_ref().filter(|reading| reading.of == of) {
            return Ok(Arc::clone(&reading.system));
        }
        let (_, booted, default, once) = of;
        let mut system = Arc::new(System {
            snapshots: listing
                .iter()
                .flat_map(|listing| &listing.entries)
                .map(|(id, entry)| (*id, entry.snapshot.clone()))
                .collect(),
            booted: listing.as_ref().and_then(|listing| listing.by_subvolume(booted)),
            default: listing.as_ref().and_then(|listing| listing.by_subvolume(default)),
            once: listing.as_ref().and_then(|listing| listing.by_subvolume(once)),
            capabilities: self.capabilities(),
        });
        // It may have been read anew and say the same: the second reading is, as it starts to watch.
        if let Some(reading) = last.take().filter(|reading| reading.system == system) {
            system = reading.system;
        }
        *last = Some(Reading {
            of,
            system: Arc::clone(&system),
        });
        Ok(system)
    }
}

/// The subvolume of what ran last on a system that does not run, by its default: updates that never started are passed
/// over. Zero where that is gone.
fn last_run(store: &Store, default: u64) -> Result<u64, Error> {
    let listing = store.read()?;
    let state = State {
        snapshots: listing
            .entries
            .iter()
            .map(|(id, entry)| (*id, entry.snapshot.clone()))
            .collect(),
        default: listing.by_subvolume(default),
        ..State::default()
    };
    let Some(first) = state.pending_updates().last().copied() else {
        return Ok(default);
    };
    let origin = state.snapshots.get(&first).map(|it| it.parent_uuid);
    let before = state.snapshots.values().find(|it| Some(it.uuid) == origin);
    let entry = before.and_then(|it| listing.entries.get(&it.id));
    Ok(entry.map_or(0, |entry| entry.subvolume))
}
