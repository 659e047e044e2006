// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::snapshot::userdata_key;
use crate::{Cleanup, Condition, Uuid};
use std::collections::BTreeMap;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// 2026-03-02 07:30:00 UTC, a Monday.
const NOW: u64 = 1_772_436_600;

/// A machine in UTC on which every snapshot holds a part of the disk.
#[derive(Default)]
struct Machine {
    empty: Vec<(u32, u32)>,
    size: u64,
    holds: BTreeMap<u32, u64>,
}

/// The days from 1970-01-01 to the first of a year.
fn days_before(year: i32) -> i64 {
    let years = i64::from(year) - 1;
    years * 365 + years / 4 - years / 100 + years / 400 - 719_162
}

impl Facts for Machine {
    fn civil(&self, time: Timestamp) -> Civil {
        let days = i64::try_from(time.seconds() / DAY).unwrap();
        let mut year = 1970;
        while days_before(year + 1) <= days {
            year += 1;
        }
        let year_day = days - days_before(year);
        let leap = i64::from(days_before(year + 1) - days_before(year) == 366);
        let lengths = [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let (mut month, mut day) = (0, year_day);
        while day >= lengths[month] {
            day -= lengths[month];
            month += 1;
        }
        Civil {
            year,
            month: month as u8,
            day: day as u8 + 1,
            hour: (time.seconds() / HOUR % 24) as u8,
            year_day: year_day as u16,
            // 1970-01-01 was a Thursday.
            week_day: ((days + 4) % 7) as u8,
        }
    }

    fn is_empty_pair(&self, pre: SnapshotId, post: SnapshotId) -> bool {
        self.empty.contains(&(pre.0, post.0))
    }

    fn room(&self, gone: &BTreeSet<SnapshotId>) -> Option<Room> {
        let left = self
            .holds
            .iter()
            .filter(|(id, _)| !gone.contains(&SnapshotId(**id)));
        let held = left.map(|(_, bytes)| bytes).sum();
        (self.size > 0).then_some(Room {
            size: self.size,
            held,
            free: self.size - held,
        })
    }
}

fn snapshot(number: u32, cleanup: &str, ago: u64) -> Snapshot {
    Snapshot {
        id: SnapshotId(number),
        kind: SnapshotKind::Single,
        pre: None,
        time: Timestamp::from_seconds((NOW - ago) as i64),
        uid: 0,
        description: String::new(),
        cleanup: Cleanup(cleanup.into()),
        userdata: BTreeMap::new(),
        read_only: true,
        uuid: Uuid([number as u8; 16]),
        parent_uuid: Uuid::default(),
        condition: Condition::Complete,
    }
}

fn state(snapshots: impl IntoIterator<Item = Snapshot>) -> State {
    let snapshots: BTreeMap<_, _> = snapshots.into_iter().map(|it| (it.id, it)).collect();
    let booted = snapshots.keys().next_back().copied();
    State {
        snapshots,
        booted,
        default: booted,
        ..State::default()
    }
}

fn named(retention: &Retention, state: &State, machine: &Machine) -> Vec<(u32, DoomReason)> {
    let doomed = retention.doomed(state, Timestamp::from_seconds(NOW as i64), machine);
    doomed.iter().map(|it| (it.id.0, it.reason)).collect()
}

fn keep(least: u32, most: u32) -> Retention {
    let keep = Limit { least, most };
    Retention {
        number: Some(NumberRule {
            keep,
            important: Limit::exactly(1),
            min_age: 3_600,
        }),
        timeline: None,
        empty_pairs: None,
        space: 1000,
        free: 0,
    }
}

#[test]
fn the_newest_updates_and_the_important_ones_are_kept() {
    let mut all: Vec<Snapshot> = (1..=8)
        .map(|it| snapshot(it, "number", u64::from(9 - it) * DAY))
        .collect();
    for at in [0, 1] {
        all[at]
            .userdata
            .insert(userdata_key::IMPORTANT.into(), "yes".into());
    }
    all.push(snapshot(9, "", 0));
    // #8 to #6 are the newest three, #2 is the newest important one; #1 is one too many.
    let expected = [1, 3, 4, 5].map(|it| (it, DoomReason::Number));
    assert_eq!(named(&keep(3, 3), &state(all), &Machine::default()), expected);
}

#[test]
fn the_young_the_running_and_what_waits_are_not_named() {
    let mut all: Vec<Snapshot> = (1..=4).map(|it| snapshot(it, "number", DAY)).collect();
    all[1].time = Timestamp::from_seconds((NOW - HOUR + 1) as i64);
    all[2]
        .userdata
        .insert(userdata_key::IN_PROGRESS.into(), "yes".into());
    let mut state = state(all);
    assert_eq!(
        named(&keep(0, 0), &state, &Machine::default()),
        [(1, DoomReason::Number)]
    );
    // #1 was installed, #4 was installed on top of it, neither was started: both wait.
    for (id, parent) in [(1, 3), (4, 1)] {
        let snapshot = state.snapshots.get_mut(&SnapshotId(id)).unwrap();
        snapshot.parent_uuid = Uuid([parent; 16]);
        snapshot
            .userdata
            .insert(userdata_key::NOT_BOOTED.into(), "yes".into());
    }
    state.booted = Some(SnapshotId(3));
    assert_eq!(named(&keep(0, 0), &state, &Machine::default()), []);
}

#[test]
fn a_pair_goes_together() {
    let mut all: Vec<Snapshot> = (1..=6).map(|it| snapshot(it, "number", DAY)).collect();
    for (pre, post) in [(1, 2), (3, 4)] {
        all[pre - 1].kind = SnapshotKind::Pre;
        all[post - 1].kind = SnapshotKind::Post;
        all[post - 1].pre = Some(SnapshotId(pre as u32));
    }
    all[5].cleanup = Cleanup::default();
    // Only #1 to #3 are too many, and #3 is half of a pair.
    let expected = [1, 2].map(|it| (it, DoomReason::Number));
    assert_eq!(
        named(&keep(2, 2), &state(all.clone()), &Machine::default()),
        expected
    );
    let retention = Retention {
        number: None,
        empty_pairs: Some(0),
        ..keep(0, 0)
    };
    let machine = Machine {
        empty: vec![(3, 4)],
        ..Machine::default()
    };
    let expected = [3, 4].map(|it| (it, DoomReason::EmptyPair));
    assert_eq!(named(&retention, &state(all), &machine), expected);
}

#[test]
fn room_is_made_down_to_the_least() {
    let all = (1..=6).map(|it| snapshot(it, "number", u64::from(7 - it) * DAY));
    let state = state(all);
    let machine = Machine {
        size: 1000,
        holds: (1..=6).map(|it| (it, 100)).collect(),
        ..Machine::default()
    };
    let retention = Retention {
        space: 350,
        ..keep(2, 5)
    };
    let expected = [
        (1, DoomReason::Number),
        (2, DoomReason::Space),
        (3, DoomReason::Space),
    ];
    assert_eq!(named(&retention, &state, &machine), expected);
    // However little room there is, two stay.
    let retention = Retention {
        space: 10,
        ..retention
    };
    assert_eq!(named(&retention, &state, &machine).len(), 4);
    let retention = Retention {
        space: 1000,
        free: 550,
        ..retention
    };
    let expected = [(1, DoomReason::Number), (2, DoomReason::Free)];
    assert_eq!(named(&retention, &state, &machine), expected);
    // Where room cannot be told, nothing goes for it.
    assert_eq!(named(&retention, &state, &Machine::default()).len(), 1);
}

#[test]
fn of_each_period_the_first_is_kept() {
    // Every six hours for ten days, up to the present.
    let all = (0..=40_u32).map(|it| snapshot(it + 1, "timeline", u64::from(40 - it) * 6 * HOUR));
    let none = Limit::exactly(0);
    let rule = TimelineRule {
        hourly: none,
        daily: Limit::exactly(3),
        weekly: none,
        monthly: Limit::exactly(2),
        quarterly: none,
        yearly: none,
        min_age: 0,
    };
    let retention = Retention {
        number: None,
        timeline: Some(rule),
        ..keep(0, 0)
    };
    let doomed = named(&retention, &state(all), &Machine::default());
    let kept: Vec<u32> = (1..=41)
        .filter(|it| !doomed.iter().any(|(id, _)| id == it))
        .collect();
    // Newest: Monday 07:30, so the first of Monday is 01:30 (#40), of Sunday #36, of Saturday #32 (February 28);
    // the first of March is #36 too, of February the oldest there is; #41 is what runs.
    assert_eq!(kept, [1, 32, 36, 40, 41]);
}

#[test]
fn weeks_go_over_the_turn_of_the_year() {
    let machine = Machine::default();
    let at = |days: u64| machine.civil(Timestamp::from_seconds((days * DAY) as i64));
    // 2026-01-01 is a Thursday, 20454 days after 1970-01-01.
    let thursday = at(20_454);
    assert_eq!(
        (thursday.year, thursday.month, thursday.day, thursday.week_day),
        (2026, 0, 1, 4)
    );
    for (day, same) in [(20_450, false), (20_451, true), (20_457, true), (20_458, false)] {
        assert_eq!(Period::Week.is_shared(thursday, at(day)), same, "{day}");
        assert_eq!(Period::Week.is_shared(at(day), thursday), same, "{day}");
    }
}
