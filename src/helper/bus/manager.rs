// SPDX-License-Identifier: GPL-3.0-or-later
use crate::idle::Hold;
use crate::service::Service;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use wire::{Error, Job};
use zbus::fdo::DBusProxy;
use zbus::message::Header;
use zbus::names::BusName;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, ObjectPath, interface};

/// More subscribers are served but not counted: they cannot keep the helper running.
const SUBSCRIBERS: usize = 256;

/// The helper itself.
#[derive(Debug)]
pub(crate) struct Manager(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.Manager", introspection_docs = false)]
impl Manager {
    #[zbus(out_args("jobs"))]
    async fn list_jobs(&self) -> Vec<Job> {
        self.0.state().jobs.values().map(Into::into).collect()
    }

    async fn subscribe(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        let Some(sender) = header.sender() else {
            // Without a bus the other end is there as long as the connection is.
            std::mem::forget(self.0.idle.hold());
            return Ok(());
        };
        let name = sender.to_string();
        {
            let mut subscribers = self.0.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            if subscribers.len() >= SUBSCRIBERS || !subscribers.insert(name.clone()) {
                return Ok(());
            }
        }
        let (service, connection) = (Arc::clone(&self.0), connection.clone());
        let hold = service.idle.hold();
        tokio::spawn(async move {
            if let Err(error) = until_gone(&connection, &name, &hold).await {
                tracing::warn!(%error, "a subscriber cannot be watched");
            }
            let mut subscribers = service.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            subscribers.remove(&name);
        });
        Ok(())
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    #[zbus(property)]
    async fn capabilities(&self) -> HashMap<String, String> {
        wire::capabilities_to_wire(&self.0.state().capabilities)
    }

    #[zbus(property)]
    async fn booted(&self) -> u32 {
        wire::snapshot_number(self.0.state().booted)
    }

    #[zbus(property)]
    async fn default(&self) -> u32 {
        wire::snapshot_number(self.0.state().default)
    }

    #[zbus(property)]
    async fn once(&self) -> u32 {
        wire::snapshot_number(self.0.state().once)
    }

    #[zbus(property)]
    async fn receipt(&self) -> wire::Receipt {
        self.0.state().receipt.into()
    }

    #[zbus(signal)]
    pub(crate) async fn job_new(
        emitter: &SignalEmitter<'_>,
        id: u32,
        path: ObjectPath<'_>,
        job: Job,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(crate) async fn job_ended(
        emitter: &SignalEmitter<'_>,
        id: u32,
        path: ObjectPath<'_>,
        ending: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(crate) async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        path: ObjectPath<'_>,
    ) -> zbus::Result<()>;
}

/// Returns when a name has left the bus. The hold is the caller's.
pub(super) async fn until_gone(connection: &Connection, name: &str, _: &Hold) -> zbus::Result<()> {
    let bus = DBusProxy::new(connection).await?;
    let mut changes = bus.receive_name_owner_changed_with_args(&[(0, name)]).await?;
    // It may have left before the bus was asked to tell.
    if !bus.name_has_owner(BusName::try_from(name)?).await? {
        return Ok(());
    }
    while let Some(change) = changes.next().await {
        if change.args()?.new_owner().is_none() {
            break;
        }
    }
    Ok(())
}
