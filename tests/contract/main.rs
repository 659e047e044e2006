// SPDX-License-Identifier: GPL-3.0-or-later
//! The helper's objects held against the contract, and the client against the helper: over a bare socket, and over a
//! real bus, with a machine in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad;
mod bisect;
mod bounds;
mod calls;
mod faces;
mod files;
mod fixture;
mod interface;
mod jobs;
mod packages;
mod process;
mod questions;
mod space;
mod starts;

use libtest_mimic::{Arguments, Failed, Trial};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;
use support::bus::installed;

/// No trial takes longer: one that hangs is a failure, not an endless run.
const LIMIT: Duration = Duration::from_secs(60);

/// A trial on a runtime of its own.
fn trial<F: Future<Output = ()> + 'static>(name: &str, body: fn() -> F) -> Trial {
    Trial::test(name, move || run(body))
}

/// A trial that needs something, and is reported as ignored without it.
fn trial_with<F: Future<Output = ()> + 'static>(
    name: &str,
    need: &Result<(), String>,
    body: fn() -> F,
) -> Trial {
    match need {
        Ok(()) => trial(name, body),
        Err(reason) => trial(&format!("{name} [{reason}]"), body).with_ignored_flag(true),
    }
}

fn run<F: Future<Output = ()>>(body: fn() -> F) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let body = AssertUnwindSafe(|| runtime.block_on(async { tokio::time::timeout(LIMIT, body()).await }));
    let result = catch_unwind(body);
    // A job that a test left hanging must not keep the run waiting, neither when the test failed.
    runtime.shutdown_background();
    let result = result.unwrap_or_else(|panic| resume_unwind(panic));
    result.map_err(|_| Failed::from(format!("takes longer than {LIMIT:?}")))
}

fn main() {
    let arguments = Arguments::from_args();
    let bus = installed("dbus-daemon");
    let program = bus
        .clone()
        .and_then(|()| support::bus::built("kedge-helper").map(drop));
    let mut trials = Vec::new();
    trials.extend(interface::trials());
    trials.extend(calls::trials());
    trials.extend(files::trials());
    trials.extend(space::trials());
    trials.extend(bisect::trials());
    trials.extend(starts::trials());
    trials.extend(bounds::trials());
    trials.extend(jobs::trials(&bus));
    trials.extend(packages::trials(&bus));
    trials.extend(questions::trials(&bus));
    trials.extend(faces::trials(&bus));
    trials.extend(bad::trials(&bus));
    trials.extend(process::trials(&program));
    libtest_mimic::run(&arguments, trials).exit();
}
