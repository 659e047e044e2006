// SPDX-License-Identifier: GPL-3.0-or-later
//! How subvolumes came out of each other: which of them to look at, in which order, and what to compare each with.

use crate::native::btrfs::Subvolume;
use model::{SnapshotId, Uuid};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Nothing real is nested deeper; a damaged tree of roots might go round in circles.
const DEEPEST: usize = 32;

fn is_known(uuid: Uuid) -> bool {
    uuid != Uuid::default()
}

/// The snapshot that each subvolume belongs to: it is one, or it is nested in one. `snapshots` names the subvolumes that
/// are snapshots.
pub(super) fn owners(
    subvolumes: &[Subvolume],
    snapshots: &BTreeMap<u64, SnapshotId>,
) -> HashMap<u64, SnapshotId> {
    let parents: HashMap<u64, u64> = subvolumes.iter().map(|it| (it.id, it.parent)).collect();
    let owner = |id: u64| {
        let chain = std::iter::successors(Some(id), |id| parents.get(id).copied().filter(|it| *it != 0));
        chain.take(DEEPEST).find_map(|id| snapshots.get(&id).copied())
    };
    subvolumes
        .iter()
        .filter_map(|it| Some((it.id, owner(it.id)?)))
        .collect()
}

/// Those that are snapshots or share a past with one, in the order in which to enter them: each after what it is best
/// compared with. Snapshots that were not touched come where they were made, others where they were last changed.
pub(super) fn members<'a>(
    subvolumes: &'a [Subvolume],
    owners: &HashMap<u64, SnapshotId>,
) -> Vec<&'a Subvolume> {
    let mut family: HashSet<Uuid> = HashSet::new();
    let mut chosen: HashSet<u64> = HashSet::new();
    loop {
        let before = chosen.len();
        for it in subvolumes {
            let is_related = [it.uuid, it.parent_uuid]
                .iter()
                .any(|uuid| is_known(*uuid) && family.contains(uuid));
            if (owners.contains_key(&it.id) || is_related) && chosen.insert(it.id) {
                family.extend(
                    [it.uuid, it.parent_uuid]
                        .into_iter()
                        .filter(|uuid| is_known(*uuid)),
                );
            }
        }
        if chosen.len() == before {
            break;
        }
    }
    let mut members: Vec<&Subvolume> = subvolumes.iter().filter(|it| chosen.contains(&it.id)).collect();
    // To make a snapshot is a change of what it is made of, in the same transaction. The snapshot comes first: what is
    // compared with it need not be compared anew when its source changes next.
    members.sort_by_key(|it| {
        let at = if it.read_only { it.made } else { it.changed };
        (at, !it.read_only, it.id)
    });
    members
}

/// The last transaction that two subvolumes share, when one is a snapshot of the other or both are of a third.
pub(super) fn fork(a: &Subvolume, b: &Subvolume) -> Option<u64> {
    if is_known(a.uuid) && a.uuid == b.parent_uuid {
        Some(b.made)
    } else if is_known(b.uuid) && b.uuid == a.parent_uuid {
        Some(a.made)
    } else if is_known(a.parent_uuid) && a.parent_uuid == b.parent_uuid {
        Some(a.made.min(b.made))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subvolume(id: u64, parent: u64, from: u64, made: u64, read_only: bool) -> Subvolume {
        Subvolume {
            id,
            parent,
            directory: 256,
            name: Vec::new(),
            uuid: Uuid([id as u8; 16]),
            parent_uuid: Uuid([from as u8; 16]),
            made,
            changed: made + 100,
            read_only,
            tree_bytes: 0,
        }
    }

    #[test]
    fn what_is_nested_belongs_to_its_snapshot_and_relatives_are_members() {
        // 5 holds @ (10) and home (11); the snapshots 20 and 21 are of @, 22 is nested in 21; 30 is a snapshot of home.
        let all = [
            subvolume(5, 0, 0, 0, false),
            subvolume(10, 5, 0, 1, false),
            subvolume(11, 5, 0, 2, false),
            subvolume(20, 12, 10, 7, true),
            subvolume(21, 12, 10, 9, true),
            subvolume(22, 21, 0, 9, false),
            subvolume(30, 5, 11, 8, true),
        ];
        let snapshots = BTreeMap::from([(20, SnapshotId(1)), (21, SnapshotId(2))]);
        let owners = owners(&all, &snapshots);
        assert_eq!(owners.get(&22), Some(&SnapshotId(2)));
        assert_eq!(owners.len(), 3);
        let order: Vec<u64> = members(&all, &owners).iter().map(|it| it.id).collect();
        assert_eq!(order, [20, 21, 10, 22]);
        let mut made_just_now = all.clone();
        made_just_now[4].made = made_just_now[1].changed;
        let order: Vec<u64> = members(&made_just_now, &owners).iter().map(|it| it.id).collect();
        assert_eq!(order, [20, 21, 10, 22]);
        assert_eq!(fork(&all[3], &all[4]), Some(7));
        assert_eq!(fork(&all[1], &all[4]), Some(9));
        assert_eq!(fork(&all[4], &all[1]), Some(9));
        assert_eq!(fork(&all[1], &all[2]), None);
    }

    #[test]
    fn circles_end() {
        let all = [subvolume(300, 301, 0, 1, true), subvolume(301, 300, 0, 1, true)];
        assert!(owners(&all, &BTreeMap::new()).is_empty());
    }
}
