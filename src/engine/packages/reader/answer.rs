// SPDX-License-Identifier: GPL-3.0-or-later
//! What the process that reads says: one line a package or entry, its fields separated by tabs, and a last line with a
//! point, without which it was cut short. Both sides clean every field.

use super::Changelogs;
use crate::packages::Package;
use crate::run::line::clean;
use model::{LogEntry, Timestamp};
use std::collections::BTreeMap;
use std::io::{self, Write};

const END: &str = ".";
/// So many packages are taken; the largest distributions have fewer.
const PACKAGES: usize = 200_000;
/// The longest name, version or author, in bytes.
const SHORT: usize = 1024;
/// The longest text of an entry.
const LONG: usize = 16 * 1024;

fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// One line of text of a database, fit to be shown.
pub(crate) fn field(bytes: &[u8]) -> String {
    cut(clean(bytes).trim().to_owned(), SHORT)
}

/// Several lines of it.
pub(crate) fn text(bytes: &[u8]) -> String {
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(clean).collect();
    cut(lines.join("\n").trim_matches('\n').to_owned(), LONG)
}

/// Says what is installed.
pub(super) fn say_packages(to: &mut dyn Write, packages: &[Package]) -> io::Result<()> {
    for package in packages {
        let Package {
            name,
            arch,
            version,
            size,
            build,
            unfinished,
        } = package;
        writeln!(to, "{name}\t{arch}\t{version}\t{size}\t{build}\t{unfinished}")?;
    }
    writeln!(to, "{END}")
}

/// Says what is in changelogs.
pub(super) fn say_changelogs(to: &mut dyn Write, changelogs: &Changelogs) -> io::Result<()> {
    for (name, entries) in changelogs {
        for entry in entries {
            let text = entry.text.replace('\\', "\\\\").replace('\n', "\\n");
            let (time, author, version) = (entry.time.seconds(), &entry.author, &entry.version);
            writeln!(to, "{name}\t{time}\t{author}\t{version}\t{text}")?;
        }
    }
    writeln!(to, "{END}")
}

/// The lines, when they are all there.
fn lines(said: &[u8]) -> Option<Vec<&[u8]>> {
    let said = said.strip_suffix(b"\n")?;
    let mut lines: Vec<_> = said.split(|byte| *byte == b'\n').collect();
    (lines.pop()? == END.as_bytes() && lines.len() <= PACKAGES).then_some(lines)
}

fn number(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// What is installed, as the process said it.
pub(crate) fn packages(said: &[u8]) -> Option<Vec<Package>> {
    let package = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b'\t');
        let mut next = || fields.next();
        Some(Package {
            name: Some(field(next()?)).filter(|name| !name.is_empty())?,
            arch: field(next()?),
            version: field(next()?),
            size: number(next()?)?,
            build: field(next()?),
            unfinished: field(next()?),
        })
    };
    lines(said)?.into_iter().map(package).collect()
}

/// What is in changelogs, as the process said it.
pub(crate) fn changelogs(said: &[u8]) -> Option<Changelogs> {
    let mut changelogs: Changelogs = BTreeMap::new();
    for line in lines(said)? {
        let mut fields = line.splitn(5, |byte| *byte == b'\t');
        let mut next = || fields.next();
        let name = field(next()?);
        let entry = LogEntry {
            time: Timestamp::from_seconds(i64::try_from(number(next()?)?).ok()?),
            author: field(next()?),
            version: field(next()?),
            text: text(unescaped(next()?).as_slice()),
        };
        changelogs.entry(name).or_default().push(entry);
    }
    Some(changelogs)
}

fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match (byte, *byte == b'\\') {
            (_, true) => match bytes.next() {
                Some(b'n') => out.push(b'\n'),
                Some(other) => out.push(*other),
                None => {}
            },
            (byte, false) => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let all = vec![
            Package {
                name: "a".into(),
                arch: "noarch".into(),
                version: "1:2-3".into(),
                size: 7,
                build: "00ff".into(),
                unfinished: String::new(),
            },
            Package {
                name: "ü b".into(),
                unfinished: "install ok half-configured".into(),
                ..Package::default()
            },
        ];
        let mut said = Vec::new();
        say_packages(&mut said, &all).unwrap();
        assert_eq!(packages(&said).unwrap(), all);
        let cut = said.len() - 2;
        assert_eq!(packages(&said[..cut]), None);
        let entry = LogEntry {
            time: Timestamp::from_seconds(1000),
            author: "A <a@b>".into(),
            version: String::new(),
            text: "- one \\ n\n\n  * two".into(),
        };
        let logs = BTreeMap::from([("a".to_owned(), vec![entry.clone(), entry])]);
        said.clear();
        say_changelogs(&mut said, &logs).unwrap();
        assert_eq!(changelogs(&said).unwrap(), logs);
    }

    #[test]
    fn what_a_taken_over_reader_says_is_cleaned_or_refused() {
        let said = b"a\x1b[31m\tx\t1\t5\t\t\n.\n";
        assert_eq!(packages(said).unwrap()[0].name, "a");
        for bad in [
            &b""[..],
            b".",
            b"a\n.\n",
            b"a\tb\tc\tnone\td\te\n.\n",
            b"\tb\tc\t1\td\te\n.\n",
        ] {
            assert_eq!(packages(bad), None);
        }
        assert_eq!(field(&[b'x'; 5000]).len(), SHORT);
    }
}
