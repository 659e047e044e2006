// SPDX-License-Identifier: GPL-3.0-or-later
//! The window, seen from here: open a page of it, and know whether it is in front.

use crate::tray::Page;
use std::collections::HashMap;
use zbus::names::{BusName, OwnedUniqueName, WellKnownName};
use zbus::{Connection, Variant, proxy};

const NAME: &str = "org.kedge.Kedge";
const PATH: &str = "/org/kedge/Kedge";

#[proxy(
    interface = "org.freedesktop.Application",
    default_service = "org.kedge.Kedge",
    default_path = "/org/kedge/Kedge"
)]
trait Application {
    fn activate_action(
        &self,
        action: &str,
        parameter: &[Variant<'_>],
        platform_data: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<()>;
}

#[proxy(interface = "org.kedge.Kedge.Window", default_path = "/org/kedge/Kedge")]
trait Window {
    #[zbus(property)]
    fn active(&self) -> zbus::Result<bool>;
}

/// Opens a page; D-Bus starts the window when it is not there.
pub(crate) async fn open(session: &Connection, page: Page, token: Option<&str>) -> zbus::Result<()> {
    let application = ApplicationProxy::builder(session)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    // X11 calls the same thing a startup id.
    let keys = ["activation-token", "desktop-startup-id"];
    let platform = token
        .map(|token| keys.map(|key| (key, Variant::from(token))))
        .into_iter()
        .flatten();
    application
        .activate_action(page.action(), &[], platform.collect())
        .await
}

/// Whether the window is in front, so that a notification would only repeat what it shows.
pub(crate) async fn is_in_front(session: &Connection) -> bool {
    let asked = async {
        let bus = zbus::fdo::DBusProxy::new(session).await?;
        // By its unique name: asking by the well-known one would start it.
        let name = BusName::from(WellKnownName::from_static_str(NAME)?);
        let owner: OwnedUniqueName = bus.get_name_owner(name).await?;
        WindowProxy::builder(session)
            .destination(BusName::from(owner))
            .path(PATH)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?
            .active()
            .await
    };
    let answer: zbus::Result<bool> = asked.await;
    answer.unwrap_or(false)
}
