// SPDX-License-Identifier: GPL-3.0-or-later
//! What was asked of the next restart, on disk until the restart has shown what came of it.

use crate::store::replace;
use engine::System;
use model::{Kept, SnapshotId, StartReceipt, Timestamp};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A wish and the start of the system in which it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Wish {
    wanted: u32,
    /// Numbers are given again.
    uuid: String,
    once: bool,
    asked: u64,
    boot: String,
    /// What ran by then, which is what starts again where this one fails; 0 in what older helpers wrote.
    #[serde(default)]
    from: u32,
}

/// What a restart showed, and the start that this is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    wish: Wish,
    kept: String,
    boot: String,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Written {
    wish: Option<Wish>,
    shown: Option<Shown>,
}

/// The wish of now and the receipt of the last one.
#[derive(Debug)]
pub(crate) struct Receipts {
    path: PathBuf,
    boot: String,
    written: Written,
}

impl Receipts {
    /// Reads what an earlier helper wrote. `boot` names the present start of the system.
    pub(crate) fn open(dir: &Path, boot: &str) -> Self {
        let path = dir.join("restart.json");
        let written = match read(&path) {
            Ok(written) => written,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, "what was asked of the restart cannot be read");
                }
                Written::default()
            }
        };
        Self {
            path,
            boot: boot.to_owned(),
            written,
        }
    }

    /// The start in which was asked what the last restart did not do.
    pub(crate) fn fell_back_since(&self) -> Option<String> {
        let shown = self.written.shown.as_ref();
        let shown = shown.filter(|it| it.boot == self.boot && it.kept == Kept::FellBack.as_str());
        shown.map(|it| it.wish.boot.clone())
    }

    /// Looks at the system: judges a wish of an earlier start, and notes what is wished now. Returns the receipt.
    pub(crate) fn observe(&mut self, system: &System, now: Timestamp) -> Option<StartReceipt> {
        let before = self.written.clone();
        let uuid = |id: SnapshotId| system.snapshots.get(&id).map(|it| it.uuid.to_string());
        let booted = system.booted.and_then(uuid);
        let runs = |wish: &Wish| booted.as_ref() == Some(&wish.uuid);
        // A start that is not complete, and that the boot loader will not repeat, has not shown anything yet.
        let marked = system.booted.and_then(|id| system.snapshots.get(&id));
        let on_trial = system.default != system.booted && marked.is_some_and(model::Snapshot::is_not_booted);
        let is_over = |wish: &Wish| wish.boot != self.boot && !(on_trial && runs(wish));
        if let Some(wish) = self.written.wish.take_if(|wish| is_over(wish)) {
            let runs = runs(&wish);
            let kept = if runs { Kept::AsPlanned } else { Kept::FellBack };
            tracing::info!(wanted = wish.wanted, once = wish.once, %kept, "the system was restarted");
            self.written.shown = Some(Shown {
                wish,
                kept: kept.to_string(),
                boot: self.boot.clone(),
            });
        }
        // What a restart showed is true until the next one.
        self.written.shown.take_if(|shown| shown.boot != self.boot);
        let wanted = system.to_state().wanted();
        // A version that was only tried does not make the old one a wish.
        let tried =
            |shown: &Shown| shown.wish.once && system.booted.map(|id| id.0) == Some(shown.wish.wanted);
        let wanted = wanted.filter(|(_, once)| *once || !self.written.shown.as_ref().is_some_and(tried));
        // Nor does one that may still fail: what would start instead is nobody's wish.
        let open = self
            .written
            .wish
            .take_if(|wish| wish.boot != self.boot && wanted == Some((SnapshotId(wish.from), false)));
        self.written.wish = open.or_else(|| {
            wanted.and_then(|(id, once)| {
                let known = self.written.wish.take();
                let uuid = uuid(id)?;
                let same = known.filter(|wish| (wish.uuid.as_str(), wish.once) == (uuid.as_str(), once));
                Some(same.unwrap_or_else(|| Wish {
                    wanted: id.0,
                    uuid,
                    once,
                    asked: now.0,
                    boot: self.boot.clone(),
                    from: system.booted.map_or(0, |id| id.0),
                }))
            })
        });
        if self.written != before {
            let write = |file: &mut std::fs::File| file.write_all(&serde_json::to_vec(&self.written)?);
            if let Err(error) = replace(&self.path, write) {
                tracing::error!(%error, "what is asked of the restart cannot be written");
            }
        }
        let shown = self.written.shown.as_ref()?;
        Some(StartReceipt {
            wanted: wire::snapshot_id(shown.wish.wanted)?,
            once: shown.wish.once,
            asked: Timestamp(shown.wish.asked),
            kept: Kept::from_code(&shown.kept)?,
        })
    }
}

fn read(path: &Path) -> io::Result<Written> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(64 << 10).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Cancel, Context, Engine, Report, Scenario, SimEngine};
    use model::Progress;

    struct Silent;
    impl Report for Silent {
        fn progress(&self, _: Progress) {}
        fn log(&self, _: &str) {}
    }

    fn with<T>(work: impl FnOnce(&Context<'_>) -> T) -> T {
        let cancel = Cancel::new().unwrap();
        work(&Context {
            report: &Silent,
            cancel: &cancel,
        })
    }

    fn observe(dir: &Path, boot: &str, engine: &SimEngine) -> Option<(u32, bool, Kept)> {
        let mut receipts = Receipts::open(dir, boot);
        let receipt = receipts.observe(&engine.system().unwrap(), Timestamp(7));
        receipt.map(|it| (it.wanted.0, it.once, it.kept))
    }

    fn other(engine: &SimEngine) -> SnapshotId {
        let system = engine.system().unwrap();
        let state = system.to_state();
        let mut ids = system.snapshots.keys().copied();
        ids.find(|id| state.may_roll_back(*id).is_ok()).unwrap()
    }

    #[test]
    fn a_restart_that_did_as_planned_says_so_until_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let engine = SimEngine::new(Scenario::Normal);
        let id = other(&engine);
        assert_eq!(observe(dir.path(), "a", &engine), None);
        with(|context| engine.roll_back(id, context)).unwrap();
        assert_eq!(observe(dir.path(), "a", &engine), None);
        engine.restart();
        for _ in 0..2 {
            assert_eq!(
                observe(dir.path(), "b", &engine),
                Some((id.0, false, Kept::AsPlanned))
            );
        }
        assert_eq!(observe(dir.path(), "c", &engine), None);
    }

    #[test]
    fn a_restart_that_started_something_else_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let engine = SimEngine::new(Scenario::Normal);
        let id = other(&engine);
        with(|context| engine.roll_back(id, context)).unwrap();
        assert_eq!(observe(dir.path(), "a", &engine), None);
        // The machine was started anew without following the default.
        assert_eq!(
            observe(dir.path(), "b", &engine),
            Some((id.0, false, Kept::FellBack))
        );
    }

    #[test]
    fn what_was_tried_once_runs_and_the_old_one_is_no_wish() {
        let dir = tempfile::tempdir().unwrap();
        let engine = SimEngine::new(Scenario::Normal);
        let id = other(&engine);
        with(|context| engine.try_once(Some(id), context)).unwrap();
        assert_eq!(observe(dir.path(), "a", &engine), None);
        engine.restart();
        assert_eq!(
            observe(dir.path(), "b", &engine),
            Some((id.0, true, Kept::AsPlanned))
        );
        engine.restart();
        assert_eq!(engine.system().unwrap().booted, engine.system().unwrap().default);
        assert_eq!(observe(dir.path(), "c", &engine), None);
    }

    #[test]
    fn a_damaged_file_is_no_receipt() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("restart.json"), "{").unwrap();
        assert_eq!(observe(dir.path(), "a", &SimEngine::new(Scenario::Normal)), None);
    }

    #[test]
    fn a_start_that_is_not_complete_shows_nothing_yet() {
        let dir = tempfile::tempdir().unwrap();
        let engine = SimEngine::new(Scenario::Normal);
        let mut system = (*engine.system().unwrap()).clone();
        let old = system.booted.unwrap();
        let new = SnapshotId(old.0 + 900);
        let mut update = system.snapshots[&old].clone();
        update.id = new;
        update.uuid = model::Uuid([9; 16]);
        let key = model::userdata_key::NOT_BOOTED.to_owned();
        update.userdata.insert(key.clone(), "yes".to_owned());
        system.snapshots.insert(new, update);
        let mut look = |boot: &str, booted, default, mark: bool| {
            (system.booted, system.default) = (Some(booted), Some(default));
            if !mark {
                system.snapshots.get_mut(&new).unwrap().userdata.remove(&key);
            }
            let receipt = Receipts::open(dir.path(), boot).observe(&system, Timestamp(7));
            receipt.map(|it| (it.wanted, it.kept))
        };
        assert_eq!(look("one", old, new, true), None);
        // It runs, on trial: the loader goes on naming the old one.
        assert_eq!(look("two", new, old, true), None);
        assert_eq!(look("two", new, old, true), None, "asked again");
        assert_eq!(look("three", old, old, true), Some((new, Kept::FellBack)));
        // Another time it becomes whole.
        assert_eq!(look("three", old, new, true), Some((new, Kept::FellBack)));
        assert_eq!(look("four", new, old, true), None);
        assert_eq!(look("four", new, new, false), Some((new, Kept::AsPlanned)));
    }
}
