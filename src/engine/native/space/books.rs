// SPDX-License-Identifier: GPL-3.0-or-later
//! What is known about all trees, and how it is brought up to date.

use super::ledger::{Ledger, Trees};
use super::lineage;
use super::sweep::{self, Pair, Source, Stop};
use crate::Error;
use crate::native::btrfs::Subvolume;
use model::{SnapshotId, Uuid};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A tree in the ledger, at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    /// Its subvolume.
    pub(super) id: u64,
    /// That one's identity.
    pub(super) uuid: Uuid,
    /// Its items are those of this transaction.
    pub(super) as_of: u64,
    /// The subvolume it was compared with; zero when it was read as a whole.
    pub(super) base: u64,
    /// The last transaction it shares with that one.
    pub(super) fork: u64,
    /// Bytes of items in leaves that it does not share with its base; of all, without a base.
    pub(super) fresh: u64,
    /// Bytes of items in leaves that it shares with its base, but that one not with its own.
    pub(super) kept: u64,
    /// The bytes of all blocks of its tree.
    pub(super) tree_bytes: u64,
}

/// A tree that shares no past with a snapshot. That it shares extents with one is rare: a file may have been copied by
/// reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stranger {
    /// Its identity.
    pub(super) uuid: Uuid,
    /// Its items are those of this transaction.
    pub(super) as_of: u64,
    /// Where every extent that it uses begins, in order; those that it used once may still be among them.
    pub(super) starts: Vec<u64>,
}

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// By place; `None` for places that are free.
    pub(super) trees: Vec<Option<Tree>>,
    /// The place of each subvolume's tree.
    places: HashMap<u64, usize>,
    pub(super) ledger: Ledger,
    /// By subvolume.
    pub(super) strangers: BTreeMap<u64, Stranger>,
    /// The trees that belong to each snapshot.
    pub(super) of_snapshot: BTreeMap<SnapshotId, Trees>,
    /// The snapshot that each place belongs to.
    pub(super) owner_of_place: HashMap<usize, SnapshotId>,
    /// The place of each stranger that uses something of a snapshot.
    pub(super) held_by_strangers: BTreeMap<u64, usize>,
}

/// What bringing them up to date changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progressed {
    /// Trees that had to be read, in whole or in part.
    pub(super) read: usize,
    /// Whether that is worth writing down.
    pub(super) is_worth_keeping: bool,
}

impl Books {
    /// What was known before, as far as it is kept.
    pub(super) fn new(trees: Vec<Option<Tree>>, ledger: Ledger, strangers: BTreeMap<u64, Stranger>) -> Self {
        let places = trees.iter().enumerate();
        let places = places.filter_map(|(place, tree)| Some((tree.as_ref()?.id, place)));
        Self {
            places: places.collect(),
            trees,
            ledger,
            strangers,
            ..Self::default()
        }
    }

    /// The place of a subvolume's tree.
    pub(super) fn place(&self, id: u64) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// A tree in the ledger.
    pub(super) fn tree(&self, place: usize) -> Option<&Tree> {
        self.trees.get(place)?.as_ref()
    }

    fn free_place(&mut self) -> usize {
        match self.trees.iter().position(Option::is_none) {
            Some(place) => place,
            None => {
                self.trees.push(None);
                self.trees.len() - 1
            }
        }
    }

    /// Forgets a tree. Those that were compared with it count from what it was compared with.
    fn forget(&mut self, place: usize) {
        let Some(gone) = self.trees.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.places.remove(&gone.id);
        self.ledger.clear(place);
        for tree in self.trees.iter_mut().flatten().filter(|it| it.base == gone.id) {
            tree.base = gone.base;
            tree.fork = gone.fork;
            tree.fresh = tree.fresh.saturating_add(tree.kept);
            tree.kept = 0;
        }
    }

    /// Brings everything up to date with these subvolumes. `snapshots` names those that are snapshots. When it fails or
    /// is stopped, what was read so far is kept.
    pub(super) fn update(
        &mut self,
        source: Source<'_>,
        subvolumes: &[Subvolume],
        snapshots: &BTreeMap<u64, SnapshotId>,
        mut report: impl FnMut(usize, usize),
    ) -> Result<Progressed, Error> {
        // Their places are those behind the last tree, which may be wanted.
        for (_, place) in std::mem::take(&mut self.held_by_strangers) {
            self.ledger.clear(place);
        }
        let owners = lineage::owners(subvolumes, snapshots);
        let members = lineage::members(subvolumes, &owners);
        let mut progressed = self.forget_changed(source, &members)?;
        let missing: Vec<&Subvolume> = members
            .iter()
            .copied()
            .filter(|it| self.place(it.id).is_none())
            .collect();
        for (at, it) in missing.iter().enumerate() {
            report(at, missing.len());
            self.enter(source, it, &members)?;
            progressed.read += 1;
            progressed.is_worth_keeping |= it.read_only;
        }
        self.look_at_strangers(source, subvolumes, &members, &mut progressed)?;
        self.of_snapshot.clear();
        self.owner_of_place.clear();
        for (place, tree) in self.trees.iter().enumerate() {
            if let Some(owner) = tree.as_ref().and_then(|tree| owners.get(&tree.id)) {
                self.of_snapshot.entry(*owner).or_default().insert(place);
                self.owner_of_place.insert(place, *owner);
            }
        }
        Ok(progressed)
    }

    /// Forgets trees that are gone or changed.
    fn forget_changed(&mut self, source: Source<'_>, members: &[&Subvolume]) -> Result<Progressed, Error> {
        let mut progressed = Progressed::default();
        let now: HashMap<u64, &Subvolume> = members.iter().map(|it| (it.id, *it)).collect();
        for place in 0..self.trees.len() {
            let Some(tree) = self.trees.get_mut(place).and_then(Option::as_mut) else {
                continue;
            };
            let current = now.get(&tree.id).filter(|it| it.uuid == tree.uuid);
            let is_current = match current {
                None => false,
                Some(it) if it.changed == tree.as_of => true,
                // To make a snapshot of it writes its root block anew and nothing else.
                Some(it) => {
                    let has_changed = source.has_changed(tree.id, tree.as_of + 1)?;
                    tree.as_of = if has_changed { tree.as_of } else { it.changed };
                    !has_changed
                }
            };
            if !is_current {
                progressed.is_worth_keeping |= current.is_none_or(|it| it.read_only);
                self.forget(place);
            }
        }
        Ok(progressed)
    }

    /// Enters a tree by what differs from its closest relative, or as a whole.
    fn enter(&mut self, source: Source<'_>, it: &Subvolume, members: &[&Subvolume]) -> Result<(), Error> {
        let relatives = members.iter().filter(|other| other.id != it.id);
        let base = relatives
            .filter_map(|other| Some((lineage::fork(other, it)?, other.id, self.place(other.id)?)))
            .max_by_key(|(fork, id, _)| (*fork, *id));
        let place = self.free_place();
        let mut tree = Tree {
            id: it.id,
            uuid: it.uuid,
            as_of: it.changed,
            base: 0,
            fork: 0,
            fresh: 0,
            kept: 0,
            tree_bytes: it.tree_bytes,
        };
        let by_difference = base.map(|(fork, id, base)| {
            let kept_since = self.tree(base).map_or(0, |base| match base.base {
                // All of it is fresh, so what is left of it is not looked for.
                0 => fork,
                _ => base.fork,
            });
            let pair = Pair {
                base: (id, base),
                tree: (it.id, place),
                fork,
                kept_since,
            };
            sweep::difference(source, pair, &mut self.ledger).map(|weight| (pair, weight))
        });
        match by_difference {
            Some(Ok((pair, weight))) => {
                tree.base = pair.base.0;
                tree.fork = pair.fork;
                tree.fresh = weight.fresh;
                tree.kept = weight.kept;
            }
            Some(Err(Stop::Error(error))) => {
                self.ledger.clear(place);
                return Err(error);
            }
            None | Some(Err(Stop::Whole)) => {
                self.ledger.clear(place);
                match sweep::whole(source, it.id, place, &mut self.ledger) {
                    Ok(weight) => tree.fresh = weight,
                    Err(error) => {
                        self.ledger.clear(place);
                        return Err(error);
                    }
                }
            }
        }
        if let Some(slot) = self.trees.get_mut(place) {
            self.places.insert(tree.id, place);
            *slot = Some(tree);
        }
        Ok(())
    }

    fn look_at_strangers(
        &mut self,
        source: Source<'_>,
        subvolumes: &[Subvolume],
        members: &[&Subvolume],
        progressed: &mut Progressed,
    ) -> Result<(), Error> {
        let is_member: HashSet<u64> = members.iter().map(|it| it.id).collect();
        let strangers: HashMap<u64, &Subvolume> = subvolumes
            .iter()
            .filter(|it| !is_member.contains(&it.id))
            .map(|it| (it.id, it))
            .collect();
        let before = self.strangers.len();
        self.strangers
            .retain(|id, known| strangers.get(id).is_some_and(|it| it.uuid == known.uuid));
        progressed.is_worth_keeping |= self.strangers.len() != before;
        for (id, it) in strangers {
            let known = self.strangers.remove(&id);
            let mut stranger = match known {
                Some(known) if known.as_of == it.changed => known,
                // What it used to use may be in the list without being used any more. That matters only where it uses
                // anything of a snapshot at all.
                Some(mut known) if !self.is_any_known(&known.starts) => {
                    sweep::starts(source, id, known.as_of + 1, &mut known.starts)?;
                    known
                }
                _ => Stranger {
                    uuid: it.uuid,
                    as_of: 0,
                    starts: Vec::new(),
                },
            };
            if stranger.as_of == 0 || (stranger.as_of != it.changed && self.is_any_known(&stranger.starts)) {
                stranger.starts.clear();
                sweep::starts(source, id, 0, &mut stranger.starts)?;
                stranger.starts.shrink_to_fit();
                progressed.read += 1;
                progressed.is_worth_keeping = true;
            }
            stranger.as_of = it.changed;
            self.strangers.insert(id, stranger);
        }
        let held = self
            .strangers
            .iter()
            .filter(|(_, it)| self.is_any_known(&it.starts));
        let held: Vec<u64> = held.map(|(id, _)| *id).collect();
        self.place_strangers(&held);
        Ok(())
    }

    fn is_any_known(&self, starts: &[u64]) -> bool {
        starts.iter().any(|start| self.ledger.is_known(*start))
    }

    /// Gives strangers that use something of a snapshot a place in the ledger.
    fn place_strangers(&mut self, holding: &[u64]) {
        let mut place = self.trees.len();
        for id in holding {
            let Some(stranger) = self.strangers.get(id) else {
                continue;
            };
            for start in &stranger.starts {
                if self.ledger.is_known(*start) {
                    let extent = crate::native::btrfs::Extent {
                        start: *start,
                        size: 0,
                    };
                    self.ledger.add(place, extent);
                }
            }
            self.held_by_strangers.insert(*id, place);
            place += 1;
        }
    }

    /// The subvolume at a place, be it of a tree or of a stranger.
    pub(super) fn subvolume_at(&self, place: usize) -> Option<u64> {
        if let Some(tree) = self.tree(place) {
            return Some(tree.id);
        }
        let strangers = self.held_by_strangers.iter();
        strangers
            .filter(|(_, at)| **at == place)
            .map(|(id, _)| *id)
            .next()
    }
}
