// SPDX-License-Identifier: GPL-3.0-or-later
//! The helper, held only while there is a reason: a client keeps it running, and it should sleep when nothing happens.

use crate::event::{Event, Sender};
use client::{Bus, Client};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long without any news the helper is held.
const QUIET: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Attached {
    client: Client,
    forward: JoinHandle<()>,
    last: Instant,
    /// Whether the helper has answered.
    fresh: bool,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.forward.abort();
    }
}

/// The way to the helper.
#[derive(Debug)]
pub(crate) struct Link {
    bus: Bus,
    events: Sender,
    attached: Option<Attached>,
    number: u64,
}

impl Link {
    pub(crate) fn new(bus: Bus, events: Sender) -> Self {
        Self {
            bus,
            events,
            attached: None,
            number: 0,
        }
    }

    /// The client, attached now if it was not.
    pub(crate) fn client(&mut self) -> Client {
        let attached = self.attached.get_or_insert_with(|| {
            self.number += 1;
            let (number, events) = (self.number, self.events.clone());
            let (client, mut view) = Client::start(self.bus.clone());
            let forward = tokio::spawn(async move {
                while view.changed().await.is_ok() {
                    let view = view.borrow_and_update().clone();
                    events.send(Event::View(number, view));
                }
            });
            Attached {
                client,
                forward,
                last: Instant::now(),
                fresh: false,
            }
        });
        attached.last = Instant::now();
        attached.client.clone()
    }

    /// Whether views with this number are of the present attachment.
    pub(crate) fn is_present(&self, number: u64) -> bool {
        self.attached.is_some() && self.number == number
    }

    /// Whether what was seen last is how the system is now.
    pub(crate) fn is_fresh(&self) -> bool {
        self.attached.as_ref().is_some_and(|attached| attached.fresh)
    }

    /// Notes that there was news.
    pub(crate) fn touch(&mut self) {
        if let Some(attached) = &mut self.attached {
            attached.fresh = true;
            attached.last = Instant::now();
        }
    }

    /// Lets go of the helper when there was no news for a while. Returns when to look again.
    pub(crate) fn rest(&mut self, busy: bool) -> Option<Instant> {
        let end = self.attached.as_ref()?.last + QUIET;
        if busy {
            return None;
        }
        if end > Instant::now() {
            return Some(end);
        }
        tracing::debug!("all is quiet; the helper may sleep");
        self.attached = None;
        None
    }
}
