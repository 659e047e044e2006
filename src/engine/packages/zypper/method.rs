// SPDX-License-Identifier: GPL-3.0-or-later
//! How a system is updated: to what its repositories have now, or to what is newer.

use crate::packages::Tree;
use std::io::Read as _;

/// No configuration file of this kind is longer.
const LENGTH: u64 = 64 * 1024;
/// Where transactional-update's configuration is, the last one counts. What lies between is a directory.
const FIRST: &str = "usr/etc/transactional-update.conf";
const BETWEEN: &str = "usr/etc/transactional-update.conf.d";
const LAST: &str = "etc/transactional-update.conf";

/// The verb of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// What the repositories have: right where the distribution rolls.
    DistUpgrade,
    /// What is newer: right for releases.
    Update,
}

impl Method {
    /// As zypper names it.
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::DistUpgrade => "dup",
            Self::Update => "up",
        }
    }
}

fn read(tree: Tree<'_>, path: &str) -> Option<String> {
    let mut text = Vec::new();
    tree.file(path).ok()??.take(LENGTH).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The method of a system: as it is configured, else as its distribution is meant to be updated.
pub(crate) fn of(tree: Tree<'_>) -> Method {
    let names = tree.names(BETWEEN, 1000).unwrap_or_default();
    let between = names.iter().map(|name| format!("{BETWEEN}/{name}"));
    let files = [FIRST.to_owned()]
        .into_iter()
        .chain(between)
        .chain([LAST.to_owned()]);
    let texts: Vec<_> = files.filter_map(|path| read(tree, &path)).collect();
    let release = read(tree, "etc/os-release").or_else(|| read(tree, "usr/lib/os-release"));
    let configured = texts.iter().rev().find_map(|text| value(text, "UPDATE_METHOD"));
    match configured.as_deref() {
        Some("up" | "update" | "patch") => Method::Update,
        Some("dup" | "dist-upgrade") => Method::DistUpgrade,
        _ => {
            let id = release.and_then(|text| value(&text, "ID")).unwrap_or_default();
            // Leap and SUSE's own have releases; what rolls calls itself tumbleweed, microos, kalpa and so on.
            let has_releases = [
                "opensuse-leap",
                "opensuse-leap-micro",
                "leap",
                "sles",
                "sled",
                "sl-micro",
            ];
            match has_releases.contains(&id.as_str()) {
                true => Method::Update,
                false => Method::DistUpgrade,
            }
        }
    }
}

/// The value of the last `KEY=VALUE`, with its quotes taken away.
fn value(text: &str, key: &str) -> Option<String> {
    let of = |line: &str| {
        let value = line.trim().strip_prefix(key)?.strip_prefix('=')?;
        let value = value.split('#').next().unwrap_or_default().trim();
        Some(value.trim_matches(['"', '\'']).to_owned())
    };
    text.lines().filter_map(of).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn configuration_comes_before_the_distributions_way() {
        let method = |files: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            for (path, text) in files {
                let path = dir.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            of(Tree::new(std::fs::File::open(dir.path()).unwrap().as_fd()))
        };
        assert_eq!(method(&[]), Method::DistUpgrade);
        assert_eq!(
            method(&[("etc/os-release", "ID=\"opensuse-leap\"\n")]),
            Method::Update
        );
        assert_eq!(
            method(&[("usr/lib/os-release", "ID=opensuse-tumbleweed\n")]),
            Method::DistUpgrade
        );
        assert_eq!(
            method(&[
                (FIRST, "UPDATE_METHOD=dup\n"),
                (LAST, "# UPDATE_METHOD=dup\nUPDATE_METHOD='up' # mine\n")
            ]),
            Method::Update
        );
        assert_eq!(
            method(&[
                ("usr/etc/transactional-update.conf.d/x", "UPDATE_METHOD=up"),
                (FIRST, "UPDATE_METHOD=dup")
            ]),
            Method::Update
        );
    }
}
