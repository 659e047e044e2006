// SPDX-License-Identifier: GPL-3.0-or-later
//! The books that transactional-update keeps beside snapper's, so that its timer, its cleanup and its rollback go on
//! working after a transaction of ours: the state file, the wish for a restart, and the note that products changed.
//!
//! They are written where transactional-update is installed, and only after the new default is set: none of them is
//! worth undoing a complete system for.

use super::{has, shell, text};
use crate::Error;
use crate::packages::Tree;
use model::{RestartLevel, SnapshotId, Timestamp, Tool};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::fd::OwnedFd;

const STATE: (&str, &str) = ("var/lib/misc", "transactional-update.state");
const RESTART: (&str, &str) = ("run", "reboot-needed");
const REGISTRATION: (&str, &str) = ("var/lib/rollback", "check-registration");
const LOG: (&str, &str) = ("var/log", "transactional-update.log");
const PRODUCTS: &str = "etc/products.d";
/// No system has more products.
const PRODUCTS_LIMIT: usize = 1000;

/// `/var/lib/misc/transactional-update.state`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StateFile {
    /// Snapshots that ran before an update, the newest first.
    pub(crate) last_working: Vec<SnapshotId>,
    /// Snapshots that no start has proven yet, the newest first.
    pub(crate) unused: Vec<SnapshotId>,
    /// The snapshot that transactional-update last saw running.
    pub(crate) last_booted: Option<SnapshotId>,
    /// Which restart a snapshot needs.
    pub(crate) restarts: BTreeMap<SnapshotId, RestartLevel>,
    /// Repositories are to be read anew.
    pub(crate) force_refresh: bool,
}

fn numbers(text: &str) -> Vec<SnapshotId> {
    let mut found = Vec::new();
    for number in text.split_ascii_whitespace().filter_map(|word| word.parse().ok()) {
        if number != 0 && !found.contains(&SnapshotId(number)) {
            found.push(SnapshotId(number));
        }
    }
    found
}

/// As transactional-update writes a list: a blank behind each.
fn listed(numbers: &[SnapshotId]) -> String {
    numbers.iter().map(|id| format!("{id} ")).collect()
}

impl StateFile {
    /// Reads the text of the file. What is not understood is left out, as transactional-update leaves it out.
    pub(crate) fn parse(text: &str) -> Self {
        let values = shell::parse(text);
        let value = |key: &str| values.get(key).map_or("", String::as_str);
        let index = |key: &str| {
            let number = key.strip_prefix("REBOOT_ASSOCS[")?.strip_suffix(']')?;
            number.parse().ok().map(SnapshotId)
        };
        Self {
            last_working: numbers(value("LAST_WORKING_SNAPSHOTS")),
            unused: numbers(value("UNUSED_SNAPSHOTS")),
            last_booted: value("LAST_BOOTED").parse().ok().map(SnapshotId),
            restarts: values
                .iter()
                .filter_map(|(key, value)| Some((index(key)?, RestartLevel::from_code(value)?)))
                .collect(),
            force_refresh: value("FORCE_REFRESH") == "1",
        }
    }

    /// The text of the file, which transactional-update sources as root: it holds numbers and codes and nothing else.
    pub(crate) fn to_text(&self) -> String {
        let booted = self.last_booted.map_or_else(String::new, |id| id.to_string());
        let mut text = format!(
            "LAST_WORKING_SNAPSHOTS=\"{}\"\nUNUSED_SNAPSHOTS=\"{}\"\nLAST_BOOTED=\"{booted}\"\n",
            listed(&self.last_working),
            listed(&self.unused)
        );
        for (id, level) in &self.restarts {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "REBOOT_ASSOCS[{id}]={level}");
        }
        let _ = writeln!(text, "FORCE_REFRESH=\"{}\"", u8::from(self.force_refresh));
        text
    }

    /// A transaction made this the default while `booted` runs.
    pub(crate) fn committed(&mut self, id: SnapshotId, booted: Option<SnapshotId>, level: RestartLevel) {
        self.unused.retain(|other| *other != id);
        self.unused.insert(0, id);
        if let Some(booted) = booted {
            if !self.last_working.contains(&booted) {
                self.last_working.insert(0, booted);
            }
            self.last_booted = Some(booted);
        }
        if level == RestartLevel::None {
            self.restarts.remove(&id);
        } else {
            self.restarts.insert(id, level);
        }
    }

    /// A rollback made this the default: cleanup may take it when it is replaced again.
    pub(crate) fn rolled_back(&mut self, id: SnapshotId) {
        self.unused.retain(|other| *other != id);
        self.unused.insert(0, id);
    }

    /// These are gone.
    pub(crate) fn forget(&mut self, gone: &[SnapshotId]) {
        self.unused.retain(|id| !gone.contains(id));
        self.last_working.retain(|id| !gone.contains(id));
        self.restarts.retain(|id, _| !gone.contains(id));
    }
}

/// Which restart the platform's own tools ask for.
pub(crate) fn restart(tree: Tree<'_>) -> RestartLevel {
    let (folder, name) = RESTART;
    let text = text(tree, &format!("{folder}/{name}")).unwrap_or_default();
    RestartLevel::from_code(text.trim()).unwrap_or(RestartLevel::None)
}

/// The books of the system with this root directory; `None` where no transactional-update would read them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlatformBooks<'a> {
    tree: Tree<'a>,
}

impl<'a> PlatformBooks<'a> {
    /// The books of the running system.
    pub(crate) fn of(tree: Tree<'a>) -> Option<Self> {
        has(tree, Tool::TransactionalUpdate).then_some(Self { tree })
    }

    fn change(self, change: impl FnOnce(&mut StateFile)) -> Result<(), Error> {
        let (folder, name) = STATE;
        let mut state = StateFile::parse(&text(self.tree, &format!("{folder}/{name}")).unwrap_or_default());
        change(&mut state);
        replace(self.tree, STATE, state.to_text().as_bytes(), 0o644)
    }

    /// A transaction made `id` the default while `booted` runs.
    pub(crate) fn committed(self, id: SnapshotId, booted: Option<SnapshotId>) -> Result<(), Error> {
        // The lesser restarts are zypp-boot-plugin's to allow, which writes them itself.
        let level = RestartLevel::Reboot;
        self.change(|state| state.committed(id, booted, level))?;
        self.raise_restart(level)
    }

    /// A rollback made `id` the default. What runs needs no restart to run.
    pub(crate) fn rolled_back(self, id: SnapshotId, booted: Option<SnapshotId>) -> Result<(), Error> {
        self.change(|state| state.rolled_back(id))?;
        touch(self.tree, REGISTRATION)?;
        if booted == Some(id) {
            return self.no_restart();
        }
        self.raise_restart(RestartLevel::Reboot)
    }

    /// What waited for the restart is discarded: the running system starts again.
    pub(crate) fn discarded(self, gone: &[SnapshotId]) -> Result<(), Error> {
        self.change(|state| state.forget(gone))?;
        self.no_restart()
    }

    /// Merges upward: what somebody else asks for is never taken away.
    fn raise_restart(self, level: RestartLevel) -> Result<(), Error> {
        if restart(self.tree) >= level {
            return Ok(());
        }
        // Without a line end, as transactional-update writes it.
        replace(self.tree, RESTART, level.as_str().as_bytes(), 0o644)
    }

    fn no_restart(self) -> Result<(), Error> {
        let (folder, name) = RESTART;
        let Ok(folder) = self.tree.open(folder, OFlags::RDONLY | OFlags::DIRECTORY) else {
            return Ok(());
        };
        match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::io(format!("remove /run/{name}"), error)),
        }
    }

    /// Notes that the products of the new system are not those of the old one: SUSE's registration looks at it.
    pub(crate) fn products(self, old: Tree<'_>, new: Tree<'_>) -> Result<(), Error> {
        match products(old) == products(new) {
            true => Ok(()),
            false => touch(self.tree, REGISTRATION),
        }
    }

    /// Adds a line to transactional-update's log.
    pub(crate) fn log(self, now: Timestamp, words: &str) -> Result<(), Error> {
        let failed = |error| Error::io("write /var/log/transactional-update.log", error);
        let (folder, name) = LOG;
        let folder = self
            .tree
            .open(folder, OFlags::PATH | OFlags::DIRECTORY)
            .map_err(failed)?;
        let flags = OFlags::WRONLY
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, name, flags, Mode::from_raw_mode(0o640)).map_err(failed)?;
        let seconds = i64::try_from(now.0 / 1_000_000).unwrap_or(i64::MAX);
        let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let time = time.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M:%S");
        let words: String = words.chars().filter(|c| !c.is_control()).collect();
        rustix::io::write(&file, format!("{time} {words}\n").as_bytes())
            .map(drop)
            .map_err(failed)
    }
}

/// The product files with what is in them; none where there is no such directory.
fn products(tree: Tree<'_>) -> Vec<(String, String)> {
    let names = tree.names(PRODUCTS, PRODUCTS_LIMIT).unwrap_or_default();
    names
        .into_iter()
        .filter_map(|name| {
            let words = text(tree, &format!("{PRODUCTS}/{name}"))?;
            Some((name, words))
        })
        .collect()
}

fn folder(tree: Tree<'_>, path: &str) -> Result<OwnedFd, Error> {
    tree.make_directories(path)?;
    tree.open(path, OFlags::RDONLY | OFlags::DIRECTORY)
        .map_err(|error| Error::io(format!("open /{path}"), error))
}

/// Writes a whole file under another name and lets it take the place of the one that is there.
pub(crate) fn replace(
    tree: Tree<'_>,
    (path, name): (&str, &str),
    bytes: &[u8],
    mode: u32,
) -> Result<(), Error> {
    let failed = |error: Errno| Error::io(format!("write /{path}/{name}"), error);
    let folder = folder(tree, path)?;
    let temporary = format!(".{name}.kedge");
    match rustix::fs::unlinkat(&folder, &temporary, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(failed(error)),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(mode);
    let written = rustix::fs::openat(&folder, &temporary, flags, mode).and_then(|file| {
        rustix::fs::fchmod(&file, mode)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = rustix::io::write(&file, rest)?;
            rest = rest.get(count..).unwrap_or_default();
        }
        match rustix::fs::fsync(&file) {
            // A file in memory.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(error) => Err(error),
        }
    });
    let moved = written.and_then(|()| rustix::fs::renameat(&folder, &temporary, &folder, name));
    if moved.is_err() {
        // The first error is the one to tell.
        let _ = rustix::fs::unlinkat(&folder, &temporary, AtFlags::empty());
    }
    moved.map_err(failed)
}

fn touch(tree: Tree<'_>, (path, name): (&str, &str)) -> Result<(), Error> {
    let failed = |error| Error::io(format!("write /{path}/{name}"), error);
    let folder = folder(tree, path)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, name, flags, Mode::from_raw_mode(0o644)).map_err(failed)?;
    let now = rustix::fs::Timespec {
        tv_sec: 0,
        tv_nsec: rustix::fs::UTIME_NOW,
    };
    let times = rustix::fs::Timestamps {
        last_access: now,
        last_modification: now,
    };
    rustix::fs::futimens(&file, &times).map_err(failed)
}

#[cfg(test)]
mod tests;
