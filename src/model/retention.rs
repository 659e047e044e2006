// SPDX-License-Identifier: GPL-3.0-or-later
//! Which snapshots may go by themselves, with snapper's own rules: what its `cleanup` deletes, these rules name.
//!
//! Everything they depend on is an argument: the clock, the calendar (a day begins when the machine's time zone says
//! so), the room on the disk, and whether anything changed between the two snapshots of a pair.

use crate::code::coded;
use crate::{Snapshot, SnapshotId, SnapshotKind, State, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

mod period;
mod snapper;

pub use period::{Civil, Period};

/// How many of a kind are kept: `most` while there is room, never fewer than `least`. Where both are the same, room is
/// not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Kept whatever the room.
    pub least: u32,
    /// Kept while there is room.
    pub most: u32,
}

impl Limit {
    /// So many, whatever the room.
    pub const fn exactly(count: u32) -> Self {
        Self {
            least: count,
            most: count,
        }
    }

    fn is_fixed(self) -> bool {
        self.least == self.most
    }
}

/// The rule for snapshots with the cleanup `number`: those of updates and of package managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberRule {
    /// How many are kept.
    pub keep: Limit,
    /// How many of those marked as important are kept; they count for `keep` too.
    pub important: Limit,
    /// Seconds for which each is kept at least.
    pub min_age: u32,
}

/// The rule for snapshots with the cleanup `timeline`: of each period the first snapshot is kept, for so many periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineRule {
    /// Hours.
    pub hourly: Limit,
    /// Days.
    pub daily: Limit,
    /// Weeks.
    pub weekly: Limit,
    /// Months.
    pub monthly: Limit,
    /// Quarters.
    pub quarterly: Limit,
    /// Years.
    pub yearly: Limit,
    /// Seconds for which each is kept at least.
    pub min_age: u32,
}

impl TimelineRule {
    /// Each period with its limit.
    pub fn limits(&self) -> [(Period, Limit); 6] {
        [
            (Period::Hour, self.hourly),
            (Period::Day, self.daily),
            (Period::Week, self.weekly),
            (Period::Month, self.monthly),
            (Period::Quarter, self.quarterly),
            (Period::Year, self.yearly),
        ]
    }
}

/// What is kept. Snapshots without a cleanup, pinned ones among them, are never named by any rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Updates; `None` keeps them all.
    pub number: Option<NumberRule>,
    /// The timeline; `None` keeps it all.
    pub timeline: Option<TimelineRule>,
    /// Pairs between which nothing changed go after so many seconds; `None` keeps them.
    pub empty_pairs: Option<u32>,
    /// Thousandths of the disk that snapshots may hold before the rules go below `most`; 1000 for no limit.
    pub space: u16,
    /// Thousandths of the disk that stay free before the rules go below `most`; 0 for no limit.
    pub free: u16,
}

impl Default for Retention {
    /// Ten updates, as long as the snapshots hold no more than 30 % of the disk; the four newest whatever the room.
    fn default() -> Self {
        Self::keep_updates(10, 300)
    }
}

impl Retention {
    /// "Keep so many updates, never more than this share (in thousandths) of the disk". Four are kept whatever the
    /// room, for with fewer there may be nothing to go back to.
    pub fn keep_updates(count: u32, space: u16) -> Self {
        let keep = Limit {
            least: count.min(4),
            most: count,
        };
        Self {
            number: Some(NumberRule {
                keep,
                important: keep,
                min_age: 3_600,
            }),
            timeline: None,
            empty_pairs: Some(3_600),
            space,
            free: 0,
        }
    }
}

coded! {
    /// Which rule names a snapshot.
    DoomReason {
        /// There are more updates than are kept.
        Number = "number",
        /// The timeline is longer than is kept.
        Timeline = "timeline",
        /// Nothing changed between it and its other half.
        EmptyPair = "empty-pair",
        /// Snapshots hold more of the disk than they may.
        Space = "space",
        /// Less of the disk is free than there should be.
        Free = "free",
    }
}

/// A snapshot that a rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Doomed {
    /// Which.
    pub id: SnapshotId,
    /// By which rule.
    pub reason: DoomReason,
}

/// The room on the disk as it would be; bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// All of the disk.
    pub size: u64,
    /// What only snapshots hold.
    pub held: u64,
    /// What is free.
    pub free: u64,
}

/// What the rules ask about the machine.
pub trait Facts {
    /// The wall clock's reading at a moment.
    fn civil(&self, time: Timestamp) -> Civil;
    /// Whether nothing changed between the two snapshots of a pair.
    fn is_empty_pair(&self, pre: SnapshotId, post: SnapshotId) -> bool;
    /// The room there would be without these snapshots; `None` where it cannot be told: then nothing goes for room.
    fn room(&self, gone: &BTreeSet<SnapshotId>) -> Option<Room>;
}

#[derive(Clone, Copy)]
enum Bound {
    Most,
    Least,
}

impl Limit {
    fn at(self, bound: Bound) -> usize {
        let count = match bound {
            Bound::Most => self.most,
            Bound::Least => self.least,
        };
        usize::try_from(count).unwrap_or(usize::MAX)
    }
}

/// One of the three algorithms.
#[derive(Clone, Copy)]
enum Rule {
    Number(NumberRule),
    Timeline(TimelineRule),
    EmptyPairs(u32),
}

impl Rule {
    fn min_age(self) -> u32 {
        match self {
            Self::Number(rule) => rule.min_age,
            Self::Timeline(rule) => rule.min_age,
            Self::EmptyPairs(min_age) => min_age,
        }
    }

    /// Whether there is nothing between `least` and `most`: then room is not looked at.
    fn is_fixed(self) -> bool {
        match self {
            Self::Number(rule) => rule.keep.is_fixed() && rule.important.is_fixed(),
            Self::Timeline(rule) => rule.limits().iter().all(|(_, limit)| limit.is_fixed()),
            Self::EmptyPairs(_) => true,
        }
    }

    fn reason(self) -> DoomReason {
        match self {
            Self::Number(_) => DoomReason::Number,
            Self::Timeline(_) => DoomReason::Timeline,
            Self::EmptyPairs(_) => DoomReason::EmptyPair,
        }
    }
}

/// The rules at work on the snapshots that are left.
struct Run<'a> {
    state: &'a State,
    facts: &'a dyn Facts,
    now: Timestamp,
    /// Never named: what is running, starts next, waits for the restart, or is being made.
    kept: BTreeSet<SnapshotId>,
    gone: BTreeSet<SnapshotId>,
    doomed: Vec<Doomed>,
}

impl Retention {
    /// What these rules would delete now, in the order of deletion. They name neither what runs, nor what starts next,
    /// nor updates that wait for the restart, nor what is being made.
    pub fn doomed(&self, state: &State, now: Timestamp, facts: &dyn Facts) -> Vec<Doomed> {
        let mut kept: BTreeSet<SnapshotId> = state.booted.into_iter().chain(state.default).collect();
        kept.extend(state.pending_updates());
        let in_progress = state.snapshots.values().filter(|it| it.is_in_progress());
        kept.extend(in_progress.map(|it| it.id));
        let mut run = Run {
            state,
            facts,
            now,
            kept,
            gone: BTreeSet::new(),
            doomed: Vec::new(),
        };
        let rules = [
            self.number.map(Rule::Number),
            self.timeline.map(Rule::Timeline),
            self.empty_pairs.map(Rule::EmptyPairs),
        ];
        for rule in rules.into_iter().flatten() {
            let candidates = run.candidates(rule, Bound::Most);
            let named = run.filtered(&candidates, rule);
            run.remove(&named, rule.reason());
            if rule.is_fixed() {
                continue;
            }
            if self.space < 1000 {
                run.until(rule, DoomReason::Space, |room| {
                    thousandths(room.held) < u128::from(room.size) * u128::from(self.space)
                });
            }
            if self.free > 0 {
                run.until(rule, DoomReason::Free, |room| {
                    thousandths(room.free) > u128::from(room.size) * u128::from(self.free)
                });
            }
        }
        run.doomed
    }
}

fn thousandths(bytes: u64) -> u128 {
    u128::from(bytes) * 1000
}

impl<'a> Run<'a> {
    /// Those that are left, by number.
    fn left(&self) -> impl DoubleEndedIterator<Item = &'a Snapshot> {
        self.state
            .snapshots
            .values()
            .filter(|it| !self.gone.contains(&it.id))
    }

    fn pre_of(&self, post: &Snapshot) -> Option<&'a Snapshot> {
        self.left()
            .find(|it| it.kind == SnapshotKind::Pre && Some(it.id) == post.pre)
    }

    fn post_of(&self, pre: &Snapshot) -> Option<&'a Snapshot> {
        self.left()
            .find(|it| it.kind == SnapshotKind::Post && it.pre == Some(pre.id))
    }

    /// Those that the rule does not keep, oldest number first.
    fn candidates(&self, rule: Rule, bound: Bound) -> Vec<&'a Snapshot> {
        let with = |cleanup: &str| -> Vec<&'a Snapshot> {
            self.left().filter(|it| it.cleanup.0 == cleanup).rev().collect()
        };
        let mut named: Vec<&Snapshot> = match rule {
            Rule::Number(rule) => {
                let (mut kept, mut important) = (0, 0);
                let mut newest_first = with("number");
                newest_first.retain(|it| {
                    let is_kept_as_important = important < rule.important.at(bound) && it.is_important();
                    let is_kept = kept < rule.keep.at(bound);
                    important += usize::from(is_kept_as_important);
                    kept += usize::from(is_kept);
                    !is_kept_as_important && !is_kept
                });
                newest_first
            }
            Rule::Timeline(rule) => self.beside_timeline(&rule, bound, &with("timeline")),
            Rule::EmptyPairs(_) => {
                let pairs = self
                    .left()
                    .filter(|it| it.kind == SnapshotKind::Pre)
                    .filter_map(|pre| Some((pre, self.post_of(pre)?)))
                    .filter(|(pre, post)| self.facts.is_empty_pair(pre.id, post.id));
                return pairs.flat_map(|(pre, post)| [pre, post]).collect();
            }
        };
        named.reverse();
        named
    }

    fn beside_timeline(
        &self,
        rule: &TimelineRule,
        bound: Bound,
        newest_first: &[&'a Snapshot],
    ) -> Vec<&'a Snapshot> {
        let times: Vec<(Timestamp, Civil)> = newest_first
            .iter()
            .map(|it| (it.time, self.facts.civil(it.time)))
            .collect();
        let mut limits = rule.limits().map(|(period, limit)| (period, limit.at(bound)));
        let mut named = Vec::new();
        for (at, snapshot) in newest_first.iter().enumerate() {
            let mut is_kept = false;
            for (period, left) in &mut limits {
                let older = times.get(at..).unwrap_or_default();
                if *left > 0 && period::is_first(*period, older) {
                    *left -= 1;
                    is_kept = true;
                }
            }
            if !is_kept {
                named.push(*snapshot);
            }
        }
        named
    }

    /// Those of them that may go: not kept, old enough, and no half of a pair without the other.
    fn filtered(&self, named: &[&'a Snapshot], rule: Rule) -> Vec<SnapshotId> {
        let oldest = self.now.seconds().saturating_sub(u64::from(rule.min_age()));
        let may: Vec<&Snapshot> = named
            .iter()
            .copied()
            .filter(|it| !self.kept.contains(&it.id) && it.time.seconds() <= oldest)
            .collect();
        let ids: BTreeSet<SnapshotId> = may.iter().map(|it| it.id).collect();
        let is_whole = |it: &&Snapshot| {
            let other = match it.kind {
                SnapshotKind::Pre => self.post_of(it),
                SnapshotKind::Post => self.pre_of(it),
                SnapshotKind::Single => None,
            };
            other.is_none_or(|other| ids.contains(&other.id))
        };
        may.iter().copied().filter(is_whole).map(|it| it.id).collect()
    }

    fn remove(&mut self, named: &[SnapshotId], reason: DoomReason) {
        for id in named {
            if self.gone.insert(*id) {
                self.doomed.push(Doomed { id: *id, reason });
            }
        }
    }

    /// Goes below `most` until there is room, or nothing is left that may go.
    fn until(&mut self, rule: Rule, reason: DoomReason, is_satisfied: impl Fn(Room) -> bool) {
        while let Some(room) = self.facts.room(&self.gone) {
            if room.size == 0 || is_satisfied(room) {
                return;
            }
            let candidates = self.candidates(rule, Bound::Least);
            // More and more of them: a half of a pair goes only with the other.
            let some = (1..=candidates.len())
                .filter_map(|count| candidates.get(..count))
                .map(|some| self.filtered(some, rule))
                .find(|some| !some.is_empty());
            match some {
                Some(some) => self.remove(&some, reason),
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
