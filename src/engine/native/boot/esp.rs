// SPDX-License-Identifier: GPL-3.0-or-later
//! The partition that the boot loader reads: entries, kernels and initrds. It is a FAT without a journal, so that every
//! file is written beside its name, flushed, and only then given its name.

use super::entry::Entry;
use crate::Error;
use crate::packages::Tree;
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read, Write as _};

/// Where systems mount it: XBOOTLDR first, then the ESP.
const PLACES: [&str; 3] = ["boot", "efi", "boot/efi"];
const ENTRIES: &str = "loader/entries";
/// Our kernels and initrds, by the hash of their content.
const FILES: &str = "kedge";
/// How the names of our entries begin.
pub(super) const OURS: &str = "kedge-";
const NEW: &str = ".kedge-new";
/// More entries are not looked at.
const COUNT: usize = 1000;
/// An entry is a short text.
const ENTRY_LIMIT: u64 = 64 << 10;
/// No kernel or initrd is larger.
const FILE_LIMIT: u64 = 2 << 30;
/// So much stays free: the firmware writes here too.
const RESERVE: u64 = 4 << 20;

/// A mounted boot partition.
#[derive(Debug)]
pub(super) struct Esp {
    directory: OwnedFd,
}

/// A kernel or initrd on its way: its name there, and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) name: String,
    pub(super) size: u64,
}

impl Blob {
    /// Its path as entries name it.
    pub(super) fn path(&self) -> String {
        format!("/{FILES}/{}", self.name)
    }
}

fn failed(what: impl std::fmt::Display) -> impl Fn(Errno) -> Error {
    move |source| Error::io(format!("{what} on the boot partition"), source)
}

impl Esp {
    /// All of a system, the one to write to first.
    pub(super) fn all(root: Tree<'_>) -> Vec<Self> {
        PLACES
            .into_iter()
            .filter(|place| root.exists(&format!("{place}/{ENTRIES}")))
            .filter_map(|place| root.open(place, OFlags::RDONLY | OFlags::DIRECTORY).ok())
            .map(|directory| Self { directory })
            .collect()
    }

    fn tree(&self) -> Tree<'_> {
        Tree::new(self.directory.as_fd())
    }

    /// Its entries. What cannot be read is none.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Error> {
        let read = |file: String| {
            let mut text = String::new();
            let open = self.tree().file(&format!("{ENTRIES}/{file}")).ok().flatten()?;
            open.take(ENTRY_LIMIT).read_to_string(&mut text).ok()?;
            Entry::parse(&file, &text)
        };
        let names = self.tree().names(ENTRIES, COUNT)?;
        Ok(names.into_iter().filter_map(read).collect())
    }

    /// The pattern for the default in `loader.conf`.
    pub(super) fn pattern(&self) -> Option<String> {
        let mut text = String::new();
        let file = self.tree().file("loader/loader.conf").ok().flatten()?;
        file.take(ENTRY_LIMIT).read_to_string(&mut text).ok()?;
        let mut words = text
            .lines()
            .filter_map(|line| line.trim().split_once([' ', '\t']));
        let found = words.rfind(|(key, _)| *key == "default")?;
        Some(found.1.trim().to_owned())
    }

    /// Whether a file that an entry names is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.tree().has_content(path.trim_start_matches('/'))
    }

    /// What a file would be called here.
    pub(super) fn blob(file: File, path: &str) -> Result<Blob, Error> {
        let mut hasher = Sha256::new();
        let mut file = file.take(FILE_LIMIT);
        let size = std::io::copy(&mut file, &mut hasher)
            .map_err(|source| Error::io(format!("read /{path}"), source))?;
        let hash = hasher.finalize();
        let name = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(Blob { name, size })
    }

    /// Whether it is here already, whole: it got its name only then.
    pub(super) fn holds(&self, blob: &Blob) -> bool {
        let file = self.tree().file(&format!("{FILES}/{}", blob.name)).ok().flatten();
        file.and_then(|file| file.metadata().ok())
            .is_some_and(|data| data.len() == blob.size)
    }

    /// The bytes that may still be written.
    pub(super) fn free(&self) -> Result<u64, Error> {
        let room = rustix::fs::fstatvfs(&self.directory).map_err(failed("read the free space"))?;
        Ok((room.f_bavail * room.f_frsize).saturating_sub(RESERVE))
    }

    /// Copies a file here, unless it is here.
    pub(super) fn add(&self, blob: &Blob, from: File) -> Result<(), Error> {
        if self.holds(blob) {
            return Ok(());
        }
        self.write(FILES, &blob.name, |to| {
            let copied = std::io::copy(&mut from.take(FILE_LIMIT), to)?;
            match copied == blob.size {
                true => Ok(()),
                false => Err(std::io::Error::other("it changed while it was read")),
            }
        })
    }

    /// Writes an entry.
    pub(super) fn add_entry(&self, entry: &Entry) -> Result<(), Error> {
        self.write(ENTRIES, &entry.file, |to| to.write_all(entry.text().as_bytes()))
    }

    fn write(
        &self,
        folder: &str,
        name: &str,
        fill: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        let what = format!("write {folder}/{name}");
        let failed = failed(&what);
        self.tree().make_directories(folder)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let folder = self.tree().open_plain(folder, flags).map_err(&failed)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let mode = Mode::from_raw_mode(0o644);
        let new = Tree::new(folder.as_fd())
            .open_as(NEW, flags, mode, ResolveFlags::NO_SYMLINKS)
            .map_err(&failed)?;
        let mut new = File::from(new);
        let written = fill(&mut new).and_then(|()| new.sync_all()).and_then(|()| {
            rustix::fs::renameat(&folder, NEW, &folder, name)?;
            Ok(rustix::fs::fsync(&folder)?)
        });
        written.map_err(|source| {
            // On a full partition what was written so far is in the way.
            let _ = rustix::fs::unlinkat(&folder, NEW, AtFlags::empty());
            Error::io(format!("{what} on the boot partition"), source)
        })
    }

    /// Removes an entry of ours.
    pub(super) fn remove_entry(&self, entry: &Entry) -> Result<(), Error> {
        self.remove(ENTRIES, &entry.file)
    }

    fn remove(&self, folder: &str, name: &str) -> Result<(), Error> {
        let failed = failed(format!("remove {folder}/{name}"));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let folder = self.tree().open_plain(folder, flags).map_err(&failed)?;
        match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes the files of ours that no entry names.
    pub(super) fn sweep(&self) -> Result<(), Error> {
        let entries = self.entries()?;
        let named = |name: &str| {
            let path = format!("/{FILES}/{name}");
            let has = |entry: &Entry| entry.linux == path || entry.initrd.contains(&path);
            entries.iter().any(has)
        };
        for name in self.tree().names(FILES, COUNT)? {
            if !named(&name) {
                self.remove(FILES, &name)?;
            }
        }
        self.sync()
    }

    /// Writes everything to disk.
    pub(super) fn sync(&self) -> Result<(), Error> {
        rustix::fs::syncfs(&self.directory).map_err(failed("write everything"))
    }
}
