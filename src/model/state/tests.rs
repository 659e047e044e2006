// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::{Cleanup, JobKind, Phase, Progress, SnapshotKind, Timestamp, Uuid, userdata_key};
use proptest::prelude::*;

/// A complete read-only snapshot; its identity is made of its number.
pub(crate) fn snapshot(id: u32) -> Snapshot {
    let mut uuid = Uuid::default();
    uuid.0[..4].copy_from_slice(&id.to_be_bytes());
    Snapshot {
        id: SnapshotId(id),
        kind: SnapshotKind::Single,
        pre: None,
        time: Timestamp(u64::from(id) * 1_000_000),
        uid: 0,
        description: format!("snapshot {id}"),
        cleanup: Cleanup::default(),
        userdata: BTreeMap::new(),
        read_only: true,
        uuid,
        parent_uuid: Uuid::default(),
        condition: Condition::Complete,
    }
}

/// Snapshots 1 to `count`, the last one booted and default, able to do everything.
pub(crate) fn state(count: u32) -> State {
    State {
        snapshots: (1..=count).map(|id| (SnapshotId(id), snapshot(id))).collect(),
        booted: Some(SnapshotId(count)),
        default: Some(SnapshotId(count)),
        capabilities: Capabilities(Capability::ALL.iter().map(|it| (*it, None)).collect()),
        ..State::default()
    }
}

fn running(kind: JobKind) -> Job {
    Job {
        id: JobId(1),
        kind,
        uid: 0,
        target: None,
        started: Timestamp(0),
        state: JobState::Running {
            progress: Progress::at(Phase::Prepare),
            cancellable: true,
            asked: None,
        },
    }
}

#[test]
fn refusals_name_the_rule() {
    let mut it = state(4);
    it.default = Some(SnapshotId(3));
    Edit {
        pinned: Some(true),
        ..Edit::default()
    }
    .apply(it.snapshots.get_mut(&SnapshotId(2)).expect("made above"));
    let delete = |id| it.may_delete(SnapshotId(id)).map_err(|refusal| refusal.code);
    assert_eq!(delete(1), Ok(()));
    assert_eq!(delete(2), Err(RefusalCode::Pinned));
    assert_eq!(delete(3), Err(RefusalCode::Default));
    assert_eq!(delete(4), Err(RefusalCode::Booted));
    assert_eq!(delete(5), Err(RefusalCode::NoSuchSnapshot));
    let roll_back = |id| it.may_roll_back(SnapshotId(id)).map_err(|refusal| refusal.code);
    assert_eq!(roll_back(3), Err(RefusalCode::AlreadyDefault));
    assert_eq!(
        roll_back(4),
        Ok(()),
        "going back to the running system undoes what is pending"
    );
    assert_eq!(roll_back(9), Err(RefusalCode::NoSuchSnapshot));
}

#[test]
fn one_job_keeps_every_other_change_away_but_a_check_does_not() {
    let mut it = state(2);
    it.apply(Event::Job(Box::new(running(JobKind::Update))));
    let busy = Err(RefusalCode::Busy);
    assert_eq!(it.may_update().map_err(|it| it.code), busy);
    assert_eq!(it.may_delete(SnapshotId(1)).map_err(|it| it.code), busy);
    assert_eq!(
        it.may_delete(SnapshotId(2)).map_err(|it| it.code),
        Err(RefusalCode::Booted),
        "the lasting reason first"
    );
    it.apply(Event::Job(Box::new(running(JobKind::Check))));
    assert_eq!(it.may_delete(SnapshotId(1)), Ok(()));
}

#[test]
fn a_missing_capability_refuses_with_its_reason() {
    let mut it = state(2);
    it.capabilities
        .0
        .insert(Capability::Updates, Some(RefusalCode::DatabaseOutside));
    assert_eq!(
        it.may_update().map_err(|it| it.code),
        Err(RefusalCode::DatabaseOutside)
    );
}

#[test]
fn pending_updates_are_the_unbooted_chain_only() {
    let mut it = state(3);
    for (id, parent) in [(4, 3), (5, 4)] {
        let mut new = snapshot(id);
        new.parent_uuid = snapshot(parent).uuid;
        new.userdata.insert(userdata_key::NOT_BOOTED.into(), "yes".into());
        it.snapshots.insert(new.id, new);
    }
    assert_eq!(it.pending_updates(), [], "nothing is pending yet");
    it.default = Some(SnapshotId(5));
    assert_eq!(it.pending_updates(), [SnapshotId(5), SnapshotId(4)]);
    it.default = Some(SnapshotId(1));
    assert_eq!(
        (it.pending(), it.pending_updates()),
        (Some(SnapshotId(1)), vec![]),
        "a rollback target stays"
    );
}

use crate::Edit;

#[derive(Debug, Clone)]
enum Op {
    Put(u32, String),
    Remove(u32),
    Boot(Option<u32>, Option<u32>),
    Job(u32, bool),
    JobGone(u32),
    Policy(bool, u32),
    Bisect(Option<u32>),
}

fn op() -> impl Strategy<Value = Op> {
    let id = 1_u32..9;
    prop_oneof![
        (id.clone(), "[a-c]{0,2}").prop_map(|(id, text)| Op::Put(id, text)),
        id.clone().prop_map(Op::Remove),
        (prop::option::of(id.clone()), prop::option::of(id.clone())).prop_map(|(a, b)| Op::Boot(a, b)),
        (id.clone(), any::<bool>()).prop_map(|(id, check)| Op::Job(id, check)),
        id.clone().prop_map(Op::JobGone),
        (any::<bool>(), id.clone()).prop_map(|(on, count)| Op::Policy(on, count)),
        prop::option::of(id).prop_map(Op::Bisect),
    ]
}

fn event(op: Op) -> Event {
    match op {
        Op::Put(id, description) => Event::Snapshots {
            present: vec![Snapshot {
                description,
                ..snapshot(id)
            }],
            gone: vec![],
        },
        Op::Remove(id) => Event::Snapshots {
            present: vec![],
            gone: vec![SnapshotId(id)],
        },
        Op::Boot(booted, default) => Event::Boot {
            booted: booted.map(SnapshotId),
            default: default.map(SnapshotId),
            once: None,
        },
        Op::Job(id, check) => {
            let kind = if check { JobKind::Check } else { JobKind::Update };
            Event::Job(Box::new(Job {
                id: JobId(id),
                ..running(kind)
            }))
        }
        Op::JobGone(id) => Event::JobGone(JobId(id)),
        Op::Bisect(good) => Event::Bisect(
            good.map(|good| crate::Bisect::new(SnapshotId(good), SnapshotId(good + 1), crate::Timestamp(1))),
        ),
        Op::Policy(on_battery, keep_updates) => Event::Policy(crate::Policy {
            on_battery,
            keep_updates,
            ..crate::Policy::default()
        }),
    }
}

fn verify_invariants(state: &State) {
    for (id, snapshot) in &state.snapshots {
        assert_eq!(*id, snapshot.id);
        let protected = state.booted == Some(*id) || state.default == Some(*id) || snapshot.is_pinned();
        assert_eq!(state.is_deletable(*id).is_err(), protected);
    }
    assert_eq!(
        state.pending().is_some(),
        state.default.is_some() && state.default != state.booted
    );
    assert!(
        !state
            .pending_updates()
            .iter()
            .any(|id| state.booted == Some(*id) && state.pending() == Some(*id))
    );
}

proptest! {
    #[test]
    fn a_follower_of_the_events_sees_the_same_state(ops in prop::collection::vec(op(), 0..40)) {
        let mut leader = state(3);
        let mut follower = leader.clone();
        for op in ops {
            let before = leader.clone();
            let changed = leader.apply(event(op));
            prop_assert_eq!(changed, before != leader);
            for change in before.changes_to(&leader) {
                prop_assert!(follower.apply(change));
            }
            prop_assert_eq!(&follower, &leader);
            verify_invariants(&leader);
        }
    }
}
