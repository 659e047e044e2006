// SPDX-License-Identifier: GPL-3.0-or-later
//! The window on a simulated machine: a helper that pretends, on a private bus, without any rights.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::desktop::{Bus, Running, window};
use crate::enter::Session;
use crate::guest::wait_for;
use crate::process::succeeds;

/// A bus with the simulated helper on it.
#[derive(Debug)]
pub(crate) struct Simulation {
    /// The private bus that stands for the system bus
    pub(crate) bus: Bus,
    _helper: Running,
}

impl Simulation {
    /// Builds the programs and starts bus and helper.
    pub(crate) fn start(session: &Session) -> Result<Self> {
        Self::start_with(session, "normal")
    }

    /// The same with another simulated machine; each has a bus of its own.
    pub(crate) fn start_with(session: &Session, scenario: &str) -> Result<Self> {
        session.build(&["helper", "app"])?;
        let bus = Bus::start(session, &format!("system-bus-{scenario}"))?;
        let helper = Running::start(
            Command::new(session.program("kedge-helper"))
                .args(["--sim", scenario, "--idle-timeout", "0", "--bus", &bus.address])
                .stdin(Stdio::null()),
        )?;
        let simulation = Self { bus, _helper: helper };
        let there = wait_for(Duration::from_secs(10), || {
            let mut ask = Command::new("dbus-send");
            ask.arg(format!("--bus={}", simulation.bus.address)).args([
                "--print-reply",
                "--dest=org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus.GetNameOwner",
                "string:org.kedge.Kedge1",
            ]);
            succeeds(&mut ask).then_some(())
        });
        there.context("the simulated helper does not take its name on the bus")?;
        Ok(simulation)
    }
}

/// Opens the window and waits until it is closed.
pub(crate) fn run(session: &Session, rest: &[OsString]) -> Result<u8> {
    if std::env::var_os("DISPLAY").is_none() && std::env::var_os("WAYLAND_DISPLAY").is_none() {
        bail!("there is no display here; `cargo xtask screenshots` takes pictures without one");
    }
    let simulation = Simulation::start(session)?;
    let session_bus = Bus::start(session, "session-bus")?;
    let mut window =
        Running::start(window(session, &simulation.bus.address, &session_bus.address).args(rest))?;
    Ok(u8::try_from(window.wait()?).unwrap_or(1))
}
