// SPDX-License-Identifier: GPL-3.0-or-later
//! org.kedge.Kedge.Agent on the session bus: what the window shows of the agent and asks it for. Everybody in the session
//! may, as everything here is reminders and the wish to restart, and the restart itself is asked of Plasma.

use crate::event::{Event, Sender};
use crate::tray::Command;
use model::{RestartWhen, Wait};
use zbus::{Connection, fdo, interface};

/// Where it is.
pub(crate) const PATH: &str = "/org/kedge/Kedge/Agent";

/// What it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// When a restart was agreed to.
    pub(crate) planned: Option<RestartWhen>,
    /// Whether there is somebody who can tell us at night.
    pub(crate) nights: bool,
    /// Why a check or an update that is due is not made.
    pub(crate) wait: Option<Wait>,
}

/// The object.
#[derive(Debug)]
pub(crate) struct Service {
    events: Sender,
    said: Said,
}

impl Service {
    pub(crate) fn new(events: Sender) -> Self {
        Self {
            events,
            said: Said::default(),
        }
    }
}

/// Says this from now on.
pub(crate) async fn say(session: &Connection, said: Said) -> zbus::Result<()> {
    let object = session.object_server().interface::<_, Service>(PATH).await?;
    let mut service = object.get_mut().await;
    let old = std::mem::replace(&mut service.said, said);
    if old.planned != said.planned {
        service.planned_restart_changed(object.signal_emitter()).await?;
    }
    if old.nights != said.nights {
        service.restart_times_changed(object.signal_emitter()).await?;
    }
    if old.wait != said.wait {
        service.waits_for_changed(object.signal_emitter()).await?;
    }
    Ok(())
}

#[interface(name = "org.kedge.Kedge.Agent")]
impl Service {
    /// When a restart was agreed to: `tonight`, `next-shutdown`, or nothing.
    #[zbus(property)]
    fn planned_restart(&self) -> &str {
        self.said.planned.map_or("", RestartWhen::as_str)
    }

    /// What `PlanRestart` can be asked for here.
    #[zbus(property)]
    fn restart_times(&self) -> Vec<&str> {
        let times = RestartWhen::ALL.iter().copied();
        let possible = times.filter(|when| self.said.nights || *when != RestartWhen::Tonight);
        possible.map(RestartWhen::as_str).collect()
    }

    /// Why what is due by itself, a check or an update, is not made: `offline`, `metered`, `on-battery`, `saves-power`, or
    /// nothing.
    #[zbus(property)]
    fn waits_for(&self) -> &str {
        self.said.wait.map_or("", Wait::as_str)
    }

    /// Agrees to a restart (`tonight`, `next-shutdown`), or takes that back (nothing).
    fn plan_restart(&self, when: &str) -> fdo::Result<()> {
        let command = match (RestartWhen::from_code(when), self.said.planned) {
            (Some(when), _) => Command::PlanRestart(when),
            (None, Some(planned)) if when.is_empty() => Command::KeepRunning(planned),
            (None, None) if when.is_empty() => return Ok(()),
            _ => {
                return Err(fdo::Error::InvalidArgs(
                    "when is neither of the known times".into(),
                ));
            }
        };
        self.events.send(Event::Command(command, None));
        Ok(())
    }

    /// Told by kedge-night.timer. Does nothing unless a person chose the night, and it is night.
    fn night_has_come(&self) {
        self.events.send(Event::NightHasCome);
    }
}
