// SPDX-License-Identifier: GPL-3.0-or-later
//! All changes between two versions, in files without a name: memory holds nothing that grows with their number.

use crate::Error;
use model::{
    Aspects, Counts, Failure, FailureCode, FileChange, FileChangeKind, FileChangeRef, FileKind, FileRow,
    FileScan, FileTree,
};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// So many bytes are written and read at a time; the longest change has fewer: two paths of 32 KiB and a few bytes.
const PIECE: usize = 256 << 10;
/// The changes take no more room than this: some ten millions.
const LIMIT: u64 = 1 << 30;
/// What comes before the paths of a change: what happened, the kind of file and the aspects, a byte each, and how long
/// the path and the path before are.
const HEAD: usize = 11;
/// So many owners are read and written at a time.
const OWNERS: usize = 1 << 10;

/// Why a change could not be kept.
#[derive(Debug)]
pub enum KeepError {
    /// There is no more room for changes: on the disk, or within what they may take.
    Full,
    /// Anything else.
    Broken(io::Error),
}

impl From<io::Error> for KeepError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::Full,
            _ => Self::Broken(error),
        }
    }
}

impl From<KeepError> for Error {
    fn from(error: KeepError) -> Self {
        Self::Failed(match error {
            KeepError::Full => Failure::new(FailureCode::DiskFull, "there is no room for more changes"),
            KeepError::Broken(error) => {
                Failure::new(FailureCode::Internal, format!("keep the changes: {error}"))
            }
        })
    }
}

/// Changes in the order in which they came, to be looked through by a [`FileTree`].
#[derive(Debug)]
pub struct ChangeFile {
    changes: File,
    /// Of each change the place of its package, from 1; zero, and past the end, for none.
    owners: File,
    count: u32,
    /// Bytes of changes that are in the file.
    length: u64,
    limit: u64,
    /// What is not in the file yet.
    buffer: Vec<u8>,
    packages: Vec<String>,
    places: HashMap<String, u32>,
}

impl ChangeFile {
    /// Makes the files in the first of the directories that lets it. They are gone with this value, however the program
    /// ends.
    ///
    /// # Errors
    /// None of the directories does; the last one's reason, or that none was given.
    pub fn create(directories: &[PathBuf]) -> Result<Self, KeepError> {
        let mut last = io::Error::new(ErrorKind::NotFound, "no directory for temporary files");
        for directory in directories {
            let both = tempfile::tempfile_in(directory)
                .and_then(|changes| Ok((changes, tempfile::tempfile_in(directory)?)));
            match both {
                Ok((changes, owners)) => {
                    return Ok(Self {
                        changes,
                        owners,
                        count: 0,
                        length: 0,
                        limit: LIMIT,
                        buffer: Vec::new(),
                        packages: Vec::new(),
                        places: HashMap::new(),
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    /// Takes one change. Its number, counted from 0, is what [`ChangeFile::set_owner`] takes.
    ///
    /// # Errors
    /// There is no room for it; what came before stays and can be looked at.
    pub fn push(&mut self, change: &FileChange) -> Result<(), KeepError> {
        let from = change.from.as_deref().unwrap_or_default();
        let size = HEAD + change.path.len() + from.len();
        if self.buffer.len() + size > PIECE {
            self.flush()?;
        }
        if size > PIECE || self.length + (self.buffer.len() + size) as u64 > self.limit {
            return Err(KeepError::Full);
        }
        let count = self.count.checked_add(1).ok_or(KeepError::Full)?;
        let place = |at: Option<usize>| at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX);
        let kind = FileChangeKind::ALL.iter().position(|it| *it == change.kind);
        let file = FileKind::ALL.iter().position(|it| *it == change.file);
        self.buffer
            .extend_from_slice(&[place(kind), place(file), change.aspects.bits()]);
        for path in [&change.path, from] {
            // Both fit into a piece.
            let length = u32::try_from(path.len()).unwrap_or(u32::MAX);
            self.buffer.extend_from_slice(&length.to_le_bytes());
        }
        self.buffer.extend_from_slice(&change.path);
        self.buffer.extend_from_slice(from);
        self.count = count;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), KeepError> {
        self.changes.write_all_at(&self.buffer, self.length)?;
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Says which package the changes with these numbers belong to. Numbers that no change has are left out.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn set_owner(&mut self, package: &str, numbers: &[u32]) -> Result<(), KeepError> {
        let owner = match self.places.get(package) {
            Some(owner) => *owner,
            None => {
                self.packages.push(package.to_owned());
                let owner = u32::try_from(self.packages.len()).map_err(|_| KeepError::Full)?;
                self.places.insert(package.to_owned(), owner);
                owner
            }
        };
        let block = |number: u32| number as usize / OWNERS;
        for numbers in numbers.chunk_by(|a, b| block(*a) == block(*b)) {
            let Some(first) = numbers.first().map(|number| block(*number) * OWNERS) else {
                continue;
            };
            let mut owners = self.owners_from(first)?;
            for number in numbers.iter().filter(|number| **number < self.count) {
                if let Some(place) = owners.get_mut(*number as usize - first) {
                    *place = owner;
                }
            }
            let bytes: Vec<u8> = owners.into_iter().flat_map(u32::to_le_bytes).collect();
            self.owners.write_all_at(&bytes, first as u64 * 4)?;
        }
        Ok(())
    }

    /// The owners of the changes from this number on, [`OWNERS`] of them or as many as there are changes.
    fn owners_from(&self, first: usize) -> io::Result<Vec<u32>> {
        let count = (self.count as usize).saturating_sub(first).min(OWNERS);
        let mut bytes = vec![0; count * 4];
        read_at(&self.owners, &mut bytes, first as u64 * 4)?;
        let owners = bytes
            .chunks_exact(4)
            .map(|it| it.try_into().map_or(0, u32::from_le_bytes));
        Ok(owners.collect())
    }

    /// How many changes there are.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The lines that somebody sees, and how many changes of each kind there are: by one look through the files.
    ///
    /// # Errors
    /// They cannot be read, or what is not written yet finds no room.
    pub fn rows(&mut self, tree: &FileTree) -> Result<(Vec<FileRow>, Counts), KeepError> {
        self.flush()?;
        let mut scan = FileScan::new(tree, &self.packages);
        let (mut number, mut offset, mut piece) = (0_usize, 0_u64, Vec::new());
        let mut owners = Vec::new();
        while offset < self.length {
            let wanted = usize::try_from(self.length - offset).map_or(PIECE, |left| left.min(PIECE));
            piece.resize(wanted, 0);
            if read_at(&self.changes, &mut piece, offset)? < wanted {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            let mut taken = 0;
            while let Some((change, size)) = change_at(piece.get(taken..).unwrap_or_default()) {
                if number.is_multiple_of(OWNERS) {
                    owners = self.owners_from(number)?;
                }
                scan.take(change, owners.get(number % OWNERS).copied().unwrap_or(0));
                number += 1;
                taken += size;
            }
            // A piece begins with a change and is longer than any.
            if taken == 0 {
                return Err(io::Error::from(ErrorKind::InvalidData).into());
            }
            offset += taken as u64;
        }
        Ok(scan.rows())
    }
}

/// Fills the buffer from there as far as the file goes; returns how far that is.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The change at the beginning of these bytes and how many it takes; `None` when it is not whole.
fn change_at(bytes: &[u8]) -> Option<(FileChangeRef<'_>, usize)> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (&[kind, file, aspects], lengths) = head.split_first_chunk()?;
    let (path, from) = lengths
        .split_first_chunk()
        .map(|(a, b)| (u32::from_le_bytes(*a), b))?;
    let from = u32::from_le_bytes(from.try_into().ok()?) as usize;
    let (path, rest) = rest.split_at_checked(path as usize)?;
    let from = rest.get(..from)?;
    let kind = *FileChangeKind::ALL.get(usize::from(kind))?;
    let change = FileChangeRef {
        path,
        kind,
        file: *FileKind::ALL.get(usize::from(file))?,
        aspects: Aspects::from_bits(aspects),
        from: (kind == FileChangeKind::Renamed).then_some(from),
    };
    Some((change, HEAD + path.len() + from.len()))
}

#[cfg(test)]
mod tests;
