// SPDX-License-Identifier: GPL-3.0-or-later
//! About how much of the trees themselves is freed: names, attributes, and the files that are so small that they lie in
//! the trees.
//!
//! The kernel shows items, not blocks. But each item comes with the transaction in which its leaf was written, and two
//! trees share a leaf exactly when it was written before they parted. So the bytes of items in leaves that only the
//! selected trees have can be counted; how many blocks those are is what is estimated, from how full the blocks of the
//! same tree are on average.

use super::books::{Books, Tree};
use super::ledger::Trees;
use super::sweep::Source;
use crate::Error;
use std::collections::BTreeMap;

/// How many leaves a node above them points to, on average: between half of 493 and all of them, for blocks of 16 KiB.
const FAN_OUT: u64 = 330;
/// Bytes of blocks for each byte of items where nothing is known, in thousandths: leaves are about two thirds full.
const USUAL: u64 = 1_500;

/// Bytes of items, of which an estimate of bytes on the disk is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Estimate {
    items: u64,
    /// Bytes of blocks for each byte of items, in thousandths.
    ratio: u64,
    /// All blocks of such a tree.
    tree_bytes: u64,
}

impl Estimate {
    fn bytes(self, node_size: u64) -> u64 {
        let node = node_size.max(4096);
        let leaves = (u128::from(self.items) * u128::from(self.ratio) / 1000).div_ceil(u128::from(node));
        let leaves = u64::try_from(leaves).unwrap_or(u64::MAX);
        // Above scattered leaves every node of the tree may be new.
        let above = leaves.min(self.tree_bytes / node / FAN_OUT);
        leaves.saturating_add(above + 1).saturating_mul(node)
    }
}

/// Selected trees that came out of each other, with everything between them selected too.
#[derive(Debug, Default)]
struct Group<'a> {
    members: Vec<&'a Tree>,
    /// Trees that stay and were compared with one of the members.
    children: Vec<&'a Tree>,
}

impl Books {
    fn by_subvolume(&self, id: u64) -> Option<(usize, &Tree)> {
        let place = self.place(id)?;
        Some((place, self.tree(place)?))
    }

    /// The first of the selected trees that a selected one came out of.
    fn top<'a>(&'a self, tree: &'a Tree, selected: &Trees) -> &'a Tree {
        let mut top = tree;
        // Each step leads to a tree that was entered before, so there are at most as many as trees.
        for _ in 0..self.trees.len() {
            match self.by_subvolume(top.base) {
                Some((place, base)) if selected.contains(place) => top = base,
                _ => break,
            }
        }
        top
    }

    /// Bytes of blocks for each byte of items, in thousandths, of the tree that was read as a whole.
    fn ratio(&self, tree: &Tree) -> u64 {
        let mut first = tree;
        for _ in 0..self.trees.len() {
            match self.by_subvolume(first.base) {
                Some((_, base)) => first = base,
                None => break,
            }
        }
        let ratio = first.tree_bytes.saturating_mul(1000).checked_div(first.fresh);
        // A root item of a filesystem that was repaired may say anything.
        ratio
            .filter(|_| first.base == 0)
            .map_or(USUAL, |ratio| ratio.clamp(1_010, 3_000))
    }

    /// About how many bytes of trees are freed when these go.
    pub(super) fn metadata(
        &self,
        source: Source<'_>,
        selected: &Trees,
        node_size: u64,
    ) -> Result<u64, Error> {
        let mut groups: BTreeMap<u64, Group<'_>> = BTreeMap::new();
        for (place, tree) in self.trees.iter().enumerate() {
            let Some(tree) = tree else { continue };
            if selected.contains(place) {
                let top = self.top(tree, selected).id;
                groups.entry(top).or_default().members.push(tree);
            } else if let Some((place, base)) = self.by_subvolume(tree.base)
                && selected.contains(place)
            {
                let top = self.top(base, selected).id;
                groups.entry(top).or_default().children.push(tree);
            }
        }
        let mut bytes = 0_u64;
        for (top, group) in groups {
            let Some((_, top)) = self.by_subvolume(top) else {
                continue;
            };
            let estimate = Estimate {
                items: self.only_in(source, top, &group)?,
                ratio: self.ratio(top),
                tree_bytes: top.tree_bytes,
            };
            let others = (group.members.len() as u64).saturating_sub(1) * node_size;
            bytes = bytes
                .saturating_add(estimate.bytes(node_size))
                .saturating_add(others);
        }
        Ok(bytes)
    }

    /// The bytes of items in leaves that only the members of a group have.
    fn only_in(&self, source: Source<'_>, top: &Tree, group: &Group<'_>) -> Result<u64, Error> {
        let all = group.members.iter().map(|tree| tree.fresh);
        let all = all.fold(0_u64, u64::saturating_add);
        let mut stays = 0;
        for child in &group.children {
            let kept = if top.base == 0 {
                // What the child has beyond its own fresh leaves is the group's.
                let whole = u128::from(top.fresh) * u128::from(child.tree_bytes);
                let whole = whole.checked_div(top.tree_bytes.into()).unwrap_or(0);
                u64::try_from(whole)
                    .unwrap_or(u64::MAX)
                    .saturating_sub(child.fresh)
            } else if child.base == top.id && child.kept > 0 {
                child.kept
            } else {
                let mut kept = 0;
                source.scan(child.id, (0, u64::MAX), top.fork + 1, |seen| {
                    if seen.leaf <= child.fork {
                        kept += seen.weight;
                    }
                })?;
                kept
            };
            // Several children keep mostly the same leaves.
            stays = kept.max(stays);
        }
        Ok(all.saturating_sub(stays))
    }
}
