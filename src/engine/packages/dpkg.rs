// SPDX-License-Identifier: GPL-3.0-or-later
//! dpkg's database, read straight from a system's tree without running anything.

mod files;

pub(crate) use files::visit as visit_files;

use super::reader::{Format, Source};
use super::tree::Tree;
use super::{Database, Package, damaged};
use crate::Error;
use crate::run::line::clean;
use model::{Failure, FailureCode};
use std::io::{BufRead, Read};

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

/// What is installed according to a `status` file, whole or in parts.
pub(crate) fn installed(reader: impl BufRead) -> std::io::Result<Vec<Package>> {
    let records = parse(reader)?.into_iter();
    let package = |record: Record| match record.stage {
        Stage::Absent => None,
        Stage::Installed => Some(record.package),
        Stage::Unfinished => Some(Package {
            unfinished: clean(record.status.as_bytes()),
            ..record.package
        }),
    };
    Ok(records.filter_map(package).collect())
}

/// Parses a database: the paragraphs of a control file (deb-control(5)), each with a status.
///
/// # Errors
/// `InvalidData` when a paragraph has no package name or no status, anything else from reading.
pub fn parse(reader: impl BufRead) -> std::io::Result<Vec<Record>> {
    let mut records = Vec::new();
    paragraphs(reader, |package, status| {
        let stage =
            stage(&status).ok_or_else(|| damaged(format!("has no valid status of {}", package.name)))?;
        records.push(Record {
            package,
            stage,
            status,
        });
        Ok(())
    })?;
    Ok(records)
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

/// Hands out each paragraph's package and `Status`. Fields that are not of interest are skipped unseen.
pub(crate) fn paragraphs(
    mut reader: impl BufRead,
    mut take: impl FnMut(Package, String) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut fields = Fields::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = (&mut reader)
            .take(LINE_LIMIT as u64)
            .read_until(b'\n', &mut line)?;
        let complete = line.pop_if(|byte| *byte == b'\n').is_some();
        if length == LINE_LIMIT && !complete {
            skip_line(&mut reader)?;
        }
        if length > 0 && !line.iter().all(u8::is_ascii_whitespace) {
            fields.take(&line);
            continue;
        }
        let Fields { any, package, status } = std::mem::take(&mut fields);
        if any && package.name.is_empty() {
            return Err(damaged("has a paragraph without a package name".to_owned()));
        }
        if any {
            take(package, status)?;
        }
        if length == 0 {
            return Ok(());
        }
    }
}

fn skip_line(reader: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let (length, done) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(length);
        if done {
            return Ok(());
        }
    }
}

#[derive(Default)]
struct Fields {
    any: bool,
    package: Package,
    status: String,
}

impl Fields {
    fn take(&mut self, line: &[u8]) {
        self.any = true;
        // A continuation line begins with a space and belongs to a field that is not read here.
        if line.first().is_some_and(u8::is_ascii_whitespace) {
            return;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return;
        };
        let place = match line[..colon].to_ascii_lowercase().as_slice() {
            b"package" => &mut self.package.name,
            b"status" => &mut self.status,
            b"architecture" => &mut self.package.arch,
            b"version" => &mut self.package.version,
            b"installed-size" => {
                let value = std::str::from_utf8(&line[colon + 1..]).unwrap_or_default();
                let kibibytes: u64 = value.trim().parse().unwrap_or(0);
                self.package.size = kibibytes.saturating_mul(1024);
                return;
            }
            _ => return,
        };
        *place = clean(&line[colon + 1..]).trim().to_owned();
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
