// SPDX-License-Identifier: GPL-3.0-or-later
//! The icon in the tray: there while it has something to say, gone from the bus otherwise.
//!
//! A `Passive` item would stay in the list of hidden icons, so a hidden one is not registered at all.

use crate::event::Sender;
use crate::item::{self, Item};
use crate::menu::{self, Menu};
use crate::tray::{Show, TrayState};
use zbus::fdo::RequestNameFlags;
use zbus::{Connection, proxy};

#[proxy(
    interface = "org.kde.StatusNotifierWatcher",
    default_service = "org.kde.StatusNotifierWatcher",
    default_path = "/StatusNotifierWatcher"
)]
trait Watcher {
    fn register_status_notifier_item(&self, service: &str) -> zbus::Result<()>;
}

/// The name whose owner tells whether there is a tray.
pub(crate) const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// The icon on the session bus.
#[derive(Debug)]
pub(crate) struct Icon {
    session: Connection,
    events: Sender,
    name: String,
    shown: Option<TrayState>,
}

impl Icon {
    pub(crate) fn new(session: Connection, events: Sender) -> Self {
        let name = format!("org.kde.StatusNotifierItem-{}-1", std::process::id());
        Self {
            session,
            events,
            name,
            shown: None,
        }
    }

    /// Shows this state.
    pub(crate) async fn show(&mut self, state: &TrayState) -> zbus::Result<()> {
        if self.shown.as_ref() == Some(state) {
            return Ok(());
        }
        let server = self.session.object_server();
        match (self.shown.is_some(), state.show) {
            (false, Show::Hidden) => {}
            (false, _) => {
                server
                    .at(item::PATH, Item::new(self.events.clone(), state.clone()))
                    .await?;
                server
                    .at(menu::PATH, Menu::new(self.events.clone(), &state.menu))
                    .await?;
                self.session
                    .request_name_with_flags(self.name.as_str(), RequestNameFlags::DO_NOT_QUEUE)
                    .await?;
                self.shown = Some(state.clone());
                self.register().await;
            }
            (true, Show::Hidden) => {
                self.session.release_name(self.name.as_str()).await?;
                server.remove::<Item, _>(item::PATH).await?;
                server.remove::<Menu, _>(menu::PATH).await?;
                self.shown = None;
            }
            (true, _) => {
                let item = server.interface::<_, Item>(item::PATH).await?;
                item.get_mut().await.update(state, item.signal_emitter()).await?;
                let menu = server.interface::<_, Menu>(menu::PATH).await?;
                menu.get_mut()
                    .await
                    .update(&state.menu, menu.signal_emitter())
                    .await?;
                self.shown = Some(state.clone());
            }
        }
        Ok(())
    }

    /// Tells the tray of the icon; again whenever a tray appears (login, restart of the desktop shell).
    pub(crate) async fn register(&self) {
        if self.shown.is_none() {
            return;
        }
        let registered = async {
            let watcher = WatcherProxy::builder(&self.session)
                .cache_properties(zbus::proxy::CacheProperties::No)
                .build()
                .await?;
            watcher.register_status_notifier_item(&self.name).await
        };
        if let Err(error) = registered.await {
            tracing::debug!(%error, "there is no tray to show the icon in");
        }
    }
}
