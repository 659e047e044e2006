// SPDX-License-Identifier: GPL-3.0-or-later
//! pacman's local database, read straight from a system's tree without running anything: one directory a package, in it
//! the file `desc`. Parsing happens in the process of [`super::reader`].

pub mod version;

use super::reader::answer::field;
use super::reader::{Format, Source};
use super::rpm::Say;
use super::{Database, Package, Tree, damaged};
use crate::Error;
use rustix::fs::{Dir, Mode, OFlags, ResolveFlags, openat2};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::BorrowedFd;

/// Where the database is.
pub(crate) const PLACE: &str = "var/lib/pacman";
/// More packages than this are not read.
const PACKAGES: usize = 100_000;
/// No description is longer; what is read of it comes first.
const LENGTH: u64 = 256 * 1024;
/// No list of files is longer; the longest has some 5 MiB.
const LIST: u64 = 32 << 20;

/// Where a snapshot's database is; see [`super::dpkg::locate`].
pub(crate) fn locate(snapshot: Tree<'_>, running: Tree<'_>, var_is_apart: bool) -> Database {
    let version = format!("{PLACE}/local/ALPM_DB_VERSION");
    if !var_is_apart && snapshot.has_content(&version) {
        Database::Inside(PLACE)
    } else if running.exists(&version) {
        Database::Outside
    } else {
        Database::None
    }
}

/// Opens the database in the directory `place`.
pub(crate) fn source(tree: Tree<'_>, place: &str) -> Result<Source, Error> {
    let path = format!("{place}/local");
    let directory = tree.open(&path, OFlags::RDONLY | OFlags::DIRECTORY);
    let directory = directory.map_err(|source| Error::io(format!("open /{path}"), source))?;
    Ok(Source {
        format: Format::Pacman,
        path,
        files: vec![directory],
    })
}

/// Reads a file of every package in the directory `local`.
fn each(
    local: BorrowedFd<'_>,
    what: &str,
    limit: u64,
    mut take: impl FnMut(&str, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = openat2(local, ".", flags, Mode::empty(), ResolveFlags::BENEATH)?;
    for entry in Dir::new(directory)?.take(PACKAGES) {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            return Err(damaged("has a package whose name is no text".to_owned()));
        };
        if name.starts_with('.') || name == "ALPM_DB_VERSION" {
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let file = openat2(local, format!("{name}/{what}"), flags, Mode::empty(), resolve)?;
        let mut text = Vec::new();
        File::from(file).take(limit).read_to_end(&mut text)?;
        take(name, &text)?;
    }
    Ok(())
}

/// What is installed according to the directory `local`.
pub(crate) fn installed(local: BorrowedFd<'_>) -> io::Result<Vec<Package>> {
    let mut packages = Vec::new();
    each(local, "desc", LENGTH, |_, text| {
        packages.push(parse(text)?);
        Ok(())
    })?;
    Ok(packages)
}

/// The files of every package according to the directory `local`. A directory is named after package, version and
/// release.
pub(crate) fn files(local: BorrowedFd<'_>, say: Say<'_>) -> io::Result<()> {
    each(local, "files", LIST, |directory, text| {
        let mut parts = directory.rsplitn(3, '-').skip(2);
        say(&field(parts.next().unwrap_or(directory).as_bytes()), listed(text))
    })
}

/// The paths of a list: after `%FILES%` until an empty line; those of directories end with a slash.
fn listed(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text
        .split(|byte| *byte == b'\n')
        .skip_while(|line| *line != b"%FILES%");
    let paths = lines.skip(1).take_while(|line| !line.is_empty());
    paths
        .map(|path| path.strip_suffix(b"/").unwrap_or(path).to_vec())
        .collect()
}

/// Reads a description: `%NAME%`, then its lines, then an empty one.
///
/// # Errors
/// `InvalidData` when it names no package or version.
pub fn parse(text: &[u8]) -> io::Result<Package> {
    let mut package = Package::default();
    let mut lines = text.split(|byte| *byte == b'\n');
    while let Some(line) = lines.next() {
        let number = |value: &[u8]| std::str::from_utf8(value).ok()?.trim().parse().ok();
        let mut value = || lines.next().unwrap_or_default();
        match line {
            b"%NAME%" => package.name = field(value()),
            b"%VERSION%" => package.version = field(value()),
            b"%ARCH%" => package.arch = field(value()),
            b"%SIZE%" => package.size = number(value()).unwrap_or(0),
            b"%BUILDDATE%" => package.build = field(value()),
            _ => {}
        }
    }
    if package.name.is_empty() || package.version.is_empty() {
        return Err(damaged("describes no package".to_owned()));
    }
    Ok(package)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::fd::AsFd as _;

    const DESC: &str = "%NAME%\nzlib\n\n%VERSION%\n1:1.3.1-2\n\n%BASE%\nzlib\n\n%DESC%\nCompression\n\n%ARCH%\nx86_64\n\n\
                        %BUILDDATE%\n1715000000\n\n%INSTALLDATE%\n1715000001\n\n%PACKAGER%\nA <a@b>\n\n%SIZE%\n349412\n\n";

    #[test]
    fn a_directory_of_descriptions_is_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ALPM_DB_VERSION"), "9\n").unwrap();
        std::fs::create_dir(dir.path().join("zlib-1:1.3.1-2")).unwrap();
        let desc = dir.path().join("zlib-1:1.3.1-2/desc");
        std::fs::write(&desc, DESC).unwrap();
        let local = File::open(dir.path()).unwrap();
        let packages = installed(local.as_fd()).unwrap();
        let [zlib] = &packages[..] else {
            panic!("{packages:?}")
        };
        assert_eq!(
            (&*zlib.name, &*zlib.version, &*zlib.arch, zlib.size, &*zlib.build),
            ("zlib", "1:1.3.1-2", "x86_64", 349_412, "1715000000")
        );
        let list = "%FILES%\nusr/\nusr/lib/\nusr/lib/libz.so.1\n\n%BACKUP%\netc/z\t0\n";
        std::fs::write(dir.path().join("zlib-1:1.3.1-2/files"), list).unwrap();
        let mut told = Vec::new();
        let mut say = |name: &str, paths: Vec<Vec<u8>>| {
            told.push((name.to_owned(), paths));
            Ok(())
        };
        files(local.as_fd(), &mut say).unwrap();
        let paths = [&b"usr"[..], b"usr/lib", b"usr/lib/libz.so.1"].map(<[u8]>::to_vec);
        assert_eq!(told, [("zlib".to_owned(), paths.to_vec())]);
        // A description that lies elsewhere is none.
        std::fs::remove_file(&desc).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &desc).unwrap();
        assert!(installed(local.as_fd()).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(%[A-Z]{0,5}%\\n[a-z0-9%]{0,4}\\n){0,9}", any in ".{0,40}") {
            let _ = parse(text.as_bytes());
            let _ = parse(any.as_bytes());
        }
    }
}
