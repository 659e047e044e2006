// SPDX-License-Identifier: GPL-3.0-or-later
//! What a job came to, judged by a fresh look at the system and not by what the engine said alone.

use engine::{Error, System};
use model::{
    Ending, Failure, FailureCode, JobKind, JobOutcome, Machine, SnapshotId, Timestamp, UpdateSet, Updates,
};

/// What the engine did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Whether anything changed.
    pub(crate) changed: bool,
    /// The snapshot it made or chose.
    pub(crate) snapshot: Option<SnapshotId>,
    /// What a check found.
    pub(crate) found: Option<UpdateSet>,
}

/// How the work ended, before anybody looked.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// As asked.
    Done(Done),
    /// A person cancelled it.
    Cancelled,
    /// It failed and was undone.
    Failed(Failure),
    /// It failed and something is left.
    NeedsAttention(Failure),
    /// It ended in a way nobody foresaw.
    Panicked(String),
}

impl Verdict {
    pub(crate) fn of(result: Result<Done, Error>) -> Self {
        match result {
            Ok(done) => Self::Done(done),
            Err(Error::Cancelled) => Self::Cancelled,
            Err(error @ Error::NeedsAttention { .. }) => Self::NeedsAttention(error.failure()),
            Err(error) => Self::Failed(error.failure()),
        }
    }

    fn ending(&self) -> Ending {
        match self {
            Self::Done(Done { changed: false, .. }) => Ending::NothingChanged,
            Self::Done(_) => Ending::Done,
            Self::Cancelled => Ending::Cancelled,
            Self::Failed(_) => Ending::Undone,
            Self::NeedsAttention(_) | Self::Panicked(_) => Ending::NeedsAttention,
        }
    }

    fn failure(&self) -> Option<Failure> {
        match self {
            Self::Done(_) | Self::Cancelled => None,
            Self::Failed(failure) | Self::NeedsAttention(failure) => Some(failure.clone()),
            Self::Panicked(what) => Some(Failure::new(
                FailureCode::Internal,
                format!("the job panicked: {what}"),
            )),
        }
    }

    /// The outcome of a job before which `default` would have started next, on what the system is now.
    pub(crate) fn outcome(
        &self,
        kind: JobKind,
        default: u32,
        system: Option<&System>,
        finished: Timestamp,
    ) -> JobOutcome {
        let snapshot = match self {
            Self::Done(done) => done.snapshot,
            _ => None,
        };
        let machine = match system {
            None => Machine::Unknown,
            Some(system) if wire::snapshot_number(system.default) == default => Machine::OldSystem,
            Some(_) => Machine::NewSystem,
        };
        let mut outcome = JobOutcome {
            ending: self.ending(),
            machine,
            snapshot,
            failure: self.failure(),
            finished,
        };
        if let (Self::Done(done), Some(system)) = (self, system)
            && let Some(contradiction) = contradiction(kind, done, system)
        {
            outcome.ending = Ending::NeedsAttention;
            outcome.failure = Some(contradiction);
        }
        outcome
    }
}

/// What the disk says against what the engine said.
fn contradiction(kind: JobKind, done: &Done, system: &System) -> Option<Failure> {
    let id = done.snapshot.filter(|_| done.changed)?;
    match kind {
        JobKind::Update | JobKind::Install | JobKind::Remove | JobKind::Rollback | JobKind::Restore
            if system.default != Some(id) =>
        {
            Some(Failure::new(
                FailureCode::BootDefault,
                format!("snapshot {id} should start next, but {:?} will", system.default),
            ))
        }
        JobKind::TryOnce if system.once != Some(id) => Some(Failure::new(
            FailureCode::BootDefault,
            format!("snapshot {id} should start once, but {:?} will", system.once),
        )),
        JobKind::Create if !system.snapshots.contains_key(&id) => Some(Failure::new(
            FailureCode::Snapshot,
            format!("snapshot {id} was made but is not there"),
        )),
        _ => None,
    }
}

/// What a job teaches about updates, if anything.
pub(crate) fn learned(kind: JobKind, verdict: &Verdict, known: Updates, now: Timestamp) -> Option<Updates> {
    let succeeded = |set| Updates {
        check: model::Check::Done,
        attempted: Some(now),
        succeeded: Some(now),
        set,
    };
    match (kind, verdict) {
        (JobKind::Check | JobKind::Download, Verdict::Done(done)) => {
            Some(succeeded(done.found.clone().unwrap_or_default()))
        }
        // An update begins with a look and installs all of what it found.
        (JobKind::Update, Verdict::Done(_)) => Some(succeeded(UpdateSet::default())),
        (JobKind::Check, Verdict::Failed(failure)) => Some(could_not(failure, known, now)),
        (JobKind::Download | JobKind::Update | JobKind::Install, Verdict::Failed(failure))
            if is_about_repositories(failure.code) =>
        {
            Some(could_not(failure, known, now))
        }
        _ => None,
    }
}

fn could_not(failure: &Failure, known: Updates, now: Timestamp) -> Updates {
    Updates {
        check: model::Check::Failed {
            failure: failure.clone(),
        },
        attempted: Some(now),
        ..known
    }
}

fn is_about_repositories(code: FailureCode) -> bool {
    matches!(
        code,
        FailureCode::Network
            | FailureCode::RepositoryUnavailable
            | FailureCode::RepositorySignature
            | FailureCode::RepositoryExpired
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Check;

    fn system(default: u32) -> System {
        System {
            default: Some(SnapshotId(default)),
            ..System::default()
        }
    }

    fn made(id: u32) -> Verdict {
        Verdict::Done(Done {
            changed: true,
            snapshot: Some(SnapshotId(id)),
            found: None,
        })
    }

    #[test]
    fn success_is_reported_only_when_the_disk_agrees() {
        let judge = |verdict: &Verdict, kind, default| {
            let outcome = verdict.outcome(kind, 4, Some(&system(default)), Timestamp(1));
            (outcome.ending, outcome.machine)
        };
        assert_eq!(
            judge(&made(5), JobKind::Update, 5),
            (Ending::Done, Machine::NewSystem)
        );
        assert_eq!(
            judge(&made(5), JobKind::Update, 4),
            (Ending::NeedsAttention, Machine::OldSystem)
        );
        assert_eq!(
            judge(&made(5), JobKind::Create, 4),
            (Ending::NeedsAttention, Machine::OldSystem)
        );
        assert_eq!(
            judge(&Verdict::Cancelled, JobKind::Update, 4),
            (Ending::Cancelled, Machine::OldSystem)
        );
        let nothing = Verdict::Done(Done::default());
        assert_eq!(
            judge(&nothing, JobKind::Update, 4),
            (Ending::NothingChanged, Machine::OldSystem)
        );
        let unread = made(5).outcome(JobKind::Update, 4, None, Timestamp(1));
        assert_eq!(unread.machine, Machine::Unknown);
    }

    #[test]
    fn only_the_repositories_silence_makes_a_check_fail() {
        let now = Timestamp(9);
        let known = Updates {
            succeeded: Some(Timestamp(3)),
            ..Updates::default()
        };
        let failed = |code| Verdict::Failed(Failure::new(code, ""));
        let network = learned(JobKind::Update, &failed(FailureCode::Network), known.clone(), now).unwrap();
        assert!(matches!(network.check, Check::Failed { .. }) && network.succeeded == Some(Timestamp(3)));
        assert_eq!(
            learned(
                JobKind::Update,
                &failed(FailureCode::PackageScript),
                known.clone(),
                now
            ),
            None
        );
        assert_eq!(
            learned(JobKind::Check, &Verdict::Cancelled, known.clone(), now),
            None
        );
        let updated = learned(JobKind::Update, &made(5), known, now).unwrap();
        assert!(updated.check == Check::Done && updated.set.is_empty());
    }
}
