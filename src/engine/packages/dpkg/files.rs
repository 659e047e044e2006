// SPDX-License-Identifier: GPL-3.0-or-later
//! Which files dpkg's packages own: the lists beside the database.

use crate::packages::Tree;
use crate::{Error, VisitFile};
use std::io::Read as _;

/// No list of a package is longer; the longest in Debian (a kernel's documentation) has some 3 MiB.
const LIST_LIMIT: u64 = 16 << 20;
/// No more lists are read.
const LISTS: usize = 100_000;

/// Hands out every path of every package in the directory `place`, without the slash in front.
pub(crate) fn visit(tree: Tree<'_>, place: &str, visit: VisitFile<'_>) -> Result<(), Error> {
    let lists = format!("{place}/info");
    let mut text = Vec::new();
    for name in tree.names(&lists, LISTS)? {
        let Some(package) = name.strip_suffix(".list") else {
            continue;
        };
        // Packages of several architectures at once have their architecture in the name.
        let package = package.split_once(':').map_or(package, |(name, _)| name);
        let path = format!("{lists}/{name}");
        let Some(file) = tree.file(&path)? else { continue };
        text.clear();
        file.take(LIST_LIMIT)
            .read_to_end(&mut text)
            .map_err(|source| Error::io(format!("read /{path}"), source))?;
        for line in text.split(|byte| *byte == b'\n') {
            // The first line of each list is the root directory, which nobody owns.
            if let Some(path) = line
                .strip_prefix(b"/")
                .filter(|path| !matches!(*path, b"" | b"."))
            {
                visit(package, path)?;
            }
        }
    }
    Ok(())
}
