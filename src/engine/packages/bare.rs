// SPDX-License-Identifier: GPL-3.0-or-later
//! Systems that have a package database but no program that updates them: images that others build, for example. What
//! is installed can be compared all the same.

use super::reader::{Reader, Source};
use super::{Cache, Database, Package, Packages, Task, Tree, pacman, rpm};
use crate::transaction::Sandboxed;
use crate::{Context, Error, Outcome, VisitFile};
use model::{PackageWish, RefusalCode, UpdateSet};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

/// A package database, by its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    /// rpm's.
    Rpm,
    /// pacman's.
    Pacman,
}

impl Packages for Bare {
    fn database(&self, snapshot: Tree<'_>, running: Tree<'_>, var_is_apart: bool) -> Database {
        match self {
            Self::Rpm => rpm::locate(snapshot, running, var_is_apart),
            Self::Pacman => pacman::locate(snapshot, running, var_is_apart),
        }
    }

    fn source(&self, tree: Tree<'_>, place: &str) -> Result<Source, Error> {
        match self {
            Self::Rpm => rpm::source(tree, place),
            Self::Pacman => pacman::source(tree, place),
        }
    }

    fn changelogs(&self, tree: Tree<'_>, place: &str) -> Result<Option<Source>, Error> {
        match self {
            Self::Rpm => rpm::source(tree, place).map(Some),
            Self::Pacman => Ok(None),
        }
    }

    fn can_update(&self) -> bool {
        false
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Rpm => rpm::version::compare(a, b),
            Self::Pacman => pacman::version::compare(a, b),
        }
    }

    fn caches(&self) -> &'static [Cache] {
        &[]
    }

    fn looks_in(&self) -> &'static str {
        match self {
            Self::Rpm => rpm::VAR,
            Self::Pacman => pacman::PLACE,
        }
    }

    fn lock_file(&self) -> &'static str {
        match self {
            Self::Rpm => "var/lib/rpm/.rpm.lock",
            Self::Pacman => "var/lib/pacman/db.lck",
        }
    }

    fn check(&self, _: &Sandboxed, _: &Context<'_>, _: &[Package]) -> Result<UpdateSet, Error> {
        Err(RefusalCode::NoPackageManager.into())
    }

    fn download(&self, _: &Sandboxed, _: &Context<'_>, _: &[Package]) -> Result<UpdateSet, Error> {
        Err(RefusalCode::NoPackageManager.into())
    }

    fn perform(
        &self,
        _: &Sandboxed,
        _: &Context<'_>,
        _: Task<'_>,
        _: Range<u16>,
    ) -> Result<Outcome<()>, Error> {
        Err(RefusalCode::NoPackageManager.into())
    }

    fn plan(
        &self,
        _: &Sandboxed,
        _: &Context<'_>,
        _: &PackageWish,
        _: &[Package],
    ) -> Result<UpdateSet, Error> {
        Err(RefusalCode::NoPackageManager.into())
    }

    fn listed(&self, _: &Sandboxed, _: &Context<'_>) -> Result<Vec<(String, String)>, Error> {
        Err(RefusalCode::NoPackageManager.into())
    }

    fn candidates(
        &self,
        _: &Sandboxed,
        _: &Context<'_>,
        _: &[String],
    ) -> Result<BTreeMap<String, String>, Error> {
        Err(RefusalCode::NoPackageManager.into())
    }

    fn security_versions(
        &self,
        _: Tree<'_>,
        _: &dyn Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Vec<String>>, Error> {
        Ok(BTreeMap::new())
    }

    fn visit_files(
        &self,
        tree: Tree<'_>,
        place: &str,
        reader: &Reader,
        visit: VisitFile<'_>,
    ) -> Result<(), Error> {
        reader.files(self.source(tree, place)?, visit)
    }

    fn verify(&self, _: Tree<'_>, _: &str) -> Result<(), Error> {
        Ok(())
    }
}
