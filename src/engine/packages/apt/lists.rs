// SPDX-License-Identifier: GPL-3.0-or-later
//! What the repositories offered when they were last asked, from the files that apt keeps of them.

use crate::Error;
use crate::packages::{Tree, dpkg};
use std::collections::BTreeMap;
use std::io::{BufReader, Read as _};

/// More files than this are not looked at; Debian has about ten.
const FILES: usize = 2000;
/// How much of a release file is read: the fields of interest come first.
const RELEASE_LIMIT: u64 = 16 * 1024;
/// How much of a list of packages is read.
const PACKAGES_LIMIT: u64 = 256 * 1024 * 1024;

/// The versions of the packages that `wanted` picks which a repository for security updates has, by name.
pub(crate) fn security_versions(
    tree: Tree<'_>,
    folder: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let names = tree.names(folder, FILES)?;
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let releases = names
        .iter()
        .filter_map(|name| name.strip_suffix("InRelease").or(name.strip_suffix("Release")));
    for suite in releases {
        if !is_for_security(tree, folder, suite)? {
            continue;
        }
        for list in names
            .iter()
            .filter(|name| name.starts_with(suite) && name.ends_with("_Packages"))
        {
            let path = format!("{folder}/{list}");
            let Some(file) = tree.file(&path)? else { continue };
            dpkg::paragraphs(BufReader::new(file.take(PACKAGES_LIMIT)), |package, _| {
                if wanted(&package.name) {
                    let versions = versions.entry(package.name.clone()).or_default();
                    versions.push(std::mem::take(&mut package.version));
                }
                Ok(())
            })
            .map_err(|source| Error::io(format!("read /{path}"), source))?;
        }
    }
    Ok(versions)
}

/// Whether a suite calls itself one for security updates, by the same words as [`super::simulate`] goes by.
fn is_for_security(tree: Tree<'_>, folder: &str, suite: &str) -> Result<bool, Error> {
    for kind in ["InRelease", "Release"] {
        let path = format!("{folder}/{suite}{kind}");
        let Some(file) = tree.file(&path)? else { continue };
        let mut text = Vec::new();
        let read = file.take(RELEASE_LIMIT).read_to_end(&mut text);
        read.map_err(|source| Error::io(format!("read /{path}"), source))?;
        let text = String::from_utf8_lossy(&text).to_ascii_lowercase();
        let tells = |line: &str| {
            ["label:", "suite:"].iter().any(|field| line.starts_with(field)) && line.contains("security")
        };
        return Ok(text.lines().any(tells));
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn only_what_calls_itself_security_counts() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write(
            "x_dists_stable_InRelease",
            "-----BEGIN\nHash: SHA512\n\nOrigin: Debian\nLabel: Debian\nSuite: stable\n",
        );
        write(
            "x_dists_stable_main_binary-amd64_Packages",
            "Package: a\nVersion: 1\n\nPackage: b\nVersion: 1\n",
        );
        write(
            "x_dists_stable-security_Release",
            "Label: Debian-Security\nSuite: stable-security\n",
        );
        write(
            "x_dists_stable-security_main_binary-amd64_Packages",
            "Package: a\nVersion: 1+deb13u1\n\nPackage: c\nVersion: 2\n",
        );
        let root = std::fs::File::open(dir.path()).unwrap();
        let found = security_versions(Tree::new(root.as_fd()), ".", |name| name == "a").unwrap();
        assert_eq!(
            found,
            BTreeMap::from([("a".to_owned(), vec!["1+deb13u1".to_owned()])])
        );
    }
}
