// SPDX-License-Identifier: GPL-3.0-or-later
//! The disk of a simulated machine.

use super::browse::Shown;
use super::packages::{Offer, Packages, update_set};
use super::wish::Stock;
use super::work::Fault;
use crate::{Error, System};
use model::{
    Capabilities, Capability, Cleanup, Condition, PackageChange, Phase, Refusal, RefusalCode, Snapshot,
    SnapshotId, SnapshotKind, StartFailure, State, Timestamp, UpdateSet, Uuid, userdata_key,
};
use rustix::event::{EventfdFlags, eventfd};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Where a new subvolume comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// The running system, snapshot or not.
    Running,
    /// A snapshot.
    Snapshot(SnapshotId),
}

/// Snapshots with their packages, the boot default, and the repositories the machine knows.
#[derive(Debug)]
pub(super) struct Machine {
    /// Snapshots, booted, default and capabilities: what the model's rules are asked with. Never has jobs.
    state: State,
    contents: BTreeMap<SnapshotId, Packages>,
    /// The subvolume outside `.snapshots` that the machine may run from instead of a snapshot.
    root: (Uuid, Packages),
    pub(super) offers: Vec<Offer>,
    /// What the repositories have for those who want it.
    pub(super) stock: Vec<Stock>,
    /// Names and versions of packages that wait in the cache.
    pub(super) fetched: BTreeSet<(String, String)>,
    /// What goes wrong each time a job reaches the phase.
    pub(super) broken: BTreeMap<Phase, Fault>,
    /// The snapshot a transaction of this engine is open in.
    pub(super) open: Option<SnapshotId>,
    /// What the journals of starts that failed tell.
    pub(super) start_failures: Vec<StartFailure>,
    /// Kedge does the nightly job.
    pub(super) nightly_is_ours: bool,
    /// The versions that somebody looks at as directories.
    pub(super) directories: Vec<Shown>,
    uuids: u64,
    dirty: bool,
    shown: Arc<System>,
    changed: OwnedFd,
}

impl Machine {
    /// A machine that runs from a subvolume that is no snapshot.
    pub(super) fn new(packages: Packages) -> Self {
        let changed = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .expect("an event descriptor is only refused when the process has no descriptors left");
        let mut machine = Self {
            state: State {
                capabilities: Capabilities(Capability::ALL.iter().map(|it| (*it, None)).collect()),
                ..State::default()
            },
            contents: BTreeMap::new(),
            root: (Uuid::default(), packages),
            offers: Vec::new(),
            stock: super::history::stock(),
            fetched: BTreeSet::new(),
            broken: BTreeMap::new(),
            open: None,
            start_failures: Vec::new(),
            nightly_is_ours: false,
            directories: Vec::new(),
            uuids: 0,
            dirty: true,
            shown: Arc::default(),
            changed,
        };
        machine.root.0 = machine.next_uuid();
        machine
    }

    fn next_uuid(&mut self) -> Uuid {
        self.uuids += 1;
        // Spread by splitmix64's multipliers: looks like an identity, is the same in every run.
        let high = self.uuids.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let low = (high ^ (high >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mut uuid = Uuid::default();
        uuid.0[..8].copy_from_slice(&high.to_be_bytes());
        uuid.0[8..].copy_from_slice(&low.to_be_bytes());
        uuid
    }

    /// What the rules are asked with.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Changes the state; everyone who watches learns that something may have changed.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut State) -> T) -> T {
        self.dirty = true;
        // An eventfd refuses a write only when its counter is full: then it is readable already.
        let _ = rustix::io::write(&self.changed, &1_u64.to_ne_bytes());
        change(&mut self.state)
    }

    /// The reading of now: the same `Arc` as long as nothing changed.
    pub(super) fn show(&mut self) -> Arc<System> {
        // Nothing to read means nothing to drain.
        let _ = rustix::io::read(&self.changed, &mut [0; 8]);
        if std::mem::take(&mut self.dirty) {
            let system = System {
                snapshots: self.state.snapshots.clone(),
                booted: self.state.booted,
                default: self.state.default,
                once: self.state.once,
                capabilities: self.state.capabilities.clone(),
            };
            if system != *self.shown {
                self.shown = Arc::new(system);
            }
        }
        Arc::clone(&self.shown)
    }

    /// A descriptor that becomes readable with every change.
    pub(super) fn watch(&self) -> Result<OwnedFd, Error> {
        self.changed
            .try_clone()
            .map_err(|source| Error::io("duplicate an event descriptor", source))
    }

    /// Whether what starts next is writable: then a running system would spoil a snapshot, so that only copies of
    /// snapshots are started (the classic layout).
    pub(super) fn starts_writable(&self) -> bool {
        self.state
            .default
            .and_then(|id| self.state.snapshots.get(&id))
            .is_none_or(|snapshot| !snapshot.read_only)
    }

    fn base(&self, base: Base) -> Option<(Uuid, Packages)> {
        let id = match base {
            Base::Running => match self.state.booted {
                None => return Some(self.root.clone()),
                Some(id) => id,
            },
            Base::Snapshot(id) => id,
        };
        Some((
            self.state.snapshots.get(&id)?.uuid,
            self.packages(Some(id))?.clone(),
        ))
    }

    /// What an update of this version would change, and what of it is still to be downloaded.
    pub(super) fn missing_in(&self, id: Option<SnapshotId>) -> UpdateSet {
        let packages = self.packages(id).cloned().unwrap_or_default();
        self.still_to_fetch(update_set(&self.offers, &packages))
    }

    /// The same without the bytes of what waits in the cache.
    pub(super) fn still_to_fetch(&self, mut set: UpdateSet) -> UpdateSet {
        for package in &mut set.packages {
            if self
                .fetched
                .contains(&(package.name.clone(), package.new.clone()))
            {
                set.download_size -= package.download_size;
                package.download_size = 0;
            }
        }
        set
    }

    /// The same of what starts next.
    pub(super) fn found(&self) -> UpdateSet {
        self.missing_in(self.state().default)
    }

    /// What is installed in a snapshot, or in the running system; `None` when there is no such snapshot.
    pub(super) fn packages(&self, id: Option<SnapshotId>) -> Option<&Packages> {
        match id.or(self.state.booted) {
            None => Some(&self.root.1),
            Some(id) => self.contents.get(&id),
        }
    }

    /// How the packages of `to` differ from those of `from`.
    pub(super) fn package_changes(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
    ) -> Result<Vec<PackageChange>, Error> {
        let capabilities = &self.state.capabilities;
        if !capabilities.has(Capability::PackageChanges) {
            let absence = capabilities.absence(Capability::PackageChanges);
            return Err(absence.unwrap_or(RefusalCode::NoPackageManager).into());
        }
        let packages = |id: Option<SnapshotId>| match (self.packages(id), id) {
            (Some(packages), _) => Ok(packages),
            (None, Some(id)) => Err(Refusal::of(RefusalCode::NoSuchSnapshot, id)),
            (None, None) => Err(RefusalCode::NoSuchSnapshot.into()),
        };
        Ok(super::packages::changes(packages(from)?, packages(to)?))
    }

    /// The packages of a snapshot that is being written.
    pub(super) fn packages_mut(&mut self, id: SnapshotId) -> Option<&mut Packages> {
        self.contents.get_mut(&id)
    }

    /// Changes the packages of every version, the running one included.
    pub(super) fn every_packages_mut(&mut self, change: impl Fn(&mut Packages)) {
        change(&mut self.root.1);
        self.contents.values_mut().for_each(change);
    }

    /// Makes a complete snapshot with the next number. A refusal when its base is gone.
    pub(super) fn create(
        &mut self,
        base: Base,
        time: Timestamp,
        books: impl FnOnce(&mut Snapshot),
    ) -> Result<SnapshotId, Error> {
        let (parent_uuid, packages) = self.base(base).ok_or(RefusalCode::NoSuchSnapshot)?;
        let last = self.state.snapshots.keys().next_back().map_or(0, |id| id.0);
        let id = SnapshotId(last.saturating_add(1));
        let mut snapshot = Snapshot {
            id,
            kind: SnapshotKind::Single,
            pre: None,
            // info.xml keeps whole seconds.
            time: Timestamp(time.seconds() * 1_000_000),
            uid: 0,
            description: String::new(),
            cleanup: Cleanup::default(),
            userdata: BTreeMap::new(),
            read_only: true,
            uuid: self.next_uuid(),
            parent_uuid,
            condition: Condition::Complete,
        };
        books(&mut snapshot);
        self.contents.insert(id, packages);
        self.change(|state| state.snapshots.insert(id, snapshot));
        Ok(id)
    }

    /// Makes a snapshot with a number of one's choice: history of before the simulation, with gaps that cleanups left.
    pub(super) fn renumber(&mut self, from: SnapshotId, to: SnapshotId) {
        if let Some(packages) = self.contents.remove(&from) {
            self.contents.insert(to, packages);
        }
        self.change(|state| {
            if let Some(snapshot) = state.snapshots.remove(&from) {
                state.snapshots.insert(to, Snapshot { id: to, ..snapshot });
            }
        });
    }

    /// Deletes a snapshot whatever the rules say. Returns whether it existed.
    pub(super) fn remove(&mut self, id: SnapshotId) -> bool {
        self.contents.remove(&id);
        self.state.snapshots.contains_key(&id) && {
            self.change(|state| state.snapshots.remove(&id));
            true
        }
    }

    /// Changes a snapshot whatever the rules say. Returns whether that made a difference.
    pub(super) fn adjust(&mut self, id: SnapshotId, change: impl FnOnce(&mut Snapshot)) -> bool {
        let Some(mut snapshot) = self.state.snapshots.get(&id).cloned() else {
            return false;
        };
        change(&mut snapshot);
        let differs = self.state.snapshots.get(&id) != Some(&snapshot);
        if differs {
            self.change(|state| state.snapshots.insert(id, snapshot));
        }
        differs
    }

    /// Starts the default: it is the running system now, and was booted once.
    pub(super) fn boot(&mut self) {
        let next = self.state.once.or(self.state.default);
        self.open = None;
        self.change(|state| {
            state.booted = next;
            state.once = None;
        });
        if let Some(id) = next {
            self.adjust(id, |snapshot| {
                snapshot.userdata.remove(userdata_key::NOT_BOOTED);
            });
        }
    }
}
