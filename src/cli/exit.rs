// SPDX-License-Identifier: GPL-3.0-or-later
//! How kedgectl ends: the exit codes and the last words.

use crate::words;
use client::Error;
use model::{Ending, JobKind, JobOutcome};
use std::io::{ErrorKind, Write};

/// The exit codes; `--help` and the man page tell them to people ([`crate::args::EXIT_CODES`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Refused = 3,
    NotAuthorized = 4,
    Unreachable = 5,
    NeedsAttention = 6,
    Cancelled = 7,
    UpdatesAvailable = 100,
}

/// Why a verb came to its end early: what to say and how to exit.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) exit: Exit,
    pub(crate) words: String,
}

impl Stop {
    pub(crate) fn new(exit: Exit, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { exit, words }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::NotAuthorized { .. } => Self::new(
                Exit::NotAuthorized,
                "Not authorized. Nothing has changed.\nWithout a desktop to ask for the password, run it as root: \
                 sudo kedgectl …",
            ),
            Error::Refused(refusal) => Self::new(Exit::Refused, words::refusal(&refusal)),
            Error::Failed(failure) => Self::new(
                Exit::Failed,
                format!(
                    "Failed: {}.\n{}",
                    words::failure(&failure),
                    words::details(Some(&failure))
                ),
            ),
            Error::Cancelled => Self::new(Exit::Cancelled, "Cancelled. Nothing has changed."),
            Error::Invalid(what) => Self::new(
                Exit::Usage,
                format!("The helper does not accept this: {}", crate::text::safe(&what)),
            ),
            Error::Disconnected(detail) => unreachable_helper(&detail),
        }
    }
}

/// The helper cannot be reached.
pub(crate) fn unreachable_helper(detail: &str) -> Stop {
    let detail = crate::text::safe(detail);
    Stop::new(
        Exit::Unreachable,
        format!("The Kedge service cannot be reached.\nDetails:\n  {detail}"),
    )
}

/// How a job's outcome becomes an exit code.
pub(crate) fn of_outcome(outcome: &JobOutcome) -> Exit {
    match outcome.ending {
        Ending::Done | Ending::NothingChanged => Exit::Done,
        Ending::Undone => match outcome.failure.as_ref().map(|failure| failure.code) {
            Some(model::FailureCode::Refused) => Exit::Refused,
            _ => Exit::Failed,
        },
        Ending::Cancelled => Exit::Cancelled,
        Ending::NeedsAttention => Exit::NeedsAttention,
    }
}

/// Says what a job came to and returns how to exit: successes are data, everything else is talk.
pub(crate) fn conclude(kind: JobKind, outcome: &JobOutcome) -> Exit {
    let exit = of_outcome(outcome);
    let text = words::outcome(kind, outcome);
    match exit {
        Exit::Done => print(&format!("{text}\n")),
        _ => say(&format!("{text}\n{}", words::details(outcome.failure.as_ref()))),
    }
    exit
}

/// Writes data to the standard output.
pub(crate) fn print(text: &str) {
    write(&mut std::io::stdout().lock(), text);
}

/// Writes talk to the standard error output.
pub(crate) fn say(text: &str) {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write(&mut std::io::stderr().lock(), &format!("{text}{end}"));
}

fn write(to: &mut dyn Write, text: &str) {
    let written = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    match written {
        // Whoever reads has seen enough (`kedgectl list | head`); the job, if there is one, goes on.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(Exit::Done as i32),
        // With the standard outputs gone there is nobody left to tell.
        _ => {}
    }
}
