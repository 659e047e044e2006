// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::state::tests::state;
use crate::{Job, JobId, JobKind, JobState, Notice, Phase, Progress, SnapshotId, Timestamp, Wanted};

fn pending() -> State {
    State {
        default: Some(SnapshotId(1)),
        ..state(3)
    }
}

fn planned(when: RestartWhen) -> Memory {
    let mut memory = Memory::default();
    memory.plan_restart(Some(when), "one");
    memory
}

#[test]
fn a_plan_holds_until_the_restart_or_until_nothing_waits() {
    for (name, state, boot, holds) in [
        ("still waiting", pending(), "one", true),
        ("restarted", pending(), "two", false),
        ("discarded", state(3), "one", false),
    ] {
        let mut memory = planned(RestartWhen::Tonight);
        memory.observe(&state, boot);
        let expected = holds.then_some(RestartWhen::Tonight);
        assert_eq!(memory.planned_restart(boot), expected, "{name}");
    }
    let mut memory = planned(RestartWhen::NextShutdown);
    memory.plan_restart(None, "one");
    assert_eq!(memory.planned_restart("one"), None, "taken back");
    assert_eq!(
        planned(RestartWhen::Tonight).planned_restart("two"),
        None,
        "of another start"
    );
}

#[test]
fn who_agreed_to_a_restart_is_not_reminded_of_it() {
    let news = |memory: &Memory| memory.news(&pending(), None, Timestamp(9));
    for when in RestartWhen::ALL {
        let memory = planned(*when);
        let all = news(&memory);
        let ready = all
            .iter()
            .find(|it| it.notice == Notice::RestartReady)
            .expect("something waits");
        let due = |boot| memory.due(ready, Wanted::Usual, Timestamp(9), boot);
        assert_eq!(due("one"), None, "{when}");
        assert_eq!(
            due("two"),
            Some(Timestamp(0)),
            "{when}: after a start it is news again"
        );
    }
}

#[test]
fn the_night_restarts_only_what_waits_and_works_not() {
    let mut working = pending();
    let job = Job {
        id: JobId(1),
        kind: JobKind::Update,
        uid: 0,
        target: None,
        started: Timestamp(1),
        state: JobState::Running {
            progress: Progress::at(Phase::Install),
            cancellable: false,
            asked: None,
        },
    };
    working.jobs.insert(job.id, job);
    for (name, state, hour, may) in [
        ("at night", pending(), 3, true),
        ("a little later", pending(), 4, true),
        ("woken in the morning", pending(), 5, false),
        ("in the evening", pending(), 22, false),
        ("nothing waits", state(3), 3, false),
        ("in the middle of a job", working, 3, false),
    ] {
        assert_eq!(may_restart_at_night(&state, hour), may, "{name}");
    }
}
