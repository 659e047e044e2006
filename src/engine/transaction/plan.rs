// SPDX-License-Identifier: GPL-3.0-or-later
//! What a rollback would do, and how the packages of two systems differ. Nothing is changed here.

use super::{managed, verify};
use crate::native::NativeEngine;
use crate::packages::{self, Package, Packages, Tree};
use crate::{Engine as _, Error};
use model::{ChangeKind, Concern, PackageChange, Plan, Refusal, RefusalCode, Restart, SnapshotId};
use std::collections::BTreeSet;
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

fn installed(engine: &NativeEngine, root: &OwnedFd) -> Result<(Box<dyn Packages>, Vec<Package>), Error> {
    let tree = Tree::new(root.as_fd());
    let manager = managed(engine, tree)?;
    let installed = manager.packages.installed(tree, manager.place)?;
    Ok((manager.packages, installed))
}

/// How the packages of `to` differ from those of `from`; `None` is the running system.
pub(crate) fn package_changes(
    engine: &NativeEngine,
    from: Option<SnapshotId>,
    to: Option<SnapshotId>,
) -> Result<Vec<PackageChange>, Error> {
    let (_, from) = installed(engine, &root_of(engine, from)?)?;
    let (manager, to) = installed(engine, &root_of(engine, to)?)?;
    let compare = |a: &str, b: &str| manager.compare(a, b);
    let mut changes = packages::changes(&from, &to, compare);
    let names: BTreeSet<String> = changes.iter().map(|change| change.name.clone()).collect();
    let running = Tree::new(engine.store()?.root());
    match manager.security_versions(running, &|name| names.contains(name)) {
        Ok(versions) => packages::mark_security(&mut changes, &versions, compare),
        // Which packages differ is known all the same.
        Err(error) => tracing::warn!(error = error.chain(), "which updates are for security is unknown"),
    }
    Ok(changes)
}

/// Hands out every file that a package owns, at the path at which it really is.
pub(crate) fn package_files(
    engine: &NativeEngine,
    id: Option<SnapshotId>,
    visit: &mut dyn FnMut(&str, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let root = root_of(engine, id)?;
    let tree = Tree::new(root.as_fd());
    let manager = managed(engine, tree)?;
    // Databases may know a file by a path through a link that merges two directories (`/lib` to `/usr/lib`).
    let links = tree.links_at_root()?;
    let mut real = Vec::new();
    manager
        .packages
        .visit_files(tree, manager.place, &mut |package, path| {
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

/// What making this snapshot the default would do.
pub(crate) fn plan_rollback(engine: &NativeEngine, id: SnapshotId) -> Result<Plan, Error> {
    let state = engine.system()?.to_state();
    state.may_roll_back(id)?;
    let (running, target) = (root_of(engine, None)?, root_of(engine, Some(id))?);
    let mut concerns = Vec::new();
    if state.pending().is_some_and(|pending| pending != id) {
        concerns.push(Concern::DropsPending);
    }
    let kernels = verify::kernels(Tree::new(target.as_fd()))?;
    let running_kernels = verify::kernels(Tree::new(running.as_fd()))?;
    if kernels.is_empty() && !running_kernels.is_empty() {
        concerns.push(Concern::NoKernel);
    }
    let has_initrd = |kernel: &verify::Kernel| kernel.initrd.is_some();
    if !kernels.is_empty() && !kernels.iter().any(has_initrd) && running_kernels.iter().any(has_initrd) {
        concerns.push(Concern::NoInitrd);
    }
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
