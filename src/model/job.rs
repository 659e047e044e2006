// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;
use crate::{Asked, Failure, SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Number of a job, unique on one machine, rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u32);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

coded! {
    /// What a job does.
    JobKind {
        /// Create a snapshot of the running system.
        Create = "create",
        /// Delete snapshots.
        Delete = "delete",
        /// Change a snapshot's books or read-only flag.
        Edit = "edit",
        /// Look for updates.
        Check = "check",
        /// Fetch the packages of an update, so that installing it needs no network.
        Download = "download",
        /// Install updates into a new snapshot and make it the default.
        Update = "update",
        /// Install packages into a new snapshot and make it the default.
        Install = "install",
        /// Remove packages in a new snapshot and make it the default.
        Remove = "remove",
        /// Make another snapshot the default.
        Rollback = "rollback",
        /// Start a snapshot once, or forget that.
        TryOnce = "try-once",
        /// Make the running system the default again and delete what waited for the restart.
        Discard = "discard",
        /// Delete snapshots and wait until what they held is free.
        MakeRoom = "make-room",
        /// Delete what the rules of keeping snapshots name.
        CleanUp = "clean-up",
        /// Fetch a file back out of a snapshot.
        Restore = "restore",
        /// Remove what an interrupted job left behind.
        Recover = "recover",
    }
}

impl JobKind {
    /// Whether it changes what is installed: it asks the repositories for itself, and makes a new default.
    pub const fn changes_packages(self) -> bool {
        matches!(self, Self::Update | Self::Install | Self::Remove)
    }

    /// Whether it is the one job that may run. What only looks or fetches runs beside others, and an update ends it: it
    /// looks and fetches by itself.
    pub const fn changes_the_system(self) -> bool {
        !matches!(self, Self::Check | Self::Download)
    }
}

coded! {
    /// Where a job is.
    Phase {
        /// Looks at the state, takes locks, makes the snapshot.
        Prepare = "prepare",
        /// Asks the repositories.
        Refresh = "refresh",
        /// Downloads packages.
        Download = "download",
        /// Unpacks and configures packages, or removes them.
        Install = "install",
        /// Checks the result.
        Verify = "verify",
        /// Writes everything to disk, sets read-only and the default. No cancelling from here on.
        Commit = "commit",
        /// Removes what a failure or cancellation leaves.
        CleanUp = "clean-up",
    }
}

coded! {
    /// How a job ended.
    Ending {
        /// Everything asked for was done and verified.
        Done = "done",
        /// There was nothing to do.
        NothingChanged = "nothing-changed",
        /// It failed, and everything is as it was before.
        Undone = "undone",
        /// A person cancelled it, and everything is as it was before.
        Cancelled = "cancelled",
        /// It failed, and something is left that wants a look.
        NeedsAttention = "needs-attention",
    }
}

coded! {
    /// What the machine is after a job, by a fresh look at the disk.
    Machine {
        /// The same system as before will start next.
        OldSystem = "old-system",
        /// The new system is complete and will start next.
        NewSystem = "new-system",
        /// The state could not be read.
        Unknown = "unknown",
    }
}

/// How far a job is. One number for every face: `permille` of the whole job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Where the job is.
    pub phase: Phase,
    /// Thousandths of the whole job, never falling; `None` while nothing is known.
    pub permille: Option<u16>,
    /// Which of the phase's items is being worked on, from 1; zero when there are none.
    pub item: u32,
    /// How many items the phase has; zero when there are none or it is unknown.
    pub items: u32,
    /// What the item is called: a package, a repository; empty when there is none.
    pub subject: String,
}

impl Progress {
    /// The start of a phase.
    pub fn at(phase: Phase) -> Self {
        Self {
            phase,
            permille: None,
            item: 0,
            items: 0,
            subject: String::new(),
        }
    }
}

/// What a job came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobOutcome {
    /// How it ended.
    pub ending: Ending,
    /// What the machine is now.
    pub machine: Machine,
    /// The snapshot it made or chose, where there is one.
    pub snapshot: Option<SnapshotId>,
    /// Why it did not do what it should.
    pub failure: Option<Failure>,
    /// When it ended.
    pub finished: Timestamp,
}

/// Whether a job still runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum JobState {
    /// It runs.
    Running {
        /// How far it is.
        progress: Progress,
        /// Whether cancelling is safe now.
        cancellable: bool,
        /// What it asks and waits for.
        asked: Option<Box<Asked>>,
    },
    /// It ended.
    Ended(JobOutcome),
}

/// One piece of work of the helper, from its start to its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// The user who asked for it.
    pub uid: u32,
    /// The snapshot it was asked for, where it is about one.
    pub target: Option<SnapshotId>,
    /// When it began.
    pub started: Timestamp,
    /// Running with progress, or ended with an outcome.
    pub state: JobState,
}

impl Job {
    /// The outcome of a job that has ended.
    pub fn outcome(&self) -> Option<&JobOutcome> {
        match &self.state {
            JobState::Running { .. } => None,
            JobState::Ended(outcome) => Some(outcome),
        }
    }

    /// What a job that runs asks.
    pub fn asked(&self) -> Option<&Asked> {
        match &self.state {
            JobState::Running { asked, .. } => asked.as_deref(),
            JobState::Ended(_) => None,
        }
    }

    /// Whether it belongs to what was done to this system: everything but checks that worked, of which there is one a
    /// day.
    pub fn is_history(&self) -> bool {
        let worked = |outcome: &JobOutcome| matches!(outcome.ending, Ending::Done | Ending::NothingChanged);
        self.kind.changes_the_system() || self.outcome().is_some_and(|outcome| !worked(outcome))
    }

    /// The progress of a job that runs.
    pub fn progress(&self) -> Option<&Progress> {
        match &self.state {
            JobState::Running { progress, .. } => Some(progress),
            JobState::Ended(_) => None,
        }
    }
}
