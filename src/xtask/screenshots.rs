// SPDX-License-Identifier: GPL-3.0-or-later
//! Pictures of every page on the simulated machine, for the README, the description and for looking at.

use anyhow::Result;

use crate::desktop::pictures;
use crate::enter::Session;
use crate::run::Simulation;

/// Takes them into target/screenshots.
pub(crate) fn run(session: &Session) -> Result<u8> {
    let simulation = Simulation::start(session)?;
    let directory = session.results("screenshots")?;
    for file in pictures(session, &simulation.bus.address, &directory)? {
        println!("{}", file.display());
    }
    Ok(0)
}
