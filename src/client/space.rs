// SPDX-License-Identifier: GPL-3.0-or-later
//! What snapshots cost, and getting files back out of them. These calls may take minutes the first time; [`Client::stop_measuring`] ends them.

use crate::call::none;
use crate::{Client, Error};
use model::{Doomed, Freed, JobId, RestoreTo, RoomPlan, SnapshotId, SnapshotSize, Usage};

/// What the rules in force would delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanUpPlan {
    /// Who follows the rules: `snapper`, `kedge`, or `nobody`.
    pub keeper: String,
    /// What they name, in the order of deletion.
    pub doomed: Vec<Doomed>,
}

fn numbers(ids: &[SnapshotId]) -> Vec<u32> {
    ids.iter().map(|id| id.0).collect()
}

impl Client {
    async fn space(&self) -> Result<wire::SpaceProxy<'static>, Error> {
        Ok(wire::SpaceProxy::new(&self.connection().await?).await?)
    }

    /// How full the filesystem is.
    pub async fn usage(&self) -> Result<Usage, Error> {
        let (usage,) = self.space().await?.usage().await?;
        Ok(usage.into())
    }

    /// What deleting each snapshot alone frees.
    pub async fn sizes(&self) -> Result<Vec<SnapshotSize>, Error> {
        let sizes = self.space().await?.sizes().await?;
        Ok(sizes.into_iter().map(wire::size_from_wire).collect())
    }

    /// What deleting these snapshots together frees.
    pub async fn freed(&self, ids: &[SnapshotId]) -> Result<Freed, Error> {
        let (freed,) = self.space().await?.freed(&numbers(ids)).await?;
        Ok(freed.into())
    }

    /// Which snapshots to delete for so many bytes.
    pub async fn plan_room(&self, bytes: u64) -> Result<RoomPlan, Error> {
        let (snapshots, freed, is_enough) = self.space().await?.plan_room(bytes).await?;
        Ok(RoomPlan {
            snapshots: snapshots.into_iter().map(SnapshotId).collect(),
            freed: freed.into(),
            is_enough,
        })
    }

    /// Ends every call of this client that measures: they end with [`Error::Cancelled`].
    pub async fn stop_measuring(&self) -> Result<(), Error> {
        Ok(self.space().await?.stop().await?)
    }

    /// Deletes snapshots and waits until what they held is free.
    pub async fn make_room(&self, ids: &[SnapshotId]) -> Result<JobId, Error> {
        let reply = self.space().await?.make_room(&numbers(ids), none()).await;
        self.accepted(reply).await
    }

    /// What the rules in force would delete now.
    pub async fn plan_clean_up(&self) -> Result<CleanUpPlan, Error> {
        let (keeper, doomed) = self.space().await?.plan_clean_up().await?;
        Ok(CleanUpPlan {
            keeper,
            doomed: doomed.into_iter().map(wire::doomed_from_wire).collect(),
        })
    }

    /// Deletes what the rules in force name.
    pub async fn clean_up(&self) -> Result<JobId, Error> {
        let reply = self.space().await?.clean_up(none()).await;
        self.accepted(reply).await
    }

    /// Gets a file back out of a snapshot.
    pub async fn restore(&self, id: SnapshotId, path: &[u8], to: RestoreTo) -> Result<JobId, Error> {
        let files = wire::FilesProxy::new(&self.connection().await?).await?;
        let reply = files.restore(id.0, path, to.as_str(), none()).await;
        self.accepted(reply).await
    }
}
