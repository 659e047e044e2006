// SPDX-License-Identifier: GPL-3.0-or-later
//! A complete machine in memory: snapshots with packages, repositories, a boot default, a clock one can set, and faults
//! by script.
//!
//! It obeys every rule that [`Engine`] states, so that the window, the helper and the command line can be developed and
//! tested without root, and so that it can serve as the oracle of the real engines in `tests/engine/`.

mod browse;
mod clock;
mod files;
mod history;
mod machine;
mod outside;
mod packages;
mod platform;
mod scenario;
mod space;
mod transaction;
mod wish;
mod work;

pub use clock::SimClock;
pub use outside::Outside;
pub use packages::Offer;
pub use scenario::Scenario;
pub use wish::Stock;
pub use work::{Fault, Speed};

use crate::{Context, Engine, Error, OpenFile, Outcome, System, TakeChanges, Viewer, VisitFile};
use machine::{Base, Machine};
use model::{
    Capability, ChangeKind, Cleanup, Concern, Doomed, Edit, FileVersion, FilesSummary, Freed, LogEntry,
    NewSnapshot, PackageChange, PackageWish, Phase, Plan, Refusal, RefusalCode, Restart, RestoreTo,
    Retention, RoomPlan, SearchResult, Snapshot, SnapshotId, SnapshotSize, StartFailure, Timestamp,
    UpdateSet, Usage, userdata_key,
};
use rustix::event::{EventfdFlags, eventfd};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use work::{Stop, Work};

/// An engine over a machine in memory.
#[derive(Debug)]
pub struct SimEngine {
    machine: Mutex<Machine>,
    clock: SimClock,
    faults: Mutex<VecDeque<(Phase, Fault)>>,
    speed: Mutex<Speed>,
    release: OwnedFd,
}

impl SimEngine {
    /// A machine for tests: its clock stands still, its work takes no time.
    pub fn new(scenario: Scenario) -> Self {
        Self::at(scenario, SimClock::new(scenario::MORNING), Speed::Instant)
    }

    /// A machine for people to look at: its history leads up to `now`, its clock ticks, its work takes time.
    pub fn demo(scenario: Scenario, now: Timestamp) -> Self {
        let clock = SimClock::new(now);
        clock.tick();
        Self::at(scenario, clock, Speed::Real)
    }

    fn at(scenario: Scenario, clock: SimClock, speed: Speed) -> Self {
        Self {
            machine: Mutex::new(scenario.machine(clock.now())),
            clock,
            faults: Mutex::default(),
            speed: Mutex::new(speed),
            release: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
                .expect("an event descriptor is only refused when the process has no descriptors left"),
        }
    }

    /// The machine's clock.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }

    /// Makes the work take this long from now on.
    pub fn set_speed(&self, speed: Speed) {
        *self.speed.lock().unwrap_or_else(PoisonError::into_inner) = speed;
    }

    fn speed(&self) -> Speed {
        *self.speed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets this go wrong when the next job enters the phase, once. Several are taken in the order given.
    pub fn inject(&self, phase: Phase, fault: Fault) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push_back((phase, fault));
    }

    /// Lets a job go on that [`Fault::Hang`] holds; without one, the next that would hang does not.
    pub fn release(&self) {
        // An eventfd refuses a write only when its counter is full: then it is readable already.
        let _ = rustix::io::write(&self.release, &1_u64.to_ne_bytes());
    }

    /// What goes wrong in this phase now.
    fn trouble(&self, phase: Phase) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let scripted = faults.iter().position(|(at, _)| *at == phase);
        if let Some((_, fault)) = scripted.and_then(|at| faults.remove(at)) {
            return Some(fault);
        }
        drop(faults);
        self.machine().broken.get(&phase).cloned()
    }

    /// What other programs do to the machine.
    pub fn outside(&self) -> Outside<'_> {
        Outside::new(self)
    }

    /// Restarts the machine: the default is the running system now.
    pub fn restart(&self) {
        self.machine().boot();
    }

    // A panic never happens while the lock is held, except in a test's own closure, which has failed then anyway.
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to start for this snapshot: itself, or a writable copy. Also returns what was made.
    fn copy_to_start(&self, id: SnapshotId) -> Result<(SnapshotId, Vec<SnapshotId>), Error> {
        let mut machine = self.machine();
        // The running system is a writable copy already.
        if !machine.starts_writable() || machine.state().booted == Some(id) {
            return Ok((id, Vec::new()));
        }
        let (mut made, now) = (Vec::new(), self.clock.now());
        if machine.state().booted.is_none() {
            // The running system is no snapshot: without this one it could not be chosen again.
            made.push(machine.create(Base::Running, now, |snapshot| {
                snapshot.description = "rollback backup".into();
                snapshot.cleanup = Cleanup("number".into());
                let key = userdata_key::IMPORTANT.to_owned();
                snapshot.userdata.insert(key, "yes".into());
            })?);
        }
        let copy = machine.create(Base::Snapshot(id), now, |snapshot| {
            snapshot.description = format!("writable copy of #{id}");
            snapshot.read_only = false;
        })?;
        made.push(copy);
        Ok((copy, made))
    }

    fn commit_default(&self, work: &mut Work<'_>, id: SnapshotId) -> Result<(), Error> {
        work.enter(Phase::Commit, 900)?;
        work.trouble().map_err(Stop::into_error)?;
        work.pause(std::time::Duration::from_millis(400))?;
        let mut machine = self.machine();
        // Somebody else may have deleted it meanwhile.
        if !machine.state().snapshots.contains_key(&id) {
            return Err(Refusal::of(RefusalCode::NoSuchSnapshot, id).into());
        }
        machine.change(|state| state.default = Some(id));
        Ok(())
    }
}

impl Stop {
    /// For jobs that leave nothing behind: a crash of theirs is a failure like any other.
    fn into_error(self) -> Error {
        match self {
            Self::Error(error) => error,
            Self::Crash(phase) => transaction::cut_short(phase),
        }
    }
}

impl Engine for SimEngine {
    fn system(&self) -> Result<Arc<System>, Error> {
        Ok(self.machine().show())
    }

    fn create(&self, wish: &NewSnapshot) -> Result<SnapshotId, Error> {
        let mut machine = self.machine();
        machine.state().may_create()?;
        machine.create(Base::Running, self.clock.now(), |snapshot| {
            snapshot.description.clone_from(&wish.description);
            snapshot.cleanup = wish.cleanup.clone();
            snapshot.uid = wish.uid;
            let pinned = Some(wish.pinned);
            Edit {
                pinned,
                ..Edit::default()
            }
            .apply(snapshot);
        })
    }

    fn delete(&self, id: SnapshotId) -> Result<Outcome<()>, Error> {
        let mut machine = self.machine();
        match machine.state().may_delete(id) {
            Err(Refusal {
                code: RefusalCode::NoSuchSnapshot,
                ..
            }) => return Ok(Outcome::Unchanged),
            other => other?,
        }
        if machine.open == Some(id) {
            return Err(Refusal::of(RefusalCode::InProgress, id).into());
        }
        machine.remove(id);
        Ok(Outcome::Changed(()))
    }

    fn edit(&self, id: SnapshotId, edit: &Edit) -> Result<Outcome<()>, Error> {
        let mut machine = self.machine();
        machine.state().may_edit(id)?;
        let starts = [machine.state().booted, machine.state().default].contains(&Some(id));
        let read_only = machine
            .state()
            .snapshots
            .get(&id)
            .map(|snapshot| snapshot.read_only);
        if starts && edit.read_only.is_some() && edit.read_only != read_only {
            return Err(Refusal::of(RefusalCode::MustStayReadOnly, id).into());
        }
        Ok(match machine.adjust(id, |snapshot| edit.apply(snapshot)) {
            true => Outcome::Changed(()),
            false => Outcome::Unchanged,
        })
    }

    fn check(&self, context: &Context<'_>) -> Result<UpdateSet, Error> {
        self.machine().state().may_check()?;
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        work.trouble().map_err(Stop::into_error)?;
        self.refresh(&mut work, 50, 1000).map_err(Stop::into_error)?;
        Ok(self.machine().found())
    }

    fn download(&self, context: &Context<'_>) -> Result<UpdateSet, Error> {
        self.machine().state().may_check()?;
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        work.trouble().map_err(Stop::into_error)?;
        self.refresh(&mut work, 50, 150).map_err(Stop::into_error)?;
        let set = self.machine().found();
        self.fetch(&mut work, &set, 150..1000).map_err(Stop::into_error)?;
        Ok(set.fetched())
    }

    fn update(&self, context: &Context<'_>) -> Result<Outcome<SnapshotId>, Error> {
        self.transaction(None, context)
    }

    fn search(&self, text: &str, limit: usize, _: &Context<'_>) -> Result<SearchResult, Error> {
        self.search_packages(text, limit)
    }

    fn plan_packages(&self, wish: &PackageWish, _: &Context<'_>) -> Result<UpdateSet, Error> {
        self.planned(wish)
    }

    fn change_packages(
        &self,
        wish: &PackageWish,
        context: &Context<'_>,
    ) -> Result<Outcome<SnapshotId>, Error> {
        self.transaction(Some(wish), context)
    }

    fn plan_rollback(&self, id: SnapshotId) -> Result<Plan, Error> {
        let machine = self.machine();
        let state = machine.state();
        state.may_roll_back(id)?;
        let known = state.capabilities.has(Capability::PackageChanges);
        let (running, target) = (machine.packages(None), machine.packages(Some(id)));
        let changes = match (running, target) {
            (Some(running), Some(target)) if known => packages::changes(running, target),
            _ => Vec::new(),
        };
        let loses_security = changes
            .iter()
            .any(|it| it.security && matches!(it.kind, ChangeKind::Removed | ChangeKind::Downgraded));
        let kernel = |packages: Option<&packages::Packages>| {
            packages.is_some_and(|packages| packages.keys().any(|name| name.starts_with("kernel-default")))
        };
        let concerns = [
            (
                Concern::DropsPending,
                state.pending().is_some_and(|pending| pending != id),
            ),
            (Concern::NoKernel, known && kernel(running) && !kernel(target)),
            (Concern::LosesSecurityFixes, loses_security),
            (Concern::PackagesUnknown, !known),
            (Concern::MakesCopy, machine.starts_writable()),
        ];
        Ok(Plan {
            target: id,
            changes,
            restart: if state.booted == Some(id) {
                Restart::None
            } else {
                Restart::Reboot
            },
            concerns: concerns
                .into_iter()
                .filter_map(|(concern, holds)| holds.then_some(concern))
                .collect(),
        })
    }

    fn roll_back(&self, id: SnapshotId, context: &Context<'_>) -> Result<Outcome<SnapshotId>, Error> {
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        self.machine().state().may_roll_back(id)?;
        work.trouble().map_err(Stop::into_error)?;
        work.item(300, 0, 0, "")?;
        work.enter(Phase::Verify, 600)?;
        work.trouble().map_err(Stop::into_error)?;
        let before = self.machine().state().default;
        let read_only = !self.machine().starts_writable();
        let (target, made) = self.copy_to_start(id)?;
        if let Err(error) = self.commit_default(&mut work, target) {
            for id in made {
                self.machine().remove(id);
            }
            return Err(error);
        }
        let mut machine = self.machine();
        // As snapper does: what starts next must not be cleaned away, what a copy replaces may be.
        machine.adjust(target, |snapshot| snapshot.cleanup = Cleanup::default());
        if target == id {
            machine.adjust(target, |snapshot| snapshot.read_only |= read_only);
        } else if let Some(before) = before {
            machine.adjust(before, |snapshot| {
                if snapshot.cleanup.0.is_empty() && !snapshot.is_pinned() {
                    snapshot.cleanup = Cleanup("number".into());
                }
            });
        }
        Ok(Outcome::Changed(target))
    }

    fn try_once(&self, id: Option<SnapshotId>, context: &Context<'_>) -> Result<Outcome<()>, Error> {
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        match id {
            Some(id) => self.machine().state().may_try_once(id)?,
            None => self.machine().state().may_forget_once()?,
        }
        work.trouble().map_err(Stop::into_error)?;
        if self.machine().state().once == id {
            return Ok(Outcome::Unchanged);
        }
        work.enter(Phase::Commit, 900)?;
        work.trouble().map_err(Stop::into_error)?;
        self.machine().change(|state| state.once = id);
        Ok(Outcome::Changed(()))
    }

    fn examine(&self, id: SnapshotId) -> Result<Vec<Concern>, Error> {
        let machine = self.machine();
        let Some(target) = machine.packages(Some(id)) else {
            return Err(Refusal::of(RefusalCode::NoSuchSnapshot, id).into());
        };
        let kernel =
            |packages: &packages::Packages| packages.keys().any(|name| name.starts_with("kernel-default"));
        let running = machine.packages(None).is_some_and(kernel);
        Ok(match running && !kernel(target) {
            true => vec![Concern::NoKernel],
            false => Vec::new(),
        })
    }

    fn start_failures(&self, _since: &str) -> Result<Vec<StartFailure>, Error> {
        Ok(self.machine().start_failures.clone())
    }

    fn discard(&self, context: &Context<'_>) -> Result<Outcome<Vec<SnapshotId>>, Error> {
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        let state = self.machine().state().clone();
        state.may_discard()?;
        let booted = state.booted.ok_or(RefusalCode::NothingPending)?;
        work.trouble().map_err(Stop::into_error)?;
        work.item(300, 0, 0, "")?;
        self.commit_default(&mut work, booted)?;
        work.enter(Phase::CleanUp, 950)?;
        let mut machine = self.machine();
        let mut gone = state.pending_updates();
        // Pinned is pinned: it stays as a snapshot that nothing starts.
        gone.retain(|id| machine.state().is_deletable(*id).is_ok() && machine.remove(*id));
        Ok(Outcome::Changed(gone))
    }

    fn package_changes(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
    ) -> Result<Vec<PackageChange>, Error> {
        self.machine().package_changes(from, to)
    }

    fn package_stamp(&self, id: Option<SnapshotId>) -> Result<String, Error> {
        let machine = self.machine();
        let none = Error::from(RefusalCode::NoSuchSnapshot);
        machine.packages(id).map(packages::stamp).ok_or(none)
    }

    fn changelog(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
        name: &str,
    ) -> Result<Vec<LogEntry>, Error> {
        let changes = self.machine().package_changes(from, to)?;
        let change = changes.iter().find(|change| change.name == name);
        Ok(change.map(packages::changelog).unwrap_or_default())
    }

    fn file_changes(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
        viewer: Viewer,
        take: &mut dyn TakeChanges,
    ) -> Result<FilesSummary, Error> {
        self.compare_files((from, to), viewer, take)
    }

    fn package_files(&self, id: Option<SnapshotId>, visit: VisitFile<'_>) -> Result<(), Error> {
        self.visit_package_files(id, visit)
    }

    fn open_file(&self, id: Option<SnapshotId>, path: &[u8]) -> Result<OpenFile, Error> {
        self.open_simulated(id, path)
    }

    fn browse(&self, id: SnapshotId) -> Result<OwnedFd, Error> {
        self.show(id)
    }

    fn file_versions(&self, path: &[u8], viewer: Viewer) -> Result<Option<Vec<FileVersion>>, Error> {
        self.simulated_versions(path, viewer)
    }

    fn recover(&self) -> Result<Outcome<Vec<SnapshotId>>, Error> {
        let mut machine = self.machine();
        if machine.open.is_some() {
            return Ok(Outcome::Unchanged);
        }
        let state = machine.state();
        let starts = [state.booted, state.default];
        let marked = state.snapshots.values().filter(|it| it.is_in_progress());
        let mut gone: Vec<_> = marked.map(|it| it.id).collect();
        gone.retain(|id| {
            let complete = starts.contains(&Some(*id));
            if complete {
                // Becoming the default is the last step but removing the mark.
                machine.adjust(*id, |snapshot| {
                    snapshot.userdata.remove(userdata_key::IN_PROGRESS);
                });
            }
            // Pinned is pinned: a person wants to look at it.
            let pinned = machine.state().snapshots.get(id).is_some_and(Snapshot::is_pinned);
            !complete && !pinned && machine.remove(*id)
        });
        Ok(match gone.is_empty() {
            true => Outcome::Unchanged,
            false => Outcome::Changed(gone),
        })
    }

    fn usage(&self) -> Result<Usage, Error> {
        Ok(space::usage(&self.machine()))
    }

    fn freed(&self, ids: &[SnapshotId], context: &Context<'_>) -> Result<Freed, Error> {
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        work.trouble().map_err(Stop::into_error)?;
        space::freed(&self.machine(), ids)
    }

    fn sizes(&self, context: &Context<'_>) -> Result<Vec<SnapshotSize>, Error> {
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        work.trouble().map_err(Stop::into_error)?;
        space::sizes(&self.machine())
    }

    fn plan_room(&self, target: u64, _: &Context<'_>) -> Result<RoomPlan, Error> {
        space::plan_room(&self.machine(), target)
    }

    fn restore(
        &self,
        id: SnapshotId,
        path: &[u8],
        _: RestoreTo,
        context: &Context<'_>,
    ) -> Result<Outcome<Option<SnapshotId>>, Error> {
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        work.trouble().map_err(Stop::into_error)?;
        self.open_simulated(Some(id), path)?;
        work.enter(Phase::Commit, 500)?;
        let mut machine = self.machine();
        if machine.starts_writable() || path.starts_with(b"etc/") {
            return Ok(Outcome::Changed(None));
        }
        let base = machine.state().default.map_or(Base::Running, Base::Snapshot);
        let made = machine.create(base, self.clock.now(), |snapshot| {
            snapshot.description = format!("File of #{id} fetched back");
            snapshot.cleanup = Cleanup("number".into());
            let key = userdata_key::NOT_BOOTED.to_owned();
            snapshot.userdata.insert(key, "yes".into());
        })?;
        machine.change(|state| state.default = Some(made));
        Ok(Outcome::Changed(Some(made)))
    }

    fn free(&self, ids: &[SnapshotId], context: &Context<'_>) -> Result<Outcome<()>, Error> {
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        work.trouble().map_err(Stop::into_error)?;
        let outcome = crate::native::delete_all(self, ids, context)?;
        work.enter(Phase::CleanUp, 500)?;
        work.pause(std::time::Duration::from_millis(600))?;
        Ok(outcome)
    }

    fn doomed(&self, retention: &Retention, _: &Context<'_>) -> Result<Vec<Doomed>, Error> {
        let machine = self.machine();
        let facts = space::Facts(&machine);
        Ok(retention.doomed(machine.state(), self.clock.now(), &facts))
    }

    fn retention(&self) -> Result<Option<Retention>, Error> {
        Ok(None)
    }

    fn keep_updates(&self, _: u32) -> Result<Outcome<()>, Error> {
        Ok(Outcome::Unchanged)
    }

    fn watch(&self) -> Result<Option<OwnedFd>, Error> {
        self.machine().watch().map(Some)
    }

    fn platform(&self) -> Result<model::Platform, Error> {
        platform::read(self)
    }

    fn set_nightly(&self, ours: bool) -> Result<Outcome<()>, Error> {
        platform::set_nightly(self, ours)
    }
}

#[cfg(test)]
mod tests;
