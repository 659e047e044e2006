// SPDX-License-Identifier: GPL-3.0-or-later
use crate::{Capabilities, ChangeCounts, Job, JobId, Policy, Snapshot, SnapshotId, State, Updates};

/// A change of the state. [`State::apply`] is the only way a state changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Everything, at the beginning and after a gap.
    Reset(Box<State>),
    /// Snapshots that appeared or changed, and numbers that are gone.
    Snapshots {
        /// New or changed ones, whole.
        present: Vec<Snapshot>,
        /// Gone ones.
        gone: Vec<SnapshotId>,
    },
    /// What runs and what starts next.
    Boot {
        /// The running snapshot; `None` when the running system is not a snapshot.
        booted: Option<SnapshotId>,
        /// The snapshot that starts next; `None` when that is not a snapshot.
        default: Option<SnapshotId>,
        /// The snapshot that starts once before the default does; `None` for nothing.
        once: Option<SnapshotId>,
    },
    /// What came of the last restart.
    Receipt(Option<crate::StartReceipt>),
    /// What is known about updates.
    Updates(Box<Updates>),
    /// What the system can do.
    Capabilities(Capabilities),
    /// What is decided for the system.
    Policy(Policy),
    /// The search for the version in which something broke.
    Bisect(Option<crate::Bisect>),
    /// How many packages of snapshots differ from the version before each.
    Counts(Vec<(SnapshotId, ChangeCounts)>),
    /// A job began, moved on or ended.
    Job(Box<Job>),
    /// A job is forgotten.
    JobGone(JobId),
}
