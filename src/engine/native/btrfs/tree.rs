// SPDX-License-Identifier: GPL-3.0-or-later
//! Searches in btrfs trees. What comes back is treated as hostile: a damaged filesystem must not take us down.

use super::ioctl::{SEARCH_HEADER, tree_search};
use linux_raw_sys::btrfs;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::{Errno, Result};

/// The address of an item in a tree. Items are ordered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) object: u64,
    pub(crate) kind: u32,
    pub(crate) offset: u64,
}

impl Key {
    /// The first key of an object.
    pub(crate) const fn of(object: u64) -> Self {
        Self {
            object,
            kind: 0,
            offset: 0,
        }
    }

    /// The key after this one; `None` after the last of all. A kind is one byte wide.
    pub(super) fn next(self) -> Option<Self> {
        let Self { object, kind, offset } = self;
        if let Some(offset) = offset.checked_add(1) {
            Some(Self { object, kind, offset })
        } else if kind < u32::from(u8::MAX) {
            Some(Self {
                object,
                kind: kind + 1,
                offset: 0,
            })
        } else {
            object.checked_add(1).map(|object| Self {
                object,
                kind: 0,
                offset: 0,
            })
        }
    }
}

/// One item of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) key: Key,
    /// The transaction in which the leaf was written that holds the item.
    pub(crate) leaf: u64,
    pub(crate) data: &'a [u8],
}

/// The bytes of a little-endian structure of the disk format, read field by field and never past the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn bytes<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }

    pub(crate) fn u16(self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    pub(crate) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(crate) fn u32(self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(self, at: usize) -> Option<u64> {
        self.bytes(at).map(u64::from_le_bytes)
    }

    pub(crate) fn slice(self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.0.get(at..)?.get(..length)
    }
}

/// What a directory's entries are found by: CRC-32C of the name, from a beginning of its own and without the usual end.
pub(crate) fn hash_of_name(name: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    const SEED: u32 = !1;
    name.iter().fold(SEED, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg())
        })
    })
}

/// Calls `visit` for each of the `count` items that a search left in `results`, in order. Returns the key of the last
/// one, `None` when there was none or the first is already broken; what follows a broken item is not looked at.
pub(crate) fn visit_items(results: &[u8], count: u32, mut visit: impl FnMut(Item<'_>)) -> Option<Key> {
    const HEADER: usize = size_of::<btrfs::btrfs_ioctl_search_header>();
    let (mut rest, mut last) = (results, None);
    for _ in 0..count {
        // The header is in the machine's byte order: transid, objectid, offset, type, length of the data.
        let Some((header, behind)) = rest.split_first_chunk::<HEADER>() else {
            break;
        };
        let word = |at: usize| {
            u64::from_ne_bytes(std::array::from_fn(|byte| {
                header.get(at + byte).copied().unwrap_or(0)
            }))
        };
        let half = |at: usize| {
            u32::from_ne_bytes(std::array::from_fn(|byte| {
                header.get(at + byte).copied().unwrap_or(0)
            }))
        };
        let key = Key {
            object: word(8),
            offset: word(16),
            kind: half(24),
        };
        let Some((data, behind)) = behind.split_at_checked(half(28) as usize) else {
            break;
        };
        visit(Item {
            key,
            leaf: word(0),
            data,
        });
        last = Some(key);
        rest = behind;
    }
    last
}

/// What to search for: every item from the first key to the last one, in parts of the tree that changed in transaction
/// `changed_since` or later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    pub(super) tree: u64,
    pub(super) first: Key,
    pub(super) last: Key,
    pub(super) changed_since: u64,
}

/// The size of the buffer where a few items are expected. The kernel touches all of it.
pub(super) const POINT: usize = 16 << 10;
/// The size of the buffer where thousands of items are expected: the cheapest one measured.
pub(super) const SWEEP: usize = 512 << 10;
/// No item is larger than the largest possible leaf.
pub(super) const LARGEST: usize = 64 << 10;

impl Search {
    pub(super) fn argument(&self, from: Key, size: usize) -> Vec<u8> {
        let mut argument = Vec::with_capacity(SEARCH_HEADER + size);
        for word in [
            self.tree,
            from.object,
            self.last.object,
            from.offset,
            self.last.offset,
            self.changed_since,
            u64::MAX,
        ] {
            argument.extend_from_slice(&word.to_ne_bytes());
        }
        for half in [from.kind, self.last.kind, u32::MAX, 0] {
            argument.extend_from_slice(&half.to_ne_bytes());
        }
        argument.resize(SEARCH_HEADER + size, 0);
        argument
    }

    /// Calls `visit` for every item found. Needs CAP_SYS_ADMIN.
    pub(super) fn run(&self, filesystem: impl AsFd, size: usize, visit: impl FnMut(Item<'_>)) -> Result<()> {
        self.run_while(filesystem, size, visit, || true).map(drop)
    }

    /// The same as long as `goes_on` says so, which is asked before each call of the kernel. Returns whether the search
    /// came to its end.
    pub(super) fn run_while(
        &self,
        filesystem: impl AsFd,
        size: usize,
        mut visit: impl FnMut(Item<'_>),
        mut goes_on: impl FnMut() -> bool,
    ) -> Result<bool> {
        let filesystem: BorrowedFd<'_> = filesystem.as_fd();
        let mut from = self.first;
        let mut argument = self.argument(from, size);
        while from <= self.last {
            if !goes_on() {
                return Ok(false);
            }
            match tree_search(filesystem, &mut argument) {
                // One item is larger than the whole buffer.
                Err(Errno::OVERFLOW) if argument.len() < LARGEST => {
                    argument = self.argument(from, 2 * LARGEST);
                    continue;
                }
                result => result?,
            }
            // The number of items lies behind seven words and two half words of the key.
            let count = Fields(&argument).bytes(64).map_or(0, u32::from_ne_bytes);
            let results = argument.get(SEARCH_HEADER..).unwrap_or_default();
            let Some(last) = visit_items(results, count, &mut visit) else {
                break;
            };
            // A kernel that returned something before what was asked for would have us search for ever.
            let Some(next) = last.next().filter(|_| last >= from) else {
                break;
            };
            from = next;
            let key = self.argument(from, 0);
            if let Some(place) = argument.get_mut(..SEARCH_HEADER) {
                place.copy_from_slice(&key);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
