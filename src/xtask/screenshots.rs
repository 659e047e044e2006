// SPDX-License-Identifier: GPL-3.0-or-later
//! Pictures of every page on the simulated machine, for the README, the description and for looking at.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::desktop::{DARK, LIGHT, NARROW, pictures, program};
use crate::enter::Session;
use crate::process::run as must_run;
use crate::run::Simulation;

/// Takes them into target/screenshots.
pub(crate) fn run(session: &Session) -> Result<u8> {
    let simulation = Simulation::start(session)?;
    // With something to install the pages have more to show.
    must_run(session.cargo().args(["build", "--quiet", "--package", "cli"]))?;
    let checked = Command::new(program(session, "kedgectl"))
        .args(["--bus", &simulation.bus.address, "check"])
        .status()
        .context("start kedgectl")?;
    ensure!(
        matches!(checked.code(), Some(0 | 100)),
        "kedgectl check ended with {checked}"
    );
    let directory = session.results("screenshots")?;
    for look in [LIGHT, DARK, NARROW] {
        for file in pictures(session, &simulation.bus.address, &directory, look)? {
            println!("{}", file.display());
        }
    }
    Ok(0)
}
