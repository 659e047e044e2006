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

/// Reads bytes as rpm's sqlite database, with its write-ahead log behind as many pages as it says it has.
pub fn rpm_sqlite(mut file: Vec<u8>) {
    let number = |from: usize, to| {
        let bytes = file.get(from..to).unwrap_or_default();
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let log = file.split_off((number(16, 18) * number(28, 32)).min(file.len()));
    // What is damaged is refused; that it does not panic is what matters.
    let _ = crate::packages::rpm::sqlite_installed(&file, Some(&log));
    let _ = crate::packages::rpm::sqlite_changelogs(&file, None, &["alpha"].into());
}

/// Reads bytes as rpm's ndb database.
pub fn rpm_ndb(file: Vec<u8>) {
    let _ = crate::packages::rpm::ndb_installed(&file);
    let _ = crate::packages::rpm::ndb_changelogs(&file, &["alpha"].into());
}

/// Reads bytes as one package's header.
pub fn rpm_header(bytes: Vec<u8>) {
    crate::packages::rpm::header(&bytes, bytes.len());
}

/// Reads bytes as what the process says that reads package databases.
pub fn reader_answer(bytes: &[u8]) {
    let _ = crate::packages::reader::answer::packages(bytes);
    let _ = crate::packages::reader::answer::two_sides(bytes);
    let _ = crate::packages::reader::answer::changelogs(bytes);
}

/// Reads bytes that nobody vouches for as a cache of what snapshots use.
pub fn space_cache(bytes: &[u8]) {
    crate::native::read_cache(bytes);
}
