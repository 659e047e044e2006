// SPDX-License-Identifier: GPL-3.0-or-later
//! Packages that a person wants to have or to be rid of, by apt: what the suite of all engines does not ask.

use crate::Case;
use engine::{Engine as _, Error, Outcome};
use model::{
    ChangeKind, FailureCode, PackageWish, Phase, Refusal, RefusalCode, SnapshotId, UpdateSet, WishKind,
};
use support::machine::{Kit, Machine, Record, failure};
use support::repository::Deb;

pub(crate) const CASES: &[Case] = &[
    ("wishes::installed_on_top_of_a_pending_update", stacked),
    ("wishes::removing_says_what_else_goes", removed),
    ("wishes::essential_packages_stay", essential),
    ("wishes::what_cannot_be_installed_is_a_conflict", conflict),
    ("wishes::others_are_not_removed_silently", pushed_out),
    ("wishes::failing_script_leaves_the_old_system", failing),
];

pub(crate) fn wish(kind: WishKind, names: &[&str]) -> PackageWish {
    PackageWish::new(kind, names.iter().map(|it| (*it).to_owned()))
}

pub(crate) fn change(machine: &Machine<'_>, wish: &PackageWish) -> Result<Outcome<SnapshotId>, Error> {
    let record = Record::default();
    let engine = machine.engine();
    let result = record.with(|context| engine.change_packages(wish, context));
    record.print_on_panic();
    result
}

pub(crate) fn plan(machine: &Machine<'_>, wish: &PackageWish) -> Result<UpdateSet, Error> {
    let engine = machine.engine();
    Record::default().with(|context| engine.plan_packages(wish, context))
}

/// What a plan says, one line a package.
pub(crate) fn shown(set: &UpdateSet) -> Vec<String> {
    let line = |it: &model::PackageChange| format!("{} {} {}>{}", it.name, it.kind, it.old, it.new);
    set.packages.iter().map(line).collect()
}

pub(crate) fn refused(result: Result<Outcome<SnapshotId>, Error>) -> RefusalCode {
    match result {
        Err(Error::Refused(Refusal { code, .. })) => code,
        other => panic!("not refused but {other:?}"),
    }
}

fn stacked(kit: &Kit) {
    let machine = Machine::new(kit);
    machine.publish(&[
        Deb::new("alpha", "2"),
        Deb::new("g++tool", "5")
            .field("Depends: delta")
            .large("usr/share/g++tool/data", 50_000),
        Deb::new("delta", "1"),
    ]);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(2)));
    let wish = wish(WishKind::Install, &["g++tool"]);
    let set = plan(&machine, &wish).unwrap();
    assert_eq!(shown(&set), ["delta added >1", "g++tool added >5"]);
    assert!(set.download_size > 50_000 && set.installed_delta > 0, "{set:?}");
    let record = Record::default();
    let engine = machine.engine();
    let result = record.with(|context| engine.change_packages(&wish, context));
    record.print_on_panic();
    assert_eq!(result.unwrap(), Outcome::Changed(SnapshotId(3)));
    let (phases, rises) = record.phases();
    assert!(rises && phases.contains(&Phase::Install), "{phases:?}");
    machine.assert_snapshots(&[1, 2, 3], 3);
    machine.assert_new_system(3);
    assert_eq!(machine.read(3, "usr/share/alpha/version"), "2");
    assert_eq!(machine.read(3, "usr/share/g++tool/version"), "5");
    assert_eq!(machine.read(2, "usr/share/g++tool/version"), "");
    let changes = engine
        .package_changes(Some(SnapshotId(2)), Some(SnapshotId(3)))
        .unwrap();
    assert!(changes.iter().all(|it| it.kind == ChangeKind::Added) && changes.len() == 2);
    // Everything is so already.
    assert_eq!(change(&machine, &wish).unwrap(), Outcome::Unchanged);
    machine.assert_snapshots(&[1, 2, 3], 3);
}

fn removed(kit: &Kit) {
    let machine = Machine::new(kit);
    machine.publish(&[Deb::new("delta", "1").field("Depends: alpha")]);
    assert_eq!(
        change(&machine, &wish(WishKind::Install, &["delta"])).unwrap(),
        Outcome::Changed(SnapshotId(2))
    );
    let mut wish = wish(WishKind::Remove, &["alpha"]);
    assert_eq!(
        shown(&plan(&machine, &wish).unwrap()),
        ["alpha removed 1>", "delta removed 1>"]
    );
    assert_eq!(refused(change(&machine, &wish)), RefusalCode::RemovesMore);
    machine.assert_snapshots(&[1, 2], 2);
    wish.removes = vec!["delta".to_owned()];
    assert_eq!(change(&machine, &wish).unwrap(), Outcome::Changed(SnapshotId(3)));
    machine.assert_new_system(3);
    for name in ["alpha", "delta"] {
        assert_eq!(machine.read(3, &format!("usr/share/{name}/version")), "");
        assert_eq!(machine.read(2, &format!("usr/share/{name}/version")), "1");
    }
    machine.assert_running_untouched();
}

fn essential(kit: &Kit) {
    let machine = Machine::new(kit);
    let mut wish = wish(WishKind::Remove, &["dpkg"]);
    for removes in [Vec::new(), vec!["apt".to_owned(), "dpkg".to_owned()]] {
        wish.removes = removes;
        for failure in [
            failure(plan(&machine, &wish).map(|set| shown(&set))),
            failure(change(&machine, &wish)),
        ] {
            assert_eq!(failure.code, FailureCode::Essential, "{}", failure.detail);
            assert!(!failure.args["package"].is_empty());
        }
    }
    machine.assert_old_system();
}

fn conflict(kit: &Kit) {
    let machine = Machine::new(kit);
    machine.publish(&[Deb::new("delta", "1").field("Depends: nowhere")]);
    let wish = wish(WishKind::Install, &["delta"]);
    let failure = failure(change(&machine, &wish));
    assert_eq!(failure.code, FailureCode::Conflict, "{}", failure.detail);
    machine.assert_old_system();
}

/// What would push another package out is shown, and done only when that was agreed to.
fn pushed_out(kit: &Kit) {
    let machine = Machine::new(kit);
    machine.publish(&[Deb::new("delta", "1").field("Conflicts: gamma")]);
    Record::default().check(&machine.engine()).unwrap();
    let mut wish = wish(WishKind::Install, &["delta"]);
    assert_eq!(
        shown(&plan(&machine, &wish).unwrap()),
        ["delta added >1", "gamma removed 1>"]
    );
    assert_eq!(refused(change(&machine, &wish)), RefusalCode::RemovesMore);
    machine.assert_old_system();
    wish.removes = vec!["gamma".to_owned()];
    assert_eq!(change(&machine, &wish).unwrap(), Outcome::Changed(SnapshotId(2)));
    assert!(!machine.disk.snapshot(2).join("usr/share/gamma").exists());
    machine.assert_new_system(2);
}

fn failing(kit: &Kit) {
    let machine = Machine::new(kit);
    machine.publish(&[Deb::new("delta", "1").script("postinst", "exit 1")]);
    let failure = failure(change(&machine, &wish(WishKind::Install, &["delta"])));
    assert_eq!(failure.code, FailureCode::PackageScript, "{}", failure.detail);
    machine.assert_old_system();
}
