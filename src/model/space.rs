// SPDX-License-Identifier: GPL-3.0-or-later
//! What snapshots cost, and which to give up for room.

use crate::{Snapshot, SnapshotId, State};
use serde::Serialize;
use std::collections::BTreeSet;

/// The filesystem as a whole, in bytes, counted as `btrfs filesystem usage` does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// All devices together, copies of the same data counted each.
    pub size: u64,
    /// What is used of them, copies counted each.
    pub used: u64,
    /// What lies in no block group yet, copies counted each.
    pub unallocated: u64,
    /// How much data can still be written, copies not counted, when what is unallocated goes to data.
    pub free: u64,
    /// The same when it goes to whatever takes the most copies.
    pub free_least: u64,
}

/// What deleting a selection of snapshots frees, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Freed {
    /// Data: exact, for whole extents as they lie on the disk.
    pub data: u64,
    /// Directories, names and the like: an estimate.
    pub metadata: u64,
    /// Data that the selection holds too but that stays, because something else holds it.
    pub held: u64,
    /// Who alone keeps how much of that, most first: deleting this one too would free it.
    pub holders: Vec<Holder>,
}

/// Who keeps data of a selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// A snapshot; `None` for a subvolume that is none.
    pub snapshot: Option<SnapshotId>,
    /// The path of that subvolume from the top of the filesystem, for people; empty for a snapshot.
    pub subvolume: String,
    /// How many bytes.
    pub bytes: u64,
}

/// What deleting one snapshot alone frees, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SnapshotSize {
    /// Which.
    pub id: SnapshotId,
    /// Data: exact.
    pub data: u64,
    /// The rest: an estimate.
    pub metadata: u64,
}

/// What to delete for room, and what that frees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RoomPlan {
    /// The snapshots, oldest first.
    pub snapshots: Vec<SnapshotId>,
    /// What deleting them frees.
    pub freed: Freed,
    /// Whether that is as much as was asked for.
    pub is_enough: bool,
}

/// The snapshots that may be proposed for room, oldest first: never what runs, starts next, waits for the restart, is
/// being made, is pinned, or is marked as important.
pub fn room_candidates(state: &State) -> Vec<SnapshotId> {
    let waiting = state.pending_updates();
    let may_go = |it: &&Snapshot| {
        state.is_deletable(it.id).is_ok()
            && !it.is_in_progress()
            && !it.is_important()
            && !waiting.contains(&it.id)
    };
    let mut candidates: Vec<&Snapshot> = state.snapshots.values().filter(may_go).collect();
    candidates.sort_by_key(|it| (it.time, it.id));
    candidates.iter().map(|it| it.id).collect()
}

/// Which of these candidates, oldest first, to delete for so many bytes, and whether that is enough. The oldest go
/// first; one whose staying costs nothing stays. `freed` tells how much a selection frees.
pub fn make_room(
    candidates: &[SnapshotId],
    target: u64,
    mut freed: impl FnMut(&BTreeSet<SnapshotId>) -> u64,
) -> (Vec<SnapshotId>, bool) {
    let mut chosen = BTreeSet::new();
    if target == 0 {
        return (Vec::new(), true);
    }
    let (mut order, mut is_enough) = (Vec::new(), false);
    for id in candidates {
        chosen.insert(*id);
        order.push(*id);
        if freed(&chosen) >= target {
            is_enough = true;
            break;
        }
    }
    let goal = if is_enough { target } else { freed(&chosen) };
    // The newest first: those a person would rather keep.
    for at in (0..order.len()).rev() {
        let Some(id) = order.get(at).copied() else {
            continue;
        };
        chosen.remove(&id);
        if freed(&chosen) >= goal {
            order.remove(at);
        } else {
            chosen.insert(id);
        }
    }
    (order, is_enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each snapshot holds 10 alone; 100 more are freed when both #2 and #3 go.
    fn freed(chosen: &BTreeSet<SnapshotId>) -> u64 {
        let both = [SnapshotId(2), SnapshotId(3)]
            .iter()
            .all(|id| chosen.contains(id));
        chosen.len() as u64 * 10 + u64::from(both) * 100
    }

    #[test]
    fn the_oldest_go_and_none_for_nothing() {
        let all = [1, 2, 3, 4].map(SnapshotId);
        let room = |target| {
            let (chosen, is_enough) = make_room(&all, target, freed);
            (chosen.iter().map(|it| it.0).collect::<Vec<_>>(), is_enough)
        };
        assert_eq!(room(0), (vec![], true));
        assert_eq!(room(15), (vec![1, 2], true));
        // #1 would give 10 more, but 120 are enough.
        assert_eq!(room(120), (vec![2, 3], true));
        assert_eq!(room(130), (vec![1, 2, 3], true));
        assert_eq!(room(1000), (vec![1, 2, 3, 4], false));
        assert_eq!(make_room(&[], 1, freed), (vec![], false));
    }
}
