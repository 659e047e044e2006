// SPDX-License-Identifier: GPL-3.0-or-later
//! Packages that a person wants to have or to be rid of, by zypper.

use super::questions::{Person, licensed_as};
use super::{Rpm, machine, publish};
use crate::wishes::{change, plan, refused, shown, wish};
use engine::{Engine as _, Outcome};
use model::{FailureCode, QuestionKind, RefusalCode, SnapshotId, WishKind};
use support::machine::{Kit, Record, failure};

pub(crate) const CASES: &[crate::Case] = &[
    ("zypper::installed_on_top_of_a_pending_update", stacked),
    ("zypper::a_search_finds_names_and_summaries", found),
    ("zypper::removing_says_what_else_goes", removed),
    ("zypper::names_that_nobody_lists", unknown),
    ("zypper::what_cannot_be_installed_is_a_conflict", conflict),
    ("zypper::a_license_is_asked_for_what_is_installed", license),
];

fn stacked(kit: &Kit) {
    let machine = machine(kit);
    let tool = Rpm {
        header: "Requires: delta",
        ..Rpm::new("g++tool", "5")
    };
    publish(&machine, &[Rpm::new("alpha", "2"), tool, Rpm::new("delta", "1")]);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(2)));
    let wish = wish(WishKind::Install, &["g++tool"]);
    let set = plan(&machine, &wish).unwrap();
    assert_eq!(shown(&set), ["delta added >1-1", "g++tool added >5-1"]);
    assert!(set.download_size > 0);
    let record = Record::default();
    let engine = machine.engine();
    let result = record.with(|context| engine.change_packages(&wish, context));
    record.print_on_panic();
    assert_eq!(result.unwrap(), Outcome::Changed(SnapshotId(3)));
    assert!(record.phases().1);
    machine.assert_snapshots(&[1, 2, 3], 3);
    assert_eq!(machine.read(3, "usr/share/alpha/version"), "2\n");
    assert_eq!(machine.read(3, "usr/share/g++tool/version"), "5\n");
    assert_eq!(machine.read(2, "usr/share/g++tool/version"), "");
    machine.assert_running_untouched();
    assert_eq!(change(&machine, &wish).unwrap(), Outcome::Unchanged);
    machine.assert_snapshots(&[1, 2, 3], 3);
}

fn found(kit: &Kit) {
    let machine = machine(kit);
    publish(
        &machine,
        &[
            Rpm::new("zoo", "3"),
            Rpm::new("zoo", "10"),
            Rpm::new("zoo-data", "4"),
        ],
    );
    let engine = machine.engine();
    Record::default().check(&engine).unwrap();
    let search = |text: &str| {
        let found = Record::default()
            .with(|context| engine.search(text, 10, context))
            .unwrap();
        let line = |it: model::Listed| format!("{} {} {} {}", it.name, it.version, it.installed, it.summary);
        found.packages.into_iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(search("zoo"), ["zoo 10-1  zoo", "zoo-data 4-1  zoo-data"]);
    assert_eq!(search("ALPHA"), ["alpha 1-1 1-1 alpha"]);
    for text in ["nowhere", "-y", "*", "zoo;"] {
        assert!(search(text).is_empty(), "{text}");
    }
    machine.assert_old_system();
}

fn removed(kit: &Kit) {
    let machine = machine(kit);
    // theta insists on it.
    let mut wish = wish(WishKind::Remove, &["beta"]);
    assert_eq!(
        shown(&plan(&machine, &wish).unwrap()),
        ["beta removed 1-1>", "theta removed 1-1>"]
    );
    assert_eq!(refused(change(&machine, &wish)), RefusalCode::RemovesMore);
    machine.assert_old_system();
    wish.removes = vec!["theta".to_owned()];
    assert_eq!(change(&machine, &wish).unwrap(), Outcome::Changed(SnapshotId(2)));
    for name in ["beta", "theta"] {
        assert_eq!(machine.read(2, &format!("usr/share/{name}/version")), "");
        assert_eq!(machine.read(1, &format!("usr/share/{name}/version")), "1\n");
    }
    machine.assert_running_untouched();
}

fn unknown(kit: &Kit) {
    let machine = machine(kit);
    publish(&machine, &[Rpm::new("zoo", "3")]);
    Record::default().check(&machine.engine()).unwrap();
    for kind in [WishKind::Install, WishKind::Remove] {
        for name in [
            "nowhere",
            "local:zoo",
            "zoo=3",
            "zoo>1",
            "-zoo",
            "!alpha",
            "z*",
            "--force-resolution",
            "/srv/rpm/zoo-3.rpm",
            "zoo; touch /hurt",
            "/bin/sh",
        ] {
            let failure = failure(change(&machine, &wish(kind, &["alpha", name])));
            assert_eq!(
                (failure.code, failure.args["package"].as_str()),
                (FailureCode::UnknownPackage, name),
                "{}",
                failure.detail
            );
        }
    }
    machine.assert_old_system();
}

fn conflict(kit: &Kit) {
    let machine = machine(kit);
    let zoo = Rpm {
        header: "Requires: nowhere",
        ..Rpm::new("zoo", "3")
    };
    publish(&machine, &[zoo]);
    let wish = wish(WishKind::Install, &["zoo"]);
    let failed = failure(change(&machine, &wish));
    assert_eq!(failed.code, FailureCode::Conflict, "{}", failed.detail);
    machine.assert_old_system();
}

fn license(kit: &Kit) {
    let machine = machine(kit);
    licensed_as(&machine, "zoo");
    let wish = wish(WishKind::Install, &["zoo"]);
    let failed = failure(change(&machine, &wish));
    assert_eq!(failed.code, FailureCode::License, "{}", failed.detail);
    machine.assert_old_system();
    let person = Person::answering(&[1]);
    let engine = machine.engine();
    let result = person.with(|context| engine.change_packages(&wish, context));
    assert_eq!(result.unwrap(), Outcome::Changed(SnapshotId(2)));
    let asked = person.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        (asked[0].kind, asked[0].args["package"].as_str()),
        (QuestionKind::License, "zoo")
    );
    assert_eq!(machine.read(2, "usr/share/zoo/version"), "2\n");
}
