// SPDX-License-Identifier: GPL-3.0-or-later
//! What btrfs offers beyond files: subvolumes, snapshots and the tree of roots.

mod ioctl;
mod roots;
mod tree;

pub(crate) use ioctl::{
    ROOT_DIRECTORY, commit, create_snapshot, default_from, destroy_subvolume, filesystem_of, is_read_only,
    path_in, root_of, set_read_only,
};
pub(crate) use roots::{Root, RootChange, all_roots, changed_roots, children, default_root, root};
