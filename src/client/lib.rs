// SPDX-License-Identifier: GPL-3.0-or-later
//! The unprivileged side of the bus, without Qt.
//!
//! [`Client::start`] connects, subscribes, fetches everything, then folds the helper's signals into a
//! [`model::State`] and publishes it as a [`View`]. A helper that is gone is a state ([`Link::Lost`]), not an error box:
//! the client activates it again and goes on. Calls return what the bus says; a face words it by code.
//!
//! Deliberately absent: formatting, guessing (the state changes only by what the helper says) and any privilege.

mod agent;
mod call;
mod change_file;
mod connection;
mod error;
mod files;
mod fold;
mod follow;
mod packages;
pub mod session;
mod space;
mod surroundings;
mod text;

pub use agent::{AgentView, follow_agent, plan_restart};
pub use change_file::{ChangeFile, KeepError};
pub use error::Error;
pub use files::{ChangeStream, Content};
pub use space::CleanUpPlan;
pub use surroundings::{SURROUNDINGS, surroundings};
pub use text::{Hunk, Line, Side, TEXT_LIMIT, TextDiff, compare_texts};
pub use wire::{FilesFrame, FilesWish};

use model::State;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use tokio::sync::watch;

/// Which bus the helper is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bus {
    /// The system bus: the real helper.
    System,
    /// The session bus: a simulated one.
    Session,
    /// A bus at this D-Bus address: tests and demonstrations.
    Address(String),
    /// No bus: the helper is at the other end of a socket.
    Peer,
}

/// Whether what a [`View`] shows is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Nothing has arrived yet.
    Connecting,
    /// The state is live.
    Ready,
    /// The bus or the helper is gone and could not be brought back; the state is the last one that was seen.
    Lost {
        /// What happened, for technical details.
        detail: String,
    },
}

/// What a face shows.
#[derive(Debug, Clone)]
pub struct View {
    /// Whether it is live.
    pub link: Link,
    /// The state of the system.
    pub state: Arc<State>,
}

/// A handle to the helper. Clones share one connection, which lives as long as a clone or a view receiver does.
#[derive(Debug, Clone)]
pub struct Client {
    bus: Bus,
    view: watch::Receiver<View>,
    connection: watch::Receiver<Option<zbus::Connection>>,
}

impl Client {
    /// Starts the client's task on the current tokio runtime. The receiver always holds the newest view.
    pub fn start(bus: Bus) -> (Self, watch::Receiver<View>) {
        Self::with(bus.clone(), |view, connection| {
            connection::run(bus, view, connection)
        })
    }

    /// The same with a helper that serves nobody else, at the other end of a socket. When it ends, the link is lost for good.
    pub fn start_peer(socket: UnixStream) -> (Self, watch::Receiver<View>) {
        Self::with(Bus::Peer, |view, connection| {
            connection::run_peer(socket, view, connection)
        })
    }

    fn with<F: Future<Output = ()> + Send + 'static>(
        bus: Bus,
        run: impl FnOnce(watch::Sender<View>, watch::Sender<Option<zbus::Connection>>) -> F,
    ) -> (Self, watch::Receiver<View>) {
        let (view_tx, view) = watch::channel(View {
            link: Link::Connecting,
            state: Arc::default(),
        });
        let (connection_tx, connection) = watch::channel(None);
        tokio::spawn(run(view_tx, connection_tx));
        let client = Self {
            bus,
            view: view.clone(),
            connection,
        };
        (client, view)
    }

    /// Which bus this client is on.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// The newest view.
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }
}
