// SPDX-License-Identifier: GPL-3.0-or-later
//! Somebody who asks for the password where there is no desktop: polkit's own agent for terminals, as long as a change is
//! being asked for. Where another agent is there already, a desktop's, that one asks.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, geteuid, getpid, kill_process};
use std::io::IsTerminal;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = "/usr/bin/pkttyagent";
/// It says within a moment that it is ready; a polkit that does not answer is no reason to wait for ever.
const PATIENCE: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// The agent; it ends with this value.
#[derive(Debug)]
pub(crate) struct Prompt(Child);

impl Prompt {
    /// Starts it and waits until it is ready. `None` when nobody has to be asked, nobody can be, or it is not here: then
    /// the helper's answer tells.
    pub(crate) fn start() -> Option<Self> {
        if geteuid().is_root() || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return None;
        }
        let (ready, theirs) = std::io::pipe().ok()?;
        #[expect(
            clippy::disallowed_methods,
            reason = "a face must not reach into the engine, whose run.rs is the door to processes: this fixed program asks \
                      for the password on the caller's own terminal, unprivileged"
        )]
        let mut command = Command::new(PROGRAM);
        // It closes the given descriptor when it is ready, or ends. It talks on the terminal itself.
        command
            .args(["--fallback", "--notify-fd", "1", "--process"])
            .arg(getpid().as_raw_nonzero().to_string())
            .stdin(Stdio::null())
            .stdout(theirs);
        let agent = Self(command.spawn().ok()?);
        // Our end of the pipe: only theirs may keep it open.
        drop(command);
        let _ = poll(&mut [PollFd::new(&ready, PollFlags::IN)], Some(&PATIENCE));
        Some(agent)
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        // Not killed: it has to give the terminal back as it was.
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}
