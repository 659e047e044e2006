// SPDX-License-Identifier: GPL-3.0-or-later
//! What a helper that was stopped in the middle left behind.

use crate::begin::Spec;
use crate::outcome::{Done, Verdict, learned};
use crate::service::Service;
use crate::store::Record;
use engine::{Outcome, System};
use model::{Condition, Ending, Failure, FailureCode, Job, JobKind, JobOutcome, JobState, Machine};
use std::sync::Arc;

impl Service {
    /// At the start: jobs that have no end get one, leftovers are removed by a job of its own, and the last jobs are
    /// on the bus again.
    pub(crate) async fn take_up(self: &Arc<Self>) {
        let system = self.refresh().await;
        let unfinished = self.store.unfinished();
        let leftovers = {
            let state = self.state();
            let starts = [state.booted, state.default];
            let mut left = state
                .snapshots
                .values()
                .filter(|snapshot| snapshot.is_in_progress());
            left.any(|snapshot| !starts.contains(&Some(snapshot.id)))
        };
        for record in unfinished {
            let outcome = self.interrupted(&record, system.as_deref().ok());
            let Some(job) = Option::<Job>::from(record.job.clone()) else {
                continue;
            };
            tracing::warn!(id = %job.id, kind = %job.kind, ending = %outcome.ending, "was interrupted");
            let job = Job {
                state: JobState::Ended(outcome),
                ..job
            };
            self.store.put(Record {
                job: (&job).into(),
                ..record
            });
        }
        self.remember().await;
        if leftovers {
            let work = Box::new(|engine: &dyn engine::Engine, context: &engine::Context<'_>| {
                context.cancel.close()?;
                Ok(match engine.recover()? {
                    Outcome::Unchanged => Done::default(),
                    Outcome::Changed(_) => Done {
                        changed: true,
                        ..Done::default()
                    },
                })
            });
            let spec = Spec {
                kind: JobKind::Recover,
                uid: 0,
                target: None,
            };
            if let Err(error) = self.start(spec, |_| Ok(()), work).await {
                tracing::error!(%error, "leftovers cannot be removed");
            }
        }
    }

    /// What became of a job whose helper was stopped, by what starts next.
    fn interrupted(&self, record: &Record, system: Option<&System>) -> JobOutcome {
        let default = system.and_then(|system| system.default);
        let complete = default
            .and_then(|id| system?.snapshots.get(&id))
            .is_some_and(|snapshot| snapshot.condition == Condition::Complete && !snapshot.is_in_progress());
        let committed = system.is_some() && wire::snapshot_number(default) != record.default;
        let (ending, machine) = match system {
            None => (Ending::NeedsAttention, Machine::Unknown),
            Some(_) if committed && complete => (Ending::Done, Machine::NewSystem),
            Some(_) if committed => (Ending::NeedsAttention, Machine::NewSystem),
            // Deleting several may have deleted some.
            Some(_)
                if [JobKind::Delete, JobKind::MakeRoom, JobKind::CleanUp]
                    .iter()
                    .any(|kind| record.job.kind == kind.as_str()) =>
            {
                (Ending::NeedsAttention, Machine::OldSystem)
            }
            Some(_) => (Ending::Undone, Machine::OldSystem),
        };
        let failure = Failure::new(
            FailureCode::Interrupted,
            "the helper was stopped while the job ran",
        );
        JobOutcome {
            ending,
            machine,
            snapshot: default.filter(|_| committed),
            failure: (ending != Ending::Done).then_some(failure),
            finished: self.now(),
        }
    }

    /// A job that panicked may have left what an interrupted one leaves.
    pub(crate) async fn recover_after_panic(self: &Arc<Self>) {
        match self.blocking(|engine| engine.recover()).await {
            Ok(Outcome::Changed(gone)) => tracing::warn!(?gone, "removed what a panic left"),
            Ok(Outcome::Unchanged) => {}
            Err(error) => tracing::error!(error = error.chain(), "what a panic left cannot be removed"),
        }
    }

    /// Takes over what a job teaches about updates.
    pub(crate) fn learn(&self, kind: JobKind, verdict: &Verdict, system: &System) {
        let known = self.state().updates.clone();
        if let Some(updates) = learned(kind, verdict, known, self.now()) {
            self.set_updates(system, updates);
        }
    }
}
