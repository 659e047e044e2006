// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;
use crate::{Capability, Condition, Snapshot, SnapshotId, State, Uuid};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

coded! {
    /// Where a snapshot stands on the time axis.
    Position {
        /// Starts with the next restart.
        Pending = "pending",
        /// Runs now.
        Running = "running",
        /// Neither.
        Earlier = "earlier",
    }
}

/// Where this snapshot stands.
pub fn position(state: &State, id: SnapshotId) -> Position {
    if state.booted == Some(id) {
        Position::Running
    } else if state.pending() == Some(id) {
        Position::Pending
    } else {
        Position::Earlier
    }
}

/// Whether a snapshot matches what a person typed: every word occurs in its number, description, cleanup or userdata,
/// whatever the case. An empty text matches everything.
pub fn filter_matches(snapshot: &Snapshot, text: &str) -> bool {
    text.split_whitespace().all(|word| {
        let word = word.to_lowercase();
        let number = word.strip_prefix('#').unwrap_or(&word);
        snapshot.id.to_string() == number
            || snapshot.description.to_lowercase().contains(&word)
            || snapshot.cleanup.0.to_lowercase().contains(&word)
            || snapshot
                .userdata
                .iter()
                .any(|(key, value)| format!("{key}={value}").to_lowercase().contains(&word))
    })
}

/// One line of the timeline. The order of the values is the order on the screen: what is available, what waits, what
/// runs, then the earlier ones from new to old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// The updates that could be installed.
    Available,
    /// A snapshot.
    Snapshot(Position, Reverse<SnapshotId>),
}

impl Row {
    /// The snapshot of this line, where it is one.
    pub fn snapshot(self) -> Option<SnapshotId> {
        match self {
            Self::Available => None,
            Self::Snapshot(_, Reverse(id)) => Some(id),
        }
    }
}

/// The lines of the timeline that match a filter, in their order.
pub fn rows(state: &State, filter: &str) -> Vec<Row> {
    let available = state.capabilities.has(Capability::Updates) && !state.updates.set.is_empty();
    let mut rows: Vec<_> = (available && filter.trim().is_empty())
        .then_some(Row::Available)
        .into_iter()
        .collect();
    let matching = state.snapshots.values().filter(|it| filter_matches(it, filter));
    rows.extend(matching.map(|it| Row::Snapshot(position(state, it.id), Reverse(it.id))));
    rows.sort_unstable();
    rows
}

/// One change to a list that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These places are taken out.
    Remove(Range<usize>),
    /// These places of the new list are put in.
    Insert(Range<usize>),
}

/// The steps from one sorted list to another, to be taken in their order; neighbors go together.
pub fn steps<T: Ord>(old: &[T], new: &[T]) -> Vec<Step> {
    let mut removals = Vec::<Range<usize>>::new();
    let mut insertions = Vec::<Range<usize>>::new();
    let grow = |ranges: &mut Vec<Range<usize>>, at: usize| match ranges.last_mut() {
        Some(last) if last.end == at => last.end += 1,
        _ => ranges.push(at..at + 1),
    };
    let (mut from, mut to) = (0, 0);
    loop {
        match (old.get(from), new.get(to)) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => (from, to) = (from + 1, to + 1),
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                grow(&mut removals, from);
                from += 1;
            }
            _ => {
                grow(&mut insertions, to);
                to += 1;
            }
        }
    }
    // From the back, so that the places of the removals to come stay right.
    let removals = removals.into_iter().rev().map(Step::Remove);
    removals.chain(insertions.into_iter().map(Step::Insert)).collect()
}

/// The version a snapshot was made from: by identity where that is still there, else the next older one.
pub fn predecessor(state: &State, id: SnapshotId) -> Option<SnapshotId> {
    let parent = state.snapshots.get(&id).and_then(|snapshot| {
        let mut others = state.snapshots.values().filter(|it| it.id != id);
        others.find(|it| it.uuid != Uuid::default() && it.uuid == snapshot.parent_uuid)
    });
    let mut older = state.snapshots.range(..id).rev().map(|(_, it)| it);
    parent
        .or_else(|| older.find(|it| it.condition == Condition::Complete && !it.is_in_progress()))
        .map(|it| it.id)
}

/// The [`predecessor`] of every snapshot that has one, at a cost that does not grow with the square of their number.
pub fn predecessors(state: &State) -> BTreeMap<SnapshotId, SnapshotId> {
    let named = state.snapshots.values().filter(|it| it.uuid != Uuid::default());
    let by_uuid: BTreeMap<[u8; 16], SnapshotId> = named.rev().map(|it| (it.uuid.0, it.id)).collect();
    let (mut older, mut found) = (None, BTreeMap::new());
    for it in state.snapshots.values() {
        let parent = by_uuid
            .get(&it.parent_uuid.0)
            .copied()
            .filter(|parent| *parent != it.id);
        if let Some(base) = parent.or(older) {
            found.insert(it.id, base);
        }
        if it.condition == Condition::Complete && !it.is_in_progress() {
            older = Some(it.id);
        }
    }
    found
}

/// Where "go back" leads when nothing else is said: to the version that the running one was made from, or to the newest
/// snapshot where the running system is none.
pub fn step_back(state: &State) -> Option<SnapshotId> {
    if !state.capabilities.has(Capability::BootDefault) {
        return None;
    }
    let target = match state.booted {
        Some(booted) => predecessor(state, booted),
        None => state.snapshots.keys().next_back().copied(),
    };
    target.filter(|id| state.is_rollback_target(*id).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::{snapshot, state};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn the_steps_lead_from_one_list_to_the_other(
            old: BTreeSet<u8>, new: BTreeSet<u8>
        ) {
            let (old, new) = (Vec::from_iter(old), Vec::from_iter(new));
            let mut list = old.clone();
            for step in steps(&old, &new) {
                match step {
                    Step::Remove(range) => drop(list.drain(range)),
                    Step::Insert(range) => drop(list.splice(range.start..range.start, new[range].to_vec())),
                }
            }
            prop_assert_eq!(list, new);
        }
    }

    #[test]
    fn rows_go_from_what_waits_over_what_runs_to_the_earlier_ones() {
        let mut it = state(4);
        it.booted = Some(SnapshotId(3));
        it.default = Some(SnapshotId(2));
        let order: Vec<_> = rows(&it, "").into_iter().filter_map(Row::snapshot).collect();
        assert_eq!(order, [2, 3, 4, 1].map(SnapshotId));
    }

    #[test]
    fn going_back_leads_to_where_the_running_version_came_from() {
        let mut it = state(4);
        assert_eq!(predecessor(&it, SnapshotId(1)), None);
        assert_eq!(predecessor(&it, SnapshotId(4)), Some(SnapshotId(3)));
        let parent = it.snapshots[&SnapshotId(2)].uuid;
        if let Some(running) = it.snapshots.get_mut(&SnapshotId(4)) {
            running.parent_uuid = parent;
        }
        let expected = if parent == Uuid::default() { 3 } else { 2 };
        assert_eq!(predecessor(&it, SnapshotId(4)), Some(SnapshotId(expected)));
    }

    #[test]
    fn all_predecessors_are_those_of_each() {
        let mut it = state(6);
        let uuid = it.snapshots[&SnapshotId(2)].uuid;
        if let Some(five) = it.snapshots.get_mut(&SnapshotId(5)) {
            five.parent_uuid = uuid;
        }
        if let Some(four) = it.snapshots.get_mut(&SnapshotId(4)) {
            four.condition = Condition::NoMetadata;
        }
        let all = predecessors(&it);
        for id in it.snapshots.keys() {
            assert_eq!(all.get(id).copied(), predecessor(&it, *id), "{id}");
        }
    }

    #[test]
    fn words_of_a_filter_all_have_to_match() {
        let it = Snapshot {
            description: "Vor Codec-Installation".into(),
            ..snapshot(42)
        };
        for (text, matches) in [
            ("", true),
            ("codec", true),
            ("codec vor", true),
            ("codec nach", false),
            ("#42", true),
            ("4", false),
        ] {
            assert_eq!(filter_matches(&it, text), matches, "{text}");
        }
    }

    #[test]
    fn the_running_snapshot_is_running_even_when_it_is_the_default() {
        let mut it = state(3);
        assert_eq!(position(&it, SnapshotId(3)), Position::Running);
        it.default = Some(SnapshotId(2));
        assert_eq!(position(&it, SnapshotId(2)), Position::Pending);
        assert_eq!(position(&it, SnapshotId(1)), Position::Earlier);
    }
}
