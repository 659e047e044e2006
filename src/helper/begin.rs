// SPDX-License-Identifier: GPL-3.0-or-later
//! From a call to a job: the rules, polkit, the rules again, the start.

use crate::authority::Caller;
use crate::emit::Emission;
use crate::error::{from_engine, from_refusal};
use crate::jobs::{Running, Task, Work};
use crate::service::Service;
use crate::store::Record;
use engine::Cancel;
use model::{
    Event, Failure, FailureCode, Job, JobId, JobKind, JobState, Phase, PolicyChange, Progress, Refusal,
    RefusalCode, SnapshotId, State,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::{Error, Started};
use zbus::Connection;
use zbus::message::Header;

/// What kind of job, for whom and about what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) kind: JobKind,
    pub(crate) uid: u32,
    pub(crate) target: Option<SnapshotId>,
}

/// What a job of this kind was authorized by, where it may ask.
pub(crate) const fn asking_action(kind: JobKind) -> Option<&'static str> {
    match kind {
        JobKind::Update => Some(wire::name::action::UPDATE),
        JobKind::Install => Some(wire::name::action::INSTALL),
        JobKind::Remove => Some(wire::name::action::REMOVE),
        _ => None,
    }
}

impl Service {
    /// Starts a job for a call whose arguments are already valid, or says why not. `rule` is asked before anybody has
    /// to authenticate, and again when the job starts.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        (header, connection): (&Header<'_>, &Connection),
        action: &'static str,
        (kind, target): (JobKind, Option<SnapshotId>),
        rule: impl Fn(&State) -> Result<(), Refusal>,
        work: impl FnOnce(u32) -> Work,
    ) -> Result<Started, Error> {
        let _hold = self.idle.hold();
        self.accepting()?;
        // Somebody else may have changed the system a moment ago.
        self.refresh().await.map_err(from_engine)?;
        rule(&self.state()).map_err(from_refusal)?;
        let caller = Caller::of(header, connection).await?;
        self.authority.check(caller, action).await?;
        self.refresh().await.map_err(from_engine)?;
        let spec = Spec {
            kind,
            uid: caller.uid,
            target,
        };
        let id = self.start(spec, rule, work(caller.uid)).await?;
        Ok((id.0, wire::name::job_path(id)))
    }

    /// Changes the policy for a call whose arguments are already valid. It is no job: it is done when it is stored, and
    /// needs neither the disk of the snapshots nor that no job runs.
    pub(crate) async fn configure(
        self: &Arc<Self>,
        (header, connection): (&Header<'_>, &Connection),
        change: &PolicyChange,
    ) -> Result<(), Error> {
        let _hold = self.idle.hold();
        self.accepting()?;
        let invalid = |error: model::PolicyError| Error::Invalid(error.to_string());
        let policy = self.state().policy;
        if policy.changed(change).map_err(invalid)? == policy {
            return Ok(());
        }
        let caller = Caller::of(header, connection).await?;
        self.authority
            .check(caller, wire::name::action::CONFIGURE)
            .await?;
        // Two who authenticate at the same time change one after the other.
        let file = self.policy.lock().await;
        let policy = self.state().policy.changed(change).map_err(invalid)?;
        if let Some(count) = change.keep_updates {
            // Where snapper's timer cleans up, it is what has to know.
            let told = self.blocking(move |engine| engine.keep_updates(count));
            told.await.map_err(from_engine)?;
        }
        file.write(&policy).map_err(Error::Failed)?;
        tracing::info!(uid = caller.uid, ?change, "the policy is changed");
        let event = Event::Policy(policy);
        if self.state().apply(event.clone()) {
            self.emit(Emission::Event(event));
        }
        self.flushed().await;
        Ok(())
    }

    pub(crate) fn accepting(&self) -> Result<(), Error> {
        if self.stopping.load(Ordering::Acquire) {
            let failure = Failure::new(FailureCode::Interrupted, "the helper is being stopped");
            return Err(Error::Failed(failure));
        }
        Ok(())
    }

    /// Starts a job when the rule still allows it, at one moment with the asking. Returns when the bus knows the job.
    pub(crate) async fn start(
        self: &Arc<Self>,
        spec: Spec,
        rule: impl Fn(&State) -> Result<(), Refusal>,
        work: Work,
    ) -> Result<JobId, Error> {
        let cancel = Cancel::new().map_err(from_engine)?;
        let task = {
            let mut state = self.state();
            self.accepting()?;
            rule(&state).map_err(from_refusal)?;
            if !spec.kind.changes_the_system()
                && let Some(id) = self.running_one(&state, spec.kind)
            {
                return Ok(id);
            }
            if spec.kind.changes_packages() {
                // It looks and fetches for itself; it waits until the others have stopped.
                self.stop_one(&state, JobKind::Check);
                self.stop_one(&state, JobKind::Download);
            }
            let job = Job {
                id: JobId(self.store.next_id()),
                kind: spec.kind,
                uid: spec.uid,
                target: spec.target,
                started: self.now(),
                state: JobState::Running {
                    progress: Progress::at(Phase::Prepare),
                    cancellable: cancel.is_open(),
                    asked: None,
                },
            };
            let record = Record {
                default: wire::snapshot_number(state.default),
                job: (&job).into(),
            };
            let running = Arc::new(Running::new(cancel, self.patience));
            self.running().insert(job.id, Arc::clone(&running));
            state.apply(Event::Job(Box::new(job.clone())));
            self.emit(Emission::Began(Box::new(job)));
            Task::new(self, running, record)
        };
        let id = task.id();
        task.write_down();
        self.flushed().await;
        tokio::spawn(task.run(spec.kind, work));
        Ok(id)
    }

    /// A check or a download that runs answers whoever asks for another.
    fn running_one(&self, state: &State, kind: JobKind) -> Option<JobId> {
        let running = self.running();
        let is_one = |job: &&Job| job.kind == kind && running.contains_key(&job.id);
        state.jobs.values().find(is_one).map(|job| job.id)
    }

    fn stop_one(&self, state: &State, kind: JobKind) {
        if let Some(id) = self.running_one(state, kind)
            && let Some(running) = self.running().get(&id)
        {
            running.cancel.request();
        }
    }

    /// Asks a job to stop, for a caller who owns it or may cancel those of others.
    pub(crate) async fn cancel(
        self: &Arc<Self>,
        id: JobId,
        (header, connection): (&Header<'_>, &Connection),
    ) -> Result<(), Error> {
        let _hold = self.idle.hold();
        let too_late = || Error::Refused(RefusalCode::TooLate.into());
        let running = self.running().get(&id).cloned().ok_or_else(too_late)?;
        if !running.cancel.is_open() && !running.cancel.is_requested() {
            return Err(too_late());
        }
        let owner = self.state().jobs.get(&id).map(|job| job.uid);
        let caller = Caller::of(header, connection).await?;
        if owner != Some(caller.uid) {
            self.authority.check(caller, wire::name::action::CANCEL).await?;
        }
        if running.cancel.request() {
            Ok(())
        } else {
            Err(too_late())
        }
    }

    /// Answers what a job asks, for a caller who may do what the job does: also its own user, because what is agreed to is
    /// more than what the job was begun with.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        id: JobId,
        (header, connection): (&Header<'_>, &Connection),
        (number, choice): (u32, u32),
    ) -> Result<(), Error> {
        let _hold = self.idle.hold();
        let nothing_asked = || Error::Refused(RefusalCode::NothingAsked.into());
        let running = self.running().get(&id).cloned().ok_or_else(nothing_asked)?;
        let question = running.question(number).ok_or_else(nothing_asked)?;
        if choice > question.last() {
            return Err(Error::Invalid(format!("the choices end at {}", question.last())));
        }
        let kind = self.state().jobs.get(&id).map(|job| job.kind);
        let action = kind.and_then(asking_action).ok_or_else(nothing_asked)?;
        let caller = Caller::of(header, connection).await?;
        let uid = caller.uid;
        self.authority.check(caller, action).await?;
        // Meanwhile it may have ended, or been answered by somebody else.
        match running.answer(number, choice) {
            true => {
                tracing::info!(%id, uid, kind = %question.kind, choice, "a question is answered");
                Ok(())
            }
            false => Err(nothing_asked()),
        }
    }

    /// A bounded piece of a job's log, running or over.
    pub(crate) async fn read_log(
        self: &Arc<Self>,
        id: JobId,
        from: u64,
    ) -> Result<(u64, Vec<String>), Error> {
        if let Some(running) = self.running().get(&id) {
            return Ok(running.read_log(from));
        }
        let _one = self.reader().await?;
        let service = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || service.store.read_log(id.0, from)).await;
        read.ok()
            .flatten()
            .ok_or_else(|| Error::Invalid(format!("there is no job {id}")))
    }

    /// Waits for its turn: a call that reads a lot must not be a way to take all memory.
    pub(crate) async fn reader(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Error> {
        let closed = |_| {
            Error::Failed(Failure::new(
                FailureCode::Interrupted,
                "the helper is being stopped",
            ))
        };
        self.readers.acquire().await.map_err(closed)
    }
}
