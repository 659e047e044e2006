// SPDX-License-Identifier: GPL-3.0-or-later
//! Opening and closing a transaction without a package run.

use crate::{Done, Verb, bare, cpu, open};
use engine::{Cancel, Context, Engine, Outcome, Report};
use model::{Progress, SnapshotId};
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use std::hint::black_box;

pub(crate) const VERBS: &[Verb] = &[("transaction", transaction)];

struct Silence;

impl Report for Silence {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: &str) {}
}

/// `transaction ROOT PAIRS`: CPU milliseconds by the engine and by the bare calls, one pair a line. On a classic layout
/// a rollback is just that: a marked writable copy, made the default, unmarked.
///
/// Snapshot 1 runs, so it needs `.snapshots` in it; mounts are private to whoever runs this.
fn transaction(words: &[&str]) -> Done {
    let [root, pairs] = words else {
        return Err("transaction ROOT PAIRS".into());
    };
    let pairs: usize = pairs.parse()?;
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
