// SPDX-License-Identifier: GPL-3.0-or-later
//! Pictures of every page on the simulated machine, light and dark, wide and narrow, from right to left, with large
//! letters: for the README, the description and for looking at.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::enter::Session;
use crate::pictures::{Look, Scene, pictures};
use crate::run::Simulation;

/// A file that the simulated updates changed.
const FILE: &str = "/usr/share/doc/packages/curl/NEWS";

/// Takes them into target/screenshots: those of every look, or of the looks with these names.
pub(crate) fn run(session: &Session, wanted: &[String]) -> Result<u8> {
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
    let scene = Scene {
        system_bus: &simulation.bus.address,
        file: FILE,
        above: 3,
    };
    for look in Look::all() {
        if !wanted.is_empty() && !wanted.contains(&look.name()) {
            continue;
        }
        for file in pictures(session, scene, &directory, look)? {
            println!("{}", file.display());
        }
    }
    Ok(0)
}
