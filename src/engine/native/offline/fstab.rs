// SPDX-License-Identifier: GPL-3.0-or-later
//! A system's table of filesystems, fstab(5), as far as it matters for starting.

use crate::Error;
use crate::packages::Tree;
use crate::transaction::unescaped;
use std::io::Read as _;

/// No table is longer.
const LIMIT: u64 = 64 << 10;

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `UUID=…`, `LABEL=…`, or a path.
    source: String,
    /// The mount point without the slash in front.
    pub(super) place: String,
    pub(super) kind: String,
    options: String,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let source = fields.next().filter(|source| !source.starts_with('#'))?;
        let place = unescaped(fields.next()?);
        Some(Self {
            source: unescaped(source.trim_matches('"')),
            place: place.strip_prefix('/')?.trim_end_matches('/').to_owned(),
            kind: fields.next()?.to_owned(),
            options: fields.next().unwrap_or_default().to_owned(),
        })
    }

    /// What stands behind `TAG=`.
    pub(super) fn tag(&self, tag: &str) -> Option<&str> {
        let value = self.source.strip_prefix(tag)?.strip_prefix('=')?;
        Some(value.trim_matches('"'))
    }

    /// An option with its value, `name=value`.
    pub(super) fn option(&self, name: &str) -> Option<String> {
        let is_it = |option: &&str| option.split_once('=').is_some_and(|(key, _)| key == name);
        self.options.split(',').find(is_it).map(unescaped)
    }

    /// The path of the device; `None` for what is none.
    pub(super) fn device(&self) -> Option<String> {
        for (tag, folder) in [
            ("UUID", "by-uuid"),
            ("LABEL", "by-label"),
            ("PARTUUID", "by-partuuid"),
            ("PARTLABEL", "by-partlabel"),
        ] {
            if let Some(value) = self.tag(tag) {
                let is_name = !value.is_empty() && !value.contains('/') && !value.starts_with('.');
                return is_name.then(|| format!("/dev/disk/{folder}/{value}"));
            }
        }
        (self.source.starts_with("/dev/") && !self.source.contains("..")).then(|| self.source.clone())
    }
}

/// All lines of the table of a system; none where it has no table.
pub(super) fn read(tree: Tree<'_>) -> Result<Vec<Line>, Error> {
    let Some(file) = tree.file("etc/fstab")? else {
        return Ok(Vec::new());
    };
    let mut bytes = Vec::new();
    file.take(LIMIT)
        .read_to_end(&mut bytes)
        .map_err(|source| Error::io("read /etc/fstab", source))?;
    Ok(String::from_utf8_lossy(&bytes)
        .lines()
        .filter_map(Line::parse)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read() {
        let line = Line::parse("UUID=\"AB-CD\"  /var  btrfs  noatime,subvol=/@/my\\040var 0 0").unwrap();
        assert_eq!((line.place.as_str(), line.kind.as_str()), ("var", "btrfs"));
        assert_eq!(line.tag("UUID"), Some("AB-CD"));
        assert_eq!(line.option("subvol").as_deref(), Some("subvol=/@/my var"));
        assert_eq!(line.option("subvolid"), None);
        assert_eq!(line.device().as_deref(), Some("/dev/disk/by-uuid/AB-CD"));
        let root = Line::parse("/dev/sda2 / btrfs defaults").unwrap();
        assert_eq!(
            (root.place.as_str(), root.device().as_deref()),
            ("", Some("/dev/sda2"))
        );
        for line in ["", "# a comment", "none swap swap", "proc", "UUID=1 none swap sw"] {
            assert_eq!(Line::parse(line), None, "{line}");
        }
        for source in [
            "UUID=../../etc/passwd",
            "LABEL=",
            "server:/home",
            "/dev/../etc/passwd",
            "UUID=..",
        ] {
            let line = Line::parse(&format!("{source} /efi vfat defaults")).unwrap();
            assert_eq!(line.device(), None, "{source}");
        }
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(text in ".{0,200}") {
            for line in text.lines().filter_map(Line::parse) {
                let _ = (line.device(), line.option("subvol"), line.tag("UUID"));
            }
        }
    }
}
