// SPDX-License-Identifier: GPL-3.0-or-later
//! What is to be done with packages, and the checks of it that every package manager shares.
//!
//! A name that a person gave is only ever compared with the names that the package manager lists itself. What reaches its
//! program is the list's own text.

use super::Package;
use crate::Error;
use model::{ChangeKind, Failure, FailureCode, PackageWish, RefusalCode, UpdateSet};
use std::collections::BTreeSet;

/// What a transaction does with packages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task<'a> {
    /// Installs all updates.
    Update,
    /// Fulfils a wish, in a system where these are installed.
    Change(&'a PackageWish, &'a [Package]),
}

/// The names of a wish as the package manager writes them itself.
pub(crate) fn known<'l>(
    names: &[String],
    listed: impl IntoIterator<Item = &'l str>,
) -> Result<Vec<String>, Error> {
    let listed: BTreeSet<&str> = listed.into_iter().collect();
    let find = |name: &String| match listed.get(name.as_str()) {
        // One that begins with a dash would be an option, whoever lists it.
        Some(found) if !found.starts_with('-') => Ok((*found).to_owned()),
        _ => {
            let detail = format!("there is no package {name}");
            let failure = Failure::new(FailureCode::UnknownPackage, detail);
            Err(Error::Packages(failure.with("package", name.as_str())))
        }
    };
    names.iter().map(find).collect()
}

/// Refuses a plan that removes more than was agreed to.
pub(crate) fn agreed<'p>(
    wish: &PackageWish,
    removed: impl IntoIterator<Item = &'p str>,
) -> Result<(), Error> {
    match removed.into_iter().all(|name| wish.may_remove(name)) {
        true => Ok(()),
        false => Err(RefusalCode::RemovesMore.into()),
    }
}

/// The names of the packages that a plan removes.
pub(crate) fn removed(set: &UpdateSet) -> impl Iterator<Item = &str> {
    let gone = set.packages.iter().filter(|it| it.kind == ChangeKind::Removed);
    gone.map(|it| it.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_names_are_passed_on() {
        let listed = ["alpha", "g++", "-y"];
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            known(&names(&["g++", "alpha"]), listed).unwrap(),
            ["g++", "alpha"]
        );
        for name in ["-y", "alpha-", "alp", "alpha=1", "../alpha", ""] {
            let failure = known(&names(&["alpha", name]), listed).unwrap_err().failure();
            assert_eq!(
                (failure.code, failure.args["package"].as_str()),
                (FailureCode::UnknownPackage, name)
            );
        }
    }
}
