// SPDX-License-Identifier: GPL-3.0-or-later
//! What the system does about updates by itself, as its administrator decided. Pure: whoever is woken by a timer asks
//! for the next step until there is none. No step ever restarts the machine.

use crate::{Automation, CheckTime, Refusal, SnapshotId, State, Surroundings, Timestamp, Wait, check_time};

/// The next step, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutomaticStep {
    /// Nobody asked the system to do anything by itself.
    Off,
    /// A rule does not allow it now.
    Refused(Refusal),
    /// A person chose this other version for the next restart: nothing is installed over a choice.
    OtherVersionWaits(SnapshotId),
    /// It is allowed again as soon as this has changed.
    Wait(Wait),
    /// Nothing is to be done before this moment.
    NotBefore(Timestamp),
    /// Look for updates.
    Check,
    /// Fetch what was found.
    Download,
    /// Install what was found.
    Install,
}

/// What to do about updates now.
pub fn automatic_step(state: &State, around: Surroundings, now: Timestamp) -> AutomaticStep {
    let policy = &state.policy;
    if policy.automation == Automation::Notify {
        return AutomaticStep::Off;
    }
    if let Err(refusal) = state.may_update() {
        return AutomaticStep::Refused(refusal);
    }
    if let Some(id) = state.pending().filter(|_| state.pending_updates().is_empty()) {
        return AutomaticStep::OtherVersionWaits(id);
    }
    let due = check_time(&state.updates, policy, None, around, now);
    let set = &state.updates.set;
    let (next, nothing_to_do) = match policy.automation {
        Automation::Download => (AutomaticStep::Download, set.download_size == 0),
        _ => (AutomaticStep::Install, set.is_empty()),
    };
    match (due, around.wait(policy)) {
        (CheckTime::Never, _) => AutomaticStep::Off,
        (CheckTime::At(moment), _) if nothing_to_do => AutomaticStep::NotBefore(moment),
        (_, Some(wait)) => AutomaticStep::Wait(wait),
        (CheckTime::At(_), None) => next,
        (CheckTime::Now | CheckTime::After(_), None) => AutomaticStep::Check,
    }
}

#[cfg(test)]
mod tests;
