// SPDX-License-Identifier: GPL-3.0-or-later
//! How a simulated job moves through its phases: progress, pace, and what is scripted to go wrong.

use super::SimEngine;
use crate::{Context, Error};
use model::{Failure, Phase, Progress, Question};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::time::Duration;

/// What goes wrong when a job enters a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The phase fails with this cause, and the job undoes what it did.
    Fail(Failure),
    /// The job ends as if the power went: what it began is left behind, for [`crate::Engine::recover`] to find.
    Crash,
    /// The phase asks this, and fails with the cause when the answer is zero or nobody can be asked.
    Ask(Question, Failure),
    /// The phase does not end until the job is cancelled or [`SimEngine::release`] is called.
    Hang,
    /// The job's thread panics; like a crash, but nothing tells the caller.
    Panic,
}

/// How long simulated work takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Speed {
    /// No time: for tests.
    #[default]
    Instant,
    /// About as long as on a real machine with few updates, for a person to look at: an update takes 15 seconds.
    Real,
    /// Four times as long: for tests that look at it through a screen reader, on a machine that may be busy.
    Slow,
}

/// Why a job leaves its way.
#[derive(Debug)]
pub(super) enum Stop {
    /// It could not go on; what it did is to be undone.
    Error(Error),
    /// It ceased to exist; nothing is undone.
    Crash(Phase),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// One job on its way.
pub(super) struct Work<'a> {
    engine: &'a SimEngine,
    context: &'a Context<'a>,
    phase: Phase,
    permille: u16,
}

impl<'a> Work<'a> {
    pub(super) fn new(engine: &'a SimEngine, context: &'a Context<'a>) -> Self {
        Self {
            engine,
            context,
            phase: Phase::Prepare,
            permille: 0,
        }
    }

    /// Enters a phase. Entering [`Phase::Commit`] is the point of no return.
    pub(super) fn enter(&mut self, phase: Phase, permille: u16) -> Result<(), Error> {
        if phase == Phase::Commit {
            self.context.cancel.close()?;
        }
        self.phase = phase;
        self.report(permille, 0, 0, "");
        if phase == Phase::Commit {
            return Ok(());
        }
        self.context.cancel.check()
    }

    /// What is scripted to go wrong in the phase.
    pub(super) fn trouble(&mut self) -> Result<(), Stop> {
        match self.engine.trouble(self.phase) {
            None => Ok(()),
            Some(Fault::Ask(question, failure)) => {
                self.log(&question.text);
                let answer = match self.context.report.can_ask() {
                    true => self.context.report.ask(&question)?,
                    false => None,
                };
                self.log(&format!("The answer is {}.", answer.unwrap_or(0)));
                match answer {
                    Some(1..) => Ok(()),
                    _ => Err(Error::Packages(failure).into()),
                }
            }
            Some(Fault::Fail(failure)) => {
                self.log(&format!("E: {}", failure.detail));
                let error = match self.phase {
                    Phase::Verify => Error::Unverified(failure),
                    _ => Error::Packages(failure),
                };
                Err(error.into())
            }
            Some(Fault::Crash) => Err(Stop::Crash(self.phase)),
            #[expect(
                clippy::panic,
                reason = "a scripted panic is there to show that the caller survives one"
            )]
            Some(Fault::Panic) => panic!("scripted panic in phase {}", self.phase),
            Some(Fault::Hang) => Ok(self.wait(None)?),
        }
    }

    /// Works on one item of the phase for a while.
    pub(super) fn item(
        &mut self,
        permille: u16,
        item: usize,
        items: usize,
        subject: &str,
    ) -> Result<(), Error> {
        let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
        self.report(permille, number(item), number(items), subject);
        let share = number(items).max(1);
        let (whole, least) = match self.phase {
            Phase::Download | Phase::Install => (Duration::from_millis(5_500), Duration::from_millis(20)),
            Phase::Refresh => (Duration::from_millis(2_000), Duration::ZERO),
            _ => (Duration::from_millis(700), Duration::ZERO),
        };
        self.pause((whole / share).max(least))
    }

    /// Lets time pass, less when somebody cancels.
    pub(super) fn pause(&self, time: Duration) -> Result<(), Error> {
        let interruptible = !matches!(self.phase, Phase::Commit | Phase::CleanUp);
        let time = match self.engine.speed() {
            Speed::Instant => None,
            Speed::Real => Some(time),
            Speed::Slow => Some(time * 4),
        };
        match time {
            None => {}
            time if interruptible => self.wait(time)?,
            Some(time) => std::thread::sleep(time),
        }
        if interruptible {
            self.context.cancel.check()?;
        }
        Ok(())
    }

    /// Waits for a cancellation, and either for so long or for [`SimEngine::release`].
    fn wait(&self, time: Option<Duration>) -> Result<(), Error> {
        let limit = time.and_then(|time| Timespec::try_from(time).ok());
        let mut sources = vec![PollFd::new(self.context.cancel, PollFlags::IN)];
        if limit.is_none() {
            sources.push(PollFd::new(&self.engine.release, PollFlags::IN));
        }
        while let Err(error) = poll(&mut sources, limit.as_ref()) {
            if error != rustix::io::Errno::INTR {
                return Err(Error::io("wait for a cancellation", error));
            }
        }
        if limit.is_none() && !self.context.cancel.is_requested() {
            // It was readable; that it is no longer would only mean that somebody else was released by it.
            let _ = rustix::io::read(&self.engine.release, &mut [0; 8]);
        }
        self.context.cancel.check()
    }

    /// One line of the log.
    pub(super) fn log(&self, line: &str) {
        self.context.report.log(line);
    }

    fn report(&mut self, permille: u16, item: u32, items: u32, subject: &str) {
        self.permille = self.permille.max(permille);
        self.context.report.progress(Progress {
            phase: self.phase,
            permille: Some(self.permille),
            item,
            items,
            subject: subject.to_owned(),
        });
    }
}
