// SPDX-License-Identifier: GPL-3.0-or-later
//! rpm's databases, read straight from a system's tree without running anything. Parsing happens in the process of
//! [`super::reader`].

mod header;
mod ndb;
mod sqlite;
pub mod version;

use super::reader::answer::{field, text};
use super::reader::{Bytes, Changelogs, Format, Source};
use super::{Database, Package, Tree, damaged};
use crate::Error;
use header::{Found, Header, tag};
use model::{LogEntry, Timestamp};
use std::collections::BTreeSet;
use std::io;

/// Where openSUSE and Fedora have the database: in the part that every snapshot has.
pub(crate) const SYSIMAGE: &str = "usr/lib/sysimage/rpm";
/// Where rpm had it before, and still has it elsewhere.
pub(crate) const VAR: &str = "var/lib/rpm";
/// How much of a header is read at first: name, version and architecture of nearly all packages lie in it.
const BEGINNING: usize = 4096;
/// The newest entries of a changelog that are looked at.
const ENTRIES: usize = 2000;
/// No package has more files; the largest in distributions have some 60,000.
const OWNED: usize = 1_000_000;

/// The files by which a database is known.
const FILES: [(&str, Option<Format>); 3] = [
    ("rpmdb.sqlite", Some(Format::RpmSqlite)),
    ("Packages.db", Some(Format::RpmNdb)),
    // Berkeley DB: rpm itself has only been able to convert it since 4.16.
    ("Packages", None),
];

/// The newest of the database files in a directory: a conversion may leave the old one behind.
fn file_in(tree: Tree<'_>, place: &str) -> Option<(&'static str, Option<Format>)> {
    let time = |name: &str| {
        let file = tree.file(&format!("{place}/{name}")).ok()??;
        let data = file.metadata().ok()?;
        (data.len() > 0).then(|| data.modified().ok())
    };
    let files = FILES
        .iter()
        .filter_map(|(name, format)| Some((time(name)?, (*name, *format))));
    files
        .max_by_key(|(time, (_, format))| (format.is_some(), *time))
        .map(|(_, found)| found)
}

/// Where a snapshot's database is; see [`super::dpkg::locate`].
pub(crate) fn locate(snapshot: Tree<'_>, running: Tree<'_>, var_is_apart: bool) -> Database {
    let places: &[&'static str] = if var_is_apart {
        &[SYSIMAGE]
    } else {
        &[SYSIMAGE, VAR]
    };
    let found = places
        .iter()
        .find_map(|place| Some((place, file_in(snapshot, place)?)));
    match found {
        Some((place, (_, Some(_)))) => Database::Inside(place),
        Some((_, (_, None))) => Database::Unknown,
        None if file_in(running, VAR).is_some() => Database::Outside,
        None => Database::None,
    }
}

/// Opens the database in the directory `place`.
pub(crate) fn source(tree: Tree<'_>, place: &str) -> Result<Source, Error> {
    let missing = |path: &str| Error::Damaged {
        path: format!("/{path}").into(),
        reason: "is missing".to_owned(),
    };
    let Some((name, Some(format))) = file_in(tree, place) else {
        return Err(missing(place));
    };
    let path = format!("{place}/{name}");
    let mut files = vec![tree.file(&path)?.ok_or_else(|| missing(&path))?.into()];
    if format == Format::RpmSqlite
        && let Some(log) = tree.file(&format!("{path}-wal"))?
        && log.metadata().is_ok_and(|data| data.len() > 0)
    {
        files.push(log.into());
    }
    Ok(Source { format, path, files })
}

type Fill<'a> = Box<dyn Fn(usize, &mut Vec<u8>) -> io::Result<()> + 'a>;

/// A package's header in a database, of which not more is read than is needed.
pub(crate) struct Blob<'a> {
    total: usize,
    place: Place<'a>,
}

enum Place<'a> {
    /// In one piece.
    Plain(&'a dyn Bytes, u64),
    /// Put together by this.
    Made(Fill<'a>),
}

impl std::fmt::Debug for Blob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl<'a> Blob<'a> {
    fn plain(file: &'a dyn Bytes, at: u64, total: usize) -> Self {
        Self {
            total,
            place: Place::Plain(file, at),
        }
    }

    fn made(total: usize, fill: Fill<'a>) -> Self {
        Self {
            total,
            place: Place::Made(fill),
        }
    }

    /// Reads the first `length` bytes.
    fn begin(&self, length: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let length = length.min(self.total);
        match &self.place {
            Place::Plain(file, at) => {
                bytes.resize(length, 0);
                if file.read_at(bytes, *at)? < length {
                    return Err(damaged("ends in the middle of a package".to_owned()));
                }
                Ok(())
            }
            Place::Made(fill) => {
                fill(length, bytes)?;
                match bytes.len() < length {
                    true => Err(damaged("ends in the middle of a package".to_owned())),
                    false => Ok(()),
                }
            }
        }
    }

    /// Reads something of which the beginning may be enough.
    fn read<T>(
        &self,
        bytes: &mut Vec<u8>,
        look: impl Fn(&Header<'_>) -> io::Result<Found<T>>,
    ) -> io::Result<T> {
        let mut length = BEGINNING;
        loop {
            self.begin(length, bytes)?;
            if let Some(header) = Header::parse(bytes, self.total)?
                && let Found::Value(value) = look(&header)?
            {
                return Ok(value);
            }
            if length >= self.total {
                return Err(damaged("has a header that is incomplete".to_owned()));
            }
            length = self.total;
        }
    }

    /// The identity of the build, where the header says it and it can be read without reading everything.
    fn build(&self, header: &Header<'_>) -> io::Result<Option<String>> {
        let (Place::Plain(file, at), Some(place)) = (&self.place, header.place(tag::SHA1HEADER)) else {
            return Ok(None);
        };
        let mut digits = [0; 40];
        let length = file.read_at(&mut digits, at + place as u64)?;
        let digits = digits.get(..length).unwrap_or_default();
        Ok(digits.iter().all(u8::is_ascii_hexdigit).then(|| field(digits)))
    }
}

/// Hands on what was found, or leaves the surrounding function with what was not.
macro_rules! found {
    ($look:expr) => {
        match $look? {
            Found::Value(value) => Some(value),
            Found::Nothing => None,
            Found::Beyond => return Ok(Found::Beyond),
        }
    };
}

fn package(blob: &Blob<'_>, header: &Header<'_>) -> io::Result<Found<Package>> {
    let name = found!(header.text(tag::NAME)).map(field).unwrap_or_default();
    if name.is_empty() {
        return Err(damaged("has a package without a name".to_owned()));
    }
    let version = found!(header.text(tag::VERSION)).map(field).unwrap_or_default();
    let release = found!(header.text(tag::RELEASE)).map(field).unwrap_or_default();
    let epoch = found!(header.number(tag::EPOCH)).filter(|epoch| *epoch > 0);
    let arch = found!(header.text(tag::ARCH)).map(field).unwrap_or_default();
    let size = match header.number(tag::SIZE)? {
        Found::Value(size) => size,
        Found::Beyond => return Ok(Found::Beyond),
        Found::Nothing => found!(header.number(tag::LONGSIZE)).unwrap_or(0),
    };
    let build = match blob.build(header)? {
        Some(build) => build,
        None => found!(header.number(tag::BUILDTIME)).map_or_else(String::new, |time| time.to_string()),
    };
    let epoch = epoch.map_or_else(String::new, |epoch| format!("{epoch}:"));
    Ok(Found::Value(Package {
        name,
        arch,
        version: format!("{epoch}{version}-{release}"),
        size,
        build,
        unfinished: String::new(),
    }))
}

/// One header by itself, for the fuzz target.
#[cfg(feature = "fuzzing")]
pub(crate) fn header(bytes: &dyn Bytes, total: usize) {
    let blob = Blob::plain(bytes, 0, total);
    let _ = blob.read(&mut Vec::new(), |header| package(&blob, header));
    let _ = changelogs(std::iter::once(blob), &["alpha"].into());
    let _ = files(std::iter::once(Blob::plain(bytes, 0, total)), &mut |_, _| Ok(()));
}

/// What is installed according to an sqlite database.
pub(crate) fn sqlite_installed(file: &dyn Bytes, log: Option<&dyn Bytes>) -> io::Result<Vec<Package>> {
    let database = sqlite::Database::open(file, log)?;
    let mut builds = database.index("Sha1header")?;
    let mut bytes = Vec::new();
    let blobs = database.blobs()?.into_iter();
    let packages = blobs.map(|(key, blob)| {
        let package = blob.read(&mut bytes, |header| package(&blob, header))?;
        let build = builds
            .remove(&key)
            .map_or(package.build, |build| field(build.as_bytes()));
        Ok(Package { build, ..package })
    });
    packages.collect()
}

/// What is installed according to an ndb database.
pub(crate) fn ndb_installed(file: &dyn Bytes) -> io::Result<Vec<Package>> {
    let mut bytes = Vec::new();
    let blobs = ndb::blobs(file)?.into_iter();
    blobs
        .map(|blob| blob.read(&mut bytes, |header| package(&blob, header)))
        .collect()
}

/// The changelogs of packages in an sqlite database.
pub(crate) fn sqlite_changelogs(
    file: &dyn Bytes,
    log: Option<&dyn Bytes>,
    names: &BTreeSet<&str>,
) -> io::Result<Changelogs> {
    let database = sqlite::Database::open(file, log)?;
    let blobs = database.blobs()?.into_iter().map(|(_, blob)| blob);
    changelogs(blobs, names)
}

/// The changelogs of packages in an ndb database.
pub(crate) fn ndb_changelogs(file: &dyn Bytes, names: &BTreeSet<&str>) -> io::Result<Changelogs> {
    changelogs(ndb::blobs(file)?.into_iter(), names)
}

fn changelogs<'a>(blobs: impl Iterator<Item = Blob<'a>>, names: &BTreeSet<&str>) -> io::Result<Changelogs> {
    let (mut found, mut bytes) = (Changelogs::new(), Vec::new());
    for blob in blobs {
        let name = blob.read(&mut bytes, |header| {
            header.text(tag::NAME).map(|name| match name {
                Found::Value(name) => Found::Value(field(name)),
                Found::Nothing => Found::Nothing,
                Found::Beyond => Found::Beyond,
            })
        })?;
        if !names.contains(name.as_str()) {
            continue;
        }
        blob.begin(blob.total, &mut bytes)?;
        let header = Header::parse(&bytes, blob.total)?;
        let header = header.ok_or_else(|| damaged("has a header that is incomplete".to_owned()))?;
        let times = header.numbers(tag::CHANGELOGTIME, ENTRIES);
        let authors = header.texts(tag::CHANGELOGNAME, ENTRIES)?;
        let texts = header.texts(tag::CHANGELOGTEXT, ENTRIES)?;
        let entries = times.into_iter().zip(authors).zip(texts);
        let entries = entries.map(|((time, author), said)| LogEntry {
            time: Timestamp::from_seconds(i64::from(time)),
            author: field(author),
            version: String::new(),
            text: text(said),
        });
        // Of several versions of one package the entries of all count.
        found.entry(name).or_default().extend(entries);
    }
    Ok(found)
}

/// Takes the files of one package: its name, and paths without the slash in front.
pub(crate) type Say<'a> = &'a mut dyn FnMut(&str, Vec<Vec<u8>>) -> io::Result<()>;

/// The files of packages in an sqlite database.
pub(crate) fn sqlite_files(file: &dyn Bytes, log: Option<&dyn Bytes>, say: Say<'_>) -> io::Result<()> {
    let database = sqlite::Database::open(file, log)?;
    let blobs = database.blobs()?.into_iter().map(|(_, blob)| blob);
    files(blobs, say)
}

/// The files of packages in an ndb database.
pub(crate) fn ndb_files(file: &dyn Bytes, say: Say<'_>) -> io::Result<()> {
    files(ndb::blobs(file)?.into_iter(), say)
}

fn files<'a>(blobs: impl Iterator<Item = Blob<'a>>, say: Say<'_>) -> io::Result<()> {
    let mut bytes = Vec::new();
    for blob in blobs {
        blob.begin(blob.total, &mut bytes)?;
        let header = Header::parse(&bytes, blob.total)?;
        let header = header.ok_or_else(|| damaged("has a header that is incomplete".to_owned()))?;
        let Found::Value(name) = header.text(tag::NAME)? else {
            continue;
        };
        let directories = header.texts(tag::DIRNAMES, OWNED)?;
        let places = header.numbers(tag::DIRINDEXES, OWNED);
        let names = header.texts(tag::BASENAMES, OWNED)?;
        let split = names.into_iter().zip(places).map(|(name, place)| {
            let directory = directories.get(place as usize).copied().unwrap_or_default();
            [directory, name].concat()
        });
        // Packages of before 2000 have whole names.
        let whole = header.texts(tag::OLDFILENAMES, OWNED)?;
        let paths = split.chain(whole.into_iter().map(<[u8]>::to_vec));
        let plain = paths.filter_map(|path| Some(path.strip_prefix(b"/")?.to_vec()));
        say(&field(name), plain.collect())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
