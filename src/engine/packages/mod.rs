// SPDX-License-Identifier: GPL-3.0-or-later
//! What is installed in a system, what an update would change, and doing it.
//!
//! A package manager is a [`Packages`]: reading its database needs no program, so that old snapshots can be asked;
//! checking and updating run the package manager of the snapshot itself, inside a sandbox of that snapshot.

pub mod apt;
pub mod dpkg;
mod tree;
pub mod version;

pub(crate) use tree::Tree;

use crate::transaction::Sandboxed;
use crate::{Context, Error, Outcome};
use model::{ChangeKind, PackageChange, UpdateSet};
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
}

/// Where a snapshot's package database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    /// In the snapshot, in this directory.
    Inside(&'static str),
    /// Not in the snapshot, though the running system has one: they would come apart.
    Outside,
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

    /// What is installed according to the database in the directory `place`.
    fn installed(&self, tree: Tree<'_>, place: &str) -> Result<Vec<Package>, Error>;

    /// The order of two versions.
    fn compare(&self, a: &str, b: &str) -> Ordering;

    /// What it keeps between transactions.
    fn caches(&self) -> &'static [Cache];

    /// The lock file that whoever changes the running system's packages holds, relative to its root.
    fn lock_file(&self) -> &'static str;

    /// Asks the repositories what an update would change.
    fn check(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        installed: &[Package],
    ) -> Result<UpdateSet, Error>;

    /// Installs all updates, reporting progress within `permille`. `Unchanged` when there are none.
    fn update(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        permille: Range<u16>,
    ) -> Result<Outcome<()>, Error>;

    /// The versions of the packages that `wanted` picks which were security updates when the repositories were last
    /// asked, by name. `running` is the running system, whose cache is looked at.
    fn security_versions(
        &self,
        running: Tree<'_>,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Vec<String>>, Error>;

    /// Hands out every file that a package owns, as package and path without the slash in front, according to the
    /// database in the directory `place`. Paths are any bytes, and a directory may come several times, from several
    /// packages. Ends early with the error that `visit` returns.
    fn visit_files(
        &self,
        tree: Tree<'_>,
        place: &str,
        visit: &mut dyn FnMut(&str, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error>;

    /// Fails unless the database in the directory `place` is complete.
    fn verify(&self, tree: Tree<'_>, place: &str) -> Result<(), Error>;
}

/// How the packages of one system differ from those of another, sorted by name and architecture.
pub fn changes(
    from: &[Package],
    to: &[Package],
    compare: impl Fn(&str, &str) -> Ordering,
) -> Vec<PackageChange> {
    let mut names: BTreeMap<&str, (Vec<&Package>, Vec<&Package>)> = BTreeMap::new();
    for package in from {
        names.entry(&package.name).or_default().0.push(package);
    }
    for package in to {
        names.entry(&package.name).or_default().1.push(package);
    }
    let mut changes = Vec::new();
    for (mut old, mut new) in names.into_values() {
        let mut pairs = Vec::new();
        old.retain(
            |before| match new.iter().position(|after| after.arch == before.arch) {
                Some(at) => {
                    pairs.push((Some(*before), Some(new.swap_remove(at))));
                    false
                }
                None => true,
            },
        );
        // A package that only changed its architecture is the same one still.
        if let ([before], [after]) = (&*old, &*new) {
            pairs.push((Some(*before), Some(*after)));
        } else {
            pairs.extend(old.into_iter().map(|before| (Some(before), None)));
            pairs.extend(new.into_iter().map(|after| (None, Some(after))));
        }
        pairs.sort_by_key(|(before, after)| after.or(*before).map(|package| &package.arch));
        changes.extend(
            pairs
                .into_iter()
                .filter_map(|(before, after)| change(before, after, &compare)),
        );
    }
    changes
}

/// What became of one package; `None` when nothing did.
pub(crate) fn change(
    before: Option<&Package>,
    after: Option<&Package>,
    compare: impl Fn(&str, &str) -> Ordering,
) -> Option<PackageChange> {
    let kind = match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
        (Some(before), Some(after)) => match compare(&before.version, &after.version) {
            Ordering::Less => ChangeKind::Upgraded,
            Ordering::Greater => ChangeKind::Downgraded,
            Ordering::Equal => return None,
        },
    };
    let named = after.or(before)?;
    let version = |package: Option<&Package>| package.map(|p| p.version.clone()).unwrap_or_default();
    Some(PackageChange {
        name: named.name.clone(),
        arch: named.arch.clone(),
        kind,
        old: version(before),
        new: version(after),
        download_size: 0,
        origin: String::new(),
        security: false,
    })
}

/// Marks the changes between whose two versions a security update lies. `versions` are those of security updates.
pub(crate) fn mark_security(
    changes: &mut [PackageChange],
    versions: &BTreeMap<String, Vec<String>>,
    compare: impl Fn(&str, &str) -> Ordering,
) {
    for change in changes {
        let (low, high) = match change.kind {
            ChangeKind::Upgraded => (&change.old, &change.new),
            ChangeKind::Downgraded => (&change.new, &change.old),
            ChangeKind::Added | ChangeKind::Removed => continue,
        };
        let is_between = |version: &String| compare(low, version).is_lt() && compare(version, high).is_le();
        change.security = versions
            .get(&change.name)
            .is_some_and(|versions| versions.iter().any(is_between));
    }
}

/// The package manager of a system: the first whose database its snapshots or the running system have.
pub(crate) fn detect(snapshot: Tree<'_>, running: Tree<'_>, var_is_apart: bool) -> Option<Box<dyn Packages>> {
    let managers: [Box<dyn Packages>; 1] = [Box::new(apt::Apt)];
    managers
        .into_iter()
        .find(|manager| manager.database(snapshot, running, var_is_apart) != Database::None)
}

#[cfg(test)]
mod tests;
