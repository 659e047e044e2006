// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use model::{Check, Ending, Job, JobId, JobKind, JobState, Machine, Phase, Progress, SnapshotId, Timestamp};
use std::borrow::Cow;
use zbus::Variant;

fn signal<B>(path: &str, interface: &str, member: &str, body: &B) -> Message
where
    B: serde::Serialize + zbus::DynamicType,
{
    Message::signal(path, interface, member).build(body).unwrap()
}

fn changed(path: &str, interface: &str, properties: HashMap<&str, Variant<'_>>) -> Message {
    let gone: Cow<'_, [&str]> = Cow::Borrowed(&[]);
    signal(
        path,
        "org.freedesktop.DBus.Properties",
        "PropertiesChanged",
        &(interface, properties, gone),
    )
}

fn job() -> Job {
    Job {
        id: JobId(3),
        kind: JobKind::Update,
        uid: 1000,
        target: None,
        started: Timestamp(1),
        state: JobState::Running {
            progress: Progress::at(Phase::Prepare),
            cancellable: true,
            asked: None,
        },
    }
}

#[test]
fn a_job_moves_from_its_beginning_to_its_end() {
    let mut state = State::default();
    let path = wire::name::job_path(JobId(3));
    let new = signal(
        wire::name::PATH,
        wire::name::MANAGER,
        "JobNew",
        &(3_u32, path.clone(), wire::Job::from(&job())),
    );
    assert!(fold(&mut state, &new) && !fold(&mut state, &new));
    assert_eq!(state.working(), Some(&job()));

    let progress = wire::Progress {
        phase: "install".into(),
        permille: 700,
        ..wire::Progress::default()
    };
    let moved = [("Progress", progress.into()), ("Cancellable", false.into())];
    assert!(fold(&mut state, &changed(&path, wire::name::JOB, moved.into())));
    let JobState::Running {
        progress,
        cancellable,
        ..
    } = &state.jobs[&JobId(3)].state
    else {
        panic!("it runs")
    };
    assert_eq!(
        (progress.phase, progress.permille, *cancellable),
        (Phase::Install, Some(700), false)
    );

    let outcome = wire::Outcome {
        ending: "done".into(),
        machine: "new-system".into(),
        snapshot: 7,
        ..wire::Outcome::default()
    };
    let ended = changed(&path, wire::name::JOB, [("Outcome", outcome.into())].into());
    assert!(fold(&mut state, &ended));
    let outcome = state.jobs[&JobId(3)].outcome().unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine, outcome.snapshot),
        (Ending::Done, Machine::NewSystem, Some(SnapshotId(7)))
    );
    // What comes late changes an outcome no more.
    let late = changed(&path, wire::name::JOB, [("Cancellable", true.into())].into());
    assert!(!fold(&mut state, &late));

    let removed = signal(
        wire::name::PATH,
        wire::name::MANAGER,
        "JobRemoved",
        &(3_u32, path),
    );
    assert!(fold(&mut state, &removed) && state.jobs.is_empty());
}

#[test]
fn properties_of_the_manager_are_the_boot_state() {
    let mut state = State {
        booted: Some(SnapshotId(4)),
        default: Some(SnapshotId(4)),
        ..State::default()
    };
    let default = |number: u32| {
        changed(
            wire::name::PATH,
            wire::name::MANAGER,
            [("Default", number.into())].into(),
        )
    };
    assert!(fold(&mut state, &default(9)));
    assert_eq!(
        (state.booted, state.default),
        (Some(SnapshotId(4)), Some(SnapshotId(9)))
    );
    assert!(fold(&mut state, &default(0)));
    assert_eq!(state.default, None);
}

#[test]
fn what_cannot_be_read_or_is_not_known_changes_nothing() {
    let mut state = State::default();
    let before = state.clone();
    for message in [
        signal(
            wire::name::PATH,
            wire::name::SNAPSHOTS,
            "Changed",
            &"not snapshots",
        ),
        signal(wire::name::PATH, wire::name::UPDATES, "Changed", &7_u8),
        signal(wire::name::PATH, wire::name::MANAGER, "Exploded", &7_u8),
        changed(
            "/org/kedge/Kedge1/job/_9",
            wire::name::JOB,
            [("Cancellable", true.into())].into(),
        ),
        changed(
            wire::name::PATH,
            wire::name::MANAGER,
            [("Default", "nine".into())].into(),
        ),
        changed(
            wire::name::PATH,
            "org.kedge.Kedge1.Later",
            [("Default", 9_u32.into())].into(),
        ),
    ] {
        assert!(!fold(&mut state, &message), "{message:?}");
    }
    assert_eq!(state, before);
    assert_eq!(state.updates.check, Check::Never);
}
