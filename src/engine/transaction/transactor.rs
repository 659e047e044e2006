// SPDX-License-Identifier: GPL-3.0-or-later
//! Opening, closing and aborting a transaction: by ourselves, or by tukit where the platform has it.
//!
//! tukit is a child process whose output is streamed and which is judged by the disk alone. (Its service is not used: it
//! tells nothing before the end, and any user can forge its signals.) Both leave the same on disk, so that tukit can go on
//! with ours and we with its.

use super::{Locks, sandbox::Sandboxed};
use crate::native::{Base, Books, NativeEngine};
use crate::packages::Tree;
use crate::platform;
use crate::run::{Finished, Run};
use crate::{Context, Error, Outcome};
use model::{
    Cleanup, Failure, FailureCode, Refusal, RefusalCode, Snapshot, SnapshotId, SnapshotKind, Transactor,
    userdata_key,
};
use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::time::Duration;

/// How often deleting is tried: the kernel may hold on to a mount a moment longer than the sandbox lasts.
const DELETE_TRIES: u32 = 10;
/// What tukit prints when it opens a transaction has one short line.
const OUTPUT: usize = 64 << 10;

/// Who opens and closes on this system.
pub(crate) fn of(engine: &NativeEngine) -> Result<Transactor, Error> {
    let running = Tree::new(engine.store()?.root());
    Ok(platform::transactor(running, engine.known()?))
}

/// The locks of the platform. tukit takes its own while it works, so that only its partner is held for it.
pub(crate) fn lock(engine: &NativeEngine, package_lock: Option<&str>) -> Result<Locks, Error> {
    let running = Tree::new(engine.store()?.root());
    let by_tukit = of(engine)? == Transactor::Tukit;
    match package_lock {
        Some(lock) => Locks::all(running, lock, by_tukit),
        None => Locks::platform(running, by_tukit),
    }
}

/// tukit, of the system with this root directory, by the path it has from here: the engine's root need not be ours.
/// Where it is gone, starting it says so.
pub(super) fn tukit<'a>(root: BorrowedFd<'_>) -> Run<'a> {
    let link = format!("/proc/self/fd/{}", root.as_raw_fd());
    let place = std::fs::read_link(link).unwrap_or_default();
    let place = place.to_string_lossy();
    let paths = ["usr/sbin/tukit", "usr/bin/tukit"];
    let found = paths.iter().find(|path| Tree::new(root).exists(path));
    let program = format!("{}/{}", place.trim_end_matches('/'), found.unwrap_or(&paths[0]));
    // Nothing of our own environment: with SYSTEMD_EXEC_PID the platform's tools keep silent.
    Run::new(&program).args(["-q"]).env([
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
        ("HOME", "/root"),
        ("LC_ALL", "C.UTF-8"),
    ])
}

fn succeeded(finished: Finished) -> Result<Finished, Error> {
    match finished.status.success() {
        true => Ok(finished),
        false => Err(finished.into_error()),
    }
}

/// The inside of a transaction that tukit opened.
pub(super) fn inside(engine: &NativeEngine, id: SnapshotId) -> Result<Sandboxed, Error> {
    let root = engine.store()?.root();
    let root = root
        .try_clone_to_owned()
        .map_err(|error| Error::io("keep the root directory open", error))?;
    Ok(Sandboxed::by_tukit(root, id))
}

/// Makes the snapshot of a transaction, marked as in progress. `default` is the base where that is a snapshot.
pub(crate) fn open(
    engine: &NativeEngine,
    base: Base,
    default: Option<SnapshotId>,
    description: &str,
    context: &Context<'_>,
) -> Result<SnapshotId, Error> {
    let store = engine.store()?;
    let id = match (of(engine)?, default) {
        (Transactor::Tukit, Some(default)) => {
            let run = tukit(store.root()).args([format!("--continue={default}"), "open".to_owned()]);
            let finished = succeeded(run.capture(OUTPUT).finish(context)?)?;
            let told = String::from_utf8_lossy(&finished.stdout);
            let id = told.lines().find_map(|line| line.trim().strip_prefix("ID: "));
            id.and_then(|id| id.trim().parse().ok().map(SnapshotId))
                .ok_or_else(|| {
                    let detail = "tukit did not say which snapshot it opened";
                    Error::Packages(Failure::new(FailureCode::Snapshot, detail))
                })?
        }
        _ => {
            let yes = |key: &str| (key.to_owned(), "yes".to_owned());
            let books = Books {
                kind: SnapshotKind::Single,
                pre: None,
                time: engine.now(),
                uid: 0,
                description: description.to_owned(),
                cleanup: Cleanup("number".to_owned()),
                userdata: BTreeMap::from([yes(userdata_key::IN_PROGRESS), yes(userdata_key::NOT_BOOTED)]),
            };
            return store.create(base, &books, true);
        }
    };
    // What it said is not what counts.
    is_open(engine, id).and_then(|()| {
        store.change(id, |snapshot| {
            let key = userdata_key::NOT_BOOTED.to_owned();
            snapshot.userdata.insert(key, "yes".to_owned());
            // Nobody can put a description with an apostrophe through tukit's shell, and ours says more.
            snapshot.description = description.to_owned();
        })
    })?;
    Ok(id)
}

/// An error unless this is the writable snapshot of an open transaction.
pub(crate) fn is_open(engine: &NativeEngine, id: SnapshotId) -> Result<(), Error> {
    let entry = engine.store()?.entry(id)?;
    let entry = entry.ok_or_else(|| Error::from(Refusal::of(RefusalCode::NoSuchSnapshot, id)))?;
    match entry.snapshot.is_in_progress() && !entry.snapshot.read_only {
        true => Ok(()),
        false => Err(unverified(id, "is not an open transaction")),
    }
}

fn unverified(id: SnapshotId, what: &str) -> Error {
    let detail = format!("snapshot {id} {what}");
    Error::Unverified(Failure::new(FailureCode::Unverified, detail))
}

/// Completes a transaction and makes it the default, which is the point of no return. `default` is what started next
/// when it was opened: if that is another by now, nothing is changed.
pub(crate) fn close(
    engine: &NativeEngine,
    id: SnapshotId,
    default: Option<SnapshotId>,
    context: &Context<'_>,
) -> Result<(), Error> {
    let store = engine.store()?;
    let read_only = engine.is_default_read_only()?;
    let is_default_unchanged = || match engine.default()? == default {
        true => Ok(()),
        false => {
            let detail = "another program changed the default meanwhile".to_owned();
            Err(Error::Packages(Failure::new(FailureCode::BootDefault, detail)))
        }
    };
    let snapshot = store.open(id)?;
    if of(engine)? == Transactor::Tukit {
        // Package scripts left it to us to write their files to disk.
        store.sync()?;
        drop(snapshot);
        is_default_unchanged()?;
        // Beyond the point of no return nobody may cancel it.
        let cancel = crate::Cancel::new()?;
        cancel.close()?;
        let context = Context {
            report: context.report,
            cancel: &cancel,
        };
        succeeded(
            tukit(store.root())
                .args(["close".to_owned(), id.to_string()])
                .finish(&context)?,
        )?;
    } else {
        super::touch_usr(&snapshot)?;
        store.sync()?;
        if read_only {
            store.set_read_only(id, true)?;
        }
        let entry = store.entry(id)?;
        if entry.is_none_or(|entry| entry.snapshot.read_only != read_only) {
            return Err(unverified(id, "is not as it was left"));
        }
        is_default_unchanged()?;
        engine.set_default(id)?;
        // The new system is the default and complete. A mark that stays is removed at the next start, so failing to
        // remove it is no failure of the update.
        let unmarked = store
            .set_userdata(id, userdata_key::IN_PROGRESS, None)
            .and_then(|_| store.sync());
        if let Err(error) = unmarked {
            let words = format!("Snapshot {id} is still marked: {}", error.chain());
            context.report.log(&words);
        }
    }
    let entry = store.entry(id)?;
    let is_right = entry.is_some_and(|entry| entry.snapshot.read_only == read_only);
    match engine.default()? == Some(id) && is_right {
        true => Ok(()),
        false => Err(unverified(id, "is not the new default after it was closed")),
    }
}

/// Deletes the snapshot of a transaction and looks whether it is gone. What tukit leaves is removed by ourselves: its own
/// deletion is known to fail now and then.
pub(crate) fn abort(engine: &NativeEngine, id: SnapshotId, context: &Context<'_>) -> Result<(), Error> {
    let store = engine.store()?;
    let is_open = |entry: &Snapshot| entry.is_in_progress();
    let entry = store.entry(id)?;
    if of(engine)? == Transactor::Tukit && entry.is_some_and(|entry| is_open(&entry.snapshot)) {
        let cancel = crate::Cancel::new()?;
        let context = Context {
            report: context.report,
            cancel: &cancel,
        };
        let run = tukit(store.root()).args(["abort".to_owned(), id.to_string()]);
        if let Err(error) = run.finish(&context).and_then(succeeded) {
            context.report.log(&error.chain());
        }
    }
    let mut tries = 1;
    loop {
        let result = store.delete(id);
        match (result, store.entry(id)?) {
            (Ok(Outcome::Changed(()) | Outcome::Unchanged), None) => return Ok(()),
            (Err(error), _) if tries >= DELETE_TRIES => return Err(error),
            (Ok(_), Some(_)) if tries >= DELETE_TRIES => return Err(RefusalCode::InUse.into()),
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(100));
        tries += 1;
    }
}

impl NativeEngine {
    /// Opens a transaction on what starts next, for whoever works in it by other means, and leaves it open. Returns its
    /// snapshot.
    pub fn open_transaction(&self, context: &Context<'_>) -> Result<SnapshotId, Error> {
        let _locks = lock(self, None)?;
        let (base, default, _) = super::origin(self)?;
        open(self, base, default, &super::description(default), context)
    }

    /// Completes an open transaction and makes it the default.
    pub fn close_transaction(&self, id: SnapshotId, context: &Context<'_>) -> Result<(), Error> {
        let _locks = lock(self, None)?;
        is_open(self, id)?;
        let (_, default, present) = super::origin(self)?;
        let snapshot = self.store()?.open(id)?;
        close(self, id, default, context)?;
        super::keep_platform_books(self, id, Tree::new(present.as_fd()), &snapshot, context);
        Ok(())
    }

    /// Deletes the snapshot of an open transaction.
    pub fn abort_transaction(&self, id: SnapshotId, context: &Context<'_>) -> Result<(), Error> {
        let _locks = lock(self, None)?;
        is_open(self, id)?;
        abort(self, id, context)
    }
}
