// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::authority::Caller;
use crate::error::from_engine;
use crate::service::Service;
use engine::Outcome;
use std::sync::Arc;
use wire::name::action;
use wire::{Error, Platform as Described};
use zbus::message::Header;
use zbus::{Connection, interface};

/// What the machine has beside Kedge.
#[derive(Debug)]
pub(crate) struct Platform(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.Platform", introspection_docs = false)]
impl Platform {
    #[zbus(out_args("platform"))]
    async fn describe(&self) -> Result<(Described,), Error> {
        let _hold = self.0.idle.hold();
        let _one = self.0.reader().await?;
        let platform = self.0.blocking(|engine| engine.platform()).await;
        Ok(((&platform.map_err(from_engine)?).into(),))
    }

    #[zbus(out_args("changed"))]
    async fn set_nightly(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        who: &str,
        options: Options,
    ) -> Result<bool, Error> {
        wire::no_options(&options)?;
        let ours = match model::Nightly::from_code(who) {
            Some(model::Nightly::Kedge) => true,
            Some(model::Nightly::Distribution) => false,
            _ => return Err(Error::Invalid("who is not kedge or distribution".into())),
        };
        let _hold = self.0.idle.hold();
        let caller = Caller::of(&header, connection).await?;
        self.0.authority.check(caller, action::CONFIGURE).await?;
        let outcome = self.0.blocking(move |engine| engine.set_nightly(ours)).await;
        let changed = matches!(outcome.map_err(from_engine)?, Outcome::Changed(()));
        if changed {
            reload(connection).await;
        }
        Ok(changed)
    }
}

/// Lets systemd read its units anew. Where it does not answer, it reads them with the next start.
async fn reload(connection: &Connection) {
    let (name, path) = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1");
    let interface = "org.freedesktop.systemd1.Manager";
    let reply = connection.call_method(Some(name), path, Some(interface), "Reload", &());
    if let Err(error) = reply.await {
        tracing::warn!(%error, "systemd does not read its units anew");
    }
}
