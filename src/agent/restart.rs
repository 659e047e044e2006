// SPDX-License-Identifier: GPL-3.0-or-later
//! Restarting: Plasma asks, so that applications can save. Where nobody would ask, we do; never without a question, or an
//! agreement beforehand.

use zbus::{Connection, OwnedObjectPath, fdo::PropertiesProxy, names::InterfaceName, proxy};

/// What tells us at night: desktop/user/kedge-night.timer.
const TIMER: &str = "kedge-night.timer";
const UNIT: &str = "org.freedesktop.systemd1.Unit";

#[proxy(
    interface = "org.kde.LogoutPrompt",
    default_service = "org.kde.LogoutPrompt",
    default_path = "/LogoutPrompt"
)]
trait LogoutPrompt {
    #[zbus(name = "promptReboot")]
    fn prompt_reboot(&self) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
trait Login {
    #[zbus(allow_interactive_auth)]
    fn reboot(&self, interactive: bool) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Units {
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
}

/// Shows Plasma's question, which restarts after half a minute without an answer. An error where there is none.
pub(crate) async fn prompt(session: &Connection) -> zbus::Result<()> {
    let prompt = LogoutPromptProxy::builder(session)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    prompt.prompt_reboot().await
}

/// Restarts through logind. `asked` is whether somebody is there to type a password.
pub(crate) async fn now(system: &Connection, asked: bool) -> zbus::Result<()> {
    let login = LoginProxy::builder(system)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    login.reboot(asked).await
}

/// Asks the session's systemd to tell us at night, or no longer to.
pub(crate) async fn wake_at_night(session: &Connection, wake: bool) -> zbus::Result<()> {
    let units = units(session).await?;
    match wake {
        true => units.start_unit(TIMER, "replace").await.map(drop),
        false => units.stop_unit(TIMER, "replace").await.map(drop),
    }
}

/// Whether the session has a systemd that could tell us; and whether it will.
pub(crate) async fn night(session: &Connection) -> (bool, bool) {
    let asked = async {
        let unit = units(session).await?.load_unit(TIMER).await?;
        let properties = PropertiesProxy::builder(session)
            .destination("org.freedesktop.systemd1")
            .path(unit)
            .build()
            .await?;
        let interface = InterfaceName::from_static_str_unchecked(UNIT);
        let text =
            async |name| zbus::Result::Ok(String::try_from(properties.get(interface.clone(), name).await?)?);
        Ok((
            text("LoadState").await? == "loaded",
            text("ActiveState").await? == "active",
        ))
    };
    let answer: zbus::Result<_> = asked.await;
    answer.unwrap_or_default()
}

async fn units(session: &Connection) -> zbus::Result<UnitsProxy<'static>> {
    UnitsProxy::builder(session)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
}
