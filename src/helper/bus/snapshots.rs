// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::error::from_engine;
use crate::outcome::Done;
use crate::service::Service;
use engine::{Context, Engine, Outcome};
use model::{JobKind, Phase, Progress, SnapshotId, State};
use std::sync::Arc;
use wire::Error;
use wire::name::action;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedObjectPath, interface};

/// The snapshots.
#[derive(Debug)]
pub(crate) struct Snapshots(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.Snapshots", introspection_docs = false)]
impl Snapshots {
    #[zbus(out_args("snapshots"))]
    async fn list(&self) -> Result<Vec<wire::Snapshot>, Error> {
        self.0.refresh().await.map_err(from_engine)?;
        Ok(self.0.state().snapshots.values().map(Into::into).collect())
    }

    #[zbus(out_args("job", "path"))]
    async fn create(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        description: &str,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        let mut wish = wire::new_snapshot_from_wire(description, options, 0)?;
        let begin = self.0.begin(
            (&header, connection),
            action::CREATE,
            (JobKind::Create, None),
            State::may_create,
            |uid| {
                wish.uid = uid;
                Box::new(move |engine, context| {
                    context.cancel.close()?;
                    let id = engine.create(&wish)?;
                    Ok(Done {
                        changed: true,
                        snapshot: Some(id),
                        found: None,
                    })
                })
            },
        );
        begin.await
    }

    #[zbus(out_args("job", "path"))]
    async fn delete(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        numbers: Vec<u32>,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        let ids = wire::numbers_from_wire(&numbers)?;
        wire::no_options(&options)?;
        let target = match ids.as_slice() {
            [id] => Some(*id),
            _ => None,
        };
        let wanted = ids.clone();
        let begin = self.0.begin(
            (&header, connection),
            action::DELETE,
            (JobKind::Delete, target),
            move |state| wanted.iter().try_for_each(|id| state.may_delete(*id)),
            |_| Box::new(move |engine, context| delete(engine, context, &ids)),
        );
        begin.await
    }

    #[zbus(out_args("job", "path"))]
    async fn edit(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        number: u32,
        changes: Options,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        let edit = wire::edit_from_wire(changes)?;
        wire::no_options(&options)?;
        let id = SnapshotId(number);
        let begin = self.0.begin(
            (&header, connection),
            action::EDIT,
            (JobKind::Edit, Some(id)),
            |state| state.may_edit(id),
            |_| {
                Box::new(move |engine, context| {
                    context.cancel.close()?;
                    Ok(Done {
                        changed: matches!(engine.edit(id, &edit)?, Outcome::Changed(())),
                        snapshot: Some(id),
                        found: None,
                    })
                })
            },
        );
        begin.await
    }

    #[zbus(signal)]
    pub(crate) async fn changed(
        emitter: &SignalEmitter<'_>,
        present: Vec<wire::Snapshot>,
        gone: Vec<u32>,
    ) -> zbus::Result<()>;
}

/// Deletes one after the other. What is deleted is gone, so a failure after the first one wants a look.
fn delete(engine: &dyn Engine, context: &Context<'_>, ids: &[SnapshotId]) -> Result<Done, engine::Error> {
    context.cancel.close()?;
    let items = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let mut gone = Vec::new();
    for (id, item) in ids.iter().zip(1..) {
        context.report.progress(Progress {
            permille: u16::try_from(u64::from(item - 1) * 1000 / u64::from(items)).ok(),
            item,
            items,
            subject: format!("#{id}"),
            ..Progress::at(Phase::Commit)
        });
        match engine.delete(*id) {
            Ok(Outcome::Changed(())) => gone.push(id.to_string()),
            Ok(Outcome::Unchanged) => {}
            Err(error) if gone.is_empty() => return Err(error),
            Err(error) => {
                return Err(engine::Error::NeedsAttention {
                    left: format!(
                        "snapshots {} are deleted, {id} and later ones are not",
                        gone.join(", ")
                    ),
                    cause: Box::new(error),
                });
            }
        }
    }
    Ok(Done {
        changed: !gone.is_empty(),
        ..Done::default()
    })
}
