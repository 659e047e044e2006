// SPDX-License-Identifier: GPL-3.0-or-later
//! Doors to the parsers of outside bytes for the targets in `tests/fuzz/`. Only there with the feature `fuzzing`.

pub use crate::native::{Books, Info, InfoError};
pub use crate::run::line::{LINE_LIMIT, Lines};

/// Reads bytes that nobody vouches for as `count` items of a btrfs tree search.
pub fn search_result(bytes: &[u8], count: u32) {
    crate::native::read_search_result(bytes, count);
}

/// Reads bytes that nobody vouches for as every item of a subvolume's tree that describes files.
pub fn file_item(bytes: &[u8]) {
    crate::native::read_item(bytes);
}
