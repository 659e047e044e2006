// SPDX-License-Identifier: GPL-3.0-or-later
//! A program from its start to its end, and the process that ends everything with it.

use super::line::Lines;
use super::{Finished, OnStatus, Terminal};
use crate::{Context, Error};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// How long to read on after the program ended, when something that it started still holds its output open.
const DRAIN: Duration = Duration::from_secs(2);
/// How many lines of standard error are kept for the caller.
const STDERR_LINES: usize = 400;

/// The first process of a process namespace: when it ends, the kernel kills all others in there. It ends when its
/// standard input does, so also when we are killed. (A death signal alone would not do: a program that changes its user
/// for a moment, as apt-get does, loses it; see PR_SET_PDEATHSIG.)
pub(super) struct Keeper(Child);

impl Keeper {
    #[expect(clippy::disallowed_methods, reason = "this is the one door to processes")]
    pub(super) fn start(env: &[(String, String)]) -> Result<Self, Error> {
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
pub(super) struct Running {
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
    pub(super) fn new(
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
    pub(super) fn stream(
        &mut self,
        context: &Context<'_>,
        mut on_status: Option<OnStatus<'_>>,
        on_line: Option<OnStatus<'_>>,
        terminal: Option<&Terminal>,
    ) -> Result<(), Error> {
        let (mut out, mut err, mut info) = (Lines::default(), Lines::default(), Lines::default());
        let mut log = |line: &str| context.report.log(line);
        let on_line: OnStatus<'_> = match on_line {
            Some(on_line) => on_line,
            None => &mut log,
        };
        let mut deadline = None;
        let (mut cancelled, mut exited) = (false, false);
        while !exited || self.stdout.is_some() || self.stderr.is_some() || self.status.is_some() {
            let ready = self.wait(context, (cancelled, exited), deadline, terminal)?;
            if let Some(terminal) = terminal {
                if ready.terminal {
                    terminal.drain();
                }
                terminal.tick();
            }
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
                self.read_stdout(&mut out, on_line)?;
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
        out.finish(on_line);
        if let Some(on_status) = on_status {
            info.finish(on_status);
        }
        if cancelled { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn read_stdout(&mut self, lines: &mut Lines, on_line: OnStatus<'_>) -> Result<(), Error> {
        let Some(limit) = self.capture else {
            return read(&mut self.stdout, |bytes| lines.feed(bytes, on_line));
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
        (cancelled, exited): (bool, bool),
        deadline: Option<Instant>,
        terminal: Option<&Terminal>,
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
            (terminal.map(AsFd::as_fd), &mut ready.terminal),
        ];
        let (mut fds, flags): (Vec<_>, Vec<_>) = wanted
            .into_iter()
            .filter_map(|(fd, flag)| Some((PollFd::from_borrowed_fd(fd?, PollFlags::IN), flag)))
            .unzip();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let due = terminal.and_then(Terminal::due);
        let timeout = left.into_iter().chain(due).min().map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
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

    pub(super) fn finished(mut self) -> Result<Finished, Error> {
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
    terminal: bool,
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
    // What a pipe holds (pipe(7)).
    let mut buffer = [0; 64 * 1024];
    match rustix::io::read(&*fd, &mut buffer) {
        Ok(0) => *place = None,
        Ok(length) => take(&buffer[..length]),
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
        Err(source) => return Err(Error::io("read from a pipe", source)),
    }
    Ok(())
}
