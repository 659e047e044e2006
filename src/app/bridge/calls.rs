// SPDX-License-Identifier: GPL-3.0-or-later
//! The calls of `App`: one of a kind at a time, because a screen reader's press may arrive twice.

use super::app::qobject::App;
use super::publish;
use super::{glue, value};
use crate::runtime;
use client::{Client, Error};
use core::pin::Pin;
use cxx_qt::{CxxQtType, Threading};
use cxx_qt_lib::{QList, QString};
use model::{Cleanup, Edit, Ending, JobId, NewSnapshot, RestoreTo, State};
use std::collections::BTreeSet;
use std::future::Future;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// How long what deletes something can be taken back: the same as for snapshots.
pub(super) const SECOND_THOUGHTS: Duration = Duration::from_secs(10);

/// What is asked for and not yet answered, and what was accepted and has not yet ended.
#[derive(Debug, Default)]
pub(super) struct Calls {
    asked: BTreeSet<&'static str>,
    jobs: BTreeSet<JobId>,
    /// Restart when this job is done.
    restart: Option<JobId>,
}

impl App {
    pub(super) fn check(self: Pin<&mut Self>) {
        self.call("check", false, async |client| client.check().await.map(Some));
    }

    pub(super) fn update(self: Pin<&mut Self>) {
        self.call("update", false, async |client| {
            client.update_asking().await.map(Some)
        });
    }

    /// Discards what waits for the restart: a rollback at once, for it can be made again; updates, which are then
    /// deleted, after a wait in which it can be taken back.
    pub(super) fn discard(mut self: Pin<&mut Self>) {
        if runtime::view().state.pending_updates().is_empty() {
            return self.discard_now();
        }
        if self.discarding {
            return;
        }
        publish!(self, discarding, discarding_changed, true);
        let qt = self.qt_thread();
        let clock = runtime::spawn(async move {
            tokio::time::sleep(SECOND_THOUGHTS).await;
            // An error here only means that the window is gone: then nothing is discarded.
            let _ = qt.queue(|mut app| {
                if app.discarding {
                    app.as_mut().keep();
                    app.discard_now();
                }
            });
        });
        self.as_mut().rust_mut().clock = Some(clock);
    }

    pub(super) fn keep(mut self: Pin<&mut Self>) {
        if let Some(clock) = self.as_mut().rust_mut().clock.take() {
            clock.abort();
        }
        publish!(self, discarding, discarding_changed, false);
    }

    fn discard_now(self: Pin<&mut Self>) {
        self.call("discard", false, async |client| client.discard().await.map(Some));
    }

    pub(super) fn cancel(self: Pin<&mut Self>, job: i32) {
        let Ok(job) = u32::try_from(job) else { return };
        self.call("cancel", false, async move |client| {
            client.cancel(JobId(job)).await.map(|()| None)
        });
    }

    pub(super) fn answer(self: Pin<&mut Self>, job: i32, question: i32, choice: i32) {
        let numbers = [job, question, choice].map(u32::try_from);
        let [Ok(job), Ok(question), Ok(choice)] = numbers else {
            return;
        };
        self.call("answer", false, async move |client| {
            client.answer(JobId(job), question, choice).await.map(|()| None)
        });
    }

    pub(super) fn restart(self: Pin<&mut Self>) {
        self.call("restart", false, async |client| {
            restart(&client).await.map(|()| None)
        });
    }

    pub(super) fn roll_back(self: Pin<&mut Self>, snapshot: i32, restart: bool) {
        let Some(id) = value::snapshot(snapshot) else {
            return;
        };
        self.call("rollback", restart, async move |client| {
            client.roll_back(id).await.map(Some)
        });
    }

    pub(super) fn create(self: Pin<&mut Self>, description: &QString, pinned: bool) {
        let wish = NewSnapshot {
            description: description.to_string(),
            cleanup: Cleanup(if pinned { "" } else { "number" }.to_owned()),
            pinned,
            uid: 0,
        };
        self.call("create", false, async move |client| {
            client.create(&wish).await.map(Some)
        });
    }

    pub(super) fn describe(self: Pin<&mut Self>, snapshot: i32, description: &QString) {
        let description = Some(description.to_string());
        self.edit(
            snapshot,
            Edit {
                description,
                ..Edit::default()
            },
        );
    }

    pub(super) fn pin(self: Pin<&mut Self>, snapshot: i32, pinned: bool) {
        let pinned = Some(pinned);
        self.edit(
            snapshot,
            Edit {
                pinned,
                ..Edit::default()
            },
        );
    }

    pub(super) fn restore(self: Pin<&mut Self>, snapshot: i32, address: &QString, replace: bool) {
        let (Some(id), Some(path)) = (value::snapshot(snapshot), value::path(address)) else {
            return;
        };
        let to = if replace {
            RestoreTo::Replace
        } else {
            RestoreTo::Beside
        };
        self.call("restore", false, async move |client| {
            client.restore(id, &path, to).await.map(Some)
        });
    }

    pub(super) fn browse(mut self: Pin<&mut Self>, snapshot: i32) {
        let Some(id) = value::snapshot(snapshot) else {
            return;
        };
        if let Some(directory) = self.browsed.get(&id).map(AsRawFd::as_raw_fd) {
            return self.show(snapshot, directory);
        }
        if !self.as_mut().rust_mut().calls.asked.insert("browse") {
            return;
        }
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let directory = runtime::client().browse(id).await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |mut app| {
                app.as_mut().rust_mut().calls.asked.remove("browse");
                match directory {
                    Ok(directory) => {
                        let raw = directory.as_raw_fd();
                        app.as_mut().rust_mut().browsed.insert(id, directory);
                        app.show(snapshot, raw);
                    }
                    Err(error) => app.refused(QString::from("browse"), value::error(&error)),
                }
            });
        });
    }

    /// Asks the file manager to show a directory that is open here.
    fn show(self: Pin<&mut Self>, snapshot: i32, directory: i32) {
        let address = glue::directory_address(directory, snapshot);
        let qt = self.qt_thread();
        runtime::spawn(async move {
            if client::session::show_directory(&address.to_string())
                .await
                .is_err()
            {
                let _ = qt.queue(move |app| app.browsed(address));
            }
        });
    }

    pub(super) fn make_room(self: Pin<&mut Self>, snapshots: &QList<i32>) {
        let ids = Vec::from_iter(snapshots.iter().filter_map(|it| value::snapshot(*it)));
        self.call("make-room", false, async move |client| {
            client.make_room(&ids).await.map(Some)
        });
    }

    pub(super) fn clean_up(self: Pin<&mut Self>) {
        self.call("clean-up", false, async |client| {
            client.clean_up().await.map(Some)
        });
    }

    fn edit(self: Pin<&mut Self>, snapshot: i32, edit: Edit) {
        let Some(id) = value::snapshot(snapshot) else {
            return;
        };
        self.call("edit", false, async move |client| {
            client.edit(id, &edit).await.map(Some)
        });
    }

    /// Makes a call unless the same is already being made. The job it leads to, if any, is one of ours.
    fn call<F>(mut self: Pin<&mut Self>, what: &'static str, restart: bool, call: impl FnOnce(Client) -> F)
    where
        F: Future<Output = Result<Option<JobId>, Error>> + Send + 'static,
    {
        if !self.as_mut().rust_mut().calls.asked.insert(what) {
            return;
        }
        let qt = self.qt_thread();
        let answer = call(runtime::client());
        runtime::spawn(async move {
            let answer = answer.await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |app| app.answered(what, restart, answer));
        });
    }

    fn answered(
        mut self: Pin<&mut Self>,
        what: &'static str,
        restart: bool,
        answer: Result<Option<JobId>, Error>,
    ) {
        let mut this = self.as_mut().rust_mut();
        this.calls.asked.remove(what);
        match answer {
            Ok(None) => {}
            Ok(Some(job)) => {
                this.calls.jobs.insert(job);
                this.calls.restart = Some(job).filter(|_| restart);
                self.settle(&runtime::view().state);
            }
            Err(error) => self.refused(QString::from(what), value::error(&error)),
        }
    }

    /// Tells of our jobs that have ended.
    pub(super) fn settle(mut self: Pin<&mut Self>, state: &State) {
        let jobs = self.calls.jobs.clone();
        for (job, outcome) in jobs
            .iter()
            .filter_map(|id| state.jobs.get(id))
            .filter_map(|job| Some((job, job.outcome()?)))
        {
            self.as_mut().rust_mut().calls.jobs.remove(&job.id);
            let failure = outcome.failure.as_ref().map(value::failure);
            self.as_mut().ended(
                QString::from(job.kind.as_str()),
                QString::from(outcome.ending.as_str()),
                value::number(outcome.snapshot.or(job.target)),
                failure.unwrap_or_else(value::nothing),
            );
            if self.calls.restart == Some(job.id) {
                self.as_mut().rust_mut().calls.restart = None;
                if outcome.ending == Ending::Done {
                    self.as_mut().restart();
                }
            }
        }
    }
}

/// Plasma asks, so that applications can save; without Plasma logind is asked.
async fn restart(client: &Client) -> Result<(), Error> {
    if client::session::prompt_restart(client).await.is_ok() {
        return Ok(());
    }
    client.restart().await
}
