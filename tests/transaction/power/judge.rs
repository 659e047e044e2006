// SPDX-License-Identifier: GPL-3.0-or-later
//! What a cut left: is it the old or the new system, and whole?

use super::manifest::Manifest;
use super::story::{Moment, PINNED, Story};
use engine::Engine as _;
use model::{Condition, SnapshotId};
use support::loop_btrfs::run;
use support::machine::{mount_others, open};
use support::{Chance, LoopBtrfs};

/// Which system a cut left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Old,
    New,
}

/// Cuts the power before entry `at`, starts what is left as a boot does, lets the engine recover, and looks at all of it.
pub(crate) fn judge(story: &Story, at: usize, seed: u64) -> Result<Verdict, String> {
    let cut = story.recording.cut(at, &mut Chance::new(seed));
    let disk = LoopBtrfs::on_disk(&cut).map_err(|error| format!("cannot be served: {error}"))?;
    run("btrfs", ["check", "--readonly", disk.image().to_str().unwrap()])
        .map_err(|error| format!("btrfs check: {error}"))?;
    disk.start().map_err(|error| format!("does not start: {error}"))?;
    mount_others(&disk);
    let before_recovery = disk.default_path().map_err(|error| error.to_string())?;
    let engine = open(&disk.root());
    engine
        .recover()
        .map_err(|error| format!("cannot be recovered: {}", error.chain()))?;
    let system = engine
        .system()
        .map_err(|error| format!("cannot be read: {}", error.chain()))?;
    let default = disk.default_path().map_err(|error| error.to_string())?;
    if default != before_recovery {
        return Err(format!("recovery made {default} of {before_recovery}"));
    }
    let verdict = verdict(story, at, &default)?;
    for (id, snapshot) in &system.snapshots {
        if snapshot.condition != Condition::Complete || snapshot.is_in_progress() {
            return Err(format!("snapshot {id} is left unfinished: {snapshot:?}"));
        }
        is_whole(story, id.0, &disk)?;
    }
    if system.snapshots.get(&SnapshotId(PINNED)) != Some(&story.pinned) {
        return Err(format!(
            "the pinned snapshot is not what it was: {:?}",
            system.snapshots.get(&SnapshotId(PINNED))
        ));
    }
    let has = |moment: &Moment| {
        moment
            .snapshots
            .keys()
            .all(|id| system.snapshots.contains_key(&SnapshotId(*id)))
    };
    if at >= story.done && !has(&story.after) {
        return Err("what was reported as made is gone".to_owned());
    }
    Ok(verdict)
}

fn verdict(story: &Story, at: usize, default: &str) -> Result<Verdict, String> {
    let verdict = if !story.changes_default() {
        match default == story.before.default {
            true if at >= story.done => Verdict::New,
            true => Verdict::Old,
            false => return Err(format!("{default} is the default")),
        }
    } else if default == story.before.default {
        Verdict::Old
    } else if default == story.after.default {
        Verdict::New
    } else {
        return Err(format!("{default} is the default"));
    };
    match verdict {
        Verdict::Old if at >= story.done => Err("the change was reported as done and is lost".to_owned()),
        verdict => Ok(verdict),
    }
}

/// A snapshot that is listed holds all it held before or after the change.
fn is_whole(story: &Story, id: u32, disk: &LoopBtrfs) -> Result<(), String> {
    let moments = [&story.before, &story.after];
    let known: Vec<&Manifest> = moments
        .iter()
        .filter_map(|moment| moment.snapshots.get(&id))
        .collect();
    let now = Manifest::of(&disk.snapshot(id), &known).map_err(|error| format!("snapshot {id}: {error}"))?;
    let mut problem = "nobody made it".to_owned();
    for manifest in known {
        match manifest.difference(&now) {
            None => return Ok(()),
            Some(difference) => problem = difference,
        }
    }
    Err(format!("snapshot {id} is not whole: {problem}"))
}
