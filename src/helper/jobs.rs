// SPDX-License-Identifier: GPL-3.0-or-later
//! A job from its first line to its outcome.

use crate::emit::Emission;
use crate::idle::Hold;
use crate::inhibit::inhibit;
use crate::log::Ring;
use crate::outcome::{Done, Verdict};
use crate::service::Service;
use crate::store::Record;
use engine::{Cancel, Context, Engine, Report};
use model::{Job, JobId, JobKind, JobState, Phase, Progress};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use zbus::OwnedFd;

/// Between two signals about one job.
const TICK: Duration = Duration::from_millis(100);

/// What a job does, on a thread of its own.
pub(crate) type Work = Box<dyn FnOnce(&dyn Engine, &Context<'_>) -> Result<Done, engine::Error> + Send>;

/// What of a job changes while it runs, written by its thread and told by its task.
#[derive(Debug)]
struct Said {
    progress: Progress,
    log: Ring,
}

/// A job that runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// Asks it to stop.
    pub(crate) cancel: Cancel,
    said: Mutex<Said>,
    /// It entered a phase: the task looks at once.
    moved: Notify,
}

impl Running {
    pub(crate) fn new(cancel: Cancel) -> Self {
        Self {
            cancel,
            said: Mutex::new(Said {
                progress: Progress::at(Phase::Prepare),
                log: Ring::default(),
            }),
            moved: Notify::new(),
        }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A bounded piece of the log.
    pub(crate) fn read_log(&self, from: u64) -> (u64, Vec<String>) {
        self.said().log.piece(from)
    }
}

impl Report for Running {
    fn progress(&self, mut progress: Progress) {
        let mut said = self.said();
        // One number for every face, and it never falls.
        progress.permille = progress
            .permille
            .map(|it| it.min(1000))
            .max(said.progress.permille);
        let entered = progress.phase != said.progress.phase;
        said.progress = progress;
        drop(said);
        if entered {
            self.moved.notify_one();
        }
    }

    fn log(&self, line: &str) {
        self.said().log.push(line);
    }
}

/// From this phase on an interruption would cost work or leave something behind.
fn must_not_be_interrupted(phase: Phase) -> bool {
    match phase {
        Phase::Prepare | Phase::Refresh | Phase::Download => false,
        Phase::Install | Phase::Verify | Phase::Commit | Phase::CleanUp => true,
    }
}

/// A job with everything that lasts as long as it does.
pub(crate) struct Task {
    service: Arc<Service>,
    running: Arc<Running>,
    record: Record,
    log: crate::store::LogWriter,
    told: u64,
    lock: Option<Option<OwnedFd>>,
    _hold: Hold,
}

impl Task {
    pub(crate) fn new(service: &Arc<Service>, running: Arc<Running>, record: Record) -> Self {
        Self {
            running,
            log: service.store.log_writer(record.job.id),
            record,
            told: 0,
            lock: None,
            _hold: service.idle.hold(),
            service: Arc::clone(service),
        }
    }

    pub(crate) fn id(&self) -> JobId {
        JobId(self.record.job.id)
    }

    /// Writes down that the job began, so that a helper that is killed in it finds it.
    pub(crate) fn write_down(&self) {
        self.service.store.put(self.record.clone());
    }

    /// Runs the job to its end.
    pub(crate) async fn run(mut self, kind: JobKind, work: Work) {
        tracing::info!(id = %self.id(), %kind, uid = self.record.job.uid, "begins");
        let verdict = {
            let service = Arc::clone(&self.service);
            let running = Arc::clone(&self.running);
            let worker = async {
                let _packages = match kind {
                    JobKind::Check | JobKind::Download | JobKind::Update => {
                        Some(service.packages.lock().await)
                    }
                    _ => None,
                };
                let engine = Arc::clone(&service.engine);
                tokio::task::spawn_blocking(move || perform(&*engine, &running, work)).await
            };
            let mut worker = std::pin::pin!(worker);
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let running = Arc::clone(&self.running);
                // A phase that begins is told at once: it may be the one that must not be interrupted.
                tokio::select! {
                    done = &mut worker => break done,
                    _ = ticks.tick() => {}
                    () = running.moved.notified() => {}
                }
                self.tell().await;
            }
        };
        let verdict = verdict.unwrap_or_else(|error| Verdict::Panicked(error.to_string()));
        self.tell().await;
        self.end(kind, verdict).await;
    }

    /// Tells progress and log, as far as they are new.
    async fn tell(&mut self) {
        let (progress, first, lines, unwritten) = {
            let said = self.running.said();
            let (first, lines) = said.log.tail(self.told);
            let from = self.log.written().max(said.log.first());
            let unwritten: Vec<String> = said.log.since(from).map(str::to_owned).collect();
            (said.progress.clone(), first, lines, (from, unwritten))
        };
        if !unwritten.1.is_empty() {
            self.write_log(unwritten).await;
        }
        if !lines.is_empty() {
            self.told = first + lines.len() as u64;
            self.service.emit(Emission::Log(self.id(), first, lines));
        }
        if must_not_be_interrupted(progress.phase) && self.lock.is_none() {
            self.lock = Some(match self.service.connection() {
                Some(connection) => inhibit(connection).await,
                None => None,
            });
        }
        let job = self.service.state().jobs.get(&self.id()).cloned();
        if let Some(mut job) = job {
            job.state = JobState::Running {
                progress,
                cancellable: self.running.cancel.is_open(),
            };
            self.service.put_job(job);
        }
    }

    /// Writing may wait for a disk that is busy with the update.
    async fn write_log(&mut self, (first, lines): (u64, Vec<String>)) {
        let mut log = std::mem::replace(&mut self.log, self.service.store.log_writer(self.record.job.id));
        let written = tokio::task::spawn_blocking(move || {
            let result = log.write(first, &lines);
            (log, result)
        });
        match written.await {
            Ok((log, result)) => {
                self.log = log;
                if let Err(error) = result {
                    tracing::warn!(%error, id = %self.id(), "the log cannot be written");
                }
            }
            Err(error) => tracing::error!(%error, "the log's writer is gone"),
        }
    }

    /// Looks at the system, then tells what the job came to.
    async fn end(self, kind: JobKind, verdict: Verdict) {
        if let Verdict::Panicked(what) = &verdict {
            tracing::error!(id = %self.id(), what, "the job panicked");
            self.service.recover_after_panic().await;
        }
        let system = self.service.refresh().await;
        if let Err(error) = &system {
            tracing::error!(error = error.chain(), "the system cannot be read after a job");
        }
        let now = self.service.now();
        let outcome = verdict.outcome(kind, self.record.default, system.as_deref().ok(), now);
        if let Ok(system) = &system {
            self.service.learn(kind, &verdict, system);
        }
        tracing::info!(
            id = %self.id(), ending = %outcome.ending, machine = %outcome.machine,
            failure = outcome.failure.as_ref().map(|failure| failure.detail.as_str()),
            "ends"
        );
        let job = self.service.state().jobs.get(&self.id()).cloned();
        if let Some(job) = job {
            let job = Job {
                state: JobState::Ended(outcome),
                ..job
            };
            self.service.store.put(Record {
                job: (&job).into(),
                ..self.record
            });
            // The machine may stop from here on; whoever reads "ended" may rely on it.
            drop(self.lock);
            self.service.running().remove(&job.id);
            let is_updated = kind == JobKind::Update
                && job
                    .outcome()
                    .is_some_and(|outcome| outcome.ending == model::Ending::Done);
            self.service.put_job(job);
            if is_updated {
                self.service.updated.notify_one();
            }
        }
        self.service.ended.notify_waiters();
    }
}

/// The work itself. A panic ends the job and nothing else.
fn perform(engine: &dyn Engine, running: &Running, work: Work) -> Verdict {
    let context = Context {
        report: running,
        cancel: &running.cancel,
    };
    // Before the first step: a job that waited may have been cancelled meanwhile.
    if let Err(error) = running.cancel.check() {
        return Verdict::of(Err(error));
    }
    match catch_unwind(AssertUnwindSafe(|| work(engine, &context))) {
        Ok(result) => Verdict::of(result),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Verdict::Panicked(text.unwrap_or("a panic without words").to_owned())
        }
    }
}
