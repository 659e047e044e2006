// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::service::Service;
use model::JobId;
use std::sync::Arc;
use wire::{Error, Job, Outcome, Progress, Question};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, fdo, interface};

/// The object of one job.
#[derive(Debug)]
pub(crate) struct JobObject {
    service: Arc<Service>,
    id: JobId,
}

impl JobObject {
    pub(crate) fn new(service: Arc<Service>, id: JobId) -> Self {
        Self { service, id }
    }

    /// The job; an error in the moment between its end in the state and that of its object.
    fn job(&self) -> fdo::Result<Job> {
        let state = self.service.state();
        let job = state.jobs.get(&self.id).map(Into::into);
        job.ok_or_else(|| fdo::Error::UnknownObject(format!("job {} is gone", self.id)))
    }
}

#[interface(name = "org.kedge.Kedge1.Job", introspection_docs = false)]
impl JobObject {
    async fn cancel(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(), Error> {
        self.service.cancel(self.id, (&header, connection)).await
    }

    async fn answer(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        question: u32,
        choice: u32,
        options: Options,
    ) -> Result<(), Error> {
        wire::no_options(&options)?;
        let answer = self
            .service
            .answer(self.id, (&header, connection), (question, choice));
        answer.await
    }

    #[zbus(out_args("next", "lines"))]
    async fn read_log(&self, from: u64) -> Result<(u64, Vec<String>), Error> {
        self.service.read_log(self.id, from).await
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn id(&self) -> u32 {
        self.id.0
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn kind(&self) -> fdo::Result<String> {
        Ok(self.job()?.kind)
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn uid(&self) -> fdo::Result<u32> {
        Ok(self.job()?.uid)
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn target(&self) -> fdo::Result<u32> {
        Ok(self.job()?.target)
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn started(&self) -> fdo::Result<u64> {
        Ok(self.job()?.started)
    }

    #[zbus(property)]
    async fn progress(&self) -> fdo::Result<Progress> {
        Ok(self.job()?.progress)
    }

    #[zbus(property)]
    async fn cancellable(&self) -> fdo::Result<bool> {
        Ok(self.job()?.cancellable)
    }

    #[zbus(property)]
    async fn outcome(&self) -> fdo::Result<Outcome> {
        Ok(self.job()?.outcome)
    }

    #[zbus(property)]
    async fn question(&self) -> fdo::Result<Question> {
        Ok(self.job()?.question)
    }

    #[zbus(signal)]
    pub(crate) async fn log(emitter: &SignalEmitter<'_>, first: u64, lines: Vec<String>) -> zbus::Result<()>;
}
