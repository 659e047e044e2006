// SPDX-License-Identifier: GPL-3.0-or-later
//! A restart that a person agreed to for later. The default is set already, so every start takes what waits; what is
//! kept here is only when to restart and that nobody has to be reminded meanwhile.

use crate::code::coded;
use crate::{Memory, State};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The hours of the day, where the person is, in which "tonight" may restart. desktop/user/kedge-night.timer fires at
/// the first; a machine that slept then and wakes up later must not restart under its person's hands.
pub const NIGHT: Range<u32> = 3..5;

coded! {
    /// When to restart, other than now.
    RestartWhen {
        /// In the coming night, if the machine is on.
        Tonight = "tonight",
        /// Whenever the machine is shut down or restarted next.
        NextShutdown = "next-shutdown",
    }
}

/// A restart that a person agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRestart {
    /// When.
    pub when: RestartWhen,
    /// The start of the system in which it was agreed.
    pub boot: String,
}

impl Memory {
    /// Notes when to restart; `None` takes that back.
    pub fn plan_restart(&mut self, when: Option<RestartWhen>, boot: &str) {
        self.restart = when.map(|when| PlannedRestart {
            when,
            boot: boot.to_owned(),
        });
    }

    /// When to restart, as long as that is still to come.
    pub fn planned_restart(&self, boot: &str) -> Option<RestartWhen> {
        self.restart
            .as_ref()
            .filter(|planned| planned.boot == boot)
            .map(|planned| planned.when)
    }

    /// Forgets a plan that has been carried out or has lost its reason.
    pub(crate) fn observe_plan(&mut self, state: &State, boot: &str) {
        self.restart
            .take_if(|planned| planned.boot != boot || state.pending().is_none());
    }
}

/// Whether the night may restart this system now, or why it has to be left alone.
pub fn may_restart_at_night(state: &State, hour: u32) -> bool {
    NIGHT.contains(&hour) && state.pending().is_some() && state.working().is_none()
}

#[cfg(test)]
mod tests;
