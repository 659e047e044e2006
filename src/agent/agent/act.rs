// SPDX-License-Identifier: GPL-3.0-or-later
//! What a person asks the agent for, by the icon, its menu or a notification's button.

use super::{Agent, end_of_day, now};
use crate::event::Event;
use crate::notice::Notification;
use crate::tray::{Command, Page, PauseFor};
use crate::{window, words};
use model::{Notice, Pause, Timestamp};

impl Agent {
    /// Does what a person asked for.
    pub(super) async fn obey(&mut self, command: Command, token: Option<String>) {
        tracing::debug!(?command, "asked for");
        match command {
            Command::Open(page) => self.open(page, token).await,
            Command::Update | Command::Keep(_) | Command::Check | Command::Cancel(_) => self.call(command),
            Command::Restart => self.restart().await,
            Command::RestartNow => self.restart_now(true).await,
            Command::PlanRestart(when) => self.plan_restart(when).await,
            Command::KeepRunning(when) => self.keep_running(when).await,
            Command::Pause(length) => {
                self.memory.pause = match length {
                    PauseFor::Hour => Pause::Until {
                        end: Timestamp(now().0 + 60 * 60 * 1_000_000),
                    },
                    PauseFor::Today => Pause::Until { end: end_of_day() },
                    PauseFor::UntilNextStart => Pause::UntilNextStart {
                        boot: self.boot.clone(),
                    },
                };
                for notice in self
                    .notifier
                    .shown()
                    .into_iter()
                    .filter(|notice| notice.is_reminder())
                {
                    self.notifier.withdraw(notice).await;
                }
            }
            Command::Resume => self.memory.pause = Pause::None,
            Command::Later(notice) => self.memory.acknowledge(notice),
        }
    }

    async fn open(&mut self, page: Page, token: Option<String>) {
        match window::open(&self.session, page, token.as_deref()).await {
            // Who looks at the window has seen all of it.
            Ok(()) => Notice::ALL
                .iter()
                .for_each(|notice| self.memory.acknowledge(*notice)),
            Err(error) => tracing::warn!(%error, "the window cannot be opened"),
        }
    }

    /// Calls the helper without waiting here: polkit may ask for a password meanwhile.
    pub(super) fn call(&mut self, command: Command) {
        let client = self.link.client();
        let events = self.events.clone();
        if command == Command::Update {
            self.memory.acknowledge(Notice::SecurityUpdates);
            self.memory.acknowledge(Notice::UpdatesAvailable);
        }
        if let Command::Keep(_) = command {
            self.memory.acknowledge(Notice::Trying);
        }
        tokio::spawn(async move {
            let result = match command {
                Command::Update => client.update().await.map(drop),
                Command::Keep(snapshot) => client.roll_back(snapshot).await.map(drop),
                Command::Check => client.check().await.map(drop),
                Command::Cancel(job) => client.cancel(job).await,
                _ => Ok(()),
            };
            events.send(Event::Called(command, result));
        });
    }

    /// Tells a person that what was asked for did not even begin. What began and failed is a notice of its own.
    pub(super) async fn called(&mut self, command: Command, result: Result<(), client::Error>) {
        let Err(error) = result else { return };
        tracing::warn!(%error, ?command, "the helper did not begin");
        let silent = matches!(
            error,
            client::Error::NotAuthorized { .. } | client::Error::Cancelled
        );
        if silent || !matches!(command, Command::Update | Command::Keep(_)) {
            return;
        }
        self.say(Notification {
            notice: Notice::Failed,
            icon: "dialog-error",
            urgency: 1,
            stays: false,
            title: words::not_started(command),
            text: error.to_string(),
            click: Command::Open(Page::Status),
            buttons: vec![Command::Open(Page::Status)],
        })
        .await;
    }

    pub(super) async fn say(&mut self, notification: Notification) {
        if let Err(error) = self.notifier.send(&notification).await {
            tracing::warn!(%error, "there is nobody to show notifications");
        }
    }
}
