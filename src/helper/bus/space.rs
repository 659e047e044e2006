// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use super::manager::until_gone;
use crate::error::from_engine;
use crate::outcome::Done;
use crate::service::Service;
use engine::{Cancel, Context, Engine, Outcome, Report};
use model::{Doomed, JobKind, Progress, Retention, SnapshotId, State};
use std::sync::{Arc, PoisonError};
use wire::Error;
use wire::name::action;
use zbus::message::Header;
use zbus::{Connection, OwnedObjectPath, interface};

/// What snapshots cost.
#[derive(Debug)]
pub(crate) struct Space(pub(crate) Arc<Service>);

/// Nobody is told how far it is.
#[derive(Debug)]
struct Silent;

impl Report for Silent {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: &str) {}
}

/// Callers that wait, each with what ends the waiting. More are not served.
const WAITING: usize = 64;

/// Takes a caller off the list of those who wait.
struct Waiting<'a> {
    service: &'a Service,
    cancel: Arc<Cancel>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // A call that is given up must not leave its work behind.
        self.cancel.request();
        self.service
            .measuring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(_, cancel)| !Arc::ptr_eq(cancel, &self.cancel));
    }
}

impl Space {
    /// Does what may take long, one after the other, until it is done or its caller does not wait any more.
    async fn measured<T: Send + 'static>(
        &self,
        (header, connection): (&Header<'_>, &Connection),
        work: impl FnOnce(&dyn Engine, &Context<'_>) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let hold = self.0.idle.hold();
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let cancel = Arc::new(Cancel::new().map_err(from_engine)?);
        let waiting = Waiting {
            service: &self.0,
            cancel: Arc::clone(&cancel),
        };
        {
            let mut all = self.0.measuring.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= WAITING {
                return Err(Error::Busy);
            }
            all.push((sender.clone(), Arc::clone(&cancel)));
        }
        let done = async {
            let _turn = self.0.measures.lock().await;
            let stop = Arc::clone(&cancel);
            self.0
                .blocking(move |engine| {
                    stop.check()?;
                    let context = Context {
                        report: &Silent,
                        cancel: &stop,
                    };
                    work(engine, &context)
                })
                .await
        };
        let gone = async {
            match sender.is_empty() {
                true => std::future::pending().await,
                false => until_gone(connection, &sender, &hold).await,
            }
        };
        let result = tokio::select! {
            result = done => result.map_err(from_engine),
            _ = gone => Err(Error::Cancelled),
        };
        drop(waiting);
        result
    }
}

/// The rules in force: snapper's where its timer follows them, else ours, as decided or as they would be.
fn rules(engine: &dyn Engine, state: &State) -> Result<(&'static str, Retention), engine::Error> {
    if let Some(retention) = engine.retention()? {
        return Ok(("snapper", retention));
    }
    let decided = state.policy.retention();
    let keeper = if decided.is_some() { "kedge" } else { "nobody" };
    let would = model::Policy {
        clean_up: true,
        ..state.policy
    };
    Ok((keeper, decided.or(would.retention()).unwrap_or_default()))
}

/// Deletes what the rules name.
pub(crate) fn clean_up(
    engine: &dyn Engine,
    state: &State,
    context: &Context<'_>,
) -> Result<Done, engine::Error> {
    let (_, retention) = rules(engine, state)?;
    let doomed = engine.doomed(&retention, context)?;
    for Doomed { id, reason } in &doomed {
        context.report.log(&format!("#{id}: {reason}"));
    }
    let ids: Vec<SnapshotId> = doomed.iter().map(|it| it.id).collect();
    let changed = !ids.is_empty() && matches!(engine.free(&ids, context)?, Outcome::Changed(()));
    Ok(Done {
        changed,
        ..Done::default()
    })
}

#[interface(name = "org.kedge.Kedge1.Space", introspection_docs = false)]
impl Space {
    #[zbus(out_args("usage"))]
    async fn usage(&self) -> Result<(wire::Usage,), Error> {
        let _hold = self.0.idle.hold();
        let usage = self.0.blocking(|engine| engine.usage()).await;
        Ok((usage.map_err(from_engine)?.into(),))
    }

    #[zbus(out_args("sizes"))]
    async fn sizes(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<Vec<wire::SnapshotBytes>, Error> {
        let sizes = self.measured((&header, connection), |engine, context| engine.sizes(context));
        Ok(sizes.await?.iter().map(wire::size_to_wire).collect())
    }

    #[zbus(out_args("freed"))]
    async fn freed(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        numbers: Vec<u32>,
    ) -> Result<(wire::Freed,), Error> {
        let ids = wire::numbers_from_wire(&numbers)?;
        let freed = self.measured((&header, connection), move |engine, context| {
            engine.freed(&ids, context)
        });
        Ok((freed.await?.into(),))
    }

    #[zbus(out_args("numbers", "freed", "enough"))]
    async fn plan_room(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        bytes: u64,
    ) -> Result<(Vec<u32>, wire::Freed, bool), Error> {
        let plan = self.measured((&header, connection), move |engine, context| {
            engine.plan_room(bytes, context)
        });
        let plan = plan.await?;
        let numbers = plan.snapshots.iter().map(|id| id.0).collect();
        Ok((numbers, plan.freed.into(), plan.is_enough))
    }

    async fn stop(&self, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let all = self.0.measuring.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, cancel) in all.iter().filter(|(waiting, _)| *waiting == sender) {
            cancel.request();
        }
    }

    #[zbus(out_args("job", "path"))]
    async fn make_room(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        numbers: Vec<u32>,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        let ids = wire::numbers_from_wire(&numbers)?;
        wire::no_options(&options)?;
        let all = ids.clone();
        let begin = self.0.begin(
            (&header, connection),
            action::DELETE,
            (JobKind::MakeRoom, None),
            move |state| all.iter().try_for_each(|id| state.may_delete(*id)),
            |_| {
                Box::new(move |engine, context| {
                    Ok(Done {
                        changed: matches!(engine.free(&ids, context)?, Outcome::Changed(())),
                        ..Done::default()
                    })
                })
            },
        );
        begin.await
    }

    #[zbus(out_args("keeper", "doomed"))]
    async fn plan_clean_up(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<(String, Vec<wire::Named>), Error> {
        let state = self.0.state().clone();
        let plan = self.measured((&header, connection), move |engine, context| {
            let (keeper, retention) = rules(engine, &state)?;
            Ok((keeper, engine.doomed(&retention, context)?))
        });
        let (keeper, doomed) = plan.await?;
        Ok((
            keeper.to_owned(),
            doomed.iter().map(wire::doomed_to_wire).collect(),
        ))
    }

    #[zbus(out_args("job", "path"))]
    async fn clean_up(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        wire::no_options(&options)?;
        let state = self.0.state().clone();
        let begin = self.0.begin(
            (&header, connection),
            action::DELETE,
            (JobKind::CleanUp, None),
            State::may_clean_up,
            move |_| Box::new(move |engine, context| clean_up(engine, &state, context)),
        );
        begin.await
    }
}
