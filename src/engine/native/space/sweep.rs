// SPDX-License-Identifier: GPL-3.0-or-later
//! Enters a tree into the ledger: by reading all of it, or by what differs from another tree that is entered already.
//!
//! Two trees with a common past differ only in leaves that were written after they parted. A file differs only when one
//! of its two items was changed since then, when a directory that differs no longer names it, or when it had no name
//! (an orphan). So the items in new leaves name the files to compare, and only those are read on both sides.

use super::ledger::Ledger;
use crate::Error;
use crate::native::btrfs::{self, Extent, Inode, What, scan_inodes};
use rustix::fd::BorrowedFd;
use std::collections::{BTreeSet, HashMap, HashSet};

/// More extents than this are not kept track of: some 100 MiB of memory.
const EXTENTS: usize = 4_000_000;
/// When so many files differ, reading all of the tree is cheaper.
const FILES: usize = 400_000;
/// The kernel is asked who uses an extent for so many of them; for more, reading all of the tree is cheaper.
const QUESTIONS: usize = 500;
/// So many files are compared at a time.
const BATCH: usize = 4_096;
/// Files whose numbers lie no further apart are read with one call of the kernel.
const GAP: u64 = 24;

/// Where a sweep reads, and whether it goes on.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) filesystem: BorrowedFd<'a>,
    pub(super) goes_on: &'a dyn Fn() -> bool,
}

/// How much of a tree's leaves is how old, in bytes of items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// In leaves written since the tree parted from its base.
    pub(super) fresh: u64,
    /// In leaves that were fresh in the base.
    pub(super) kept: u64,
}

/// Why a tree could not be entered by what differs.
pub(super) enum Stop {
    /// It must be read as a whole.
    Whole,
    /// It could not be read.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Source<'_> {
    /// Calls `visit` for every item about the inodes in this range in leaves written in transaction `since` or later.
    pub(super) fn scan(
        &self,
        tree: u64,
        range: (u64, u64),
        since: u64,
        visit: impl FnMut(btrfs::Seen),
    ) -> Result<(), Error> {
        match scan_inodes(self.filesystem, tree, range, since, visit, self.goes_on) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Cancelled),
            Err(error) => Err(Error::io(format!("read the tree of subvolume {tree}"), error)),
        }
    }

    /// Whether a tree has a leaf that was written in transaction `since` or later.
    pub(super) fn has_changed(&self, tree: u64, since: u64) -> Result<bool, Error> {
        let found = std::cell::Cell::new(false);
        let goes_on = || !found.get();
        scan_inodes(
            self.filesystem,
            tree,
            (0, u64::MAX),
            since,
            |_| found.set(true),
            goes_on,
        )
        .map_err(|error| Error::io(format!("read the tree of subvolume {tree}"), error))?;
        Ok(found.get())
    }

    fn orphans(&self, tree: u64) -> Result<Vec<u64>, Error> {
        btrfs::orphans(self.filesystem, tree)
            .map_err(|error| Error::io(format!("read the orphans of subvolume {tree}"), error))
    }
}

fn too_many() -> Error {
    Error::io(
        "keep track of more than four million extents",
        rustix::io::Errno::OVERFLOW,
    )
}

/// Reads all of a tree. Returns the bytes of its items.
pub(super) fn whole(source: Source<'_>, tree: u64, place: usize, ledger: &mut Ledger) -> Result<u64, Error> {
    let (mut weight, mut inode, mut is_full) = (0, 0, false);
    let mut of_inode = HashSet::new();
    source.scan(tree, (0, u64::MAX), 0, |seen| {
        weight += seen.weight;
        if seen.inode != inode {
            inode = seen.inode;
            of_inode.clear();
        }
        let What::Data(Some(extent), _) = seen.what else {
            return;
        };
        if !of_inode.insert(extent.start) {
            return;
        }
        if ledger.len() >= EXTENTS && !ledger.is_known(extent.start) {
            is_full = true;
        } else if !ledger.add(place, extent) {
            ledger.share(extent.start);
        }
    })?;
    match is_full {
        true => Err(too_many()),
        false => Ok(weight),
    }
}

/// Every extent that a tree uses, in order, each once. At most a million: for trees that share little with snapshots.
pub(super) fn starts(source: Source<'_>, tree: u64, since: u64, found: &mut Vec<u64>) -> Result<(), Error> {
    let mut last = 0;
    source.scan(tree, (0, u64::MAX), since, |seen| {
        if let What::Data(Some(extent), _) = seen.what
            && extent.start != last
            && found.len() < 2 * EXTENTS
        {
            last = extent.start;
            found.push(extent.start);
        }
    })?;
    found.sort_unstable();
    found.dedup();
    match found.len() < EXTENTS {
        true => Ok(()),
        false => Err(too_many()),
    }
}

/// Two trees that were one until transaction `fork`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// The one that is entered already: subvolume and place.
    pub(super) base: (u64, usize),
    /// The one to enter.
    pub(super) tree: (u64, usize),
    /// The last transaction they share.
    pub(super) fork: u64,
    /// The last transaction that the base shares with its own base.
    pub(super) kept_since: u64,
}

/// A file as one tree has it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct File {
    extents: Vec<Extent>,
    /// Place in the directory, and inode.
    entries: Vec<(u64, u64)>,
}

impl File {
    fn push(&mut self, what: What) {
        match what {
            What::Data(Some(extent), _) if self.extents.last() != Some(&extent) => self.extents.push(extent),
            What::Entry(at, Some(inode)) => self.entries.push((at, inode)),
            _ => {}
        }
    }

    fn extents(mut self) -> Vec<Extent> {
        self.extents.sort_unstable();
        self.extents.dedup_by_key(|extent| extent.start);
        self.extents
    }
}

/// What was seen of a changed file in new leaves; it is all there is when its bytes add up.
struct Partial {
    inode: u64,
    item: Inode,
    bytes: u64,
    file: File,
}

impl Partial {
    fn is_complete(&self) -> bool {
        // A directory's entries have no sum to compare with.
        !self.item.is_directory && self.bytes == self.item.bytes
    }
}

/// Users that extents gain and lose between the trees: how many files of the one more than of the other.
#[derive(Default)]
struct Balance(HashMap<u64, (u64, i64)>);

impl Balance {
    fn count(&mut self, extents: Vec<Extent>, by: i64) {
        for extent in extents {
            let (size, balance) = self.0.entry(extent.start).or_default();
            *size = (*size).max(extent.size);
            *balance += by;
        }
    }
}

struct Difference<'a> {
    source: Source<'a>,
    pair: Pair,
    /// Files to compare, and all that ever were.
    to_do: BTreeSet<u64>,
    known: HashSet<u64>,
    /// Files of the tree of which everything was seen.
    complete: HashMap<u64, File>,
    balance: Balance,
}

/// Enters a tree by what differs from its base.
pub(super) fn difference(source: Source<'_>, pair: Pair, ledger: &mut Ledger) -> Result<Weight, Stop> {
    let mut difference = Difference {
        source,
        pair,
        to_do: BTreeSet::new(),
        known: HashSet::new(),
        complete: HashMap::new(),
        balance: Balance::default(),
    };
    let weight = difference.scan_tree()?;
    difference.scan_base()?;
    for tree in [pair.tree.0, pair.base.0] {
        for inode in source.orphans(tree)? {
            difference.want(inode);
        }
    }
    while !difference.to_do.is_empty() {
        if difference.known.len() > FILES {
            return Err(Stop::Whole);
        }
        difference.compare()?;
    }
    difference.enter(ledger)?;
    Ok(weight)
}

impl Difference<'_> {
    fn want(&mut self, inode: u64) {
        if self.known.insert(inode) {
            self.to_do.insert(inode);
        }
    }

    fn finish(&mut self, partial: Option<Partial>) {
        if let Some(partial) = partial {
            self.want(partial.inode);
            if partial.is_complete() && self.complete.len() < FILES {
                self.complete.insert(partial.inode, partial.file);
            }
        }
    }

    /// Finds the files that were changed in the tree since the fork.
    fn scan_tree(&mut self) -> Result<Weight, Error> {
        let Pair {
            tree,
            fork,
            kept_since,
            ..
        } = self.pair;
        let mut weight = Weight::default();
        let mut partial: Option<Partial> = None;
        let source = self.source;
        source.scan(tree.0, (0, u64::MAX), fork.min(kept_since) + 1, |seen| {
            if seen.leaf <= fork {
                weight.kept += seen.weight;
                return;
            }
            weight.fresh += seen.weight;
            match seen.what {
                What::Inode(item) if item.changed > fork => {
                    let next = Partial {
                        inode: seen.inode,
                        item,
                        bytes: 0,
                        file: File::default(),
                    };
                    let last = partial.replace(next);
                    self.finish(last);
                }
                what => {
                    if let Some(partial) = partial.as_mut().filter(|it| it.inode == seen.inode) {
                        if let What::Data(_, bytes) = what {
                            partial.bytes = partial.bytes.saturating_add(bytes);
                        }
                        partial.file.push(what);
                    }
                }
            }
        })?;
        self.finish(partial);
        Ok(weight)
    }

    /// Finds the files that were changed in the base since the fork: none, where it is a snapshot that nobody touched.
    fn scan_base(&mut self) -> Result<(), Error> {
        let Pair { base, fork, .. } = self.pair;
        let source = self.source;
        source.scan(base.0, (0, u64::MAX), fork + 1, |seen| {
            if let What::Inode(inode) = seen.what
                && inode.changed > fork
            {
                self.want(seen.inode);
            }
        })
    }

    /// Reads these files of a tree, in order.
    fn read(&self, tree: u64, inodes: &[u64]) -> Result<HashMap<u64, File>, Error> {
        let mut files: HashMap<u64, File> = HashMap::new();
        for group in inodes.chunk_by(|a, b| b - a <= GAP) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else {
                continue;
            };
            let mut at = 0;
            self.source.scan(tree, (*first, *last), 0, |seen| {
                while group.get(at).is_some_and(|inode| *inode < seen.inode) {
                    at += 1;
                }
                if group.get(at) == Some(&seen.inode) {
                    files.entry(seen.inode).or_default().push(seen.what);
                }
            })?;
        }
        Ok(files)
    }

    /// Compares some of the files on both sides.
    fn compare(&mut self) -> Result<(), Error> {
        let batch: Vec<u64> = self.to_do.iter().copied().take(BATCH).collect();
        self.to_do
            .retain(|inode| batch.last().is_some_and(|last| inode > last));
        let mut old = self.read(self.pair.base.0, &batch)?;
        let unread: Vec<u64> = batch
            .iter()
            .copied()
            .filter(|inode| !self.complete.contains_key(inode))
            .collect();
        let mut new = self.read(self.pair.tree.0, &unread)?;
        for inode in batch {
            let old = old.remove(&inode).unwrap_or_default();
            let new = match self.complete.remove(&inode) {
                Some(file) => file,
                None => new.remove(&inode).unwrap_or_default(),
            };
            for child in apart(&old.entries, &new.entries) {
                self.want(child);
            }
            if old.extents != new.extents {
                self.balance.count(old.extents(), -1);
                self.balance.count(new.extents(), 1);
            }
        }
        Ok(())
    }

    fn enter(self, ledger: &mut Ledger) -> Result<(), Stop> {
        let (base, (tree, place)) = (self.pair.base.1, self.pair.tree);
        ledger.copy(base, place);
        let mut questions = 0;
        for (start, (size, balance)) in self.balance.0 {
            if balance == 0 {
                continue;
            }
            let was = i64::from(ledger.contains(base, start));
            let is = match ledger.is_shared(start) {
                false if was + balance < 0 => return Err(Stop::Whole),
                false => was + balance > 0,
                true if balance > 0 => true,
                true if questions == QUESTIONS => return Err(Stop::Whole),
                // It lost a user of how many?
                true => btrfs::is_referenced_in(self.source.filesystem, start, tree)
                    .map_err(|error| Error::io(format!("find who uses extent {start}"), error))?
                    .ok_or(Stop::Whole)?,
            };
            questions += usize::from(ledger.is_shared(start) && balance < 0);
            match is {
                true if ledger.len() >= EXTENTS => return Err(too_many().into()),
                true => {
                    ledger.add(place, Extent { start, size });
                }
                false => ledger.remove(place, start),
            }
            if was + balance > 1 {
                ledger.share(start);
            }
        }
        Ok(())
    }
}

/// The inodes of the entries that only one of two directories has. Both are in order.
fn apart(a: &[(u64, u64)], b: &[(u64, u64)]) -> Vec<u64> {
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    let mut found = Vec::new();
    loop {
        match (a.peek().copied(), b.peek().copied()) {
            (Some(left), Some(right)) if left == right => {
                a.next();
                b.next();
            }
            (Some(left), Some(right)) if left < right => found.extend(a.next().map(|it| it.1)),
            (_, Some(_)) => found.extend(b.next().map(|it| it.1)),
            (Some(_), None) => found.extend(a.next().map(|it| it.1)),
            (None, None) => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn entries_of_one_side_are_found() {
        let a = [(2, 257), (3, 258), (7, 259)];
        let b = [(2, 257), (4, 258), (7, 260), (9, 261)];
        assert_eq!(apart(&a, &b), [258, 258, 259, 260, 261]);
        assert_eq!(apart(&a, &a), [0_u64; 0]);
        assert_eq!(apart(&[], &b[..1]), [257]);
    }
}
