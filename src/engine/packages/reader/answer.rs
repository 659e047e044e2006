// SPDX-License-Identifier: GPL-3.0-or-later
//! What the process that reads says: one line a package or entry, its fields separated by tabs, and a last line with a
//! point, without which it was cut short. Both sides clean every field.

use super::Changelogs;
use crate::packages::Package;
use crate::run::line::clean;
use crate::{Error, VisitFile};
use memchr::memchr_iter;
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
    cut(clean(bytes.trim_ascii()).trim().to_owned(), SHORT)
}

/// Several lines of it.
pub(crate) fn text(bytes: &[u8]) -> String {
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(clean).collect();
    cut(lines.join("\n").trim_matches('\n').to_owned(), LONG)
}

/// Says that one package is installed.
pub(super) fn say_package(to: &mut dyn Write, package: &Package) -> io::Result<()> {
    let Package {
        name,
        arch,
        version,
        size,
        build,
        unfinished,
    } = package;
    for field in [name, arch, version] {
        to.write_all(field.as_bytes())?;
        to.write_all(b"\t")?;
    }
    write!(to, "{size}")?;
    for field in [build, unfinished] {
        to.write_all(b"\t")?;
        to.write_all(field.as_bytes())?;
    }
    to.write_all(b"\n")
}

/// Says what is installed, and that this is all.
pub(super) fn say_packages(to: &mut dyn Write, packages: &[Package]) -> io::Result<()> {
    for package in packages {
        say_package(to, package)?;
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

/// Says which files one package owns.
pub(super) fn say_files<'a>(
    to: &mut dyn Write,
    name: &str,
    paths: impl Iterator<Item = Vec<u8>> + 'a,
) -> io::Result<()> {
    writeln!(to, "{name}")?;
    for path in paths {
        let mut line = vec![b'\t'];
        for byte in path {
            match byte {
                b'\\' => line.extend_from_slice(b"\\\\"),
                b'\n' => line.extend_from_slice(b"\\n"),
                _ => line.push(byte),
            }
        }
        line.push(b'\n');
        to.write_all(&line)?;
    }
    Ok(())
}

/// Ends what is said about files.
pub(super) fn say_end(to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "{END}")
}

/// Which files packages own, as the process said it; `None` when it was cut short. Paths that are none are left out.
pub(crate) fn files(said: &[u8], visit: VisitFile<'_>) -> Result<Option<()>, Error> {
    let end = [b"\n", END.as_bytes(), b"\n"].concat();
    let nothing = said == end.get(1..).unwrap_or_default();
    let Some(said) = said.strip_suffix(end.as_slice()) else {
        return Ok(nothing.then_some(()));
    };
    let mut package = String::new();
    for line in said.split(|byte| *byte == b'\n') {
        match line.strip_prefix(b"\t") {
            Some(path) => {
                if let Ok(path) = model::checked_path(&unescaped(path)) {
                    visit(&package, &path)?;
                }
            }
            None => package = field(line),
        }
    }
    Ok(Some(()))
}

/// The lines, when they are all there.
pub(crate) fn lines(said: &[u8]) -> Option<Vec<&[u8]>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for end in memchr_iter(b'\n', said) {
        lines.push(said.get(start..end)?);
        start = end + 1;
    }
    let is_whole = start == said.len() && lines.pop()? == END.as_bytes();
    (is_whole && lines.len() <= PACKAGES).then_some(lines)
}

/// How a line of the old side begins, and one of the new side, where a comparison is said.
const SIDES: [u8; 2] = *b"-+";

/// Says in which packages two systems differ, each given as its packages are said.
pub(super) fn say_apart(to: &mut dyn Write, old: &[u8], new: &[u8]) -> io::Result<()> {
    let lines =
        |said| Vec::from_iter(<[u8]>::split(said, |byte| *byte == b'\n').filter(|line| !line.is_empty()));
    let (old, new) = apart(lines(old), lines(new));
    for (side, lines) in SIDES.into_iter().zip([old, new]) {
        for line in lines {
            to.write_all(&[side])?;
            to.write_all(line)?;
            to.write_all(b"\n")?;
        }
    }
    say_end(to)
}

/// The lines of both sides, when they are all there.
pub(crate) fn two_sides(said: &[u8]) -> Option<[Vec<&[u8]>; 2]> {
    let mut sides = [Vec::new(), Vec::new()];
    for line in lines(said)? {
        let (side, line) = line.split_first()?;
        let at = SIDES.iter().position(|known| known == side)?;
        sides.get_mut(at)?.push(line);
    }
    Some(sides)
}

/// The lines that only the one has and those that only the other has, each as often as it has it more often.
pub(crate) fn apart<'a>(mut old: Vec<&'a [u8]>, mut new: Vec<&'a [u8]>) -> (Vec<&'a [u8]>, Vec<&'a [u8]>) {
    old.sort_unstable();
    new.sort_unstable();
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    let (mut only_old, mut only_new) = (Vec::new(), Vec::new());
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return (only_old, only_new),
            (Some(a), Some(b)) if a == b => {
                old.next();
                new.next();
            }
            (Some(a), Some(b)) if b < a => only_new.extend(new.next()),
            (Some(_), _) => only_old.extend(old.next()),
            (None, Some(_)) => only_new.extend(new.next()),
        }
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// What is installed, as the process said it.
pub(crate) fn packages(said: &[u8]) -> Option<Vec<Package>> {
    lines(said)?.into_iter().map(package).collect()
}

/// A package, as the process said it in one line.
pub(crate) fn package(line: &[u8]) -> Option<Package> {
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
        let less = said.split_off(said.iter().position(|byte| *byte == b'\n').unwrap() + 1);
        assert_eq!(
            apart(
                lines(&less).unwrap(),
                lines(&[&said[..], &less].concat()).unwrap()
            ),
            (vec![], vec![&said[..said.len() - 1]])
        );
        let mut told = Vec::new();
        say_apart(&mut told, &less[..less.len() - 2], &said).unwrap();
        let [old, new] = two_sides(&told).unwrap();
        assert_eq!((old.len(), new), (1, vec![&said[..said.len() - 1]]));
        assert_eq!(package(old[0]), Some(all[1].clone()));
        assert_eq!(two_sides(&told[..told.len() - 2]), None);
        said.extend(less);
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
    fn files_are_heard_whatever_their_names_are() {
        let mut said = Vec::new();
        let paths = [&b"usr/bin/a"[..], b"usr/a b\n\\n\t", b"\xff"].map(<[u8]>::to_vec);
        say_files(&mut said, "a", paths.clone().into_iter()).unwrap();
        say_files(&mut said, "empty", std::iter::empty()).unwrap();
        say_files(
            &mut said,
            "b",
            [b"../etc/x".to_vec(), b"etc/b".to_vec()].into_iter(),
        )
        .unwrap();
        let mut whole = said.clone();
        say_end(&mut whole).unwrap();
        let mut heard = Vec::new();
        let mut visit = |package: &str, path: &[u8]| {
            heard.push((package.to_owned(), path.to_vec()));
            Ok(())
        };
        assert_eq!(files(&said, &mut visit).unwrap(), None, "cut short");
        assert_eq!(files(&whole, &mut visit).unwrap(), Some(()));
        assert_eq!(files(b".\n", &mut visit).unwrap(), Some(()));
        let expected = paths.map(|path| ("a".to_owned(), path));
        assert_eq!(heard[..3], expected);
        assert_eq!(
            heard[3..],
            [("b".to_owned(), b"etc/b".to_vec())],
            "a path that leads out is none"
        );
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
