// SPDX-License-Identifier: GPL-3.0-or-later
//! Which trees use which extents.
//!
//! Snapshots share nearly everything, so an extent does not carry a list: it names a *set* of trees, of which there are
//! few. How many bytes each set holds is kept as extents move from set to set, so that the question "what is freed when
//! these trees go" reads only the sets.

use crate::native::btrfs::Extent;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};

/// A set of trees, by their places: one bit each, without zero words at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Trees(Vec<u64>);

impl Trees {
    pub(super) fn contains(&self, tree: usize) -> bool {
        self.0
            .get(tree / 64)
            .is_some_and(|word| word >> (tree % 64) & 1 != 0)
    }

    pub(super) fn insert(&mut self, tree: usize) {
        if self.0.len() <= tree / 64 {
            self.0.resize(tree / 64 + 1, 0);
        }
        if let Some(word) = self.0.get_mut(tree / 64) {
            *word |= 1 << (tree % 64);
        }
    }

    pub(super) fn remove(&mut self, tree: usize) {
        if let Some(word) = self.0.get_mut(tree / 64) {
            *word &= !(1 << (tree % 64));
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_subset(&self, of: &Self) -> bool {
        let words = self.0.iter().enumerate();
        words
            .into_iter()
            .all(|(at, word)| word & !of.0.get(at).copied().unwrap_or(0) == 0)
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// The places, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let bits = |(at, word): (usize, &u64)| {
            let word = *word;
            (0..64)
                .filter(move |bit| word >> bit & 1 != 0)
                .map(move |bit| at * 64 + bit)
        };
        self.0.iter().enumerate().flat_map(bits)
    }

    /// The words, for the cache.
    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }

    /// The set with these words.
    pub(super) fn from_words(mut words: Vec<u64>) -> Self {
        while words.last() == Some(&0) {
            words.pop();
        }
        Self(words)
    }
}

/// Sizes are kept in this unit; every extent is a multiple of the sector size, which is at least this.
const UNIT: u64 = 512;

#[derive(Debug, Clone, Copy)]
struct Entry {
    units: u32,
    set: u32,
}

impl Entry {
    fn bytes(self) -> u64 {
        u64::from(self.units) * UNIT
    }
}

/// The extents of all trees with their users.
#[derive(Debug)]
pub(super) struct Ledger {
    /// By address. There are hundreds of thousands, and each start of the helper enters all of them.
    extents: HashMap<u64, Entry, RandomState>,
    /// The first is the empty one.
    sets: Vec<Trees>,
    numbers: HashMap<Trees, u32>,
    /// What each set holds.
    bytes: Vec<u64>,
    /// Extents that several files of one tree used at some time: that one of them lets go says nothing.
    shared: HashSet<u64, RandomState>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            extents: HashMap::default(),
            sets: vec![Trees::default()],
            numbers: HashMap::from([(Trees::default(), 0)]),
            bytes: vec![0],
            shared: HashSet::default(),
        }
    }
}

impl Ledger {
    /// How many extents there are.
    pub(super) fn len(&self) -> usize {
        self.extents.len()
    }

    fn set(&self, number: u32) -> Option<&Trees> {
        self.sets.get(number as usize)
    }

    fn number(&mut self, set: Trees) -> u32 {
        if let Some(number) = self.numbers.get(&set) {
            return *number;
        }
        // There are at most as many sets as extents, and those are bounded.
        let number = u32::try_from(self.sets.len()).unwrap_or(0);
        self.sets.push(set.clone());
        self.bytes.push(0);
        self.numbers.insert(set, number);
        number
    }

    fn moved(&mut self, from: u32, to: u32, bytes: u64) {
        if let Some(held) = self.bytes.get_mut(from as usize) {
            *held = held.saturating_sub(bytes);
        }
        // What nobody uses is not held.
        if let Some(held) = self.bytes.get_mut(to as usize).filter(|_| to != 0) {
            *held = held.saturating_add(bytes);
        }
    }

    fn place(&mut self, extent: Extent, entry: Option<Entry>, to: u32) {
        let bytes = match entry {
            Some(entry) => {
                self.moved(entry.set, to, entry.bytes());
                entry.bytes()
            }
            None => {
                let bytes = extent.size / UNIT * UNIT;
                self.moved(0, to, bytes);
                bytes
            }
        };
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX);
        self.extents.insert(extent.start, Entry { units, set: to });
    }

    /// Whether a tree uses an extent.
    pub(super) fn contains(&self, tree: usize, start: u64) -> bool {
        let entry = self.extents.get(&start);
        entry
            .and_then(|entry| self.set(entry.set))
            .is_some_and(|set| set.contains(tree))
    }

    /// Whether anything uses an extent.
    pub(super) fn is_known(&self, start: u64) -> bool {
        self.extents.contains_key(&start)
    }

    /// Notes that a tree uses an extent. Returns whether that is new.
    pub(super) fn add(&mut self, tree: usize, extent: Extent) -> bool {
        let entry = self.extents.get(&extent.start).copied();
        let set = entry.and_then(|entry| self.set(entry.set));
        if set.is_some_and(|set| set.contains(tree)) {
            return false;
        }
        let mut set = set.cloned().unwrap_or_default();
        set.insert(tree);
        let to = self.number(set);
        self.place(extent, entry, to);
        true
    }

    /// Notes that a tree does not use an extent.
    pub(super) fn remove(&mut self, tree: usize, start: u64) {
        let Some(entry) = self.extents.get(&start).copied() else {
            return;
        };
        let mut set = self.set(entry.set).cloned().unwrap_or_default();
        set.remove(tree);
        if set.is_empty() {
            self.moved(entry.set, 0, entry.bytes());
            self.forget(start);
        } else {
            let to = self.number(set);
            self.place(Extent { start, size: 0 }, Some(entry), to);
        }
    }

    fn forget(&mut self, start: u64) {
        self.extents.remove(&start);
        self.shared.remove(&start);
    }

    /// Notes that several files of a tree use an extent.
    pub(super) fn share(&mut self, start: u64) {
        self.shared.insert(start);
    }

    /// Whether several files of a tree may use an extent.
    pub(super) fn is_shared(&self, start: u64) -> bool {
        self.shared.contains(&start)
    }

    /// Moves every extent of some sets to what `change` makes of those.
    fn rearrange(&mut self, mut change: impl FnMut(&Trees) -> Option<Trees>) {
        let changes: Vec<Option<Trees>> = self.sets.iter().map(&mut change).collect();
        let target: Vec<u32> = (0_u32..)
            .zip(changes)
            .map(|(number, changed)| changed.map_or(number, |set| self.number(set)))
            .collect();
        let mut bytes = vec![0_u64; self.sets.len()];
        self.extents.retain(|start, entry| {
            if let Some(to) = target.get(entry.set as usize) {
                entry.set = *to;
            }
            if entry.set == 0 {
                self.shared.remove(start);
                return false;
            }
            if let Some(held) = bytes.get_mut(entry.set as usize) {
                *held = held.saturating_add(entry.bytes());
            }
            true
        });
        self.bytes = bytes;
        self.compact();
    }

    /// Forgets sets that hold nothing, when they have become the most.
    fn compact(&mut self) {
        let used = self.bytes.iter().filter(|bytes| **bytes > 0).count();
        if self.sets.len() < 2 * used + 64 {
            return;
        }
        let old = std::mem::take(&mut self.sets);
        let bytes = std::mem::take(&mut self.bytes);
        self.numbers.clear();
        self.number(Trees::default());
        let mut target = Vec::with_capacity(old.len());
        for (set, bytes) in old.into_iter().zip(bytes) {
            let to = if bytes > 0 { self.number(set) } else { 0 };
            if let Some(held) = self.bytes.get_mut(to as usize) {
                *held = held.saturating_add(bytes);
            }
            target.push(to);
        }
        for entry in self.extents.values_mut() {
            entry.set = target.get(entry.set as usize).copied().unwrap_or(0);
        }
    }

    /// Lets a tree use everything that another one uses.
    pub(super) fn copy(&mut self, from: usize, to: usize) {
        self.rearrange(|set| {
            set.contains(from).then(|| {
                let mut set = set.clone();
                set.insert(to);
                set
            })
        });
    }

    /// Lets a tree use nothing.
    pub(super) fn clear(&mut self, tree: usize) {
        self.rearrange(|set| {
            set.contains(tree).then(|| {
                let mut set = set.clone();
                set.remove(tree);
                set
            })
        });
    }

    /// The sets that hold something, with how much.
    pub(super) fn sets(&self) -> impl Iterator<Item = (&Trees, u64)> {
        let sets = self.sets.iter().zip(self.bytes.iter().copied());
        sets.filter(|(_, bytes)| *bytes > 0)
    }

    /// What is freed when these trees go, and what they use too but others keep, in bytes. `kept` is called for each set
    /// of the latter with the trees that are left of it.
    pub(super) fn freed(&self, selected: &Trees, mut kept: impl FnMut(&Trees, u64)) -> u64 {
        let mut freed = 0_u64;
        for (set, bytes) in self.sets() {
            if set.is_subset(selected) {
                freed = freed.saturating_add(bytes);
            } else if set.meets(selected) {
                let mut left = set.clone();
                set.iter()
                    .filter(|tree| selected.contains(*tree))
                    .for_each(|tree| left.remove(tree));
                kept(&left, bytes);
            }
        }
        freed
    }

    /// Every extent with its size, the number of its set, and whether several files of a tree may use it, for the cache.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Extent, u32, bool)> + '_ {
        let placed = self.extents.iter().filter(|(_, entry)| entry.set != 0);
        placed.map(|(start, entry)| {
            let extent = Extent {
                start: *start,
                size: entry.bytes(),
            };
            (extent, entry.set, self.shared.contains(start))
        })
    }

    /// Every set by its number, for the cache.
    pub(super) fn all_sets(&self) -> &[Trees] {
        &self.sets
    }

    /// A ledger from a cache: the sets by number, then extents that name them. `None` when one names a set that is not
    /// there or the empty one.
    pub(super) fn from_parts(
        sets: Vec<Trees>,
        entries: impl ExactSizeIterator<Item = (Extent, u32, bool)>,
    ) -> Option<Self> {
        let mut ledger = Self::default();
        ledger.extents.reserve(entries.len());
        let numbers: Vec<u32> = sets.into_iter().map(|set| ledger.number(set)).collect();
        for (extent, set, is_shared) in entries {
            let to = *numbers.get(set as usize)?;
            if to == 0 || ledger.is_known(extent.start) {
                return None;
            }
            ledger.place(extent, None, to);
            if is_shared {
                ledger.share(extent.start);
            }
        }
        Some(ledger)
    }
}

#[cfg(test)]
mod tests;
