// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::service::Service;
use model::{SnapshotId, Verdict};
use std::sync::Arc;
use wire::Error;
use zbus::message::Header;
use zbus::{Connection, interface};

/// The search for the version in which something broke.
#[derive(Debug)]
pub(crate) struct Bisect(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.Bisect", introspection_docs = false)]
impl Bisect {
    async fn start(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        good: u32,
        bad: u32,
        options: Options,
    ) -> Result<(), Error> {
        wire::no_options(&options)?;
        let (good, bad, now) = (SnapshotId(good), SnapshotId(bad), self.0.now());
        let search = model::Bisect::new(good, bad, now);
        let begin = self.0.bisect(
            (&header, connection),
            |state| state.may_bisect(good, bad),
            |_| Some(search),
        );
        begin.await
    }

    async fn judge(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        number: u32,
        verdict: &str,
        options: Options,
    ) -> Result<(), Error> {
        wire::no_options(&options)?;
        let verdict =
            Verdict::from_code(verdict).ok_or_else(|| Error::Invalid("verdict is unknown".into()))?;
        let id = SnapshotId(number);
        let judge = self.0.bisect(
            (&header, connection),
            |state| state.may_judge(id),
            |search| {
                search.map(|mut search| {
                    search.judge(id, verdict);
                    search
                })
            },
        );
        judge.await
    }

    async fn stop(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        options: Options,
    ) -> Result<(), Error> {
        wire::no_options(&options)?;
        let stop = self
            .0
            .bisect((&header, connection), model::State::may_stop_bisect, |_| None);
        stop.await
    }

    #[zbus(property)]
    async fn search(&self) -> wire::Bisect {
        wire::Bisect::from(self.0.state().bisect.as_ref())
    }
}
