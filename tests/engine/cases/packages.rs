// SPDX-License-Identifier: GPL-3.0-or-later
//! Looking for packages, installing and removing them.

use super::{Case, refusal};
use crate::bench::{Bench, INSTALLED, run, run_cancelled, system};
use engine::{Error, Outcome};
use libtest_mimic::Failed;
use model::{ChangeKind, FailureCode, PackageWish, Phase, RefusalCode, SnapshotId, UpdateSet, WishKind};

pub(super) fn cases() -> Vec<Case> {
    super::cases!(Transactional, Packages:
        a_search_finds_what_is_installed_and_what_there_is,
        a_package_is_installed_with_what_it_needs,
        an_installation_continues_what_is_pending,
        what_is_installed_already_leaves_no_trace,
        a_package_is_removed,
        what_needs_a_package_is_removed_only_when_agreed,
        a_name_that_nobody_lists_leaves_no_trace,
        an_installation_can_be_cancelled,
    )
    .to_vec()
}

fn wish(kind: WishKind, names: &[&str]) -> PackageWish {
    PackageWish::new(kind, names.iter().map(|it| (*it).to_owned()))
}

fn plan(bench: &dyn Bench, wish: &PackageWish) -> Result<UpdateSet, Error> {
    run(|context| bench.engine().plan_packages(wish, context)).0
}

fn change(bench: &dyn Bench, wish: &PackageWish) -> Result<Outcome<SnapshotId>, Error> {
    run(|context| bench.engine().change_packages(wish, context)).0
}

fn ask_repositories(bench: &dyn Bench) -> Result<UpdateSet, Error> {
    run(|context| bench.engine().check(context)).0
}

/// Name, kind and versions.
fn brief(set: &UpdateSet) -> Vec<(&str, ChangeKind, &str, &str)> {
    let brief = |it| -> (&str, ChangeKind, &str, &str) {
        let it: &model::PackageChange = it;
        (&it.name, it.kind, &it.old, &it.new)
    };
    set.packages.iter().map(brief).collect()
}

fn a_search_finds_what_is_installed_and_what_there_is(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.stock(&[("zoo", "3", ""), ("zoo-data", "4", ""), (INSTALLED, "2", "")]);
    let before = system(bench);
    ask_repositories(bench)?;
    let search = |text: &str, limit| run(|context| bench.engine().search(text, limit, context)).0;
    let found = search("ZOO", 10)?;
    let shown: Vec<_> = found
        .packages
        .iter()
        .map(|it| (it.name.as_str(), it.version.as_str(), it.installed.as_str()))
        .collect();
    assert_eq!(shown, [("zoo", "3", ""), ("zoo-data", "4", "")]);
    assert_eq!(found.more, 0);
    let first = search("zoo", 1)?;
    assert_eq!(
        (first.packages.len(), first.more, first.packages[0].name.as_str()),
        (1, 1, "zoo")
    );
    let own = search(INSTALLED, 1)?;
    assert_eq!(
        (
            own.packages[0].version.as_str(),
            own.packages[0].installed.as_str()
        ),
        ("2", "1")
    );
    for text in ["nothing-has-this-name", "-y", "'; exit 1", "*"] {
        assert!(search(text, 10)?.packages.is_empty(), "{text}");
    }
    assert_eq!(system(bench), before);
    Ok(())
}

fn a_package_is_installed_with_what_it_needs(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.stock(&[("zoo", "3", "zoo-data"), ("zoo-data", "4", "")]);
    ask_repositories(bench)?;
    let before = system(bench);
    let wish = wish(WishKind::Install, &["zoo"]);
    let set = plan(bench, &wish)?;
    assert_eq!(
        brief(&set),
        [
            ("zoo", ChangeKind::Added, "", "3"),
            ("zoo-data", ChangeKind::Added, "", "4")
        ]
    );
    assert!(set.download_size > 0);
    assert_eq!(system(bench), before);
    let (result, seen) = run(|context| bench.engine().change_packages(&wish, context));
    assert_eq!(result?, Outcome::Changed(SnapshotId(2)));
    let known: Vec<_> = seen.progress.iter().filter_map(|it| it.permille).collect();
    assert!(
        known.is_sorted() && known.iter().all(|it| *it <= 1000),
        "{known:?}"
    );
    let after = system(bench);
    assert_eq!(
        (after.booted, after.default),
        (Some(SnapshotId(1)), Some(SnapshotId(2)))
    );
    let made = &after.snapshots[&SnapshotId(2)];
    assert!(made.read_only && made.is_not_booted() && !made.is_in_progress());
    assert_eq!(
        (made.description.as_str(), made.cleanup.0.as_str()),
        ("Installed: zoo", "number")
    );
    let changes = bench.engine().package_changes(None, Some(SnapshotId(2)))?;
    assert_eq!(changes.len(), 2);
    Ok(())
}

fn an_installation_continues_what_is_pending(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    run(|context| bench.engine().update(context)).0?;
    bench.stock(&[("zoo", "3", "")]);
    let wish = wish(WishKind::Install, &["zoo"]);
    assert_eq!(change(bench, &wish)?, Outcome::Changed(SnapshotId(3)));
    let after = system(bench);
    assert_eq!(
        after.snapshots[&SnapshotId(3)].parent_uuid,
        after.snapshots[&SnapshotId(2)].uuid
    );
    assert_eq!(after.to_state().pending_updates(), [SnapshotId(3), SnapshotId(2)]);
    let changes = bench.engine().package_changes(None, Some(SnapshotId(3)))?;
    let names: Vec<_> = changes
        .iter()
        .map(|it| (it.name.as_str(), it.new.as_str()))
        .collect();
    assert_eq!(names, [(INSTALLED, "2"), ("zoo", "3")]);
    Ok(())
}

fn what_is_installed_already_leaves_no_trace(bench: &mut dyn Bench) -> Result<(), Failed> {
    let before = system(bench);
    let wish = wish(WishKind::Install, &[INSTALLED]);
    ask_repositories(bench)?;
    assert!(plan(bench, &wish)?.is_empty());
    assert_eq!(change(bench, &wish)?, Outcome::Unchanged);
    assert_eq!(system(bench), before);
    Ok(())
}

fn a_package_is_removed(bench: &mut dyn Bench) -> Result<(), Failed> {
    let wish = wish(WishKind::Remove, &[INSTALLED]);
    // Nobody has to be asked for that.
    bench.set_reachable(false);
    assert_eq!(
        brief(&plan(bench, &wish)?),
        [(INSTALLED, ChangeKind::Removed, "1", "")]
    );
    assert_eq!(change(bench, &wish)?, Outcome::Changed(SnapshotId(2)));
    let changes = bench.engine().package_changes(None, Some(SnapshotId(2)))?;
    let names: Vec<_> = changes.iter().map(|it| (it.name.as_str(), it.kind)).collect();
    assert_eq!(names, [(INSTALLED, ChangeKind::Removed)]);
    assert_eq!(
        system(bench).snapshots[&SnapshotId(2)].description,
        format!("Removed: {INSTALLED}")
    );
    Ok(())
}

fn what_needs_a_package_is_removed_only_when_agreed(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.stock(&[("zoo", "3", INSTALLED)]);
    let zoo = wish(WishKind::Install, &["zoo"]);
    assert_eq!(change(bench, &zoo)?, Outcome::Changed(SnapshotId(2)));
    let mut wish = wish(WishKind::Remove, &[INSTALLED]);
    let before = system(bench);
    assert_eq!(
        brief(&plan(bench, &wish)?),
        [
            (INSTALLED, ChangeKind::Removed, "1", ""),
            ("zoo", ChangeKind::Removed, "3", "")
        ]
    );
    assert_eq!(refusal(change(bench, &wish)).0, RefusalCode::RemovesMore);
    assert_eq!(system(bench), before);
    wish.removes = vec!["zoo".to_owned()];
    assert_eq!(change(bench, &wish)?, Outcome::Changed(SnapshotId(3)));
    assert_eq!(
        bench
            .engine()
            .package_changes(Some(SnapshotId(2)), Some(SnapshotId(3)))?
            .len(),
        2
    );
    Ok(())
}

fn a_name_that_nobody_lists_leaves_no_trace(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.stock(&[("zoo", "3", "")]);
    ask_repositories(bench)?;
    let before = system(bench);
    for kind in [WishKind::Install, WishKind::Remove] {
        for name in [
            "nowhere",
            "zoo-",
            "zo.",
            "z*",
            "zoo=3",
            "zoo/stable",
            "-y",
            "--allow-remove-essential",
            "zoo; touch /hurt",
            "$(touch /hurt)",
            "/srv/x.deb",
            "zoo\nalpha",
            "",
        ] {
            // One name that is not listed is enough.
            let wish = wish(kind, &[INSTALLED, name]);
            for error in [
                plan(bench, &wish).expect_err(name),
                change(bench, &wish).expect_err(name),
            ] {
                let failure = error.failure();
                assert_eq!(
                    (failure.code, failure.args["package"].as_str()),
                    (FailureCode::UnknownPackage, name)
                );
            }
        }
    }
    assert_eq!(system(bench), before);
    Ok(())
}

fn an_installation_can_be_cancelled(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.stock(&[("zoo", "3", "")]);
    let before = system(bench);
    let wish = wish(WishKind::Install, &["zoo"]);
    for phase in [
        Phase::Prepare,
        Phase::Refresh,
        Phase::Download,
        Phase::Install,
        Phase::Verify,
    ] {
        let (result, seen) = run_cancelled(phase, |context| bench.engine().change_packages(&wish, context));
        assert_eq!(seen.accepted, Some(true), "{phase}");
        assert!(matches!(result, Err(Error::Cancelled)), "{phase}: {result:?}");
        assert_eq!(system(bench), before, "{phase}");
    }
    assert_eq!(change(bench, &wish)?, Outcome::Changed(SnapshotId(2)));
    Ok(())
}
