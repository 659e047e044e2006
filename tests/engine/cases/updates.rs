// SPDX-License-Identifier: GPL-3.0-or-later
//! Check, update, and how packages differ.

use super::{Case, create, refusal};
use crate::bench::{Bench, INSTALLED, run, run_cancelled, system};
use engine::{Error, Outcome};
use libtest_mimic::Failed;
use model::{ChangeKind, Concern, Edit, FailureCode, PackageChange, Phase, RefusalCode, Restart, SnapshotId};

pub(super) fn cases() -> Vec<Case> {
    super::cases!(Transactional, Packages:
        a_check_names_what_is_new_and_changes_nothing,
        a_check_finds_nothing_when_nothing_is_new,
        a_failed_check_is_a_failure_not_an_empty_list,
        a_check_can_be_cancelled,
        a_download_fetches_and_installs_nothing,
        a_download_can_be_cancelled,
        an_update_makes_a_complete_new_default,
        an_update_reports_every_phase_and_never_less,
        an_update_with_nothing_new_leaves_no_trace,
        a_failing_script_leaves_no_trace_and_is_named,
        an_unreachable_repository_leaves_no_trace_and_is_named,
        an_update_cancelled_in_any_phase_leaves_no_trace,
        an_update_is_not_cancelled_past_the_point_of_no_return,
        a_second_update_continues_what_is_pending,
        a_restart_into_an_update_makes_it_ordinary,
        discarding_deletes_every_update_that_was_never_started,
        discarding_keeps_what_is_pinned,
        rolling_back_keeps_a_pending_update_as_a_snapshot,
        an_update_after_a_rollback_builds_on_the_rollback,
        packages_differ_between_any_two_versions,
        packages_of_what_is_not_there_are_refused,
        a_plan_tells_what_is_gained_and_lost,
    )
    .to_vec()
}

fn update(bench: &dyn Bench) -> Result<Outcome<SnapshotId>, Error> {
    run(|context| bench.engine().update(context)).0
}

/// Name, kind and versions: what both engines must agree on.
fn brief(changes: &[PackageChange]) -> Vec<(&str, ChangeKind, &str, &str)> {
    changes
        .iter()
        .map(|it| (it.name.as_str(), it.kind, it.old.as_str(), it.new.as_str()))
        .collect()
}

fn a_check_names_what_is_new_and_changes_nothing(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    let before = system(bench);
    let (result, seen) = run(|context| bench.engine().check(context));
    let set = result?;
    assert_eq!(
        brief(&set.packages),
        [(INSTALLED, ChangeKind::Upgraded, "1", "2")]
    );
    assert!(set.download_size > 0 && set.packages[0].download_size == set.download_size);
    assert!(seen.progress.iter().any(|it| it.phase == Phase::Refresh));
    assert_eq!(system(bench), before);
    Ok(())
}

fn a_check_finds_nothing_when_nothing_is_new(bench: &mut dyn Bench) -> Result<(), Failed> {
    let before = system(bench);
    let set = run(|context| bench.engine().check(context)).0?;
    assert!(set.is_empty(), "{set:?}");
    assert_eq!((set.download_size, system(bench)), (0, before));
    Ok(())
}

fn a_failed_check_is_a_failure_not_an_empty_list(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    bench.set_reachable(false);
    let before = system(bench);
    let error = run(|context| bench.engine().check(context))
        .0
        .expect_err("must fail");
    assert_eq!(
        error.failure().code,
        FailureCode::RepositoryUnavailable,
        "{}",
        error.chain()
    );
    assert_eq!(system(bench), before);
    bench.set_reachable(true);
    assert!(!run(|context| bench.engine().check(context)).0?.is_empty());
    Ok(())
}

fn a_check_can_be_cancelled(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    let before = system(bench);
    let (result, seen) = run_cancelled(Phase::Refresh, |context| bench.engine().check(context));
    assert_eq!(seen.accepted, Some(true));
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(system(bench), before);
    Ok(())
}

fn a_download_fetches_and_installs_nothing(bench: &mut dyn Bench) -> Result<(), Failed> {
    let before = system(bench);
    let nothing = run(|context| bench.engine().download(context)).0?;
    assert!(nothing.is_empty(), "{nothing:?}");
    bench.offer(&[(INSTALLED, "2")]);
    let (result, seen) = run(|context| bench.engine().download(context));
    let set = result?;
    assert_eq!(
        brief(&set.packages),
        [(INSTALLED, ChangeKind::Upgraded, "1", "2")]
    );
    assert_eq!((set.download_size, set.packages[0].download_size), (0, 0));
    let phases: Vec<_> = seen.progress.iter().map(|it| it.phase).collect();
    assert!(phases.contains(&Phase::Refresh), "{phases:?}");
    assert!(!phases.contains(&Phase::Install), "{phases:?}");
    assert_eq!(system(bench), before);
    assert_eq!(update(bench)?, Outcome::Changed(SnapshotId(2)));
    bench.set_reachable(false);
    let error = run(|context| bench.engine().download(context))
        .0
        .expect_err("must fail");
    assert_eq!(
        error.failure().code,
        FailureCode::RepositoryUnavailable,
        "{}",
        error.chain()
    );
    Ok(())
}

fn a_download_can_be_cancelled(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    let before = system(bench);
    let (result, seen) = run_cancelled(Phase::Refresh, |context| bench.engine().download(context));
    assert_eq!(seen.accepted, Some(true));
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(system(bench), before);
    Ok(())
}

fn an_update_makes_a_complete_new_default(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    let before = system(bench);
    let new = SnapshotId(2);
    assert_eq!(update(bench)?, Outcome::Changed(new));
    let after = system(bench);
    assert_eq!((after.booted, after.default), (before.booted, Some(new)));
    let made = &after.snapshots[&new];
    assert!(made.read_only && made.is_not_booted() && !made.is_in_progress() && !made.is_pinned());
    assert_eq!(
        (made.cleanup.0.as_str(), made.description.as_str()),
        ("number", "Update of #1")
    );
    assert_eq!(made.parent_uuid, before.snapshots[&SnapshotId(1)].uuid);
    assert_eq!(after.snapshots[&SnapshotId(1)], before.snapshots[&SnapshotId(1)]);
    assert_eq!(after.snapshots.len(), 2);
    let changes = bench.engine().package_changes(None, Some(new))?;
    assert_eq!(brief(&changes), [(INSTALLED, ChangeKind::Upgraded, "1", "2")]);
    assert!(
        run(|context| bench.engine().check(context)).0?.is_empty(),
        "checked for the new default"
    );
    Ok(())
}

fn an_update_reports_every_phase_and_never_less(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    let (result, seen) = run(|context| bench.engine().update(context));
    result?;
    let mut phases: Vec<_> = seen.progress.iter().map(|it| it.phase).collect();
    phases.dedup();
    assert_eq!(
        phases,
        [
            Phase::Prepare,
            Phase::Refresh,
            Phase::Download,
            Phase::Install,
            Phase::Verify,
            Phase::Commit
        ]
    );
    let known: Vec<_> = seen.progress.iter().filter_map(|it| it.permille).collect();
    assert!(
        known.is_sorted() && known.iter().all(|it| *it <= 1000),
        "{known:?}"
    );
    assert!(seen.progress.iter().all(|it| it.item <= it.items));
    let installs =
        |it: &model::Progress| it.phase == Phase::Install && it.subject == INSTALLED && it.item >= 1;
    assert!(seen.progress.iter().any(installs), "the package is named");
    assert!(!seen.log.is_empty());
    assert!(
        seen.log
            .iter()
            .all(|line| !line.contains(|c: char| c.is_control()))
    );
    Ok(())
}

fn an_update_with_nothing_new_leaves_no_trace(bench: &mut dyn Bench) -> Result<(), Failed> {
    let before = system(bench);
    assert_eq!(update(bench)?, Outcome::Unchanged);
    assert_eq!(system(bench), before);
    Ok(())
}

fn a_failing_script_leaves_no_trace_and_is_named(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer_failing(INSTALLED, "2");
    let before = system(bench);
    let error = update(bench).expect_err("must fail");
    let failure = error.failure();
    assert_eq!(failure.code, FailureCode::PackageScript, "{}", error.chain());
    assert_eq!(failure.args.get("package").map(String::as_str), Some(INSTALLED));
    assert_eq!(system(bench), before);
    Ok(())
}

fn an_unreachable_repository_leaves_no_trace_and_is_named(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    bench.set_reachable(false);
    let before = system(bench);
    let error = update(bench).expect_err("must fail");
    assert_eq!(
        error.failure().code,
        FailureCode::RepositoryUnavailable,
        "{}",
        error.chain()
    );
    assert_eq!(system(bench), before);
    Ok(())
}

fn an_update_cancelled_in_any_phase_leaves_no_trace(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    let before = system(bench);
    for phase in [
        Phase::Prepare,
        Phase::Refresh,
        Phase::Download,
        Phase::Install,
        Phase::Verify,
    ] {
        let (result, seen) = run_cancelled(phase, |context| bench.engine().update(context));
        assert_eq!(seen.accepted, Some(true), "{phase}");
        assert!(matches!(result, Err(Error::Cancelled)), "{phase}: {result:?}");
        assert_eq!(system(bench), before, "{phase}");
    }
    assert_eq!(
        update(bench)?,
        Outcome::Changed(SnapshotId(2)),
        "and it works afterwards"
    );
    Ok(())
}

fn an_update_is_not_cancelled_past_the_point_of_no_return(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    let (result, seen) = run_cancelled(Phase::Commit, |context| bench.engine().update(context));
    assert_eq!(
        (seen.accepted, result?),
        (Some(false), Outcome::Changed(SnapshotId(2)))
    );
    assert_eq!(system(bench).default, Some(SnapshotId(2)));
    Ok(())
}

fn a_second_update_continues_what_is_pending(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    update(bench)?;
    bench.offer(&[(INSTALLED, "3")]);
    assert_eq!(update(bench)?, Outcome::Changed(SnapshotId(3)));
    let after = system(bench);
    assert_eq!(
        after.snapshots[&SnapshotId(3)].parent_uuid,
        after.snapshots[&SnapshotId(2)].uuid
    );
    assert_eq!(after.snapshots[&SnapshotId(3)].description, "Update of #2");
    assert_eq!(
        (after.booted, after.default),
        (Some(SnapshotId(1)), Some(SnapshotId(3)))
    );
    assert_eq!(after.to_state().pending_updates(), [SnapshotId(3), SnapshotId(2)]);
    let changes = bench
        .engine()
        .package_changes(Some(SnapshotId(2)), Some(SnapshotId(3)))?;
    assert_eq!(brief(&changes), [(INSTALLED, ChangeKind::Upgraded, "2", "3")]);
    Ok(())
}

fn a_restart_into_an_update_makes_it_ordinary(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    update(bench)?;
    bench.reboot();
    let after = system(bench);
    assert_eq!(
        (after.booted, after.default),
        (Some(SnapshotId(2)), Some(SnapshotId(2)))
    );
    assert!(!after.snapshots[&SnapshotId(2)].is_not_booted());
    assert!(after.to_state().pending().is_none());
    assert_eq!(bench.engine().delete(SnapshotId(1))?, Outcome::Changed(()));
    Ok(())
}

fn discarding_deletes_every_update_that_was_never_started(bench: &mut dyn Bench) -> Result<(), Failed> {
    create(bench.engine(), "stays")?;
    let before = system(bench);
    for version in ["2", "3"] {
        bench.offer(&[(INSTALLED, version)]);
        update(bench)?;
    }
    let (result, _) = run(|context| bench.engine().discard(context));
    assert_eq!(result?, Outcome::Changed(vec![SnapshotId(4), SnapshotId(3)]));
    assert_eq!(system(bench), before);
    Ok(())
}

fn discarding_keeps_what_is_pinned(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    update(bench)?;
    let pin = Edit {
        pinned: Some(true),
        ..Edit::default()
    };
    bench.engine().edit(SnapshotId(2), &pin)?;
    let (result, _) = run(|context| bench.engine().discard(context));
    assert_eq!(result?, Outcome::Changed(vec![]));
    let after = system(bench);
    assert_eq!(after.default, Some(SnapshotId(1)));
    assert!(after.snapshots[&SnapshotId(2)].is_pinned());
    Ok(())
}

fn rolling_back_keeps_a_pending_update_as_a_snapshot(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    update(bench)?;
    let plan = bench.engine().plan_rollback(SnapshotId(1))?;
    assert!(plan.concerns.contains(&Concern::DropsPending), "{plan:?}");
    assert_eq!((plan.restart, plan.changes), (Restart::None, vec![]));
    run(|context| bench.engine().roll_back(SnapshotId(1), context)).0?;
    let after = system(bench);
    assert_eq!(after.default, Some(SnapshotId(1)));
    assert!(
        after.snapshots[&SnapshotId(2)].is_not_booted(),
        "it can still be started one day"
    );
    run(|context| bench.engine().roll_back(SnapshotId(2), context)).0?;
    assert_eq!(system(bench).to_state().pending_updates(), [SnapshotId(2)]);
    Ok(())
}

fn an_update_after_a_rollback_builds_on_the_rollback(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    update(bench)?;
    bench.reboot();
    run(|context| bench.engine().roll_back(SnapshotId(1), context)).0?;
    assert_eq!(update(bench)?, Outcome::Changed(SnapshotId(3)));
    let after = system(bench);
    assert_eq!(
        after.snapshots[&SnapshotId(3)].parent_uuid,
        after.snapshots[&SnapshotId(1)].uuid
    );
    assert_eq!(after.to_state().pending_updates(), [SnapshotId(3)]);
    Ok(())
}

fn packages_differ_between_any_two_versions(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    update(bench)?;
    let (one, two) = (Some(SnapshotId(1)), Some(SnapshotId(2)));
    let changes = |from, to| bench.engine().package_changes(from, to);
    let up = [(INSTALLED, ChangeKind::Upgraded, "1", "2")];
    let down = [(INSTALLED, ChangeKind::Downgraded, "2", "1")];
    assert_eq!(brief(&changes(one, two)?), up);
    assert_eq!(brief(&changes(None, two)?), up);
    assert_eq!(brief(&changes(two, one)?), down);
    assert_eq!(brief(&changes(two, None)?), down);
    for same in [(one, one), (None, one), (one, None), (None, None), (two, two)] {
        assert_eq!(changes(same.0, same.1)?, []);
    }
    Ok(())
}

fn packages_of_what_is_not_there_are_refused(bench: &mut dyn Bench) -> Result<(), Failed> {
    let missing = SnapshotId(50);
    for (from, to) in [(None, Some(missing)), (Some(missing), None)] {
        let result = bench.engine().package_changes(from, to);
        assert_eq!(refusal(result), (RefusalCode::NoSuchSnapshot, Some(missing)));
    }
    Ok(())
}

fn a_plan_tells_what_is_gained_and_lost(bench: &mut dyn Bench) -> Result<(), Failed> {
    bench.offer(&[(INSTALLED, "2")]);
    update(bench)?;
    bench.reboot();
    let plan = bench.engine().plan_rollback(SnapshotId(1))?;
    assert_eq!(
        brief(&plan.changes),
        [(INSTALLED, ChangeKind::Downgraded, "2", "1")]
    );
    assert_eq!((plan.target, plan.restart), (SnapshotId(1), Restart::Reboot));
    assert!(!plan.concerns.contains(&Concern::DropsPending));
    assert!(!plan.concerns.contains(&Concern::PackagesUnknown));
    assert_eq!((plan.gained().count(), plan.lost().count()), (0, 0));
    Ok(())
}
