// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::service::Service;
use model::Policy;
use std::sync::Arc;
use wire::Error;
use zbus::message::Header;
use zbus::{Connection, interface};

/// What is decided for the system.
#[derive(Debug)]
pub(crate) struct Settings(pub(crate) Arc<Service>);

impl Settings {
    fn policy(&self) -> Policy {
        self.0.state().policy
    }
}

#[interface(name = "org.kedge.Kedge1.Settings", introspection_docs = false)]
impl Settings {
    async fn change(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        changes: Options,
        options: Options,
    ) -> Result<(), Error> {
        let change = wire::policy_change_from_wire(changes)?;
        wire::no_options(&options)?;
        self.0.configure((&header, connection), &change).await
    }

    #[zbus(property)]
    async fn automation(&self) -> &'static str {
        self.policy().automation.as_str()
    }

    #[zbus(property)]
    async fn cadence(&self) -> &'static str {
        self.policy().cadence.as_str()
    }

    #[zbus(property)]
    async fn on_battery(&self) -> bool {
        self.policy().on_battery
    }

    #[zbus(property)]
    async fn on_metered(&self) -> bool {
        self.policy().on_metered
    }

    #[zbus(property)]
    async fn clean_up(&self) -> bool {
        self.policy().clean_up
    }

    #[zbus(property)]
    async fn keep_updates(&self) -> u32 {
        self.policy().keep_updates
    }

    #[zbus(property)]
    async fn space_percent(&self) -> u32 {
        self.policy().space_percent
    }
}
