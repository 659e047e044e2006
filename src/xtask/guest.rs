// SPDX-License-Identifier: GPL-3.0-or-later
//! A whole Debian 13 with systemd as its first process, booted from the default subvolume of a btrfs image.
//!
//! It runs in namespaces of its own (mount, pid, ipc, uts, cgroup, net) with `/proc/sys` and `/sys` read-only, so
//! what happens in it stays in it; a restart of the guest boots whatever subvolume is the default by then.

pub(crate) mod boot;
pub(crate) mod disk;
pub(crate) mod image;
pub(crate) mod repository;
pub(crate) mod system;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::enter::Session;
use crate::guest::image::Image;

/// A guest that is running or between two boots.
#[derive(Debug)]
pub(crate) struct Guest {
    image: Image,
    scratch: PathBuf,
    cgroup: PathBuf,
    running: Option<Running>,
    boots: u32,
}

#[derive(Debug)]
struct Running {
    /// `unshare`, the parent of the guest's process 1
    child: Child,
    /// The guest's process 1 as we see it
    init: u32,
}

impl Guest {
    /// A guest on this image, not booted yet.
    pub(crate) fn new(session: &Session, image: Image) -> Result<Self> {
        let cgroup = session
            .cgroup
            .clone()
            .context("this machine has no unified control group hierarchy")?;
        Ok(Self {
            image,
            scratch: session.scratch.clone(),
            cgroup: cgroup.join("guest"),
            running: None,
            boots: 0,
        })
    }

    /// How often it was booted.
    pub(crate) fn boots(&self) -> u32 {
        self.boots
    }

    /// The guest's process 1 in our pid namespace.
    pub(crate) fn init(&self) -> Result<u32> {
        Ok(self.running.as_ref().context("the guest is not running")?.init)
    }

    /// The guest's `/`, seen from outside.
    pub(crate) fn root(&self) -> Result<PathBuf> {
        Ok(PathBuf::from(format!("/proc/{}/root", self.init()?)))
    }

    /// Boots the default subvolume and waits until systemd says that it is up.
    pub(crate) fn boot(&mut self) -> Result<Duration> {
        let began = Instant::now();
        let console = self.console();
        let log = fs::OpenOptions::new().create(true).append(true).open(&console)?;
        let child = Command::new(std::env::current_exe()?)
            .arg("__guest-start")
            .arg("--cgroup")
            .arg(&self.cgroup)
            .arg("--device")
            .arg(self.image.device())
            .arg("--at")
            .arg(self.scratch.join("newroot"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("start the guest")?;
        let init = wait_for(Duration::from_secs(60), || first_child(child.id()));
        let Some(init) = init else {
            bail!("the guest has no process 1:\n{}", self.console_tail())
        };
        self.running = Some(Running { child, init });
        self.boots += 1;
        let state = wait_for(Duration::from_secs(240), || {
            let state = self.try_run(&["systemctl", "is-system-running"]).ok()?;
            let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
            matches!(state.as_str(), "running" | "degraded").then_some(state)
        });
        match state.as_deref() {
            Some("running") => Ok(began.elapsed()),
            Some(_) => {
                let failed = self.run(&["systemctl", "--failed", "--plain", "--no-legend"])?;
                bail!("the guest is up, but these units failed:\n{failed}")
            }
            None => bail!("the guest does not come up:\n{}", self.console_tail()),
        }
    }

    /// Restarts it the way a user does, through systemd, and waits until the next system is up.
    pub(crate) fn reboot(&mut self) -> Result<Duration> {
        let began = Instant::now();
        // The command is cut off by the restart it asks for, so its own end says nothing.
        let _ = self.try_run(&["systemctl", "--no-block", "reboot"]);
        let how = self.wait_until_down(Duration::from_secs(240))?;
        if how != Some(129) {
            bail!(
                "the guest ended with {how:?} instead of a restart:\n{}",
                self.console_tail()
            );
        }
        self.boot()?;
        Ok(began.elapsed())
    }

    /// Waits until the guest is down; the code is 129 for a restart and 130 for a power-off.
    fn wait_until_down(&mut self, limit: Duration) -> Result<Option<i32>> {
        let Some(mut running) = self.running.take() else {
            return Ok(None);
        };
        let status = wait_for(limit, || running.child.try_wait().ok().flatten());
        if status.is_none() {
            let _ = running.child.kill();
            let _ = running.child.wait();
            bail!("the guest does not go down:\n{}", self.console_tail());
        }
        Ok(status.and_then(|status| {
            use std::os::unix::process::ExitStatusExt;
            status
                .code()
                .or_else(|| status.signal().map(|signal| 128 + signal))
        }))
    }

    /// Ends the guest at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }

    /// A command that runs in all of the guest's namespaces.
    pub(crate) fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = self.interactive(words)?;
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// The same with our standard input.
    pub(crate) fn interactive(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.init()?.to_string()])
            .args([
                "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--wdns=/", "--",
            ])
            .args([
                "/usr/bin/env",
                "-i",
                "HOME=/root",
                "USER=root",
                "LANG=C.UTF-8",
                "TERM=dumb",
            ])
            .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .args(words);
        Ok(command)
    }

    /// Runs a command in the guest and hands back whatever came of it.
    pub(crate) fn try_run(&self, words: &[&str]) -> Result<Output> {
        self.command(words)?
            .output()
            .with_context(|| format!("run {} in the guest", words.join(" ")))
    }

    /// Runs a command in the guest that must succeed; returns what it printed.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.try_run(words)?;
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        if output.status.success() {
            return Ok(text);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "in the guest, {} ended with {}:\n{text}\n{}",
            words.join(" "),
            output.status,
            said.trim_end()
        )
    }

    fn console(&self) -> PathBuf {
        self.scratch.join("console.log")
    }

    fn console_tail(&self) -> String {
        let text = fs::read_to_string(self.console()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The only child of a process, as soon as there is one.
fn first_child(parent: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    let child: u32 = children.split_whitespace().next()?.parse().ok()?;
    // Until it has changed its root it is still our own program.
    let program = fs::read_link(Path::new("/proc").join(child.to_string()).join("exe")).ok()?;
    program.ends_with("lib/systemd/systemd").then_some(child)
}

/// Asks until there is an answer or the time is over.
pub(crate) fn wait_for<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
