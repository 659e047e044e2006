// SPDX-License-Identifier: GPL-3.0-or-later
//! What a notification is made of: its event, its urgency, its buttons. Pure; `notify` sends it.

use crate::tray::{Command, Page};
use crate::words::{self, Facts};
use model::{Ending, FailureCode, JobKind, Memory, Notice, RestartWhen, State, Status, Timestamp};

/// The event of org.kedge.Kedge.notifyrc. A test holds these against the file.
pub(crate) const fn event(notice: Notice) -> &'static str {
    match notice {
        Notice::SecurityUpdates => "SecurityUpdates",
        Notice::UpdatesAvailable => "UpdatesAvailable",
        Notice::RestartReady => "RestartReady",
        Notice::Failed => "ChangeFailed",
        Notice::FellBack => "FellBack",
        Notice::Receipt => "RollbackDone",
        Notice::Trying => "KeepVersion",
        Notice::Stale => "UpdatesStale",
        Notice::LowSpace => "LowSpace",
    }
}

/// A notification, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    /// What it is about; there is at most one of each on the screen.
    pub(crate) notice: Notice,
    /// Name of the icon.
    pub(crate) icon: &'static str,
    /// The freedesktop urgency: 0 low, 1 normal, 2 critical.
    pub(crate) urgency: u8,
    /// Stays until it is closed.
    pub(crate) stays: bool,
    /// The title.
    pub(crate) title: String,
    /// The text.
    pub(crate) text: String,
    /// What a click on it does.
    pub(crate) click: Command,
    /// Its buttons, at most three.
    pub(crate) buttons: Vec<Command>,
}

/// The notification about a notice in this state.
pub(crate) fn notification(notice: Notice, state: &State, memory: &Memory, now: Timestamp) -> Notification {
    let later = Command::Later(notice);
    let (icon, urgency, stays, click, buttons) = match notice {
        Notice::SecurityUpdates => (
            "update-high",
            1,
            true,
            Command::Open(Page::Updates),
            vec![Command::Update, later],
        ),
        Notice::UpdatesAvailable => (
            "update-low",
            1,
            false,
            Command::Open(Page::Updates),
            vec![Command::Update, later],
        ),
        Notice::RestartReady => (
            "system-reboot-update",
            1,
            true,
            Command::Open(Page::Status),
            restart_choices(),
        ),
        Notice::Failed => {
            let buttons = match failed(state, now) {
                Some((JobKind::Update, ..)) => vec![Command::Update],
                _ => Vec::new(),
            };
            ("dialog-error", 1, true, Command::Open(Page::Status), buttons)
        }
        Notice::FellBack => ("dialog-error", 2, true, Command::Open(Page::Timeline), Vec::new()),
        Notice::Receipt => (
            "view-history",
            0,
            false,
            Command::Open(Page::Timeline),
            Vec::new(),
        ),
        Notice::Trying => {
            let keep = state.trying().map(Command::Keep);
            (
                "view-history",
                1,
                true,
                Command::Open(Page::Timeline),
                keep.into_iter().chain([later]).collect(),
            )
        }
        Notice::Stale => (
            "dialog-warning",
            1,
            false,
            Command::Open(Page::Status),
            vec![Command::Check, later],
        ),
        Notice::LowSpace => (
            "drive-harddisk",
            1,
            false,
            Command::Open(Page::Timeline),
            vec![later],
        ),
    };
    let (title, text) = words::notice(notice, facts(notice, state, memory, now));
    // The choice of a time needs all three; the window opens by a click beside them.
    let open = (notice != Notice::RestartReady).then_some(click);
    let buttons = open.into_iter().chain(buttons).collect();
    Notification {
        notice,
        icon,
        urgency,
        stays,
        title,
        text,
        click,
        buttons,
    }
}

/// When to restart: all that a notification has room for.
pub(crate) fn restart_choices() -> Vec<Command> {
    let later = RestartWhen::ALL.iter().copied().map(Command::PlanRestart);
    std::iter::once(Command::Restart).chain(later).collect()
}

fn failed(state: &State, now: Timestamp) -> Option<(JobKind, Ending, Option<FailureCode>)> {
    match Status::of(state, now) {
        Status::Failed {
            kind,
            ending,
            failure,
            ..
        } => Some((kind, ending, failure.map(|failure| failure.code))),
        _ => None,
    }
}

fn facts(notice: Notice, state: &State, memory: &Memory, now: Timestamp) -> Facts {
    let receipt = memory.receipt.as_ref().map(|receipt| receipt.snapshot);
    let about = match notice {
        Notice::FellBack | Notice::Receipt => receipt,
        Notice::Trying => state.trying(),
        _ => state.pending(),
    };
    let last = state.updates.succeeded.unwrap_or(memory.since);
    Facts {
        packages: state.updates.set.packages.len(),
        waiting: state.pending_updates().len(),
        snapshot: about.map_or(0, |id| id.0),
        failed: failed(state, now),
        days: now.since(last).as_secs() / (24 * 60 * 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const FILE: &str = include_str!("../../desktop/org.kedge.Kedge.notifyrc");

    /// The sections of the file with their untranslated keys.
    fn sections() -> BTreeMap<&'static str, BTreeMap<&'static str, &'static str>> {
        let mut sections = BTreeMap::new();
        let mut name = "";
        for line in FILE.lines().filter(|line| !line.starts_with('#')) {
            if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                name = section;
                assert!(
                    sections.insert(name, BTreeMap::new()).is_none(),
                    "{name} is there twice"
                );
            } else if let Some((key, value)) = line.split_once('=') {
                sections
                    .get_mut(name)
                    .expect("a key has a section")
                    .insert(key, value);
            }
        }
        sections
    }

    #[test]
    fn every_event_is_declared_and_nothing_else() {
        let sections = sections();
        let declared: Vec<_> = sections
            .keys()
            .filter_map(|name| name.strip_prefix("Event/"))
            .collect();
        let mut used: Vec<_> = Notice::ALL.iter().map(|notice| event(*notice)).collect();
        used.sort_unstable();
        assert_eq!(declared, used);
    }

    #[test]
    fn every_declared_event_has_a_name_a_comment_and_pops_up() {
        for (name, keys) in sections()
            .into_iter()
            .filter(|(name, _)| name.starts_with("Event/"))
        {
            for key in ["Name", "Comment"] {
                assert!(
                    keys.get(key).is_some_and(|value| !value.is_empty()),
                    "{name} {key}"
                );
            }
            assert_eq!(keys.get("Action"), Some(&"Popup"), "{name}");
        }
        let global = &sections()["Global"];
        assert_eq!(global.get("DesktopEntry"), Some(&"org.kedge.Kedge"));
    }

    #[test]
    fn a_notification_has_at_most_three_buttons_with_different_words() {
        for notice in Notice::ALL {
            let it = notification(*notice, &State::default(), &Memory::default(), Timestamp(0));
            let mut labels: Vec<_> = it.buttons.iter().map(|button| words::command(*button)).collect();
            labels.dedup();
            assert!(
                (1..=3).contains(&labels.len()) && labels.len() == it.buttons.len(),
                "{notice}: {labels:?}"
            );
            assert!(!it.title.is_empty() && !it.text.is_empty(), "{notice}");
            assert!(
                !it.title.contains('%') && !it.text.contains('%'),
                "{notice}: {} {}",
                it.title,
                it.text
            );
        }
    }
}
