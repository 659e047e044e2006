// SPDX-License-Identifier: GPL-3.0-or-later
//! The one door to other programs.
//!
//! A program gets arguments (never a shell's line), an environment of its own, nothing on standard input, and a terminal
//! only where it has to ask on one. What it
//! says becomes lines for the log; a cancelled job ends it; when it is over, nothing that it started is left.
#![expect(
    unsafe_code,
    reason = "a new process namespace and the death signal must be set between fork and exec"
)]

pub(crate) mod line;
mod running;
mod terminal;

use crate::{Cancel, Context, Error, Report};
use command_fds::{CommandFdExt as _, FdMapping};
use running::{Keeper, Running};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Signal;
use rustix::thread::UnshareFlags;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ExitStatus, Stdio};
pub(crate) use terminal::Terminal;

/// How much of standard error is kept for [`Error::Command`].
const STDERR_SHOWN: usize = 1024;

/// What is called with each line of the status descriptor.
pub(crate) type OnStatus<'a> = &'a mut (dyn FnMut(&str) + Send);

/// A program about to be run.
pub(crate) struct Run<'a> {
    program: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    capture: Option<usize>,
    status: Option<(i32, OnStatus<'a>)>,
    lines: Option<OnStatus<'a>>,
    given: Vec<(i32, OwnedFd)>,
    isolated: bool,
    terminal: Option<&'a Terminal>,
}

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The program with its arguments.
    pub(crate) command: String,
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Standard output, when it was to be captured.
    pub(crate) stdout: Vec<u8>,
    /// The last lines of standard error, cleaned.
    pub(crate) stderr: Vec<String>,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Run").field(&self.shown()).finish()
    }
}

impl<'a> Run<'a> {
    /// A program, looked up in the `PATH` that [`Run::env`] gives.
    pub(crate) fn new(program: &str) -> Self {
        Self {
            program: program.to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            capture: None,
            status: None,
            lines: None,
            given: Vec::new(),
            isolated: false,
            terminal: None,
        }
    }

    /// More arguments.
    pub(crate) fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// More of the environment, which is empty but for what is given here.
    pub(crate) fn env<'s>(mut self, env: impl IntoIterator<Item = (&'s str, &'s str)>) -> Self {
        self.env.extend(
            env.into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        self
    }

    /// Keeps standard output, up to `limit` bytes, instead of logging it. More than that is an error.
    pub(crate) fn capture(mut self, limit: usize) -> Self {
        self.capture = Some(limit);
        self
    }

    /// Calls `line` with each line of standard output, cleaned, instead of logging it.
    pub(crate) fn lines(mut self, line: OnStatus<'a>) -> Self {
        self.lines = Some(line);
        self
    }

    /// Gives the program a pipe as descriptor `fd` and calls `line` with each line that it writes there.
    pub(crate) fn status(mut self, fd: i32, line: OnStatus<'a>) -> Self {
        self.status = Some((fd, line));
        self
    }

    /// Gives the program descriptors of ours, each by the number it gets there.
    pub(crate) fn give(mut self, descriptors: impl IntoIterator<Item = (i32, OwnedFd)>) -> Self {
        self.given.extend(descriptors);
        self
    }

    /// Gives the program a process namespace of its own: what it leaves running dies with it.
    pub(crate) fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// Gives the program a terminal, on which it may ask although its standard input is empty.
    pub(crate) fn terminal(mut self, terminal: &'a Terminal) -> Self {
        self.terminal = Some(terminal);
        self
    }

    fn shown(&self) -> String {
        std::iter::once(&self.program)
            .chain(&self.args)
            .map(|word| match word.contains(char::is_whitespace) {
                true => format!("{word:?}"),
                false => word.clone(),
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started, says too much, or the job is cancelled (then it was ended). How it ended is not an
    /// error here: that is the caller's to judge.
    pub(crate) fn finish(self, context: &Context<'_>) -> Result<Finished, Error> {
        context.cancel.check()?;
        if !self.isolated {
            return self.work(context, None);
        }
        // A process namespace belongs to the children that a thread makes afterwards.
        let worker = || {
            // SAFETY: only UnshareFlags::FILES has requirements, and it is not among the flags.
            unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWPID) }
                .map_err(|source| Error::io("make a process namespace", source))?;
            let keeper = Keeper::start(&self.env)?;
            self.work(context, Some(keeper))
        };
        std::thread::scope(|scope| match scope.spawn(worker).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    fn work(mut self, context: &Context<'_>, keeper: Option<Keeper>) -> Result<Finished, Error> {
        let shown = self.shown();
        let (status_fd, on_status) = match self.status.take() {
            Some((fd, line)) => (Some(fd), Some(line)),
            None => (None, None),
        };
        let given = std::mem::take(&mut self.given);
        let (child, status_pipe) = self.start(&shown, status_fd, given)?;
        let mut running = Running::new(child, shown, self.capture, status_pipe, keeper)?;
        running.stream(context, on_status, self.lines, self.terminal)?;
        running.finished()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one door to processes")]
    fn start(
        &self,
        shown: &str,
        status_fd: Option<i32>,
        given: Vec<(i32, OwnedFd)>,
    ) -> Result<(Child, Option<OwnedFd>), Error> {
        let failed = |source: std::io::Error| Error::io(format!("start {shown}"), source);
        let mut command = std::process::Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match self.terminal.map(|terminal| terminal.theirs().as_raw_fd()) {
            None => {
                command.process_group(0);
            }
            Some(theirs) => {
                let take = move || {
                    // A session has a process group of its own too.
                    rustix::process::setsid()?;
                    // SAFETY: the terminal outlives the call of this function, and its descriptor is still open here: this
                    // runs before the descriptors of the program are put in their places.
                    let theirs = unsafe { BorrowedFd::borrow_raw(theirs) };
                    rustix::process::ioctl_tiocsctty(theirs).map_err(std::io::Error::from)
                };
                // SAFETY: the closure makes two system calls and allocates nothing.
                unsafe { command.pre_exec(take) };
            }
        }
        let given = given.into_iter();
        let mut mappings: Vec<_> = given
            .map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd })
            .collect();
        let mut status_pipe = None;
        if let Some(child_fd) = status_fd {
            let (read, parent_fd) = pipe_with(PipeFlags::CLOEXEC).map_err(|source| failed(source.into()))?;
            mappings.push(FdMapping { parent_fd, child_fd });
            status_pipe = Some(read);
        }
        command
            .fd_mappings(mappings)
            .expect("every descriptor is given by a number of its own");
        let die_with_us = || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(std::io::Error::from)
        };
        // SAFETY: the closure makes one system call and allocates nothing.
        unsafe { command.pre_exec(die_with_us) };
        // Dropping the command at the end of this function closes our copy of the pipe's writing end.
        Ok((command.spawn().map_err(failed)?, status_pipe))
    }
}

impl Finished {
    /// The error that says how it ended.
    pub(crate) fn into_error(self) -> Error {
        let mut stderr = self.stderr.join("\n");
        if stderr.len() > STDERR_SHOWN {
            let start = (stderr.len() - STDERR_SHOWN..stderr.len()).find(|at| stderr.is_char_boundary(*at));
            stderr.drain(..start.unwrap_or(0));
        }
        let status = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exited with {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => "ended in an unknown way".to_owned(),
        };
        Error::Command {
            command: self.command,
            status,
            stderr,
        }
    }
}

/// A context for a program whose lines nobody reads.
pub(crate) fn quietly(cancel: &Cancel) -> Context<'_> {
    struct Nobody;
    impl Report for Nobody {
        fn progress(&self, _: model::Progress) {}
        fn log(&self, _: &str) {}
    }
    Context {
        report: &Nobody,
        cancel,
    }
}

#[cfg(test)]
mod tests;
