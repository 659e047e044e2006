// SPDX-License-Identifier: GPL-3.0-or-later
//! Restarting: Plasma asks, so that applications can save. Where nobody would ask, we do; never without a question.

use zbus::{Connection, proxy};

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

/// Shows Plasma's question. An error where there is none.
pub(crate) async fn prompt(session: &Connection) -> zbus::Result<()> {
    let prompt = LogoutPromptProxy::builder(session)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    prompt.prompt_reboot().await
}

/// Restarts through logind.
pub(crate) async fn now(system: &Connection) -> zbus::Result<()> {
    let login = LoginProxy::builder(system)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    login.reboot(true).await
}
