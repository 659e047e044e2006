// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether anybody needs the helper.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use zbus::Connection;

/// Counts who needs the helper: jobs, calls that take their time, subscribers.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    holds: AtomicUsize,
    changed: Notify,
}

/// While it lives, the helper stays.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Idle>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_one();
    }
}

impl Idle {
    /// Somebody needs the helper.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        self.holds.fetch_add(1, Ordering::AcqRel);
        Hold(Arc::clone(self))
    }

    /// Whether somebody does.
    pub(crate) fn is_held(&self) -> bool {
        self.holds.load(Ordering::Acquire) > 0
    }

    /// Returns when nobody has needed it for so long and no message came.
    pub(crate) async fn quiet(&self, connection: &Connection, time: Duration) {
        loop {
            let activity = connection.monitor_activity();
            let quiet = async {
                if self.is_held() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(time).await;
            };
            tokio::select! {
                () = quiet => if !self.is_held() { return },
                () = self.changed.notified() => {}
                _ = activity, if !self.is_held() => {}
            }
        }
    }
}
