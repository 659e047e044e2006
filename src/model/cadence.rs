// SPDX-License-Identifier: GPL-3.0-or-later
//! When which notice is due, and when to look for updates. Pure: the moment, the settings and the memory of what was
//! already told are arguments, and the answers name the next moment at which something may become due, so that whoever
//! asks can sleep until then.

use crate::code::coded;
use crate::{
    Check, JobKind, JobState, Kept, PlannedRestart, Policy, STALE_AFTER, SnapshotId, State, Status,
    Timestamp, Updates,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon to try again after a check that failed.
pub const CHECK_AGAIN: Duration = Duration::from_secs(60 * 60);
/// How long to leave a person alone who has just logged in.
pub const AFTER_LOGIN: Duration = Duration::from_secs(20);

coded! {
    /// What a person may be told without having asked.
    Notice {
        /// Security updates can be installed.
        SecurityUpdates = "security-updates",
        /// Updates can be installed.
        UpdatesAvailable = "updates-available",
        /// Something waits for the restart.
        RestartReady = "restart-ready",
        /// A change failed.
        Failed = "failed",
        /// The restart did not start what it should have started.
        FellBack = "fell-back",
        /// The restart did start the version that a rollback chose.
        Receipt = "receipt",
        /// A version runs that was started just once: the next restart leaves it.
        Trying = "trying",
        /// No check has succeeded for a week.
        Stale = "stale",
        /// The updates that were found do not fit on the disk.
        LowSpace = "low-space",
    }
}

impl Notice {
    /// Whether this only repeats what can be seen anyway: it can be paused.
    pub const fn is_reminder(self) -> bool {
        !matches!(self, Self::Failed | Self::FellBack | Self::Receipt | Self::Trying)
    }

    /// Whether a condition that ended and begins anew is news. New packages come nearly every day, so for them it is not.
    const fn is_forgotten_when_over(self) -> bool {
        matches!(self, Self::RestartReady | Self::Stale | Self::LowSpace)
    }
}

/// How often a person wants to be told of updates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wanted {
    /// As Kedge thinks right: security daily, others every 14 days.
    #[default]
    Usual,
    /// At most this often.
    Every(Duration),
    /// Not at all.
    Never,
}

impl Wanted {
    /// How often a notice comes again; `None` for once.
    fn interval(self, notice: Notice) -> Option<Duration> {
        let days = |days| Some(DAY * days);
        match (notice, self) {
            (Notice::SecurityUpdates, Self::Every(every)) => Some(every.min(DAY)),
            (Notice::UpdatesAvailable, Self::Every(every)) => Some(every),
            (Notice::SecurityUpdates | Notice::Stale, _) => days(1),
            (Notice::RestartReady | Notice::LowSpace, _) => days(3),
            (Notice::UpdatesAvailable, _) => days(14),
            (Notice::Failed | Notice::FellBack | Notice::Receipt | Notice::Trying, _) => None,
        }
    }

    /// Whether this notice is wanted at all.
    fn wants(self, notice: Notice) -> bool {
        self != Self::Never || !matches!(notice, Notice::SecurityUpdates | Notice::UpdatesAvailable)
    }
}

/// A wish to be left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "pause")]
pub enum Pause {
    /// None.
    #[default]
    None,
    /// Until this moment.
    Until {
        /// When it ends.
        end: Timestamp,
    },
    /// Until the system was started anew.
    UntilNextStart {
        /// The start in which it was wished.
        boot: String,
    },
}

impl Pause {
    /// Whether it is in force.
    pub fn is_on(&self, now: Timestamp, boot: &str) -> bool {
        match self {
            Self::None => false,
            Self::Until { end } => now < *end,
            Self::UntilNextStart { boot: then } => then == boot,
        }
    }
}

/// A notice that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// When.
    pub at: Timestamp,
    /// What it was about: news about something else need not wait.
    pub about: String,
    /// Whether the icon still stands for it: until it was looked at, or is over.
    pub standing: bool,
}

/// What a restart should start, noted before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// The snapshot that should start.
    pub snapshot: SnapshotId,
    /// Whether a person chose to go back to it.
    pub rollback: bool,
    /// The start of the system in which it was noted.
    pub boot: String,
}

/// What came of what a restart should have started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What should have started.
    pub snapshot: SnapshotId,
    /// Whether it did.
    pub as_planned: bool,
    /// The start of the system that this is about.
    pub boot: String,
}

/// What has to be remembered between two looks, and over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The last notice of each kind.
    pub shown: BTreeMap<Notice, Shown>,
    /// A wish to be left alone.
    pub pause: Pause,
    /// When this memory began: before it, nobody could have checked.
    pub since: Timestamp,
    /// What the next restart should start.
    pub expected: Option<Expected>,
    /// What came of the last restart, while it is worth telling.
    pub receipt: Option<Receipt>,
    /// A restart that a person agreed to for later.
    pub restart: Option<PlannedRestart>,
}

/// One thing that is so, and that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The kind.
    pub notice: Notice,
    /// What it is about: a job, a snapshot, or nothing in particular.
    pub about: String,
}

impl News {
    fn of(notice: Notice, about: impl Into<String>) -> Self {
        Self {
            notice,
            about: about.into(),
        }
    }
}

/// The default that runs not, although nothing new waits: the system was started from an older version by hand.
pub fn running_older(state: &State) -> Option<SnapshotId> {
    let id = state.pending()?;
    let default = state.snapshots.get(&id)?;
    let booted = state.snapshots.get(&state.booted?)?;
    let chosen = state.jobs.values().any(|job| {
        job.kind == JobKind::Rollback
            && matches!(&job.state, JobState::Ended(outcome) if outcome.snapshot == Some(id))
    });
    (!chosen && !default.is_not_booted() && default.time > booted.time).then_some(id)
}

impl Memory {
    /// Looks at a state of the system that runs since `boot`: notes what the next restart should start, and judges what
    /// the last one started.
    pub fn observe(&mut self, state: &State, boot: &str) {
        self.observe_plan(state, boot);
        if let Some(expected) = self.expected.take_if(|expected| expected.boot != boot) {
            let as_planned = state.booted == Some(expected.snapshot);
            if expected.rollback || !as_planned {
                self.receipt = Some(Receipt {
                    snapshot: expected.snapshot,
                    as_planned,
                    boot: boot.to_owned(),
                });
            }
        }
        // What a restart showed is true until the next one.
        self.receipt.take_if(|receipt| receipt.boot != boot);
        // The helper was there from the start on, also in sessions without an agent.
        if let Some(fallen) = state.receipt.filter(|it| it.kept == Kept::FellBack) {
            self.receipt = Some(Receipt {
                snapshot: fallen.wanted,
                as_planned: false,
                boot: boot.to_owned(),
            });
        }
        let failed = |id: SnapshotId| {
            self.receipt
                .as_ref()
                .is_some_and(|receipt| !receipt.as_planned && receipt.snapshot == id)
        };
        self.expected = state
            .pending()
            // What starts just once before it is the helper's to judge.
            .filter(|id| !failed(*id) && state.once.is_none())
            .map(|snapshot| Expected {
                snapshot,
                rollback: state.pending_updates().is_empty(),
                boot: boot.to_owned(),
            });
    }

    /// The snapshot that the last restart should have started and did not.
    pub fn fell_back(&self, state: &State) -> Option<SnapshotId> {
        let receipt = self.receipt.as_ref().filter(|receipt| !receipt.as_planned)?;
        (state.booted != Some(receipt.snapshot)).then_some(receipt.snapshot)
    }

    /// Everything that is worth telling, most pressing first. `free` is the free space of the system's disk.
    pub fn news(&self, state: &State, free: Option<u64>, now: Timestamp) -> Vec<News> {
        let mut news = Vec::new();
        let status = Status::of(state, now);
        if let Status::Failed { job, .. } = &status {
            let finished = state.jobs.get(job).and_then(|job| job.outcome());
            let finished = finished.map_or(0, |outcome| outcome.finished.0);
            news.push(News::of(Notice::Failed, format!("{job}@{finished}")));
        }
        if let Some(id) = self.fell_back(state) {
            news.push(News::of(Notice::FellBack, id.to_string()));
        } else if let Some(receipt) = self.receipt.as_ref().filter(|receipt| receipt.as_planned) {
            let about = format!("{}@{}", receipt.snapshot, receipt.boot);
            news.push(News::of(Notice::Receipt, about));
        }
        // Who tries a version is asked whether to keep it instead.
        let trying = state.trying();
        if let (Some(id), Some(receipt)) = (trying, state.receipt) {
            news.push(News::of(Notice::Trying, format!("{id}@{}", receipt.asked.0)));
        }
        let known = trying.or(running_older(state));
        if state.pending().is_some() && self.fell_back(state).is_none() && known.is_none() {
            news.push(News::of(Notice::RestartReady, ""));
        }
        let updates = &state.updates;
        if state.pending().is_none() && updates.check != Check::Never && !updates.set.is_empty() {
            let needed = updates.set.download_size + updates.set.installed_delta.max(0).unsigned_abs();
            if free.is_some_and(|free| free < needed) {
                news.push(News::of(Notice::LowSpace, ""));
            }
            news.push(match updates.set.security_count() {
                0 => News::of(Notice::UpdatesAvailable, ""),
                _ => News::of(Notice::SecurityUpdates, ""),
            });
        }
        let last = updates.succeeded.unwrap_or(self.since);
        if status != Status::NoUpdates && now.since(last) > STALE_AFTER {
            news.push(News::of(Notice::Stale, ""));
        }
        news
    }

    /// Forgets what is no longer so. Not to be called while a job runs: then nothing is settled.
    pub fn settle(&mut self, news: &[News]) {
        let holds = |notice: Notice| news.iter().any(|it| it.notice == notice);
        self.shown
            .retain(|notice, _| holds(*notice) || !notice.is_forgotten_when_over());
        for (notice, shown) in &mut self.shown {
            shown.standing &= holds(*notice);
        }
    }

    /// When a piece of news is due; a moment that has passed means now, `None` not by the passing of time.
    pub fn due(&self, news: &News, wanted: Wanted, now: Timestamp, boot: &str) -> Option<Timestamp> {
        let agreed = news.notice == Notice::RestartReady && self.planned_restart(boot).is_some();
        if agreed || !wanted.wants(news.notice) {
            return None;
        }
        let due = match self.shown.get(&news.notice) {
            Some(shown) if shown.about == news.about => after(shown.at, wanted.interval(news.notice)?),
            _ => Timestamp::default(),
        };
        match &self.pause {
            pause if !news.notice.is_reminder() || !pause.is_on(now, boot) => Some(due),
            Pause::Until { end } => Some(due.max(*end)),
            _ => None,
        }
    }

    /// Notes that a notice was given.
    pub fn show(&mut self, news: &News, now: Timestamp) {
        let shown = Shown {
            at: now,
            about: news.about.clone(),
            standing: true,
        };
        self.shown.insert(news.notice, shown);
    }

    /// Notes that a notice was looked at: the icon need not stand for it any longer.
    pub fn acknowledge(&mut self, notice: Notice) {
        if let Some(shown) = self.shown.get_mut(&notice) {
            shown.standing = false;
        }
        if notice == Notice::Receipt {
            self.receipt.take_if(|receipt| receipt.as_planned);
        }
    }

    /// Whether the icon stands for this notice.
    pub fn stands(&self, notice: Notice) -> bool {
        self.shown.get(&notice).is_some_and(|shown| shown.standing)
    }
}

fn after(moment: Timestamp, time: Duration) -> Timestamp {
    Timestamp(
        moment
            .0
            .saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
    )
}

/// What speaks against using the network or the processor now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// There is no network.
    pub offline: bool,
    /// The network is paid by volume.
    pub metered: bool,
    /// The machine runs from its battery.
    pub on_battery: bool,
    /// A person asked the machine to save power.
    pub saves_power: bool,
}

coded! {
    /// Why a check that is due is not made.
    Wait {
        /// There is no network.
        Offline = "offline",
        /// The network is paid by volume.
        Metered = "metered",
        /// The machine runs from its battery.
        OnBattery = "on-battery",
        /// A person asked the machine to save power.
        SavesPower = "saves-power",
    }
}

/// Whether to look for updates by oneself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckTime {
    /// Now.
    Now,
    /// At this moment.
    At(Timestamp),
    /// As soon as this has changed.
    After(Wait),
    /// Only when a person asks.
    Never,
}

impl Surroundings {
    /// What of this a policy does not put up with, the most pressing first.
    pub fn wait(self, policy: &Policy) -> Option<Wait> {
        if self.offline {
            Some(Wait::Offline)
        } else if self.metered && !policy.on_metered {
            Some(Wait::Metered)
        } else if self.saves_power {
            Some(Wait::SavesPower)
        } else if self.on_battery && !policy.on_battery {
            Some(Wait::OnBattery)
        } else {
            None
        }
    }
}

/// When the next check should be made. `tried` is when it was last asked for: a helper that says no is not asked again
/// and again.
pub fn check_time(
    updates: &Updates,
    policy: &Policy,
    tried: Option<Timestamp>,
    around: Surroundings,
    now: Timestamp,
) -> CheckTime {
    let Some(every) = policy.cadence.interval() else {
        return CheckTime::Never;
    };
    // A clock that was set back must not put a check off for years.
    let attempted = updates.attempted.filter(|moment| *moment <= now);
    let succeeded = updates.succeeded.filter(|moment| *moment <= now);
    let next = match (&updates.check, attempted) {
        (Check::Done, Some(attempted)) => after(attempted, every),
        // Also when what was found is void since the default changed.
        (_, Some(attempted)) => after(attempted, CHECK_AGAIN),
        (_, None) => Timestamp::default(),
    };
    let again = tried
        .filter(|moment| *moment <= now)
        .map(|moment| after(moment, CHECK_AGAIN));
    let next = next.max(again.unwrap_or_default());
    if next > now {
        return CheckTime::At(next);
    }
    // A machine that is never plugged in is still looked after, at the latest when it begins to be stale.
    let patient = succeeded.is_some_and(|moment| now.since(moment) < STALE_AFTER);
    match around.wait(policy) {
        Some(Wait::OnBattery | Wait::SavesPower) if !patient => CheckTime::Now,
        Some(wait) => CheckTime::After(wait),
        None => CheckTime::Now,
    }
}

#[cfg(test)]
pub(crate) mod tests;
