// SPDX-License-Identifier: GPL-3.0-or-later
//! A terminal for programs that ask on one, and nowhere else.

use crate::Error;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long to wait before a line is typed again.
const AGAIN: Duration = Duration::from_millis(200);

/// The terminal of one program. What is written to it is thrown away.
#[derive(Debug)]
pub(crate) struct Terminal {
    ours: OwnedFd,
    // Open as long as ours is: what is typed while the program has it closed would be lost.
    theirs: OwnedFd,
    repeated: Mutex<Option<(String, Instant)>>,
}

impl Terminal {
    /// A new one that nobody uses yet.
    pub(crate) fn open() -> Result<Self, Error> {
        let failed = |source: rustix::io::Errno| Error::io("open a terminal", source);
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).map_err(failed)?;
        unlockpt(&ours).map_err(failed)?;
        let theirs = ioctl_tiocgptpeer(&ours, flags).map_err(failed)?;
        let status = fcntl_getfl(&ours).map_err(failed)?;
        fcntl_setfl(&ours, status | OFlags::NONBLOCK).map_err(failed)?;
        let mut modes = tcgetattr(&theirs).map_err(failed)?;
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&theirs, OptionalActions::Now, &modes).map_err(failed)?;
        Ok(Self {
            ours,
            theirs,
            repeated: Mutex::default(),
        })
    }

    /// The program's side.
    pub(super) fn theirs(&self) -> BorrowedFd<'_> {
        self.theirs.as_fd()
    }

    fn repeated(&self) -> MutexGuard<'_, Option<(String, Instant)>> {
        self.repeated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Types a line now, and again and again until another is typed.
    pub(crate) fn repeat(&self, line: &str) {
        *self.repeated() = Some((line.to_owned(), Instant::now()));
        self.write(line);
    }

    /// Types a line once.
    pub(crate) fn enter(&self, line: &str) {
        *self.repeated() = None;
        self.write(line);
    }

    fn write(&self, line: &str) {
        // A program that reads nothing for long has a full terminal: what does not fit is typed again.
        let _ = rustix::io::write(&self.ours, format!("{line}\n").as_bytes());
    }

    /// How long until a line is to be typed again, if one is.
    pub(super) fn due(&self) -> Option<Duration> {
        self.repeated()
            .as_ref()
            .map(|(_, at)| AGAIN.saturating_sub(at.elapsed()))
    }

    /// Types again what is due.
    pub(super) fn tick(&self) {
        let mut repeated = self.repeated();
        if let Some((line, at)) = repeated.as_mut()
            && at.elapsed() >= AGAIN
        {
            *at = Instant::now();
            self.write(line);
        }
    }

    /// Throws away what was written to it.
    pub(super) fn drain(&self) {
        // Nothing to read, or nobody on the other side: both are fine.
        let _ = rustix::io::read(&self.ours, &mut [0; 4096]);
    }
}

impl AsFd for Terminal {
    /// Readable when something was written to it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }
}
