// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use proptest::prelude::*;
use std::io::Read as _;

const SQLITE: &[u8] = include_bytes!("../../../../tests/fixtures/rpm/rpmdb.sqlite.gz");
const LOG: &[u8] = include_bytes!("../../../../tests/fixtures/rpm/rpmdb.sqlite-wal.gz");
const NDB: &[u8] = include_bytes!("../../../../tests/fixtures/rpm/Packages.db.gz");
const LIST: &str = include_str!("../../../../tests/fixtures/rpm/list");

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

/// As `rpm -qa` was asked for the list.
fn shown(packages: &[Package]) -> Vec<String> {
    let line = |it: &Package| {
        let epoch = if it.version.contains(':') { "" } else { "0:" };
        format!(
            "{} {epoch}{} {} {} {}",
            it.name, it.version, it.arch, it.size, it.build
        )
    };
    let mut lines: Vec<_> = packages.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn real_databases_are_read_as_rpm_reads_them() {
    let list: Vec<_> = LIST.lines().collect();
    assert_eq!(shown(&sqlite_read(&unpacked(SQLITE), None).unwrap()), list);
    assert_eq!(shown(&ndb_installed(&unpacked(NDB)).unwrap()), list);
}

fn sqlite_read(file: &Vec<u8>, log: Option<&Vec<u8>>) -> io::Result<Vec<Package>> {
    sqlite_installed(file, log.map(|log| log as &dyn Bytes))
}

#[test]
fn what_was_committed_to_the_log_counts() {
    let (file, log) = (unpacked(SQLITE), unpacked(LOG));
    let names = |log: &Vec<u8>| {
        let packages = sqlite_read(&file, Some(log)).unwrap();
        let mut names: Vec<_> = packages.into_iter().map(|it| it.name).collect();
        names.sort();
        names
    };
    assert_eq!(names(&log), ["alpha", "beta", "beta"]);
    // Cut in the second transaction, the first counts alone; damaged in the first, none does.
    assert_eq!(names(&log[..log.len() - 1].to_vec()), ["alpha", "beta"]);
    let mut bad = log.clone();
    bad[32 + 24 + 100] ^= 1;
    assert_eq!(names(&bad), ["alpha", "beta", "gamma"]);
    assert_eq!(names(&Vec::new()), ["alpha", "beta", "gamma"]);
}

#[test]
fn changelogs_are_read_of_the_packages_that_were_asked_for() {
    let names = BTreeSet::from(["alpha", "gamma", "absent"]);
    let (sqlite, ndb) = (unpacked(SQLITE), unpacked(NDB));
    let found = sqlite_changelogs(&sqlite, None, &names).unwrap();
    assert_eq!(found, ndb_changelogs(&ndb, &names).unwrap());
    let alpha = &found["alpha"];
    assert_eq!(alpha.len(), 2);
    assert_eq!(alpha[0].author, "A Person <a@example.org> - 1.2-1");
    assert_eq!(alpha[0].text, "- Fix CVE-2026-1234 (bsc#1)\n- More");
    assert_eq!(alpha[0].time, Timestamp::from_seconds(1_772_452_800));
    assert_eq!(found["gamma"][0].text, "- Ünïcode");
    assert_eq!(found.len(), 2);
    assert_eq!(super::super::changelog::fixes(alpha), ["CVE-2026-1234"]);
}

#[test]
fn files_are_read_with_the_packages_that_own_them() {
    let mut told = [Vec::new(), Vec::new()];
    let [sqlite, ndb] = &mut told;
    let mut say = |name: &str, paths: Vec<Vec<u8>>| {
        sqlite.push((name.to_owned(), paths));
        Ok(())
    };
    sqlite_files(&unpacked(SQLITE), None, &mut say).unwrap();
    let mut say = |name: &str, paths: Vec<Vec<u8>>| {
        ndb.push((name.to_owned(), paths));
        Ok(())
    };
    ndb_files(&unpacked(NDB), &mut say).unwrap();
    told.iter_mut().for_each(|it| it.sort());
    let [sqlite, ndb] = told;
    assert_eq!(sqlite, ndb);
    let names: BTreeSet<&str> = sqlite.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["alpha", "beta", "gamma"]));
    assert!(
        sqlite
            .iter()
            .flat_map(|(_, paths)| paths)
            .all(|path| path[0] != b'/')
    );
}

#[test]
fn damage_is_named() {
    let reason = |bytes: Vec<u8>| sqlite_read(&bytes, None).unwrap_err().to_string();
    assert_eq!(reason(b"nothing of the sort".to_vec()), "is no SQLite database");
    let ndb = |bytes: Vec<u8>| ndb_installed(&bytes).unwrap_err().to_string();
    assert_eq!(ndb(vec![0; 5000]), "is no ndb database of version 0");
    assert_eq!(
        ndb(unpacked(NDB)[..20_000].to_vec()),
        "has a slot that points nowhere"
    );
    let mut circle = unpacked(SQLITE);
    // The schema's tree, made an inner page that leads to itself.
    circle[100] = 5;
    circle[103..105].copy_from_slice(&[0, 0]);
    circle[108..112].copy_from_slice(&1_u32.to_be_bytes());
    assert!(reason(circle).contains("leads back to itself"));
    // One row, five hundred times on its page.
    let mut heap = unpacked(SQLITE);
    for page in heap.chunks_exact_mut(4096).filter(|page| page[0] == 0x0d) {
        page[3..5].copy_from_slice(&500_u16.to_be_bytes());
        let first = [page[8], page[9]];
        page[8..1008].copy_from_slice(&first.repeat(500));
    }
    assert_eq!(reason(heap), "has rows that overlap");
}

#[test]
fn a_database_is_found_where_a_system_has_it() {
    use std::os::fd::AsFd as _;
    let found = |files: &[(&str, &str)], running: &[&str], apart: bool| {
        let make = |files: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            for (name, content) in files {
                let path = dir.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            dir
        };
        let running: Vec<_> = running.iter().map(|name| (*name, "x")).collect();
        let (snapshot, running) = (make(files), make(&running));
        let open = |dir: &tempfile::TempDir| std::fs::File::open(dir.path()).unwrap();
        let (snapshot, running) = (open(&snapshot), open(&running));
        let tree = Tree::new(snapshot.as_fd());
        let database = locate(tree, Tree::new(running.as_fd()), apart);
        let format = match database {
            Database::Inside(place) => source(tree, place).ok().map(|it| (it.format, it.files.len())),
            _ => None,
        };
        (database, format)
    };
    let (ndb, sqlite) = (
        "usr/lib/sysimage/rpm/Packages.db",
        "usr/lib/sysimage/rpm/rpmdb.sqlite",
    );
    let inside = Database::Inside(SYSIMAGE);
    assert_eq!(
        found(&[(ndb, "x")], &[], true),
        (inside, Some((Format::RpmNdb, 1)))
    );
    assert_eq!(
        found(&[(sqlite, "x")], &[], true),
        (inside, Some((Format::RpmSqlite, 1)))
    );
    let log = "usr/lib/sysimage/rpm/rpmdb.sqlite-wal";
    assert_eq!(
        found(&[(sqlite, "x"), (log, "x")], &[], true),
        (inside, Some((Format::RpmSqlite, 2)))
    );
    assert_eq!(
        found(&[(sqlite, "x"), (log, "")], &[], true),
        (inside, Some((Format::RpmSqlite, 1)))
    );
    let old = ("usr/lib/sysimage/rpm/Packages", "x");
    assert_eq!(found(&[old], &[], true), (Database::Unknown, None));
    assert_eq!(
        found(&[old, (ndb, "x")], &[], true),
        (inside, Some((Format::RpmNdb, 1)))
    );
    let var = ("var/lib/rpm/rpmdb.sqlite", "x");
    assert_eq!(found(&[var], &[var.0], true), (Database::Outside, None));
    assert_eq!(found(&[var], &[var.0], false).0, Database::Inside(VAR));
    assert_eq!(found(&[], &[], false), (Database::None, None));
}

fn damaged_copy(of: &[u8], hits: &[(prop::sample::Index, u8)], cut: prop::sample::Index) -> Vec<u8> {
    let mut bytes = unpacked(of);
    for (at, value) in hits {
        let at = at.index(bytes.len());
        bytes[at] = *value;
    }
    bytes.truncate(bytes.len() - cut.index(bytes.len()) / 8);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_databases_are_read_or_refused(
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2000),
        cut: prop::sample::Index,
    ) {
        let names = BTreeSet::from(["alpha", "beta"]);
        let file = damaged_copy(SQLITE, &hits, cut);
        let log = damaged_copy(LOG, &hits, cut);
        let _ = sqlite_read(&file, Some(&log));
        let _ = sqlite_changelogs(&file, None, &names);
        let ndb = damaged_copy(NDB, &hits, cut);
        let _ = ndb_installed(&ndb);
        let _ = ndb_changelogs(&ndb, &names);
    }

    #[test]
    fn any_header_is_read(tags in proptest::collection::vec((995_u32..1030, 0_u32..10, 0_u32..80, 0_u32..4), 0..12), data in proptest::collection::vec(any::<u8>(), 0..64), keep: prop::sample::Index) {
        let mut bytes = (tags.len() as u32).to_be_bytes().to_vec();
        bytes.extend((data.len() as u32).to_be_bytes());
        for (tag, kind, offset, count) in &tags {
            for number in [tag, kind, offset, count] {
                bytes.extend(number.to_be_bytes());
            }
        }
        bytes.extend(&data);
        let blob = Blob::plain(&bytes, 0, bytes.len());
        let _ = blob.read(&mut Vec::new(), |header| package(&blob, header));
        let part = &bytes[..keep.index(bytes.len())];
        if let Ok(Some(header)) = Header::parse(part, bytes.len()) {
            let _ = package(&blob, &header);
        }
        let cut = Blob::plain(&bytes, 1, bytes.len());
        prop_assert!(cut.begin(bytes.len(), &mut Vec::new()).is_err());
    }
}
