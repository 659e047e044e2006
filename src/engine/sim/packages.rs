// SPDX-License-Identifier: GPL-3.0-or-later
//! What is installed in a simulated snapshot and what simulated repositories offer.

use model::{ChangeKind, LogEntry, PackageChange, Timestamp, UpdateSet};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The installed packages of one system version, shared between the versions that have the same.
pub(super) type Packages = Arc<BTreeMap<String, Package>>;

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) arch: String,
    pub(super) version: String,
    pub(super) origin: String,
    pub(super) security: bool,
}

/// What a simulated repository offers for one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Name of the package.
    pub name: String,
    /// The version it offers; `None` when the update removes the package.
    pub version: Option<String>,
    /// Bytes to download.
    pub download_size: u64,
    /// Bytes by which the installed system grows.
    pub installed_delta: i64,
    /// What the repository calls itself.
    pub origin: String,
    /// Whether it marks this version as a security update.
    pub security: bool,
}

impl Offer {
    /// A plain new version from the main repository.
    pub fn new(name: &str, version: &str) -> Self {
        // Sizes that look real and stay the same from run to run.
        let size = name
            .bytes()
            .chain(version.bytes())
            .fold(7_u64, |size, byte| size.wrapping_mul(31) + u64::from(byte));
        Self {
            name: name.into(),
            version: Some(version.into()),
            download_size: 40_000 + size % 9_000_000,
            installed_delta: i64::try_from(size % 600_000).unwrap_or(0) - 150_000,
            origin: "openSUSE Tumbleweed".into(),
            security: false,
        }
    }

    /// The removal of a package.
    pub fn removal(name: &str) -> Self {
        Self {
            version: None,
            download_size: 0,
            installed_delta: -250_000,
            ..Self::new(name, "")
        }
    }

    /// The same, marked as a security update.
    #[must_use]
    pub fn security(mut self) -> Self {
        self.security = true;
        self
    }

    fn arch(&self) -> &'static str {
        if self.name.ends_with("-lang") || self.name.starts_with("ca-certificates") {
            "noarch"
        } else {
            "x86_64"
        }
    }

    /// Installs or removes the package.
    pub(super) fn apply(&self, packages: &mut Packages) {
        let packages = Arc::make_mut(packages);
        match &self.version {
            Some(version) => {
                let package = Package {
                    arch: self.arch().into(),
                    version: version.clone(),
                    origin: self.origin.clone(),
                    security: self.security,
                };
                packages.insert(self.name.clone(), package);
            }
            None => {
                packages.remove(&self.name);
            }
        }
    }

    /// What it changes in these packages; `None` when it is installed already, or gone already.
    fn change(&self, packages: &Packages) -> Option<PackageChange> {
        let mut after = Packages::default();
        self.apply(&mut after);
        let change = difference(&self.name, packages.get(&self.name), after.get(&self.name))?;
        (change.kind != ChangeKind::Downgraded).then_some(PackageChange {
            download_size: self.download_size,
            security: self.security,
            ..change
        })
    }
}

/// What the offers change in these packages.
pub(super) fn update_set(offers: &[Offer], packages: &Packages) -> UpdateSet {
    let mut set = UpdateSet::default();
    for offer in offers {
        if let Some(change) = offer.change(packages) {
            set.download_size += change.download_size;
            set.installed_delta += offer.installed_delta;
            set.packages.push(change);
        }
    }
    set.packages
        .sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    set
}

/// How `to` differs from `from`, sorted by name.
pub(super) fn changes(from: &Packages, to: &Packages) -> Vec<PackageChange> {
    let mut names: Vec<_> = from.keys().chain(to.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| difference(name, from.get(name), to.get(name)))
        .collect()
}

fn difference(name: &str, old: Option<&Package>, new: Option<&Package>) -> Option<PackageChange> {
    let either = new.or(old)?;
    let (kind, newer) = match (old, new) {
        (None, _) => (ChangeKind::Added, new),
        (_, None) => (ChangeKind::Removed, old),
        (Some(a), Some(b)) => match compare(&a.version, &b.version) {
            Ordering::Less => (ChangeKind::Upgraded, new),
            Ordering::Greater => (ChangeKind::Downgraded, old),
            Ordering::Equal => return None,
        },
    };
    let version = |package: Option<&Package>| package.map(|it| it.version.clone()).unwrap_or_default();
    Some(PackageChange {
        name: name.into(),
        arch: either.arch.clone(),
        kind,
        old: version(old),
        new: version(new),
        download_size: 0,
        origin: new.map(|package| package.origin.clone()).unwrap_or_default(),
        security: newer.is_some_and(|package| package.security),
        fixes: newer
            .filter(|package| package.security && old.is_some() && new.is_some())
            .map(|package| vec![fixed_by(name, &package.version)])
            .unwrap_or_default(),
    })
}

/// A number that stays the same for the same text (FNV-1a).
fn number_of(text: impl IntoIterator<Item = u8>) -> u32 {
    let step = |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    text.into_iter().fold(0x811c_9dc5, step)
}

/// The security problem that a version of a package fixes.
fn fixed_by(name: &str, version: &str) -> String {
    format!(
        "CVE-2026-{}",
        1000 + number_of(name.bytes().chain(version.bytes())) % 9000
    )
}

/// What was written about a change.
pub(super) fn changelog(change: &PackageChange) -> Vec<LogEntry> {
    let version = match change.kind {
        ChangeKind::Downgraded => &change.old,
        _ => &change.new,
    };
    let mut lines = vec![format!("- Update to {version}")];
    lines.extend(change.fixes.iter().map(|fix| format!("  * Fix {fix}")));
    vec![LogEntry {
        time: Timestamp::from_seconds(1_772_323_200),
        author: "packager@example.org".into(),
        version: version.clone(),
        text: lines.join("\n"),
    }]
}

/// What stays the same while the packages do.
pub(super) fn stamp(packages: &Packages) -> String {
    let text = packages
        .iter()
        .flat_map(|(name, package)| name.bytes().chain(package.version.bytes()));
    format!("{}:{:x}", packages.len(), number_of(text))
}

/// Orders the simulation's own plain versions: runs of digits by value, everything else by letter. Real package
/// managers have rules of their own, which their backends follow.
fn compare(a: &str, b: &str) -> Ordering {
    fn parts(version: &str) -> impl Iterator<Item = Result<u64, &str>> {
        version
            .split(|c: char| !c.is_ascii_alphanumeric())
            .map(|part| part.parse().map_err(|_| part))
    }
    // A number sorts after a word (1.0rc before 1.0.1), hence the order of the comparison by kind first.
    parts(a)
        .map(|it| (it.is_ok(), it.ok(), it.err()))
        .cmp(parts(b).map(|it| (it.is_ok(), it.ok(), it.err())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_versions_count_by_value() {
        assert_eq!(compare("6.9.1", "6.12.0"), Ordering::Less);
        assert_eq!(compare("3.5.0-2.1", "3.5.0-1.9"), Ordering::Greater);
        assert_eq!(compare("1.0", "1.0"), Ordering::Equal);
    }

    #[test]
    fn a_difference_names_every_kind_and_offers_never_downgrade() {
        let mut old = Packages::default();
        for (name, version) in [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")] {
            Offer::new(name, version).apply(&mut old);
        }
        let mut new = old.clone();
        let offers = [
            Offer::removal("a"),
            Offer::new("b", "3").security(),
            Offer::new("c", "2"),
            Offer::new("e", "1"),
        ];
        offers.iter().for_each(|offer| offer.apply(&mut new));
        let kinds: Vec<_> = changes(&old, &new)
            .iter()
            .map(|it| (it.name.clone(), it.kind))
            .collect();
        let expected = [
            ("a", ChangeKind::Removed),
            ("b", ChangeKind::Upgraded),
            ("c", ChangeKind::Downgraded),
            ("e", ChangeKind::Added),
        ];
        assert_eq!(kinds, expected.map(|(name, kind)| (name.to_owned(), kind)));
        let back = changes(&new, &old);
        assert!(back.iter().any(|it| it.name == "b" && it.security));
        let set = update_set(&offers, &old);
        assert_eq!(
            (set.packages.len(), set.security_count(), set.removed_count()),
            (3, 1, 1)
        );
        assert!(update_set(&offers, &new).is_empty());
    }
}
