// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::error::from_engine;
use crate::outcome::Done;
use crate::service::Service;
use engine::{Context, Outcome, Unasked};
use model::{JobKind, State};
use std::sync::Arc;
use wire::Error;
use wire::name::action;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedObjectPath, interface};

/// Updates.
#[derive(Debug)]
pub(crate) struct Updates(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.Updates", introspection_docs = false)]
impl Updates {
    #[zbus(out_args("updates"))]
    async fn get(&self) -> Result<(wire::Updates,), Error> {
        // What is known holds for the default only, which somebody may just have changed.
        self.0.refresh().await.map_err(from_engine)?;
        Ok(((&self.0.state().updates).into(),))
    }

    #[zbus(out_args("job", "path"))]
    async fn check(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        wire::no_options(&options)?;
        let begin = self.0.begin(
            (&header, connection),
            action::CHECK,
            (JobKind::Check, None),
            State::may_check,
            |_| {
                Box::new(|engine, context| {
                    Ok(Done {
                        changed: true,
                        found: Some(engine.check(context)?),
                        ..Done::default()
                    })
                })
            },
        );
        begin.await
    }

    #[zbus(out_args("job", "path"))]
    async fn download(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        wire::no_options(&options)?;
        let begin = self.0.begin(
            (&header, connection),
            action::DOWNLOAD,
            (JobKind::Download, None),
            State::may_check,
            |_| {
                Box::new(|engine, context| {
                    let found = engine.download(context)?;
                    Ok(Done {
                        changed: !found.is_empty(),
                        found: Some(found),
                        ..Done::default()
                    })
                })
            },
        );
        begin.await
    }

    #[zbus(out_args("job", "path"))]
    async fn install(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        let ask = wire::ask_from_wire(options)?;
        let begin = self.0.begin(
            (&header, connection),
            action::UPDATE,
            (JobKind::Update, None),
            State::may_update,
            |_| {
                Box::new(move |engine, context| {
                    let unasked = Unasked(context.report);
                    let context = match ask {
                        true => *context,
                        false => Context {
                            report: &unasked,
                            ..*context
                        },
                    };
                    Ok(match engine.update(&context)? {
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

    #[zbus(out_args("job", "path"))]
    async fn discard(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        wire::no_options(&options)?;
        let begin = self.0.begin(
            (&header, connection),
            action::DISCARD,
            (JobKind::Discard, None),
            State::may_discard,
            |_| {
                Box::new(|engine, context| {
                    Ok(Done {
                        changed: matches!(engine.discard(context)?, Outcome::Changed(_)),
                        ..Done::default()
                    })
                })
            },
        );
        begin.await
    }

    #[zbus(signal)]
    pub(crate) async fn changed(emitter: &SignalEmitter<'_>, updates: wire::Updates) -> zbus::Result<()>;
}
