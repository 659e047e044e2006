// SPDX-License-Identifier: GPL-3.0-or-later
//! What the bus objects share: the engine, the state as it was last told, and the jobs.

use crate::authority::Authority;
use crate::bisect::BisectFile;
use crate::bus;
use crate::checked::{Base, Checked};
use crate::emit::{self, Emission};
use crate::error::{from_engine, from_refusal};
use crate::idle::Idle;
use crate::jobs::Running;
use crate::policy::PolicyFile;
use crate::receipt::Receipts;
use crate::store::Store;
use crate::stream::Streams;
use engine::{Engine, System};
use model::{ChangeCounts, Job, JobId, Refusal, RefusalCode, SnapshotId, State, Timestamp, Updates};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use zbus::fdo::RequestNameFlags;
use zbus::{Connection, connection};

/// So many jobs that ended stay on the bus.
const REMEMBERED: usize = 20;
/// So many calls that read a lot are answered at a time.
const READERS: usize = 2;

/// What a helper is made of.
#[derive(Debug)]
pub struct Setup {
    /// What does the work.
    pub engine: Arc<dyn Engine>,
    /// Who may do what.
    pub authority: Arc<dyn Authority>,
    /// Where history, logs and the last check are kept.
    pub state_dir: PathBuf,
    /// Names this start of the system: after a restart it is another.
    pub boot: String,
    /// How long a job waits for an answer ([`PATIENCE`] but in tests).
    pub patience: Duration,
}

/// How long a job waits for an answer: long enough to read a license, short enough not to be in the way for a day.
pub const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// The service behind the objects.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) authority: Arc<dyn Authority>,
    pub(crate) store: Store,
    /// Locked while a change of the policy is made.
    pub(crate) policy: tokio::sync::Mutex<PolicyFile>,
    /// Locked while the search for a version is changed.
    pub(crate) bisect: tokio::sync::Mutex<BisectFile>,
    pub(crate) idle: Arc<Idle>,
    pub(crate) running: Mutex<BTreeMap<JobId, Arc<Running>>>,
    /// Held by what uses the package manager: an update waits until a check has stopped.
    pub(crate) packages: tokio::sync::Mutex<()>,
    /// Held by who asks the package manager something without a job: one after the other.
    pub(crate) questions: tokio::sync::Mutex<()>,
    pub(crate) readers: Semaphore,
    /// Snapshots came or went, or somebody came who wants to see them: their packages are counted.
    pub(crate) counting: Notify,
    pub(crate) streams: Streams,
    /// Held by what reads what snapshots cost: one after the other.
    pub(crate) measures: tokio::sync::Mutex<()>,
    /// Who waits for that, and what ends the waiting.
    pub(crate) measuring: Mutex<Vec<(String, Arc<engine::Cancel>)>>,
    pub(crate) subscribers: Mutex<HashSet<String>>,
    pub(crate) stopping: AtomicBool,
    pub(crate) patience: Duration,
    pub(crate) ended: Notify,
    /// An update was installed.
    pub(crate) updated: Notify,
    checked: Mutex<Checked>,
    receipts: Mutex<Receipts>,
    state: Mutex<State>,
    /// The last reading; locked while one is made, so that an older one never comes after a newer.
    system: tokio::sync::Mutex<Arc<System>>,
    emissions: mpsc::UnboundedSender<Emission>,
    connection: OnceLock<Connection>,
}

/// A helper on a connection.
#[derive(Debug)]
pub struct Served {
    connection: Connection,
    service: Arc<Service>,
}

/// Puts the helper's objects on a connection, then reports what an interrupted helper left behind, and looks after the
/// system from then on. [`Served::take_name`] is for the caller: objects come first, the name last.
pub async fn serve(setup: Setup, builder: connection::Builder<'_>) -> zbus::Result<Served> {
    let (emissions, mut receiver) = mpsc::unbounded_channel();
    let policy = PolicyFile::new(&setup.state_dir);
    let state = State {
        policy: policy.read(),
        ..State::default()
    };
    let service = Arc::new(Service {
        engine: setup.engine,
        authority: setup.authority,
        store: Store::open(&setup.state_dir),
        policy: tokio::sync::Mutex::new(policy),
        bisect: tokio::sync::Mutex::new(BisectFile::new(&setup.state_dir)),
        idle: Arc::default(),
        running: Mutex::default(),
        packages: tokio::sync::Mutex::default(),
        questions: tokio::sync::Mutex::default(),
        readers: Semaphore::new(READERS),
        counting: Notify::new(),
        streams: Streams::default(),
        measures: tokio::sync::Mutex::default(),
        measuring: Mutex::default(),
        subscribers: Mutex::default(),
        stopping: AtomicBool::new(false),
        patience: setup.patience,
        ended: Notify::new(),
        updated: Notify::new(),
        checked: Mutex::new(Checked::open(&setup.state_dir)),
        receipts: Mutex::new(Receipts::open(&setup.state_dir, &setup.boot)),
        state: Mutex::new(state),
        system: tokio::sync::Mutex::default(),
        emissions,
        connection: OnceLock::new(),
    });
    match service.refresh().await {
        Ok(system) => {
            let search = service.bisect.lock().await.read(&system);
            service.state().apply(model::Event::Bisect(search));
        }
        Err(error) => tracing::error!(error = error.chain(), "the system cannot be read"),
    }
    // Nobody listens yet, and whoever comes asks for everything.
    while receiver.try_recv().is_ok() {}
    let connection = bus::serve_at(builder, &service).build().await?;
    service
        .connection
        .set(connection.clone())
        .expect("the service was made a few lines above and has no connection yet");
    tokio::spawn(emit::run(connection.clone(), Arc::clone(&service), receiver));
    service.take_up().await;
    tokio::spawn(Arc::clone(&service).watch());
    tokio::spawn(Arc::clone(&service).count(setup.state_dir));
    tokio::spawn(Arc::clone(&service).keep_clean());
    Ok(Served { connection, service })
}

impl Served {
    /// The connection that the helper is on.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Takes the helper's name, now that its objects are there. An error when another helper has it: neither waits for
    /// the other's end nor takes it away, since two of them must never work on one system.
    pub async fn take_name(&self) -> zbus::Result<()> {
        let flags = RequestNameFlags::DO_NOT_QUEUE;
        self.connection
            .request_name_with_flags(wire::name::BUS, flags)
            .await
            .map(drop)
    }

    /// Gives the name up: the next call starts another helper.
    pub async fn leave_name(&self) -> zbus::Result<()> {
        self.connection.release_name(wire::name::BUS).await.map(drop)
    }

    /// Returns when nobody has needed the helper for so long.
    pub async fn idle(&self, time: Duration) {
        self.service.idle.quiet(&self.connection, time).await;
    }

    /// Whether somebody needs the helper now.
    pub fn is_needed(&self) -> bool {
        self.service.idle.is_held()
    }

    /// Accepts no more work, stops what can be stopped, and waits for the rest.
    pub async fn stop(&self) {
        self.service.stopping.store(true, Ordering::Release);
        for running in self.service.running().values() {
            running.cancel.request();
        }
        loop {
            let ended = self.service.ended.notified();
            if self.service.running().is_empty() {
                break;
            }
            ended.await;
        }
        self.service.flushed().await;
    }
}

impl Service {
    /// The state. The lock is never held over an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn running(&self) -> MutexGuard<'_, BTreeMap<JobId, Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn checked(&self) -> MutexGuard<'_, Checked> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection; `None` before it is there.
    pub(crate) fn connection(&self) -> Option<&Connection> {
        self.connection.get()
    }

    pub(crate) fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// Tells the bus. Nobody listens any more only when the process is about to end.
    pub(crate) fn emit(&self, emission: Emission) {
        let _ = self.emissions.send(emission);
    }

    /// Returns when everything told so far is on its way.
    pub(crate) async fn flushed(&self) {
        let (done, wait) = oneshot::channel();
        self.emit(Emission::Flush(done));
        // Dropped unsent only when the emitter ended.
        let _ = wait.await;
    }

    /// Runs what blocks on a thread of its own. A panic there is an error here.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&dyn Engine) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, engine::Error> {
        let engine = Arc::clone(&self.engine);
        match tokio::task::spawn_blocking(move || work(&*engine)).await {
            Ok(result) => result,
            Err(error) => Err(engine::Error::io("finish reading", std::io::Error::other(error))),
        }
    }

    /// Refuses a snapshot that is not there before anybody has to authenticate.
    pub(crate) async fn exists(self: &Arc<Self>, id: Option<SnapshotId>) -> Result<(), wire::Error> {
        let Some(id) = id else { return Ok(()) };
        self.refresh().await.map_err(from_engine)?;
        match self.state().snapshots.contains_key(&id) {
            true => Ok(()),
            false => Err(from_refusal(Refusal::of(RefusalCode::NoSuchSnapshot, id))),
        }
    }

    /// The start in which was asked what the last restart did not do.
    pub(crate) fn fell_back_since(&self) -> Option<String> {
        let receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.fell_back_since()
    }

    /// Reads the system again and tells what changed.
    pub(crate) async fn refresh(self: &Arc<Self>) -> Result<Arc<System>, engine::Error> {
        let mut last = self.system.lock().await;
        let system = self.blocking(|engine| engine.system()).await?;
        if !Arc::ptr_eq(&last, &system) {
            *last = Arc::clone(&system);
            let updates = self.checked().known(&Base::of(&system));
            let receipt = self
                .receipts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .observe(&system, self.now());
            let mut state = self.state();
            let next = State {
                updates,
                receipt,
                jobs: state.jobs.clone(),
                policy: state.policy,
                bisect: state.bisect.clone(),
                counts: counts_of(&state, &system),
                ..system.to_state()
            };
            for event in state.changes_to(&next) {
                self.emit(Emission::Event(event));
            }
            *state = next;
            self.counting.notify_one();
        }
        Ok(system)
    }

    /// Remembers and tells what is known about updates of a system.
    pub(crate) fn set_updates(&self, system: &System, updates: Updates) {
        self.checked().set(Base::of(system), updates.clone());
        let mut state = self.state();
        let event = model::Event::Updates(Box::new(updates));
        if state.apply(event.clone()) {
            self.emit(Emission::Event(event));
        }
    }

    /// Replaces a job in the state, tells it, and forgets the oldest that ended.
    pub(crate) fn put_job(&self, job: Job) {
        let mut state = self.state();
        let asked = state.jobs.get(&job.id).and_then(Job::asked).cloned();
        if !state.apply(model::Event::Job(Box::new(job.clone()))) {
            return;
        }
        // A license is long, and progress comes often.
        let asks = asked.as_ref() != job.asked();
        self.emit(Emission::Moved(Box::new(job), asks));
        let over = |job: &&Job| job.outcome().is_some();
        let count = state.jobs.values().filter(over).count();
        let old: Vec<JobId> = state
            .jobs
            .values()
            .filter(over)
            .map(|job| job.id)
            .take(count.saturating_sub(REMEMBERED))
            .collect();
        for id in old {
            state.apply(model::Event::JobGone(id));
            self.emit(Emission::Gone(id));
        }
    }

    /// Puts the last jobs of the history back on the bus.
    pub(crate) async fn remember(self: &Arc<Self>) {
        let mut past: Vec<Job> = self
            .store
            .past(REMEMBERED)
            .into_iter()
            .filter_map(|record| record.job.into())
            .collect();
        past.reverse();
        for job in past {
            self.state().apply(model::Event::Job(Box::new(job.clone())));
            self.emit(Emission::Began(Box::new(job)));
        }
        self.flushed().await;
    }
}

/// What was counted of the snapshots that are still there.
fn counts_of(state: &State, system: &System) -> BTreeMap<SnapshotId, ChangeCounts> {
    let counts = state
        .counts
        .iter()
        .filter(|(id, _)| system.snapshots.contains_key(id));
    counts.map(|(id, counts)| (*id, *counts)).collect()
}
