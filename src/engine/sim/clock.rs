// SPDX-License-Identifier: GPL-3.0-or-later
use model::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The clock of a simulated machine: stands still until somebody sets it, or ticks with real time from where it was
/// set. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct SimClock(Arc<Mutex<Reading>>);

#[derive(Debug, Clone, Copy)]
enum Reading {
    Still(Timestamp),
    Ticking { from: Timestamp, since: Instant },
}

impl Reading {
    fn now(self) -> Timestamp {
        match self {
            Self::Still(time) => time,
            Self::Ticking { from, since } => later(from, since.elapsed()),
        }
    }

    fn at(self, time: Timestamp) -> Self {
        match self {
            Self::Still(_) => Self::Still(time),
            Self::Ticking { .. } => Self::Ticking {
                from: time,
                since: Instant::now(),
            },
        }
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp(
        time.0
            .saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)),
    )
}

impl SimClock {
    /// A clock that stands still at this moment.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Reading::Still(now))))
    }

    fn change(&self, change: impl FnOnce(Reading) -> Reading) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *reading = change(*reading);
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now()
    }

    /// Sets it, forwards or back.
    pub fn set(&self, now: Timestamp) {
        self.change(|reading| reading.at(now));
    }

    /// Moves it forwards.
    pub fn advance(&self, by: Duration) {
        self.change(|reading| reading.at(later(reading.now(), by)));
    }

    /// Lets it tick with real time from now on.
    pub fn tick(&self) {
        self.change(|reading| Reading::Ticking {
            from: reading.now(),
            since: Instant::now(),
        });
    }
}
