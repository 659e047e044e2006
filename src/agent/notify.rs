// SPDX-License-Identifier: GPL-3.0-or-later
//! org.freedesktop.Notifications: one notification of each kind at most, replaced instead of stacked.

use crate::notice::{Notification, event};
use crate::settings;
use crate::tray::Command;
use crate::words;
use model::Notice;
use std::collections::{BTreeMap, HashMap};
use zbus::{Connection, Variant, proxy};

/// The program's id, under which System Settings lists it.
pub(crate) const ID: &str = "org.kedge.Kedge";
const DEFAULT: &str = "default";

#[proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications"
)]
trait Notifications {
    #[expect(clippy::too_many_arguments, reason = "the interface of the specification")]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: &HashMap<&str, Variant<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;

    fn close_notification(&self, id: u32) -> zbus::Result<()>;
}

#[derive(Debug)]
struct Shown {
    id: u32,
    click: Command,
    buttons: Vec<Command>,
}

/// The notifications that are on the screen.
#[derive(Debug)]
pub(crate) struct Notifier {
    session: Connection,
    shown: BTreeMap<Notice, Shown>,
    tokens: BTreeMap<u32, String>,
}

impl Notifier {
    pub(crate) fn new(session: Connection) -> Self {
        Self {
            session,
            shown: BTreeMap::new(),
            tokens: BTreeMap::new(),
        }
    }

    async fn server(&self) -> zbus::Result<NotificationsProxy<'static>> {
        NotificationsProxy::builder(&self.session)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
    }

    /// Sends it in place of the last one of its kind, unless this event is muted.
    pub(crate) async fn send(&mut self, notification: &Notification) -> zbus::Result<()> {
        let event = event(notification.notice);
        if settings::is_muted(event) {
            tracing::debug!(event, "muted in the settings");
            return Ok(());
        }
        let replaces = self.shown.get(&notification.notice).map_or(0, |shown| shown.id);
        let labels: Vec<String> = notification
            .buttons
            .iter()
            .map(|it| words::command(*it))
            .collect();
        let keys: Vec<String> = (0..labels.len()).map(|at| at.to_string()).collect();
        // A click beside the buttons has an entry of its own, which is no button.
        let click = words::command(notification.click);
        let mut actions = vec![DEFAULT, click.as_str()];
        actions.extend(
            keys.iter()
                .zip(&labels)
                .flat_map(|(key, label)| [key.as_str(), label.as_str()]),
        );
        let hints = HashMap::from([
            ("desktop-entry", Variant::from(ID)),
            ("x-kde-appname", Variant::from(ID)),
            ("x-kde-eventId", Variant::from(event)),
            ("urgency", Variant::from(notification.urgency)),
            ("category", Variant::from("device")),
        ]);
        let id = self
            .server()
            .await?
            .notify(
                &words::name(),
                replaces,
                notification.icon,
                &notification.title,
                &notification.text,
                &actions,
                &hints,
                if notification.stays { 0 } else { -1 },
            )
            .await?;
        let shown = Shown {
            id,
            click: notification.click,
            buttons: notification.buttons.clone(),
        };
        self.shown.insert(notification.notice, shown);
        Ok(())
    }

    /// Takes a notification away that is no longer so.
    pub(crate) async fn withdraw(&mut self, notice: Notice) {
        let Some(shown) = self.shown.remove(&notice) else {
            return;
        };
        let closed = async { self.server().await?.close_notification(shown.id).await };
        if let Err(error) = closed.await {
            tracing::debug!(%error, %notice, "the notification was gone already");
        }
    }

    /// The kinds that are on the screen.
    pub(crate) fn shown(&self) -> Vec<Notice> {
        self.shown.keys().copied().collect()
    }

    /// Keeps the right to come to the front until the button's press arrives.
    pub(crate) fn keep_token(&mut self, id: u32, token: String) {
        if self.shown.values().any(|shown| shown.id == id) {
            self.tokens.insert(id, token);
        }
    }

    /// What a press means, and the right that came with it.
    pub(crate) fn pressed(&mut self, id: u32, key: &str) -> Option<(Notice, Command, Option<String>)> {
        let (notice, shown) = self.shown.iter().find(|(_, shown)| shown.id == id)?;
        let command = match key {
            DEFAULT => shown.click,
            key => *shown.buttons.get(key.parse::<usize>().ok()?)?,
        };
        Some((*notice, command, self.tokens.remove(&id)))
    }

    /// Notes that one is gone and says which.
    pub(crate) fn closed(&mut self, id: u32) -> Option<Notice> {
        let notice = self
            .shown
            .iter()
            .find(|(_, shown)| shown.id == id)
            .map(|(notice, _)| *notice)?;
        self.shown.remove(&notice);
        self.tokens.remove(&id);
        Some(notice)
    }
}
