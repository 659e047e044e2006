// SPDX-License-Identifier: GPL-3.0-or-later
//! What is due now: notices to be given, and the check for updates.

use super::wake::Wake;
use super::{Agent, free_space};
use crate::notice::{self, Notification};
use crate::tray::Command;
use crate::{settings, window};
use model::{
    AutomaticStep, CheckTime, Job, JobKind, News, Notice, State, Timestamp, Wait, Wanted, automatic_step,
    check_time,
};
use tokio::time::Instant;

impl Agent {
    /// Notes the notices that are due, takes away those that are over, and returns what is to be shown.
    pub(super) async fn tell(
        &mut self,
        state: &State,
        busy: bool,
        moment: Timestamp,
        wake: &mut Wake,
    ) -> Vec<Notification> {
        let mut due_now = Vec::new();
        self.memory.observe(state, &self.boot);
        if busy {
            let running = |job: &Job| job.outcome().is_none();
            if state
                .jobs
                .values()
                .any(|job| job.kind == JobKind::Update && running(job))
            {
                // It is being done.
                for notice in [Notice::SecurityUpdates, Notice::UpdatesAvailable, Notice::Failed] {
                    self.notifier.withdraw(notice).await;
                }
            }
            return due_now;
        }
        let news = self.memory.news(state, free_space(), moment);
        self.memory.settle(&news);
        for notice in self.notifier.shown() {
            if news.iter().all(|piece| piece.notice != notice) {
                self.notifier.withdraw(notice).await;
            }
        }
        if self.calm > Instant::now() {
            return due_now;
        }
        let wanted = settings::wanted();
        for piece in news.iter().filter(|piece| settings::tells(piece.notice)) {
            match self.memory.due(piece, wanted, moment, &self.boot) {
                Some(due) if due <= moment => {
                    due_now.extend(self.give(piece, state, moment).await);
                    if let Some(next) = self.memory.due(piece, wanted, moment, &self.boot) {
                        wake.on(next);
                    }
                }
                Some(due) => wake.on(due),
                None => {}
            }
        }
        due_now
    }

    /// Notes that a notice is given; a window in front gives it by itself.
    async fn give(&mut self, piece: &News, state: &State, moment: Timestamp) -> Option<Notification> {
        tracing::info!(notice = %piece.notice, about = piece.about, "due");
        self.memory.show(piece, moment);
        if window::is_in_front(&self.session).await {
            self.memory.acknowledge(piece.notice);
            return None;
        }
        Some(notice::notification(piece.notice, state, &self.memory, moment))
    }

    /// Looks for updates when it is time, or notes why not.
    pub(super) fn check(&mut self, state: &State, busy: bool, moment: Timestamp, wake: &mut Wake) {
        self.wait = None;
        if busy
            || self.calm > Instant::now()
            || state.may_check().is_err()
            || settings::wanted() == Wanted::Never
        {
            return;
        }
        match check_time(&state.updates, &state.policy, self.tried, self.around, moment) {
            CheckTime::Now => {
                self.tried = Some(moment);
                self.call(Command::Check);
            }
            CheckTime::At(at) => wake.on(at),
            CheckTime::After(wait) => self.wait = Some(wait),
            CheckTime::Never => {}
        }
    }

    /// Why the system does not do by itself what its policy lets it do about updates. The timer of the system does it;
    /// the session only says so.
    pub(super) fn automatic_wait(&self, state: &State, moment: Timestamp) -> Option<Wait> {
        match automatic_step(state, self.around, moment) {
            AutomaticStep::Wait(wait) => Some(wait),
            _ => None,
        }
    }
}
