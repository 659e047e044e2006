// SPDX-License-Identifier: GPL-3.0-or-later
//! The loop: wait for an event or for the next due moment, take in what happened, show what follows from it.

mod act;
mod night;
mod rhythm;
mod wake;

use crate::event::{self, Event, Sender};
use crate::icon::Icon;
use crate::job_view::JobViews;
use crate::link::Link;
use crate::notify::Notifier;
use crate::runner::{self, Runner};
use crate::service::{self, Said, Service};
use crate::system::System;
use crate::tray::{self, Command, Moment};
use crate::{memory, session, settings};
use anyhow::{Context, Result};
use client::Bus;
use model::{Memory, Notice, Pause, State, Surroundings, Timestamp, Wait};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep_until};
use wake::Wake;
use zbus::{Connection, connection, fdo::RequestNameFlags, fdo::RequestNameReply};

/// Held on the session bus, so that there is one agent in a session.
pub(crate) const NAME: &str = "org.kedge.Kedge.Agent";
/// How long anybody on the session bus may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon to look again for a system bus or a helper that could not be reached.
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);
/// How often the distribution's word of an update is followed. Anybody may send it, and each time the helper wakes up.
const HEED: Duration = Duration::from_secs(60);

/// Runs until the session ends.
pub(crate) async fn run(bus: Bus, login_delay: Duration) -> Result<()> {
    let session = connection::Builder::session()
        .method_timeout(PATIENCE)
        .build()
        .await
        .context("connect to the session bus")?;
    let (events, mut receiver) = event::channel();
    // Whoever starts the agent by its name calls these at once.
    let objects = session.object_server();
    objects.at(service::PATH, Service::new(events.clone())).await?;
    objects.at(runner::PATH, Runner::new(events.clone())).await?;
    let asked = session
        .request_name_with_flags(NAME, RequestNameFlags::DO_NOT_QUEUE)
        .await;
    match asked {
        Ok(RequestNameReply::PrimaryOwner | RequestNameReply::AlreadyOwner) => {}
        Ok(_) | Err(zbus::Error::NameTaken) => {
            tracing::info!("an agent runs in this session already");
            return Ok(());
        }
        Err(error) => return Err(error).context("own the agent's name"),
    }
    session::listen(&session, events.clone())
        .await
        .context("listen to the session bus")?;
    stop_on_signal(events.clone())?;
    let mut agent = Agent::new(bus, session, events, login_delay);
    agent.connect_system().await;
    agent.keep_planned_night().await;
    loop {
        let wake = agent.refresh().await;
        let happened = tokio::select! {
            event = receiver.recv() => event,
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => None,
        };
        let mut next = happened;
        while let Some(event) = next {
            if matches!(event, Event::Stop) {
                agent.job_views.end().await;
                agent.save();
                return Ok(());
            }
            agent.take(event).await;
            next = receiver.try_recv().ok();
        }
    }
}

fn stop_on_signal(events: Sender) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("watch for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watch for signals")?;
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        events.send(Event::Stop);
    });
    Ok(())
}

struct Agent {
    bus: Bus,
    events: Sender,
    session: Connection,
    system: Option<System>,
    /// When to look for what could not be reached.
    look_again: Option<Instant>,
    link: Link,
    /// The last state that was seen; `None` before the first.
    state: Option<Arc<State>>,
    memory: Memory,
    saved: Memory,
    memory_path: Option<PathBuf>,
    around: Surroundings,
    wait: Option<Wait>,
    /// When a check was last asked for.
    tried: Option<Timestamp>,
    icon: Icon,
    job_views: JobViews,
    notifier: Notifier,
    /// Identity of this start of the system.
    boot: String,
    /// Until then the session is left alone.
    calm: Instant,
    /// Whether there is somebody who can tell us at night.
    nights: bool,
    /// It is the night for which a restart was agreed to.
    night: bool,
    /// When the distribution's word of an update was last followed.
    heeded: Option<Instant>,
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Midnight at the end of this day, where the person is.
fn end_of_day() -> Timestamp {
    use chrono::{Days, Local, NaiveTime};
    let tomorrow = Local::now().date_naive().checked_add_days(Days::new(1));
    let midnight = tomorrow.and_then(|day| day.and_time(NaiveTime::MIN).and_local_timezone(Local).earliest());
    midnight.map_or_else(now, |moment| Timestamp::from_seconds(moment.timestamp()))
}

/// Free space of the disk that updates go to.
fn free_space() -> Option<u64> {
    let disk = rustix::fs::statvfs("/").ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

impl Agent {
    fn new(bus: Bus, session: Connection, events: Sender, login_delay: Duration) -> Self {
        let memory_path = memory::path();
        let memory = match &memory_path {
            Some(path) => memory::load(path, now()),
            None => Memory {
                since: now(),
                ..Memory::default()
            },
        };
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            link: Link::new(bus.clone(), events.clone()),
            icon: Icon::new(session.clone(), events.clone()),
            job_views: JobViews::new(session.clone()),
            notifier: Notifier::new(session.clone()),
            bus,
            events,
            session,
            system: None,
            look_again: None,
            state: None,
            saved: Memory::default(),
            memory,
            memory_path,
            around: Surroundings::default(),
            wait: None,
            tried: None,
            boot: boot.trim().to_owned(),
            calm: Instant::now() + login_delay,
            nights: false,
            night: false,
            heeded: None,
        }
    }

    async fn connect_system(&mut self) {
        match System::connect(&self.bus, self.events.clone()).await {
            Ok(system) => {
                self.around = client::surroundings(&system.connection).await;
                // A helper that runs already costs nothing: perhaps it is in the middle of a job.
                if system.has_helper().await {
                    self.link.client();
                }
                self.system = Some(system);
                self.look_again = None;
            }
            Err(error) => {
                tracing::warn!(%error, "the system bus cannot be reached");
                self.look_again = Some(Instant::now() + LOOK_AGAIN);
            }
        }
    }

    /// Takes in what happened.
    async fn take(&mut self, event: Event) {
        match event {
            Event::Command(command, token) => self.obey(command, token).await,
            Event::Pressed { id, key } => {
                if let Some((notice, command, token)) = self.notifier.pressed(id, &key) {
                    self.memory.acknowledge(notice);
                    self.obey(command, token).await;
                }
            }
            Event::Closed(id, by_person) => {
                let notice = self.notifier.closed(id);
                if let Some(Notice::Receipt) = notice.filter(|_| by_person) {
                    self.memory.acknowledge(Notice::Receipt);
                }
            }
            Event::Token(id, token) => self.notifier.keep_token(id, token),
            Event::CancelPressed(path) => {
                if let Some(job) = self.job_views.cancel_pressed(&path) {
                    self.obey(Command::Cancel(job), None).await;
                }
            }
            Event::TrayAppeared => self.icon.register().await,
            Event::JobViewsAppeared => self.job_views.server_appeared(),
            Event::View(number, view) if self.link.is_present(number) => match view.link {
                client::Link::Ready => {
                    self.state = Some(view.state);
                    self.link.touch();
                }
                client::Link::Lost { detail } => tracing::info!(detail, "the helper cannot be reached"),
                client::Link::Connecting => {}
            },
            Event::View(..) => {}
            Event::HelperStirs => drop(self.link.client()),
            Event::OutsideUpdate => self.heed(),
            Event::NightHasCome => self.night_has_come().await,
            Event::Resumed => {
                self.calm = self.calm.max(Instant::now() + model::AFTER_LOGIN);
                self.look_around().await;
            }
            Event::SurroundingsChanged => self.look_around().await,
            Event::Called(command, result) => self.called(command, result).await,
            Event::SystemGone => {
                self.system = None;
                self.look_again = Some(Instant::now() + LOOK_AGAIN);
            }
            // What follows is read anew.
            Event::SettingsChanged | Event::Stop => {}
        }
    }

    /// Looks whether the distribution's tool made an update, as somebody says.
    fn heed(&mut self) {
        if self.heeded.is_some_and(|at| at.elapsed() < HEED) {
            return;
        }
        tracing::info!("somebody says that the distribution's tool made an update");
        self.heeded = Some(Instant::now());
        self.link.client();
    }

    async fn look_around(&mut self) {
        if let Some(system) = &self.system {
            self.around = client::surroundings(&system.connection).await;
        }
    }

    /// Shows what follows from all that is known. Returns when to look again.
    async fn refresh(&mut self) -> Option<Instant> {
        let moment = now();
        let mut wake = Wake::new(moment);
        if self.look_again.is_some_and(|at| at <= Instant::now()) {
            self.look_again = None;
            if self.system.is_none() {
                self.connect_system().await;
            }
        }
        wake.at(self.look_again);
        if self.calm > Instant::now() {
            wake.at(Some(self.calm));
        } else if self.state.is_none() && self.look_again.is_none() {
            self.link.client();
            // A helper that does not come is asked again later.
            self.look_again = Some(Instant::now() + LOOK_AGAIN);
            wake.at(self.look_again);
        }
        let mut busy = false;
        if let Some(state) = self.state.clone() {
            busy = state.jobs.values().any(|job| job.outcome().is_none());
            let due = self.tell(&state, busy, moment, &mut wake).await;
            self.check(&state, busy, moment, &mut wake);
            let mut tray = tray::tray(
                &state,
                &self.memory,
                Moment {
                    now: moment,
                    boot: &self.boot,
                    wait: self.wait,
                    nights: self.nights,
                },
            );
            if !settings::shows_icon() {
                tray.show = tray::Show::Hidden;
            }
            if let Err(error) = self.icon.show(&tray).await {
                tracing::warn!(%error, "the icon cannot be shown");
            }
            self.job_views.show(&state).await;
            self.pass_night(&state, &mut wake).await;
            let said = Said {
                planned: self.memory.planned_restart(&self.boot),
                nights: self.nights,
                wait: self.wait.or_else(|| self.automatic_wait(&state, moment)),
            };
            if let Err(error) = service::say(&self.session, said).await {
                tracing::warn!(%error, "the window is not told");
            }
            // Last, as it may take a while where no notification server runs yet.
            for notification in due {
                self.say(notification).await;
            }
        }
        if let Pause::Until { end } = self.memory.pause
            && end > moment
        {
            wake.on(end);
        }
        wake.at(self.link.rest(busy));
        self.save();
        wake.first
    }

    fn save(&mut self) {
        if self.memory == self.saved {
            return;
        }
        let Some(path) = &self.memory_path else { return };
        match memory::save(path, &self.memory) {
            Ok(()) => self.saved = self.memory.clone(),
            Err(error) => tracing::warn!("the memory cannot be kept: {error:#}"),
        }
    }
}
