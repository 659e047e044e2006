// SPDX-License-Identifier: GPL-3.0-or-later
//! What is installed in a system, what an update would change, and doing it.
//!
//! A package manager is a [`Packages`]: reading its database needs none of the system's programs, so that old snapshots
//! can be asked, and happens without privileges ([`reader`]); checking and updating run the package manager of the snapshot itself, inside a sandbox of that snapshot.

pub mod apt;
mod bare;
pub mod changelog;
mod difference;
pub mod dpkg;
pub mod pacman;
pub(crate) mod reader;
pub mod rpm;
mod task;
mod tree;
pub mod version;
pub mod zypper;

pub use difference::changes;
pub(crate) use difference::{change, mark_fixes, mark_security, new_entries};
pub(crate) use task::{Task, agreed, known, removed};
pub(crate) use tree::Tree;

use crate::transaction::Sandboxed;
use crate::{Context, Error, Outcome, VisitFile};
use model::{Failure, FailureCode, PackageWish, UpdateSet};
use reader::{Reader, Source};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

/// Where Kedge's cache lies, below the running system's root.
pub(crate) const CACHE: &str = "var/cache/kedge";

/// One installed package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// Name without architecture.
    pub name: String,
    /// Architecture.
    pub arch: String,
    /// Version.
    pub version: String,
    /// Bytes it takes when installed, as its maker estimated.
    pub size: u64,
    /// Which build of the version it is, by what the database says; empty where it does not tell builds apart.
    pub build: String,
    /// What the database says of a package that is neither installed nor gone; else empty.
    pub unfinished: String,
}

/// The error of bytes that are not what they should be; `reason` goes on after "the file".
pub(crate) fn damaged(reason: String) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, reason)
}

/// Where a snapshot's package database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    /// In the snapshot, in this directory.
    Inside(&'static str),
    /// Not in the snapshot, though the running system has one: they would come apart.
    Outside,
    /// In the snapshot, in a format that cannot be read.
    Unknown,
    /// This package manager is not used here.
    None,
}

/// A directory of the package manager that outlives a transaction: it lies in Kedge's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cache {
    /// Its name in Kedge's cache.
    pub name: &'static str,
    /// Where the package manager looks for it.
    pub at: &'static str,
}

/// A package manager.
pub(crate) trait Packages: Send + Sync + std::fmt::Debug {
    /// Where a snapshot's database is; `running` is the running system, `var_is_apart` whether its `/var` is no part of
    /// the snapshots.
    fn database(&self, snapshot: Tree<'_>, running: Tree<'_>, var_is_apart: bool) -> Database;

    /// The database in the directory `place`, to be read.
    fn source(&self, tree: Tree<'_>, place: &str) -> Result<Source, Error>;

    /// Where the changelogs of installed packages are, to be read; `None` where there are none.
    fn changelogs(&self, tree: Tree<'_>, place: &str) -> Result<Option<Source>, Error>;

    /// Whether it can update; others only tell what is installed.
    fn can_update(&self) -> bool {
        true
    }

    /// The order of two versions.
    fn compare(&self, a: &str, b: &str) -> Ordering;

    /// What it keeps between transactions.
    fn caches(&self) -> &'static [Cache];

    /// Where the package manager looks for its database, wherever the snapshot has it.
    fn looks_in(&self) -> &'static str {
        dpkg::ADMIN
    }

    /// The lock file that whoever changes the running system's packages holds, relative to its root.
    fn lock_file(&self) -> &'static str;

    /// Asks the repositories what an update would change.
    fn check(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        installed: &[Package],
    ) -> Result<UpdateSet, Error>;

    /// Asks the repositories, and fetches what an update would install into the caches. What is returned has nothing left
    /// to download.
    fn download(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        installed: &[Package],
    ) -> Result<UpdateSet, Error>;

    /// Does it, reporting progress within `permille`. `Unchanged` when there is nothing to do.
    fn perform(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        task: Task<'_>,
        permille: Range<u16>,
    ) -> Result<Outcome<()>, Error>;

    /// What a wish would change, by what the repositories said when they were last asked.
    fn plan(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        wish: &PackageWish,
        installed: &[Package],
    ) -> Result<UpdateSet, Error>;

    /// Names and summaries of all packages that are installed, or that the repositories had when they were last asked.
    fn listed(&self, inside: &Sandboxed, context: &Context<'_>) -> Result<Vec<(String, String)>, Error>;

    /// The versions of these that would be installed, by name. The names are listed ones.
    fn candidates(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        names: &[String],
    ) -> Result<BTreeMap<String, String>, Error>;

    /// The versions of the packages that `wanted` picks which were security updates when the repositories were last
    /// asked, by name. `running` is the running system, whose cache is looked at.
    fn security_versions(
        &self,
        running: Tree<'_>,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Vec<String>>, Error>;

    /// Hands out every file that a package owns, as package and path without the slash in front, according to the
    /// database in the directory `place`. Paths are any bytes, and a directory may come several times, from several
    /// packages. Ends early with the error that `visit` returns. Databases that have to be taken apart are so by `reader`.
    fn visit_files(
        &self,
        tree: Tree<'_>,
        place: &str,
        reader: &Reader,
        visit: VisitFile<'_>,
    ) -> Result<(), Error>;

    /// Fails when the database in the directory `place` waits for something. That every package in it is complete is
    /// looked at by [`verify`].
    fn verify(&self, tree: Tree<'_>, place: &str) -> Result<(), Error>;
}

/// Fails unless the database in the directory `place` is complete and waits for nothing.
pub(crate) fn verify(
    packages: &dyn Packages,
    reader: &Reader,
    tree: Tree<'_>,
    place: &str,
) -> Result<(), Error> {
    complete(&reader.installed(packages.source(tree, place)?)?)?;
    packages.verify(tree, place)
}

/// Fails unless something is installed, and every package is completely installed or completely gone.
fn complete(installed: &[Package]) -> Result<(), Error> {
    let unverified = |name: &str, detail: String| {
        let failure = Failure::new(FailureCode::Unverified, detail);
        Err(Error::Unverified(failure.with("package", name)))
    };
    if let Some(Package { name, unfinished, .. }) = installed.iter().find(|it| !it.unfinished.is_empty()) {
        return unverified(name, format!("package {name} is \"{unfinished}\""));
    }
    match installed {
        [] => unverified("", "no package is installed".to_owned()),
        _ => Ok(()),
    }
}

/// The package manager of a system: the first whose database its snapshots or the running system have.
pub(crate) fn detect(snapshot: Tree<'_>, running: Tree<'_>, var_is_apart: bool) -> Option<Box<dyn Packages>> {
    let managers: [Box<dyn Packages>; 4] = [
        Box::new(apt::Apt),
        Box::new(zypper::Zypper::default()),
        Box::new(bare::Bare::Rpm),
        Box::new(bare::Bare::Pacman),
    ];
    managers
        .into_iter()
        .find(|manager| manager.database(snapshot, running, var_is_apart) != Database::None)
}

#[cfg(test)]
mod tests;
