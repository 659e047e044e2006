// SPDX-License-Identifier: GPL-3.0-or-later
//! Opening and closing a transaction without a package run.

use crate::{Done, Verb, bare, cpu, open};
use engine::{Cancel, Context, Engine, NativeEngine, Outcome, Report};
use model::{Progress, SnapshotId};
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;

pub(crate) const VERBS: &[Verb] = &[("transaction", transaction)];

/// What is gone back to: not the running snapshot, of which no copy would be made.
const SOURCE: SnapshotId = SnapshotId(2);

/// A system whose snapshot 1 runs; for that it needs `.snapshots` in it. Mounts are private to whoever runs this.
struct Running<'a> {
    root: &'a str,
    snapshots: String,
    engine: NativeEngine,
    /// The highest number in use.
    last: u32,
}

impl<'a> Running<'a> {
    fn start(root: &'a str) -> Result<Self, Box<dyn Error>> {
        let running = format!("{root}/.snapshots/1/snapshot");
        let snapshots = format!("{running}/.snapshots");
        mount_bind(format!("{root}/.snapshots"), &snapshots)?;
        let engine = open(&running)?;
        let last = engine.system()?.snapshots.keys().map(|id| id.0).max();
        Ok(Self {
            root,
            snapshots,
            engine,
            last: last.unwrap_or(0),
        })
    }

    /// CPU milliseconds by the engine and by the bare calls.
    fn pair(&self) -> Result<[f64; 2], Box<dyn Error>> {
        // A helper has read the list before it is asked to do anything.
        black_box((self.engine.system()?, self.engine.system()?));
        let cancel = Cancel::new()?;
        let context = Context {
            report: &Silence,
            cancel: &cancel,
        };
        let began = cpu();
        let made = self.engine.roll_back(SOURCE, &context)?;
        let ours = cpu() - began;
        let made = match made {
            // What is taken away below must be what was made here.
            Outcome::Changed(made) if made.0 > self.last => made,
            other => return Err(format!("no copy was made: {other:?}").into()),
        };
        bare::remove(self.root, made.0)?;
        let began = cpu();
        bare::transaction(self.root, SOURCE.0, made.0)?;
        let bare = cpu() - began;
        bare::remove(self.root, made.0)?;
        Ok([ours, bare])
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Whoever runs this takes the file system away with its mounts.
        let _ = unmount(&self.snapshots, UnmountFlags::DETACH);
    }
}

struct Silence;

impl Report for Silence {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: &str) {}
}

/// `transaction PAIRS ROOT…`: for each pair a line with CPU milliseconds by the engine and by the bare calls on the first
/// system, on the second one, and so on. On a classic layout a rollback is just that: a marked writable copy, made the
/// default, unmarked.
fn transaction(words: &[&str]) -> Done {
    let Some((pairs, roots)) = words.split_first() else {
        return Err("transaction PAIRS ROOT…".into());
    };
    let systems = roots
        .iter()
        .map(|root| Running::start(root))
        .collect::<Result<Vec<_>, _>>()?;
    // The first two are to warm up both sides.
    for round in 0..pairs.parse::<usize>()? + 2 {
        let mut line = String::new();
        for system in &systems {
            let [ours, bare] = system.pair()?;
            write!(line, "{ours:.3} {bare:.3} ")?;
        }
        if round >= 2 {
            println!("{line}");
        }
    }
    Ok(())
}
