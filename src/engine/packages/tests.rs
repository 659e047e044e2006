// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use model::LogEntry;
use proptest::prelude::*;

fn package(name: &str, arch: &str, version: &str) -> Package {
    Package {
        name: name.into(),
        arch: arch.into(),
        version: version.into(),
        ..Package::default()
    }
}

fn shown(from: &[Package], to: &[Package]) -> Vec<String> {
    changes(from, to, version::compare)
        .iter()
        .map(|c| format!("{}:{} {} {}>{}", c.name, c.arch, c.kind, c.old, c.new))
        .collect()
}

#[test]
fn each_package_is_compared_with_itself() {
    let from = [
        package("same", "all", "1"),
        package("up", "amd64", "1"),
        package("up", "i386", "1"),
        package("down", "all", "1:1"),
        package("gone", "all", "1"),
        package("moved", "all", "1"),
    ];
    let to = [
        package("new", "all", "3"),
        package("same", "all", "1"),
        package("up", "i386", "1"),
        package("up", "amd64", "2~rc1"),
        package("down", "all", "9"),
        package("moved", "amd64", "1.1"),
    ];
    assert_eq!(
        shown(&from, &to),
        [
            "down:all downgraded 1:1>9",
            "gone:all removed 1>",
            "moved:amd64 upgraded 1>1.1",
            "new:all added >3",
            "up:amd64 upgraded 1>2~rc1",
        ]
    );
    assert!(shown(&to, &to).is_empty());
}

#[test]
fn what_is_installed_in_several_versions_is_paired_by_version() {
    let from = [package("kernel", "x", "2"), package("kernel", "x", "1")];
    let to = [package("kernel", "x", "3"), package("kernel", "x", "2")];
    assert_eq!(shown(&from, &to), ["kernel:x upgraded 1>3"]);
    assert_eq!(shown(&from[..1], &from), ["kernel:x added >1"]);
    let built = |build: &str| Package {
        build: build.into(),
        ..package("a", "x", "1")
    };
    assert_eq!(shown(&[built("1")], &[built("2")]), ["a:x rebuilt 1>1"]);
    assert_eq!(
        shown(&[built("1"), built("2")], &[built("2"), built("1")]),
        [""; 0]
    );
}

#[test]
fn security_problems_are_named_that_lie_between_two_versions() {
    let entry = |time, version: &str, text: &str| LogEntry {
        time: model::Timestamp(time),
        version: version.into(),
        text: text.into(),
        ..LogEntry::default()
    };
    let logs = |entries: &[LogEntry]| BTreeMap::from([("a".to_owned(), entries.to_vec())]);
    let named = |old: &str, new: &str, before: &[LogEntry], after: &[LogEntry]| {
        let mut changes = changes(
            &[package("a", "all", old)],
            &[package("a", "all", new)],
            version::compare,
        );
        mark_fixes(&mut changes, &logs(before), &logs(after), version::compare);
        (changes[0].security, changes[0].fixes.clone())
    };
    let some = |fix: &str| (true, vec![fix.to_owned()]);
    // Where entries name versions, the higher side's changelog is enough.
    let entries = [entry(2, "3", "CVE-2026-0003"), entry(1, "2", "CVE-2026-0002")];
    assert_eq!(named("2", "3", &[], &entries), some("CVE-2026-0003"));
    assert_eq!(named("3", "2", &entries, &[]), some("CVE-2026-0003"));
    assert_eq!(named("3", "4", &[], &entries), (false, Vec::new()));
    // Where they do not, what only one side has is new.
    let (old, new) = (entry(1, "", "CVE-2026-0002"), entry(2, "", "CVE-2026-0003"));
    assert_eq!(
        named("2", "3", std::slice::from_ref(&old), &[new.clone(), old.clone()]),
        some("CVE-2026-0003")
    );
    assert_eq!(
        named("3", "2", &[new, old.clone()], &[old]),
        some("CVE-2026-0003")
    );
}

#[test]
fn a_security_update_between_two_versions_is_marked() {
    let versions = BTreeMap::from([("a".to_owned(), vec!["2".to_owned()])]);
    for (old, new, marked) in [
        ("1", "2", true),
        ("3", "1", true),
        ("2", "3", false),
        ("2", "1", true),
        ("1", "1.9", false),
    ] {
        let mut changes = changes(
            &[package("a", "all", old)],
            &[package("a", "all", new)],
            version::compare,
        );
        mark_security(&mut changes, &versions, version::compare);
        assert_eq!(changes[0].security, marked, "{old} {new}");
    }
}

fn packages() -> impl Strategy<Value = Vec<Package>> {
    let one = ("[a-c]", "(all|amd64|i386)", "[0-2]");
    proptest::collection::vec(one, 0..8).prop_map(|list| {
        let unique: BTreeMap<_, _> = list
            .into_iter()
            .map(|(name, arch, version)| ((name, arch), version))
            .collect();
        unique
            .into_iter()
            .map(|((name, arch), version)| package(&name, &arch, &version))
            .collect()
    })
}

proptest! {
    #[test]
    fn the_way_back_is_the_mirror_image(from in packages(), to in packages()) {
        let there = changes(&from, &to, version::compare);
        let back = changes(&to, &from, version::compare);
        prop_assert_eq!(there.len(), back.len());
        let mut swapped: Vec<_> = back.iter().map(|c| (&c.name, &c.new, &c.old)).collect();
        let mut plain: Vec<_> = there.iter().map(|c| (&c.name, &c.old, &c.new)).collect();
        swapped.sort();
        plain.sort();
        prop_assert_eq!(plain, swapped);
        prop_assert!(changes(&from, &from, version::compare).is_empty());
    }
}
