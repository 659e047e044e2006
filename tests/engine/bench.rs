// SPDX-License-Identifier: GPL-3.0-or-later
//! What a case stands on: an engine over some machine, and the hands to do to that machine what engines do not.

use engine::{Cancel, Context, Engine, Error, Report, System};
use model::{Condition, Phase, Progress, SnapshotId, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// How the machine under the engine is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Runs read-only from snapshot 1, which is the only one and the default.
    Transactional,
    /// Runs writable from snapshot 1, which is the only one and the default.
    Classic,
    /// Runs writable from a subvolume beside its snapshots, of which there is none.
    Beside,
}

/// What a case needs from a machine besides snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Snapshots only.
    Snapshots,
    /// A package manager with repositories the bench can change.
    Packages,
}

/// The package that a bench has installed at version 1 in a machine with packages, and nothing newer on offer.
pub(crate) const INSTALLED: &str = "alpha";

/// A machine with an engine.
pub(crate) trait Bench {
    /// The engine under test.
    fn engine(&self) -> &dyn Engine;
    /// Sets the clock the engine reads.
    fn set_clock(&self, now: Timestamp);
    /// Restarts the machine into its default.
    fn reboot(&mut self);
    /// Another program takes a snapshot of the running system.
    fn outside_create(&self, description: &str) -> SnapshotId;
    /// Another program deletes a snapshot. Returns whether the machine let it.
    fn outside_delete(&self, id: SnapshotId) -> bool;
    /// Another program makes a snapshot the default.
    fn outside_set_default(&self, id: SnapshotId);
    /// The books of a snapshot are lost or damaged.
    fn damage(&self, id: SnapshotId, condition: Condition);
    /// A transaction of some program was cut short: its snapshot of the running system is left, in progress.
    fn leave_unfinished(&self) -> SnapshotId;
    /// The repositories offer these packages in these versions, from now on.
    fn offer(&self, packages: &[(&str, &str)]);
    /// The repositories have these packages, and nothing else, for those who want them: name, version, and the package that
    /// each needs, or nothing.
    fn stock(&self, packages: &[(&str, &str, &str)]);
    /// As `offer`, but the package's script fails.
    fn offer_failing(&self, package: &str, version: &str);
    /// The repositories are gone, or back.
    fn set_reachable(&self, reachable: bool);
}

/// Makes machines of one kind.
pub(crate) trait Maker: Send + Sync {
    /// What the kind is called in the names of the trials.
    fn name(&self) -> &'static str;
    /// Why it cannot serve this need here; `None` when it can.
    fn lacks(&self, need: Need) -> Option<String>;
    /// A fresh machine.
    fn make(&self, layout: Layout, need: Need) -> Box<dyn Bench>;
}

/// Keeps what a job reports, and cancels it when it reaches a phase.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    seen: Mutex<Seen>,
    cancel_at: Option<Phase>,
    cancel: Option<Arc<Cancel>>,
}

/// What a job reported.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    pub(crate) progress: Vec<Progress>,
    pub(crate) log: Vec<String>,
    /// What the cancellation was answered, when one was asked for.
    pub(crate) accepted: Option<bool>,
}

impl Report for Recorder {
    fn progress(&self, progress: Progress) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.cancel_at == Some(progress.phase) && seen.accepted.is_none() {
            seen.accepted = self.cancel.as_ref().map(|cancel| cancel.request());
        }
        seen.progress.push(progress);
    }

    fn log(&self, line: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.log.push(line.to_owned());
    }
}

/// Runs a job and tells what it reported.
pub(crate) fn run<T>(job: impl FnOnce(&Context<'_>) -> Result<T, Error>) -> (Result<T, Error>, Seen) {
    record(None, job)
}

/// Runs a job that is cancelled when it reaches the phase.
pub(crate) fn run_cancelled<T>(
    at: Phase,
    job: impl FnOnce(&Context<'_>) -> Result<T, Error>,
) -> (Result<T, Error>, Seen) {
    record(Some(at), job)
}

fn record<T>(
    cancel_at: Option<Phase>,
    job: impl FnOnce(&Context<'_>) -> Result<T, Error>,
) -> (Result<T, Error>, Seen) {
    let cancel = Arc::new(Cancel::new().expect("a test has descriptors left"));
    let report = Recorder {
        seen: Mutex::default(),
        cancel_at,
        cancel: Some(Arc::clone(&cancel)),
    };
    let result = job(&Context {
        report: &report,
        cancel: &cancel,
    });
    let seen = report.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    (result, seen)
}

/// The reading of now, without its `Arc`.
pub(crate) fn system(bench: &dyn Bench) -> System {
    let system = bench.engine().system();
    (*system.expect("a bench's system can be read")).clone()
}
