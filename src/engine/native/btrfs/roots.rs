// SPDX-License-Identifier: GPL-3.0-or-later
//! The tree of roots: which subvolumes there are, where they are nested, and which one is the default.

use super::tree::{Fields, Item, Key, POINT, SWEEP, Search, hash_of_name};
use linux_raw_sys::btrfs::{self, btrfs_dir_item, btrfs_root_item, btrfs_root_ref};
use model::Uuid;
use rustix::fd::AsFd;
use rustix::io::Result;
use std::mem::offset_of;

const TREE: u64 = btrfs::BTRFS_ROOT_TREE_OBJECTID as u64;
const FIRST: u64 = btrfs::BTRFS_FIRST_FREE_OBJECTID as u64;
const LAST: u64 = u64::MAX - 255;
const ITEM: u32 = btrfs::BTRFS_ROOT_ITEM_KEY;
const BACKREF: u32 = btrfs::BTRFS_ROOT_BACKREF_KEY;
const REF: u32 = btrfs::BTRFS_ROOT_REF_KEY;
/// In the tree of identities: the subvolume with an identity.
const UUID_ITEM: u32 = btrfs::BTRFS_UUID_KEY_SUBVOL;
/// The subvolume that is the default where nobody has chosen one.
const TOP_LEVEL: u64 = btrfs::BTRFS_FS_TREE_OBJECTID as u64;

/// The entry of the tree of roots that names the default.
const DEFAULT: &[u8] = b"default";

/// A subvolume as the tree of roots describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Root {
    /// Its number.
    pub(crate) id: u64,
    /// The subvolume it is nested in.
    pub(crate) parent: u64,
    /// The inode, in the parent, of the directory it is an entry of.
    pub(crate) directory: u64,
    /// Its read-only flag.
    pub(crate) read_only: bool,
    /// Its identity.
    pub(crate) uuid: Uuid,
    /// The identity of the subvolume it is a snapshot of.
    pub(crate) parent_uuid: Uuid,
    /// When it was made, in seconds since the epoch.
    pub(crate) created: i64,
}

/// What changed in the tree of roots; see [`changed_roots`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RootChange {
    /// The subvolume `id` has these properties.
    Item {
        id: u64,
        read_only: bool,
        uuid: Uuid,
        parent_uuid: Uuid,
    },
    /// The subvolume `id` is an entry of this directory in this parent.
    Place { id: u64, parent: u64, directory: u64 },
}

/// A subvolume nested in another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Child {
    /// Its number.
    pub(crate) id: u64,
    /// The inode of the directory it is an entry of.
    pub(crate) directory: u64,
    /// Its name there, any bytes.
    pub(crate) name: Vec<u8>,
}

struct Properties {
    read_only: bool,
    uuid: Uuid,
    parent_uuid: Uuid,
    created: i64,
}

/// Root items of filesystems older than Linux 3.6 end before the identities: those are all zero then.
fn properties(data: &[u8]) -> Option<Properties> {
    let fields = Fields(data);
    let uuid = |at| Uuid(fields.bytes(at).unwrap_or_default());
    Some(Properties {
        read_only: fields.u64(offset_of!(btrfs_root_item, flags))?
            & u64::from(btrfs::BTRFS_ROOT_SUBVOL_RDONLY)
            != 0,
        uuid: uuid(offset_of!(btrfs_root_item, uuid)),
        parent_uuid: uuid(offset_of!(btrfs_root_item, parent_uuid)),
        created: fields
            .u64(offset_of!(btrfs_root_item, otime))
            .and_then(|seconds| i64::try_from(seconds).ok())
            .unwrap_or(0),
    })
}

/// Directory and name of a reference between a subvolume and the one it is nested in.
fn reference(data: &[u8]) -> Option<(u64, &[u8])> {
    let fields = Fields(data);
    let directory = fields.u64(offset_of!(btrfs_root_ref, dirid))?;
    let length = fields.u16(offset_of!(btrfs_root_ref, name_len))?;
    let name = fields.slice(size_of::<btrfs_root_ref>(), length.into())?;
    Some((directory, name))
}

fn items(kind_first: u32, kind_last: u32, first: u64, last: u64, changed_since: u64) -> Search {
    Search {
        tree: TREE,
        first: Key {
            object: first,
            kind: kind_first,
            offset: 0,
        },
        last: Key {
            object: last,
            kind: kind_last,
            offset: u64::MAX,
        },
        changed_since,
    }
}

/// Every subvolume that is an entry called `name` of some directory of the subvolume `parent`. One sweep over the tree
/// of roots; deleted subvolumes are not among them.
pub(crate) fn all_roots(filesystem: impl AsFd, parent: u64, name: &[u8]) -> Result<Vec<Root>> {
    let mut roots = Vec::new();
    let mut current: Option<(u64, Properties)> = None;
    items(ITEM, BACKREF, FIRST, LAST, 0).run(filesystem, SWEEP, |Item { key, data, .. }| match key.kind {
        ITEM => current = properties(data).map(|properties| (key.object, properties)),
        BACKREF if key.offset == parent => {
            // An item and its back reference are neighbors; the item comes first.
            let Some((_, properties)) = current.take().filter(|(id, _)| *id == key.object) else {
                return;
            };
            if let Some((directory, _)) = reference(data).filter(|(_, found)| *found == name) {
                roots.push(Root {
                    id: key.object,
                    parent,
                    directory,
                    read_only: properties.read_only,
                    uuid: properties.uuid,
                    parent_uuid: properties.parent_uuid,
                    created: properties.created,
                });
            }
        }
        _ => {}
    })?;
    Ok(roots)
}

/// Calls `visit` for the properties and places of subvolumes in those parts of the tree that changed in transaction
/// `since` or later. What was removed does not show.
///
/// In the tree a subvolume is followed by references to all that are nested in it, which say the same as the places do.
/// Those of `parent`, which may be thousands, are passed over.
pub(crate) fn changed_roots(
    filesystem: impl AsFd,
    since: u64,
    parent: u64,
    mut visit: impl FnMut(RootChange),
) -> Result<()> {
    let mut visit = |Item { key, data, .. }: Item<'_>| match key.kind {
        ITEM => {
            if let Some(properties) = properties(data) {
                visit(RootChange::Item {
                    id: key.object,
                    read_only: properties.read_only,
                    uuid: properties.uuid,
                    parent_uuid: properties.parent_uuid,
                });
            }
        }
        BACKREF => {
            if let Some((directory, _)) = reference(data) {
                visit(RootChange::Place {
                    id: key.object,
                    parent: key.offset,
                    directory,
                });
            }
        }
        _ => {}
    };
    items(ITEM, BACKREF, FIRST, parent, since).run(&filesystem, POINT, &mut visit)?;
    items(ITEM, BACKREF, parent.saturating_add(1), LAST, since).run(&filesystem, POINT, visit)
}

/// The subvolumes nested directly in this one.
pub(crate) fn children(filesystem: impl AsFd, id: u64) -> Result<Vec<Child>> {
    let mut children = Vec::new();
    items(REF, REF, id, id, 0).run(filesystem, POINT, |Item { key, data, .. }| {
        if let Some((directory, name)) = reference(data) {
            children.push(Child {
                id: key.offset,
                directory,
                name: name.to_vec(),
            });
        }
    })?;
    Ok(children)
}

/// The subvolume with this number; `None` when there is none, or when it is nested nowhere as the top level is.
pub(crate) fn root(filesystem: impl AsFd, id: u64) -> Result<Option<Root>> {
    let (mut item, mut place) = (None, None);
    items(ITEM, BACKREF, id, id, 0).run(filesystem, POINT, |Item { key, data, .. }| match key.kind {
        ITEM => item = properties(data),
        BACKREF => place = reference(data).map(|(directory, _)| (key.offset, directory)),
        _ => {}
    })?;
    Ok(item.zip(place).map(|(properties, (parent, directory))| Root {
        id,
        parent,
        directory,
        read_only: properties.read_only,
        uuid: properties.uuid,
        parent_uuid: properties.parent_uuid,
        created: properties.created,
    }))
}

/// Where a subvolume comes from and when it last changed, in numbers of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct History {
    /// Its number.
    pub(crate) id: u64,
    /// Its identity; all zero on filesystems older than Linux 3.6.
    pub(crate) uuid: Uuid,
    /// The identity of the subvolume it is a snapshot of; all zero for none.
    pub(crate) parent_uuid: Uuid,
    /// When it was made: until then it is what its parent was.
    pub(crate) made: u64,
    /// When anything in its tree was last written.
    pub(crate) changed: u64,
    /// Its read-only flag.
    pub(crate) read_only: bool,
}

fn history_in(id: u64, data: &[u8]) -> Option<History> {
    let properties = properties(data)?;
    let fields = Fields(data);
    Some(History {
        id,
        uuid: properties.uuid,
        parent_uuid: properties.parent_uuid,
        made: fields.u64(offset_of!(btrfs_root_item, otransid)).unwrap_or(0),
        changed: fields.u64(offset_of!(btrfs_root_item, generation))?,
        read_only: properties.read_only,
    })
}

/// The history of the subvolume with this number.
pub(crate) fn history(filesystem: impl AsFd, id: u64) -> Result<Option<History>> {
    let mut found = None;
    // A root item may come twice, once for a relocation that goes on: the kernel keeps the last.
    items(ITEM, ITEM, id, id, 0).run(filesystem, POINT, |Item { key, data, .. }| {
        if key.object == id && key.kind == ITEM {
            found = history_in(id, data);
        }
    })?;
    Ok(found)
}

/// The history of the subvolume with this identity, found by the tree of identities; `None` when it is gone.
pub(crate) fn history_of(filesystem: impl AsFd, uuid: Uuid) -> Result<Option<History>> {
    let (low, high) = uuid.0.split_at(8);
    let number = |half: &[u8]| half.first_chunk().copied().map_or(0, u64::from_le_bytes);
    let key = Key {
        object: number(low),
        kind: UUID_ITEM,
        offset: number(high),
    };
    let search = Search {
        tree: u64::from(btrfs::BTRFS_UUID_TREE_OBJECTID),
        first: key,
        last: key,
        changed_since: 0,
    };
    let mut id = None;
    match search.run(&filesystem, POINT, |Item { data, .. }| id = Fields(data).u64(0)) {
        // Filesystems older than Linux 3.12 have no such tree.
        Err(rustix::io::Errno::NOENT) | Ok(()) => {}
        Err(error) => return Err(error),
    }
    match id {
        Some(id) => Ok(history(filesystem, id)?.filter(|history| history.uuid == uuid)),
        None => Ok(None),
    }
}

/// The number of the subvolume that is mounted when none is named.
pub(crate) fn default_root(filesystem: impl AsFd) -> Result<u64> {
    let key = Key {
        object: u64::from(btrfs::BTRFS_ROOT_TREE_DIR_OBJECTID),
        kind: btrfs::BTRFS_DIR_ITEM_KEY,
        offset: hash_of_name(DEFAULT).into(),
    };
    let search = Search {
        tree: TREE,
        first: key,
        last: key,
        changed_since: 0,
    };
    let mut found = TOP_LEVEL;
    search.run(filesystem, POINT, |Item { data, .. }| {
        if let Some(id) = default_in(data) {
            found = id;
        }
    })?;
    Ok(found)
}

/// The subvolume that the entry `default` of a directory item names. Entries whose names have one hash share an item.
pub(super) fn default_in(mut data: &[u8]) -> Option<u64> {
    loop {
        let fields = Fields(data);
        let names = usize::from(fields.u16(offset_of!(btrfs_dir_item, name_len))?);
        let values = usize::from(fields.u16(offset_of!(btrfs_dir_item, data_len))?);
        let name = fields.slice(size_of::<btrfs_dir_item>(), names)?;
        if name == DEFAULT {
            // The location begins with the number of what the entry names.
            return fields.u64(offset_of!(btrfs_dir_item, location));
        }
        data = data.get(size_of::<btrfs_dir_item>() + names + values..)?;
    }
}

/// Reads an item's data as everything it may be.
#[cfg(feature = "fuzzing")]
pub(super) fn read_item(data: &[u8]) {
    let _ = (
        default_in(data),
        properties(data).map(|it| it.created),
        history_in(256, data),
    );
    if let Some((_, name)) = reference(data) {
        assert!(name.len() <= data.len());
    }
}

#[cfg(test)]
mod tests;
