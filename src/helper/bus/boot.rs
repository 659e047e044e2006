// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::error::from_engine;
use crate::outcome::Done;
use crate::service::Service;
use engine::Outcome;
use model::{JobKind, SnapshotId};
use std::sync::Arc;
use wire::name::action;
use wire::{Error, Plan};
use zbus::message::Header;
use zbus::{Connection, OwnedObjectPath, interface};

/// What starts next.
#[derive(Debug)]
pub(crate) struct Boot(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.Boot", introspection_docs = false)]
impl Boot {
    #[zbus(out_args("plan"))]
    async fn plan_rollback(&self, number: u32) -> Result<(Plan,), Error> {
        let _hold = self.0.idle.hold();
        let _one = self.0.reader().await?;
        let plan = self
            .0
            .blocking(move |engine| engine.plan_rollback(SnapshotId(number)));
        Ok(((&plan.await.map_err(from_engine)?).into(),))
    }

    #[zbus(out_args("job", "path"))]
    async fn rollback(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        number: u32,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        wire::no_options(&options)?;
        let id = SnapshotId(number);
        let begin = self.0.begin(
            (&header, connection),
            action::ROLLBACK,
            (JobKind::Rollback, Some(id)),
            |state| state.may_roll_back(id),
            |_| {
                Box::new(move |engine, context| {
                    Ok(match engine.roll_back(id, context)? {
                        Outcome::Unchanged => Done::default(),
                        Outcome::Changed(id) => Done {
                            changed: true,
                            snapshot: Some(id),
                            found: None,
                        },
                    })
                })
            },
        );
        begin.await
    }

    #[zbus(out_args("concerns"))]
    async fn examine(&self, number: u32) -> Result<Vec<String>, Error> {
        let _hold = self.0.idle.hold();
        let _one = self.0.reader().await?;
        let found = self.0.blocking(move |engine| engine.examine(SnapshotId(number)));
        let found = found.await.map_err(from_engine)?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[zbus(out_args("failures"))]
    async fn failed_starts(&self) -> Result<Vec<(String, String)>, Error> {
        let _hold = self.0.idle.hold();
        let _one = self.0.reader().await?;
        let Some(since) = self.0.fell_back_since() else {
            return Ok(Vec::new());
        };
        let found = self.0.blocking(move |engine| engine.start_failures(&since));
        let found = found.await.map_err(from_engine)?;
        Ok(found
            .into_iter()
            .map(|it| (it.kind.to_string(), it.subject))
            .collect())
    }

    #[zbus(out_args("job", "path"))]
    async fn try_once(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        number: u32,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        wire::no_options(&options)?;
        let id = wire::snapshot_id(number);
        let begin = self.0.begin(
            (&header, connection),
            action::TRY_ONCE,
            (JobKind::TryOnce, id),
            |state| match id {
                Some(id) => state.may_try_once(id),
                None => state.may_forget_once(),
            },
            |_| {
                Box::new(move |engine, context| {
                    Ok(Done {
                        changed: matches!(engine.try_once(id, context)?, Outcome::Changed(())),
                        snapshot: id,
                        found: None,
                    })
                })
            },
        );
        begin.await
    }
}
