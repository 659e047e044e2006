// SPDX-License-Identifier: GPL-3.0-or-later
//! dpkg's database, read straight from a system's tree without running anything.

mod files;

pub(crate) use files::visit as visit_files;

use super::reader::{Format, Source};
use super::tree::Tree;
use super::{Database, Package, damaged};
use crate::Error;
use crate::run::line::clean;
use memchr::memmem::Finder;
use memchr::{memchr, memrchr};
use model::{Failure, FailureCode};
use std::io::BufRead;

/// Where the database belongs on a system with snapshots: beside rpm's, in the part that every snapshot has.
pub(crate) const SYSIMAGE: &str = "usr/lib/sysimage/dpkg";
/// Where dpkg looks for it.
pub(crate) const ADMIN: &str = "var/lib/dpkg";
/// The largest database that is read; Debian with every package installed stays below it.
const SIZE_LIMIT: u64 = 64 * 1024 * 1024;
/// The longest line that is looked at; a longer one belongs to no field that is read here.
const LINE_LIMIT: usize = 64 * 1024;

/// Where a snapshot's database is. `running` is the running system's root, `var_is_apart` whether its `/var` is no part
/// of the snapshots, so that what a snapshot has there is never seen when it runs.
pub(crate) fn locate(snapshot: Tree<'_>, running: Tree<'_>, var_is_apart: bool) -> Database {
    let places: &[&'static str] = if var_is_apart {
        &[SYSIMAGE]
    } else {
        &[SYSIMAGE, ADMIN]
    };
    let found = places
        .iter()
        .find(|place| snapshot.has_content(&format!("{place}/status")));
    match found {
        Some(place) => Database::Inside(place),
        None if running.exists(&format!("{ADMIN}/status")) => Database::Outside,
        None => Database::None,
    }
}

/// The state of a package, from the third word of its `Status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not there, though the database remembers it.
    Absent,
    /// Unpacked and configured.
    Installed,
    /// Anything between.
    Unfinished,
}

/// One paragraph of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The package.
    pub package: Package,
    /// How far it is.
    pub stage: Stage,
    /// The `Status` field.
    pub status: String,
}

/// Opens the database's `status` file in the directory `place`.
pub(crate) fn source(tree: Tree<'_>, place: &str) -> Result<Source, Error> {
    let path = format!("{place}/status");
    let is = |reason: String| Error::Damaged {
        path: format!("/{path}").into(),
        reason,
    };
    let file = tree.file(&path)?.ok_or_else(|| is("is missing".to_owned()))?;
    let size = file
        .metadata()
        .map_err(|source| Error::io(format!("look at /{path}"), source))?
        .len();
    if size > SIZE_LIMIT {
        return Err(is(format!("is larger than {SIZE_LIMIT} bytes")));
    }
    Ok(Source {
        format: Format::Dpkg,
        path,
        files: vec![file.into()],
    })
}

/// Hands out what is installed according to a `status` file, whole or in parts.
pub(crate) fn visit_installed(
    reader: impl BufRead,
    mut take: impl FnMut(&Package) -> std::io::Result<()>,
) -> std::io::Result<()> {
    paragraphs(reader, |package, status| {
        match stage_of(package, status)? {
            Stage::Absent => return Ok(()),
            Stage::Installed => {}
            Stage::Unfinished => package.unfinished = clean(status.as_bytes()),
        }
        take(package)
    })
}

/// Parses a database: the paragraphs of a control file (deb-control(5)), each with a status.
///
/// # Errors
/// `InvalidData` when a paragraph has no package name or no status, anything else from reading.
pub fn parse(reader: impl BufRead) -> std::io::Result<Vec<Record>> {
    let mut records = Vec::new();
    paragraphs(reader, |package, status| {
        records.push(Record {
            stage: stage_of(package, status)?,
            package: std::mem::take(package),
            status: status.to_owned(),
        });
        Ok(())
    })?;
    Ok(records)
}

/// Leaves out of two databases what both have, whole paragraphs byte by byte. What is left differs, or is the same at
/// another place.
pub(crate) fn without_common<'a>(mut old: &'a [u8], mut new: &'a [u8]) -> [Vec<&'a [u8]>; 2] {
    let end = Finder::new(b"\n\n");
    let first = |bytes: &'a [u8]| match end.find(bytes) {
        Some(at) => bytes.split_at(at + 2),
        None => (bytes, &[][..]),
    };
    // The first field, by which dpkg sorts its database: it tells who has a paragraph more.
    let name = |paragraph: &'a [u8]| paragraph.split(|byte| *byte == b'\n').next();
    let (mut only_old, mut only_new) = (Vec::new(), Vec::new());
    while !old.is_empty() && !new.is_empty() {
        let (of_old, behind_old) = first(old);
        if let Some(behind_new) = new.strip_prefix(of_old) {
            (old, new) = (behind_old, behind_new);
            continue;
        }
        let (of_new, behind_new) = first(new);
        let order = name(of_old).cmp(&name(of_new));
        if order.is_le() {
            only_old.push(of_old);
            old = behind_old;
        }
        if order.is_ge() {
            only_new.push(of_new);
            new = behind_new;
        }
    }
    only_old.push(old);
    only_new.push(new);
    [only_old, only_new]
}

fn stage_of(package: &Package, status: &str) -> std::io::Result<Stage> {
    stage(status).ok_or_else(|| damaged(format!("has no valid status of {}", package.name)))
}

fn stage(status: &str) -> Option<Stage> {
    let mut words = status.split(' ');
    let (_want, flag, stage) = (words.next()?, words.next()?, words.next()?);
    Some(match (flag, stage, words.next()) {
        (_, _, Some(_)) => return None,
        ("ok", "installed", None) => Stage::Installed,
        ("ok", "not-installed" | "config-files", None) => Stage::Absent,
        _ => Stage::Unfinished,
    })
}

/// Hands out each paragraph's package, which may be taken, and `Status`. Fields that are not of interest are skipped
/// unseen: a system has some ten megabytes of them. When all that are were read, the paragraph is over at the next empty
/// line; before, a line of spaces ends it too.
pub(crate) fn paragraphs(
    mut reader: impl BufRead,
    mut take: impl FnMut(&mut Package, &str) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let end_of_paragraph = Finder::new(b"\n\n");
    let mut fields = Fields::default();
    // The beginning of a line whose end is not read yet.
    let mut begun = Vec::new();
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            fields.line(&begun, &mut take)?;
            return fields.end(&mut take);
        }
        let mut rest = buffer;
        while !rest.is_empty() {
            if fields.are_complete() && begun.is_empty() {
                // The line before this place has ended, so the line after it may be the empty one.
                if let Some(behind) = rest.strip_prefix(b"\n") {
                    rest = behind;
                    fields.end(&mut take)?;
                    continue;
                }
                match end_of_paragraph.find(rest) {
                    Some(at) => {
                        rest = rest.get(at + 2..).unwrap_or_default();
                        fields.end(&mut take)?;
                        continue;
                    }
                    // Where the last line of the buffer begins, reading goes on line by line.
                    None => {
                        let last = memrchr(b'\n', rest).map_or(0, |at| at + 1);
                        rest = rest.get(last..).unwrap_or_default();
                    }
                }
            }
            let Some(at) = memchr(b'\n', rest) else {
                begin(&mut begun, rest);
                break;
            };
            let (line, behind) = rest.split_at(at);
            rest = behind.get(1..).unwrap_or_default();
            if begun.is_empty() {
                fields.line(cut(line), &mut take)?;
            } else {
                begin(&mut begun, line);
                fields.line(&begun, &mut take)?;
                begun.clear();
            }
        }
        let length = buffer.len();
        reader.consume(length);
    }
}

/// As much of a line as is looked at.
fn cut(line: &[u8]) -> &[u8] {
    line.get(..LINE_LIMIT).unwrap_or(line)
}

fn begin(line: &mut Vec<u8>, more: &[u8]) {
    let room = LINE_LIMIT.saturating_sub(line.len());
    line.extend_from_slice(more.get(..room).unwrap_or(more));
}

#[derive(Default)]
struct Fields {
    any: bool,
    /// Which of those that are of interest were read, one bit each.
    read: u8,
    package: Package,
    status: String,
}

impl Fields {
    /// Whether nothing else of the paragraph is of interest: all is read, and a field that comes twice is no database's.
    fn are_complete(&self) -> bool {
        self.read == 0b1_1111
    }

    /// Takes a line of a paragraph, or the empty one behind it.
    fn line(
        &mut self,
        line: &[u8],
        take: impl FnMut(&mut Package, &str) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let is_blank = match self.are_complete() {
            true => line.is_empty(),
            false => line.iter().all(u8::is_ascii_whitespace),
        };
        if is_blank {
            return self.end(take);
        }
        if self.are_complete() {
            return Ok(());
        }
        self.any = true;
        self.field(line);
        Ok(())
    }

    /// Ends a paragraph.
    fn end(
        &mut self,
        mut take: impl FnMut(&mut Package, &str) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        self.read = 0;
        if !std::mem::take(&mut self.any) {
            return Ok(());
        }
        if self.package.name.is_empty() {
            return Err(damaged("has a paragraph without a package name".to_owned()));
        }
        take(&mut self.package, &self.status)?;
        // The memory is used again.
        let Package {
            name,
            arch,
            version,
            size,
            build,
            unfinished,
        } = &mut self.package;
        for text in [name, arch, version, build, unfinished, &mut self.status] {
            text.clear();
        }
        *size = 0;
        Ok(())
    }

    fn field(&mut self, line: &[u8]) {
        // A continuation line begins with a space and belongs to a field that is not read here.
        if !matches!(line.first(), Some(first) if b"pasvi".contains(&first.to_ascii_lowercase())) {
            return;
        }
        let Some(colon) = memchr(b':', line) else {
            return;
        };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let is = |field: &[u8]| name.eq_ignore_ascii_case(field);
        let (number, place) = if is(b"package") {
            (0, &mut self.package.name)
        } else if is(b"status") {
            (1, &mut self.status)
        } else if is(b"architecture") {
            (2, &mut self.package.arch)
        } else if is(b"version") {
            (3, &mut self.package.version)
        } else if is(b"installed-size") {
            let value = std::str::from_utf8(value).unwrap_or_default();
            let kibibytes: u64 = value.trim().parse().unwrap_or(0);
            self.package.size = kibibytes.saturating_mul(1024);
            self.read |= 1 << 4;
            return;
        } else {
            return;
        };
        self.read |= 1 << number;
        place.clear();
        push_clean(place, value);
    }
}

/// Adds what [`clean`] makes of a value, without the spaces around it.
fn push_clean(place: &mut String, value: &[u8]) {
    let value = value.trim_ascii();
    match std::str::from_utf8(value) {
        Ok(text) if value.iter().all(|byte| matches!(byte, b' '..=b'~')) => place.push_str(text),
        _ => place.push_str(clean(value).trim()),
    }
}

/// Fails when a change waits in dpkg's journal.
pub(crate) fn verify_journal(tree: Tree<'_>, place: &str) -> Result<(), Error> {
    let journal = tree.names(&format!("{place}/updates"), 10_000)?;
    if let Some(entry) = journal.first() {
        let detail = format!(
            "dpkg's journal holds {} unfinished entries, first {entry}",
            journal.len()
        );
        let failure = Failure::new(FailureCode::Unverified, detail);
        return Err(Error::Unverified(failure.with("package", "dpkg")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
