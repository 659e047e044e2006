// SPDX-License-Identifier: GPL-3.0-or-later
//! Removes old snapshots after an update, where an administrator decided so and snapper's timer does not do it anyway.

use crate::begin::Spec;
use crate::bus::clean_up;
use crate::service::Service;
use model::{JobKind, State};
use std::sync::Arc;

impl Service {
    /// Until the helper ends: cleans up each time an update was installed.
    pub(crate) async fn keep_clean(self: Arc<Self>) {
        loop {
            self.updated.notified().await;
            if self.state().policy.clean_up {
                self.clean_up_once().await;
            }
        }
    }

    async fn clean_up_once(self: &Arc<Self>) {
        match self.blocking(|engine| engine.retention()).await {
            Ok(None) => {}
            // Twice would be once too many.
            Ok(Some(_)) => return,
            Err(error) => {
                tracing::warn!(error = error.chain(), "who cleans up cannot be told");
                return;
            }
        }
        let state = self.state().clone();
        let spec = Spec {
            kind: JobKind::CleanUp,
            uid: 0,
            target: None,
        };
        let work = Box::new(
            move |engine: &dyn engine::Engine, context: &engine::Context<'_>| {
                clean_up(engine, &state, context)
            },
        );
        if let Err(error) = self.start(spec, State::may_clean_up, work).await {
            // Another job has begun meanwhile; the next update brings the next turn.
            tracing::info!(%error, "nothing is cleaned up now");
        }
    }
}
