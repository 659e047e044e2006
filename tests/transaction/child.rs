// SPDX-License-Identifier: GPL-3.0-or-later
//! An update in a process of its own, to be killed.

use engine::Outcome;
use model::Phase;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::machine::{Record, open};

/// Tells the test's program to be the child and update the system at this root.
pub(crate) const ROOT: &str = "KEDGE_TRANSACTION_CHILD";
const STOP: &str = "KEDGE_TRANSACTION_STOP";

/// What the child does: an update that says each phase, and waits for its end in one of them.
pub(crate) fn main(root: &Path) {
    let stop = std::env::var(STOP).ok();
    let record = Record::hooked(move |progress, _| {
        println!("{} {}", progress.phase, progress.subject);
        std::io::stdout().flush().unwrap();
        if stop.as_deref() == Some(progress.phase.as_str()) {
            loop {
                std::thread::park();
            }
        }
    });
    match record.update(&open(root)) {
        Ok(Outcome::Changed(id)) => println!("changed {id}"),
        Ok(Outcome::Unchanged) => println!("unchanged"),
        Err(error) => println!("failed {}", error.chain()),
    }
}

/// The child as its parent sees it.
#[derive(Debug)]
pub(crate) struct Updating(Child);

impl Updating {
    /// Starts an update; with `stop`, it goes no further than the beginning of that phase.
    pub(crate) fn start(root: &Path, stop: Option<Phase>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(ROOT, root).stdout(Stdio::piped());
        if let Some(stop) = stop {
            command.env(STOP, stop.as_str());
        }
        Self(command.spawn().unwrap())
    }

    /// Waits until a line begins with this; false when the update ended before.
    pub(crate) fn wait_for(&mut self, beginning: &str) -> bool {
        let lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        for line in lines {
            if line.unwrap().starts_with(beginning) {
                return true;
            }
        }
        false
    }

    /// Kills it as the kernel would: it cannot clean up.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
