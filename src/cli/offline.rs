// SPDX-License-Identifier: GPL-3.0-or-later
//! A system that does not run. There is no bus to it and nobody to ask for a password: the helper's own program works on
//! it, started here and at the other end of a socket, with the rights of whoever called kedgectl.

use crate::args::{self, Verb};
use crate::exit::{Exit, Stop, unreachable_helper};
use crate::{Session, job, text, words};
use client::{Client, View};
use model::{RefusalCode, Timestamp};
use rustix::process::geteuid;
use std::io::Read;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = "kedge-helper";
/// Where distributions put it, from the directory that kedgectl is in.
const PLACES: [&str; 3] = [".", "../libexec", "../lib/kedge"];
/// No more of what it says is shown.
const SAID: u64 = 4096;

/// The helper that was started; it ends when its socket is closed.
#[derive(Debug)]
pub(crate) struct Helper {
    child: Child,
    /// Our end of its socket.
    socket: UnixStream,
}

/// What is possible with a system that does not run.
pub(crate) fn allowed(verb: &Verb) -> Result<(), Stop> {
    match verb {
        Verb::Status(args::Status { verbose: false, .. })
        | Verb::List(_)
        | Verb::Show(_)
        | Verb::Diff(_)
        | Verb::Cat(_)
        | Verb::Changelog(_)
        | Verb::History(_)
        | Verb::Delete(_)
        | Verb::Edit(_)
        | Verb::Rollback(_)
        | Verb::Discard(_)
        | Verb::Log(_) => Ok(()),
        _ => Err(Stop::new(
            Exit::Refused,
            words::refusal(&RefusalCode::Offline.into()),
        )),
    }
}

/// The helper's program beside this one, so that a copy on a rescue system, or that of the system itself, is enough.
fn program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let folder = own.parent()?;
    let beside = PLACES.iter().map(|place| folder.join(place).join(PROGRAM));
    beside
        .chain([Path::new("/usr/libexec").join(PROGRAM)])
        .find(|path| path.is_file())
}

/// A session with the system whose filesystem is mounted at `root`.
pub(crate) async fn session(root: &Path, now: Timestamp) -> Result<(Session, Helper), Stop> {
    if !geteuid().is_root() {
        return Err(Stop::new(
            Exit::NotAuthorized,
            "Only root may work on a system that does not run: sudo kedgectl --root …",
        ));
    }
    let missing = || unreachable_helper("kedge-helper is not installed beside kedgectl");
    let failed = |error: std::io::Error| unreachable_helper(&error.to_string());
    let program = program().ok_or_else(missing)?;
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a face must not reach into the engine, whose run.rs is the door to processes: this is the helper itself, \
                  started by root as the bus would start it"
    )]
    let mut command = Command::new(program);
    command
        .arg("--offline")
        .arg(root)
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut helper = Helper {
        child: command.spawn().map_err(failed)?,
        socket: ours.try_clone().map_err(failed)?,
    };
    // Our copy of its end of the socket: when it ends, the connection must.
    drop(command);
    let (client, mut views) = Client::start_peer(ours);
    match job::ready(&mut views).await {
        Ok(View { state, .. }) => {
            // Nobody reads any more what it says: its log and its answers tell.
            drop((helper.child.stdout.take(), helper.child.stderr.take()));
            let session = Session {
                client,
                views,
                state,
                now,
            };
            Ok((session, helper))
        }
        Err(stop) => Err(helper.said().unwrap_or(stop)),
    }
}

impl Helper {
    /// Why it did not begin; `None` when it does not say.
    fn said(&mut self) -> Option<Stop> {
        self.hang_up();
        let told = |from: Option<&mut dyn Read>| {
            let mut bytes = Vec::new();
            from?.take(SAID).read_to_end(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes).trim().to_owned()).filter(|text| !text.is_empty())
        };
        let code = told(self.child.stdout.as_mut().map(|out| out as &mut dyn Read));
        if let Some(code) = code.and_then(|code| RefusalCode::from_code(&code)) {
            return Some(Stop::new(Exit::Refused, words::refusal(&code.into())));
        }
        let said = told(self.child.stderr.as_mut().map(|out| out as &mut dyn Read))?;
        Some(Stop::new(
            Exit::Failed,
            format!(
                "This system cannot be worked on. Nothing has changed.\nDetails:\n  {}",
                text::safe(&said)
            ),
        ))
    }
}

impl Helper {
    fn hang_up(&self) {
        // It may have closed its end already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.hang_up();
        // It finishes the job that it has, and ends.
        let _ = self.child.wait();
    }
}
