// SPDX-License-Identifier: GPL-3.0-or-later
//! What the desktop does for us. Restarting the machine: Plasma asks, so that applications can save; logind is the
//! fallback. Showing a directory: the file manager.

use crate::{Bus, Client, Error};
use zbus::proxy;

#[proxy(
    interface = "org.kde.LogoutPrompt",
    default_service = "org.kde.LogoutPrompt",
    default_path = "/LogoutPrompt"
)]
trait LogoutPrompt {
    /// Shows Plasma's own question whether to restart.
    #[zbus(name = "promptReboot")]
    fn prompt_reboot(&self) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.freedesktop.FileManager1",
    default_service = "org.freedesktop.FileManager1",
    default_path = "/org/freedesktop/FileManager1"
)]
trait FileManager {
    /// Shows what is in these directories.
    #[zbus(name = "ShowFolders")]
    fn show_folders(&self, addresses: &[&str], startup_id: &str) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
trait Login {
    /// Restarts the machine.
    #[zbus(allow_interactive_auth)]
    fn reboot(&self, interactive: bool) -> zbus::Result<()>;
}

/// Lets Plasma ask whether to restart. An error where the session has no such prompt: then [`Client::restart`] is left.
///
/// Only for a client of the system bus: a window that shows a simulated or a guest's system must not restart this
/// machine.
pub async fn prompt_restart(client: &Client) -> Result<(), Error> {
    if *client.bus() != Bus::System {
        return Err(Error::Disconnected("the shown system is not this machine".into()));
    }
    let session = zbus::Connection::session().await?;
    Ok(LogoutPromptProxy::new(&session).await?.prompt_reboot().await?)
}

/// Asks the desktop's file manager to show a directory, by its `file:` address.
pub async fn show_directory(address: &str) -> Result<(), Error> {
    let session = zbus::Connection::session().await?;
    let manager = FileManagerProxy::new(&session).await?;
    Ok(manager.show_folders(&[address], "").await?)
}

impl Client {
    /// Restarts the system that this client shows, through the logind on the helper's bus. polkit may ask.
    pub async fn restart(&self) -> Result<(), Error> {
        let login = LoginProxy::new(&self.connection().await?).await?;
        Ok(login.reboot(true).await?)
    }
}
