// SPDX-License-Identifier: GPL-3.0-or-later
//! The system bus: whether the helper stirs, what speaks against a check, when the machine woke up.
//!
//! Nothing here starts or keeps the helper: while all is quiet, it sleeps, and so does the agent.

use crate::event::{Event, Sender};
use client::Bus;
use futures_util::StreamExt;
use std::collections::HashMap;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedVariant, connection, message};

const UPDATED: &str = "org.opensuse.tukit.Updated";
const UPDATED_PATH: &str = "/org/opensuse/tukit/Updated";
const LOGIN: &str = "org.freedesktop.login1.Manager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// A connection to the bus of the helper.
#[derive(Debug)]
pub(crate) struct System {
    /// The connection itself.
    pub(crate) connection: Connection,
}

impl System {
    /// Connects and listens.
    pub(crate) async fn connect(bus: &Bus, events: Sender) -> zbus::Result<Self> {
        let builder = match bus {
            Bus::System => connection::Builder::system(),
            Bus::Session => connection::Builder::session(),
            Bus::Address(address) => connection::Builder::address(address.as_str()),
            Bus::Peer => return Err(zbus::Error::Failure("there is no bus".into())),
        };
        let connection = builder.build().await?;
        let mut messages = MessageStream::from(&connection);
        let bus = DBusProxy::new(&connection).await?;
        for rule in rules()? {
            bus.add_match_rule(rule).await?;
        }
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                if let Some(event) = message.ok().and_then(|message| read(&message)) {
                    events.send(event);
                }
            }
            events.send(Event::SystemGone);
        });
        Ok(Self { connection })
    }

    /// Whether the helper runs already.
    pub(crate) async fn has_helper(&self) -> bool {
        let asked = async {
            let bus = DBusProxy::new(&self.connection).await?;
            bus.name_has_owner(BusName::try_from(wire::name::BUS)?)
                .await
                .map_err(zbus::Error::from)
        };
        asked.await.unwrap_or(false)
    }
}

fn rules() -> zbus::Result<Vec<MatchRule<'static>>> {
    let signals = || MatchRule::builder().msg_type(message::Type::Signal);
    let owner = signals()
        .sender("org.freedesktop.DBus")
        .member("NameOwnerChanged");
    let sleep = signals().sender("org.freedesktop.login1").interface(LOGIN);
    let mut rules = vec![
        owner.add_arg(wire::name::BUS).build()?,
        signals()
            .sender(wire::name::BUS)
            .interface(wire::name::MANAGER)
            .build()?,
        signals()
            .path(UPDATED_PATH)
            .interface(UPDATED)
            .member("Notify")
            .build()?,
        sleep.member("PrepareForSleep").build()?,
    ];
    for [service, path, interface] in client::SURROUNDINGS {
        let properties = signals().sender(service).path(path).interface(PROPERTIES);
        rules.push(
            properties
                .member("PropertiesChanged")
                .add_arg(interface)
                .build()?,
        );
    }
    Ok(rules)
}

fn read(message: &Message) -> Option<Event> {
    if message.message_type() != message::Type::Signal {
        return None;
    }
    let header = message.header();
    // What is sent to us alone passed no rule, so its sender may be anybody.
    if header.destination().is_some() {
        return None;
    }
    let (interface, member) = (header.interface()?.as_str(), header.member()?.as_str());
    let body = message.body();
    match (interface, member) {
        ("org.freedesktop.DBus", "NameOwnerChanged") => {
            let (name, _, owner): (String, String, String) = body.deserialize().ok()?;
            (name == wire::name::BUS && !owner.is_empty()).then_some(Event::HelperStirs)
        }
        (wire::name::MANAGER, _) => Some(Event::HelperStirs),
        // Anybody may send this; it only makes us look.
        (UPDATED, "Notify") => Some(Event::OutsideUpdate),
        (LOGIN, "PrepareForSleep") => {
            let (begins,): (bool,) = body.deserialize().ok()?;
            (!begins).then_some(Event::Resumed)
        }
        (PROPERTIES, "PropertiesChanged") => {
            let (_, changed, _): (String, HashMap<String, OwnedVariant>, Vec<String>) =
                body.deserialize().ok()?;
            let ours = ["State", "Connectivity", "Metered", "OnBattery", "ActiveProfile"];
            ours.iter()
                .any(|name| changed.contains_key(*name))
                .then_some(Event::SurroundingsChanged)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_something_wakes_the_agent() {
        let signal = |path: &'static str, interface: &'static str, member: &'static str| {
            Message::signal(path, interface, member)
        };
        let body = |member: &'static str, interface: &'static str, begins: bool| {
            signal("/a", interface, member)
                .build(&(begins,))
                .expect("a body of one boolean")
        };
        assert!(read(&body("PrepareForSleep", LOGIN, true)).is_none());
        assert!(matches!(
            read(&body("PrepareForSleep", LOGIN, false)),
            Some(Event::Resumed)
        ));
        let notify = signal("/a", UPDATED, "Notify")
            .build(&("success",))
            .expect("a body of one text");
        assert!(matches!(read(&notify), Some(Event::OutsideUpdate)));
        let forged = Message::signal("/a", LOGIN, "PrepareForSleep")
            .destination(":1.7")
            .build(&(false,))
            .expect("a body of one boolean");
        assert!(read(&forged).is_none(), "sent to us alone");
        let changed = |name: &str| {
            let values = HashMap::from([(name, zbus::Variant::from(1u32))]);
            let body = ("org.freedesktop.UPower", values, Vec::<String>::new());
            signal("/a", PROPERTIES, "PropertiesChanged")
                .build(&body)
                .expect("a body of properties")
        };
        assert!(read(&changed("DaemonVersion")).is_none());
        assert!(matches!(
            read(&changed("OnBattery")),
            Some(Event::SurroundingsChanged)
        ));
    }
}
