// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;
use crate::{Check, Ending, Failure, Job, JobId, JobKind, SnapshotId, State, Timestamp};
use serde::Serialize;
use std::time::Duration;

/// After how long without a successful check the system no longer counts as up to date (product.md: 7 days).
pub const STALE_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

coded! {
    /// The one right button beside the one sentence.
    Action {
        /// Restart into what waits.
        Restart = "restart",
        /// Install the updates.
        Update = "update",
        /// Look for updates.
        Check = "check",
        /// Cancel the running job, if it can be cancelled.
        Cancel = "cancel",
        /// Show what went wrong.
        ShowDetails = "show-details",
        /// Nothing to do.
        None = "none",
    }
}

/// The system in one sentence, the most pressing first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum Status {
    /// A job runs.
    Working {
        /// Which.
        job: JobId,
        /// What it does.
        kind: JobKind,
    },
    /// The last change that was asked for failed.
    Failed {
        /// Which job.
        job: JobId,
        /// What it was to do.
        kind: JobKind,
        /// Whether something is left that wants a look.
        ending: Ending,
        /// Why.
        failure: Option<Failure>,
    },
    /// Updates are installed and start with the next restart.
    UpdatePending {
        /// The snapshot that will start.
        snapshot: SnapshotId,
        /// How many updates were made since the running system started.
        updates: usize,
    },
    /// Another existing snapshot starts with the next restart.
    RollbackPending {
        /// The snapshot that will start.
        snapshot: SnapshotId,
    },
    /// What was last found waits to be installed.
    Available {
        /// How many packages change.
        packages: usize,
        /// How many of them are security updates.
        security: usize,
    },
    /// The last check failed, so nothing is known about newer updates.
    CouldNotCheck {
        /// Why.
        failure: Failure,
        /// When a check last succeeded.
        succeeded: Option<Timestamp>,
    },
    /// Nobody has looked for updates yet.
    NeverChecked,
    /// The system that starts next is another one than the last successful check was about.
    NotChecked {
        /// When that check was.
        succeeded: Timestamp,
    },
    /// The last successful check is too long ago to say anything.
    Stale {
        /// When it was.
        succeeded: Timestamp,
    },
    /// The last check succeeded, was recent, and found nothing.
    UpToDate {
        /// When it was.
        succeeded: Timestamp,
    },
    /// Updates cannot be made here; the capabilities tell why.
    NoUpdates,
}

impl Status {
    /// The status of a state at a moment.
    pub fn of(state: &State, now: Timestamp) -> Self {
        let running = |job: &&Job| job.outcome().is_none();
        if let Some(job) = state.working().or_else(|| state.jobs.values().find(running)) {
            return Self::Working {
                job: job.id,
                kind: job.kind,
            };
        }
        // Only the newest change counts: a failure followed by a success is history.
        let newest = state
            .jobs
            .values()
            .rev()
            .find(|job| job.kind.changes_the_system());
        if let Some((job, outcome)) = newest.and_then(|job| job.outcome().map(|outcome| (job, outcome)))
            && matches!(outcome.ending, Ending::Undone | Ending::NeedsAttention)
        {
            let failure = outcome.failure.clone();
            return Self::Failed {
                job: job.id,
                kind: job.kind,
                ending: outcome.ending,
                failure,
            };
        }
        if let Some(snapshot) = state.pending() {
            return match state.pending_updates().len() {
                0 => Self::RollbackPending { snapshot },
                updates => Self::UpdatePending { snapshot, updates },
            };
        }
        if !state.capabilities.has(crate::Capability::Updates) {
            return Self::NoUpdates;
        }
        let updates = &state.updates;
        match (&updates.check, updates.succeeded) {
            (Check::Failed { failure }, succeeded) => Self::CouldNotCheck {
                failure: failure.clone(),
                succeeded,
            },
            (_, Some(_)) if !updates.set.is_empty() => Self::Available {
                packages: updates.set.packages.len(),
                security: updates.set.security_count(),
            },
            (Check::Never, Some(succeeded)) => Self::NotChecked { succeeded },
            (_, None) => Self::NeverChecked,
            (Check::Done, Some(succeeded)) if now.since(succeeded) > STALE_AFTER => Self::Stale { succeeded },
            (Check::Done, Some(succeeded)) => Self::UpToDate { succeeded },
        }
    }

    /// The one right action.
    pub fn action(&self) -> Action {
        match self {
            Self::Working { .. } => Action::Cancel,
            Self::Failed { .. } => Action::ShowDetails,
            Self::UpdatePending { .. } | Self::RollbackPending { .. } => Action::Restart,
            Self::Available { .. } => Action::Update,
            Self::CouldNotCheck { .. }
            | Self::NeverChecked
            | Self::NotChecked { .. }
            | Self::Stale { .. }
            | Self::UpToDate { .. } => Action::Check,
            Self::NoUpdates => Action::None,
        }
    }

    /// The stable code of this status, the same as in its JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Working { .. } => "working",
            Self::Failed { .. } => "failed",
            Self::UpdatePending { .. } => "update-pending",
            Self::RollbackPending { .. } => "rollback-pending",
            Self::Available { .. } => "available",
            Self::CouldNotCheck { .. } => "could-not-check",
            Self::NeverChecked => "never-checked",
            Self::NotChecked { .. } => "not-checked",
            Self::Stale { .. } => "stale",
            Self::UpToDate { .. } => "up-to-date",
            Self::NoUpdates => "no-updates",
        }
    }
}

#[cfg(test)]
mod tests;
