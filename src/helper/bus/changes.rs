// SPDX-License-Identifier: GPL-3.0-or-later
use crate::error::from_engine;
use crate::service::Service;
use std::sync::Arc;
use wire::{ChangeCounts, Error, LogEntry, PackageChange};
use zbus::interface;
use zbus::object_server::SignalEmitter;

/// What differs between snapshots.
#[derive(Debug)]
pub(crate) struct Changes(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.Changes", introspection_docs = false)]
impl Changes {
    #[zbus(out_args("changes"))]
    async fn packages(&self, from: u32, to: u32) -> Result<Vec<PackageChange>, Error> {
        let _hold = self.0.idle.hold();
        let _one = self.0.reader().await?;
        let (from, to) = (wire::snapshot_id(from), wire::snapshot_id(to));
        let changes = self.0.blocking(move |engine| engine.package_changes(from, to));
        Ok(changes
            .await
            .map_err(from_engine)?
            .iter()
            .map(Into::into)
            .collect())
    }

    #[zbus(out_args("entries"))]
    async fn changelog(&self, from: u32, to: u32, package: String) -> Result<Vec<LogEntry>, Error> {
        let _hold = self.0.idle.hold();
        wire::check_package(&package)?;
        let _one = self.0.reader().await?;
        let (from, to) = (wire::snapshot_id(from), wire::snapshot_id(to));
        let entries = self
            .0
            .blocking(move |engine| engine.changelog(from, to, &package));
        Ok(entries
            .await
            .map_err(from_engine)?
            .iter()
            .map(Into::into)
            .collect())
    }

    #[zbus(out_args("counts"))]
    async fn counts(&self) -> Vec<ChangeCounts> {
        // Whoever asks wants to see them all.
        self.0.counting.notify_one();
        let state = self.0.state();
        state
            .counts
            .iter()
            .map(|(id, it)| ChangeCounts::of(*id, *it))
            .collect()
    }

    #[zbus(signal)]
    pub(crate) async fn counted(emitter: &SignalEmitter<'_>, counts: Vec<ChangeCounts>) -> zbus::Result<()>;
}
