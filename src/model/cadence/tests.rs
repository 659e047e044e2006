// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::state::tests::state;
use crate::{
    ChangeKind, Ending, Failure, FailureCode, Job, JobId, JobOutcome, Machine, PackageChange, UpdateSet,
    userdata_key,
};
use proptest::prelude::*;

const HOUR: u64 = 60 * 60 * 1_000_000;
const DAYS: u64 = 24 * HOUR;
/// Some moment well after the epoch.
pub(crate) const T: u64 = 1_000 * DAYS;

fn package(security: bool) -> PackageChange {
    PackageChange {
        name: "a".into(),
        arch: "all".into(),
        kind: ChangeKind::Upgraded,
        old: "1".into(),
        new: "2".into(),
        download_size: 10,
        origin: String::new(),
        security,
        fixes: Vec::new(),
    }
}

pub(crate) fn found(security: &[bool]) -> State {
    let mut it = state(3);
    it.updates = Updates {
        check: Check::Done,
        attempted: Some(Timestamp(T)),
        succeeded: Some(Timestamp(T)),
        set: UpdateSet {
            packages: security.iter().map(|it| package(*it)).collect(),
            download_size: 10,
            installed_delta: 90,
        },
    };
    it
}

pub(crate) fn pending(id: u32, updated: bool) -> State {
    let mut it = found(&[]);
    let id = SnapshotId(id);
    it.default = Some(id);
    if updated {
        let snapshot = it.snapshots.get_mut(&id).expect("made by state()");
        snapshot
            .userdata
            .insert(userdata_key::NOT_BOOTED.into(), "yes".into());
    }
    it
}

fn ended(id: u32, kind: JobKind, ending: Ending, snapshot: Option<u32>) -> Job {
    Job {
        id: JobId(id),
        kind,
        uid: 0,
        target: None,
        started: Timestamp(T),
        state: JobState::Ended(JobOutcome {
            ending,
            machine: Machine::OldSystem,
            snapshot: snapshot.map(SnapshotId),
            failure: Some(Failure::new(FailureCode::Network, "")),
            finished: Timestamp(T),
        }),
    }
}

fn memory() -> Memory {
    Memory {
        since: Timestamp(T),
        ..Memory::default()
    }
}

fn kinds(memory: &Memory, state: &State, free: Option<u64>, now: u64) -> Vec<Notice> {
    memory
        .news(state, free, Timestamp(now))
        .into_iter()
        .map(|it| it.notice)
        .collect()
}

#[test]
fn what_is_worth_telling() {
    use Notice::{Failed, LowSpace, RestartReady, SecurityUpdates, Stale, UpdatesAvailable};
    let mut failed = found(&[false]);
    failed
        .jobs
        .insert(JobId(4), ended(4, JobKind::Update, Ending::Undone, None));
    let mut offline = found(&[]);
    offline.updates.check = Check::Failed {
        failure: Failure::new(FailureCode::Network, ""),
    };
    let mut void = found(&[true]);
    void.updates.check = Check::Never;
    let mut nothing_possible = found(&[]);
    nothing_possible.capabilities = Default::default();
    let none: &[Notice] = &[];
    for (name, state, free, now, told) in [
        ("all is well", found(&[]), None, T, none),
        ("updates", found(&[false, false]), None, T, &[UpdatesAvailable]),
        (
            "security among them",
            found(&[false, true]),
            None,
            T,
            &[SecurityUpdates],
        ),
        (
            "they fit exactly",
            found(&[false]),
            Some(100),
            T,
            &[UpdatesAvailable],
        ),
        (
            "they do not fit",
            found(&[false]),
            Some(99),
            T,
            &[LowSpace, UpdatesAvailable],
        ),
        ("an update waits", pending(3, true), None, T, none),
        ("another starts next", pending(2, false), None, T, &[RestartReady]),
        ("failed", failed, None, T, &[Failed, UpdatesAvailable]),
        ("could not check once", offline.clone(), None, T + 7 * DAYS, none),
        (
            "could not check for a week",
            offline,
            None,
            T + 7 * DAYS + 1,
            &[Stale],
        ),
        ("found for another default", void, None, T, none),
        (
            "updates are not for us",
            nothing_possible,
            None,
            T + 9 * DAYS,
            none,
        ),
    ] {
        assert_eq!(kinds(&memory(), &state, free, now), told, "{name}");
    }
    assert_eq!(
        kinds(&Memory::default(), &state(1), None, T),
        [Stale],
        "never checked since the memory began, which is long ago"
    );
    assert_eq!(
        kinds(&memory(), &state(1), None, T + DAYS),
        none,
        "never checked yet"
    );
}

#[test]
fn each_notice_has_its_rhythm() {
    use Notice::*;
    for (notice, wanted, days) in [
        (SecurityUpdates, Wanted::Usual, Some(1)),
        (UpdatesAvailable, Wanted::Usual, Some(14)),
        (RestartReady, Wanted::Usual, Some(3)),
        (Stale, Wanted::Usual, Some(1)),
        (LowSpace, Wanted::Usual, Some(3)),
        (Failed, Wanted::Usual, None),
        (FellBack, Wanted::Usual, None),
        (Receipt, Wanted::Usual, None),
        (UpdatesAvailable, Wanted::Every(DAY * 30), Some(30)),
        (SecurityUpdates, Wanted::Every(DAY * 30), Some(1)),
        (SecurityUpdates, Wanted::Every(DAY / 2), None),
        (RestartReady, Wanted::Never, Some(3)),
    ] {
        let mut it = memory();
        let news = News::of(notice, "x");
        let due = |it: &Memory| it.due(&news, wanted, Timestamp(T), "boot");
        assert_eq!(due(&it), Some(Timestamp(0)), "{notice}: at once the first time");
        it.show(&news, Timestamp(T));
        let expected = match days {
            None if notice == SecurityUpdates => Some(Timestamp(T + DAYS / 2)),
            days => days.map(|days| Timestamp(T + days * DAYS)),
        };
        assert_eq!(due(&it), expected, "{notice} {wanted:?}");
        let other = News::of(notice, "y");
        assert_eq!(
            it.due(&other, wanted, Timestamp(T), "boot"),
            Some(Timestamp(0)),
            "{notice}: about something else"
        );
    }
    for (notice, due) in [
        (SecurityUpdates, None),
        (UpdatesAvailable, None),
        (Failed, Some(Timestamp(0))),
    ] {
        let news = News::of(notice, "");
        assert_eq!(
            memory().due(&news, Wanted::Never, Timestamp(T), "boot"),
            due,
            "{notice}"
        );
    }
}

#[test]
fn a_pause_holds_reminders_back_but_no_failure() {
    let until = Pause::Until {
        end: Timestamp(T + HOUR),
    };
    let start = Pause::UntilNextStart { boot: "one".into() };
    for (notice, pause, boot, due) in [
        (Notice::RestartReady, Pause::None, "one", Some(0)),
        (Notice::RestartReady, until.clone(), "one", Some(T + HOUR)),
        (Notice::SecurityUpdates, until.clone(), "two", Some(T + HOUR)),
        (Notice::RestartReady, start.clone(), "one", None),
        (Notice::RestartReady, start.clone(), "two", Some(0)),
        (Notice::Failed, start, "one", Some(0)),
        (Notice::FellBack, until, "one", Some(0)),
    ] {
        let it = Memory {
            pause: pause.clone(),
            ..memory()
        };
        let news = News::of(notice, "");
        let moment = it.due(&news, Wanted::Usual, Timestamp(T), boot);
        assert_eq!(moment, due.map(Timestamp), "{notice} {pause:?}");
    }
    let over = Memory {
        pause: Pause::Until { end: Timestamp(T) },
        ..memory()
    };
    let news = News::of(Notice::Stale, "");
    assert_eq!(
        over.due(&news, Wanted::Usual, Timestamp(T), "boot"),
        Some(Timestamp(0))
    );
}

#[test]
fn what_is_over_no_longer_stands_and_some_of_it_is_news_again() {
    let mut it = memory();
    for notice in [Notice::RestartReady, Notice::UpdatesAvailable, Notice::Failed] {
        it.show(&News::of(notice, ""), Timestamp(T));
        assert!(it.stands(notice));
    }
    it.acknowledge(Notice::Failed);
    assert!(!it.stands(Notice::Failed));
    it.settle(&[News::of(Notice::UpdatesAvailable, "")]);
    assert!(it.stands(Notice::UpdatesAvailable));
    it.settle(&[]);
    assert!(!it.stands(Notice::UpdatesAvailable) && !it.stands(Notice::RestartReady));
    let now = Timestamp(T + DAYS);
    let due = |notice| {
        it.due(&News::of(notice, ""), Wanted::Usual, now, "b")
            .is_some_and(|due| due <= now)
    };
    assert!(due(Notice::RestartReady), "the next version that waits is news");
    assert!(!due(Notice::UpdatesAvailable), "tomorrow's packages are not");
}

#[test]
fn a_restart_gives_a_receipt() {
    let booted = |state: &State, id: u32| State {
        booted: Some(SnapshotId(id)),
        ..state.clone()
    };
    for (name, before, after, told) in [
        (
            "an update started",
            pending(2, true),
            booted(&pending(2, true), 2),
            None,
        ),
        (
            "a rollback started",
            pending(2, false),
            booted(&pending(2, false), 2),
            Some(Notice::Receipt),
        ),
        (
            "an update did not start",
            pending(2, true),
            pending(2, true),
            Some(Notice::FellBack),
        ),
        (
            "a rollback did not start",
            pending(2, false),
            pending(2, false),
            Some(Notice::FellBack),
        ),
        (
            "the loader set the default back",
            pending(2, true),
            found(&[]),
            Some(Notice::FellBack),
        ),
        ("nothing waited", found(&[]), found(&[]), None),
    ] {
        let mut it = memory();
        it.observe(&before, "one");
        let told_before = kinds(&it, &before, None, T);
        assert!(
            !told_before.contains(&Notice::FellBack),
            "{name}: before the restart"
        );
        it.observe(&after, "two");
        it.observe(&after, "two");
        let news = kinds(&it, &after, None, T);
        let receipts = [Notice::FellBack, Notice::Receipt];
        let receipt = news.iter().find(|notice| receipts.contains(notice)).copied();
        assert_eq!(receipt, told, "{name}");
        if told == Some(Notice::FellBack) {
            assert!(
                !news.contains(&Notice::RestartReady),
                "{name}: not as if it only waited"
            );
        }
        it.observe(&after, "three");
        assert!(
            !kinds(&it, &after, None, T).contains(&Notice::Receipt),
            "{name}: after another restart"
        );
    }
}

#[test]
fn an_older_version_runs_only_when_nobody_chose_the_default_since() {
    let mut it = found(&[]);
    it.booted = Some(SnapshotId(2));
    assert_eq!(running_older(&it), Some(SnapshotId(3)));
    assert_eq!(
        kinds(&memory(), &it, None, T),
        [],
        "nothing waits: it was so before"
    );
    it.jobs
        .insert(JobId(1), ended(1, JobKind::Rollback, Ending::Done, Some(3)));
    assert_eq!(running_older(&it), None, "a person chose it");
    assert_eq!(running_older(&pending(2, false)), None, "older than what runs");
    assert_eq!(running_older(&found(&[])), None);
}

#[test]
fn when_to_check() {
    use CheckTime::{After, At, Now};
    let failed = || Check::Failed {
        failure: Failure::new(FailureCode::Network, ""),
    };
    let calm = Surroundings::default();
    let offline = Surroundings {
        offline: true,
        ..calm
    };
    let metered = Surroundings {
        metered: true,
        on_battery: true,
        ..calm
    };
    let battery = Surroundings {
        on_battery: true,
        ..calm
    };
    let saving = Surroundings {
        saves_power: true,
        ..calm
    };
    let ago = |time: u64| Some(T - time);
    for (check, attempted, succeeded, tried, around, expected) in [
        (Check::Never, None, None, None, calm, Now),
        (Check::Never, None, None, None, battery, Now),
        (
            Check::Never,
            None,
            None,
            ago(HOUR / 2),
            calm,
            At(Timestamp(T + HOUR / 2)),
        ),
        (Check::Never, None, None, None, offline, After(Wait::Offline)),
        (
            Check::Done,
            ago(HOUR),
            ago(HOUR),
            None,
            calm,
            At(Timestamp(T + 23 * HOUR)),
        ),
        (Check::Done, ago(DAYS), ago(DAYS), None, calm, Now),
        (
            Check::Done,
            ago(DAYS),
            ago(DAYS),
            None,
            metered,
            After(Wait::Metered),
        ),
        (
            Check::Done,
            ago(DAYS),
            ago(DAYS),
            None,
            battery,
            After(Wait::OnBattery),
        ),
        (
            Check::Done,
            ago(DAYS),
            ago(DAYS),
            None,
            saving,
            After(Wait::SavesPower),
        ),
        (Check::Done, ago(8 * DAYS), ago(8 * DAYS), None, saving, Now),
        (Check::Done, ago(8 * DAYS), ago(8 * DAYS), None, battery, Now),
        (
            Check::Done,
            ago(8 * DAYS),
            ago(8 * DAYS),
            None,
            metered,
            After(Wait::Metered),
        ),
        (
            failed(),
            ago(HOUR / 2),
            ago(DAYS),
            None,
            calm,
            At(Timestamp(T + HOUR / 2)),
        ),
        (failed(), ago(HOUR), ago(DAYS), None, calm, Now),
        (
            Check::Never,
            ago(HOUR / 2),
            ago(HOUR / 2),
            None,
            calm,
            At(Timestamp(T + HOUR / 2)),
        ),
        (Check::Done, Some(T + DAYS), Some(T + DAYS), None, calm, Now),
    ] {
        let updates = Updates {
            check,
            attempted: attempted.map(Timestamp),
            succeeded: succeeded.map(Timestamp),
            set: UpdateSet::default(),
        };
        let time = check_time(
            &updates,
            &Policy::default(),
            tried.map(Timestamp),
            around,
            Timestamp(T),
        );
        assert_eq!(time, expected, "{updates:?} {tried:?} {around:?}");
    }
}

#[test]
fn what_the_helper_says_of_the_restart_counts() {
    use crate::StartReceipt;
    let receipt = |wanted, once, kept| {
        Some(StartReceipt {
            wanted: SnapshotId(wanted),
            once,
            asked: Timestamp(1),
            kept,
        })
    };
    let notices = |state: &State| {
        let mut it = memory();
        it.observe(state, "one");
        it.observe(state, "one");
        let news = it.news(state, None, Timestamp(T));
        news.into_iter()
            .map(|it| (it.notice, it.about))
            .collect::<Vec<_>>()
    };
    // An automatic way back, of which no session saw the beginning.
    let mut fallen = found(&[]);
    fallen.receipt = receipt(2, false, Kept::FellBack);
    assert_eq!(notices(&fallen), [(Notice::FellBack, "2".to_owned())]);
    // Somebody tries the third one: no alarm and no reminder to leave it, but a question whether to keep it.
    let mut tried = pending(1, false);
    tried.receipt = receipt(3, true, Kept::AsPlanned);
    assert_eq!(tried.trying(), Some(SnapshotId(3)));
    let asked = (Notice::Trying, "3@1".to_owned());
    assert_eq!(notices(&tried), [asked]);
    // It is kept: the question is answered.
    tried.default = tried.booted;
    assert_eq!(notices(&tried), []);
    // A version that waits while another one starts once is not expected yet.
    let mut it = memory();
    let mut before = pending(1, true);
    before.once = Some(SnapshotId(2));
    it.observe(&before, "one");
    assert_eq!(it.expected, None);
}

#[test]
fn an_administrator_says_how_often_to_look() {
    use crate::Cadence;
    let updates = found(&[]).updates;
    let calm = Surroundings::default();
    for (cadence, days) in [
        (Cadence::Daily, Some(1)),
        (Cadence::Weekly, Some(7)),
        (Cadence::Monthly, Some(30)),
        (Cadence::Never, None),
    ] {
        let policy = Policy {
            cadence,
            ..Policy::default()
        };
        let time = |now| check_time(&updates, &policy, None, calm, Timestamp(now));
        let Some(days) = days else {
            assert_eq!(time(T + 99 * DAYS), CheckTime::Never);
            continue;
        };
        assert_eq!(time(T), CheckTime::At(Timestamp(T + days * DAYS)), "{cadence}");
        assert_eq!(time(T + days * DAYS), CheckTime::Now, "{cadence}");
    }
}

proptest! {
    /// A person is never told the same more often than its rhythm allows, however often one looks.
    #[test]
    fn no_notice_comes_sooner_than_its_rhythm(looks in prop::collection::vec(0..(30 * 24u64), 1..200)) {
        let mut it = memory();
        let state = found(&[false]);
        let mut looks = looks;
        looks.sort_unstable();
        let mut told = Vec::new();
        for hour in looks {
            let now = Timestamp(T + hour * HOUR);
            let news = it.news(&state, None, now);
            it.settle(&news);
            for piece in news.iter().filter(|piece| piece.notice == Notice::UpdatesAvailable) {
                if it.due(piece, Wanted::Usual, now, "b").is_some_and(|due| due <= now) {
                    it.show(piece, now);
                    told.push(hour);
                }
            }
        }
        prop_assert!(told.windows(2).all(|pair| pair[1] - pair[0] >= 14 * 24), "{:?}", told);
    }
}
