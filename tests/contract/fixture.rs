// SPDX-License-Identifier: GPL-3.0-or-later
//! A helper in this process, with a machine in memory and an authority that counts.

use client::{Bus, Client, Link, View};
use engine::{Scenario, SimEngine};
use futures_util::future::BoxFuture;
use helper::{Authority, Caller, Served, Setup, serve};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::bus::PrivateBus;
use tokio::sync::watch;
use zbus::Connection;
use zbus::connection::Builder;

/// Says yes until told otherwise, and remembers what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    asked: Mutex<Vec<(&'static str, bool)>>,
    refuses: AtomicBool,
    /// How long a person takes to type a password, in milliseconds.
    takes: AtomicUsize,
}

impl Counting {
    pub(crate) fn refuse(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }

    pub(crate) fn take(&self, time: Duration) {
        self.takes.store(time.as_millis() as usize, Ordering::SeqCst);
    }

    /// The actions it was asked about, each with whether a person might have been asked.
    pub(crate) fn asked(&self) -> Vec<(&'static str, bool)> {
        self.asked.lock().unwrap().clone()
    }
}

impl Authority for Counting {
    fn check<'a>(
        &'a self,
        caller: Caller<'a>,
        action: &'static str,
    ) -> BoxFuture<'a, Result<(), wire::Error>> {
        self.asked.lock().unwrap().push((action, caller.is_interactive()));
        let time = Duration::from_millis(self.takes.load(Ordering::SeqCst) as u64);
        Box::pin(async move {
            tokio::time::sleep(time).await;
            match self.refuses.load(Ordering::SeqCst) {
                true => Err(wire::Error::NotAuthorized(action.to_owned())),
                false => Ok(()),
            }
        })
    }
}

/// What a helper in this process is made of.
pub(crate) struct Machine {
    pub(crate) engine: Arc<SimEngine>,
    pub(crate) authority: Arc<Counting>,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) patience: Duration,
}

impl Machine {
    pub(crate) fn new(scenario: Scenario) -> Self {
        Self {
            engine: Arc::new(SimEngine::new(scenario)),
            authority: Arc::default(),
            dir: tempfile::tempdir().unwrap(),
            patience: helper::PATIENCE,
        }
    }

    pub(crate) fn setup(&self) -> Setup {
        Setup {
            patience: self.patience,
            engine: self.engine.clone(),
            authority: self.authority.clone(),
            state_dir: self.dir.path().to_owned(),
            boot: "one".to_owned(),
        }
    }

    /// Serves over a bare socket; returns the helper and the other end.
    pub(crate) async fn p2p(&self) -> (Served, Connection) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let guid = zbus::Guid::generate();
        let server = async { serve(self.setup(), Builder::unix_stream(ours).server(guid).p2p()).await };
        let client = Builder::unix_stream(theirs).p2p().build();
        let (served, connection) = tokio::join!(server, client);
        (served.unwrap(), connection.unwrap())
    }

    /// Serves on a bus, under the helper's name.
    pub(crate) async fn on(&self, bus: &PrivateBus) -> Served {
        let served = serve(self.setup(), Builder::address(bus.address().as_str()))
            .await
            .unwrap();
        served.connection().request_name(wire::name::BUS).await.unwrap();
        served
    }
}

/// A helper on a bus of its own, with a client that is ready.
pub(crate) struct Stage {
    pub(crate) machine: Machine,
    pub(crate) served: Served,
    pub(crate) client: Client,
    pub(crate) view: watch::Receiver<View>,
    // Last: the others use it until they are dropped.
    pub(crate) bus: PrivateBus,
}

impl Stage {
    pub(crate) async fn new(scenario: Scenario) -> Self {
        let machine = Machine::new(scenario);
        let bus = PrivateBus::start().unwrap();
        let served = machine.on(&bus).await;
        let (client, view) = ready_client(&bus).await;
        Self {
            machine,
            served,
            client,
            view,
            bus,
        }
    }

    /// Waits until the view is as asked.
    pub(crate) async fn sees(&mut self, what: impl FnMut(&View) -> bool) -> View {
        sees(&mut self.view, what).await
    }
}

pub(crate) async fn sees(view: &mut watch::Receiver<View>, what: impl FnMut(&View) -> bool) -> View {
    let limit = Duration::from_secs(20);
    match tokio::time::timeout(limit, view.wait_for(what)).await {
        Ok(Ok(view)) => view.clone(),
        Ok(Err(_)) => panic!("the client has ended"),
        Err(_) => panic!("not seen within {limit:?}"),
    }
}

/// A client of this bus that has everything.
pub(crate) async fn ready_client(bus: &PrivateBus) -> (Client, watch::Receiver<View>) {
    let (client, mut view) = Client::start(Bus::Address(bus.address()));
    sees(&mut view, |view| view.link == Link::Ready).await;
    (client, view)
}
