// SPDX-License-Identifier: GPL-3.0-or-later
//! The calls. A mutating one returns as soon as the helper has accepted it: the job then shows in the view.

use crate::{Client, Error, Link, View};
use model::{
    Bisect, Concern, Edit, Failure, FailureCode, Job, JobId, JobOutcome, LogEntry, NewSnapshot, Nightly,
    PackageChange, Plan, Platform, PolicyChange, SnapshotId, StartFailure, StartFailureKind, Verdict,
};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;
use zbus::Connection;

/// How long a view may take to show a job that was accepted. The signal comes before the reply, so only a lost link
/// makes this long.
const SHOWN: Duration = Duration::from_secs(5);
/// How long the helper may be lost before waiting for a job is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options, of which most methods have none yet.
pub(crate) fn none<V>() -> HashMap<&'static str, V> {
    HashMap::new()
}

impl Client {
    /// The connection, once there is one.
    pub(crate) async fn connection(&self) -> Result<Connection, Error> {
        let mut view = self.view.clone();
        let view = view
            .wait_for(|view| view.link != Link::Connecting)
            .await
            .map_err(|_| Error::Disconnected("the client has ended".into()))?;
        let detail = match &view.link {
            Link::Lost { detail } => detail.clone(),
            _ => String::new(),
        };
        drop(view);
        // A lost helper is started by the call itself; only without a bus there is nothing to call.
        self.connection
            .borrow()
            .clone()
            .ok_or(Error::Disconnected(detail))
    }

    /// The job, when the view shows it.
    pub(crate) async fn accepted(&self, started: zbus::Result<wire::Started>) -> Result<JobId, Error> {
        let id = JobId(started?.0);
        let mut view = self.view.clone();
        let shown = view.wait_for(|view| view.state.jobs.contains_key(&id));
        if timeout(SHOWN, shown).await.is_err() {
            tracing::warn!(%id, "the job was accepted but does not show");
        }
        Ok(id)
    }

    async fn snapshots(&self) -> Result<wire::SnapshotsProxy<'static>, Error> {
        Ok(wire::SnapshotsProxy::new(&self.connection().await?).await?)
    }

    async fn updates(&self) -> Result<wire::UpdatesProxy<'static>, Error> {
        Ok(wire::UpdatesProxy::new(&self.connection().await?).await?)
    }

    async fn boot(&self) -> Result<wire::BootProxy<'static>, Error> {
        Ok(wire::BootProxy::new(&self.connection().await?).await?)
    }

    async fn past(&self) -> Result<wire::HistoryProxy<'static>, Error> {
        Ok(wire::HistoryProxy::new(&self.connection().await?).await?)
    }

    /// Takes a snapshot of the running system. The wish's `uid` is not sent: the helper asks the bus who calls.
    pub async fn create(&self, wish: &NewSnapshot) -> Result<JobId, Error> {
        let options = wire::new_snapshot_options(wish);
        let reply = self.snapshots().await?.create(&wish.description, options).await;
        self.accepted(reply).await
    }

    /// Deletes snapshots.
    pub async fn delete(&self, ids: &[SnapshotId]) -> Result<JobId, Error> {
        let numbers: Vec<u32> = ids.iter().map(|id| id.0).collect();
        let reply = self.snapshots().await?.delete(&numbers, none()).await;
        self.accepted(reply).await
    }

    /// Changes a snapshot's books or read-only flag.
    pub async fn edit(&self, id: SnapshotId, edit: &Edit) -> Result<JobId, Error> {
        let changes = wire::edit_changes(edit);
        let reply = self.snapshots().await?.edit(id.0, changes, none()).await;
        self.accepted(reply).await
    }

    /// Looks for updates.
    pub async fn check(&self) -> Result<JobId, Error> {
        let reply = self.updates().await?.check(none()).await;
        self.accepted(reply).await
    }

    /// Looks for updates and fetches them, so that installing them needs no network.
    pub async fn download(&self) -> Result<JobId, Error> {
        let reply = self.updates().await?.download(none()).await;
        self.accepted(reply).await
    }

    /// Installs all updates into a new snapshot and makes that the default.
    pub async fn update(&self) -> Result<JobId, Error> {
        let reply = self.updates().await?.install(none()).await;
        self.accepted(reply).await
    }

    /// The same, and the job may ask: whoever calls this shows what the view says it asks.
    pub async fn update_asking(&self) -> Result<JobId, Error> {
        let reply = self.updates().await?.install(wire::ask_options(true)).await;
        self.accepted(reply).await
    }

    /// Answers the question with this number, by the number of a choice. Refused with `NothingAsked` when it no longer
    /// waits.
    pub async fn answer(&self, id: JobId, question: u32, choice: u32) -> Result<(), Error> {
        let job = self.job(id).await?;
        Ok(job.answer(question, choice, none()).await?)
    }

    async fn job(&self, id: JobId) -> Result<wire::JobProxy<'static>, Error> {
        let job = wire::JobProxy::builder(&self.connection().await?)
            .path(wire::name::job_path(id))
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        Ok(job)
    }

    /// Makes this snapshot the default.
    pub async fn roll_back(&self, id: SnapshotId) -> Result<JobId, Error> {
        let reply = self.boot().await?.rollback(id.0, none()).await;
        self.accepted(reply).await
    }

    /// Changes what is decided for the system. Stored when this returns; the view follows.
    pub async fn configure(&self, change: &PolicyChange) -> Result<(), Error> {
        let settings = wire::SettingsProxy::builder(&self.connection().await?)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        Ok(settings.change(wire::policy_changes(change), none()).await?)
    }

    /// Lets this snapshot start once with the next restart; `None` forgets it.
    pub async fn try_once(&self, id: Option<SnapshotId>) -> Result<JobId, Error> {
        let number = wire::snapshot_number(id);
        let reply = self.boot().await?.try_once(number, none()).await;
        self.accepted(reply).await
    }

    /// Why the last restart fell back, as far as the journals tell. Kinds that this version does not know are left out.
    pub async fn failed_starts(&self) -> Result<Vec<StartFailure>, Error> {
        let found = self.boot().await?.failed_starts().await?;
        let known = found.into_iter().filter_map(|(kind, subject)| {
            let kind = StartFailureKind::from_code(&kind)?;
            Some(StartFailure { kind, subject })
        });
        Ok(known.collect())
    }

    /// Begins to search for the version in which something broke. The view shows it when this returns.
    pub async fn bisect_start(&self, good: SnapshotId, bad: SnapshotId) -> Result<(), Error> {
        self.bisect().await?.start(good.0, bad.0, none()).await?;
        self.shown(|search| search.is_some_and(|it| (it.good, it.bad) == (good, bad)))
            .await
    }

    /// Says what was found about a version. The view shows it when this returns.
    pub async fn bisect_judge(&self, id: SnapshotId, verdict: Verdict) -> Result<(), Error> {
        self.bisect().await?.judge(id.0, verdict.as_str(), none()).await?;
        self.shown(|search| {
            search
                .is_none_or(|it| !it.is_between(id) || (verdict == Verdict::Skip && it.skipped.contains(&id)))
        })
        .await
    }

    /// Ends the search. The view shows it when this returns.
    pub async fn bisect_stop(&self) -> Result<(), Error> {
        self.bisect().await?.stop(none()).await?;
        self.shown(|search| search.is_none()).await
    }

    async fn bisect(&self) -> Result<wire::BisectProxy<'static>, Error> {
        let builder = wire::BisectProxy::builder(&self.connection().await?);
        Ok(builder
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?)
    }

    /// Waits until the search shows as this. The signal comes before the reply, so only a lost link makes this long.
    async fn shown(&self, what: impl Fn(Option<&Bisect>) -> bool) -> Result<(), Error> {
        let mut view = self.view.clone();
        let shown = view.wait_for(|view| what(view.state.bisect.as_ref()));
        match timeout(SHOWN, shown).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Error::Disconnected(
                "the change was stored but does not show".into(),
            )),
        }
    }

    /// What speaks against starting this snapshot. Concerns that this version does not know are left out.
    pub async fn examine(&self, id: SnapshotId) -> Result<Vec<Concern>, Error> {
        let found = self.boot().await?.examine(id.0).await?;
        Ok(found.iter().filter_map(|code| Concern::from_code(code)).collect())
    }

    /// Discards what waits for the restart.
    pub async fn discard(&self) -> Result<JobId, Error> {
        let reply = self.updates().await?.discard(none()).await;
        self.accepted(reply).await
    }

    /// Asks a job to stop. It ends with its outcome, or goes on when it is too late (a refusal).
    pub async fn cancel(&self, id: JobId) -> Result<(), Error> {
        Ok(self.job(id).await?.cancel().await?)
    }

    /// What a rollback to this snapshot would do.
    pub async fn plan_rollback(&self, id: SnapshotId) -> Result<Plan, Error> {
        let (plan,) = self.boot().await?.plan_rollback(id.0).await?;
        Ok(plan.into())
    }

    /// How the packages of `to` differ from those of `from`; `None` is the running system.
    pub async fn package_changes(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
    ) -> Result<Vec<PackageChange>, Error> {
        let changes = wire::ChangesProxy::new(&self.connection().await?).await?;
        let changes = changes
            .packages(wire::snapshot_number(from), wire::snapshot_number(to))
            .await?;
        Ok(changes.into_iter().map(Into::into).collect())
    }

    /// What the machine has beside Kedge.
    pub async fn platform(&self) -> Result<Platform, Error> {
        let proxy = wire::PlatformProxy::new(&self.connection().await?).await?;
        let (platform,) = proxy.describe().await?;
        Ok(platform.into())
    }

    /// Lets Kedge do the distribution's nightly job, or the distribution again. Returns whether that changed.
    pub async fn set_nightly(&self, who: Nightly) -> Result<bool, Error> {
        let proxy = wire::PlatformProxy::new(&self.connection().await?).await?;
        Ok(proxy.set_nightly(who.as_str(), none()).await?)
    }

    /// What was written about a package between two snapshots, newest first; `None` is the running system.
    pub async fn changelog(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
        package: &str,
    ) -> Result<Vec<LogEntry>, Error> {
        let changes = wire::ChangesProxy::new(&self.connection().await?).await?;
        let (from, to) = (wire::snapshot_number(from), wire::snapshot_number(to));
        let entries = changes.changelog(from, to, package).await?;
        Ok(entries.into_iter().map(Into::into).collect())
    }

    /// Lines of a job's log from line number `from` on, and the number after the last one. A bounded piece: call again
    /// with that number until there are no more lines.
    pub async fn log(&self, id: JobId, from: u64) -> Result<(u64, Vec<String>), Error> {
        Ok(self.past().await?.read_log(id.0, from).await?)
    }

    /// The last jobs that ended, newest first.
    pub async fn history(&self, limit: u32) -> Result<Vec<Job>, Error> {
        let jobs = self.past().await?.list(limit).await?;
        Ok(jobs.into_iter().filter_map(Into::into).collect())
    }

    /// Waits until a job ends, over restarts of the helper.
    pub async fn wait(&self, id: JobId) -> Result<JobOutcome, Error> {
        let mut view = self.view.clone();
        loop {
            let View { link, state } = view.borrow_and_update().clone();
            if let Some(outcome) = state.jobs.get(&id).and_then(Job::outcome) {
                return Ok(outcome.clone());
            }
            if link == Link::Ready && !state.jobs.contains_key(&id) {
                // Forgotten by now, or this helper does not know it.
                let past = self.history(wire::limit::HISTORY).await?;
                let outcome = past.iter().find(|job| job.id == id).and_then(Job::outcome);
                return outcome.cloned().ok_or_else(|| {
                    Error::Failed(Failure::new(
                        FailureCode::Internal,
                        format!("there is no job {id}"),
                    ))
                });
            }
            let changed = async {
                match link {
                    Link::Lost { detail } => {
                        timeout(PATIENCE, view.wait_for(|view| view.link == Link::Ready))
                            .await
                            .map_err(|_| Error::Disconnected(detail))?
                            .map(drop)
                    }
                    _ => view.changed().await,
                }
                .map_err(|_| Error::Disconnected("the client has ended".into()))
            };
            changed.await?;
        }
    }
}
