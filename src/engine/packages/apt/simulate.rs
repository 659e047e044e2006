// SPDX-License-Identifier: GPL-3.0-or-later
//! What apt-get says it would do.

use crate::packages::{Package, change, dpkg, version};
use model::{ChangeKind, PackageChange, UpdateSet};
use std::collections::BTreeMap;

/// One package of `apt-get -s`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planned {
    /// Name without architecture.
    pub name: String,
    /// Architecture; empty where apt-get does not say it.
    pub arch: String,
    /// Version before; `None` when it was not installed.
    pub old: Option<String>,
    /// Version after; `None` when it is removed.
    pub new: Option<String>,
    /// The repositories that have the new version: `Debian:13.2/stable, Debian-Security:13/stable-security`.
    pub origins: String,
}

impl Planned {
    /// Whether a repository for security updates has the new version, by its label or archive.
    pub fn is_security(&self) -> bool {
        self.origins.to_ascii_lowercase().contains("security")
    }

    /// The labels of the repositories that have the new version.
    pub fn labels(&self) -> String {
        let mut labels: Vec<_> = self
            .origins
            .split(", ")
            .filter_map(|origin| origin.split(':').next())
            .filter(|label| !label.is_empty())
            .collect();
        labels.dedup();
        labels.join(", ")
    }
}

/// Reads the `Inst` and `Remv` lines of `apt-get -s`. Everything else is skipped.
pub fn parse_simulation(text: &str) -> Vec<Planned> {
    text.lines().filter_map(planned).collect()
}

/// `Inst NAME [OLD] (NEW ORIGINS [ARCH]) …`, `Remv NAME [OLD] …`, `Purg NAME [OLD] …`.
fn planned(line: &str) -> Option<Planned> {
    let (verb, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let (name, arch) = name.split_once(':').unwrap_or((name, ""));
    let old = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (old, rest) = old.map_or((None, rest), |(old, rest)| {
        (Some(old.to_owned()), rest.trim_start())
    });
    let mut planned = Planned {
        name: name.to_owned(),
        arch: arch.to_owned(),
        old,
        ..Planned::default()
    };
    match verb {
        "Inst" => {
            // The parenthesis ends behind the architecture; what a repository calls itself may hold parentheses too.
            let (inside, _) = rest.strip_prefix('(')?.split_once("])")?;
            let (inside, arch) = inside.rsplit_once(" [")?;
            let (new, origins) = inside.split_once(' ').unwrap_or((inside, ""));
            planned.new = Some(new.to_owned());
            planned.origins = origins.trim().to_owned();
            planned.arch = arch.to_owned();
        }
        "Remv" | "Purg" => planned.old = Some(planned.old.unwrap_or_default()),
        _ => return None,
    }
    (!planned.name.is_empty()).then_some(planned)
}

/// What apt-get says above the names of essential packages that it would remove.
const ESSENTIAL: &str = "WARNING: The following essential packages will be removed.";

/// The first essential package that a simulation removes.
pub fn essential(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(ESSENTIAL)?;
    // A line of advice, then the names, indented.
    let names = rest.lines().find(|line| line.starts_with("  "));
    Some(
        names
            .and_then(|line| line.split_whitespace().next())
            .unwrap_or_default(),
    )
}

/// Reads `apt-cache search`: `NAME - SUMMARY`. Packages of another architecture (`NAME:i386`) are left out.
pub fn parse_search(text: &str) -> Vec<(String, String)> {
    let one = |line: &str| {
        let (name, summary) = line.split_once(" - ")?;
        let is_own = !name.is_empty() && !name.contains([':', ' ']);
        is_own.then(|| (name.to_owned(), summary.trim().to_owned()))
    };
    text.lines().filter_map(one).collect()
}

/// Reads `apt-get --print-uris`: how many bytes each file takes to download, by name and version.
pub fn parse_uris(text: &str) -> BTreeMap<(String, String), u64> {
    let file = |line: &str| {
        let (_, rest) = line.strip_prefix('\'')?.split_once("' ")?;
        let mut words = rest.split(' ');
        let (file, size) = (words.next()?, words.next()?.parse().ok()?);
        let mut parts = file.strip_suffix(".deb")?.split('_');
        let (name, version) = (parts.next()?, parts.next()?);
        Some((
            (name.to_owned(), version.replace("%3a", ":").replace("%3A", ":")),
            size,
        ))
    };
    text.lines().filter_map(file).collect()
}

/// Reads `apt-cache show`: what each package takes when installed, by name and version.
pub fn parse_show(text: &[u8]) -> BTreeMap<(String, String), u64> {
    let mut sizes = BTreeMap::new();
    let read = dpkg::paragraphs(text, |package, _| {
        let (size, package) = (package.size, std::mem::take(package));
        sizes.insert((package.name, package.version), size);
        Ok(())
    });
    // Sizes are an estimate for people: what could be read until something was odd is better than nothing.
    drop(read);
    sizes
}

/// The update that a plan amounts to.
pub fn update_set(
    plan: &[Planned],
    installed: &[Package],
    downloads: &BTreeMap<(String, String), u64>,
    sizes: &BTreeMap<(String, String), u64>,
) -> UpdateSet {
    let mut set = UpdateSet::default();
    for planned in plan {
        let before = planned.old.as_ref().map(|version| {
            let is_it = |p: &&Package| {
                p.name == planned.name
                    && p.version == *version
                    && (planned.arch.is_empty() || p.arch == planned.arch || planned.new.is_some())
            };
            installed.iter().find(is_it).cloned().unwrap_or_else(|| Package {
                name: planned.name.clone(),
                arch: planned.arch.clone(),
                version: version.clone(),
                ..Package::default()
            })
        });
        let key = planned.new.clone().map(|new| (planned.name.clone(), new));
        let after = key.as_ref().map(|(name, version)| Package {
            name: name.clone(),
            arch: planned.arch.clone(),
            version: version.clone(),
            size: key.as_ref().and_then(|key| sizes.get(key)).copied().unwrap_or(0),
            ..Package::default()
        });
        let Some(change) = change(before.as_ref(), after.as_ref(), version::compare) else {
            continue;
        };
        let download_size = key
            .as_ref()
            .and_then(|key| downloads.get(key))
            .copied()
            .unwrap_or(0);
        set.download_size = set.download_size.saturating_add(download_size);
        let bytes =
            |package: Option<&Package>| i64::try_from(package.map_or(0, |p| p.size)).unwrap_or(i64::MAX);
        // Where the new size is unknown, the old one is the better guess than nothing.
        if after.as_ref().is_none_or(|after| after.size != 0) {
            let grown = bytes(after.as_ref()).saturating_sub(bytes(before.as_ref()));
            set.installed_delta = set.installed_delta.saturating_add(grown);
        }
        let coming = change.kind != ChangeKind::Removed;
        set.packages.push(PackageChange {
            download_size,
            origin: if coming { planned.labels() } else { String::new() },
            security: coming && planned.is_security(),
            ..change
        });
    }
    set.packages
        .sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIMULATION: &str = include_str!("../../../../tests/fixtures/apt/simulate.txt");
    const NOTHING: &str = include_str!("../../../../tests/fixtures/apt/simulate-nothing.txt");
    const URIS: &str = include_str!("../../../../tests/fixtures/apt/print-uris.txt");
    const SHOW: &str = include_str!("../../../../tests/fixtures/apt/show.txt");

    #[test]
    fn a_real_run_becomes_an_update() {
        let installed = ["alpha", "beta", "gamma"].map(|name| Package {
            name: name.into(),
            arch: "all".into(),
            version: "1".into(),
            size: 30 * 1024,
            ..Package::default()
        });
        let plan = parse_simulation(SIMULATION);
        let set = update_set(&plan, &installed, &parse_uris(URIS), &parse_show(SHOW.as_bytes()));
        let shown: Vec<_> = set
            .packages
            .iter()
            .map(|p| {
                let security = if p.security { "security" } else { "-" };
                format!(
                    "{} {} {} {}>{} {} {} {security}",
                    p.name, p.arch, p.kind, p.old, p.new, p.download_size, p.origin
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "alpha all upgraded 1>1:2-1 31188 Debian-Security security",
                "beta all upgraded 1>2 31196 Debian -",
                "delta all added >1 31184 Debian -",
                "gamma all removed 1> 0  -",
            ]
        );
        assert_eq!(set.download_size, 31188 + 31196 + 31184);
        assert_eq!(set.installed_delta, (10 + 10 + 40 - 30) * 1024);
        assert_eq!(parse_simulation(NOTHING), []);
    }

    #[test]
    fn every_form_of_line_is_understood() {
        let parse = |line: &str| parse_simulation(line).pop();
        let libc = parse(
            "Inst libc6:i386 [2.41-11] (2.41-12 Debian:13.2/stable, Debian-Security:13/stable-security [i386]) [libc6:amd64 ]",
        )
        .unwrap();
        assert_eq!(
            (libc.name.as_str(), libc.arch.as_str(), libc.old.as_deref()),
            ("libc6", "i386", Some("2.41-11"))
        );
        assert!(libc.is_security());
        assert_eq!(libc.labels(), "Debian, Debian-Security");
        let odd = parse("Inst tool (1.0 My (own) Repo:now [amd64])").unwrap();
        assert_eq!(
            (odd.labels().as_str(), odd.new.as_deref(), odd.old),
            ("My (own) Repo", Some("1.0"), None)
        );
        let gone = parse("Remv old-lib:i386 [3] [tool:amd64 ]").unwrap();
        assert_eq!(
            (gone.arch.as_str(), gone.old.as_deref(), gone.new),
            ("i386", Some("3"), None)
        );
        assert_eq!(parse("Inst broken [1] (2"), None);
        assert_eq!(parse("Conf tool (1.0 Repo:now [amd64])"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(Inst|Remv|Purg|'x')? ?[a-z\\[\\]() :'_.0-9\\n]{0,80}", any in ".{0,80}") {
            for text in [&text, &any] {
                let plan = parse_simulation(text);
                let _: UpdateSet = update_set(&plan, &[], &parse_uris(text), &parse_show(text.as_bytes()));
            }
        }
    }
}
