// SPDX-License-Identifier: GPL-3.0-or-later
//! Packages that a simulated person looks for, installs and removes.

use super::machine::Machine;
use super::packages::{Packages, update_set};
use super::{Offer, SimEngine};
use crate::Error;
use model::{
    Capability, Failure, FailureCode, Listed, PackageWish, RefusalCode, SearchResult, SnapshotId, UpdateSet,
    WishKind, search_rank, search_words,
};
use std::collections::BTreeSet;

/// Packages that the simulated package manager does not remove.
const ESSENTIAL: [&str; 4] = ["bash", "glibc", "kernel-default", "systemd"];

/// A package that a simulated repository has for those who want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// The package in its version.
    pub offer: Offer,
    /// What it is.
    pub summary: String,
    /// The packages that it does not work without.
    pub needs: Vec<String>,
}

impl Stock {
    /// A package that needs no other.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            offer: Offer::new(name, version),
            summary: summary.to_owned(),
            needs: Vec::new(),
        }
    }

    /// The same, needing one more.
    #[must_use]
    pub fn needing(mut self, name: &str) -> Self {
        self.needs.push(name.to_owned());
        self
    }
}

fn unknown(name: &str) -> Error {
    let failure = Failure::new(FailureCode::UnknownPackage, format!("there is no package {name}"));
    Error::Packages(failure.with("package", name))
}

impl Machine {
    fn stocked(&self, name: &str) -> Option<&Stock> {
        self.stock.iter().find(|it| it.offer.name == name)
    }

    /// The version of a package that would be installed.
    fn candidate(&self, name: &str) -> Option<&Offer> {
        let offered = self
            .offers
            .iter()
            .find(|it| it.name == name && it.version.is_some());
        offered.or(self.stocked(name).map(|it| &it.offer))
    }

    /// What has to be done for a wish in this system.
    pub(super) fn wished(&self, wish: &PackageWish, packages: &Packages) -> Result<Vec<Offer>, Error> {
        let mut offers: Vec<Offer> = Vec::new();
        let mut next: Vec<&str> = wish.names.iter().map(String::as_str).collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = next.pop() {
            if !seen.insert(name) {
                continue;
            }
            let is_installed = packages.contains_key(name);
            match wish.kind {
                WishKind::Install => {
                    match self.candidate(name) {
                        Some(offer) => offers.push(offer.clone()),
                        None if is_installed => {}
                        None => return Err(unknown(name)),
                    }
                    let needs = self
                        .stocked(name)
                        .map(|it| it.needs.as_slice())
                        .unwrap_or_default();
                    next.extend(
                        needs
                            .iter()
                            .filter(|it| !packages.contains_key(*it))
                            .map(String::as_str),
                    );
                }
                WishKind::Remove if !is_installed => return Err(unknown(name)),
                WishKind::Remove if ESSENTIAL.contains(&name) => {
                    let failure = Failure::new(FailureCode::Essential, format!("{name} is essential"));
                    return Err(Error::Packages(failure.with("package", name)));
                }
                WishKind::Remove => {
                    offers.push(Offer::removal(name));
                    let needing = self
                        .stock
                        .iter()
                        .filter(|it| it.needs.iter().any(|it| it == name));
                    let needing = needing.map(|it| it.offer.name.as_str());
                    next.extend(needing.filter(|it| packages.contains_key(*it)));
                }
            }
        }
        Ok(offers)
    }
}

impl SimEngine {
    /// Fails where packages cannot be changed.
    fn with_default<T>(
        &self,
        work: impl FnOnce(&Machine, &Packages) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let machine = self.machine();
        machine.state().may_change_packages()?;
        let packages = machine.packages(machine.state().default);
        let packages = packages.cloned().unwrap_or_default();
        work(&machine, &packages)
    }

    pub(super) fn search_packages(&self, text: &str, limit: usize) -> Result<SearchResult, Error> {
        let words = search_words(text);
        self.with_default(|machine, packages| {
            let stocked = machine.stock.iter().map(|it| it.offer.name.as_str());
            let offered = machine.offers.iter().map(|it| it.name.as_str());
            let names: BTreeSet<&str> = stocked
                .chain(offered)
                .chain(packages.keys().map(String::as_str))
                .collect();
            let mut found: Vec<(u8, Listed)> = names
                .into_iter()
                .filter_map(|name| {
                    let summary = machine
                        .stocked(name)
                        .map(|it| it.summary.clone())
                        .unwrap_or_default();
                    let rank = search_rank(&words, name, &summary)?;
                    let installed = packages.get(name).map(|it| it.version.clone());
                    let version = machine.candidate(name).and_then(|it| it.version.clone());
                    Some((
                        rank,
                        Listed {
                            name: name.to_owned(),
                            version: version.or(installed.clone()).unwrap_or_default(),
                            summary,
                            installed: installed.unwrap_or_default(),
                        },
                    ))
                })
                .collect();
            found.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
            let more = found.len().saturating_sub(limit);
            found.truncate(limit);
            Ok(SearchResult {
                packages: found.into_iter().map(|(_, it)| it).collect(),
                more: u32::try_from(more).unwrap_or(u32::MAX),
            })
        })
    }

    pub(super) fn planned(&self, wish: &PackageWish) -> Result<UpdateSet, Error> {
        self.with_default(|machine, packages| {
            let offers = machine.wished(wish, packages)?;
            Ok(machine.still_to_fetch(update_set(&offers, packages)))
        })
    }

    /// What a transaction installs or removes in this snapshot: everything that is offered, or what was wished for.
    pub(super) fn to_do(
        &self,
        id: SnapshotId,
        wish: Option<&PackageWish>,
    ) -> Result<(Vec<Offer>, UpdateSet), Error> {
        let machine = self.machine();
        let Some(wish) = wish else {
            return Ok((machine.offers.clone(), machine.missing_in(Some(id))));
        };
        if !machine.state().capabilities.has(Capability::Updates) {
            return Err(RefusalCode::NoPackageManager.into());
        }
        let packages = machine.packages(Some(id)).cloned().unwrap_or_default();
        let offers = machine.wished(wish, &packages)?;
        let set = machine.still_to_fetch(update_set(&offers, &packages));
        crate::packages::agreed(wish, crate::packages::removed(&set))?;
        Ok((offers, set))
    }
}
