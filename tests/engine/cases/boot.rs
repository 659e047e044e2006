// SPDX-License-Identifier: GPL-3.0-or-later
//! What starts next: rollback, its plan, discard.

use super::{Case, create, refusal};
use crate::bench::{Bench, run, run_cancelled, system};
use engine::{Error, Outcome};
use libtest_mimic::Failed;
use model::{Cleanup, Concern, Condition, Edit, NewSnapshot, Phase, RefusalCode, Restart, SnapshotId};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = super::cases!(Transactional, Snapshots:
        rolling_back_sets_the_default_and_a_restart_runs_it,
        rolling_back_to_the_running_system_undoes_a_rollback,
        what_starts_next_is_not_cleaned_away,
        what_cannot_be_started_is_not_made_the_default,
        a_plan_refuses_what_a_rollback_refuses,
        a_plan_for_the_running_system_needs_no_restart,
        a_plan_changes_nothing,
        a_rollback_cancelled_in_time_changes_nothing,
        a_rollback_past_the_point_of_no_return_is_not_cancelled,
        nothing_pending_cannot_be_discarded,
        what_starts_once_does_not_start_twice,
        discarding_a_rollback_keeps_its_target,
        a_writable_target_starts_read_only,
        a_finished_default_loses_its_mark_only,
    )
    .to_vec();
    cases.extend(super::cases!(Classic, Snapshots:
        a_classic_rollback_starts_a_writable_copy,
        the_running_classic_system_needs_no_copy,
        a_pinned_default_that_is_replaced_stays_pinned,
    ));
    cases.extend(super::cases!(Beside, Snapshots: a_rollback_beside_the_snapshots_keeps_the_running_system));
    cases
}

fn rolling_back_sets_the_default_and_a_restart_runs_it(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "way back")?;
    let mut expected = system(bench);
    let (result, seen) = run(|context| bench.engine().roll_back(id, context));
    assert_eq!(result?, Outcome::Changed(id));
    assert!(
        seen.progress
            .windows(2)
            .all(|it| it[0].permille <= it[1].permille)
    );
    expected.default = Some(id);
    assert_eq!(system(bench), expected, "nothing but the default changes");
    let state = system(bench).to_state();
    assert_eq!((state.pending(), state.pending_updates()), (Some(id), vec![]));
    bench.reboot();
    expected.booted = Some(id);
    assert_eq!(system(bench), expected);
    assert_eq!(refusal(bench.engine().delete(id)).0, RefusalCode::Booted);
    assert_eq!(bench.engine().delete(SnapshotId(1))?, Outcome::Changed(()));
    Ok(())
}

fn what_starts_once_does_not_start_twice(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "to try")?;
    assert_eq!(bench.engine().examine(id)?, []);
    let before = system(bench);
    if !before.capabilities.has(model::Capability::BootOnce) {
        let (result, _) = run(|context| bench.engine().try_once(Some(id), context));
        assert_eq!(refusal(result).0, RefusalCode::NoBootOnce);
        assert_eq!(system(bench), before);
        return Ok(());
    }
    let forget = run(|context| bench.engine().try_once(None, context)).0;
    assert_eq!(refusal(forget).0, RefusalCode::NothingPending);
    run(|context| bench.engine().try_once(Some(id), context)).0?;
    let state = system(bench).to_state();
    assert_eq!(
        (state.once, state.default, state.pending()),
        (Some(id), before.default, None)
    );
    assert_eq!(refusal(bench.engine().delete(id)).0, RefusalCode::StartsOnce);
    run(|context| bench.engine().try_once(None, context)).0?;
    assert_eq!(system(bench), before);
    run(|context| bench.engine().try_once(Some(id), context)).0?;
    bench.reboot();
    let state = system(bench).to_state();
    assert_eq!(
        (state.booted, state.default, state.once),
        (Some(id), before.default, None)
    );
    bench.reboot();
    assert_eq!(system(bench).booted, before.booted);
    Ok(())
}

fn rolling_back_to_the_running_system_undoes_a_rollback(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "changed my mind")?;
    let before = system(bench);
    run(|context| bench.engine().roll_back(id, context)).0?;
    let back = run(|context| bench.engine().roll_back(SnapshotId(1), context)).0?;
    assert_eq!(back, Outcome::Changed(SnapshotId(1)));
    let after = system(bench);
    assert_eq!((after.booted, after.default), (before.booted, before.default));
    assert!(after.snapshots.contains_key(&id));
    Ok(())
}

fn what_starts_next_is_not_cleaned_away(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = bench.engine().create(&NewSnapshot {
        cleanup: Cleanup("number".into()),
        ..NewSnapshot::default()
    })?;
    run(|context| bench.engine().roll_back(id, context)).0?;
    assert_eq!(system(bench).snapshots[&id].cleanup, Cleanup::default());
    Ok(())
}

fn what_cannot_be_started_is_not_made_the_default(bench: &mut dyn Bench) -> Result<(), Failed> {
    let damaged = create(bench.engine(), "damaged")?;
    bench.damage(damaged, Condition::BadMetadata);
    let without = create(bench.engine(), "without books")?;
    bench.damage(without, Condition::NoMetadata);
    let unfinished = bench.leave_unfinished();
    let before = system(bench);
    for (id, code) in [
        (SnapshotId(1), RefusalCode::AlreadyDefault),
        (damaged, RefusalCode::Damaged),
        (without, RefusalCode::Damaged),
        (unfinished, RefusalCode::InProgress),
        (SnapshotId(4_000), RefusalCode::NoSuchSnapshot),
        (SnapshotId(0), RefusalCode::NoSuchSnapshot),
    ] {
        let (result, _) = run(|context| bench.engine().roll_back(id, context));
        assert_eq!(refusal(result), (code, Some(id)));
    }
    assert_eq!(system(bench), before);
    Ok(())
}

fn a_plan_refuses_what_a_rollback_refuses(bench: &mut dyn Bench) -> Result<(), Failed> {
    for (number, code) in [(1, RefusalCode::AlreadyDefault), (9, RefusalCode::NoSuchSnapshot)] {
        let id = SnapshotId(number);
        assert_eq!(refusal(bench.engine().plan_rollback(id)), (code, Some(id)));
    }
    Ok(())
}

fn a_plan_for_the_running_system_needs_no_restart(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "x")?;
    let plan = bench.engine().plan_rollback(id)?;
    assert_eq!((plan.target, plan.restart), (id, Restart::Reboot));
    run(|context| bench.engine().roll_back(id, context)).0?;
    let plan = bench.engine().plan_rollback(SnapshotId(1))?;
    assert_eq!((plan.target, plan.restart), (SnapshotId(1), Restart::None));
    assert!(plan.concerns.contains(&Concern::DropsPending));
    assert!(!plan.concerns.contains(&Concern::MakesCopy));
    Ok(())
}

fn a_plan_changes_nothing(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "x")?;
    let before = bench.engine().system()?;
    assert_eq!(
        bench.engine().plan_rollback(id)?,
        bench.engine().plan_rollback(id)?
    );
    assert_eq!(*bench.engine().system()?, *before);
    Ok(())
}

fn a_rollback_cancelled_in_time_changes_nothing(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "x")?;
    let before = system(bench);
    let (result, seen) = run_cancelled(Phase::Prepare, |context| bench.engine().roll_back(id, context));
    assert_eq!(seen.accepted, Some(true));
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(system(bench), before);
    Ok(())
}

fn a_rollback_past_the_point_of_no_return_is_not_cancelled(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "x")?;
    let (result, seen) = run_cancelled(Phase::Commit, |context| bench.engine().roll_back(id, context));
    assert_eq!(seen.accepted, Some(false));
    assert_eq!(result?, Outcome::Changed(id));
    assert_eq!(system(bench).default, Some(id));
    Ok(())
}

fn nothing_pending_cannot_be_discarded(bench: &mut dyn Bench) -> Result<(), Failed> {
    let before = system(bench);
    let (result, _) = run(|context| bench.engine().discard(context));
    assert_eq!(refusal(result), (RefusalCode::NothingPending, None));
    assert_eq!(system(bench), before);
    Ok(())
}

fn discarding_a_rollback_keeps_its_target(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "x")?;
    let before = system(bench);
    run(|context| bench.engine().roll_back(id, context)).0?;
    let (result, _) = run(|context| bench.engine().discard(context));
    assert_eq!(result?, Outcome::Changed(vec![]));
    assert_eq!(system(bench), before);
    Ok(())
}

fn a_classic_rollback_starts_a_writable_copy(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "good")?;
    let plan = bench.engine().plan_rollback(id)?;
    assert!(plan.concerns.contains(&Concern::MakesCopy));
    let mut expected = system(bench);
    let (result, _) = run(|context| bench.engine().roll_back(id, context));
    let copy = SnapshotId(3);
    assert_eq!(result?, Outcome::Changed(copy));
    let after = system(bench);
    let made = &after.snapshots[&copy];
    assert!(!made.read_only && made.cleanup.0.is_empty() && made.userdata.is_empty());
    assert_eq!(made.parent_uuid, after.snapshots[&id].uuid);
    assert_eq!(made.description, "writable copy of #2");
    expected.default = Some(copy);
    expected.snapshots.insert(copy, made.clone());
    let replaced = expected.snapshots.get_mut(&SnapshotId(1)).ok_or("runs")?;
    replaced.cleanup = Cleanup("number".into());
    assert_eq!(
        after, expected,
        "the target stays as it is, and what was replaced may be cleaned away"
    );
    bench.reboot();
    assert_eq!(
        (system(bench).booted, system(bench).default),
        (Some(copy), Some(copy))
    );
    assert_eq!(bench.engine().delete(SnapshotId(1))?, Outcome::Changed(()));
    Ok(())
}

fn the_running_classic_system_needs_no_copy(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "way back")?;
    run(|context| bench.engine().roll_back(id, context)).0?;
    let mut expected = system(bench);
    let running = expected.booted.ok_or("the bench runs a snapshot")?;
    let back = run(|context| bench.engine().roll_back(running, context)).0?;
    assert_eq!(back, Outcome::Changed(running));
    expected.default = Some(running);
    // What starts next must not be cleaned away.
    if let Some(snapshot) = expected.snapshots.get_mut(&running) {
        snapshot.cleanup = Cleanup::default();
        assert!(!snapshot.read_only);
    }
    assert_eq!(system(bench), expected);
    Ok(())
}

fn a_pinned_default_that_is_replaced_stays_pinned(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "good")?;
    let pin = Edit {
        pinned: Some(true),
        ..Edit::default()
    };
    bench.engine().edit(SnapshotId(1), &pin)?;
    run(|context| bench.engine().roll_back(id, context)).0?;
    let replaced = &system(bench).snapshots[&SnapshotId(1)];
    assert!(replaced.is_pinned() && replaced.cleanup.0.is_empty());
    Ok(())
}

fn a_rollback_beside_the_snapshots_keeps_the_running_system(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "good")?;
    let (result, _) = run(|context| bench.engine().roll_back(id, context));
    let (backup, copy) = (SnapshotId(2), SnapshotId(3));
    assert_eq!(result?, Outcome::Changed(copy));
    let after = system(bench);
    assert_eq!((after.booted, after.default), (None, Some(copy)));
    assert_eq!(after.snapshots[&backup].description, "rollback backup");
    assert!(after.snapshots[&backup].read_only && after.snapshots[&backup].is_important());
    assert!(!after.snapshots[&copy].read_only);
    bench.reboot();
    assert_eq!(
        (system(bench).booted, system(bench).default),
        (Some(copy), Some(copy))
    );
    // And back to where everything began.
    let (result, _) = run(|context| bench.engine().roll_back(backup, context));
    assert_eq!(result?, Outcome::Changed(SnapshotId(4)));
    Ok(())
}

fn a_writable_target_starts_read_only(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = create(bench.engine(), "written to since")?;
    let writable = Edit {
        read_only: Some(false),
        ..Edit::default()
    };
    bench.engine().edit(id, &writable)?;
    run(|context| bench.engine().roll_back(id, context)).0?;
    assert!(
        system(bench).snapshots[&id].read_only,
        "the layout starts nothing else"
    );
    Ok(())
}

fn a_finished_default_loses_its_mark_only(bench: &mut dyn Bench) -> Result<(), Failed> {
    let id = bench.leave_unfinished();
    bench.outside_set_default(id);
    let mut expected = system(bench);
    assert_eq!(bench.engine().recover()?, Outcome::Unchanged);
    let marked = expected.snapshots.get_mut(&id).ok_or("left")?;
    marked.userdata.clear();
    assert_eq!(
        system(bench),
        expected,
        "what starts next is complete: that was the commit"
    );
    Ok(())
}
