// SPDX-License-Identifier: GPL-3.0-or-later
//! The one door to other programs.
//!
//! A program gets arguments (never a shell's line), an environment of its own, and nothing on standard input. What it
//! says becomes lines for the log; a cancelled job ends it; when it is over, nothing that it started is left.
#![expect(
    unsafe_code,
    reason = "a new process namespace and the death signal must be set between fork and exec"
)]

pub(crate) mod line;

use crate::{Context, Error};
use command_fds::{CommandFdExt as _, FdMapping};
use line::Lines;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use rustix::thread::UnshareFlags;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// How long to read on after the program ended, when something that it started still holds its output open.
const DRAIN: Duration = Duration::from_secs(2);
/// How much of standard error is kept for [`Error::Command`].
const STDERR_SHOWN: usize = 1024;
/// How many lines of standard error are kept for the caller.
const STDERR_LINES: usize = 400;

/// What is called with each line of the status descriptor.
pub(crate) type OnStatus<'a> = &'a mut (dyn FnMut(&str) + Send);

/// A program about to be run.
pub(crate) struct Run<'a> {
    program: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    capture: Option<usize>,
    status: Option<(i32, OnStatus<'a>)>,
    isolated: bool,
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
            isolated: false,
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

    /// Gives the program a pipe as descriptor `fd` and calls `line` with each line that it writes there.
    pub(crate) fn status(mut self, fd: i32, line: OnStatus<'a>) -> Self {
        self.status = Some((fd, line));
        self
    }

    /// Gives the program a process namespace of its own: what it leaves running dies with it.
    pub(crate) fn isolated(mut self) -> Self {
        self.isolated = true;
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
        let (child, status_pipe) = self.start(&shown, status_fd)?;
        let mut running = Running::new(child, shown, self.capture, status_pipe, keeper)?;
        running.stream(context, on_status)?;
        running.finished()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one door to processes")]
    fn start(&self, shown: &str, status_fd: Option<i32>) -> Result<(Child, Option<OwnedFd>), Error> {
        let failed = |source: std::io::Error| Error::io(format!("start {shown}"), source);
        let mut command = std::process::Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let status_pipe = match status_fd {
            Some(child_fd) => {
                let (read, parent_fd) =
                    pipe_with(PipeFlags::CLOEXEC).map_err(|source| failed(source.into()))?;
                command
                    .fd_mappings(vec![FdMapping { parent_fd, child_fd }])
                    .expect("one mapping cannot collide with another");
                Some(read)
            }
            None => None,
        };
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

/// The first process of a process namespace: when it ends, the kernel kills all others in there. It ends when its
/// standard input does, so also when we are killed. (A death signal alone would not do: a program that changes its user
/// for a moment, as apt-get does, loses it; see PR_SET_PDEATHSIG.)
struct Keeper(Child);

impl Keeper {
    #[expect(clippy::disallowed_methods, reason = "this is the one door to processes")]
    fn start(env: &[(String, String)]) -> Result<Self, Error> {
        std::process::Command::new("cat")
            .env_clear()
            .envs(env.iter().map(|(key, value)| (key, value)))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(Self)
            .map_err(|source| Error::io("start cat as the first process of a namespace", source))
    }
}

impl Keeper {
    /// Ends the namespace. The keeper itself can be waited for only when everything else in there is gone and reaped,
    /// so also the program that we started in it.
    fn kill(&mut self) {
        // Fails only when it has ended already.
        let _ = self.0.kill();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.kill();
        // A child of ours that was killed can be waited for.
        let _ = self.0.wait();
    }
}

/// A program that runs. Dropping it kills it and everything in its process group, and waits for it.
struct Running {
    child: Child,
    pid: Pid,
    exit: OwnedFd,
    command: String,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    status: Option<OwnedFd>,
    capture: Option<usize>,
    captured: Vec<u8>,
    tail: VecDeque<String>,
    reaped: Option<ExitStatus>,
    keeper: Option<Keeper>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.reaped.is_none() {
            self.kill();
            // The process was killed, so waiting ends; there is nobody to tell of a failure.
            let _ = self.child.wait();
        }
    }
}

impl Running {
    fn new(
        mut child: Child,
        command: String,
        capture: Option<usize>,
        status: Option<OwnedFd>,
        keeper: Option<Keeper>,
    ) -> Result<Self, Error> {
        let pid = Pid::from_child(&child);
        let exit = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(exit) => exit,
            Err(source) => {
                // Nothing else can be done for a process that cannot be watched.
                let _ = child.kill().and_then(|()| child.wait());
                return Err(Error::io(format!("watch {command}"), source));
            }
        };
        Ok(Self {
            stdout: child.stdout.take().map(Into::into),
            stderr: child.stderr.take().map(Into::into),
            child,
            pid,
            exit,
            command,
            status,
            capture,
            captured: Vec::new(),
            tail: VecDeque::new(),
            reaped: None,
            keeper,
        })
    }

    fn signal(&self, signal: Signal) {
        // Fails only when everything in the group is gone already.
        let _ = kill_process_group(self.pid, signal);
    }

    fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(keeper) = &mut self.keeper {
            keeper.kill();
        }
    }

    /// Reads until the program has ended and everything it said is read.
    fn stream(&mut self, context: &Context<'_>, mut on_status: Option<OnStatus<'_>>) -> Result<(), Error> {
        let (mut out, mut err, mut info) = (Lines::default(), Lines::default(), Lines::default());
        let mut deadline = None;
        let (mut cancelled, mut exited) = (false, false);
        while !exited || self.stdout.is_some() || self.stderr.is_some() || self.status.is_some() {
            let ready = self.wait(context, cancelled, exited, deadline)?;
            if ready.cancel {
                cancelled = true;
                deadline = Some(Instant::now() + GRACE);
                self.signal(Signal::TERM);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                if exited {
                    break;
                }
                self.kill();
                deadline = None;
            }
            if ready.status
                && let Some(on_status) = &mut on_status
            {
                read(&mut self.status, |bytes| info.feed(bytes, &mut **on_status))?;
            }
            if ready.stderr {
                let tail = &mut self.tail;
                read(&mut self.stderr, |bytes| {
                    err.feed(bytes, |line| keep(tail, line, context))
                })?;
            }
            if ready.stdout {
                self.read_stdout(&mut out, context)?;
            }
            if ready.exit && !exited {
                exited = true;
                // What it left running would otherwise run on without anybody knowing.
                self.kill();
                deadline = Some(Instant::now() + DRAIN);
            }
        }
        let tail = &mut self.tail;
        err.finish(|line| keep(tail, line, context));
        out.finish(|line| context.report.log(line));
        if let Some(on_status) = on_status {
            info.finish(on_status);
        }
        if cancelled { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn read_stdout(&mut self, lines: &mut Lines, context: &Context<'_>) -> Result<(), Error> {
        let Some(limit) = self.capture else {
            return read(&mut self.stdout, |bytes| {
                lines.feed(bytes, |line| context.report.log(line))
            });
        };
        let captured = &mut self.captured;
        read(&mut self.stdout, |bytes| captured.extend_from_slice(bytes))?;
        if captured.len() > limit {
            let source = std::io::Error::new(
                std::io::ErrorKind::FileTooLarge,
                format!("more than {limit} bytes"),
            );
            return Err(Error::io(format!("read what {} says", self.command), source));
        }
        Ok(())
    }

    fn wait(
        &self,
        context: &Context<'_>,
        cancelled: bool,
        exited: bool,
        deadline: Option<Instant>,
    ) -> Result<Ready, Error> {
        let mut ready = Ready::default();
        let wanted = [
            (self.stdout.as_ref().map(AsFd::as_fd), &mut ready.stdout),
            (self.stderr.as_ref().map(AsFd::as_fd), &mut ready.stderr),
            (self.status.as_ref().map(AsFd::as_fd), &mut ready.status),
            ((!exited).then(|| self.exit.as_fd()), &mut ready.exit),
            (
                (!cancelled && !exited).then(|| context.cancel.as_fd()),
                &mut ready.cancel,
            ),
        ];
        let (mut fds, flags): (Vec<_>, Vec<_>) = wanted
            .into_iter()
            .filter_map(|(fd, flag)| Some((PollFd::from_borrowed_fd(fd?, PollFlags::IN), flag)))
            .unzip();
        let timeout = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
            Err(source) => return Err(Error::io(format!("wait for {}", self.command), source)),
        }
        for (fd, flag) in fds.iter().zip(flags) {
            *flag = !fd.revents().is_empty();
        }
        Ok(ready)
    }

    fn finished(mut self) -> Result<Finished, Error> {
        let status = self
            .child
            .wait()
            .map_err(|source| Error::io(format!("wait for {}", self.command), source))?;
        self.reaped = Some(status);
        Ok(Finished {
            command: std::mem::take(&mut self.command),
            status,
            stdout: std::mem::take(&mut self.captured),
            stderr: std::mem::take(&mut self.tail).into(),
        })
    }
}

#[derive(Default)]
struct Ready {
    stdout: bool,
    stderr: bool,
    status: bool,
    exit: bool,
    cancel: bool,
}

fn keep(tail: &mut VecDeque<String>, line: &str, context: &Context<'_>) {
    context.report.log(line);
    if tail.len() == STDERR_LINES {
        tail.pop_front();
    }
    tail.push_back(line.to_owned());
}

/// Reads once from a descriptor that is ready, and closes it at its end.
fn read(place: &mut Option<OwnedFd>, take: impl FnOnce(&[u8])) -> Result<(), Error> {
    let Some(fd) = place else { return Ok(()) };
    let mut buffer = [0; 16 * 1024];
    match rustix::io::read(&*fd, &mut buffer) {
        Ok(0) => *place = None,
        Ok(length) => take(&buffer[..length]),
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
        Err(source) => return Err(Error::io("read from a pipe", source)),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
