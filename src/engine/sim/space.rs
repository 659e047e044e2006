// SPDX-License-Identifier: GPL-3.0-or-later
//! What simulated snapshots cost: each version of a package is data that all snapshots with it share.

use super::machine::Machine;
use crate::Error;
use model::{
    Freed, Holder, Refusal, RefusalCode, Room, RoomPlan, SnapshotId, SnapshotSize, Usage, make_room,
    room_candidates,
};
use std::collections::{BTreeMap, BTreeSet};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// The simulated disk.
const SIZE: u64 = 128 * GIB;
/// What lies on it beside the system.
const HOME: u64 = 40 * GIB;
/// What the directories of a snapshot take that share nothing with another's.
const NAMES: u64 = 2 * MIB;

/// What was written while it ran and is in no other.
const LOGS: u64 = 3 * MIB;

/// Who has data: a snapshot, or the running system where that is none.
type Owner = Option<SnapshotId>;

/// Bytes of a version of a package: some, and always the same.
fn bytes(name: &str, version: &str) -> u64 {
    let least = if name.starts_with("kernel") { 180 } else { 2 };
    let sum = name
        .bytes()
        .chain(version.bytes())
        .fold(7_u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(byte.into()));
    (least + sum % 60) * MIB
}

/// Each version of a package, as its size and who has it.
fn extents(machine: &Machine) -> Vec<(u64, BTreeSet<Owner>)> {
    let state = machine.state();
    let snapshots = state.snapshots.keys().map(|id| Some(*id));
    let root = state.booted.is_none().then_some(None);
    let mut all: BTreeMap<(&str, &str), BTreeSet<Owner>> = BTreeMap::new();
    for owner in snapshots.chain(root) {
        for (name, package) in machine.packages(owner).into_iter().flat_map(|it| it.iter()) {
            let key = (name.as_str(), package.version.as_str());
            all.entry(key).or_default().insert(owner);
        }
    }
    let shared = all
        .into_iter()
        .map(|((name, version), owners)| (bytes(name, version), owners));
    let own = state
        .snapshots
        .keys()
        .map(|id| (LOGS, BTreeSet::from([Some(*id)])));
    shared.chain(own).collect()
}

fn freed_of(extents: &[(u64, BTreeSet<Owner>)], ids: &BTreeSet<Owner>) -> u64 {
    let gone = extents.iter().filter(|(_, owners)| owners.is_subset(ids));
    gone.map(|(bytes, _)| bytes).sum()
}

/// What deleting these snapshots together frees.
pub(super) fn freed(machine: &Machine, ids: &[SnapshotId]) -> Result<Freed, Error> {
    if let Some(id) = ids.iter().find(|id| !machine.state().snapshots.contains_key(id)) {
        return Err(Refusal::of(RefusalCode::NoSuchSnapshot, *id).into());
    }
    let (extents, ids) = (extents(machine), ids.iter().map(|id| Some(*id)).collect());
    let data = freed_of(&extents, &ids);
    let (mut held, mut holders) = (0, BTreeMap::<Owner, u64>::new());
    for (bytes, owners) in extents.iter().filter(|(_, owners)| !owners.is_disjoint(&ids)) {
        let mut left = owners.difference(&ids);
        let (first, second) = (left.next(), left.next());
        if let Some(first) = first {
            held += bytes;
            if second.is_none() {
                *holders.entry(*first).or_default() += bytes;
            }
        }
    }
    let holder = |(owner, bytes): (Owner, u64)| Holder {
        snapshot: owner,
        subvolume: owner.map_or_else(|| "/@".to_owned(), |_| String::new()),
        bytes,
    };
    let mut holders: Vec<Holder> = holders.into_iter().map(holder).collect();
    holders.sort_by_key(|it| std::cmp::Reverse(it.bytes));
    Ok(Freed {
        data,
        metadata: data / 50 + NAMES * ids.len() as u64,
        held,
        holders,
    })
}

/// What deleting each snapshot alone frees.
pub(super) fn sizes(machine: &Machine) -> Result<Vec<SnapshotSize>, Error> {
    let size = |id: &SnapshotId| {
        let freed = freed(machine, &[*id])?;
        Ok(SnapshotSize {
            id: *id,
            data: freed.data,
            metadata: freed.metadata,
        })
    };
    machine.state().snapshots.keys().map(size).collect()
}

/// Which snapshots to delete for so many bytes.
pub(super) fn plan_room(machine: &Machine, target: u64) -> Result<RoomPlan, Error> {
    let extents = extents(machine);
    let candidates = room_candidates(machine.state());
    let (snapshots, is_enough) = make_room(&candidates, target, |chosen| {
        freed_of(&extents, &chosen.iter().map(|id| Some(*id)).collect())
    });
    Ok(RoomPlan {
        freed: freed(machine, &snapshots)?,
        snapshots,
        is_enough,
    })
}

/// How full the disk is.
pub(super) fn usage(machine: &Machine) -> Usage {
    let data: u64 = extents(machine).iter().map(|(bytes, _)| bytes).sum();
    let names = NAMES * machine.state().snapshots.len() as u64;
    let used = HOME + data + names;
    let unallocated = SIZE.saturating_sub(used + 6 * GIB);
    Usage {
        size: SIZE,
        used,
        unallocated,
        free: SIZE - used,
        free_least: SIZE - used - unallocated / 2,
    }
}

/// What the rules of cleaning up ask about a simulated machine.
pub(super) struct Facts<'a>(pub(super) &'a Machine);

impl model::Facts for Facts<'_> {
    fn civil(&self, time: model::Timestamp) -> model::Civil {
        crate::native::civil(time)
    }

    fn is_empty_pair(&self, pre: SnapshotId, post: SnapshotId) -> bool {
        self.0.packages(Some(pre)) == self.0.packages(Some(post))
    }

    fn room(&self, gone: &BTreeSet<SnapshotId>) -> Option<Room> {
        let (extents, state) = (extents(self.0), self.0.state());
        let starts = [state.booted, state.default];
        let all = state.snapshots.keys().map(|id| Some(*id));
        let held = all.filter(|id| !starts.contains(id)).collect();
        let freed = freed_of(&extents, &gone.iter().map(|id| Some(*id)).collect());
        let usage = usage(self.0);
        Some(Room {
            size: usage.size,
            held: freed_of(&extents, &held).saturating_sub(freed),
            free: usage.free + freed,
        })
    }
}
