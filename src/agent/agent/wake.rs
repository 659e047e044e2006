// SPDX-License-Identifier: GPL-3.0-or-later
use model::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// The earliest of several moments.
pub(super) struct Wake {
    now: (Timestamp, Instant),
    pub(super) first: Option<Instant>,
}

impl Wake {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now: (now, Instant::now()),
            first: None,
        }
    }

    pub(super) fn at(&mut self, moment: Option<Instant>) {
        self.first = self.first.into_iter().chain(moment).min();
    }

    /// At a moment of the calendar, and a little later: never a moment too early.
    pub(super) fn on(&mut self, moment: Timestamp) {
        let (now, here) = self.now;
        let far = Duration::from_secs(60 * 60 * 24 * 365);
        self.at(Some(
            here + moment.since(now).min(far) + Duration::from_millis(50),
        ));
    }
}
