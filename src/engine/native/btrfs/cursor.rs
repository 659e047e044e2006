// SPDX-License-Identifier: GPL-3.0-or-later
//! A search that is asked for one item at a time and can skip what is of no interest.

use super::ioctl::{SEARCH_HEADER, tree_search};
use super::tree::{Fields, Item, Key, LARGEST, Search};
use linux_raw_sys::btrfs;
use rustix::fd::BorrowedFd;
use rustix::io::{Errno, Result};

const HEADER: usize = size_of::<btrfs::btrfs_ioctl_search_header>();
/// Of the items that a buffer of this size holds, few are read in vain when only some are wanted.
const SIZE: usize = 32 << 10;

/// The items of one tree from a key to another, in order. What comes back is treated as hostile.
#[derive(Debug)]
pub(crate) struct Cursor<'f> {
    filesystem: BorrowedFd<'f>,
    search: Search,
    argument: Vec<u8>,
    /// Where the next item's header is, and how many are left in the buffer.
    place: usize,
    left: u32,
    /// No item before it is wanted.
    from: Key,
    /// The last item that was read from the buffer.
    seen: Option<Key>,
    /// No item is larger.
    largest: usize,
    is_over: bool,
}

impl<'f> Cursor<'f> {
    /// The items of `tree` in this range that lie in leaves written in transaction `changed_since` or later. Reads
    /// nothing yet. Needs CAP_SYS_ADMIN.
    pub(crate) fn new(
        filesystem: BorrowedFd<'f>,
        tree: u64,
        (first, last): (Key, Key),
        changed_since: u64,
        size: Option<usize>,
    ) -> Self {
        let search = Search {
            tree,
            first,
            last,
            changed_since,
        };
        Self {
            filesystem,
            argument: search.argument(first, size.unwrap_or(SIZE)),
            search,
            place: 0,
            left: 0,
            from: first,
            seen: None,
            largest: LARGEST,
            is_over: false,
        }
    }

    /// The same on a filesystem whose blocks are no larger than so many bytes. With that it knows from the room left in
    /// the buffer that there is nothing more to ask for.
    pub(crate) fn with_node_size(mut self, node_size: usize) -> Self {
        self.largest = node_size.min(LARGEST);
        self
    }

    /// Starts anew with another range, in the same memory.
    pub(crate) fn again(&mut self, (first, last): (Key, Key)) {
        self.search.first = first;
        self.search.last = last;
        self.left = 0;
        self.seen = None;
        self.from = first;
        self.is_over = false;
    }

    /// Passes over everything before this key.
    pub(crate) fn seek(&mut self, key: Key) {
        self.from = self.from.max(key);
    }

    /// The next item; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Item<'_>>> {
        loop {
            if self.left == 0 && !self.fill()? {
                return Ok(None);
            }
            let Some((key, leaf, start, end)) = self.step() else {
                // A broken buffer ends the search: what follows cannot be found.
                self.is_over = true;
                self.left = 0;
                return Ok(None);
            };
            if key >= self.from {
                let data = self.argument.get(start..end).unwrap_or_default();
                return Ok(Some(Item { key, leaf, data }));
            }
        }
    }

    /// Passes one item of the buffer: its key, its leaf's transaction, and where its data is.
    fn step(&mut self) -> Option<(Key, u64, usize, usize)> {
        let header = Fields(self.argument.get(self.place..)?);
        // The header is in the machine's byte order: transid, objectid, offset, type, length of the data.
        let key = Key {
            object: u64::from_ne_bytes(header.bytes(8)?),
            offset: u64::from_ne_bytes(header.bytes(16)?),
            kind: u32::from_ne_bytes(header.bytes(24)?),
        };
        let leaf = u64::from_ne_bytes(header.bytes(0)?);
        let length = u32::from_ne_bytes(header.bytes(28)?) as usize;
        let start = self.place + HEADER;
        let end = start
            .checked_add(length)
            .filter(|end| *end <= self.argument.len())?;
        // Out of order: a search that believed it might never end.
        if self.seen.is_some_and(|seen| key <= seen) {
            return None;
        }
        self.seen = Some(key);
        self.place = end;
        self.left -= 1;
        Some((key, leaf, start, end))
    }

    /// Asks the kernel for more. Whether there is any.
    fn fill(&mut self) -> Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        if let Some(seen) = self.seen {
            // The kernel goes on until an item does not fit.
            if self.place + HEADER + self.largest <= self.argument.len() {
                self.is_over = true;
                return Ok(false);
            }
            match seen.next() {
                Some(next) => self.from = self.from.max(next),
                None => return Ok(false),
            }
        }
        loop {
            if self.from > self.search.last {
                self.is_over = true;
                return Ok(false);
            }
            let key = self.search.argument(self.from, 0);
            if let Some(place) = self.argument.get_mut(..SEARCH_HEADER) {
                place.copy_from_slice(&key);
            }
            match tree_search(self.filesystem, &mut self.argument) {
                // One item is larger than the whole buffer.
                Err(Errno::OVERFLOW) if self.argument.len() < LARGEST => {
                    self.argument = self.search.argument(self.from, 2 * LARGEST);
                }
                Err(Errno::INTR) => {}
                result => break result?,
            }
        }
        self.left = Fields(&self.argument).bytes(64).map_or(0, u32::from_ne_bytes);
        self.place = SEARCH_HEADER;
        self.is_over = self.left == 0;
        Ok(self.left > 0)
    }
}
