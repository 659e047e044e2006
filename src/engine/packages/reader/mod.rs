// SPDX-License-Identifier: GPL-3.0-or-later
//! Reads package databases out of snapshots, whose bytes nobody vouches for, without privileges.
//!
//! The helper opens the files below the snapshot and starts itself once more with the descriptors: that process gives
//! up root, the filesystem, and every system call that it does not need ([`child`]), parses, and says what it found as
//! lines of text, which are read here with the same care as any other program's. A process serves one system only, so
//! that a snapshot cannot lie about another; or it compares two, where either could make the difference what it wants.

pub(crate) mod answer;
mod child;

pub use child::read_if_asked;

use super::Package;
use crate::run::{Run, quietly};
use crate::{Cancel, Error, VisitFile};
use model::LogEntry;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

/// The first argument of the process that reads.
const VERB: &str = "--read-packages";
/// The descriptor of the first file.
const FIRST: i32 = 3;
/// The process ends with this when what it read is damaged; then it says in one line what is wrong (sysexits.h).
const DAMAGED: i32 = 65;
/// The most that is read of what the process says: the paths of a large system take some 40 MiB.
const LIMIT: usize = 256 * 1024 * 1024;
/// So many packages' changelogs are asked for at a time.
const NAMES: usize = 4000;

/// Bytes at places: a file, or a part of memory in tests.
pub(crate) trait Bytes: std::fmt::Debug {
    /// Reads what is at `offset` into `buffer`; less than the buffer holds only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// How many there are.
    fn length(&self) -> io::Result<u64>;
}

impl Bytes for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match std::os::unix::fs::FileExt::read_at(self, rest, offset + done as u64) {
                Ok(0) => break,
                Ok(length) => done += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Bytes for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.get(offset..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        let (taken, _) = buffer.split_at_mut(length);
        taken.copy_from_slice(rest.split_at(length).0);
        Ok(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

/// What the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `rpmdb.sqlite`, and its write-ahead log where that is not empty.
    RpmSqlite,
    /// `Packages.db`.
    RpmNdb,
    /// `status`.
    Dpkg,
    /// The directory `local`.
    Pacman,
    /// The directory `/usr/share/doc` of a Debian system.
    DebianDocs,
}

impl Format {
    const ALL: [Self; 5] = [
        Self::RpmSqlite,
        Self::RpmNdb,
        Self::Dpkg,
        Self::Pacman,
        Self::DebianDocs,
    ];

    /// Its name among the arguments.
    const fn as_str(self) -> &'static str {
        match self {
            Self::RpmSqlite => "rpm-sqlite",
            Self::RpmNdb => "rpm-ndb",
            Self::Dpkg => "dpkg",
            Self::Pacman => "pacman",
            Self::DebianDocs => "debian-docs",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Whether it is read from a directory, not from files.
    const fn is_directory(self) -> bool {
        matches!(self, Self::Pacman | Self::DebianDocs)
    }
}

/// What is to be read.
#[derive(Debug)]
pub(crate) struct Source {
    /// What the files are.
    pub(crate) format: Format,
    /// Where the first is, as seen from the system's root, to name it in errors.
    pub(crate) path: String,
    /// The files, open for reading, or the directory.
    pub(crate) files: Vec<OwnedFd>,
}

/// The changelogs of packages, by name.
pub(crate) type Changelogs = BTreeMap<String, Vec<LogEntry>>;

/// Starts the processes that read.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    program: &'static str,
}

impl Default for Reader {
    /// The running program, which calls [`read_if_asked`] first of all.
    fn default() -> Self {
        Self {
            program: "/proc/self/exe",
        }
    }
}

impl Reader {
    /// What is installed.
    pub(crate) fn installed(&self, source: Source) -> Result<Vec<Package>, Error> {
        let path = source.path.clone();
        let said = self.ask("installed", source, &[])?;
        answer::packages(&said).ok_or_else(|| unreadable(&path))
    }

    /// What is installed in one system and not just so in the other, of each of two systems. What both have is not looked
    /// into.
    pub(crate) fn apart(&self, old: Source, new: Source) -> Result<(Vec<Package>, Vec<Package>), Error> {
        let paths = [old.path.clone(), new.path.clone()];
        let [old_path, new_path] = &paths;
        let read = |lines: Vec<&[u8]>, path: &str| {
            let packages: Option<Vec<Package>> = lines.into_iter().map(answer::package).collect();
            packages.ok_or_else(|| unreadable(path))
        };
        if [old.format, new.format] == [Format::Dpkg; 2] {
            let both = Source {
                files: old.files.into_iter().chain(new.files).collect(),
                ..new
            };
            let said = self.ask("apart", both, &[])?;
            let [old, new] = answer::two_sides(&said).ok_or_else(|| unreadable(new_path))?;
            return Ok((read(old, old_path)?, read(new, new_path)?));
        }
        let (old, new) = (self.ask("installed", old, &[])?, self.ask("installed", new, &[])?);
        let old = answer::lines(&old).ok_or_else(|| unreadable(old_path))?;
        let new = answer::lines(&new).ok_or_else(|| unreadable(new_path))?;
        let (old, new) = answer::apart(old, new);
        Ok((read(old, old_path)?, read(new, new_path)?))
    }

    /// The changelogs of the packages of these names.
    pub(crate) fn changelogs(&self, source: Source, names: &[&str]) -> Result<Changelogs, Error> {
        let path = source.path.clone();
        let names = names.get(..NAMES).unwrap_or(names);
        let said = self.ask("changelogs", source, names)?;
        answer::changelogs(&said).ok_or_else(|| unreadable(&path))
    }

    /// Hands out every file that a package owns, as package and path without the slash in front.
    pub(crate) fn files(&self, source: Source, visit: VisitFile<'_>) -> Result<(), Error> {
        let path = source.path.clone();
        let said = self.ask("files", source, &[])?;
        answer::files(&said, visit)?.ok_or_else(|| unreadable(&path))
    }

    fn ask(&self, what: &str, source: Source, names: &[&str]) -> Result<Vec<u8>, Error> {
        let Source { format, path, files } = source;
        let count = files.len().to_string();
        let run = Run::new(self.program)
            .args([VERB, what, format.as_str(), &count, "--"])
            .args(names.iter().copied())
            .give((FIRST..).zip(files))
            .capture(LIMIT);
        let cancel = Cancel::new()?;
        let finished = run.finish(&quietly(&cancel))?;
        match finished.status.code() {
            Some(0) => Ok(finished.stdout),
            Some(DAMAGED) => Err(Error::Damaged {
                path: format!("/{path}").into(),
                reason: finished.stderr.last().cloned().unwrap_or_default(),
            }),
            _ => Err(finished.into_error()),
        }
    }
}

fn unreadable(path: &str) -> Error {
    Error::Damaged {
        path: format!("/{path}").into(),
        reason: "cannot be read: its reader did not say everything".to_owned(),
    }
}
