// SPDX-License-Identifier: GPL-3.0-or-later
//! Who may do what.

use futures_util::future::BoxFuture;
use std::collections::HashMap;
use wire::Error;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::message::{Flags, Header};
use zbus::names::BusName;
use zbus_polkit::policykit1::{AuthorityProxy, CheckAuthorizationFlags, Subject};

/// Whoever sent a message.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The message's header: the bus vouches for its sender.
    pub header: &'a Header<'a>,
    /// The connection it came over.
    pub connection: &'a Connection,
    /// The sender's user.
    pub uid: u32,
}

impl<'a> Caller<'a> {
    /// The caller of a message, with the user that the bus knows it by.
    pub(crate) async fn of(header: &'a Header<'a>, connection: &'a Connection) -> Result<Self, Error> {
        let uid = match header.sender() {
            Some(sender) => {
                let bus = DBusProxy::new(connection).await.map_err(unknown)?;
                let name = BusName::from(sender.to_owned());
                bus.get_connection_unix_user(name).await.map_err(unknown)?
            }
            // Without a bus there is only the other end.
            None => connection
                .peer_creds()
                .await
                .map_err(unknown)?
                .unix_user_id()
                .ok_or_else(|| unknown("the connection has no user"))?,
        };
        Ok(Self {
            header,
            connection,
            uid,
        })
    }

    /// Whether the caller allows that a person is asked.
    pub fn is_interactive(&self) -> bool {
        self.header
            .primary()
            .flags()
            .contains(Flags::ALLOW_INTERACTIVE_AUTH)
    }
}

fn unknown(error: impl std::fmt::Display) -> Error {
    tracing::warn!(%error, "the caller's user cannot be told");
    Error::NotAuthorized(String::new())
}

/// Decides whether a caller may do something.
pub trait Authority: Send + Sync + std::fmt::Debug {
    /// [`Error::NotAuthorized`] when the caller may not.
    fn check<'a>(&'a self, caller: Caller<'a>, action: &'static str) -> BoxFuture<'a, Result<(), Error>>;
}

/// polkit, asked about the message's sender and never about a process number.
#[derive(Debug)]
pub struct Polkit;

impl Polkit {
    async fn ask(caller: Caller<'_>, action: &'static str) -> zbus::Result<bool> {
        let polkit = AuthorityProxy::builder(caller.connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        let subject = Subject::new_for_message_header(caller.header)
            .map_err(|error| zbus::Error::Failure(error.to_string()))?;
        let flags = if caller.is_interactive() {
            CheckAuthorizationFlags::ALLOW_USER_INTERACTION
        } else {
            CheckAuthorizationFlags::empty()
        };
        let details = HashMap::new();
        let answer = polkit
            .check_authorization(&subject, action, &details, flags, "")
            .await?;
        Ok(answer.is_authorized)
    }
}

impl Authority for Polkit {
    fn check<'a>(&'a self, caller: Caller<'a>, action: &'static str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            match Self::ask(caller, action).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Error::NotAuthorized(action.to_owned())),
                Err(error) => {
                    tracing::error!(%error, action, "polkit does not answer");
                    Err(Error::NotAuthorized(action.to_owned()))
                }
            }
        })
    }
}

/// Lets everybody do everything: for a simulated machine, which is never on the system bus.
#[derive(Debug)]
pub struct Everyone;

impl Authority for Everyone {
    fn check<'a>(&'a self, _: Caller<'a>, _: &'static str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
