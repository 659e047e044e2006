// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::error::{from_engine, from_refusal};
use crate::outcome::Done;
use crate::service::Service;
use engine::{Cancel, Context, Engine, Outcome, Report, Unasked};
use model::{JobKind, PackageWish, Progress, SearchResult, State, WishKind};
use std::collections::HashMap;
use std::sync::Arc;
use wire::name::action;
use wire::{Error, Found, PackagePlan};
use zbus::message::Header;
use zbus::{Connection, OwnedObjectPath, interface};

/// Packages that people look for, install and remove.
#[derive(Debug)]
pub(crate) struct Packages(pub(crate) Arc<Service>);

/// Nobody is told how far a look is.
#[derive(Debug)]
struct Silent;

impl Report for Silent {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: &str) {}
}

impl Packages {
    /// Asks the package manager while no job uses it. One caller after the other, so that whoever begins a job waits for
    /// one of them at most.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Engine, &Context<'_>) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let _hold = self.0.idle.hold();
        let _turn = self.0.questions.lock().await;
        self.0.refresh().await.map_err(from_engine)?;
        self.0.state().may_change_packages().map_err(from_refusal)?;
        let _packages = self.0.packages.lock().await;
        // A job may have begun while a check was waited for.
        self.0.state().may_change_packages().map_err(from_refusal)?;
        let answer = self.0.blocking(move |engine| {
            let cancel = Cancel::new()?;
            question(
                engine,
                &Context {
                    report: &Silent,
                    cancel: &cancel,
                },
            )
        });
        answer.await.map_err(from_engine)
    }

    async fn change(
        &self,
        call: (&Header<'_>, &Connection),
        action: &'static str,
        kind: JobKind,
        (wish, ask): (PackageWish, bool),
    ) -> Result<(u32, OwnedObjectPath), Error> {
        let begin = self
            .0
            .begin(call, action, (kind, None), State::may_change_packages, |_| {
                Box::new(move |engine, context| {
                    let unasked = Unasked(context.report);
                    let context = match ask {
                        true => *context,
                        false => Context {
                            report: &unasked,
                            ..*context
                        },
                    };
                    Ok(match engine.change_packages(&wish, &context)? {
                        Outcome::Unchanged => Done::default(),
                        Outcome::Changed(id) => Done {
                            changed: true,
                            snapshot: Some(id),
                            found: None,
                        },
                    })
                })
            });
        begin.await
    }
}

#[interface(name = "org.kedge.Kedge1.Packages", introspection_docs = false)]
impl Packages {
    #[zbus(out_args("packages", "more"))]
    async fn search(&self, text: String, limit: u32) -> Result<(Vec<Found>, u32), Error> {
        wire::check_search(&text)?;
        let limit = limit.clamp(1, SearchResult::LIMIT);
        let found = self.ask(move |engine, context| engine.search(&text, limit as usize, context));
        let SearchResult { packages, more } = found.await?;
        Ok((packages.into_iter().map(wire::found_to_wire).collect(), more))
    }

    #[zbus(out_args("plan"))]
    async fn plan(&self, what: &str, names: Vec<String>) -> Result<(PackagePlan,), Error> {
        let kind = WishKind::from_code(what)
            .ok_or_else(|| Error::Invalid("what is not install or remove".into()))?;
        let (wish, _) = wire::wish_from_wire(kind, &names, HashMap::new())?;
        let plan = self.ask(move |engine, context| engine.plan_packages(&wish, context));
        Ok(((&plan.await?).into(),))
    }

    #[zbus(out_args("job", "path"))]
    async fn install(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        names: Vec<String>,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        let wish = wire::wish_from_wire(WishKind::Install, &names, options)?;
        self.change((&header, connection), action::INSTALL, JobKind::Install, wish)
            .await
    }

    #[zbus(out_args("job", "path"))]
    async fn remove(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        names: Vec<String>,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        let wish = wire::wish_from_wire(WishKind::Remove, &names, options)?;
        self.change((&header, connection), action::REMOVE, JobKind::Remove, wish)
            .await
    }
}
