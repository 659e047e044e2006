// SPDX-License-Identifier: GPL-3.0-or-later
//! The session bus: what of it wakes the agent.

use crate::event::{Event, Sender};
use crate::{icon, job_view, settings};
use futures_util::StreamExt;
use zbus::{Connection, MatchRule, Message, MessageStream, fdo::DBusProxy, message};

/// What KConfig sends when a program writes settings for others to read.
const CONFIGURATION: &str = "org.kde.kconfig.notify";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// Listens until the session is over.
pub(crate) async fn listen(session: &Connection, events: Sender) -> zbus::Result<()> {
    let mut messages = MessageStream::from(session);
    let bus = DBusProxy::new(session).await?;
    for rule in rules()? {
        bus.add_match_rule(rule).await?;
    }
    tokio::spawn(async move {
        while let Some(message) = messages.next().await {
            if let Some(event) = message.ok().and_then(|message| read(&message)) {
                events.send(event);
            }
        }
        events.send(Event::Stop);
    });
    Ok(())
}

fn rules() -> zbus::Result<[MatchRule<'static>; 7]> {
    let signals = || MatchRule::builder().msg_type(message::Type::Signal);
    let notification = |member| signals().interface(NOTIFICATIONS).member(member).build();
    let owner = |name| {
        let bus = signals()
            .sender("org.freedesktop.DBus")
            .member("NameOwnerChanged");
        bus.add_arg(name).build()
    };
    Ok([
        notification("ActionInvoked")?,
        notification("NotificationClosed")?,
        notification("ActivationToken")?,
        signals()
            .interface(job_view::VIEW)
            .member("cancelRequested")
            .build()?,
        signals()
            .interface(CONFIGURATION)
            .path(settings::OWN_PATH)
            .member("ConfigChanged")
            .build()?,
        owner(icon::WATCHER)?,
        owner(job_view::SERVER)?,
    ])
}

fn read(message: &Message) -> Option<Event> {
    if message.message_type() != message::Type::Signal {
        return None;
    }
    let header = message.header();
    let (interface, member) = (header.interface()?.as_str(), header.member()?.as_str());
    let body = message.body();
    match (interface, member) {
        (NOTIFICATIONS, "ActionInvoked") => {
            let (id, key): (u32, String) = body.deserialize().ok()?;
            Some(Event::Pressed { id, key })
        }
        (NOTIFICATIONS, "NotificationClosed") => {
            let (id, reason): (u32, u32) = body.deserialize().ok()?;
            Some(Event::Closed(id, reason == 2))
        }
        (NOTIFICATIONS, "ActivationToken") => {
            let (id, token): (u32, String) = body.deserialize().ok()?;
            Some(Event::Token(id, token))
        }
        (CONFIGURATION, "ConfigChanged") => Some(Event::SettingsChanged),
        (job_view::VIEW, member) => job_view::event(member, header.path()?.as_str()),
        ("org.freedesktop.DBus", "NameOwnerChanged") => {
            let (name, _, owner): (String, String, String) = body.deserialize().ok()?;
            match name.as_str() {
                _ if owner.is_empty() => None,
                icon::WATCHER => Some(Event::TrayAppeared),
                job_view::SERVER => Some(Event::JobViewsAppeared),
                _ => None,
            }
        }
        _ => None,
    }
}
