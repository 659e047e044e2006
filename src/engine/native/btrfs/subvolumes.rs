// SPDX-License-Identifier: GPL-3.0-or-later
//! All subvolumes of a filesystem, with what tells how they came out of each other.

use super::tree::{Fields, Item, Key, POINT, SWEEP, Search};
use linux_raw_sys::btrfs::{self, btrfs_root_item, btrfs_root_ref};
use model::Uuid;
use rustix::fd::AsFd;
use rustix::io::Result;
use std::collections::BTreeSet;
use std::mem::offset_of;

const TREE: u64 = btrfs::BTRFS_ROOT_TREE_OBJECTID as u64;
const TOP_LEVEL: u64 = btrfs::BTRFS_FS_TREE_OBJECTID as u64;
const FIRST: u64 = btrfs::BTRFS_FIRST_FREE_OBJECTID as u64;
const LAST: u64 = u64::MAX - 255;
const ITEM: u32 = btrfs::BTRFS_ROOT_ITEM_KEY;
const BACKREF: u32 = btrfs::BTRFS_ROOT_BACKREF_KEY;

/// A subvolume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subvolume {
    /// Its number.
    pub(crate) id: u64,
    /// The subvolume it is nested in; zero for the top level.
    pub(crate) parent: u64,
    /// The inode, in the parent, of the directory it is an entry of.
    pub(crate) directory: u64,
    /// Its name there, any bytes.
    pub(crate) name: Vec<u8>,
    /// Its identity; all zero for a top level made by old tools.
    pub(crate) uuid: Uuid,
    /// The identity of the subvolume it is a snapshot of.
    pub(crate) parent_uuid: Uuid,
    /// The transaction that made it.
    pub(crate) made: u64,
    /// The transaction that changed it last, be it only because a snapshot was made of it.
    pub(crate) changed: u64,
    /// Its read-only flag.
    pub(crate) read_only: bool,
    /// The bytes of all blocks of its tree.
    pub(crate) tree_bytes: u64,
}

struct Properties {
    is_dying: bool,
    uuid: Uuid,
    parent_uuid: Uuid,
    made: u64,
    changed: u64,
    read_only: bool,
    tree_bytes: u64,
}

fn properties(data: &[u8]) -> Option<Properties> {
    let fields = Fields(data);
    let uuid = |at| Uuid(fields.bytes(at).unwrap_or_default());
    Some(Properties {
        is_dying: fields.u32(offset_of!(btrfs_root_item, refs))? == 0,
        uuid: uuid(offset_of!(btrfs_root_item, uuid)),
        parent_uuid: uuid(offset_of!(btrfs_root_item, parent_uuid)),
        made: fields.u64(offset_of!(btrfs_root_item, otransid)).unwrap_or(0),
        changed: fields.u64(offset_of!(btrfs_root_item, generation))?,
        read_only: fields.u64(offset_of!(btrfs_root_item, flags))?
            & u64::from(btrfs::BTRFS_ROOT_SUBVOL_RDONLY)
            != 0,
        tree_bytes: fields.u64(offset_of!(btrfs_root_item, bytes_used))?,
    })
}

fn place(data: &[u8]) -> Option<(u64, &[u8])> {
    let fields = Fields(data);
    let directory = fields.u64(offset_of!(btrfs_root_ref, dirid))?;
    let length = fields.u16(offset_of!(btrfs_root_ref, name_len))?;
    Some((
        directory,
        fields.slice(size_of::<btrfs_root_ref>(), length.into())?,
    ))
}

/// Every subvolume, the top level first, then by number. Those that were deleted and wait for the kernel to free them
/// are not among them.
pub(crate) fn subvolumes(filesystem: impl AsFd) -> Result<Vec<Subvolume>> {
    let key = |object, kind, offset| Key { object, kind, offset };
    let mut found = Vec::new();
    for (first, last) in [(TOP_LEVEL, TOP_LEVEL), (FIRST, LAST)] {
        let search = Search {
            tree: TREE,
            first: key(first, ITEM, 0),
            last: key(last, BACKREF, u64::MAX),
            changed_since: 0,
        };
        let mut current: Option<(u64, Properties)> = None;
        search.run(&filesystem, SWEEP, |Item { key, data, .. }| match key.kind {
            ITEM => {
                current = properties(data)
                    .filter(|it| !it.is_dying)
                    .map(|it| (key.object, it));
                if key.object == TOP_LEVEL
                    && let Some((id, properties)) = current.take()
                {
                    found.push(subvolume(id, properties, 0, 0, &[]));
                }
            }
            BACKREF => {
                // An item and its back reference are neighbors; the item comes first.
                if let Some((id, properties)) = current.take().filter(|(id, _)| *id == key.object)
                    && let Some((directory, name)) = place(data)
                {
                    found.push(subvolume(id, properties, key.offset, directory, name));
                }
            }
            _ => {}
        })?;
    }
    Ok(found)
}

/// Those of these subvolumes that are still there, be it only to be freed.
pub(crate) fn existing_roots(filesystem: impl AsFd, ids: &BTreeSet<u64>) -> Result<BTreeSet<u64>> {
    let mut found = BTreeSet::new();
    for id in ids {
        let key = |offset| Key {
            object: *id,
            kind: ITEM,
            offset,
        };
        let search = Search {
            tree: TREE,
            first: key(0),
            last: key(u64::MAX),
            changed_since: 0,
        };
        search.run(&filesystem, POINT, |_| {
            found.insert(*id);
        })?;
    }
    Ok(found)
}

fn subvolume(id: u64, properties: Properties, parent: u64, directory: u64, name: &[u8]) -> Subvolume {
    Subvolume {
        id,
        parent,
        directory,
        name: name.to_vec(),
        uuid: properties.uuid,
        parent_uuid: properties.parent_uuid,
        made: properties.made,
        changed: properties.changed,
        read_only: properties.read_only,
        tree_bytes: properties.tree_bytes,
    }
}

/// Reads an item's data as everything it may be.
#[cfg(feature = "fuzzing")]
pub(super) fn read_item(data: &[u8]) {
    let _ = properties(data).map(|it| it.is_dying);
    if let Some((_, name)) = place(data) {
        assert!(name.len() <= data.len());
    }
}
