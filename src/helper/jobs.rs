// SPDX-License-Identifier: GPL-3.0-or-later
//! A job from its first line to its outcome.

use crate::begin::asking_action;
use crate::emit::Emission;
use crate::idle::Hold;
use crate::inhibit::inhibit;
use crate::log::Ring;
use crate::outcome::{Done, Verdict};
use crate::service::Service;
use crate::store::Record;
use engine::{Cancel, Context, Engine, Report, Unasked};
use model::{
    Asked, Failure, FailureCode, Job, JobId, JobKind, JobState, Phase, Progress, Question, Timestamp,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
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
    asked: Option<Box<Asked>>,
    /// How often it asked.
    questions: u32,
    answer: Option<u32>,
}

/// A job that runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// Asks it to stop.
    pub(crate) cancel: Cancel,
    said: Mutex<Said>,
    /// It entered a phase or asked: the task looks at once.
    moved: Notify,
    answered: Condvar,
    /// How long a question waits for its answer.
    patience: Duration,
}

impl Running {
    pub(crate) fn new(cancel: Cancel, patience: Duration) -> Self {
        Self {
            cancel,
            said: Mutex::new(Said {
                progress: Progress::at(Phase::Prepare),
                log: Ring::default(),
                asked: None,
                questions: 0,
                answer: None,
            }),
            moved: Notify::new(),
            answered: Condvar::new(),
            patience,
        }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The question with this number, while it waits.
    pub(crate) fn question(&self, number: u32) -> Option<Question> {
        let said = self.said();
        let asked = said.asked.as_ref().filter(|asked| asked.number == number);
        asked.map(|asked| asked.question.clone())
    }

    /// Answers the question with this number. Returns whether it still waited.
    pub(crate) fn answer(&self, number: u32, choice: u32) -> bool {
        let mut said = self.said();
        let waits = said.asked.as_ref().is_some_and(|asked| asked.number == number);
        if waits && said.answer.is_none() {
            said.answer = Some(choice);
            self.answered.notify_all();
            return true;
        }
        false
    }

    /// Waits for the answer; `None` when nobody gave one in time.
    fn wait(&self, mut said: MutexGuard<'_, Said>) -> Result<Option<u32>, engine::Error> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(choice) = said.answer {
                return Ok(Some(choice));
            }
            self.cancel.check()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // A request to stop is only seen by looking.
            let waited = self.answered.wait_timeout(said, left.min(TICK));
            said = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
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

    fn can_ask(&self) -> bool {
        true
    }

    fn ask(&self, question: &Question) -> Result<Option<u32>, engine::Error> {
        let mut said = self.said();
        said.questions += 1;
        said.answer = None;
        said.asked = Some(Box::new(Asked {
            number: said.questions,
            until: moment(self.patience),
            question: question.clone(),
        }));
        self.moved.notify_one();
        let answer = self.wait(said);
        let mut said = self.said();
        said.asked = None;
        drop(said);
        self.moved.notify_one();
        match answer? {
            Some(choice) => Ok(Some(choice)),
            None => {
                let detail = format!("nobody answered within {} seconds", self.patience.as_secs());
                let mut failure =
                    Failure::new(FailureCode::Unanswered, detail).with("question", question.kind.as_str());
                failure.args.extend(question.args.clone());
                Err(engine::Error::Packages(failure))
            }
        }
    }
}

/// The time of day in so long.
fn moment(from_now: Duration) -> Timestamp {
    let time = SystemTime::now() + from_now;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
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
                let asks_repositories = matches!(kind, JobKind::Check | JobKind::Download);
                let _packages = match asks_repositories || kind.changes_packages() {
                    true => Some(service.packages.lock().await),
                    false => None,
                };
                let engine = Arc::clone(&service.engine);
                tokio::task::spawn_blocking(move || perform(&*engine, &running, kind, work)).await
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
        let (progress, asked, first, lines, unwritten) = {
            let said = self.running.said();
            let (first, lines) = said.log.tail(self.told);
            let from = self.log.written().max(said.log.first());
            let unwritten: Vec<String> = said.log.since(from).map(str::to_owned).collect();
            let (progress, asked) = (said.progress.clone(), said.asked.clone());
            (progress, asked, first, lines, (from, unwritten))
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
                asked,
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
fn perform(engine: &dyn Engine, running: &Running, kind: JobKind, work: Work) -> Verdict {
    let unasked = Unasked(running);
    let context = Context {
        report: match asking_action(kind) {
            Some(_) => running,
            None => &unasked,
        },
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
