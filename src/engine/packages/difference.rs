// SPDX-License-Identifier: GPL-3.0-or-later
//! How the packages of two systems differ, and what was written about the difference.

use super::reader::Changelogs;
use super::{Package, changelog};
use model::{ChangeKind, LogEntry, PackageChange};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// How the packages of one system differ from those of another, sorted by name and architecture.
pub fn changes(
    from: &[Package],
    to: &[Package],
    compare: impl Fn(&str, &str) -> Ordering,
) -> Vec<PackageChange> {
    let (from, to) = (by_name(from), by_name(to));
    let (mut from, mut to) = (from.as_slice(), to.as_slice());
    let mut changes = Vec::new();
    while let Some(name) = next_name(from, to) {
        let (old, new) = (take(&mut from, name), take(&mut to, name));
        // Nearly every package: it is as it was.
        if let ([before], [after]) = (old, new)
            && before.arch == after.arch
            && before.version == after.version
            && before.build == after.build
        {
            continue;
        }
        let (old, new) = (old.to_vec(), new.to_vec());
        let mut pairs = pairs(old, new, &compare);
        pairs.sort_by_key(|(before, after)| after.or(*before).map(|package| &package.arch));
        changes.extend(
            pairs
                .into_iter()
                .filter_map(|(before, after)| change(before, after, &compare)),
        );
    }
    changes
}

fn by_name(packages: &[Package]) -> Vec<&Package> {
    let mut packages: Vec<_> = packages.iter().collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    packages
}

/// The first name of all that are left.
fn next_name<'a>(from: &[&'a Package], to: &[&'a Package]) -> Option<&'a str> {
    let first = [from.first(), to.first()].into_iter().flatten();
    first.map(|package| package.name.as_str()).min()
}

/// Takes the packages of this name from the front.
fn take<'s, 'a>(packages: &mut &'s [&'a Package], name: &str) -> &'s [&'a Package] {
    let count = packages.iter().take_while(|package| package.name == name).count();
    let (taken, rest) = packages.split_at(count);
    *packages = rest;
    taken
}

type Pair<'a> = (Option<&'a Package>, Option<&'a Package>);

/// Which of the packages of one name before is which after.
fn pairs<'a>(
    mut old: Vec<&'a Package>,
    mut new: Vec<&'a Package>,
    compare: impl Fn(&str, &str) -> Ordering,
) -> Vec<Pair<'a>> {
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    let mut pair =
        |is: &dyn Fn(&Package, &Package) -> bool, old: &mut Vec<&'a Package>, new: &mut Vec<&'a Package>| {
            old.retain(|before| {
                let at = new
                    .iter()
                    .position(|after| after.arch == before.arch && is(before, after));
                if let Some(at) = at {
                    pairs.push((Some(*before), Some(new.remove(at))));
                }
                at.is_none()
            });
        };
    // Kernels are installed in several versions beside each other: what stayed is no other version of what came.
    pair(
        &|before, after| before.version == after.version && before.build == after.build,
        &mut old,
        &mut new,
    );
    pair(
        &|before, after| before.version == after.version,
        &mut old,
        &mut new,
    );
    for side in [&mut old, &mut new] {
        side.sort_by(|a, b| compare(&b.version, &a.version));
    }
    pair(&|_, _| true, &mut old, &mut new);
    // A package that only changed its architecture is the same one still.
    if let ([before], [after]) = (&*old, &*new) {
        pairs.push((Some(*before), Some(*after)));
    } else {
        pairs.extend(old.into_iter().map(|before| (Some(before), None)));
        pairs.extend(new.into_iter().map(|after| (None, Some(after))));
    }
    pairs
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
            Ordering::Equal if before.build != after.build => ChangeKind::Rebuilt,
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
        fixes: Vec::new(),
    })
}

/// Marks the changes between whose two versions a security update lies. `versions` are those of security updates.
pub(crate) fn mark_security(
    changes: &mut [PackageChange],
    versions: &BTreeMap<String, Vec<String>>,
    compare: impl Fn(&str, &str) -> Ordering,
) {
    for change in changes {
        let Some((low, high)) = versions_of(change) else {
            continue;
        };
        let is_between = |version: &String| compare(low, version).is_lt() && compare(version, high).is_le();
        let versions = versions.get(&change.name);
        let is_security = versions.is_some_and(|versions| versions.iter().any(is_between));
        change.security |= is_security;
    }
}

/// The lower and the higher of the two versions, where a package has other versions.
fn versions_of(change: &PackageChange) -> Option<(&str, &str)> {
    match change.kind {
        ChangeKind::Upgraded => Some((&change.old, &change.new)),
        ChangeKind::Downgraded => Some((&change.new, &change.old)),
        ChangeKind::Added | ChangeKind::Removed | ChangeKind::Rebuilt => None,
    }
}

/// What was written between the two versions of a package: `old` and `new` are its changelogs in the two systems. Newest
/// first.
pub(crate) fn new_entries(
    change: &PackageChange,
    old: &Changelogs,
    new: &Changelogs,
    compare: impl Fn(&str, &str) -> Ordering,
) -> Vec<LogEntry> {
    let (low, high) = match change.kind {
        ChangeKind::Downgraded => (new, old),
        _ => (old, new),
    };
    let Some(entries) = high.get(&change.name) else {
        return Vec::new();
    };
    let known: BTreeSet<_> = low
        .get(&change.name)
        .into_iter()
        .flatten()
        .map(|it| (it.time, &it.text))
        .collect();
    let is_new = |entry: &&LogEntry| match versions_of(change) {
        Some((low, high)) if !entry.version.is_empty() => {
            compare(low, &entry.version).is_lt() && compare(&entry.version, high).is_le()
        }
        _ => !known.contains(&(entry.time, &entry.text)),
    };
    entries.iter().filter(is_new).cloned().collect()
}

/// Names the security problems that were fixed between the two versions of each package.
pub(crate) fn mark_fixes(
    changes: &mut [PackageChange],
    old: &Changelogs,
    new: &Changelogs,
    compare: impl Fn(&str, &str) -> Ordering,
) {
    for change in changes {
        if versions_of(change).is_some() {
            change.fixes = changelog::fixes(&new_entries(change, old, new, &compare));
            change.security |= !change.fixes.is_empty();
        }
    }
}
