// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Error;
use model::{Progress, Question};
use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};

/// Where a job's progress and log go.
pub trait Report: Send + Sync {
    /// The job moved on.
    fn progress(&self, progress: Progress);
    /// The job or a program it runs said something. One line, already freed of control characters, without line end.
    fn log(&self, line: &str);

    /// Whether somebody can be asked. A question to nobody is not worth the work of finding it out.
    fn can_ask(&self) -> bool {
        false
    }

    /// Asks, and waits for the number that was chosen; `None` where nobody can be asked. Errors when the job is cancelled
    /// or nobody answers in time.
    fn ask(&self, _: &Question) -> Result<Option<u32>, Error> {
        Ok(None)
    }
}

/// A report to somebody who is told everything and asked nothing.
#[derive(Clone, Copy)]
pub struct Unasked<'a>(pub &'a dyn Report);

impl Report for Unasked<'_> {
    fn progress(&self, progress: Progress) {
        self.0.progress(progress);
    }

    fn log(&self, line: &str) {
        self.0.log(line);
    }
}

impl std::fmt::Debug for Unasked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unasked").finish_non_exhaustive()
    }
}

/// What a job is run with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Where progress and log go.
    pub report: &'a dyn Report,
    /// Whether somebody wants it to stop.
    pub cancel: &'a Cancel,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("cancel", self.cancel)
            .finish_non_exhaustive()
    }
}

const OPEN: u8 = 0;
const REQUESTED: u8 = 1;
const CLOSED: u8 = 2;

/// A request to stop that is either accepted before the point of no return or refused after it, never both.
#[derive(Debug)]
pub struct Cancel {
    state: AtomicU8,
    event: OwnedFd,
}

impl Cancel {
    /// A cancel nobody has asked for.
    pub fn new() -> Result<Self, Error> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|source| Error::io("create an event descriptor", source))?;
        Ok(Self {
            state: AtomicU8::new(OPEN),
            event,
        })
    }

    /// Asks the job to stop. Returns whether it will.
    pub fn request(&self) -> bool {
        match self
            .state
            .compare_exchange(OPEN, REQUESTED, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => {
                // Writing 1 to a fresh eventfd cannot block or fail (eventfd(2)); a poller is only woken earlier by it.
                let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
                true
            }
            Err(state) => state == REQUESTED,
        }
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.state.load(Ordering::Acquire) == REQUESTED
    }

    /// Whether asking would still be accepted.
    pub fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN
    }

    /// An error when somebody asked: to be called between steps.
    pub fn check(&self) -> Result<(), Error> {
        if self.is_requested() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    /// The point of no return: from here on requests are refused. An error when one came before.
    pub fn close(&self) -> Result<(), Error> {
        match self
            .state
            .compare_exchange(OPEN, CLOSED, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) | Err(CLOSED) => Ok(()),
            Err(_) => Err(Error::Cancelled),
        }
    }
}

impl AsFd for Cancel {
    /// Becomes readable when a request is accepted.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_accepted_before_the_point_of_no_return_only() {
        let cancel = Cancel::new().unwrap();
        assert!(cancel.close().is_ok() && cancel.close().is_ok());
        assert!(!cancel.request() && !cancel.is_requested() && cancel.check().is_ok());
        let cancel = Cancel::new().unwrap();
        assert!(cancel.request() && cancel.request());
        assert!(matches!(cancel.close(), Err(Error::Cancelled)));
        assert!(matches!(cancel.check(), Err(Error::Cancelled)));
    }
}
