// SPDX-License-Identifier: GPL-3.0-or-later
//! Does the work on disk.
//!
//! [`Engine`] is what the helper sees; behind it stand `NativeEngine` for real btrfs systems and `SimEngine`, a
//! machine in memory. One conformance suite runs on both, which keeps the simulator honest.
//!
//! Calls block: the helper runs them on threads of their own. Everything an engine depends on (root directory, clock)
//! is an argument; it never reaches for `/`.
//!
//! Deliberately absent: our bus, polkit, and waiting for a person: what only a person can decide is asked through
//! [`Report::ask`], and whoever implements that waits.

mod context;
mod error;
pub mod etc;
mod files;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod native;
pub mod packages;
mod platform;
mod run;
pub mod sim;
mod transaction;

pub use context::{Cancel, Context, Report, Unasked};
pub use error::Error;
pub use files::{OpenFile, VisitFile};
pub use native::{
    Books, Clock, Info, InfoError, NativeEngine, Offline, TakeChanges, Viewer, compare_directories,
};
pub use packages::reader::read_if_asked;
pub use sim::{Fault, Scenario, SimClock, SimEngine, Speed};

use model::{
    Capabilities, ChangeCounts, Concern, Doomed, Edit, FileVersion, FilesSummary, Freed, LogEntry,
    NewSnapshot, PackageChange, PackageWish, Plan, Platform, RestoreTo, Retention, RoomPlan, SearchResult,
    Snapshot, SnapshotId, SnapshotSize, StartFailure, State, UpdateSet, Usage,
};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// What a call did; "nothing" is a success that nobody needs to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<T> {
    /// Everything already was as asked.
    Unchanged,
    /// Something changed.
    Changed(T),
}

/// One reading of the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// All snapshots by number.
    pub snapshots: BTreeMap<SnapshotId, Snapshot>,
    /// The running one; `None` when the running system is not a snapshot.
    pub booted: Option<SnapshotId>,
    /// The one that starts next; `None` when that is not a snapshot.
    pub default: Option<SnapshotId>,
    /// The one that starts once, before the default does; `None` for nothing.
    pub once: Option<SnapshotId>,
    /// What this system can do.
    pub capabilities: Capabilities,
}

impl System {
    /// The same as a state without jobs, updates and policy, to ask the model's rules.
    pub fn to_state(&self) -> State {
        State {
            snapshots: self.snapshots.clone(),
            booted: self.booted,
            default: self.default,
            once: self.once,
            capabilities: self.capabilities.clone(),
            // The rest is not the disk's: the helper keeps it.
            ..State::default()
        }
    }
}

/// A system whose versions are snapshots.
///
/// Every mutating call asks the model's rules again ([`Error::Refused`]), re-reads the disk after each step and judges
/// by that. A call that returns an error has undone what it did, unless the error is [`Error::NeedsAttention`].
pub trait Engine: Send + Sync + std::fmt::Debug {
    /// Reads the system. Cheap when nothing changed since the last call: then it is the same `Arc`.
    fn system(&self) -> Result<Arc<System>, Error>;

    /// Takes a read-only snapshot of the running system.
    fn create(&self, wish: &NewSnapshot) -> Result<SnapshotId, Error>;

    /// Deletes one snapshot with what is nested in it. `Unchanged` when there is none with this number.
    fn delete(&self, id: SnapshotId) -> Result<Outcome<()>, Error>;

    /// Changes a snapshot's books or read-only flag.
    fn edit(&self, id: SnapshotId, edit: &Edit) -> Result<Outcome<()>, Error>;

    /// Asks the repositories what an update of the default snapshot would change. Changes no snapshot.
    fn check(&self, context: &Context<'_>) -> Result<UpdateSet, Error>;

    /// Looks as [`Engine::check`] does, and fetches what it finds to where an update takes it from. What is returned has
    /// nothing left to download. Changes no snapshot.
    fn download(&self, context: &Context<'_>) -> Result<UpdateSet, Error>;

    /// Installs all updates into a new snapshot of the default one and makes that the default: completely or not at
    /// all. `Unchanged` when there was nothing to update. What only a person can decide is asked where somebody can be
    /// ([`Report::can_ask`]), else it fails with that as the cause.
    fn update(&self, context: &Context<'_>) -> Result<Outcome<SnapshotId>, Error>;

    /// Packages of what starts next and of its repositories whose names or summaries have every word of the text, by what
    /// the repositories said when they were last asked. At most `limit`, the best first. Changes nothing.
    fn search(&self, text: &str, limit: usize, context: &Context<'_>) -> Result<SearchResult, Error>;

    /// What a wish would change, by what the repositories said when they were last asked. Fails with `unknown-package` where
    /// a name is not listed, and with `essential` where the package manager forbids a removal. Changes nothing.
    fn plan_packages(&self, wish: &PackageWish, context: &Context<'_>) -> Result<UpdateSet, Error>;

    /// Installs or removes packages as [`Engine::update`] does. `Unchanged` when everything already is so. Refused with
    /// `RemovesMore` when more would be removed than the wish allows.
    fn change_packages(
        &self,
        wish: &PackageWish,
        context: &Context<'_>,
    ) -> Result<Outcome<SnapshotId>, Error>;

    /// What a rollback to this snapshot would do.
    fn plan_rollback(&self, id: SnapshotId) -> Result<Plan, Error>;

    /// Makes this snapshot the default, or a writable copy of it where the running system is writable. Returns the
    /// new default.
    fn roll_back(&self, id: SnapshotId, context: &Context<'_>) -> Result<Outcome<SnapshotId>, Error>;

    /// Lets this snapshot start once with the next restart, and the default again after that; `None` forgets it.
    fn try_once(&self, id: Option<SnapshotId>, context: &Context<'_>) -> Result<Outcome<()>, Error>;

    /// What speaks against starting this snapshot, as far as that can be told without starting it.
    fn examine(&self, id: SnapshotId) -> Result<Vec<Concern>, Error>;

    /// Why the starts failed that came after the one with this identity and before the present one, the last one first, as
    /// far as their journals tell.
    fn start_failures(&self, since: &str) -> Result<Vec<StartFailure>, Error>;

    /// Makes the running snapshot the default again and deletes the updates that were never started
    /// ([`State::pending_updates`]). Returns what it deleted.
    fn discard(&self, context: &Context<'_>) -> Result<Outcome<Vec<SnapshotId>>, Error>;

    /// How the packages of `to` differ from those of `from`; `None` is the running system.
    fn package_changes(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
    ) -> Result<Vec<PackageChange>, Error>;

    /// Tells how the files of `to` differ from those of `from`, in no order; `None` is the running system. Names that the
    /// viewer could not list are hidden in the directory that closes them off.
    fn file_changes(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
        viewer: Viewer,
        take: &mut dyn TakeChanges,
    ) -> Result<FilesSummary, Error>;

    /// Hands out every file that a package of this version owns, as package and path without the slash in front. Paths
    /// are those at which the files really are (`usr/lib/…` where `/lib` is a link to it). Ends early with the error
    /// that `visit` returns. Refused where packages are unknown.
    fn package_files(&self, id: Option<SnapshotId>, visit: VisitFile<'_>) -> Result<(), Error>;

    /// Opens a file for reading. The path is a plain one ([`model::checked_path`]); links on the way lead nowhere but
    /// within the version, and the last one is not followed. Refused with `NoSuchFile` or `NotAFile`.
    fn open_file(&self, id: Option<SnapshotId>, path: &[u8]) -> Result<OpenFile, Error>;

    /// The root directory of a snapshot, read-only and without devices, privileges or programs that start: a mount of its
    /// own, which is gone with the last descriptor of it.
    fn browse(&self, id: SnapshotId) -> Result<OwnedFd, Error>;

    /// The file with this path in every version that has it, in the order of their numbers, the running system last where
    /// it is no snapshot. `None` when the viewer could not find it by its path in one of them.
    fn file_versions(&self, path: &[u8], viewer: Viewer) -> Result<Option<Vec<FileVersion>>, Error>;

    /// How many packages of `to` differ from those of `from`; `None` is the running system. Cheaper than naming them.
    fn change_counts(&self, from: Option<SnapshotId>, to: Option<SnapshotId>) -> Result<ChangeCounts, Error> {
        Ok(ChangeCounts::of(&self.package_changes(from, to)?))
    }

    /// What the package database of a system looks like from outside: while that is the same, so is its content. Cheap.
    fn package_stamp(&self, id: Option<SnapshotId>) -> Result<String, Error>;

    /// What was written about a package between the two systems, newest first; `None` is the running system. Empty when
    /// the package is the same in both.
    fn changelog(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
        name: &str,
    ) -> Result<Vec<LogEntry>, Error>;

    /// Gets a regular file or symbolic link back out of a snapshot, to the same path in the running system or beside it, with
    /// everything that it has. Where the running system is read-only, into a new snapshot that becomes what starts next:
    /// then that one is returned. Refused with `NoSuchFile` or `NotAFile`, also where its directory is missing.
    fn restore(
        &self,
        id: SnapshotId,
        path: &[u8],
        to: RestoreTo,
        context: &Context<'_>,
    ) -> Result<Outcome<Option<SnapshotId>>, Error>;

    /// Removes the leftovers of transactions that were cut short. The caller has made sure that none is running.
    /// Returns the snapshots it removed.
    fn recover(&self) -> Result<Outcome<Vec<SnapshotId>>, Error>;

    /// How full the filesystem is.
    fn usage(&self) -> Result<Usage, Error>;

    /// What deleting these snapshots together frees. The first call may read for a long time: the context's progress
    /// tells how far it is, and it can be stopped. What was read stays known.
    fn freed(&self, ids: &[SnapshotId], context: &Context<'_>) -> Result<Freed, Error>;

    /// What deleting each snapshot alone frees, by number. As long as [`Engine::freed`].
    fn sizes(&self, context: &Context<'_>) -> Result<Vec<SnapshotSize>, Error>;

    /// Which snapshots to delete so that so many bytes of data are freed: only such as
    /// [`room_candidates`](model::room_candidates) names. As long as [`Engine::freed`].
    fn plan_room(&self, target: u64, context: &Context<'_>) -> Result<RoomPlan, Error>;

    /// Deletes these snapshots and waits until the filesystem has freed what they held. One that is not there counts as
    /// deleted; `Unchanged` when none is. An error after the first one was deleted is [`Error::NeedsAttention`].
    fn free(&self, ids: &[SnapshotId], context: &Context<'_>) -> Result<Outcome<()>, Error>;

    /// What these rules would delete now, in the order of deletion. As long as [`Engine::freed`].
    fn doomed(&self, retention: &Retention, context: &Context<'_>) -> Result<Vec<Doomed>, Error>;

    /// The rules that snapper's own timer follows; `None` where it does not clean up.
    fn retention(&self) -> Result<Option<Retention>, Error>;

    /// Makes snapper's own timer keep so many updates. `Unchanged` where it does not clean up.
    fn keep_updates(&self, count: u32) -> Result<Outcome<()>, Error>;

    /// A descriptor that becomes readable when the system may have changed (by anyone); read [`Engine::system`] then,
    /// which also drains it. `None` where changes come only through this engine.
    fn watch(&self) -> Result<Option<OwnedFd>, Error>;

    /// What the machine has beside Kedge: tools, layout, timers, and what they did last. Read anew with each call.
    fn platform(&self) -> Result<Platform, Error>;

    /// Lets Kedge do the distribution's nightly job, or the distribution again. systemd has to be told of it.
    fn set_nightly(&self, ours: bool) -> Result<Outcome<()>, Error>;
}
