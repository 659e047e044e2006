// SPDX-License-Identifier: GPL-3.0-or-later
//! Power cuts: what the engine does is recorded write by write, and afterwards the disk is put together as a cut at
//! many points would have left it, with what no flush had made safe kept, dropped or torn by chance. Each of them is
//! checked, started, recovered and read: the old or the new system, whole.
//!
//! With `KEDGE_POWERCUT=full` there are 200 points by chance for each kind, and some otherwise; those between the last
//! two flushes are all looked at in any case.

mod judge;
mod loader;
mod manifest;
mod story;

use crate::Case;
use crate::successes::offer;
use engine::{Engine as _, Outcome, Report as _};
use judge::Verdict;
use model::{Edit, NewSnapshot, Phase, Progress, SnapshotId};
use std::fs;
use std::ops::Range;
use story::Story;
pub(crate) use story::slim;
use support::loop_btrfs::run;
use support::machine::{Kit, Place, Record};
use support::{Chance, Recording};

pub(crate) const CASES: &[Case] = &[
    ("power::create", create),
    ("power::update", update),
    ("power::update_of_a_writable_system", update_writable),
    ("power::delete", delete),
    ("power::roll_back", roll_back),
    ("power::roll_back_by_copy", roll_back_by_copy),
    ("power::discard", discard),
    ("power::edit", edit),
    ("power::the_wrong_order_is_caught", wrong_order),
    ("power::loader_roll_back", |_| loader::roll_back()),
    ("power::loader_roll_back_to_an_old_entry", |_| {
        loader::roll_back_again()
    }),
    ("power::loader_try_once", |_| loader::try_once()),
    ("power::loader_update_on_trial", |_| loader::trial()),
    ("power::loader_discard_of_a_trial", |_| loader::discard()),
    ("power::loader_wrong_order_is_caught", |_| loader::wrong_order()),
];

/// How many points by chance each part of a kind gets, and how many the time after it.
fn wanted() -> (usize, usize) {
    match std::env::var("KEDGE_POWERCUT").as_deref() {
        Ok("full") => (200, 20),
        _ => (4, 2),
    }
}

/// What became of the points of one kind.
#[derive(Debug, Default)]
struct Count {
    points: usize,
    old: usize,
    new: usize,
    bad: Vec<String>,
}

/// Something that was recorded, and can be cut.
trait Recorded {
    fn recording(&self) -> &Recording;
    /// Before which entry the end was reported.
    fn done(&self) -> usize;
    /// Cuts before entry `at` and judges what is left.
    fn judge(&self, at: usize, seed: u64) -> Result<Verdict, String>;
}

impl Recorded for Story {
    fn recording(&self) -> &Recording {
        &self.recording
    }

    fn done(&self) -> usize {
        self.done
    }

    fn judge(&self, at: usize, seed: u64) -> Result<Verdict, String> {
        judge::judge(self, at, seed)
    }
}

/// Cuts at these points, each with a chance of its own, and prints what came out.
fn cut(story: &dyn Recorded, kind: &str, points: impl IntoIterator<Item = usize>) -> Count {
    let mut count = Count::default();
    for (seed, at) in (1..).zip(points) {
        count.points += 1;
        match story.judge(at, seed) {
            Ok(Verdict::Old) => count.old += 1,
            Ok(Verdict::New) => count.new += 1,
            Err(problem) => count.bad.push(format!("entry {at}, seed {seed}: {problem}")),
        }
    }
    println!(
        "power {kind}: {} points of {} entries, {} old, {} new, {} bad",
        count.points,
        story.recording().entries.len(),
        count.old,
        count.new,
        count.bad.len()
    );
    count
}

/// So many points by chance from a part of the story.
fn by_chance(part: Range<usize>, count: usize) -> Vec<usize> {
    let mut chance = Chance::new(part.start as u64);
    let length = part.len().max(1) as u64;
    let at = |_| part.start + usize::try_from(chance.below(length)).unwrap() + 1;
    (0..count).map(at).collect()
}

/// Every point between the last two flushes before the end was reported.
fn last_flushes(story: &dyn Recorded) -> Range<usize> {
    let flushes: Vec<usize> = story
        .recording()
        .flushes()
        .into_iter()
        .filter(|at| *at < story.done())
        .collect();
    let [.., before, last] = *flushes else {
        panic!("{flushes:?}: a change must be flushed");
    };
    before + 1..last + 2
}

fn assert_whole(counts: impl IntoIterator<Item = Count>) {
    let bad: Vec<String> = counts.into_iter().flat_map(|count| count.bad).collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// A whole story: by chance over all of it and some time after, and all points between the last two flushes.
fn cut_all(story: &dyn Recorded, kind: &str) {
    cut_parts(story, kind, &[("whole", 0..story.done())]);
}

fn cut_parts(story: &dyn Recorded, kind: &str, parts: &[(&str, Range<usize>)]) {
    let (within, after) = wanted();
    let rest = story.done()..story.recording().entries.len();
    let by_part = |(name, part): &(&str, Range<usize>)| {
        cut(story, &format!("{kind}, {name}"), by_chance(part.clone(), within))
    };
    let mut counts: Vec<Count> = parts.iter().map(by_part).collect();
    counts.push(cut(story, &format!("{kind}, last flushes"), last_flushes(story)));
    counts.push(cut(story, &format!("{kind}, afterwards"), by_chance(rest, after)));
    assert_whole(counts);
}

fn create(kit: &Kit) {
    let story = Story::record(
        kit,
        Place::Sysimage,
        |_| {},
        |engine, _| {
            let wish = NewSnapshot {
                description: "before the cut".to_owned(),
                ..NewSnapshot::default()
            };
            assert_eq!(engine.create(&wish).unwrap(), SnapshotId(3));
        },
    );
    assert!(story.after.snapshots.contains_key(&3));
    cut_all(&story, "create");
}

fn update(kit: &Kit) {
    let story = Story::record(
        kit,
        Place::Sysimage,
        |machine| offer(machine, "2"),
        |engine, record| {
            assert_eq!(record.update(engine).unwrap(), Outcome::Changed(SnapshotId(3)));
        },
    );
    cut_update(&story, "update");
}

fn update_writable(kit: &Kit) {
    let story = Story::record(
        kit,
        Place::Own,
        |machine| offer(machine, "2"),
        |engine, record| {
            assert_eq!(record.update(engine).unwrap(), Outcome::Changed(SnapshotId(3)));
        },
    );
    cut_update(&story, "update of a writable system");
}

/// The parts of an update one by one: most of its writes are packages being unpacked, and what follows matters most.
fn cut_update(story: &Story, kind: &str) {
    let commit = story.recording.marked("commit").unwrap();
    cut_parts(
        story,
        kind,
        &[("unpack", 0..commit), ("close", commit..story.done)],
    );
}

fn delete(kit: &Kit) {
    let story = Story::record(
        kit,
        Place::Sysimage,
        |machine| assert_eq!(story::snapshot(machine, "to go"), 3),
        |engine, _| assert_eq!(engine.delete(SnapshotId(3)).unwrap(), Outcome::Changed(())),
    );
    cut_all(&story, "delete");
}

fn roll_back(kit: &Kit) {
    let story = Story::record(
        kit,
        Place::Sysimage,
        |machine| assert_eq!(story::snapshot(machine, "to go back to"), 3),
        |engine, record| {
            let done = record.with(|context| engine.roll_back(SnapshotId(3), context));
            assert_eq!(done.unwrap(), Outcome::Changed(SnapshotId(3)));
        },
    );
    cut_all(&story, "roll back");
}

fn roll_back_by_copy(kit: &Kit) {
    let story = Story::record(
        kit,
        Place::Own,
        |machine| assert_eq!(story::snapshot(machine, "to go back to"), 3),
        |engine, record| {
            let done = record.with(|context| engine.roll_back(SnapshotId(3), context));
            assert_eq!(done.unwrap(), Outcome::Changed(SnapshotId(4)));
        },
    );
    cut_all(&story, "roll back by copy");
}

fn discard(kit: &Kit) {
    let story = Story::record_after(
        kit,
        Place::Sysimage,
        |machine| offer(machine, "2"),
        |engine| {
            let done = Record::default().update(engine);
            assert_eq!(done.unwrap(), Outcome::Changed(SnapshotId(3)));
        },
        |engine, record| {
            let done = record.with(|context| engine.discard(context));
            assert_eq!(done.unwrap(), Outcome::Changed(vec![SnapshotId(3)]));
        },
    );
    cut_all(&story, "discard");
}

fn edit(kit: &Kit) {
    let story = Story::record(
        kit,
        Place::Sysimage,
        |machine| assert_eq!(story::snapshot(machine, "to be pinned"), 3),
        |engine, _| {
            let edit = Edit {
                pinned: Some(true),
                description: Some("pinned".to_owned()),
                ..Edit::default()
            };
            assert_eq!(engine.edit(SnapshotId(3), &edit).unwrap(), Outcome::Changed(()));
        },
    );
    cut_all(&story, "edit");
}

/// The proof that the harness can see anything: a default that is set before the files it needs are on disk.
fn wrong_order(kit: &Kit) {
    let story = Story::record(kit, Place::Sysimage, |_| {}, by_hand);
    let commit = story.recording.marked("commit").unwrap();
    let points: Vec<usize> = (commit..story.done).step_by(4).collect();
    let count = cut(&story, "wrong order", points);
    assert!(
        count.bad.iter().any(|bad| bad.contains("is not whole")),
        "{count:?}"
    );
}

/// Makes a new system as an update does, but writes its files to disk only after it is the default.
fn by_hand(engine: &engine::NativeEngine, record: &Record) {
    let root = record.root.clone().unwrap();
    let wish = NewSnapshot::default();
    assert_eq!(engine.create(&wish).unwrap(), SnapshotId(3));
    let snapshot = root.join(".snapshots/3/snapshot");
    let text = snapshot.to_str().unwrap();
    run("btrfs", ["property", "set", text, "ro", "false"]).unwrap();
    for number in 0..50 {
        fs::write(snapshot.join(format!("usr/new-{number}")), vec![b'x'; 100_000]).unwrap();
    }
    record.progress(Progress::at(Phase::Commit));
    run("btrfs", ["subvolume", "set-default", text]).unwrap();
    // Commits what the filesystem knows, but not yet the content of files.
    run("btrfs", ["property", "set", text, "ro", "true"]).unwrap();
    run("sync", ["-f", text]).unwrap();
}
