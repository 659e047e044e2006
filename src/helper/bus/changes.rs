// SPDX-License-Identifier: GPL-3.0-or-later
use crate::error::from_engine;
use crate::service::Service;
use std::sync::Arc;
use wire::{Error, PackageChange};
use zbus::interface;

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
}
