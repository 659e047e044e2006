// SPDX-License-Identifier: GPL-3.0-or-later
//! What the makers of packages wrote about their versions, and which security problems they say are fixed.

use super::reader::Changelogs;
use super::reader::answer::{field, text};
use flate2::read::MultiGzDecoder;
use model::{LogEntry, Timestamp};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::fd::BorrowedFd;

/// The directory of Debian's changelogs.
pub(crate) const DOCS: &str = "usr/share/doc";
/// How much of a changelog is read, uncompressed: the newest comes first.
const LENGTH: u64 = 512 * 1024;
/// So many entries are read of each.
const ENTRIES: usize = 200;
/// So many problems are named for one package.
const FIXES: usize = 200;

/// Reads the changelogs of Debian packages below `/usr/share/doc`. Where there is none, there is none.
pub(crate) fn debian(docs: BorrowedFd<'_>, names: &BTreeSet<&str>) -> io::Result<Changelogs> {
    let mut found = BTreeMap::new();
    for name in names.iter().filter(|name| !name.contains('/')) {
        let files = ["changelog.Debian.gz", "changelog.gz"];
        let file = files.iter().find_map(|file| {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
            // A package may point to the directory of another, but nowhere else.
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            openat2(docs, format!("{name}/{file}"), flags, Mode::empty(), resolve).ok()
        });
        if let Some(file) = file {
            let reader = BufReader::new(MultiGzDecoder::new(File::from(file)).take(LENGTH));
            found.insert((*name).to_owned(), parse(reader));
        }
    }
    Ok(found)
}

/// Reads a changelog (deb-changelog(5)). What is no entry is skipped, and damage ends it.
pub fn parse(reader: impl BufRead) -> Vec<LogEntry> {
    let (mut entries, mut body) = (Vec::new(), Vec::new());
    let mut version = None;
    for line in reader.split(b'\n').map_while(Result::ok) {
        if entries.len() >= ENTRIES {
            break;
        }
        if let Some(trailer) = line.strip_prefix(b" -- ") {
            let said: Vec<u8> = std::mem::take(&mut body);
            let Some(version) = version.take() else { continue };
            let trailer = field(trailer);
            let (author, date) = trailer.rsplit_once("  ").unwrap_or((&trailer, ""));
            entries.push(LogEntry {
                time: date_of(date).unwrap_or_default(),
                author: author.trim().to_owned(),
                version,
                text: text(&said),
            });
        } else if line.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            let line = field(&line);
            let inside = line.split_once(" (").and_then(|(_, rest)| rest.split_once(')'));
            version = inside.map(|(version, _)| version.to_owned());
            body.clear();
        } else if body.len() < LENGTH as usize {
            body.extend_from_slice(&line);
            body.push(b'\n');
        }
    }
    entries
}

/// The moment of `Mon, 02 Jan 2006 15:04:05 +0100`.
fn date_of(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut words = text.split_once(", ")?.1.split_ascii_whitespace();
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = 1 + MONTHS.iter().position(|month| *month == name)? as u64;
    let year: u64 = words.next()?.parse().ok()?;
    let (clock, zone) = (words.next()?, words.next()?);
    let date = crate::native::parse_date(&format!("{year:04}-{month:02}-{day:02} {clock}"))?;
    let zone: i64 = zone.parse().ok().filter(|zone| (-1400..=1400).contains(zone))?;
    let ahead = (zone / 100 * 60 + zone % 100) * 60;
    Some(Timestamp::from_seconds(
        i64::try_from(date.seconds()).ok()?.checked_sub(ahead)?,
    ))
}

/// The security problems that entries name, as `CVE-2026-1234`, each once and sorted.
pub fn fixes<'a>(entries: impl IntoIterator<Item = &'a LogEntry>) -> Vec<String> {
    let mut fixes = BTreeSet::new();
    for entry in entries {
        let text = entry.text.as_str();
        for (at, _) in text.match_indices("CVE-") {
            let rest = text.split_at(at + 4).1;
            let year = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (year, rest) = rest.split_at(year);
            let number = rest.strip_prefix('-').unwrap_or_default();
            let number = number
                .split_at(number.bytes().take_while(u8::is_ascii_digit).count())
                .0;
            if year.len() == 4 && (4..=8).contains(&number.len()) && fixes.len() < FIXES {
                fixes.insert(format!("CVE-{year}-{number}"));
            }
        }
    }
    fixes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;
    use std::os::fd::AsFd as _;

    const LOG: &str = "alpha (1:2-1) unstable; urgency=high\n\n  * Fix CVE-2026-1234 and CVE-2026-12345.\n  * More\n\n \
                       -- A Person <a@example.org>  Mon, 02 Mar 2026 15:04:05 +0100\n\nalpha (1-1) unstable; urgency=low\n\n  \
                       * First\n\n -- B <b@example.org>  Sun, 01 Mar 2026 00:00:00 +0000\n";

    #[test]
    fn entries_of_a_changelog_are_read() {
        let entries = parse(LOG.as_bytes());
        let shown: Vec<_> = entries
            .iter()
            .map(|it| (it.version.as_str(), it.author.as_str(), it.time.seconds()))
            .collect();
        assert_eq!(
            shown,
            [
                ("1:2-1", "A Person <a@example.org>", 1_772_460_245),
                ("1-1", "B <b@example.org>", 1_772_323_200)
            ]
        );
        assert_eq!(
            entries[0].text,
            "  * Fix CVE-2026-1234 and CVE-2026-12345.\n  * More"
        );
        assert_eq!(fixes(&entries), ["CVE-2026-1234", "CVE-2026-12345"]);
    }

    #[test]
    fn dates_out_of_range_are_none() {
        let zoned = |zone: &str| date_of(&format!("Mon, 02 Mar 2026 15:04:05 {zone}"));
        assert!(zoned("-1400").is_some());
        for zone in ["+1401", "-1401", "-9223372036854775808", "9223372036854775807"] {
            assert_eq!(zoned(zone), None, "{zone}");
        }
        assert_eq!(date_of("Sun, 00 Mar 2026 15:04:05 +0000"), None);
    }

    #[test]
    fn changelogs_are_found_below_their_directory_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(path("docs/alpha")).unwrap();
        std::fs::create_dir_all(path("outside")).unwrap();
        let write = |to: &str| {
            let mut gz =
                flate2::write::GzEncoder::new(File::create(path(to)).unwrap(), flate2::Compression::fast());
            gz.write_all(LOG.as_bytes()).unwrap();
            gz.finish().unwrap();
        };
        write("docs/alpha/changelog.Debian.gz");
        write("outside/changelog.gz");
        std::os::unix::fs::symlink("alpha", path("docs/libalpha")).unwrap();
        std::os::unix::fs::symlink("../outside", path("docs/evil")).unwrap();
        let docs = File::open(path("docs")).unwrap();
        let names = BTreeSet::from(["alpha", "libalpha", "evil", "../outside", "absent"]);
        let found = debian(docs.as_fd(), &names).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(name, entries)| (name.as_str(), entries.len()))
            .collect();
        assert_eq!(found, [("alpha", 2), ("libalpha", 2)]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([a-z]( \\([0-9]\\))?| -- a  Mon, [0-9]{1,3} Feb 20[0-9]{2} 25:0:9 .0|  .{0,9}|\\n){0,20}", any in ".{0,60}") {
            for text in [&text, &any] {
                let entries = parse(text.as_bytes());
                let _ = fixes(&entries);
                let _ = date_of(text);
            }
        }

        #[test]
        fn problems_are_well_formed(text in "(CVE-|20[0-9]{2}|-|[0-9]{1,9}|x){0,12}") {
            let entry = LogEntry { text, ..LogEntry::default() };
            for fix in fixes([&entry]) {
                prop_assert!(fix.len() >= 13 && fix.len() <= 17);
            }
        }
    }
}
