// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use proptest::prelude::*;
use std::os::fd::AsFd as _;

const STATUS: &str = include_str!("../../../../tests/fixtures/apt/dpkg-status");

fn parsed(text: &str) -> Result<Vec<Record>, String> {
    parse(text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn a_real_database_is_read() {
    let records = parsed(STATUS).unwrap();
    let shown: Vec<_> = records
        .iter()
        .map(|r| {
            format!(
                "{} {} {} {:?} {}",
                r.package.name, r.package.arch, r.package.version, r.stage, r.package.size
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "alpha all 1:2-1 Installed 40960",
            "base-files amd64 13.8+deb13u7 Installed 512000",
            "gamma all 1 Absent 40960",
            "libc6 amd64 2.41-12+deb13u4 Installed 13543424",
            "zlib1g amd64 1:1.3.dfsg+really1.3.1-1+b1 Unfinished 177152",
        ]
    );
}

#[test]
fn damage_is_named() {
    assert_eq!(
        parsed("Version: 1\n").unwrap_err(),
        "has a paragraph without a package name"
    );
    assert_eq!(parsed("Package: a\n\n").unwrap_err(), "has no valid status of a");
    assert_eq!(
        parsed("Package: a\nStatus: install ok\n").unwrap_err(),
        "has no valid status of a"
    );
    assert_eq!(parsed("\n\n \n").unwrap(), []);
    // A field of a megabyte is skipped, and what follows it is still read.
    let long = format!(
        "Package: a\nConffiles: {}\nStatus: install ok installed\n",
        "x".repeat(1 << 20)
    );
    assert_eq!(parsed(&long).unwrap()[0].stage, Stage::Installed);
}

struct Fixture(tempfile::TempDir);

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        Self(dir)
    }

    fn with<T>(&self, work: impl FnOnce(Tree<'_>) -> T) -> T {
        let file = std::fs::File::open(self.0.path()).unwrap();
        work(Tree::new(file.as_fd()))
    }

    fn link(&self, target: &str, path: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }
}

#[test]
fn a_database_outside_the_snapshots_is_recognized() {
    let inside = Fixture::new(&[("var/lib/dpkg/status", STATUS)]);
    let sysimage = Fixture::new(&[("usr/lib/sysimage/dpkg/status", STATUS)]);
    sysimage.link("/usr/lib/sysimage/dpkg", "var/lib/dpkg");
    let empty = Fixture::new(&[]);
    let locate = |snapshot: &Fixture, running: &Fixture, apart| {
        snapshot.with(|snapshot| running.with(|running| locate(snapshot, running, apart)))
    };
    assert_eq!(locate(&inside, &inside, false), Database::Inside(ADMIN));
    assert_eq!(locate(&sysimage, &sysimage, true), Database::Inside(SYSIMAGE));
    // What lies below the place where /var is mounted is never seen: it is no database.
    assert_eq!(locate(&inside, &inside, true), Database::Outside);
    assert_eq!(locate(&empty, &inside, true), Database::Outside);
    assert_eq!(locate(&empty, &empty, false), Database::None);
}

#[test]
fn links_do_not_lead_out_of_the_tree() {
    let outside = Fixture::new(&[("status", STATUS)]);
    let hostile = Fixture::new(&[]);
    hostile.link(
        &format!("{}", outside.0.path().display()),
        "usr/lib/sysimage/dpkg",
    );
    hostile.link(
        "../../../../../../../../../../../../../../proc/self/root",
        "var/lib/dpkg",
    );
    hostile.with(|tree| {
        assert!(!tree.has_content("usr/lib/sysimage/dpkg/status"));
        assert!(!tree.exists("var/lib/dpkg/etc"));
    });
}

#[test]
fn only_a_finished_database_verifies() {
    let good = "Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: deinstall ok config-files\n";
    let verify = |fixture: &Fixture| {
        fixture.with(|tree| {
            let file = std::fs::File::from(source(tree, ADMIN)?.files.remove(0));
            let mut installed = Vec::new();
            visit_installed(std::io::BufReader::new(file), |package| {
                installed.push(package.clone());
                Ok(())
            })
            .unwrap();
            crate::packages::complete(&installed)?;
            verify_journal(tree, ADMIN)
        })
    };
    assert!(verify(&Fixture::new(&[("var/lib/dpkg/status", good)])).is_ok());
    for status in [
        "install ok half-configured",
        "install reinstreq installed",
        "install ok triggers-pending",
    ] {
        let bad = format!("{good}\nPackage: c\nStatus: {status}\n");
        let error = verify(&Fixture::new(&[("var/lib/dpkg/status", &bad)]))
            .unwrap_err()
            .failure();
        assert_eq!(
            (error.code, error.args["package"].as_str()),
            (FailureCode::Unverified, "c")
        );
    }
    let journal = Fixture::new(&[("var/lib/dpkg/status", good), ("var/lib/dpkg/updates/0001", "x")]);
    assert_eq!(
        verify(&journal).unwrap_err().failure().code,
        FailureCode::Unverified
    );
    assert!(verify(&Fixture::new(&[("var/lib/dpkg/status", "")])).is_err());
    assert!(matches!(verify(&Fixture::new(&[])), Err(Error::Damaged { .. })));
}

proptest! {
    #[test]
    fn where_reading_stops_does_not_matter(
        lines in proptest::collection::vec("(Package: a|STATUS: install ok installed |version:\\t1|Architecture: all|Installed-Size: 7|x: [a-z]{0,9}| more|\\PC{0,9}| ?)", 0..60),
        size in 1_usize..40,
    ) {
        let text = lines.join("\n");
        let whole = parsed(&text);
        let parts = parse(std::io::BufReader::with_capacity(size, text.as_bytes()));
        prop_assert_eq!(parts.map_err(|error| error.to_string()), whole);
    }

    #[test]
    fn leaving_out_what_both_have_changes_no_difference(
        old in proptest::collection::vec(("[a-e]", 0_u8..3, "(\n| \n\n|\n\n\n)"), 0..9),
        new in proptest::collection::vec(("[a-e]", 0_u8..3, "(\n| \n\n|\n\n\n)"), 0..9),
        is_cut in any::<bool>(),
    ) {
        let text = |packages: Vec<(String, u8, String)>| {
            let mut text: String = packages
                .into_iter()
                .map(|(name, version, end)| {
                    format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: all\n{end}")
                })
                .collect();
            if is_cut {
                text.truncate(text.trim_end().len());
            }
            text
        };
        let (old, new) = (text(old), text(new));
        let difference = |old: &[u8], new: &[u8]| {
            let count = |bytes: &[u8], by: i32, counts: &mut std::collections::BTreeMap<_, i32>| {
                for record in parse(bytes).unwrap() {
                    *counts.entry((record.package.name, record.package.version)).or_default() += by;
                }
            };
            let mut counts = std::collections::BTreeMap::new();
            count(old, -1, &mut counts);
            count(new, 1, &mut counts);
            counts.retain(|_, count| *count != 0);
            counts
        };
        let [less_old, less_new] = without_common(old.as_bytes(), new.as_bytes()).map(|parts| parts.concat());
        prop_assert_eq!(difference(&less_old, &less_new), difference(old.as_bytes(), new.as_bytes()));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _: std::io::Result<Vec<Record>> = parse(&bytes[..]);
        prop_assert!(without_common(&bytes, &bytes).map(|parts| parts.concat()).iter().all(Vec::is_empty));
    }
}
