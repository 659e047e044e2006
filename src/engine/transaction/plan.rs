// SPDX-License-Identifier: GPL-3.0-or-later
//! What a rollback would do, and how the packages of two systems differ. Nothing is changed here.

use super::{managed, verify};
use crate::native::NativeEngine;
use crate::packages::reader::Changelogs;
use crate::packages::{self, Package, Tree};
use crate::{Engine as _, Error, VisitFile};
use model::{
    ChangeCounts, ChangeKind, Concern, LogEntry, PackageChange, Plan, Refusal, RefusalCode, Restart,
    SnapshotId,
};
use rustix::fs::fstat;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};

fn root_of(engine: &NativeEngine, id: Option<SnapshotId>) -> Result<OwnedFd, Error> {
    let store = engine.store()?;
    match id {
        Some(id) if store.entry(id)?.is_none() => Err(Refusal::of(RefusalCode::NoSuchSnapshot, id).into()),
        Some(id) => store.open(id),
        None => store
            .root()
            .try_clone_to_owned()
            .map_err(|source| Error::io("keep the root directory open", source)),
    }
}

/// A system whose packages are compared.
struct Side {
    root: OwnedFd,
    manager: super::Managed,
    /// The packages that the other system does not have just so.
    only_here: Vec<Package>,
}

impl Side {
    /// Both systems.
    fn read(
        engine: &NativeEngine,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
    ) -> Result<(Self, Self), Error> {
        let open = |id| -> Result<_, Error> {
            let root = root_of(engine, id)?;
            let tree = Tree::new(root.as_fd());
            let manager = managed(engine, tree)?;
            let source = manager.packages.source(tree, manager.place)?;
            let side = |only_here| Self {
                root,
                manager,
                only_here,
            };
            Ok((source, side))
        };
        let ((old, from), (new, to)) = (open(from)?, open(to)?);
        let (old, new) = engine.reader().apart(old, new)?;
        Ok((from(old), to(new)))
    }

    /// The changelogs of these packages, as far as the system has them.
    fn changelogs(&self, engine: &NativeEngine, names: &BTreeSet<&str>) -> Result<Changelogs, Error> {
        let tree = Tree::new(self.root.as_fd());
        let source = self.manager.packages.changelogs(tree, self.manager.place)?;
        match source.filter(|_| !names.is_empty()) {
            Some(source) => engine
                .reader()
                .changelogs(source, &Vec::from_iter(names.iter().copied())),
            None => Ok(Changelogs::new()),
        }
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        self.manager.packages.compare(a, b)
    }

    /// The two sides must be of one kind to be compared.
    fn changes_to(&self, to: &Self) -> Vec<PackageChange> {
        packages::changes(&self.only_here, &to.only_here, |a, b| to.compare(a, b))
    }
}

/// How many packages of `to` differ from those of `from`; `None` is the running system.
pub(crate) fn change_counts(
    engine: &NativeEngine,
    from: Option<SnapshotId>,
    to: Option<SnapshotId>,
) -> Result<ChangeCounts, Error> {
    let (from, to) = Side::read(engine, from, to)?;
    Ok(ChangeCounts::of(&from.changes_to(&to)))
}

/// What the package database of a system looks like from outside: while that is the same, so is its content.
pub(crate) fn package_stamp(engine: &NativeEngine, id: Option<SnapshotId>) -> Result<String, Error> {
    let root = root_of(engine, id)?;
    let tree = Tree::new(root.as_fd());
    let manager = managed(engine, tree)?;
    let source = manager.packages.source(tree, manager.place)?;
    let mut stamp = String::new();
    for file in &source.files {
        let stat = fstat(file).map_err(|error| Error::io(format!("look at /{}", source.path), error))?;
        // Writing to a String cannot fail.
        let _ = write!(
            stamp,
            "{}:{}.{:09};",
            stat.st_size, stat.st_mtime, stat.st_mtime_nsec
        );
    }
    Ok(stamp)
}

/// How the packages of `to` differ from those of `from`; `None` is the running system.
pub(crate) fn package_changes(
    engine: &NativeEngine,
    from: Option<SnapshotId>,
    to: Option<SnapshotId>,
) -> Result<Vec<PackageChange>, Error> {
    let (from, to) = Side::read(engine, from, to)?;
    let mut changes = from.changes_to(&to);
    let compare = |a: &str, b: &str| to.compare(a, b);
    let names: BTreeSet<String> = changes.iter().map(|change| change.name.clone()).collect();
    let running = Tree::new(engine.store()?.root());
    match to
        .manager
        .packages
        .security_versions(running, &|name| names.contains(name))
    {
        Ok(versions) => packages::mark_security(&mut changes, &versions, compare),
        // Which packages differ is known all the same.
        Err(error) => tracing::warn!(error = error.chain(), "which updates are for security is unknown"),
    }
    let other: Vec<_> = changes
        .iter()
        .filter(|it| !it.old.is_empty() && !it.new.is_empty())
        .collect();
    let names: BTreeSet<&str> = other.iter().map(|change| change.name.as_str()).collect();
    match (from.changelogs(engine, &names), to.changelogs(engine, &names)) {
        (Ok(old), Ok(new)) => packages::mark_fixes(&mut changes, &old, &new, compare),
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(
                error = error.chain(),
                "which security problems are fixed is unknown"
            );
        }
    }
    Ok(changes)
}

/// Hands out every file that a package owns, at the path at which it really is.
pub(crate) fn package_files(
    engine: &NativeEngine,
    id: Option<SnapshotId>,
    visit: VisitFile<'_>,
) -> Result<(), Error> {
    let root = root_of(engine, id)?;
    let tree = Tree::new(root.as_fd());
    let manager = managed(engine, tree)?;
    // Databases may know a file by a path through a link that merges two directories (`/lib` to `/usr/lib`).
    let links = tree.links_at_root()?;
    let mut real = Vec::new();
    manager
        .packages
        .visit_files(tree, manager.place, engine.reader(), &mut |package, path| {
            let end = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
            match path
                .split_at_checked(end)
                .and_then(|(first, rest)| Some((links.get(first)?, rest)))
            {
                Some((target, rest)) if !rest.is_empty() => {
                    real.clear();
                    real.extend_from_slice(target);
                    real.extend_from_slice(rest);
                    visit(package, &real)
                }
                _ => visit(package, path),
            }
        })
}

/// What was written about one package between the two systems, newest first. Empty when it is the same in both.
pub(crate) fn changelog(
    engine: &NativeEngine,
    from: Option<SnapshotId>,
    to: Option<SnapshotId>,
    name: &str,
) -> Result<Vec<LogEntry>, Error> {
    let (from, to) = Side::read(engine, from, to)?;
    let changes = from.changes_to(&to);
    let Some(change) = changes.iter().find(|change| change.name == name) else {
        return Ok(Vec::new());
    };
    let names = BTreeSet::from([name]);
    let (old, new) = (from.changelogs(engine, &names)?, to.changelogs(engine, &names)?);
    Ok(packages::new_entries(change, &old, &new, |a, b| to.compare(a, b)))
}

/// What making this snapshot the default would do.
pub(crate) fn plan_rollback(engine: &NativeEngine, id: SnapshotId) -> Result<Plan, Error> {
    let state = engine.system()?.to_state();
    state.may_roll_back(id)?;
    let mut concerns = Vec::new();
    if state.pending().is_some_and(|pending| pending != id) {
        concerns.push(Concern::DropsPending);
    }
    concerns.extend(verify::concerns(engine, id)?);
    let changes = match package_changes(engine, None, Some(id)) {
        Ok(changes) => changes,
        Err(error) => {
            tracing::info!(error = error.chain(), "the packages of snapshot {id} are unknown");
            concerns.push(Concern::PackagesUnknown);
            Vec::new()
        }
    };
    if changes
        .iter()
        .any(|change| change.security && change.kind == ChangeKind::Downgraded)
    {
        concerns.push(Concern::LosesSecurityFixes);
    }
    if !engine.is_default_read_only()? {
        concerns.push(Concern::MakesCopy);
    }
    let restart = if state.booted == Some(id) {
        Restart::None
    } else {
        Restart::Reboot
    };
    Ok(Plan {
        target: id,
        changes,
        restart,
        concerns,
    })
}
