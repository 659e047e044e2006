// SPDX-License-Identifier: GPL-3.0-or-later
//! What btrfs offers beyond files: subvolumes, snapshots and the tree of roots.

mod cursor;
mod extents;
mod ioctl;
mod roots;
mod subvolumes;
mod tree;
mod usage;

pub(crate) use extents::{Extent, Inode, Seen, What, is_referenced_in, orphans, scan_inodes};
pub(crate) use subvolumes::{Subvolume, existing_roots, subvolumes};
pub(crate) use usage::usage;

pub(crate) use cursor::Cursor;
pub(crate) use ioctl::{
    ROOT_DIRECTORY, commit, create_snapshot, default_from, destroy_subvolume, filesystem_of, is_read_only,
    path_in, root_of, set_read_only,
};
pub(crate) use roots::{
    Child, History, Root, RootChange, all_roots, changed_roots, children, default_root, history, history_of,
    root,
};
pub(crate) use tree::{Fields, Key, hash_of_name};

/// Whether this is the root directory of a subvolume of btrfs, and not that of a whole filesystem of another kind.
pub(crate) fn is_subvolume(directory: impl rustix::fd::AsFd) -> bool {
    let is_root = rustix::fs::fstat(&directory).is_ok_and(|stat| stat.st_ino == ROOT_DIRECTORY);
    is_root && root_of(&directory).is_ok()
}

/// Reads bytes that nobody vouches for as the result of a search, and each item as everything it may be.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_search_result(bytes: &[u8], count: u32) {
    let visited = std::cell::Cell::new(0_usize);
    let last = tree::visit_items(bytes, count, |item| {
        visited.set(visited.get() + 1);
        roots::read_item(item.data);
        extents::read_item(item);
        subvolumes::read_item(item.data);
    });
    assert_eq!(last.is_some(), visited.get() > 0);
    assert!(visited.get() <= count as usize && visited.get() <= bytes.len() / 32);
}
