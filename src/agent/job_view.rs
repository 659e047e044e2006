// SPDX-License-Identifier: GPL-3.0-or-later
//! org.kde.JobViewServerV2: progress in Plasma's notifications and on the task bar, the same number and phase as in the
//! window. It belongs to the agent, so that it outlives the window.

use crate::event::Event;
use crate::{notify, tray, words};
use model::{Ending, Job, JobId, JobState, State};
use std::collections::HashMap;
use zbus::{Connection, OwnedObjectPath, Variant, proxy};

/// The name whose owner tells whether there is a server.
pub(crate) const SERVER: &str = "org.kde.JobViewServer";
/// The interface of a view.
pub(crate) const VIEW: &str = "org.kde.JobViewV3";
/// The capability bit for cancelling.
const CANCEL: i32 = 1;
/// KJob's code for a job that was stopped: the view goes without a message, as our own notification has the words.
const STOPPED: u32 = 1;

#[proxy(
    interface = "org.kde.JobViewServerV2",
    default_service = "org.kde.JobViewServer",
    default_path = "/JobViewServer"
)]
trait JobViewServer {
    #[zbus(name = "requestView")]
    fn request_view(
        &self,
        desktop_entry: &str,
        capabilities: i32,
        hints: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<OwnedObjectPath>;
}

#[proxy(interface = "org.kde.JobViewV3", default_service = "org.kde.JobViewServer")]
trait JobView {
    #[zbus(name = "update")]
    fn update(&self, properties: HashMap<&str, Variant<'_>>) -> zbus::Result<()>;

    #[zbus(name = "terminate")]
    fn terminate(&self, error: u32, message: &str, hints: HashMap<&str, Variant<'_>>) -> zbus::Result<()>;
}

/// What a view says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    title: String,
    phase: String,
    percent: u32,
    items: (u64, u64),
    subject: String,
}

impl Said {
    fn of(job: &Job) -> Option<Self> {
        let progress = job.progress()?;
        Some(Self {
            title: words::working(job.kind),
            phase: words::phase(progress.phase),
            percent: u32::from(progress.permille.unwrap_or(0) / 10),
            items: (progress.item.into(), progress.items.into()),
            subject: progress.subject.clone(),
        })
    }

    /// What changed since `last`, as the server wants it.
    fn since(&self, last: Option<&Self>) -> HashMap<&'static str, Variant<'_>> {
        let mut changed = HashMap::new();
        let new = |differs: fn(&Self, &Self) -> bool| last.is_none_or(|last| differs(self, last));
        if new(|a, b| a.title != b.title) {
            changed.insert("title", Variant::from(self.title.as_str()));
        }
        if new(|a, b| a.phase != b.phase || a.subject != b.subject) {
            changed.insert("infoMessage", Variant::from(self.phase.as_str()));
            changed.insert("descriptionLabel1", Variant::from(self.phase.as_str()));
            changed.insert("descriptionValue1", Variant::from(self.subject.as_str()));
        }
        if new(|a, b| a.percent != b.percent) {
            changed.insert("percent", Variant::from(self.percent));
        }
        if new(|a, b| a.items != b.items) {
            changed.insert("processedItems", Variant::from(self.items.0));
            changed.insert("totalItems", Variant::from(self.items.1));
        }
        changed
    }
}

#[derive(Debug)]
struct Open {
    job: JobId,
    path: OwnedObjectPath,
    cancellable: bool,
    said: Said,
}

/// The view of the job that runs, if one does.
#[derive(Debug)]
pub(crate) struct JobViews {
    session: Connection,
    open: Option<Open>,
    /// There is no server, so there is no use in asking with every step.
    absent: bool,
}

impl JobViews {
    pub(crate) fn new(session: Connection) -> Self {
        Self {
            session,
            open: None,
            absent: false,
        }
    }

    /// A new server knows nothing of the views of the last one.
    pub(crate) fn server_appeared(&mut self) {
        self.open = None;
        self.absent = false;
    }

    /// Takes the view away: one whose owner just vanishes stays as a failure. The job itself goes on.
    pub(crate) async fn end(&mut self) {
        if let Some(open) = self.open.take() {
            self.close(&open.path, STOPPED).await;
        }
    }

    /// Shows what this state's job does.
    pub(crate) async fn show(&mut self, state: &State) {
        let mut running = state
            .jobs
            .values()
            .filter(|job| tray::is_shown(job.kind) && job.outcome().is_none());
        let job = running.next();
        if let Some(open) = self.open.take_if(|open| job.is_none_or(|job| job.id != open.job)) {
            let outcome = state.jobs.get(&open.job).and_then(Job::outcome);
            let good = outcome.is_some_and(|it| matches!(it.ending, Ending::Done | Ending::NothingChanged));
            self.close(&open.path, if good { 0 } else { STOPPED }).await;
        }
        let Some(job) = job.filter(|_| !self.absent) else {
            return;
        };
        if let Err(error) = self.step(job).await {
            tracing::debug!(%error, "there is no job view");
            self.absent = true;
            self.open = None;
        }
    }

    async fn step(&mut self, job: &Job) -> zbus::Result<()> {
        let JobState::Running { cancellable, .. } = job.state else {
            return Ok(());
        };
        let Some(said) = Said::of(job) else { return Ok(()) };
        // A view keeps its button for good, so one that must lose it makes place for one without.
        if let Some(open) = self.open.take_if(|open| open.cancellable != cancellable) {
            let path = self.request(cancellable).await?;
            self.update(&path, said.since(None)).await?;
            self.close(&open.path, STOPPED).await;
            self.open = Some(Open {
                job: job.id,
                path,
                cancellable,
                said,
            });
            return Ok(());
        }
        match &self.open {
            None => {
                let path = self.request(cancellable).await?;
                self.update(&path, said.since(None)).await?;
                self.open = Some(Open {
                    job: job.id,
                    path,
                    cancellable,
                    said,
                });
            }
            Some(open) => {
                let changed = said.since(Some(&open.said));
                if !changed.is_empty() {
                    self.update(&open.path, changed).await?;
                }
                if let Some(open) = &mut self.open {
                    open.said = said;
                }
            }
        }
        Ok(())
    }

    async fn request(&self, cancellable: bool) -> zbus::Result<OwnedObjectPath> {
        let server = JobViewServerProxy::builder(&self.session)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        let hints = HashMap::from([("transient", Variant::from(true))]);
        server
            .request_view(notify::ID, if cancellable { CANCEL } else { 0 }, hints)
            .await
    }

    async fn view(&self, path: &OwnedObjectPath) -> zbus::Result<JobViewProxy<'static>> {
        JobViewProxy::builder(&self.session)
            .path(path.clone())
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
    }

    async fn update(&self, path: &OwnedObjectPath, changed: HashMap<&str, Variant<'_>>) -> zbus::Result<()> {
        self.view(path).await?.update(changed).await
    }

    async fn close(&self, path: &OwnedObjectPath, error: u32) {
        let closed = async { self.view(path).await?.terminate(error, "", HashMap::new()).await };
        if let Err(error) = closed.await {
            tracing::debug!(%error, "the job view was gone already");
        }
    }

    /// The job whose cancel button was pressed.
    pub(crate) fn cancel_pressed(&self, path: &str) -> Option<JobId> {
        let open = self.open.as_ref()?;
        (open.path.as_str() == path && open.cancellable).then_some(open.job)
    }
}

/// What a signal of the server means to us.
pub(crate) fn event(member: &str, path: &str) -> Option<Event> {
    (member == "cancelRequested").then(|| Event::CancelPressed(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_said_again() {
        let first = Said {
            title: "Installing updates".into(),
            phase: "Downloading".into(),
            percent: 12,
            items: (3, 25),
            subject: "bash".into(),
        };
        let keys = |said: &Said, last: Option<&Said>| {
            let mut keys: Vec<_> = said.since(last).into_keys().collect();
            keys.sort_unstable();
            keys
        };
        assert_eq!(keys(&first, None).len(), 7);
        assert!(keys(&first, Some(&first)).is_empty());
        let next = Said {
            percent: 13,
            ..first.clone()
        };
        assert_eq!(keys(&next, Some(&first)), ["percent"]);
        let next = Said {
            items: (4, 25),
            subject: "zypper".into(),
            ..first.clone()
        };
        assert_eq!(
            keys(&next, Some(&first)),
            [
                "descriptionLabel1",
                "descriptionValue1",
                "infoMessage",
                "processedItems",
                "totalItems"
            ]
        );
    }
}
