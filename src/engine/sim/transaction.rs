// SPDX-License-Identifier: GPL-3.0-or-later
//! The simulated update: the same steps in the same order as a real transaction.

use super::machine::Base;
use super::packages::{changes, update_set};
use super::work::{Stop, Work};
use super::{Offer, SimEngine};
use crate::{Context, Error, Outcome};
use model::{
    Cleanup, Failure, FailureCode, PackageWish, Phase, SnapshotId, UpdateSet, WishKind, userdata_key,
};
use std::ops::Range;
use std::time::Duration;

/// The error of a job that ended as if the power went.
pub(super) fn cut_short(phase: Phase) -> Error {
    let cause = std::io::Error::new(std::io::ErrorKind::Interrupted, "the simulated power went");
    Error::io(format!("finish phase {phase}"), cause)
}

/// Frees the transaction's place even when a scripted panic unwinds, as the kernel frees a lock.
struct Open<'a>(&'a SimEngine);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.machine().open = None;
    }
}

impl SimEngine {
    /// Installs every offer, or what was wished for, into a new snapshot of the default and makes that the default.
    pub(super) fn transaction(
        &self,
        wish: Option<&PackageWish>,
        context: &Context<'_>,
    ) -> Result<Outcome<SnapshotId>, Error> {
        let mut work = Work::new(self, context);
        work.enter(Phase::Prepare, 0)?;
        let (id, _open) = self.open(wish)?;
        match self.fill(&mut work, id, wish) {
            Ok(true) => {
                work.log(&format!("Snapshot {id} starts with the next restart."));
                Ok(Outcome::Changed(id))
            }
            Ok(false) => {
                work.log("Nothing to do.");
                self.machine().remove(id);
                Ok(Outcome::Unchanged)
            }
            Err(Stop::Error(error)) => {
                // The request that led here is not to stop the clean-up.
                let _ = work.enter(Phase::CleanUp, 0);
                work.log(&format!("Removing snapshot {id}."));
                work.pause(Duration::from_millis(600))?;
                self.machine().remove(id);
                Err(error)
            }
            Err(Stop::Crash(phase)) => Err(Error::NeedsAttention {
                left: format!("snapshot {id} is left, incomplete"),
                cause: Box::new(cut_short(phase)),
            }),
        }
    }

    /// Makes the new snapshot, in progress.
    fn open(&self, wish: Option<&PackageWish>) -> Result<(SnapshotId, Open<'_>), Error> {
        let mut machine = self.machine();
        machine.state().may_update()?;
        if machine.open.is_some() {
            let detail = "another transaction is open";
            let failure = Failure::new(FailureCode::LockHeld, detail).with("holder", "kedge-helper");
            return Err(Error::Packages(failure));
        }
        let (base, description) = match machine.state().default {
            Some(id) => (Base::Snapshot(id), format!("Update of #{id}")),
            None => (Base::Running, "Update of the running system".to_owned()),
        };
        let description = wish.map_or(description, crate::transaction::wished);
        let id = machine.create(base, self.clock.now(), |snapshot| {
            snapshot.description = description;
            snapshot.cleanup = Cleanup("number".into());
            snapshot.read_only = false;
            for key in [userdata_key::IN_PROGRESS, userdata_key::NOT_BOOTED] {
                snapshot.userdata.insert(key.into(), "yes".into());
            }
        })?;
        machine.open = Some(id);
        Ok((id, Open(self)))
    }

    /// Asks the repositories, in one phase that ends at `to` thousandths.
    pub(super) fn refresh(&self, work: &mut Work<'_>, from: u16, to: u16) -> Result<(), Stop> {
        work.enter(Phase::Refresh, from)?;
        let repositories = ["openSUSE Tumbleweed", "openSUSE Tumbleweed Update", "Packman"];
        for (at, repository) in repositories.iter().enumerate() {
            work.log(&format!("Retrieving repository '{repository}' metadata"));
            work.item(
                part(from, to, at, repositories.len()),
                at + 1,
                repositories.len(),
                repository,
            )?;
            if at == 0 {
                work.trouble()?;
            }
        }
        Ok(())
    }

    /// Everything between the new snapshot and the new default. Returns whether there was anything to install.
    fn fill(&self, work: &mut Work<'_>, id: SnapshotId, wish: Option<&PackageWish>) -> Result<bool, Stop> {
        work.trouble()?;
        work.item(0, 0, 0, "")?;
        let is_removal = wish.is_some_and(|wish| wish.kind == WishKind::Remove);
        if !is_removal {
            self.refresh(work, 20, 80)?;
        }
        let (offers, set) = self.to_do(id, wish)?;
        if set.is_empty() {
            return Ok(false);
        }
        if !is_removal {
            self.fetch(work, &set, 80..400)?;
        }
        self.install(work, id, &offers, &set)?;
        work.enter(Phase::Verify, 920)?;
        work.trouble()?;
        work.item(930, 0, 0, "")?;
        self.verify(id, &offers)?;
        work.enter(Phase::Commit, 950)?;
        work.trouble()?;
        work.pause(Duration::from_millis(900))?;
        let mut machine = self.machine();
        // The new system is read-only where the old one is: transactional systems start nothing else.
        let read_only = !machine.starts_writable();
        machine.adjust(id, |snapshot| {
            snapshot.userdata.remove(userdata_key::IN_PROGRESS);
            snapshot.read_only = read_only;
        });
        machine.change(|state| state.default = Some(id));
        // What is installed need not be kept.
        machine.fetched.clear();
        Ok(true)
    }

    /// Fetches what of this is not in the cache.
    pub(super) fn fetch(&self, work: &mut Work<'_>, set: &UpdateSet, within: Range<u16>) -> Result<(), Stop> {
        work.enter(Phase::Download, within.start)?;
        let (mut done, count) = (0, set.packages.len());
        let length = u64::from(within.end.saturating_sub(within.start));
        for (at, package) in set.packages.iter().enumerate() {
            if at == count / 2 {
                work.trouble()?;
            }
            let part = u16::try_from(done * length / set.download_size.max(1)).unwrap_or(0);
            if package.download_size > 0 {
                let size = package.download_size / 1024;
                work.log(&format!(
                    "Retrieving: {}-{}.{} ({size} KiB)",
                    package.name, package.new, package.arch
                ));
            }
            work.item(within.start + part, at + 1, count, &package.name)?;
            done += package.download_size;
            let file = (package.name.clone(), package.new.clone());
            self.machine().fetched.insert(file);
        }
        Ok(())
    }

    fn install(
        &self,
        work: &mut Work<'_>,
        id: SnapshotId,
        offers: &[Offer],
        set: &UpdateSet,
    ) -> Result<(), Stop> {
        work.enter(Phase::Install, 400)?;
        let count = set.packages.len();
        for (at, package) in set.packages.iter().enumerate() {
            if at == count / 2 {
                work.trouble()?;
            }
            let verb = if package.new.is_empty() {
                "Removing"
            } else {
                "Installing"
            };
            work.log(&format!(
                "({}/{count}) {verb}: {}-{}",
                at + 1,
                package.name,
                package.new
            ));
            work.item(part(400, 920, at, count), at + 1, count, &package.name)?;
            if let Some(packages) = self.machine().packages_mut(id)
                && let Some(offer) = offers.iter().find(|offer| offer.name == package.name)
            {
                offer.apply(packages);
            }
        }
        Ok(())
    }

    /// Holds what was installed against what was to be.
    fn verify(&self, id: SnapshotId, offers: &[Offer]) -> Result<(), Stop> {
        let machine = self.machine();
        let unverified = |detail: &str| Error::Unverified(Failure::new(FailureCode::Unverified, detail));
        let packages = machine
            .packages(Some(id))
            .ok_or_else(|| unverified("the new snapshot is gone"))?;
        let left = update_set(offers, packages);
        match left.packages.first() {
            None => Ok(()),
            Some(package) => {
                let origin = machine.packages(None).cloned().unwrap_or_default();
                let made = changes(&origin, packages).len();
                let detail = format!("{made} packages differ, but {} was not installed", package.name);
                Err(unverified(&detail).into())
            }
        }
    }
}

/// The share of item `at` of `count` between two thousandths.
fn part(from: u16, to: u16, at: usize, count: usize) -> u16 {
    let share = usize::from(to - from) * at / count.max(1);
    from + u16::try_from(share).unwrap_or(0)
}
