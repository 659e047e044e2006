// SPDX-License-Identifier: GPL-3.0-or-later
use crate::service::Service;
use model::JobId;
use std::sync::Arc;
use wire::{Error, Job};
use zbus::interface;

/// Jobs that are over.
#[derive(Debug)]
pub(crate) struct History(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.History", introspection_docs = false)]
impl History {
    #[zbus(out_args("jobs"))]
    async fn list(&self, limit: u32) -> Vec<Job> {
        let limit = limit.min(wire::limit::HISTORY);
        let past = self.0.store.past(usize::try_from(limit).unwrap_or(usize::MAX));
        past.into_iter().map(|record| record.job).collect()
    }

    #[zbus(out_args("next", "lines"))]
    async fn read_log(&self, job: u32, from: u64) -> Result<(u64, Vec<String>), Error> {
        self.0.read_log(JobId(job), from).await
    }
}
