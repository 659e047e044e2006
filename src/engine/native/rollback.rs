// SPDX-License-Identifier: GPL-3.0-or-later
//! Chooses what starts next: another snapshot, or again the running one.
//!
//! As snapper does, by the layout. Where the default is read-only (transactional systems), the target itself becomes
//! the default. Where it is writable (classic systems), a writable copy of the target does, because a running system
//! would spoil the target itself.

use super::{Base, Books, NativeEngine};
use crate::packages::Tree;
use crate::platform::books::PlatformBooks;
use crate::{Context, Error, Outcome, transaction};
use model::{Cleanup, Phase, Progress, RefusalCode, Snapshot, SnapshotId, userdata_key};

pub(super) fn roll_back(
    engine: &NativeEngine,
    id: SnapshotId,
    context: &Context<'_>,
) -> Result<Outcome<SnapshotId>, Error> {
    context.report.progress(Progress::at(Phase::Prepare));
    let _locks = transaction::idle(engine)?.ok_or(RefusalCode::Busy)?;
    engine.state_about(id)?.may_roll_back(id)?;
    transaction::refuse_unbootable(engine, id)?;
    context.cancel.check()?;
    let before = engine.boot()?.default()?;
    // The running system is a writable copy already.
    let target = if engine.is_default_read_only()? || engine.booted()? == Some(id) {
        make_default(engine, id, before, context)?;
        id
    } else {
        make_copy_default(engine, id, before, context)?
    };
    keep_platform_books(engine, |books| books.rolled_back(target, engine.booted()?));
    show_in_menu(engine);
    Ok(Outcome::Changed(target))
}

/// The change is done; a menu that does not show it yet is not worth failing for.
fn show_in_menu(engine: &NativeEngine) {
    if let Err(error) = engine.show_in_menu() {
        tracing::warn!("the boot menu is not up to date: {}", error.chain());
    }
}

pub(super) fn try_once(
    engine: &NativeEngine,
    id: Option<SnapshotId>,
    context: &Context<'_>,
) -> Result<Outcome<()>, Error> {
    context.report.progress(Progress::at(Phase::Prepare));
    let _locks = transaction::idle(engine)?.ok_or(RefusalCode::Busy)?;
    let Some(id) = id else {
        engine.read()?.to_state().may_forget_once()?;
        context.cancel.close()?;
        engine.boot()?.set_once(None)?;
        return Ok(Outcome::Changed(()));
    };
    engine.read()?.to_state().may_try_once(id)?;
    transaction::refuse_unbootable(engine, id)?;
    if engine.once()? == Some(id) {
        return Ok(Outcome::Unchanged);
    }
    context.report.progress(Progress::at(Phase::Verify));
    let candidate = engine.candidate(id)?;
    engine.boot()?.prepare(&candidate, false)?;
    context.cancel.close()?;
    context.report.progress(Progress::at(Phase::Commit));
    engine.boot()?.set_once(Some(candidate.subvolume))?;
    match engine.once()? == Some(id) {
        true => Ok(Outcome::Changed(())),
        false => Err(Error::Damaged {
            path: "/".into(),
            reason: format!("snapshot {id} does not start once after that was set"),
        }),
    }
}

/// Undoes a change of the default that failed: by what the disk says, not by what the failed call said.
fn default_back(engine: &NativeEngine, before: u64) -> Result<(), Error> {
    if engine.boot()?.default()? == before {
        return Ok(());
    }
    engine.set_default_subvolume(before, false)
}

/// The point of no return and the step behind it.
fn commit(engine: &NativeEngine, id: SnapshotId, context: &Context<'_>) -> Result<(), Error> {
    context.cancel.close()?;
    context.report.progress(Progress::at(Phase::Commit));
    engine.set_default(id)
}

/// The error itself when everything could be undone.
fn after_undo(cause: Error, undo: Result<(), Error>) -> Error {
    match undo {
        Ok(()) => cause,
        Err(error) => Error::NeedsAttention {
            left: format!("not everything could be undone ({})", error.chain()),
            cause: Box::new(cause),
        },
    }
}

fn make_default(
    engine: &NativeEngine,
    id: SnapshotId,
    before: u64,
    context: &Context<'_>,
) -> Result<(), Error> {
    let store = engine.store()?;
    let read_only = engine.is_default_read_only()?;
    let mut old: Option<Snapshot> = None;
    // What starts next must not be cleaned away, and the layout starts read-only snapshots only.
    store.change(id, |snapshot| {
        old = Some(snapshot.clone());
        snapshot.cleanup = Cleanup::default();
        snapshot.read_only |= read_only;
    })?;
    commit(engine, id, context).map_err(|error| {
        let undo = default_back(engine, before).and_then(|()| {
            let put_back = |snapshot: &mut Snapshot| {
                if let Some(old) = old {
                    *snapshot = old;
                }
            };
            store.change(id, put_back).map(|_| ())
        });
        after_undo(error, undo)
    })
}

fn make_copy_default(
    engine: &NativeEngine,
    id: SnapshotId,
    before: u64,
    context: &Context<'_>,
) -> Result<SnapshotId, Error> {
    let store = engine.store()?;
    let mut made = Vec::new();
    let result = (|| {
        if engine.booted()?.is_none() {
            // The running system is no snapshot: without this one it could not be chosen again.
            let books = Books {
                cleanup: Cleanup("number".to_owned()),
                userdata: [(userdata_key::IMPORTANT.to_owned(), "yes".to_owned())].into(),
                ..Books::single(engine.now(), "rollback backup")
            };
            made.push(store.create(Base::Running, &books, false)?);
        }
        // Marked until it is the default: a copy that a crash leaves behind is of no use to anybody.
        let books = Books {
            userdata: [(userdata_key::IN_PROGRESS.to_owned(), "yes".to_owned())].into(),
            ..Books::single(engine.now(), format!("writable copy of #{id}"))
        };
        let copy = store.create(Base::Snapshot(id), &books, true)?;
        made.push(copy);
        commit(engine, copy, context)?;
        Ok(copy)
    })();
    match result {
        Ok(copy) => {
            // The rollback is done: neither of these is worth failing for, and the mark goes at the next start at last.
            if let Err(error) = store.set_userdata(copy, userdata_key::IN_PROGRESS, None) {
                tracing::warn!("snapshot {copy} is still marked: {}", error.chain());
            }
            allow_cleanup(engine, before);
            Ok(copy)
        }
        Err(error) => {
            let undo = default_back(engine, before)
                .and_then(|()| made.into_iter().try_for_each(|id| store.delete(id).map(|_| ())));
            Err(after_undo(error, undo))
        }
    }
}

/// What transactional-update would note. The default is changed by now, so that failing to is only told.
fn keep_platform_books(engine: &NativeEngine, write: impl FnOnce(PlatformBooks<'_>) -> Result<(), Error>) {
    let written = engine
        .store()
        .and_then(|store| PlatformBooks::of(Tree::new(store.root())).map_or(Ok(()), write));
    if let Err(error) = written {
        tracing::warn!(
            error = error.chain(),
            "transactional-update's books are not as they should be"
        );
    }
}

/// The replaced default would otherwise be kept for ever.
fn allow_cleanup(engine: &NativeEngine, before: u64) {
    let result = engine.store().and_then(|store| {
        let Some(id) = store.by_subvolume(before)? else {
            return Ok(Outcome::Unchanged);
        };
        store.change(id, |snapshot| {
            if snapshot.cleanup.0.is_empty() && !snapshot.is_pinned() {
                snapshot.cleanup = Cleanup("number".to_owned());
            }
        })
    });
    if let Err(error) = result {
        tracing::warn!("the replaced default keeps its books: {}", error.chain());
    }
}

pub(super) fn discard(
    engine: &NativeEngine,
    context: &Context<'_>,
) -> Result<Outcome<Vec<SnapshotId>>, Error> {
    context.report.progress(Progress::at(Phase::Prepare));
    let _locks = transaction::idle(engine)?.ok_or(RefusalCode::Busy)?;
    let state = engine.read()?.to_state();
    state.may_discard()?;
    let booted = state.booted.ok_or(RefusalCode::NothingPending)?;
    let before = engine.boot()?.default()?;
    commit(engine, booted, context).map_err(|error| after_undo(error, default_back(engine, before)))?;
    context.report.progress(Progress::at(Phase::CleanUp));
    let (mut gone, mut kept) = (Vec::new(), None);
    for id in state.pending_updates() {
        // Pinned is pinned: it stays as a snapshot that nothing starts.
        let state = engine.state_about(id)?;
        if state.is_deletable(id).is_err() {
            continue;
        }
        match engine.store()?.delete(id) {
            Ok(_) => gone.push(id),
            Err(error) => kept = kept.or(Some((id, error))),
        }
    }
    keep_platform_books(engine, |books| books.discarded(&gone));
    match kept {
        None => Ok(Outcome::Changed(gone)),
        Some((id, error)) => Err(Error::NeedsAttention {
            left: format!("the running system starts next again, but snapshot {id} is left"),
            cause: Box::new(error),
        }),
    }
}
