// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::state::tests::state;
use crate::{ChangeKind, FailureCode, JobOutcome, JobState, Machine, PackageChange, UpdateSet};

const DAY: u64 = 24 * 60 * 60 * 1_000_000;

fn checked(check: Check, succeeded: Option<u64>, packages: usize) -> State {
    let mut it = state(2);
    let change = PackageChange {
        name: "a".into(),
        arch: "all".into(),
        kind: ChangeKind::Upgraded,
        old: "1".into(),
        new: "2".into(),
        download_size: 1,
        origin: String::new(),
        security: true,
        fixes: Vec::new(),
    };
    it.updates.check = check;
    it.updates.succeeded = succeeded.map(Timestamp);
    it.updates.set = UpdateSet {
        packages: vec![change; packages],
        ..UpdateSet::default()
    };
    it
}

#[test]
fn up_to_date_is_said_only_after_a_recent_successful_check() {
    let failed = || Check::Failed {
        failure: Failure::new(FailureCode::Network, ""),
    };
    let code = |it: &State, now| Status::of(it, Timestamp(now)).code();
    assert_eq!(code(&checked(Check::Never, None, 0), 0), "never-checked");
    assert_eq!(code(&checked(Check::Done, Some(DAY), 0), 2 * DAY), "up-to-date");
    assert_eq!(code(&checked(Check::Done, Some(DAY), 0), 9 * DAY), "stale");
    assert_eq!(code(&checked(failed(), None, 0), 0), "could-not-check");
    assert_eq!(code(&checked(failed(), Some(DAY), 3), DAY), "could-not-check");
    assert_eq!(code(&checked(Check::Done, Some(DAY), 3), DAY), "available");
    assert_eq!(
        code(&checked(Check::Never, Some(DAY), 0), DAY),
        "not-checked",
        "the default changed since"
    );
}

#[test]
fn a_failed_change_is_told_until_a_later_one_succeeds() {
    let mut it = checked(Check::Done, Some(DAY), 0);
    let ended = |id, ending| Job {
        id: JobId(id),
        kind: JobKind::Update,
        uid: 0,
        target: None,
        started: Timestamp(0),
        state: JobState::Ended(JobOutcome {
            ending,
            machine: Machine::OldSystem,
            snapshot: None,
            failure: None,
            finished: Timestamp(1),
        }),
    };
    it.jobs.insert(JobId(1), ended(1, Ending::Undone));
    assert_eq!(Status::of(&it, Timestamp(DAY)).code(), "failed");
    it.jobs.insert(JobId(2), ended(2, Ending::Done));
    assert_eq!(Status::of(&it, Timestamp(DAY)).code(), "up-to-date");
}

#[test]
fn a_restart_is_the_right_action_while_something_is_pending() {
    let mut it = checked(Check::Done, Some(DAY), 0);
    it.default = Some(SnapshotId(1));
    let status = Status::of(&it, Timestamp(DAY));
    assert_eq!(
        (status.code(), status.action()),
        ("rollback-pending", Action::Restart)
    );
}
