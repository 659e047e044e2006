// SPDX-License-Identifier: GPL-3.0-or-later
//! What the system does by itself, started by a timer: the steps that the policy allows, one after the other, and for
//! the one that it does not do, why. Nothing here restarts the machine.

use crate::exit::{Exit, Stop, conclude, of_outcome, print, say};
use crate::text::{counted, date};
use crate::{Session, job, show, words};
use model::{AutomaticStep, JobKind, State, Wait, automatic_step};
use std::sync::Arc;

impl Session {
    /// Checks and installs as far as the policy goes.
    pub(crate) async fn automatic(&self, plan: bool) -> Result<Exit, Stop> {
        let mut state = Arc::clone(&self.state);
        let mut checked = false;
        let mut moment = self.now;
        loop {
            let around = self.client.surroundings().await;
            let step = automatic_step(&state, around, moment);
            print(&format!("{}\n", sentence(&step, &state)));
            if plan {
                return Ok(Exit::Done);
            }
            match step {
                AutomaticStep::Check if !checked => {
                    checked = true;
                    let outcome =
                        job::run(&self.client, self.views.clone(), false, self.client.check()).await?;
                    if of_outcome(&outcome) != Exit::Done {
                        return Ok(conclude(JobKind::Check, &outcome));
                    }
                    state = self.client.view().state;
                    // By the helper's clock: what was looked for just now need not be looked for again.
                    moment = state.updates.attempted.unwrap_or(moment);
                }
                AutomaticStep::Download => {
                    return self.job(JobKind::Download, false, self.client.download()).await;
                }
                AutomaticStep::Install => {
                    say(&show::update_set(&state.updates.set));
                    return self.job(JobKind::Update, false, self.client.update()).await;
                }
                AutomaticStep::Refused(refusal) => return Err(client::Error::Refused(refusal).into()),
                _ => return Ok(Exit::Done),
            }
        }
    }
}

/// What is done next, or why nothing is.
fn sentence(step: &AutomaticStep, state: &State) -> String {
    match step {
        AutomaticStep::Off => "Nothing is done automatically, as decided (kedgectl settings).".into(),
        AutomaticStep::Refused(refusal) => format!("Not now: {}", words::refusal(refusal)),
        AutomaticStep::OtherVersionWaits(id) => {
            format!("Nothing is installed: snapshot {id} was chosen for the next restart.")
        }
        AutomaticStep::Wait(wait) => waits(*wait).into(),
        AutomaticStep::NotBefore(moment) => {
            let now = match state.updates.set.is_empty() {
                true => "Everything is up to date.",
                false => "The updates are downloaded, to be installed by somebody.",
            };
            format!("{now} The next check is due at {}.", date(*moment))
        }
        AutomaticStep::Check => "Looking for updates.".into(),
        AutomaticStep::Download => format!(
            "Downloading {}, to be installed by somebody.",
            counted(state.updates.set.packages.len() as u64, "update")
        ),
        AutomaticStep::Install => format!(
            "Installing {} into a new snapshot, which starts with the next restart.",
            counted(state.updates.set.packages.len() as u64, "update")
        ),
    }
}

fn waits(wait: Wait) -> &'static str {
    match wait {
        Wait::Offline => "Waiting for a network.",
        Wait::Metered => "Waiting for a network that is not paid by volume.",
        Wait::OnBattery => "Waiting until the machine no longer runs from its battery.",
        Wait::SavesPower => "Waiting until saving power is over.",
    }
}
