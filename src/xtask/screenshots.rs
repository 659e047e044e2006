// SPDX-License-Identifier: GPL-3.0-or-later
//! Pictures of every page on the simulated machine, light and dark, wide and narrow, from right to left, with large
//! letters: for the README, the description and for looking at.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::desktop::{Look, pictures};
use crate::enter::Session;
use crate::run::Simulation;

/// Takes them into target/screenshots.
pub(crate) fn run(session: &Session) -> Result<u8> {
    let simulation = Simulation::start(session)?;
    // With something to install the pages have more to show.
    session.build(&["cli"])?;
    // A past, so that the history has something to show, and updates to come.
    for verb in [
        &["create", "-d", "before the printer"][..],
        &["rollback", "34"],
        &["discard"],
        &["check"],
    ] {
        let ended = Command::new(session.program("kedgectl"))
            .args(["--bus", &simulation.bus.address])
            .args(verb)
            .stdout(Stdio::null())
            .status()
            .context("start kedgectl")?;
        ensure!(
            matches!(ended.code(), Some(0 | 100)),
            "kedgectl {} ended with {ended}",
            verb.join(" ")
        );
    }
    let directory = session.results("screenshots")?;
    for look in Look::all() {
        for file in pictures(session, &simulation.bus.address, &directory, look)? {
            println!("{}", file.display());
        }
    }
    Ok(0)
}
