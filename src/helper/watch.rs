// SPDX-License-Identifier: GPL-3.0-or-later
//! Changes that others make to the system.

#![expect(
    unsafe_code,
    reason = "tokio cannot know by itself that a descriptor stays the same"
)]

use crate::service::Service;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// A burst of changes is read once.
const SETTLE: Duration = Duration::from_millis(150);
/// Looked at also without a hint while somebody is interested: a changed default leaves no trace in files.
const LOOK: Duration = Duration::from_secs(5);

impl Service {
    /// Reads the system when it may have changed, as long as the process lives.
    pub(crate) async fn watch(self: Arc<Self>) {
        let descriptor = match self.blocking(|engine| engine.watch()).await {
            Ok(descriptor) => descriptor,
            Err(error) => {
                tracing::warn!(error = error.chain(), "changes by others are noticed late");
                None
            }
        };
        let readable = descriptor.and_then(|descriptor| {
            // SAFETY: the descriptor is open and owned; it is moved in here, so nobody else closes or replaces it until
            // the `AsyncFd` is dropped, and `OwnedFd::as_raw_fd` always returns the same number.
            let registered = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
            registered
                .inspect_err(|error| tracing::warn!(%error, "changes by others are noticed late"))
                .ok()
        });
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = hint(readable.as_ref()) => sleep(SETTLE).await,
                _ = looks.tick() => if !self.idle.is_held() { continue },
            }
            if let Err(error) = self.refresh().await {
                tracing::warn!(error = error.chain(), "the system cannot be read");
            }
        }
    }
}

async fn hint(descriptor: Option<&AsyncFd<OwnedFd>>) {
    match descriptor {
        None => std::future::pending().await,
        Some(descriptor) => match descriptor.readable().await {
            // Reading the system drains the descriptor; the next change makes a new edge.
            Ok(mut ready) => ready.clear_ready(),
            Err(error) => {
                tracing::warn!(%error, "changes by others are noticed late");
                std::future::pending().await
            }
        },
    }
}
