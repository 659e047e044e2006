// SPDX-License-Identifier: GPL-3.0-or-later
//! systemd-boot: entries on the boot partition say which subvolume starts, and variables of the firmware say which
//! entry.
//!
//! An update is started on trial: its entry counts tries, and `LoaderEntryOneShot` names it while `LoaderEntryDefault`
//! goes on naming the old system. A start that fails is followed by the old system, and one that succeeds
//! (boot-complete.target takes the count from the entry) makes it the default. An exact default must never name what has
//! not been started yet: systemd-boot starts it again and again, whatever its count says.
//!
//! The default subvolume of btrfs decides nothing here, but other tools read it: it follows.

use super::efi::{self, Variable};
use super::entry::{self, Entry, Tries};
use super::esp::{Blob, Esp, OURS};
use super::{Boot, Candidate, btrfs, command_line, duplicate, running};
use crate::Error;
use crate::native::date;
use crate::packages::Tree;
use crate::transaction::{Kernel, kernels};
use model::{Absence, Concern, RefusalCode, SnapshotId};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::collections::BTreeMap;
use std::io::Read as _;

/// How often a new system may fail to start before it is given up (health-checker and systemd's examples: 3).
const TRIES: u32 = 3;
/// No path is deeper in subvolumes.
const DEEPEST: usize = 16;
/// So many kernels of one snapshot get an entry.
const KERNELS: usize = 2;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A machine that systemd-boot starts.
#[derive(Debug)]
pub(super) struct SystemdBoot {
    root: OwnedFd,
    filesystem: OwnedFd,
    /// The path, from the top of the filesystem, of the subvolume of the snapshots.
    snapshots: String,
    /// Whether this system runs: then the kernel and the firmware tell of its start.
    runs: bool,
}

impl SystemdBoot {
    /// `None` when another boot loader started this machine, or its partition is not there.
    pub(super) fn detect(root: BorrowedFd<'_>, filesystem: BorrowedFd<'_>) -> Result<Option<Self>, Error> {
        let tree = Tree::new(root);
        let started = Variable::Info.read(tree).ok().flatten();
        if !started.is_some_and(|info| info.starts_with("systemd-boot")) {
            return Ok(None);
        }
        // The partition may be missing: then nothing can be chosen, and that is said.
        Self::new(root, filesystem, true).map(Some)
    }

    /// The same of a system that does not run: `None` when none of its boot partitions has an entry that starts one of
    /// its snapshots.
    pub(super) fn detect_offline(
        root: BorrowedFd<'_>,
        filesystem: BorrowedFd<'_>,
    ) -> Result<Option<Self>, Error> {
        let this = Self::new(root, filesystem, false)?;
        let entries = this.entries()?;
        Ok(entries
            .iter()
            .any(|entry| this.subvolume(entry).is_some())
            .then_some(this))
    }

    fn new(root: BorrowedFd<'_>, filesystem: BorrowedFd<'_>, runs: bool) -> Result<Self, Error> {
        let failed = |error| Error::io("find the place of .snapshots", error);
        let id = btrfs::root_of(filesystem).map_err(failed)?.id;
        let snapshots = path_of(filesystem, id).map_err(failed)?;
        Ok(Self {
            root: duplicate(root)?,
            filesystem: duplicate(filesystem)?,
            snapshots,
            runs,
        })
    }

    /// What the kernel is told at a start.
    fn command_line(&self) -> Result<String, Error> {
        if self.runs {
            return command_line(self.root.as_fd())
                .map_err(|error| Error::io("read the kernel's command line", error));
        }
        let own = self
            .default_entry()?
            .filter(|entry| self.subvolume(entry).is_some());
        let own = match own {
            None => self
                .entries()?
                .into_iter()
                .find(|entry| self.subvolume(entry).is_some()),
            own => own,
        };
        own.map(|entry| entry.options).ok_or_else(|| Error::Damaged {
            path: "loader/entries".into(),
            reason: "no entry starts this system".to_owned(),
        })
    }

    fn tree(&self) -> Tree<'_> {
        Tree::new(self.root.as_fd())
    }

    /// The partition to write to.
    fn esp(&self) -> Result<Esp, Error> {
        let first = Esp::all(self.tree()).into_iter().next();
        first.ok_or_else(|| RefusalCode::NoBootPartition.into())
    }

    /// All entries, as the menu shows them.
    fn entries(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        for esp in Esp::all(self.tree()) {
            entries.extend(esp.entries()?);
        }
        entries.sort_by(Entry::menu_order);
        Ok(entries)
    }

    fn path(&self, id: SnapshotId) -> String {
        format!("{}/{id}/snapshot", self.snapshots)
    }

    /// The subvolume that an entry starts; `None` when it names none, or one that is not there.
    fn subvolume(&self, entry: &Entry) -> Option<u64> {
        let path = entry.subvolume()?;
        let number = path.strip_prefix(&self.snapshots)?.strip_prefix('/')?;
        let number = number.strip_suffix("/snapshot")?.parse().ok().map(SnapshotId);
        let place = format!("{}/snapshot", number?);
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        let root = Tree::new(self.filesystem.as_fd())
            .open_plain(&place, flags)
            .ok()?;
        btrfs::root_of(&root).ok().map(|root| root.id)
    }

    /// The entry of a subvolume that comes first in the menu.
    fn entry_of(&self, subvolume: u64) -> Result<Entry, Error> {
        let mut entries = self.entries()?.into_iter();
        let found = entries.find(|entry| self.subvolume(entry) == Some(subvolume));
        found.ok_or_else(|| Error::Damaged {
            path: "loader/entries".into(),
            reason: format!("no entry starts subvolume {subvolume}"),
        })
    }

    fn named(&self, variable: Variable) -> Result<Option<Entry>, Error> {
        let Some(pattern) = variable.read(self.tree())? else {
            return Ok(None);
        };
        Ok(self
            .entries()?
            .into_iter()
            .find(|entry| entry::fits(&pattern, &entry.id)))
    }

    /// What starts when nothing is to start once.
    fn default_entry(&self) -> Result<Option<Entry>, Error> {
        if let Some(entry) = self.named(Variable::Default)? {
            return Ok(Some(entry));
        }
        let entries = self.entries()?;
        let pattern = Esp::all(self.tree()).iter().find_map(Esp::pattern);
        let fitting =
            pattern.and_then(|pattern| entries.iter().find(|entry| entry::fits(&pattern, &entry.id)));
        Ok(fitting.or(entries.first()).cloned())
    }

    /// What starts once, and whether it is on trial.
    fn one_shot(&self) -> Result<Option<(Entry, bool)>, Error> {
        let entry = self.named(Variable::OneShot)?;
        Ok(entry.map(|entry| {
            let on_trial = entry.tries.is_some();
            (entry, on_trial)
        }))
    }

    /// What a snapshot needs on the partition: each kernel with its initrd, the newest first.
    fn wanted(&self, candidate: &Candidate) -> Result<Vec<Wanted>, Error> {
        let tree = candidate.tree();
        let mut found = kernels(tree)?;
        found.sort_by(|a, b| crate::packages::version::compare(&b.version, &a.version));
        found.truncate(KERNELS);
        let blob = |path: &str| match tree.file(path)? {
            Some(file) => Esp::blob(file, path),
            None => Err(Error::Damaged {
                path: format!("/{path}").into(),
                reason: "is gone".to_owned(),
            }),
        };
        found
            .into_iter()
            .map(|kernel| {
                Ok(Wanted {
                    linux: blob(&kernel.path)?,
                    initrd: kernel.initrd.as_deref().map(blob).transpose()?,
                    kernel,
                })
            })
            .collect()
    }

    fn entry(&self, candidate: &Candidate, wanted: &Wanted, tries: Option<Tries>) -> Result<Entry, Error> {
        let line = self.command_line()?;
        let release = release(candidate.tree());
        let field = |key: &str| release.get(key).map(String::as_str).unwrap_or_default();
        let version = &wanted.kernel.version;
        let name = format!("{OURS}{}-{version}", candidate.id);
        let count = tries.map_or_else(String::new, |tries| format!("+{}", tries.left));
        Ok(Entry {
            file: format!("{name}{count}.conf"),
            id: format!("{name}.conf"),
            tries,
            title: title(candidate, field("NAME"), field("VERSION_ID")),
            version: format!("{}@{version}", candidate.id),
            sort_key: match field("ID") {
                "" => "kedge".to_owned(),
                id => id.to_owned(),
            },
            machine_id: String::new(),
            linux: wanted.linux.path(),
            initrd: wanted.initrd.iter().map(Blob::path).collect(),
            options: entry::options_for(&line, &self.path(candidate.id)),
        })
    }

    /// The default subvolume of btrfs follows what was chosen.
    fn follow(&self, subvolume: u64) {
        let followed =
            btrfs::default_from(&self.filesystem, subvolume).and_then(|()| btrfs::commit(&self.filesystem));
        if let Err(error) = followed {
            tracing::warn!(%error, "the default subvolume did not follow the boot loader");
        }
    }
}

/// A kernel of a snapshot, as it has to be on the partition.
#[derive(Debug)]
struct Wanted {
    kernel: Kernel,
    linux: Blob,
    initrd: Option<Blob>,
}

impl Wanted {
    fn blobs(&self) -> impl Iterator<Item = (&Blob, &str)> {
        let initrd = self.initrd.as_ref().zip(self.kernel.initrd.as_deref());
        [(&self.linux, self.kernel.path.as_str())]
            .into_iter()
            .chain(initrd)
    }
}

/// The path of a subvolume from the top of its filesystem.
fn path_of(filesystem: BorrowedFd<'_>, mut id: u64) -> rustix::io::Result<String> {
    let mut names = Vec::new();
    for _ in 0..DEEPEST {
        let Some(root) = btrfs::root(filesystem, id)? else {
            break;
        };
        let child = btrfs::children(filesystem, root.parent)?
            .into_iter()
            .find(|child| child.id == id)
            .ok_or(rustix::io::Errno::NOENT)?;
        let folder = match child.directory {
            btrfs::ROOT_DIRECTORY => Vec::new(),
            folder => btrfs::path_in(filesystem, root.parent, folder)?,
        };
        names.push(String::from_utf8_lossy(&child.name).into_owned());
        if !folder.is_empty() {
            names.push(String::from_utf8_lossy(&folder).into_owned());
        }
        id = root.parent;
    }
    names.reverse();
    Ok(names.join("/"))
}

/// The fields of os-release(5).
fn release(tree: Tree<'_>) -> BTreeMap<String, String> {
    let mut text = String::new();
    let places = ["etc/os-release", "usr/lib/os-release"];
    let file = places
        .into_iter()
        .find_map(|place| tree.file(place).ok().flatten());
    if let Some(file) = file
        && let Err(error) = file.take(64 << 10).read_to_string(&mut text)
    {
        tracing::debug!(%error, "os-release cannot be read");
    }
    let fields = text.lines().filter_map(|line| line.split_once('='));
    fields
        .map(|(key, value)| {
            (
                key.trim().to_owned(),
                value.trim().trim_matches(['"', '\'']).to_owned(),
            )
        })
        .collect()
}

/// "Tumbleweed 20261120, before update, 12 Nov"
fn title(candidate: &Candidate, name: &str, version: &str) -> String {
    let name = match name.strip_prefix("openSUSE ").unwrap_or(name) {
        "" => "Linux",
        name => name,
    };
    let date = date::format(candidate.time);
    let mut parts = date
        .split([' ', '-'])
        .skip(1)
        .filter_map(|part| part.parse::<usize>().ok());
    let month = parts.next().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let day = parts.next();
    let when = match (day, month) {
        (Some(day), Some(month)) => format!("{day} {month}"),
        _ => format!("#{}", candidate.id),
    };
    let words: String = candidate
        .description
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(60)
        .collect();
    let words = match words.trim() {
        "" => format!("#{}", candidate.id),
        words => words.to_owned(),
    };
    format!("{} {version}, {words}, {when}", name.trim()).replace(" ,", ",")
}

impl Boot for SystemdBoot {
    fn absence(&self) -> Option<Absence> {
        if Esp::all(self.tree()).is_empty() {
            return Some(RefusalCode::NoBootPartition);
        }
        (!efi::is_there(self.tree())).then_some(RefusalCode::NoBootVariables)
    }

    fn booted(&self) -> Result<u64, Error> {
        running(&self.root)
    }

    fn default(&self) -> Result<u64, Error> {
        let entry = match self.one_shot()? {
            Some((entry, true)) => Some(entry),
            _ => self.default_entry()?,
        };
        let chosen = entry.as_ref().and_then(|entry| self.subvolume(entry));
        // Where the loader cannot be asked, the choice of the last start is the best guess there is.
        chosen.map_or_else(|| self.booted(), Ok)
    }

    fn set_default(&self, subvolume: u64, trial: bool) -> Result<(), Error> {
        let entry = self.entry_of(subvolume)?;
        let tree = self.tree();
        if trial {
            Variable::OneShot.write(tree, Some(&entry.id))?;
        } else {
            // Between the two, the old default starts.
            if matches!(self.one_shot()?, Some((_, true))) {
                Variable::OneShot.write(tree, None)?;
            }
            Variable::Default.write(tree, Some(&entry.id))?;
        }
        self.follow(subvolume);
        Ok(())
    }

    fn once_absence(&self) -> Option<Absence> {
        self.absence()
    }

    fn once(&self) -> Result<Option<u64>, Error> {
        let plain = self.one_shot()?.filter(|(_, on_trial)| !on_trial);
        Ok(plain.and_then(|(entry, _)| self.subvolume(&entry)))
    }

    fn set_once(&self, subvolume: Option<u64>) -> Result<(), Error> {
        let entry = subvolume.map(|subvolume| self.entry_of(subvolume)).transpose()?;
        if matches!(self.one_shot()?, Some((_, true))) {
            // What waits for the restart would be forgotten.
            return Err(RefusalCode::PendingFirst.into());
        }
        Variable::OneShot.write(self.tree(), entry.as_ref().map(|entry| entry.id.as_str()))
    }

    fn adopt(&self, subvolume: u64) -> Result<bool, Error> {
        let entry = self.entry_of(subvolume)?;
        if entry.tries.is_some() {
            // The start is not complete yet, or systemd-bless-boot.service is not there: it stays on trial.
            return Ok(false);
        }
        Variable::Default.write(self.tree(), Some(&entry.id))?;
        self.follow(subvolume);
        Ok(true)
    }

    fn concerns(&self, candidate: &Candidate) -> Result<Vec<Concern>, Error> {
        let Ok(esp) = self.esp() else {
            return Ok(vec![Concern::NoBootPartition]);
        };
        let mut concerns = Vec::new();
        let known = self.entries()?;
        let own: Vec<&Entry> = known
            .iter()
            .filter(|entry| self.subvolume(entry) == Some(candidate.subvolume))
            .collect();
        if !own.is_empty() && own.iter().all(|entry| entry.is_bad()) {
            concerns.push(Concern::FailedBefore);
        }
        let wanted = self.wanted(candidate)?;
        let missing = wanted.iter().take(1).flat_map(Wanted::blobs);
        let missing = missing.filter(|(blob, _)| !esp.holds(blob));
        if missing.map(|(blob, _)| blob.size).sum::<u64>() > esp.free()? {
            concerns.push(Concern::NoBootSpace);
        }
        Ok(concerns)
    }

    fn prepare(&self, candidate: &Candidate, trial: bool) -> Result<(), Error> {
        let esp = self.esp()?;
        let known = self.entries()?;
        if Variable::Default.read(self.tree())?.is_none()
            && let Some(now) = self.default_entry()?
        {
            // By its place in the menu the new one would become the default at once.
            Variable::Default.write(self.tree(), Some(&now.id))?;
        }
        let foreign = known.iter().any(|entry| {
            self.subvolume(entry) == Some(candidate.subvolume)
                && !entry.id.starts_with(OURS)
                && !entry.is_bad()
                && esp.has(&entry.linux)
        });
        if foreign && !trial {
            return Ok(());
        }
        let wanted = self.wanted(candidate)?;
        if wanted.is_empty() {
            return Err(model::Refusal::of(RefusalCode::NotBootable, candidate.id).into());
        }
        for (number, wanted) in wanted.iter().enumerate() {
            let tries = Tries { left: TRIES, done: 0 };
            let entry = self.entry(candidate, wanted, trial.then_some(tries))?;
            let added = add(&esp, candidate, wanted, &entry);
            match added {
                // One that starts is enough.
                Err(error) if number > 0 => tracing::warn!("{}", error.chain()),
                added => added?,
            }
            // The same with another count.
            for old in &known {
                if old.id == entry.id && old.file != entry.file {
                    esp.remove_entry(old)?;
                }
            }
        }
        esp.sync()
    }

    fn has_menu(&self) -> bool {
        true
    }

    fn show(&self, candidates: &[Candidate]) -> Result<(), Error> {
        let esp = self.esp()?;
        let known = esp.entries()?;
        let kept = |entry: &Entry| {
            let path = entry.subvolume();
            candidates
                .iter()
                .any(|it| path == Some(self.path(it.id).as_str()))
        };
        for entry in known.iter().filter(|entry| entry.id.starts_with(OURS)) {
            if !kept(entry) {
                esp.remove_entry(entry)?;
            }
        }
        esp.sweep()?;
        for candidate in candidates {
            let path = self.path(candidate.id);
            if known.iter().any(|entry| entry.subvolume() == Some(path.as_str())) {
                continue;
            }
            match self.prepare(candidate, false) {
                Ok(()) => {}
                // A menu without old versions is no reason to fail.
                Err(error) => tracing::info!(id = %candidate.id, "not in the boot menu: {}", error.chain()),
            }
        }
        Ok(())
    }
}

fn add(esp: &Esp, candidate: &Candidate, wanted: &Wanted, entry: &Entry) -> Result<(), Error> {
    for (blob, path) in wanted.blobs() {
        if let Some(file) = candidate.tree().file(path)? {
            esp.add(blob, file)?;
        }
    }
    esp.add_entry(entry)
}
