// SPDX-License-Identifier: GPL-3.0-or-later
//! The client's task: connect, subscribe, fetch, fold, and begin again when the helper or the bus goes away.

use crate::fold::{bisect_event, fold, manager_events};
use crate::{Bus, Link, View};
use futures_util::StreamExt;
use model::{Event, Job, Policy, State};
use std::future::Future;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::{BusName, InterfaceName, OwnedUniqueName, WellKnownName};
use zbus::{Connection, MatchRule, Message, MessageStream, connection, message};

/// How long a helper that went away may take to come back before the link counts as lost.
const GRACE: Duration = Duration::from_secs(1);
/// Between attempts: first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// A helper that went away sooner than this after it came is not asked for again without a pause.
const STEADY: Duration = Duration::from_secs(5);
/// A bus that does not greet within this time counts as down.
const GREETING: Duration = Duration::from_secs(10);

/// Runs until nobody looks at the view any more.
pub(crate) async fn run(bus: Bus, view: watch::Sender<View>, connections: watch::Sender<Option<Connection>>) {
    let mut pause = RETRY.0;
    loop {
        let began = Instant::now();
        let end = tokio::select! {
            () = view.closed() => return,
            end = connected(&bus, &view, &connections) => end,
        };
        connections.send_replace(None);
        lost(&view, end.to_string());
        pause = next_pause(pause, began);
        tokio::select! {
            () = view.closed() => return,
            () = sleep(pause) => {}
        }
    }
}

/// Runs until nobody looks at the view any more or the other end is gone, which does not come back.
pub(crate) async fn run_peer(
    socket: UnixStream,
    view: watch::Sender<View>,
    connections: watch::Sender<Option<Connection>>,
) {
    let peer = async {
        let build = connection::Builder::unix_stream(socket).p2p().build();
        let connection = timeout(GREETING, build)
            .await
            .map_err(|_| zbus::Error::Failure("the helper does not answer".into()))??;
        let mut link = Session {
            messages: MessageStream::from(&connection),
            connection: connection.clone(),
            bus: None,
            waiting: Vec::new(),
        };
        connections.send_replace(Some(connection));
        link.follow(None, &view).await
    };
    let end = tokio::select! {
        () = view.closed() => return,
        end = peer => end,
    };
    connections.send_replace(None);
    let detail = end.map_or_else(|error| error.to_string(), |_| "the helper has ended".to_owned());
    lost(&view, detail);
    view.closed().await;
}

fn next_pause(pause: Duration, began: Instant) -> Duration {
    if began.elapsed() > STEADY {
        RETRY.0
    } else {
        (pause * 2).min(RETRY.1)
    }
}

fn lost(view: &watch::Sender<View>, detail: String) {
    view.send_if_modified(|view| {
        let link = Link::Lost { detail };
        let changed = view.link != link;
        view.link = link;
        changed
    });
}

/// One connection, to its end.
async fn connected(
    bus: &Bus,
    view: &watch::Sender<View>,
    connections: &watch::Sender<Option<Connection>>,
) -> zbus::Error {
    let attempt = async {
        let connection = timeout(GREETING, connect(bus))
            .await
            .map_err(|_| zbus::Error::Failure("the bus does not answer".into()))??;
        let mut link = Session::new(connection.clone()).await?;
        connections.send_replace(Some(connection));
        link.serve(view).await
    };
    match attempt.await {
        Ok(()) => zbus::Error::Failure("the connection to the bus ended".into()),
        Err(error) => error,
    }
}

async fn connect(bus: &Bus) -> zbus::Result<Connection> {
    let builder = match bus {
        Bus::System => connection::Builder::system(),
        Bus::Session => connection::Builder::session(),
        Bus::Address(address) => connection::Builder::address(address.as_str()),
        Bus::Peer => return Err(zbus::Error::Failure("there is no bus".into())),
    };
    builder.build().await
}

/// Why the helper has to be fetched from anew.
enum Gap {
    /// The connection ended.
    Closed,
    /// The helper is gone.
    Gone,
    /// Another one took the name.
    Replaced(OwnedUniqueName),
}

/// One connection to a bus, with every message of it in the order of arrival.
struct Session {
    connection: Connection,
    messages: MessageStream,
    /// `None` where the helper is the other end.
    bus: Option<DBusProxy<'static>>,
    /// What arrived while a reply was awaited.
    waiting: Vec<Message>,
}

fn helper_name() -> WellKnownName<'static> {
    WellKnownName::from_static_str(wire::name::BUS).expect("our bus name follows the rules of D-Bus")
}

impl Session {
    async fn new(connection: Connection) -> zbus::Result<Self> {
        let messages = MessageStream::from(&connection);
        let proxy = DBusProxy::new(&connection).await?;
        let mut session = Self {
            connection,
            messages,
            bus: Some(proxy.clone()),
            waiting: Vec::new(),
        };
        for rule in rules()? {
            let bus = proxy.clone();
            session
                .answered(async move { Ok(bus.add_match_rule(rule).await?) })
                .await?;
        }
        Ok(session)
    }

    /// Waits for a reply while it keeps what else arrives: the stream has to be read for replies to come.
    async fn answered<T>(&mut self, call: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
        let mut call = pin!(call);
        loop {
            tokio::select! {
                biased;
                reply = &mut call => return reply,
                message = self.messages.next() => match message {
                    Some(Ok(message)) if message.message_type() == message::Type::Signal => self.waiting.push(message),
                    Some(_) => {}
                    None => return call.await,
                },
            }
        }
    }

    /// Serves until the connection ends.
    async fn serve(&mut self, view: &watch::Sender<View>) -> zbus::Result<()> {
        let mut pause = RETRY.0;
        loop {
            let began = Instant::now();
            let mut owner = match self.activated(view).await {
                Ok(owner) => owner,
                Err(error) if self.connection.is_closed() => return Err(error),
                Err(error) => {
                    lost(view, error.to_string());
                    if self.wait_for_helper(pause).await.is_err() {
                        return Ok(());
                    }
                    pause = next_pause(pause, began);
                    continue;
                }
            };
            let gap = loop {
                match self.follow(Some(&owner), view).await? {
                    Gap::Replaced(next) => owner = next,
                    gap => break gap,
                }
            };
            if matches!(gap, Gap::Closed) {
                return Ok(());
            }
            tracing::info!("the helper left the bus");
            if began.elapsed() < STEADY {
                lost(view, "the helper left the bus".into());
                if self.wait_for_helper(pause).await.is_err() {
                    return Ok(());
                }
            }
            pause = next_pause(pause, began);
        }
    }

    /// The owner of the helper's name, started if it has to be. The link is lost while that takes long.
    async fn activated(&mut self, view: &watch::Sender<View>) -> zbus::Result<OwnedUniqueName> {
        let bus = self.bus.clone();
        let mut start = pin!(self.answered(async move {
            let bus = bus.ok_or_else(|| zbus::Error::Failure("there is no bus".into()))?;
            // Asked first: a bus without our service file (a private one) refuses to start even what runs already.
            if let Ok(owner) = bus.get_name_owner(BusName::from(helper_name())).await {
                return Ok(owner);
            }
            bus.start_service_by_name(helper_name(), 0).await?;
            Ok(bus.get_name_owner(BusName::from(helper_name())).await?)
        }));
        match timeout(GRACE, &mut start).await {
            Ok(owner) => owner,
            Err(_) => {
                // At the very beginning nothing was had that could be lost.
                if view.borrow().link == Link::Ready {
                    lost(view, "the helper left the bus and is being started".into());
                }
                start.await
            }
        }
    }

    /// Waits until the helper appears by itself, at most for a while. An error when the connection ended.
    async fn wait_for_helper(&mut self, pause: Duration) -> Result<(), ()> {
        let mut timer = pin!(sleep(pause));
        loop {
            tokio::select! {
                () = &mut timer => return Ok(()),
                message = self.messages.next() => match message {
                    Some(Ok(message)) if matches!(new_owner(&message), Some(Some(_))) => return Ok(()),
                    Some(_) => {}
                    None => return Err(()),
                },
            }
        }
    }

    /// Fetches everything from this helper, then folds its signals until there is a gap.
    async fn follow(
        &mut self,
        owner: Option<&OwnedUniqueName>,
        view: &watch::Sender<View>,
    ) -> zbus::Result<Gap> {
        self.waiting.clear();
        let connection = self.connection.clone();
        let state = match self.answered(fetch(&connection, owner)).await {
            Ok(state) => state,
            Err(error) if self.connection.is_closed() || owner.is_none() => return Err(error),
            Err(error) => {
                lost(view, error.to_string());
                // It may be gone, or a stranger; begin again with whoever owns the name then.
                return Ok(if self.wait_for_helper(RETRY.1).await.is_err() {
                    Gap::Closed
                } else {
                    Gap::Gone
                });
            }
        };
        let mut state = Arc::new(state);
        let mut changed = true;
        let mut batch = std::mem::take(&mut self.waiting);
        loop {
            for message in batch.drain(..) {
                match new_owner(&message).filter(|_| owner.is_some()) {
                    Some(Some(next)) if Some(&next) == owner => {}
                    Some(Some(next)) => return Ok(Gap::Replaced(next)),
                    Some(None) => return Ok(Gap::Gone),
                    // Anybody may send a signal to us; only the helper's count.
                    None if message.header().sender() == owner.map(|name| &**name) => {
                        changed |= fold(Arc::make_mut(&mut state), &message);
                    }
                    None => {}
                }
            }
            if changed {
                view.send_replace(View {
                    link: Link::Ready,
                    state: state.clone(),
                });
                changed = false;
            }
            // One message, and all others that are there already: a burst becomes one view.
            match self.messages.next().await {
                Some(Ok(message)) => batch.push(message),
                Some(Err(error)) => tracing::warn!(%error, "a message cannot be read"),
                None => return Ok(Gap::Closed),
            }
            while let Some(Some(next)) = futures_util::FutureExt::now_or_never(self.messages.next()) {
                batch.extend(next.ok());
            }
            batch.retain(|message| message.message_type() == message::Type::Signal);
        }
    }
}

/// The new owner of the helper's name, when that is what a message is about: `Some(None)` for none.
fn new_owner(message: &Message) -> Option<Option<OwnedUniqueName>> {
    let header = message.header();
    let from_bus = header
        .sender()
        .is_some_and(|sender| sender.as_str() == "org.freedesktop.DBus");
    if !from_bus
        || header
            .member()
            .is_none_or(|member| member.as_str() != "NameOwnerChanged")
    {
        return None;
    }
    let body = message.body();
    let (name, _, owner): (String, String, String) = body.deserialize().ok()?;
    (name == wire::name::BUS).then(|| OwnedUniqueName::try_from(owner).ok())
}

/// What to hear of: the name's owner, the helper's object, and the properties of its jobs. Logs are asked for where
/// they are shown.
fn rules() -> zbus::Result<[MatchRule<'static>; 3]> {
    let signals = || MatchRule::builder().msg_type(message::Type::Signal);
    Ok([
        signals()
            .sender("org.freedesktop.DBus")
            .interface("org.freedesktop.DBus")
            .member("NameOwnerChanged")
            .add_arg(wire::name::BUS)
            .build()?,
        signals().sender(wire::name::BUS).path(wire::name::PATH).build()?,
        signals()
            .sender(wire::name::BUS)
            .interface("org.freedesktop.DBus.Properties")
            .path_namespace(wire::name::JOBS)
            .build()?,
    ])
}

/// Everything the helper knows.
async fn fetch(connection: &Connection, owner: Option<&OwnedUniqueName>) -> zbus::Result<State> {
    let to = owner.map_or_else(
        || BusName::from(helper_name()),
        |owner| BusName::from(owner.clone()),
    );
    let manager = wire::ManagerProxy::builder(connection)
        .destination(to.clone())
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    let properties = PropertiesProxy::builder(connection)
        .destination(to.clone())
        .path(wire::name::PATH)
        .build()
        .await?;
    let snapshots = wire::SnapshotsProxy::builder(connection)
        .destination(to.clone())
        .build()
        .await?;
    let changes = wire::ChangesProxy::builder(connection)
        .destination(to.clone())
        .build()
        .await?;
    let updates = wire::UpdatesProxy::builder(connection)
        .destination(to)
        .build()
        .await?;
    let interface = InterfaceName::from_static_str(wire::name::MANAGER)?;
    let settings = InterfaceName::from_static_str(wire::name::SETTINGS)?;
    let bisect = InterfaceName::from_static_str(wire::name::BISECT)?;
    let ((), of_manager, of_settings, of_bisect, jobs, list, (known,)) = tokio::try_join!(
        manager.subscribe(),
        async { Ok(properties.get_all(interface).await?) },
        async { Ok(properties.get_all(settings).await?) },
        async { Ok(properties.get_all(bisect).await?) },
        manager.list_jobs(),
        snapshots.list(),
        updates.get(),
    )?;

    let mut state = State {
        snapshots: list
            .into_iter()
            .map(model::Snapshot::from)
            .map(|snapshot| (snapshot.id, snapshot))
            .collect(),
        updates: known.into(),
        policy: wire::policy_with_properties(&Policy::default(), of_settings),
        jobs: jobs
            .into_iter()
            .filter_map(Option::<Job>::from)
            .map(|job| (job.id, job))
            .collect(),
        ..State::default()
    };
    // After the subscription, which makes the helper count.
    let counts = changes.counts().await?.into_iter().map(Into::into).collect();
    state.apply(Event::Counts(counts));
    let mut events: Vec<Event> = manager_events(&state, of_manager)?;
    events.extend(bisect_event(of_bisect)?);
    for event in events {
        state.apply(event);
    }
    Ok(state)
}
