// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent in a real Plasma: what the tray, the notifications and the job view really show, and what pressing them
//! does. One desktop for all tests, one test at a time; pictures are left in target/plasma.
#![expect(
    clippy::disallowed_methods,
    reason = "a desktop is made of processes; the rule keeps those of the product in one place"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accessible;
mod desktop;
mod icons;
mod notifications;
mod progress;
mod runner;
mod subject;
mod tray;

use desktop::Desktop;
use libtest_mimic::{Arguments, Failed, Trial};
use std::sync::{Arc, Mutex, PoisonError};
use support::bus::{built, installed};
use tokio::runtime::Runtime;

/// The one desktop, started by the first test that needs it.
struct Shared {
    runtime: Runtime,
    desktop: Option<Desktop>,
    /// It was tried once, and did not work.
    broken: bool,
}

type Body = fn(&mut Desktop) -> std::pin::Pin<Box<dyn Future<Output = ()> + '_>>;

/// A test's body as a value.
macro_rules! body {
    ($function:path) => {
        |desktop| Box::pin($function(desktop))
    };
}
pub(crate) use body;

fn needs() -> Result<(), String> {
    for program in [
        "plasmashell",
        "kwin_x11",
        "kded6",
        "krunner",
        "Xvfb",
        "dbus-daemon",
        "import",
        "xdotool",
    ] {
        installed(program)?;
    }
    built("kedge-helper").and(built("kedge-agent")).map(drop)
}

fn main() {
    let mut arguments = Arguments::from_args();
    // There is one screen.
    arguments.test_threads = Some(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let shared = Arc::new(Mutex::new(Shared {
        runtime,
        desktop: None,
        broken: false,
    }));
    let needs = needs();
    let all: Vec<(&str, Body)> = [
        tray::TESTS,
        notifications::TESTS,
        progress::TESTS,
        runner::TESTS,
        notifications::LAST,
    ]
    .into_iter()
    .flatten()
    .copied()
    .collect();
    let mut trials = vec![icons::trial()];
    for (name, body) in all {
        let shared = Arc::clone(&shared);
        trials.push(match &needs {
            Ok(()) => Trial::test(name, move || run(&shared, body)),
            Err(missing) => Trial::test(format!("{name} [{missing}]"), || Ok(())).with_ignored_flag(true),
        });
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(shared);
    conclusion.exit();
}

fn run(shared: &Mutex<Shared>, body: Body) -> Result<(), Failed> {
    // A test that failed leaves a desktop that the next one can still use.
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let Shared {
        runtime,
        desktop,
        broken,
    } = &mut *shared;
    runtime.block_on(async {
        if desktop.is_none() {
            assert!(!*broken, "the desktop did not start; the first test tells why");
            *broken = true;
            *desktop = Some(Desktop::start().await);
        }
        body(desktop.as_mut().expect("just started")).await;
    });
    Ok(())
}
