// SPDX-License-Identifier: GPL-3.0-or-later
//! Pictures of every page on the simulated machine, for the README, the description and for looking at.

use anyhow::Result;

use crate::desktop::{DARK, LIGHT, NARROW, pictures};
use crate::enter::Session;
use crate::run::Simulation;

/// Takes them into target/screenshots.
pub(crate) fn run(session: &Session) -> Result<u8> {
    let simulation = Simulation::start(session)?;
    let directory = session.results("screenshots")?;
    for look in [LIGHT, DARK, NARROW] {
        for file in pictures(session, &simulation.bus.address, &directory, look)? {
            println!("{}", file.display());
        }
    }
    Ok(0)
}
