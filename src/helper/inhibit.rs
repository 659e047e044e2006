// SPDX-License-Identifier: GPL-3.0-or-later
//! Asks logind to let the machine neither sleep nor stop while a job must not be interrupted.

use std::time::Duration;
use tokio::time::timeout;
use zbus::{Connection, OwnedFd, proxy};

/// A job does not wait longer for logind.
const PATIENCE: Duration = Duration::from_secs(3);

#[proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
trait Login {
    /// The machine is kept up until the descriptor is closed.
    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<OwnedFd>;
}

/// Takes the lock. `None` where there is no logind: the work goes on without.
pub(crate) async fn inhibit(connection: &Connection) -> Option<OwnedFd> {
    let take = async {
        let login = LoginProxy::new(connection).await?;
        // Shown by `systemd-inhibit --list` and by desktops that ask about a blocked shutdown.
        login
            .inhibit(
                "sleep:shutdown:idle",
                "Kedge",
                "The system is being changed",
                "block",
            )
            .await
    };
    if !connection.is_bus() {
        return None;
    }
    match timeout(PATIENCE, take).await {
        Ok(Ok(lock)) => Some(lock),
        Err(_) => {
            tracing::warn!("logind does not answer: sleep and shutdown are not held off");
            None
        }
        Ok(Err(error)) => {
            tracing::info!(%error, "sleep and shutdown cannot be held off");
            None
        }
    }
}
