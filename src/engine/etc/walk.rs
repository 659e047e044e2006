// SPDX-License-Identifier: GPL-3.0-or-later
use super::SYNC_POINT;
use super::entry::{Entry, open, shown};
use crate::Error;
use rustix::fd::BorrowedFd;
use rustix::fs::{Dir, FileType, OFlags};

/// An `/etc` has some thousand files; one with more than this is not merged.
const LIMIT: usize = 2_000_000;

/// Calls `visit` for everything below a directory but the sync point; a directory comes before what is in it.
pub(super) fn visit(
    root: BorrowedFd<'_>,
    mut visit: impl FnMut(&[u8], &Entry) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut pending: Vec<Vec<u8>> = vec![Vec::new()];
    let mut count = 0;
    while let Some(path) = pending.pop() {
        let place: &[u8] = if path.is_empty() { b"." } else { &path };
        let failed = |error| Error::io(format!("read the directory {}", shown(place)), error);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        // Gone, or no directory any more.
        let Some(directory) = open(root, place, flags).map_err(failed)? else {
            continue;
        };
        for item in Dir::new(directory).map_err(failed)? {
            let item = item.map_err(failed)?;
            let name = item.file_name().to_bytes();
            if matches!(name, b"." | b"..") || (path.is_empty() && name == SYNC_POINT.as_bytes()) {
                continue;
            }
            count += 1;
            if count > LIMIT {
                return Err(failed(rustix::io::Errno::OVERFLOW));
            }
            let below = match path.is_empty() {
                true => name.to_owned(),
                false => [&path, b"/".as_slice(), name].concat(),
            };
            let Some(entry) = Entry::at(root, &below)? else {
                continue;
            };
            visit(&below, &entry)?;
            if entry.kind() == FileType::Directory {
                pending.push(below);
            }
        }
    }
    Ok(())
}
