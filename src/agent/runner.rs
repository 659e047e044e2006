// SPDX-License-Identifier: GPL-3.0-or-later
//! org.kde.krunner1: what KRunner finds of Kedge. Only ways in: nothing is changed before a person has seen what.

use crate::event::{Event, Sender};
use crate::tray::{Command, Page};
use crate::words;
use std::collections::HashMap;
use zbus::{OwnedVariant, Str, interface};

/// Where the runner is; desktop/krunner/org.kedge.Kedge.desktop names it.
pub(crate) const PATH: &str = "/runner";
/// Fewer letters than this mean too many things; the desktop file says so to KRunner, too.
const SHORTEST: usize = 3;
/// Longer than anything to be found: what somebody pastes need not be looked at.
const LONGEST: usize = 200;
/// `KRunner::QueryMatch::CategoryRelevance`: High, when all that was typed is ours; Moderate, when a part of it is.
const HIGH: i32 = 70;
const MODERATE: i32 = 50;

/// Something to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The timeline, to choose an earlier version from.
    RollBack,
    /// A check for updates.
    Check,
    /// The installation of the updates.
    Update,
    /// The timeline.
    Timeline,
}

impl Offer {
    const ALL: [Self; 4] = [Self::RollBack, Self::Check, Self::Update, Self::Timeline];

    const fn id(self) -> &'static str {
        match self {
            Self::RollBack => "roll-back",
            Self::Check => "check",
            Self::Update => "update",
            Self::Timeline => "timeline",
        }
    }

    const fn icon(self) -> &'static str {
        match self {
            Self::RollBack => "edit-undo-history",
            Self::Check => "view-refresh",
            Self::Update => "update-low",
            Self::Timeline => "view-history",
        }
    }

    /// What it does: a page of the window first, so that a person sees what happens.
    fn commands(self) -> Vec<Command> {
        match self {
            Self::RollBack | Self::Timeline => vec![Command::Open(Page::Timeline)],
            Self::Check => vec![Command::Open(Page::Updates), Command::Check],
            Self::Update => vec![Command::Open(Page::Updates), Command::Update],
        }
    }
}

/// How well what was typed fits one of these phrases, from 0 to 1; `None` when it does not. `typed` is in lower case.
fn fit(typed: &str, phrases: &str) -> Option<f64> {
    let of = |phrase: &str| {
        let phrase = phrase.trim().to_lowercase();
        if phrase == typed {
            return Some(1.0);
        }
        if phrase.starts_with(typed) {
            return Some(0.8);
        }
        // Every word that was typed begins a word of the phrase.
        let begins = |word: &str| phrase.split_whitespace().any(|other| other.starts_with(word));
        let mut words = typed.split_whitespace().peekable();
        (words.peek().is_some() && words.all(begins)).then_some(0.6)
    };
    phrases.split(';').filter_map(of).max_by(f64::total_cmp)
}

/// Everything that what was typed may mean, best first.
fn find(typed: &str) -> Vec<(Offer, f64)> {
    let typed = typed.trim().to_lowercase();
    if typed.chars().count() < SHORTEST || typed.len() > LONGEST {
        return Vec::new();
    }
    let mut found: Vec<_> = Offer::ALL
        .into_iter()
        .filter_map(|offer| {
            let words = [words::offer_words(offer), words::offer(offer).0];
            let best = words.iter().filter_map(|phrases| fit(&typed, phrases));
            Some((offer, best.max_by(f64::total_cmp)?))
        })
        .collect();
    found.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    found
}

type Properties = HashMap<&'static str, OwnedVariant>;
type Match = (&'static str, String, &'static str, i32, f64, Properties);

/// The runner.
#[derive(Debug)]
pub(crate) struct Runner {
    events: Sender,
    /// The window's right to come to the front, given just before a choice.
    token: Option<String>,
}

impl Runner {
    pub(crate) const fn new(events: Sender) -> Self {
        Self { events, token: None }
    }
}

#[interface(name = "org.kde.krunner1")]
impl Runner {
    #[zbus(out_args("matches"))]
    #[zbus(name = "Match")]
    fn find(&self, query: &str) -> Vec<Match> {
        let shown = |(offer, fit): (Offer, f64)| {
            let (title, more) = words::offer(offer);
            let properties = [
                ("subtext", OwnedVariant::from(Str::from(more))),
                ("category", OwnedVariant::from(Str::from(words::name()))),
            ];
            let category = if fit > 0.7 { HIGH } else { MODERATE };
            (
                offer.id(),
                title,
                offer.icon(),
                category,
                fit,
                Properties::from(properties),
            )
        };
        find(query).into_iter().map(shown).collect()
    }

    #[zbus(out_args("actions"))]
    fn actions(&self) -> Vec<(String, String, String)> {
        Vec::new()
    }

    fn run(&mut self, match_id: &str, _action_id: &str) {
        let token = self.token.take();
        let Some(offer) = Offer::ALL.into_iter().find(|offer| offer.id() == match_id) else {
            return;
        };
        for command in offer.commands() {
            self.events.send(Event::Command(command, token.clone()));
        }
    }

    fn set_activation_token(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    fn teardown(&mut self) {
        self.token = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_finds_what_they_mean() {
        let ids = |typed: &str| -> Vec<_> { find(typed).iter().map(|(offer, _)| offer.id()).collect() };
        for (typed, first) in [
            ("roll back", "roll-back"),
            ("Rollback", "roll-back"),
            ("  undo upd", "roll-back"),
            ("check for updates", "check"),
            ("check upd", "check"),
            ("update", "update"),
            ("UPGRADE", "update"),
            ("install updates", "update"),
            ("timeline", "timeline"),
            ("open timeline", "timeline"),
            ("snap", "timeline"),
        ] {
            assert_eq!(ids(typed).first(), Some(&first), "{typed:?}: {:?}", ids(typed));
        }
        let long = "update ".repeat(100);
        for typed in [
            "",
            "up",
            "   up  ",
            "firefox",
            "update firefox",
            ";",
            ";;;",
            &long,
        ] {
            assert_eq!(ids(typed), [""; 0], "{typed:?}");
        }
        assert_eq!(ids("update"), ["update", "check", "roll-back"]);
    }

    #[test]
    fn what_is_found_shows_first_and_acts_then() {
        for offer in Offer::ALL {
            let commands = offer.commands();
            assert!(matches!(commands[0], Command::Open(_)), "{offer:?}");
            assert!(
                !commands
                    .iter()
                    .any(|it| matches!(it, Command::Restart | Command::RestartNow)),
                "{offer:?}"
            );
        }
    }

    /// What KRunner is told of us in its own file is what is here.
    #[test]
    fn the_file_for_krunner_agrees() {
        let file = include_str!("../../desktop/krunner/org.kedge.Kedge.desktop");
        for line in [
            "X-Plasma-API=DBus".to_owned(),
            format!("X-Plasma-DBusRunner-Service={}", crate::agent::NAME),
            format!("X-Plasma-DBusRunner-Path={PATH}"),
            format!("X-Plasma-Runner-Min-Letter-Count={SHORTEST}"),
        ] {
            assert!(file.lines().any(|it| it == line), "{line}");
        }
        let service = include_str!("../../desktop/org.kedge.Kedge.Agent.service");
        assert!(
            service
                .lines()
                .any(|it| it == format!("Name={}", crate::agent::NAME))
        );
    }
}
