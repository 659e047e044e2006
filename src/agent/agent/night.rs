// SPDX-License-Identifier: GPL-3.0-or-later
//! Restarting: now, after Plasma's question; in the night or with the next shutdown, as a person agreed. Never by itself.

use super::Agent;
use super::wake::Wake;
use crate::notice::{self, Notification};
use crate::restart;
use crate::tray::{Command, Page};
use crate::words;
use chrono::{Local, Timelike};
use client::Bus;
use model::{NIGHT, Notice, RestartWhen, State, may_restart_at_night};
use std::time::Duration;
use tokio::time::Instant;

/// How soon to look again in a night in which the system is busy.
const BUSY: Duration = Duration::from_secs(10 * 60);

impl Agent {
    /// Plasma asks; where it does not, a notification does.
    pub(super) async fn restart(&mut self) {
        if self.bus != Bus::System {
            tracing::info!("the shown system is not this machine, which therefore does not restart");
            return;
        }
        let Err(error) = restart::prompt(&self.session).await else {
            return;
        };
        tracing::debug!(%error, "nobody else asks whether to restart");
        let (title, text) = words::restart_question();
        self.say(Notification {
            stays: true,
            buttons: vec![Command::RestartNow, Command::Later(Notice::RestartReady)],
            ..notification(title, text)
        })
        .await;
    }

    pub(super) async fn restart_now(&mut self, asked: bool) {
        let Some(system) = self.system.as_ref().filter(|_| self.bus == Bus::System) else {
            return;
        };
        if let Err(error) = restart::now(&system.connection, asked).await {
            tracing::warn!(%error, "the restart was refused");
        }
    }

    /// A person agrees to a restart.
    pub(super) async fn plan_restart(&mut self, when: RestartWhen) {
        if self.state.as_ref().is_none_or(|state| state.pending().is_none()) {
            tracing::info!("nothing waits for a restart");
            return;
        }
        if when == RestartWhen::Tonight
            && let Err(error) = restart::wake_at_night(&self.session, true).await
        {
            tracing::warn!(%error, "nobody would tell us at night");
            self.nights = false;
            return;
        }
        self.memory.plan_restart(Some(when), &self.boot);
        self.memory.acknowledge(Notice::RestartReady);
        self.notifier.withdraw(Notice::RestartReady).await;
    }

    /// A person takes that back.
    pub(super) async fn keep_running(&mut self, when: RestartWhen) {
        self.memory.plan_restart(None, &self.boot);
        if when == RestartWhen::Tonight
            && let Err(error) = restart::wake_at_night(&self.session, false).await
        {
            tracing::warn!(%error, "the timer goes on, but means nothing any longer");
        }
    }

    /// The timer ends with the session; what a person agreed to in an earlier session of the same evening holds.
    pub(super) async fn keep_planned_night(&mut self) {
        let (possible, set) = restart::night(&self.session).await;
        self.nights = possible;
        if self.memory.planned_restart(&self.boot) == Some(RestartWhen::Tonight)
            && !set
            && let Err(error) = restart::wake_at_night(&self.session, true).await
        {
            tracing::warn!(%error, "nobody would tell us at night");
            self.memory.plan_restart(None, &self.boot);
        }
    }

    /// The timer fired. Its machine may have slept, and its reason may be gone.
    pub(super) async fn night_has_come(&mut self) {
        if let Err(error) = restart::wake_at_night(&self.session, false).await {
            tracing::debug!(%error, "the timer cannot be stopped");
        }
        if self.memory.planned_restart(&self.boot) == Some(RestartWhen::Tonight) {
            self.night = true;
            // What is known may be hours old.
            self.link.client();
        }
    }

    /// Restarts in the night, when the system that was looked at just now allows it.
    pub(super) async fn pass_night(&mut self, state: &State, wake: &mut Wake) {
        if !self.night {
            return;
        }
        wake.at(Some(Instant::now() + BUSY));
        let hour = Local::now().hour();
        let fresh = self.link.is_fresh();
        if NIGHT.contains(&hour) && !(fresh && may_restart_at_night(state, hour)) {
            // Busy, or nobody answers yet. A plan without a reason has been forgotten meanwhile.
            self.night = self.memory.planned_restart(&self.boot).is_some();
            return;
        }
        self.night = false;
        self.memory.plan_restart(None, &self.boot);
        if !may_restart_at_night(state, hour) {
            let (title, text) = words::not_restarted();
            self.say(notification(title, text)).await;
            return;
        }
        tracing::info!("restarting, as agreed");
        if self.bus == Bus::System && restart::prompt(&self.session).await.is_err() {
            self.restart_now(false).await;
        }
    }
}

/// A notification about the restart, in place of the usual one.
fn notification(title: String, text: String) -> Notification {
    Notification {
        notice: Notice::RestartReady,
        icon: "system-reboot-update",
        urgency: 1,
        stays: false,
        title,
        text,
        click: Command::Open(Page::Status),
        buttons: notice::restart_choices(),
    }
}
