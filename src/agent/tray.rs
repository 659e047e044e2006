// SPDX-License-Identifier: GPL-3.0-or-later
//! What the tray shows: a pure function of what is known, so that a table can hold every state of it.

use model::{
    Ending, FailureCode, JobId, JobKind, JobState, Memory, Notice, Phase, RestartWhen, SnapshotId, State,
    Status, Timestamp, Wait, running_older,
};

/// A page of the window, by the name of its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// One sentence about the system.
    Status,
    /// All versions on one axis.
    Timeline,
    /// What can be or is being installed.
    Updates,
}

impl Page {
    /// The name of the window's action.
    pub(crate) const fn action(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Timeline => "timeline",
            Self::Updates => "updates",
        }
    }
}

/// How long to hold reminders back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PauseFor {
    /// For an hour.
    Hour,
    /// Until midnight.
    Today,
    /// Until the system is started anew.
    UntilNextStart,
}

/// What a person can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Show a page of the window.
    Open(Page),
    /// Install the updates.
    Update,
    /// Ask whether to restart now.
    Restart,
    /// Restart now: the answer to that question.
    RestartNow,
    /// Restart later, at this time.
    PlanRestart(RestartWhen),
    /// Take that back.
    KeepRunning(RestartWhen),
    /// Make the version that is being tried the one that starts from now on.
    Keep(SnapshotId),
    /// Look for updates.
    Check,
    /// Cancel this job.
    Cancel(JobId),
    /// Hold reminders back.
    Pause(PauseFor),
    /// Have reminders again.
    Resume,
    /// Have this said again when it is due again.
    Later(Notice),
}

/// One line of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Does something; greyed out when it cannot be done now.
    Do(Command, bool),
    /// A line between groups.
    Separator,
    /// Opens more lines.
    Choose(Choice, Vec<Command>),
}

/// What the lines of a submenu are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// How long to hold reminders back.
    Pause,
    /// When to restart.
    RestartLater,
}

/// What besides the state and the memory decides about the icon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// Now.
    pub(crate) now: Timestamp,
    /// Identity of this start of the system.
    pub(crate) boot: &'a str,
    /// Why a check that is due is not made.
    pub(crate) wait: Option<Wait>,
    /// Whether there is somebody who can wake us at night.
    pub(crate) nights: bool,
}

/// Whether and how the icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Not at all.
    Hidden,
    /// Calmly.
    Active,
    /// Something went wrong.
    NeedsAttention,
}

/// What the tooltip says, to be worded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tip {
    /// Nothing, as there is no icon.
    Nothing,
    /// Updates can be installed.
    Available {
        /// How many packages.
        packages: usize,
    },
    /// Security updates can be installed.
    Security {
        /// How many packages, all in all.
        packages: usize,
    },
    /// A job runs.
    Working {
        /// What it does.
        kind: JobKind,
        /// Where it is.
        phase: Phase,
        /// How far it is, in thousandths.
        permille: Option<u16>,
    },
    /// Updates start with the next restart.
    UpdatePending {
        /// How many.
        updates: usize,
    },
    /// Another version starts with the next restart.
    RollbackPending {
        /// Which.
        snapshot: SnapshotId,
    },
    /// A change failed.
    Failed {
        /// What was to be done.
        kind: JobKind,
        /// What became of the system.
        ending: Ending,
        /// Why it was not, as far as that is known.
        code: Option<FailureCode>,
    },
    /// The restart did not start this version.
    FellBack {
        /// Which.
        snapshot: SnapshotId,
    },
    /// A version runs that was started just once.
    Trying {
        /// Which.
        snapshot: SnapshotId,
    },
    /// An older version than the default runs.
    RunningOlder {
        /// The default.
        default: SnapshotId,
    },
}

/// Everything about the icon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrayState {
    /// Whether and how it shows.
    pub(crate) show: Show,
    /// Its name in the icon theme.
    pub(crate) icon: &'static str,
    /// What its tooltip says.
    pub(crate) tip: Tip,
    /// Why a check that is due is not made.
    pub(crate) wait: Option<Wait>,
    /// When the restart was agreed to, where one waits.
    pub(crate) planned: Option<RestartWhen>,
    /// What a click opens.
    pub(crate) page: Page,
    /// What the menu offers.
    pub(crate) menu: Vec<Entry>,
}

/// Work that takes long enough to be shown. A check or a new label is over before anybody has looked.
pub(crate) const fn is_shown(kind: JobKind) -> bool {
    matches!(
        kind,
        JobKind::Download
            | JobKind::Update
            | JobKind::Install
            | JobKind::Remove
            | JobKind::Rollback
            | JobKind::Discard
            | JobKind::MakeRoom
            | JobKind::Recover
    )
}

/// What the tray shows of this state at this moment.
pub(crate) fn tray(state: &State, memory: &Memory, moment: Moment<'_>) -> TrayState {
    let Moment {
        now,
        boot,
        wait,
        nights,
    } = moment;
    let (show, icon, tip, page, right) = picture(state, memory, boot, now);
    let planned = memory
        .planned_restart(boot)
        .filter(|_| right == Some(Command::Restart));
    let mut menu: Vec<Entry> = right
        .into_iter()
        .map(|command| Entry::Do(command, true))
        .collect();
    match (right, planned) {
        (Some(Command::Restart), Some(when)) => menu.push(Entry::Do(Command::KeepRunning(when), true)),
        (Some(Command::Restart), None) => {
            let times = RestartWhen::ALL.iter().copied();
            let times = times.filter(|when| nights || *when != RestartWhen::Tonight);
            menu.push(Entry::Choose(
                Choice::RestartLater,
                times.map(Command::PlanRestart).collect(),
            ));
        }
        _ => {}
    }
    let cancellable = |id| {
        let job = state.jobs.get(&id);
        job.is_some_and(|job| {
            matches!(
                job.state,
                JobState::Running {
                    cancellable: true,
                    ..
                }
            )
        })
    };
    for entry in &mut menu {
        if let Entry::Do(Command::Cancel(id), possible) = entry {
            *possible = cancellable(*id);
        }
    }
    menu.push(Entry::Do(Command::Open(page), true));
    menu.push(Entry::Do(Command::Check, state.may_check().is_ok()));
    menu.push(Entry::Separator);
    menu.push(if memory.pause.is_on(now, boot) {
        Entry::Do(Command::Resume, true)
    } else {
        let choices = [PauseFor::Hour, PauseFor::Today, PauseFor::UntilNextStart];
        Entry::Choose(Choice::Pause, choices.map(Command::Pause).into())
    });
    TrayState {
        show,
        icon,
        tip,
        wait,
        planned,
        page,
        menu,
    }
}

/// Work in progress. `update-busy` of the design is in no release of Breeze up to 6.13, where it draws nothing.
const BUSY: &str = "view-refresh";

type Picture = (Show, &'static str, Tip, Page, Option<Command>);

fn picture(state: &State, memory: &Memory, boot: &str, now: Timestamp) -> Picture {
    let running = state
        .jobs
        .values()
        .find(|job| is_shown(job.kind) && job.outcome().is_none());
    if let Some((job, progress)) = running.and_then(|job| Some((job, job.progress()?))) {
        let (kind, phase, permille) = (job.kind, progress.phase, progress.permille);
        let tip = Tip::Working {
            kind,
            phase,
            permille,
        };
        return (
            Show::Active,
            BUSY,
            tip,
            Page::Updates,
            Some(Command::Cancel(job.id)),
        );
    }
    if let Status::Failed {
        kind,
        ending,
        failure,
        ..
    } = Status::of(state, now)
        && memory.stands(Notice::Failed)
    {
        let tip = Tip::Failed {
            kind,
            ending,
            code: failure.map(|failure| failure.code),
        };
        return (Show::NeedsAttention, "dialog-error", tip, Page::Status, None);
    }
    if let Some(snapshot) = memory
        .fell_back(state)
        .filter(|_| memory.stands(Notice::FellBack))
    {
        let tip = Tip::FellBack { snapshot };
        return (Show::NeedsAttention, "dialog-error", tip, Page::Timeline, None);
    }
    if let Some(snapshot) = state.trying() {
        let tip = Tip::Trying { snapshot };
        return (
            Show::Active,
            "view-history",
            tip,
            Page::Timeline,
            Some(Command::Keep(snapshot)),
        );
    }
    if let Some(snapshot) = state.pending() {
        if let Some(default) = running_older(state).or(memory.fell_back(state)) {
            let tip = Tip::RunningOlder { default };
            return (
                Show::Active,
                "view-history",
                tip,
                Page::Timeline,
                Some(Command::Restart),
            );
        }
        let tip = match state.pending_updates().len() {
            0 => Tip::RollbackPending { snapshot },
            updates => Tip::UpdatePending { updates },
        };
        return (
            Show::Active,
            "system-reboot-update",
            tip,
            Page::Status,
            Some(Command::Restart),
        );
    }
    let set = &state.updates.set;
    let (packages, security) = (set.packages.len(), set.security_count());
    let paused = memory.pause.is_on(now, boot);
    if !paused && memory.stands(Notice::SecurityUpdates) && security > 0 {
        let tip = Tip::Security { packages };
        return (
            Show::Active,
            "update-high",
            tip,
            Page::Updates,
            Some(Command::Update),
        );
    }
    if !paused && memory.stands(Notice::UpdatesAvailable) && packages > 0 {
        let tip = Tip::Available { packages };
        return (
            Show::Active,
            "update-low",
            tip,
            Page::Updates,
            Some(Command::Update),
        );
    }
    (Show::Hidden, "org.kedge.Kedge", Tip::Nothing, Page::Status, None)
}

#[cfg(test)]
mod tests;
