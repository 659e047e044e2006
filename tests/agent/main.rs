// SPDX-License-Identifier: GPL-3.0-or-later
//! The session agent as a program, on two real buses of its own: doubles stand for the desktop and the system's services,
//! the helper is the simulated one. What a real Plasma shows of it is tested in tests/plasma.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "the program under test is started here")]

mod doubles;
mod outside;
mod restart;
mod runner;
mod stage;
mod surroundings;

use libtest_mimic::{Arguments, Failed, Trial};
use std::future::Future;
use std::time::Duration;
use support::bus::{built, installed};

/// No trial takes longer, not even on a busy machine: one that hangs is a failure.
const LIMIT: Duration = Duration::from_secs(600);

fn main() {
    let arguments = Arguments::from_args();
    let needs = installed("dbus-daemon")
        .and(built("kedge-agent").map(drop))
        .and(built("kedge-helper").map(drop));
    let mut trials = Vec::new();
    trials.extend(outside::trials(&needs));
    trials.extend(restart::trials(&needs));
    trials.extend(runner::trials(&needs));
    trials.extend(surroundings::trials(&needs));
    libtest_mimic::run(&arguments, trials).exit();
}

/// A trial that is reported as ignored without what it needs.
fn trial<F: Future<Output = ()> + 'static>(name: &str, needs: &Result<(), String>, body: fn() -> F) -> Trial {
    match needs {
        Ok(()) => Trial::test(name, move || run(body)),
        Err(missing) => Trial::test(format!("{name} [{missing}]"), || Ok(())).with_ignored_flag(true),
    }
}

fn run<F: Future<Output = ()>>(body: fn() -> F) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let result = runtime.block_on(async { tokio::time::timeout(LIMIT, body()).await });
    runtime.shutdown_background();
    result.map_err(|_| Failed::from(format!("takes longer than {LIMIT:?}")))
}
