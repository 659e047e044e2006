// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use model::{
    Capabilities, Capability, ChangeKind, Check, Cleanup, Condition, Failure, Job, JobOutcome, Kept, Machine,
    News, PackageChange, Pause, Progress, Receipt, Snapshot, SnapshotKind, StartReceipt, Uuid, userdata_key,
};
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp(1_000_000_000_000);
const HERE: Moment<'_> = Moment {
    now: NOW,
    boot: "now",
    wait: None,
    nights: true,
};

fn snapshot(id: u32) -> (SnapshotId, Snapshot) {
    let mut uuid = Uuid::default();
    uuid.0[0] = u8::try_from(id).expect("tests use small numbers");
    let id = SnapshotId(id);
    let snapshot = Snapshot {
        id,
        kind: SnapshotKind::Single,
        pre: None,
        time: Timestamp(u64::from(id.0)),
        uid: 0,
        description: String::new(),
        cleanup: Cleanup::default(),
        userdata: BTreeMap::new(),
        read_only: true,
        uuid,
        parent_uuid: Uuid::default(),
        condition: Condition::Complete,
    };
    (id, snapshot)
}

/// Three snapshots, the second runs and is the default, checked and up to date.
fn well() -> State {
    let mut state = State {
        snapshots: (1..=3).map(snapshot).collect(),
        booted: Some(SnapshotId(2)),
        default: Some(SnapshotId(2)),
        capabilities: Capabilities(Capability::ALL.iter().map(|it| (*it, None)).collect()),
        ..State::default()
    };
    state.updates.check = Check::Done;
    state.updates.succeeded = Some(NOW);
    state
}

fn with_updates(security: &[bool]) -> State {
    let mut state = well();
    state.updates.set.packages = security
        .iter()
        .map(|security| PackageChange {
            name: "a".into(),
            arch: "all".into(),
            kind: ChangeKind::Upgraded,
            old: "1".into(),
            new: "2".into(),
            download_size: 1,
            origin: String::new(),
            security: *security,
            fixes: Vec::new(),
        })
        .collect();
    state
}

fn with_job(mut state: State, kind: JobKind, job: JobState) -> State {
    let id = JobId(9);
    let job = Job {
        id,
        kind,
        uid: 0,
        target: None,
        started: NOW,
        state: job,
    };
    state.jobs.insert(id, job);
    state
}

fn running(permille: Option<u16>, cancellable: bool) -> JobState {
    let progress = Progress {
        permille,
        ..Progress::at(Phase::Download)
    };
    JobState::Running {
        progress,
        cancellable,
        asked: None,
    }
}

fn ended(ending: Ending, snapshot: Option<u32>) -> JobState {
    JobState::Ended(JobOutcome {
        ending,
        machine: Machine::OldSystem,
        snapshot: snapshot.map(SnapshotId),
        failure: Some(Failure::new(FailureCode::DiskFull, "")),
        finished: NOW,
    })
}

fn update_pending() -> State {
    let mut state = well();
    state.default = Some(SnapshotId(3));
    let snapshot = state.snapshots.get_mut(&SnapshotId(3)).expect("made above");
    snapshot
        .userdata
        .insert(userdata_key::NOT_BOOTED.into(), "yes".into());
    state
}

/// A memory in which the icon stands for these notices.
fn standing(notices: &[Notice]) -> Memory {
    let mut memory = Memory::default();
    for notice in notices {
        memory.show(
            &News {
                notice: *notice,
                about: String::new(),
            },
            NOW,
        );
    }
    memory
}

fn fallen() -> Memory {
    Memory {
        receipt: Some(Receipt {
            snapshot: SnapshotId(3),
            as_planned: false,
            boot: "now".into(),
        }),
        ..standing(&[Notice::FellBack])
    }
}

#[test]
fn the_icon_shows_when_there_is_something_to_say_and_only_then() {
    use Command::{Cancel, Restart, Update};
    use Notice::{Failed, SecurityUpdates, Stale, UpdatesAvailable};
    use Show::{Active, Hidden, NeedsAttention};
    let rollback = State {
        default: Some(SnapshotId(1)),
        ..well()
    };
    let older = State {
        default: Some(SnapshotId(3)),
        ..well()
    };
    let chosen = with_job(older.clone(), JobKind::Rollback, ended(Ending::Done, Some(3)));
    let mut trying = rollback.clone();
    trying.receipt = trying.booted.map(|wanted| StartReceipt {
        wanted,
        once: true,
        asked: NOW,
        kept: Kept::AsPlanned,
    });
    let failed = with_job(well(), JobKind::Update, ended(Ending::Undone, None));
    let mut offline = well();
    offline.updates.check = Check::Failed {
        failure: Failure::new(FailureCode::Network, ""),
    };
    let paused = Memory {
        pause: Pause::UntilNextStart { boot: "now".into() },
        ..standing(&[SecurityUpdates, UpdatesAvailable])
    };
    let works = |permille, cancellable| with_job(well(), JobKind::Update, running(permille, cancellable));
    let none = || Memory::default();
    for (name, state, memory, show, icon, right) in [
        ("all is well", well(), none(), Hidden, "org.kedge.Kedge", None),
        (
            "a version is tried",
            trying,
            none(),
            Active,
            "view-history",
            Some(Command::Keep(SnapshotId(2))),
        ),
        (
            "the first moment",
            State::default(),
            none(),
            Hidden,
            "org.kedge.Kedge",
            None,
        ),
        (
            "updates, not due",
            with_updates(&[false]),
            none(),
            Hidden,
            "org.kedge.Kedge",
            None,
        ),
        (
            "updates, due",
            with_updates(&[false]),
            standing(&[UpdatesAvailable]),
            Active,
            "update-low",
            Some(Update),
        ),
        (
            "security, due",
            with_updates(&[false, true]),
            standing(&[SecurityUpdates]),
            Active,
            "update-high",
            Some(Update),
        ),
        (
            "due, but gone since",
            well(),
            standing(&[UpdatesAvailable]),
            Hidden,
            "org.kedge.Kedge",
            None,
        ),
        (
            "due, but paused",
            with_updates(&[true]),
            paused.clone(),
            Hidden,
            "org.kedge.Kedge",
            None,
        ),
        (
            "could not check",
            offline,
            standing(&[Stale]),
            Hidden,
            "org.kedge.Kedge",
            None,
        ),
        (
            "works",
            works(Some(425), true),
            none(),
            Active,
            "view-refresh",
            Some(Cancel(JobId(9))),
        ),
        (
            "works while paused",
            works(None, false),
            paused.clone(),
            Active,
            "view-refresh",
            Some(Cancel(JobId(9))),
        ),
        (
            "checks",
            with_job(well(), JobKind::Check, running(None, true)),
            none(),
            Hidden,
            "org.kedge.Kedge",
            None,
        ),
        (
            "labels",
            with_job(well(), JobKind::Edit, running(None, true)),
            none(),
            Hidden,
            "org.kedge.Kedge",
            None,
        ),
        (
            "update pending",
            update_pending(),
            none(),
            Active,
            "system-reboot-update",
            Some(Restart),
        ),
        (
            "pending while paused",
            update_pending(),
            paused,
            Active,
            "system-reboot-update",
            Some(Restart),
        ),
        (
            "rollback pending",
            rollback,
            none(),
            Active,
            "system-reboot-update",
            Some(Restart),
        ),
        (
            "rollback to a newer one",
            chosen,
            none(),
            Active,
            "system-reboot-update",
            Some(Restart),
        ),
        (
            "an older one was started",
            older,
            none(),
            Active,
            "view-history",
            Some(Restart),
        ),
        (
            "failed",
            failed.clone(),
            standing(&[Failed]),
            NeedsAttention,
            "dialog-error",
            None,
        ),
        (
            "failed, looked at",
            failed,
            none(),
            Hidden,
            "org.kedge.Kedge",
            None,
        ),
        (
            "the restart started another",
            update_pending(),
            fallen(),
            NeedsAttention,
            "dialog-error",
            None,
        ),
    ] {
        let it = tray(&state, &memory, HERE);
        assert_eq!((it.show, it.icon), (show, icon), "{name}");
        let first = match &it.menu[0] {
            Entry::Do(command, _) if !matches!(command, Command::Open(_)) => Some(*command),
            _ => None,
        };
        assert_eq!(first, right, "{name}");
        assert_eq!(it.tip == Tip::Nothing, show == Hidden, "{name}");
    }
}

#[test]
fn a_fall_back_that_was_looked_at_is_an_older_version_that_runs() {
    let mut memory = fallen();
    memory.acknowledge(Notice::FellBack);
    let it = tray(&update_pending(), &memory, HERE);
    assert_eq!((it.show, it.icon), (Show::Active, "view-history"));
    assert_eq!(
        it.tip,
        Tip::RunningOlder {
            default: SnapshotId(3)
        }
    );
}

#[test]
fn cancel_is_greyed_out_when_it_is_not_safe() {
    for safe in [true, false] {
        let state = with_job(well(), JobKind::Update, running(Some(900), safe));
        let it = tray(&state, &Memory::default(), HERE);
        assert_eq!(it.menu[0], Entry::Do(Command::Cancel(JobId(9)), safe));
        let tip = Tip::Working {
            kind: JobKind::Update,
            phase: Phase::Download,
            permille: Some(900),
        };
        assert_eq!(it.tip, tip);
        let check = it
            .menu
            .iter()
            .find(|entry| matches!(entry, Entry::Do(Command::Check, _)));
        assert_eq!(
            check,
            Some(&Entry::Do(Command::Check, false)),
            "one job at a time"
        );
    }
}

#[test]
fn every_menu_opens_the_window_checks_and_pauses_or_resumes() {
    let open = tray(
        &with_updates(&[true]),
        &standing(&[Notice::SecurityUpdates]),
        HERE,
    );
    let choices = [PauseFor::Hour, PauseFor::Today, PauseFor::UntilNextStart].map(Command::Pause);
    assert_eq!(
        open.menu,
        [
            Entry::Do(Command::Update, true),
            Entry::Do(Command::Open(Page::Updates), true),
            Entry::Do(Command::Check, true),
            Entry::Separator,
            Entry::Choose(Choice::Pause, choices.into()),
        ]
    );
    let memory = Memory {
        pause: Pause::Until {
            end: Timestamp(NOW.0 + 1),
        },
        ..Memory::default()
    };
    let paused = tray(&update_pending(), &memory, HERE);
    assert_eq!(paused.menu.last(), Some(&Entry::Do(Command::Resume, true)));
    let over = tray(
        &update_pending(),
        &memory,
        Moment {
            now: Timestamp(NOW.0 + 1),
            ..HERE
        },
    );
    assert!(matches!(over.menu.last(), Some(Entry::Choose(Choice::Pause, _))));
}

#[test]
fn no_two_pictures_look_or_read_the_same() {
    use crate::words;
    let rollback = State {
        default: Some(SnapshotId(1)),
        ..well()
    };
    let older = State {
        default: Some(SnapshotId(3)),
        ..well()
    };
    let failed = with_job(well(), JobKind::Update, ended(Ending::Undone, None));
    let states = [
        (with_updates(&[false]), standing(&[Notice::UpdatesAvailable])),
        (with_updates(&[true]), standing(&[Notice::SecurityUpdates])),
        (
            with_job(well(), JobKind::Update, running(Some(1), true)),
            Memory::default(),
        ),
        (update_pending(), Memory::default()),
        (rollback, Memory::default()),
        (older, Memory::default()),
        (failed, standing(&[Notice::Failed])),
        (update_pending(), fallen()),
    ];
    let mut titles: Vec<String> = states
        .iter()
        .map(|(state, memory)| words::tip(&tray(state, memory, HERE).tip, None, None).0)
        .collect();
    titles.sort_unstable();
    let all = titles.len();
    titles.dedup();
    assert_eq!(titles.len(), all, "{titles:?}");
}

#[test]
fn a_restart_can_be_put_off_to_the_night_or_to_the_next_shutdown_and_that_can_be_taken_back() {
    use crate::words;
    let later = |nights| {
        let menu = tray(&update_pending(), &Memory::default(), Moment { nights, ..HERE }).menu;
        let choices = menu.into_iter().find_map(|entry| match entry {
            Entry::Choose(Choice::RestartLater, choices) => Some(choices),
            _ => None,
        });
        choices.expect("something waits for a restart")
    };
    let [tonight, shutdown] = [RestartWhen::Tonight, RestartWhen::NextShutdown].map(Command::PlanRestart);
    assert_eq!(later(true), [tonight, shutdown]);
    assert_eq!(later(false), [shutdown], "nobody wakes us at night");
    for when in RestartWhen::ALL {
        let mut memory = Memory::default();
        memory.plan_restart(Some(*when), "now");
        let it = tray(&update_pending(), &memory, HERE);
        assert_eq!(
            it.menu[0],
            Entry::Do(Command::Restart, true),
            "sooner is still possible"
        );
        assert_eq!(it.menu[1], Entry::Do(Command::KeepRunning(*when), true));
        assert_eq!((it.show, it.planned), (Show::Active, Some(*when)));
        let (_, text) = words::tip(&it.tip, it.planned, None);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert_eq!(tray(&well(), &memory, HERE).planned, None, "nothing waits");
    }
}
