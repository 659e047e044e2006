// SPDX-License-Identifier: GPL-3.0-or-later
//! Random operations: every engine keeps the invariants, and the simulated one foretells what a real one shows.

use crate::bench::{Bench, INSTALLED, Layout, Maker, Need, run, system};
use crate::sim::Sim;
use engine::{Error, Outcome, System};
use libtest_mimic::{Failed, Trial};
use model::{Capability, Cleanup, Condition, Edit, NewSnapshot, Snapshot, SnapshotId, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// When the first operation happens.
const START: Timestamp = Timestamp(1_790_000_000_000_000);

#[derive(Debug, Clone)]
enum Op {
    Create {
        description: String,
        cleanup: Cleanup,
        pinned: bool,
    },
    Delete(SnapshotId),
    Edit(SnapshotId, Edit),
    RollBack(SnapshotId),
    Discard,
    Recover,
    Reboot,
    OutsideCreate,
    OutsideDelete(SnapshotId),
    LeaveUnfinished,
    Damage(SnapshotId, Condition),
    Offer(u8),
    Unreachable(bool),
    Check,
    Update,
    FailingUpdate(u8),
    Packages(Option<SnapshotId>, Option<SnapshotId>),
    Plan(SnapshotId),
}

fn snapshot_ops() -> BoxedStrategy<Op> {
    let id = || (0_u32..8).prop_map(SnapshotId);
    let cleanup = || prop::sample::select(vec!["", "number", "timeline"]).prop_map(|it| Cleanup(it.into()));
    let description = || "[a-z<&\"äß ]{0,6}";
    let edit = (
        prop::option::of(description()),
        prop::option::of(cleanup()),
        prop::option::of(any::<bool>()),
        prop::option::of(any::<bool>()),
    )
        .prop_map(|(description, cleanup, pinned, read_only)| Edit {
            description,
            cleanup,
            pinned,
            read_only,
        });
    let condition = prop::sample::select(vec![Condition::NoMetadata, Condition::BadMetadata]);
    prop_oneof![
        5 => (description(), cleanup(), any::<bool>()).prop_map(|(description, cleanup, pinned)| Op::Create {
            description, cleanup, pinned
        }),
        4 => id().prop_map(Op::Delete),
        4 => (id(), edit).prop_map(|(id, edit)| Op::Edit(id, edit)),
        3 => id().prop_map(Op::RollBack),
        2 => Just(Op::Discard),
        1 => Just(Op::Recover),
        2 => Just(Op::Reboot),
        2 => Just(Op::OutsideCreate),
        2 => id().prop_map(Op::OutsideDelete),
        1 => Just(Op::LeaveUnfinished),
        1 => (id(), condition).prop_map(|(id, condition)| Op::Damage(id, condition)),
    ]
    .boxed()
}

fn package_ops() -> BoxedStrategy<Op> {
    let id = || (0_u32..8).prop_map(SnapshotId);
    prop_oneof![
        3 => snapshot_ops(),
        2 => (1_u8..5).prop_map(Op::Offer),
        1 => any::<bool>().prop_map(Op::Unreachable),
        1 => Just(Op::Check),
        3 => Just(Op::Update),
        1 => (5_u8..9).prop_map(Op::FailingUpdate),
        1 => (prop::option::of(id()), prop::option::of(id())).prop_map(|(from, to)| Op::Packages(from, to)),
        1 => id().prop_map(Op::Plan),
    ]
    .boxed()
}

/// What came of an operation, in words that both engines share.
fn told<T: Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(Error::Refused(refusal)) => format!("refused: {refusal}"),
        Err(Error::NeedsAttention { .. }) => "needs attention".into(),
        Err(error) => format!("failed: {}", error.failure().code),
    }
}

fn perform(bench: &mut dyn Bench, op: &Op) -> String {
    let engine = bench.engine();
    match op {
        Op::Create {
            description,
            cleanup,
            pinned,
        } => told(engine.create(&NewSnapshot {
            description: description.clone(),
            cleanup: cleanup.clone(),
            pinned: *pinned,
            uid: 1000,
        })),
        Op::Delete(id) => told(engine.delete(*id)),
        Op::Edit(id, edit) => told(engine.edit(*id, edit)),
        Op::RollBack(id) => told(run(|context| engine.roll_back(*id, context)).0),
        Op::Discard => told(run(|context| engine.discard(context)).0),
        Op::Recover => told(engine.recover()),
        Op::Reboot => {
            bench.reboot();
            String::new()
        }
        Op::OutsideCreate => bench.outside_create("outside").to_string(),
        Op::OutsideDelete(id) => bench.outside_delete(*id).to_string(),
        Op::LeaveUnfinished => bench.leave_unfinished().to_string(),
        Op::Damage(id, condition) => {
            // What runs or starts next stays whole, or the machine would be lost to the rest of the operations.
            let system = system(bench);
            let free = ![system.booted, system.default].contains(&Some(*id));
            if free && system.snapshots.contains_key(id) {
                bench.damage(*id, *condition);
            }
            String::new()
        }
        Op::Offer(version) => {
            bench.offer(&[(INSTALLED, &version.to_string())]);
            String::new()
        }
        Op::Unreachable(gone) => {
            bench.set_reachable(!gone);
            String::new()
        }
        Op::Check => {
            let checked = run(|context| engine.check(context)).0;
            told(checked.map(|set| set.packages.iter().map(named).collect::<Vec<_>>()))
        }
        Op::Update => told(run(|context| engine.update(context)).0),
        Op::FailingUpdate(version) => {
            bench.set_reachable(true);
            bench.offer_failing(INSTALLED, &version.to_string());
            let updated = told(run(|context| bench.engine().update(context)).0);
            bench.offer(&[(INSTALLED, "1")]);
            updated
        }
        Op::Packages(from, to) => {
            let changes = engine.package_changes(*from, *to);
            told(changes.map(|it| it.iter().map(named).collect::<Vec<_>>()))
        }
        Op::Plan(id) => {
            let plan = engine.plan_rollback(*id);
            told(plan.map(|it| {
                (
                    it.changes.iter().map(named).collect::<Vec<_>>(),
                    it.restart,
                    it.concerns,
                )
            }))
        }
    }
}

fn named(change: &model::PackageChange) -> String {
    format!("{} {} {}→{}", change.kind, change.name, change.old, change.new)
}

/// A system without what differs between machines: identities become numbers.
fn view(system: &System) -> impl PartialEq + Debug + use<> {
    let by_uuid: BTreeMap<_, _> = system.snapshots.values().map(|it| (it.uuid, it.id)).collect();
    let snapshots: Vec<_> = system
        .snapshots
        .values()
        .map(|it| {
            let parent = by_uuid.get(&it.parent_uuid).copied();
            let books = (it.condition == Condition::Complete).then(|| Snapshot {
                // What the bench began with was made whenever.
                time: it.time.max(START),
                uuid: model::Uuid::default(),
                parent_uuid: model::Uuid::default(),
                ..it.clone()
            });
            (it.id, it.condition, it.read_only, parent, books)
        })
        .collect();
    // Whether something can be started once is the boot loader's affair.
    let able = Capability::ALL.iter().filter(|it| **it != Capability::BootOnce);
    let able = able.map(|it| system.capabilities.has(*it));
    (snapshots, system.booted, system.default, able.collect::<Vec<_>>())
}

/// What holds after every operation, whatever it was.
fn verify(before: &System, after: &System, op: &Op, told: &str) -> Result<(), TestCaseError> {
    for id in [after.booted, after.default].into_iter().flatten() {
        prop_assert!(
            after.snapshots.contains_key(&id),
            "{id} runs or starts next but is gone"
        );
        prop_assert!(!after.snapshots[&id].is_in_progress(), "{id} is not finished");
    }
    for (id, snapshot) in &after.snapshots {
        prop_assert_eq!(*id, snapshot.id);
        prop_assert!(id.0 > 0 && snapshot.uuid.0 != [0; 16]);
    }
    if !matches!(op, Op::Reboot) {
        prop_assert_eq!(before.booted, after.booted, "only a restart changes what runs");
    }
    if told.starts_with("refused")
        || told.starts_with("failed")
        || told == format!("{:?}", Outcome::<()>::Unchanged)
    {
        prop_assert_eq!(before, after, "what was not done leaves no trace");
    }
    for (id, snapshot) in &before.snapshots {
        if snapshot.is_pinned() && !matches!(op, Op::OutsideDelete(_) | Op::Damage(..)) {
            prop_assert!(after.snapshots.contains_key(id), "pinned snapshot {id} is gone");
        }
    }
    Ok(())
}

fn step(bench: &mut dyn Bench, at: usize, op: &Op) -> Result<String, TestCaseError> {
    // A minute each, from some day on.
    bench.set_clock(Timestamp::from_seconds(
        1_790_000_000 + 60 * i64::try_from(at).unwrap_or(0),
    ));
    let before = system(bench);
    let told = perform(bench, op);
    verify(&before, &system(bench), op, &told)?;
    Ok(told)
}

fn check(maker: &dyn Maker, layout: Layout, need: Need, ops: &[Op]) -> Result<(), TestCaseError> {
    let mut bench = maker.make(layout, need);
    let mut oracle = Sim.make(layout, need);
    for (at, op) in ops.iter().enumerate() {
        let told = step(&mut *bench, at, op)?;
        let foretold = step(&mut *oracle, at, op)?;
        prop_assert_eq!(&told, &foretold, "{:?}", op);
        let (seen, foreseen) = (view(&system(&*bench)), view(&system(&*oracle)));
        prop_assert_eq!(seen, foreseen, "after {:?}", op);
    }
    Ok(())
}

fn random(maker: &dyn Maker, layout: Layout, need: Need) -> Result<(), Failed> {
    // A machine in memory costs nothing, one on a disk a second.
    let cases = match (maker.name(), need) {
        ("sim", _) => 256,
        (_, Need::Snapshots) => 24,
        (_, Need::Packages) => 2,
    };
    let op = match need {
        Need::Snapshots => snapshot_ops(),
        Need::Packages => package_ops(),
    };
    let usual = Config::default();
    let wished = std::env::var_os("PROPTEST_CASES").map(|_| usual.cases);
    let mut runner = TestRunner::new(Config {
        cases: wished.unwrap_or(cases),
        failure_persistence: None,
        // Shrinking on a disk takes its time; the first failure already names the operations.
        max_shrink_iters: if maker.name() == "sim" { 1024 } else { 32 },
        ..usual
    });
    runner
        .run(&prop::collection::vec(op, 1..24), |ops| {
            check(maker, layout, need, &ops)
        })
        .map_err(|error| Failed::from(error.to_string()))
}

/// One trial per maker, layout and need.
pub(crate) fn trials(makers: &[&'static dyn Maker]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for maker in makers.iter().copied() {
        for (what, layout, need) in [
            ("random_operations", Layout::Transactional, Need::Snapshots),
            (
                "random_operations_on_a_classic_system",
                Layout::Classic,
                Need::Snapshots,
            ),
            (
                "random_operations_beside_the_snapshots",
                Layout::Beside,
                Need::Snapshots,
            ),
            (
                "random_operations_with_packages",
                Layout::Transactional,
                Need::Packages,
            ),
        ] {
            let name = format!("{}::{what}", maker.name());
            trials.push(match maker.lacks(need) {
                Some(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
                None => Trial::test(name, move || random(maker, layout, need)),
            });
        }
    }
    trials
}
