// SPDX-License-Identifier: GPL-3.0-or-later
//! The engine's side of `cargo xtask bench`: one measured thing a verb, as a process of its own.
#![expect(
    clippy::print_stdout,
    reason = "a measured process prints what it was asked for"
)]

mod bare;

use engine::{Cancel, Context, Engine, NativeEngine, Outcome, Report};
use model::{Progress, SnapshotId, Timestamp};
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Silence;

impl Report for Silence {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: &str) {}
}

fn open(root: &str) -> Result<NativeEngine, engine::Error> {
    NativeEngine::open(
        Path::new(root),
        Arc::new(|| Timestamp::from_seconds(1_800_000_000)),
    )
}

/// Prints all snapshots, as `snapper list` does.
fn list(root: &str) -> Result<(), Box<dyn Error>> {
    let engine = open(root)?;
    let system = engine.system()?;
    let mut text = String::new();
    for (id, snapshot) in &system.snapshots {
        writeln!(
            text,
            "{id:?} {:?} {:?} {}",
            snapshot.time, snapshot.cleanup, snapshot.description
        )?;
    }
    print!("{text}");
    Ok(())
}

/// Microseconds of one reading when nothing changed, the median of many.
fn relist(root: &str) -> Result<(), Box<dyn Error>> {
    let engine = open(root)?;
    black_box(engine.system()?);
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..1000 {
        let began = Instant::now();
        black_box(engine.system()?);
        times.push(began.elapsed());
    }
    times.sort();
    println!("{:.2}", times[times.len() / 2].as_secs_f64() * 1e6);
    Ok(())
}

/// CPU milliseconds that this process has used so far, in the kernel and outside.
fn cpu() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), used.tv_nsec.unsigned_abs() as u32).as_secs_f64() * 1e3
}

/// Opening and closing a transaction without a package run, in CPU milliseconds by the engine and by the bare calls, one
/// pair a line. On a classic layout, a rollback is just that: a marked writable copy, made the default, unmarked.
///
/// Snapshot 1 runs, so it needs `.snapshots` in it; mounts are private to whoever runs this.
fn transaction(root: &str, pairs: usize) -> Result<(), Box<dyn Error>> {
    let running = format!("{root}/.snapshots/1/snapshot");
    mount_bind(format!("{root}/.snapshots"), format!("{running}/.snapshots"))?;
    let engine = open(&running)?;
    let mut measured = Vec::new();
    // The first two are to warm up both sides: a helper has read the list before it is asked to do anything.
    for _ in 0..pairs + 2 {
        black_box((engine.system()?, engine.system()?));
        let cancel = Cancel::new()?;
        let context = Context {
            report: &Silence,
            cancel: &cancel,
        };
        let began = cpu();
        let made = engine.roll_back(SnapshotId(1), &context)?;
        let ours = cpu() - began;
        let Outcome::Changed(made) = made else {
            return Err("nothing was changed".into());
        };
        bare::remove(root, made.0)?;
        let began = cpu();
        bare::transaction(root, made.0)?;
        let theirs = cpu() - began;
        bare::remove(root, made.0)?;
        measured.push((ours, theirs));
    }
    for (ours, theirs) in measured.iter().skip(2) {
        println!("{ours:.3} {theirs:.3}");
    }
    Ok(unmount(format!("{running}/.snapshots"), UnmountFlags::DETACH)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["fill", root, count] => Ok(bare::fill(root, count.parse()?)?),
        ["list", root] => list(root),
        ["relist", root] => relist(root),
        ["transaction", root, pairs] => transaction(root, pairs.parse()?),
        _ => Err("run this by `cargo xtask bench`".into()),
    }
}
