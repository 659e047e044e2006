// SPDX-License-Identifier: GPL-3.0-or-later
//! Who is in charge of a system that does not run. Nothing was told by the boot loader, since it started another system:
//! what is on the disk has to say.

use super::{Boot, BtrfsDefault, Candidate, SystemdBoot, names_subvolume};
use crate::Error;
use crate::packages::Tree;
use model::{Absence, Concern, RefusalCode};
use rustix::fd::BorrowedFd;
use std::io::Read as _;

/// GRUB's own configuration, of which SUSE's follows the default subvolume and others name one.
const GRUB: [&str; 2] = ["boot/grub2/grub.cfg", "boot/grub/grub.cfg"];
/// What a system has that systemd-boot starts.
const LOADERS: [&str; 2] = ["usr/bin/sdbootutil", "usr/lib/systemd/boot/efi"];
/// No configuration is longer.
const LIMIT: u64 = 4 << 20;

/// Who is in charge of the system with this root directory, which does not run.
pub(crate) fn detect_offline(
    root: BorrowedFd<'_>,
    filesystem: BorrowedFd<'_>,
) -> Result<Box<dyn Boot>, Error> {
    if let Some(loader) = SystemdBoot::detect_offline(root, filesystem)? {
        return Ok(Box::new(loader));
    }
    let plain = BtrfsDefault::resting(root, filesystem)?;
    let absence = unsupported(Tree::new(root))?;
    Ok(match absence {
        Some(absence) => Box::new(Unsupported { plain, absence }),
        None => Box::new(plain),
    })
}

/// Why another default subvolume would change nothing, or might not.
fn unsupported(tree: Tree<'_>) -> Result<Option<Absence>, Error> {
    let mut has_grub = false;
    for path in GRUB {
        let Some(file) = tree.file(path)? else { continue };
        let mut bytes = Vec::new();
        file.take(LIMIT)
            .read_to_end(&mut bytes)
            .map_err(|source| Error::io(format!("read /{path}"), source))?;
        let text = String::from_utf8_lossy(&bytes);
        let mut kernels = text
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with("linux"));
        if kernels.any(names_subvolume) {
            return Ok(Some(RefusalCode::BootLoaderUnsupported));
        }
        has_grub = true;
    }
    // Its partition is not there, so that it cannot be told what it would start.
    let has_loader = LOADERS.iter().any(|path| tree.exists(path));
    Ok((!has_grub && has_loader).then_some(RefusalCode::NoBootPartition))
}

/// The default subvolume, which can be read but decides nothing.
#[derive(Debug)]
struct Unsupported {
    plain: BtrfsDefault,
    absence: Absence,
}

impl Boot for Unsupported {
    fn absence(&self) -> Option<Absence> {
        Some(self.absence)
    }

    fn booted(&self) -> Result<u64, Error> {
        self.plain.booted()
    }

    fn default(&self) -> Result<u64, Error> {
        self.plain.default()
    }

    fn set_default(&self, _: u64, _: bool) -> Result<(), Error> {
        Err(self.absence.into())
    }
}

/// The same boot loader, with what ran last in the place of what runs.
#[derive(Debug)]
pub(crate) struct Resting {
    inner: Box<dyn Boot>,
    last: u64,
}

impl Resting {
    pub(crate) fn new(inner: Box<dyn Boot>, last: u64) -> Self {
        Self { inner, last }
    }
}

impl Boot for Resting {
    fn absence(&self) -> Option<Absence> {
        self.inner.absence()
    }

    fn booted(&self) -> Result<u64, Error> {
        Ok(self.last)
    }

    fn default(&self) -> Result<u64, Error> {
        self.inner.default()
    }

    fn set_default(&self, subvolume: u64, trial: bool) -> Result<(), Error> {
        self.inner.set_default(subvolume, trial)
    }

    fn once_absence(&self) -> Option<Absence> {
        self.inner.once_absence()
    }

    fn once(&self) -> Result<Option<u64>, Error> {
        self.inner.once()
    }

    fn set_once(&self, subvolume: Option<u64>) -> Result<(), Error> {
        self.inner.set_once(subvolume)
    }

    /// Nothing was started, so that nothing is over.
    fn adopt(&self, _: u64) -> Result<bool, Error> {
        Ok(false)
    }

    fn concerns(&self, candidate: &Candidate) -> Result<Vec<Concern>, Error> {
        self.inner.concerns(candidate)
    }

    fn prepare(&self, candidate: &Candidate, trial: bool) -> Result<(), Error> {
        self.inner.prepare(candidate, trial)
    }

    fn has_menu(&self) -> bool {
        self.inner.has_menu()
    }

    fn show(&self, candidates: &[Candidate]) -> Result<(), Error> {
        self.inner.show(candidates)
    }
}
