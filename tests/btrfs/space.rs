// SPDX-License-Identifier: GPL-3.0-or-later
//! What deleting snapshots frees, judged by `btrfs filesystem du`, by what is used once the kernel has freed it, and by
//! the same engine reading everything anew.

use crate::Case;
use crate::fixture::{Machine, open};
use engine::{Engine, Outcome};
use model::{Freed, SnapshotId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use support::loop_btrfs::run;
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    ("space::one_snapshot_is_what_du_says", one_snapshot),
    ("space::a_set_is_what_is_really_freed", a_set_is_what_is_freed),
    ("space::odd_extents_count_whole", odd_extents),
    ("space::copies_elsewhere_keep_data", copies_elsewhere),
    ("space::nested_etc_belongs_to_its_snapshot", nested_etc),
    ("space::snapshots_once_writable_are_read_anew", once_writable),
    ("space::what_is_cached_is_what_is_read", what_is_cached),
    ("space::random_histories_are_counted_exactly", random_histories),
    ("space::usage_is_what_btrfs_says", usage),
    ("space::a_request_to_stop_is_heard", stopping),
];

/// Bytes that do not compress and differ from call to call.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

impl Machine {
    fn freed(&self, numbers: &[u32]) -> Freed {
        let ids: Vec<SnapshotId> = numbers.iter().copied().map(SnapshotId).collect();
        self.with(|context| self.engine.freed(&ids, context)).unwrap()
    }

    /// Makes all that was written show in the trees.
    fn sync(&self) {
        run("sync", ["-f", self.disk.top().to_str().unwrap()]).unwrap();
    }

    /// Data and metadata in use, once the kernel has freed what was deleted.
    fn used(&self) -> (u64, u64) {
        let top = self.disk.top();
        let top = top.to_str().unwrap();
        // The kernel looks for deleted subvolumes after each commit, of which there is one in 30 seconds otherwise.
        run("mount", ["-o", "remount,commit=1", top]).unwrap();
        self.disk.btrfs(["subvolume", "sync", "-s", "1", top]).unwrap();
        // Freed extents are given back at the second commit.
        self.sync();
        self.sync();
        let told = self.disk.btrfs(["filesystem", "df", "-b", top]).unwrap();
        let of = |kind: &str| -> u64 {
            let line = told.lines().find(|line| line.starts_with(kind)).unwrap();
            line.split("used=").nth(1).unwrap().trim().parse().unwrap()
        };
        (of("Data"), of("Metadata"))
    }

    /// What `btrfs filesystem du` calls exclusive.
    fn du(&self, number: u32) -> u64 {
        let path = self.disk.snapshot(number);
        let told = self
            .disk
            .btrfs(["filesystem", "du", "-s", "--raw", path.to_str().unwrap()])
            .unwrap();
        let line = told.lines().nth(1).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The same by an engine that knows nothing yet.
    fn freed_anew(&self, numbers: &[u32]) -> Freed {
        let engine = open(&self.disk.root());
        let ids: Vec<SnapshotId> = numbers.iter().copied().map(SnapshotId).collect();
        self.with(|context| engine.freed(&ids, context)).unwrap()
    }

    /// Deletes snapshots and holds what that freed against what was foretold.
    #[track_caller]
    fn delete_as_foretold(&self, numbers: &[u32]) -> Freed {
        self.sync();
        let foretold = self.freed(numbers);
        let before = self.used();
        for number in numbers {
            let deleted = self.engine.delete(SnapshotId(*number)).unwrap();
            assert_eq!(deleted, Outcome::Changed(()));
        }
        let after = self.used();
        let (data, metadata) = (before.0 - after.0, before.1.saturating_sub(after.1));
        assert_eq!(foretold.data, data, "{numbers:?}");
        // Stated: right within a half of itself and eight blocks of 16 KiB, for books of freed blocks change too.
        let near = foretold.metadata / 2 + (8 << 14);
        assert!(
            foretold.metadata.abs_diff(metadata) <= near,
            "{numbers:?}: {} of metadata foretold, {metadata} freed",
            foretold.metadata
        );
        foretold
    }
}

fn write(path: &Path, seed: u64, length: usize) {
    fs::write(path, noise(seed, length)).unwrap();
}

/// A classic system with many files, and snapshots between which some of them changed.
fn history(layout: Layout, files: usize, snapshots: usize) -> (Machine, Vec<u32>) {
    let disk = LoopBtrfs::with_system(700, layout, |root| {
        for at in 0..files {
            let folder = root.join(format!("usr/d{}", at / 100));
            fs::create_dir_all(&folder)?;
            fs::write(
                folder.join(format!("f{at}")),
                noise(at as u64 + 1, 5_000 + at % 7_000),
            )?;
        }
        Ok(())
    })
    .unwrap();
    let engine = open(&disk.root());
    let machine = Machine { engine, disk };
    let mut numbers = Vec::new();
    for at in 0..snapshots {
        let usr = machine.disk.root().join("usr");
        for change in 0..files / 50 {
            // Half of them are the same ones each time, so that every snapshot has something to itself.
            let file = (change % 2 * at * 131 + change * 37) % files;
            let folder = usr.join(format!("d{}", file / 100));
            let path = folder.join(format!("f{file}"));
            match change % 4 {
                0 => drop(fs::remove_file(path)),
                1 => write(
                    &folder.join(format!("n{at}-{change}")),
                    (at * 999 + change) as u64,
                    9_000,
                ),
                _ => write(&path, (at * 7_777 + change) as u64, 6_000),
            }
        }
        machine.sync();
        numbers.push(machine.create("step"));
    }
    (machine, numbers)
}

fn one_snapshot() {
    let (machine, numbers) = history(Layout::Classic, 2_000, 6);
    for number in &numbers {
        assert_eq!(machine.freed(&[*number]).data, machine.du(*number), "{number}");
    }
    let sizes = machine.with(|context| machine.engine.sizes(context)).unwrap();
    let by_row: BTreeMap<u32, u64> = sizes.iter().map(|it| (it.id.0, it.data)).collect();
    for number in numbers {
        assert_eq!(by_row[&number], machine.du(number), "{number}");
    }
    assert!(by_row.contains_key(&1));
}

fn a_set_is_what_is_freed() {
    let (machine, numbers) = history(Layout::Classic, 3_000, 8);
    // A middle stretch, a single one, two with one between them that stays, and all the rest.
    let freed = machine.delete_as_foretold(&numbers[2..4]);
    assert!(freed.data > 0 && freed.held > freed.data);
    machine.delete_as_foretold(&numbers[5..6]);
    machine.delete_as_foretold(&[numbers[4], numbers[7]]);
    machine.delete_as_foretold(&[numbers[0], numbers[1], numbers[6]]);
}

fn odd_extents() {
    let machine = Machine::sized(700, Layout::Classic);
    let usr = machine.disk.root().join("usr");
    let path = |name: &str| usr.join(name);
    let program = |name: &str, arguments: &[&str]| drop(run(name, arguments.iter().copied()).unwrap());
    // Compressed: 4 MiB that take much less.
    fs::create_dir(path("zipped")).unwrap();
    program(
        "btrfs",
        &[
            "property",
            "set",
            path("zipped").to_str().unwrap(),
            "compression",
            "zstd",
        ],
    );
    fs::write(
        path("zipped/text"),
        "the same words again and again\n".repeat(140_000),
    )
    .unwrap();
    // Inline, sparse, set aside, and used in part.
    fs::write(path("inline"), "small").unwrap();
    let sparse = fs::File::create(path("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    sparse.write_all_at(&noise(3, 70_000), 1 << 30).unwrap();
    program("fallocate", &["-l", "3M", path("aside").to_str().unwrap()]);
    write(&path("bookend"), 4, 8 << 20);
    program(
        "cp",
        &[
            "--reflink=always",
            path("bookend").to_str().unwrap(),
            path("again").to_str().unwrap(),
        ],
    );
    machine.sync();
    let first = machine.create("with everything");
    // Of the bookend's extent a little stays in use in the second one, so all of it stays on the disk.
    let bookend = fs::File::options().write(true).open(path("bookend")).unwrap();
    bookend.write_all_at(&noise(5, 6 << 20), 1 << 20).unwrap();
    // A file that is open stays when it has no name.
    drop(bookend);
    machine.sync();
    let second = machine.create("overwritten");
    for name in ["zipped/text", "inline", "sparse", "aside", "again"] {
        fs::remove_file(path(name)).unwrap();
    }
    machine.sync();
    let third = machine.create("removed");
    fs::remove_file(path("bookend")).unwrap();
    machine.sync();
    assert_eq!(machine.freed(&[first]).data, 0);
    assert_eq!(machine.freed(&[third]).data, 0);
    let both = machine.freed(&[first, second]);
    assert_eq!(
        both.holders.first().map(|it| (it.snapshot, it.bytes)),
        Some((Some(SnapshotId(third)), 14 << 20))
    );
    let freed = machine.delete_as_foretold(&[first, second]);
    assert!(freed.data > 3 << 20 && freed.data < 4 << 20, "{freed:?}");
    let freed = machine.delete_as_foretold(&[third]);
    assert_eq!(freed.data, 14 << 20);
}

fn copies_elsewhere() {
    let machine = Machine::sized(700, Layout::At);
    let home = machine.disk.top().join("home");
    machine
        .disk
        .btrfs(["subvolume", "create", home.to_str().unwrap()])
        .unwrap();
    let root = machine.disk.root();
    for (name, seed) in [("a", 1), ("b", 2), ("c", 3)] {
        write(&root.join("usr").join(name), seed, 2 << 20);
    }
    machine.sync();
    let number = machine.create("three files");
    for name in ["a", "b", "c"] {
        fs::remove_file(root.join("usr").join(name)).unwrap();
    }
    assert_eq!(machine.freed(&[number]).data, 6 << 20);
    // One is fetched back into the home by reference, one into the running system under another name.
    let snapshot = machine.disk.snapshot(number).join("usr");
    let copy = |from: &str, to: &Path| {
        let from = snapshot.join(from);
        run(
            "cp",
            ["--reflink=always", from.to_str().unwrap(), to.to_str().unwrap()],
        )
        .unwrap();
    };
    copy("a", &home.join("mine"));
    copy("b", &root.join("usr/other"));
    let freed = machine.freed(&[number]);
    assert_eq!((freed.data, freed.held >= 4 << 20), (2 << 20, true));
    let holders: Vec<(Option<SnapshotId>, &str, u64)> = freed
        .holders
        .iter()
        .map(|it| (it.snapshot, it.subvolume.as_str(), it.bytes))
        .filter(|it| it.2 >= 2 << 20)
        .collect();
    assert!(holders.contains(&(None, "/home", 2 << 20)), "{holders:?}");
    assert!(
        holders.iter().any(|it| it.1 == "/@" && it.2 >= 2 << 20),
        "{holders:?}"
    );
    // What the home no longer has it no longer keeps.
    fs::remove_file(home.join("mine")).unwrap();
    assert_eq!(machine.freed(&[number]).data, 4 << 20);
    copy("c", &home.join("another"));
    machine.delete_as_foretold(&[number]);
}

fn nested_etc() {
    let machine = Machine::sized(700, Layout::Transactional);
    let etc = machine.disk.snapshot(1).join("etc");
    write(&etc.join("large"), 1, 3 << 20);
    machine.sync();
    let number = machine.create("with a large /etc");
    fs::remove_file(etc.join("large")).unwrap();
    machine.sync();
    assert_eq!(machine.freed(&[number]).data, 3 << 20);
    machine.delete_as_foretold(&[number]);
}

fn once_writable() {
    let (machine, numbers) = history(Layout::Classic, 500, 4);
    let before = machine.freed(&[numbers[1]]);
    let path = machine.disk.snapshot(numbers[1]);
    let set = |value: &str| {
        machine
            .disk
            .btrfs(["property", "set", path.to_str().unwrap(), "ro", value])
            .unwrap();
    };
    set("false");
    write(&path.join("usr/new"), 77, 5 << 20);
    set("true");
    machine.sync();
    let after = machine.freed(&[numbers[1]]);
    assert_eq!(after.data, before.data + (5 << 20));
    assert_eq!(after.data, machine.freed_anew(&[numbers[1]]).data);
    machine.delete_as_foretold(&numbers[1..2]);
    // Everything moves to another place on the disk: what was known of places is worth nothing.
    let top = machine.disk.top();
    machine
        .disk
        .btrfs(["balance", "start", "--full-balance", top.to_str().unwrap()])
        .unwrap();
    machine.sync();
    write(&machine.disk.root().join("usr/later"), 78, 1 << 20);
    machine.sync();
    let last = machine.create("after the move");
    for number in [numbers[0], numbers[2], numbers[3], last] {
        assert_eq!(machine.freed(&[number]).data, machine.du(number));
    }
    machine.delete_as_foretold(&[numbers[2], numbers[3]]);
}

fn what_is_cached() {
    let (machine, numbers) = history(Layout::Classic, 1_000, 5);
    let directory = tempfile::tempdir().unwrap();
    let with_cache = || open(&machine.disk.root()).with_cache(directory.path().to_owned());
    let freed = |engine: &dyn Engine, numbers: &[u32]| {
        let ids: Vec<SnapshotId> = numbers.iter().copied().map(SnapshotId).collect();
        machine.with(|context| engine.freed(&ids, context)).unwrap()
    };
    let first = freed(&with_cache(), &numbers[1..3]);
    assert_eq!(first, machine.freed(&numbers[1..3]));
    let file = fs::read_dir(directory.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let kept = fs::read(&file).unwrap();
    assert_eq!(freed(&with_cache(), &numbers[1..3]), first);
    // One goes and one comes while nobody looks.
    machine.engine.delete(SnapshotId(numbers[3])).unwrap();
    write(&machine.disk.root().join("usr/d0/f1"), 5, 50_000);
    machine.sync();
    let next = machine.create("one more");
    let all = [numbers[0], numbers[1], numbers[2], numbers[4], next];
    for selection in [&all[1..3], &all[3..], &all[..]] {
        assert_eq!(
            freed(&with_cache(), selection).data,
            machine.freed_anew(selection).data
        );
    }
    // A cache that is torn is no cache.
    fs::write(&file, &kept[..kept.len() / 2]).unwrap();
    assert_eq!(freed(&with_cache(), &all).data, machine.freed_anew(&all).data);
}

#[derive(Debug, Clone)]
enum Op {
    Write(u8, u16),
    Overwrite(u8, u16, u16),
    Remove(u8),
    Rename(u8, u8),
    Link(u8, u8),
    Reflink(u8, u8),
    MoveFolder(u8),
    Truncate(u8, u16),
    Snapshot,
    Restore(u8, u8),
    Delete(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let file = 0_u8..24;
    prop_oneof![
        6 => (file.clone(), any::<u16>()).prop_map(|(a, b)| Op::Write(a, b)),
        3 => (file.clone(), any::<u16>(), any::<u16>()).prop_map(|(a, b, c)| Op::Overwrite(a, b, c)),
        3 => file.clone().prop_map(Op::Remove),
        2 => (file.clone(), file.clone()).prop_map(|(a, b)| Op::Rename(a, b)),
        2 => (file.clone(), file.clone()).prop_map(|(a, b)| Op::Link(a, b)),
        3 => (file.clone(), file.clone()).prop_map(|(a, b)| Op::Reflink(a, b)),
        1 => (0_u8..3).prop_map(Op::MoveFolder),
        1 => (file.clone(), any::<u16>()).prop_map(|(a, b)| Op::Truncate(a, b)),
        4 => Just(Op::Snapshot),
        1 => (any::<u8>(), file).prop_map(|(a, b)| Op::Restore(a, b)),
        1 => any::<u8>().prop_map(Op::Delete),
    ]
}

/// What became of an operation does not matter: it may have had nothing to work on.
fn perform(machine: &Machine, op: &Op, numbers: &mut Vec<u32>, step: u64) {
    let usr = machine.disk.root().join("usr");
    let path = |file: u8| usr.join(format!("d{}", file % 3)).join(format!("f{}", file / 3));
    for folder in 0..3 {
        let _ = fs::create_dir(usr.join(format!("d{folder}")));
    }
    let reflink = |from: &Path, to: &Path| {
        let _ = run(
            "cp",
            ["--reflink=always", from.to_str().unwrap(), to.to_str().unwrap()],
        );
    };
    match *op {
        Op::Write(file, length) => drop(fs::write(path(file), noise(step + 1, usize::from(length) * 3))),
        Op::Overwrite(file, at, length) => {
            if let Ok(file) = fs::File::options().write(true).open(path(file)) {
                let _ = file.write_all_at(&noise(step + 1, usize::from(length)), u64::from(at) * 2);
            }
        }
        Op::Remove(file) => drop(fs::remove_file(path(file))),
        Op::Rename(from, to) => drop(fs::rename(path(from), path(to))),
        Op::Link(from, to) => drop(fs::hard_link(path(from), path(to))),
        Op::Reflink(from, to) => reflink(&path(from), &path(to)),
        Op::MoveFolder(folder) => {
            let moved = usr.join(format!("moved{step}"));
            let _ = fs::rename(usr.join(format!("d{folder}")), &moved);
            if step.is_multiple_of(2) {
                let _ = fs::remove_dir_all(&moved);
            }
        }
        Op::Truncate(file, length) => {
            if let Ok(file) = fs::File::options().write(true).open(path(file)) {
                let _ = file.set_len(length.into());
            }
        }
        Op::Snapshot => numbers.push(machine.create("random")),
        Op::Restore(at, file) => {
            if let Some(number) = numbers.get(usize::from(at) % numbers.len().max(1)) {
                let from = path(file);
                let inside = from.strip_prefix(machine.disk.root()).unwrap();
                reflink(&machine.disk.snapshot(*number).join(inside), &from);
            }
        }
        Op::Delete(at) => {
            if !numbers.is_empty() {
                let number = numbers.remove(usize::from(at) % numbers.len());
                machine.engine.delete(SnapshotId(number)).unwrap();
            }
        }
    }
}

/// An independent walk: the extents of every file of every subvolume, as FIEMAP and the kernel's search tell a program
/// that knows nothing of differences, would be the same reading again; so the judge is what is really freed.
fn random_histories() {
    // A file is held open while it is deleted, so that there are orphans too.
    let cases = std::env::var("KEDGE_CASES").ok().and_then(|it| it.parse().ok());
    let mut runner = TestRunner::new(Config {
        cases: cases.unwrap_or(12),
        max_shrink_iters: 40,
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = (
        proptest::collection::vec(op(), 20..90),
        any::<bool>(),
        proptest::collection::vec(any::<bool>(), 40),
    );
    runner
        .run(&strategy, |(ops, looks_between, chosen)| {
            let machine = Machine::sized(400, Layout::Classic);
            let mut numbers = Vec::new();
            let held = machine.disk.root().join("usr/held");
            write(&held, 99, 300_000);
            let open_file = fs::File::open(&held).unwrap();
            for (step, op) in (0..).zip(&ops) {
                perform(&machine, op, &mut numbers, step);
                if step == 10 {
                    fs::remove_file(&held).unwrap();
                }
                if looks_between && step % 13 == 0 && !numbers.is_empty() {
                    machine.freed(&numbers[..1]);
                }
            }
            machine.sync();
            let foretold = |numbers: &[u32]| machine.freed(numbers).data;
            for number in &numbers {
                prop_assert_eq!(foretold(&[*number]), machine.freed_anew(&[*number]).data);
            }
            let selected: Vec<u32> = numbers
                .iter()
                .zip(&chosen)
                .filter(|(_, chosen)| **chosen)
                .map(|(number, _)| *number)
                .collect();
            if !selected.is_empty() {
                let foretold = foretold(&selected);
                let before = machine.used().0;
                for number in &selected {
                    machine.engine.delete(SnapshotId(*number)).unwrap();
                }
                prop_assert_eq!(foretold, before - machine.used().0);
            }
            drop(open_file);
            Ok(())
        })
        .unwrap();
}

fn usage() {
    let (machine, _) = history(Layout::Classic, 300, 2);
    machine.sync();
    let usage = machine.engine.usage().unwrap();
    let top = machine.disk.top();
    let told = machine
        .disk
        .btrfs(["filesystem", "usage", "-b", top.to_str().unwrap()])
        .unwrap();
    let of = |name: &str| -> u64 {
        let line = told.lines().find(|line| line.trim().starts_with(name)).unwrap();
        let words = line.split_whitespace().filter_map(|word| word.parse().ok());
        words.into_iter().next().unwrap()
    };
    assert_eq!(
        (usage.size, usage.used, usage.unallocated, usage.free),
        (
            of("Device size:"),
            of("Used:"),
            of("Device unallocated:"),
            of("Free (estimated):")
        ),
        "{told}"
    );
    let least = told.split("(min: ").nth(1).unwrap().split(')').next().unwrap();
    assert_eq!(usage.free_least.to_string(), least);
}

fn stopping() {
    let (machine, numbers) = history(Layout::Classic, 300, 2);
    let cancel = engine::Cancel::new().unwrap();
    cancel.request();
    let context = engine::Context {
        report: &crate::fixture::Deaf,
        cancel: &cancel,
    };
    let stopped = machine.engine.freed(&[SnapshotId(numbers[0])], &context);
    assert!(matches!(stopped, Err(engine::Error::Cancelled)), "{stopped:?}");
    // And nothing half-read is taken for the truth.
    assert_eq!(machine.freed(&numbers), machine.freed_anew(&numbers));
    assert_eq!(machine.freed(&numbers[..1]).data, machine.du(numbers[0]));
}
