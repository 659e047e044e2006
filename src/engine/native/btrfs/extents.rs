// SPDX-License-Identifier: GPL-3.0-or-later
//! What the tree of a subvolume says of its files: which extents on the disk they use, and which files a directory holds.

use super::ioctl::logical_references;
use super::tree::{Fields, Item, Key, POINT, SWEEP, Search};
use linux_raw_sys::btrfs::{self, btrfs_dir_item, btrfs_file_extent_item, btrfs_inode_item};
use rustix::fd::AsFd;
use rustix::io::{Errno, Result};
use std::mem::offset_of;

const INODE: u32 = btrfs::BTRFS_INODE_ITEM_KEY;
const ENTRY: u32 = btrfs::BTRFS_DIR_INDEX_KEY;
const EXTENT: u32 = btrfs::BTRFS_EXTENT_DATA_KEY;
const ORPHAN: u32 = btrfs::BTRFS_ORPHAN_ITEM_KEY;
const ORPHANS: u64 = i64::from_ne_bytes((btrfs::BTRFS_ORPHAN_OBJECTID as i64).to_ne_bytes()) as u64;
/// The last inode number of a file.
const LAST: u64 = u64::MAX - 255;
/// The bytes that an item takes in a leaf beside its data (`struct btrfs_item`).
const ITEM_HEAD: u64 = 25;

/// A run of bytes on the disk, as it was written: it is freed as a whole, when nothing uses any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Extent {
    /// Its address in the filesystem.
    pub(crate) start: u64,
    /// Its bytes on the disk, compressed where it is.
    pub(crate) size: u64,
}

/// What an inode's own item says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inode {
    /// The transaction that changed it last.
    pub(crate) changed: u64,
    /// The bytes its data takes, holes not counted.
    pub(crate) bytes: u64,
    /// Whether it is a directory.
    pub(crate) is_directory: bool,
}

/// One item about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The file itself.
    Inode(Inode),
    /// A part of its data, with the bytes of the file that it holds; `None` where those lie in the tree itself.
    Data(Option<Extent>, u64),
    /// An entry of a directory: its place in the order of entries, and the inode; `None` for a nested subvolume.
    Entry(u64, Option<u64>),
    /// Anything else.
    Other,
}

/// An item with where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The file it is about.
    pub(crate) inode: u64,
    /// The transaction in which its leaf was written.
    pub(crate) leaf: u64,
    /// The bytes it takes in that leaf.
    pub(crate) weight: u64,
    /// What it says.
    pub(crate) what: What,
}

fn inode(data: &[u8]) -> Option<Inode> {
    let fields = Fields(data);
    let mode = fields.u32(offset_of!(btrfs_inode_item, mode))?;
    Some(Inode {
        changed: fields.u64(offset_of!(btrfs_inode_item, transid))?,
        bytes: fields.u64(offset_of!(btrfs_inode_item, nbytes))?,
        is_directory: mode & 0o170_000 == 0o040_000,
    })
}

/// A part of a file's data. Inline data lies in the tree, a hole nowhere; neither has an extent.
fn data_of(data: &[u8]) -> Option<(Option<Extent>, u64)> {
    let fields = Fields(data);
    // BTRFS_FILE_EXTENT_INLINE is 0: what follows the type is the data itself.
    if fields.u8(offset_of!(btrfs_file_extent_item, type_))? == 0 {
        let length = fields.u64(offset_of!(btrfs_file_extent_item, ram_bytes))?;
        return Some((None, length));
    }
    let start = fields.u64(offset_of!(btrfs_file_extent_item, disk_bytenr))?;
    let size = fields.u64(offset_of!(btrfs_file_extent_item, disk_num_bytes))?;
    let length = fields.u64(offset_of!(btrfs_file_extent_item, num_bytes))?;
    Some(match start {
        0 => (None, 0),
        _ => (Some(Extent { start, size }), length),
    })
}

/// The inode that an entry of a directory names; `Some(None)` for a nested subvolume.
fn entry(data: &[u8]) -> Option<Option<u64>> {
    let fields = Fields(data);
    let at = offset_of!(btrfs_dir_item, location);
    let object = fields.u64(at)?;
    // The kind of the location's key follows the object.
    let kind = u32::from(fields.u8(at + size_of::<u64>())?);
    Some((kind == INODE).then_some(object))
}

fn seen(item: Item<'_>) -> Seen {
    let Item { key, leaf, data } = item;
    let what = match key.kind {
        INODE => inode(data).map(What::Inode),
        EXTENT => data_of(data).map(|(extent, length)| What::Data(extent, length)),
        ENTRY => entry(data).map(|inode| What::Entry(key.offset, inode)),
        _ => None,
    };
    Seen {
        inode: key.object,
        leaf,
        weight: ITEM_HEAD + data.len() as u64,
        what: what.unwrap_or(What::Other),
    }
}

/// Calls `visit` for every item about the inodes `first` to `last` of a subvolume, in order, in those leaves that were
/// written in transaction `since` or later, as long as `goes_on` says so. Returns whether it came to its end. A
/// subvolume that is gone has no items.
pub(crate) fn scan_inodes(
    filesystem: impl AsFd,
    subvolume: u64,
    (first, last): (u64, u64),
    since: u64,
    mut visit: impl FnMut(Seen),
    goes_on: impl FnMut() -> bool,
) -> Result<bool> {
    let search = Search {
        tree: subvolume,
        first: Key {
            object: first,
            kind: 0,
            offset: 0,
        },
        last: Key {
            object: last.min(LAST),
            kind: u8::MAX.into(),
            offset: u64::MAX,
        },
        changed_since: since,
    };
    // A few inodes fill a few leaves.
    let size = match last.saturating_sub(first) {
        0..64 => POINT,
        64..1024 => 4 * POINT,
        _ => SWEEP,
    };
    match search.run_while(filesystem, size, |item| visit(seen(item)), goes_on) {
        Err(Errno::NOENT) => Ok(true),
        result => result,
    }
}

/// The inodes of a subvolume that have no name any more but were in use when it was last written.
pub(crate) fn orphans(filesystem: impl AsFd, subvolume: u64) -> Result<Vec<u64>> {
    let key = |offset| Key {
        object: ORPHANS,
        kind: ORPHAN,
        offset,
    };
    let search = Search {
        tree: subvolume,
        first: key(0),
        last: key(u64::MAX),
        changed_since: 0,
    };
    let mut found = Vec::new();
    match search.run(filesystem, POINT, |item| found.push(item.key.offset)) {
        Ok(()) | Err(Errno::NOENT) => Ok(found),
        Err(error) => Err(error),
    }
}

/// Room for some 2,700 references; what has more is left to a sweep.
const REFERENCES: usize = 64 << 10;
/// What precedes the numbers in the kernel's answer: four u32.
const REFERENCES_HEAD: usize = 16;

/// Whether a subvolume uses an extent; `None` when the extent has too many users to tell.
pub(crate) fn is_referenced_in(filesystem: impl AsFd, start: u64, subvolume: u64) -> Result<Option<bool>> {
    let mut result = vec![0; REFERENCES];
    match logical_references(filesystem.as_fd(), start, &mut result) {
        // Nothing uses it.
        Err(Errno::NOENT) => return Ok(Some(false)),
        outcome => outcome?,
    }
    Ok(is_among(&result, subvolume))
}

fn is_among(result: &[u8], subvolume: u64) -> Option<bool> {
    let head = |at| Fields(result).bytes(at).map(u32::from_ne_bytes);
    let (missing, count, missed) = (head(4)?, head(8)?, head(12)?);
    let numbers = result.get(REFERENCES_HEAD..)?.chunks_exact(size_of::<u64>());
    let roots = numbers.take(count as usize).skip(2).step_by(3);
    let is_found = roots
        .filter_map(|root| root.try_into().ok())
        .any(|root| u64::from_ne_bytes(root) == subvolume);
    match is_found {
        true => Some(true),
        false => (missing == 0 && missed == 0).then_some(false),
    }
}

/// Reads an item's data as everything it may be.
#[cfg(feature = "fuzzing")]
pub(super) fn read_item(item: Item<'_>) {
    let _ = (inode(item.data), entry(item.data), is_among(item.data, 5));
    if let Some((extent, _)) = data_of(item.data) {
        assert!(extent.is_none_or(|extent| extent.start != 0));
    }
    assert!(seen(item).weight >= ITEM_HEAD);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extent_item(kind: u8, start: u64, size: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; 20];
        bytes[8..16].copy_from_slice(&77_u64.to_le_bytes());
        bytes.push(kind);
        for word in [start, size, 4096, length] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn extents_are_whole_and_holes_and_inline_data_have_none() {
        let extent = Extent {
            start: 1 << 20,
            size: 8192,
        };
        for kind in [1, 2] {
            let item = extent_item(kind, 1 << 20, 8192, 4096);
            assert_eq!(data_of(&item), Some((Some(extent), 4096)));
            assert_eq!(data_of(&item[..item.len() - 1]), None);
        }
        assert_eq!(data_of(&extent_item(1, 0, 0, 1 << 30)), Some((None, 0)));
        assert_eq!(data_of(&extent_item(0, 5, 6, 7)[..24]), Some((None, 77)));
        assert_eq!(data_of(&[0; 20]), None);
    }

    #[test]
    fn nested_subvolumes_are_no_inodes() {
        let mut bytes = 300_u64.to_le_bytes().to_vec();
        bytes.push(1);
        assert_eq!(entry(&bytes), Some(Some(300)));
        bytes[8] = 132;
        assert_eq!(entry(&bytes), Some(None));
        assert_eq!(entry(&bytes[..8]), None);
    }

    #[test]
    fn an_answer_that_is_cut_short_tells_only_what_it_has() {
        let answer = |missed: u32, numbers: &[u64]| {
            let mut bytes = Vec::new();
            for half in [0, 0, numbers.len() as u32, missed] {
                bytes.extend_from_slice(&half.to_ne_bytes());
            }
            for number in numbers {
                bytes.extend_from_slice(&number.to_ne_bytes());
            }
            bytes
        };
        assert_eq!(is_among(&answer(0, &[257, 0, 5, 258, 0, 300]), 300), Some(true));
        assert_eq!(is_among(&answer(0, &[300, 300, 5]), 300), Some(false));
        assert_eq!(is_among(&answer(3, &[257, 0, 5]), 300), None);
        assert_eq!(is_among(&[0; 15], 5), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256), kind in 0_u32..=255) {
            let key = Key { object: 1, kind, offset: 2 };
            let item = seen(Item { key, leaf: 3, data: &bytes });
            prop_assert_eq!((item.inode, item.leaf, item.weight), (1, 3, 25 + bytes.len() as u64));
            let _ = is_among(&bytes, 5);
        }
    }
}
