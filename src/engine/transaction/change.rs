// SPDX-License-Identifier: GPL-3.0-or-later
//! A small change of what starts next, by the same steps as an update: a new snapshot, the change, the new default.

use super::{at, origin, transactor};
use crate::native::NativeEngine;
use crate::{Context, Error};
use model::{Phase, SnapshotId};
use std::os::fd::{AsFd, BorrowedFd};

/// Makes a writable snapshot of what starts next, lets `work` change the files below its root directory, and makes it
/// what starts next. When that fails, everything is as before.
pub(crate) fn change(
    engine: &NativeEngine,
    context: &Context<'_>,
    description: &str,
    work: impl FnOnce(BorrowedFd<'_>) -> Result<(), Error>,
) -> Result<SnapshotId, Error> {
    let _locks = transactor::lock(engine, None)?;
    let (base, default, _) = origin(engine)?;
    context.cancel.check()?;
    let id = transactor::open(engine, base, default, description, context)?;
    let changed = || {
        let snapshot = engine.store()?.open(id)?;
        work(snapshot.as_fd())?;
        context.cancel.close()?;
        context.report.progress(at(Phase::Commit, 900));
        transactor::close(engine, id, default, context)
    };
    changed().map(|()| id).map_err(|cause| {
        let put_back = || {
            if engine.default()? == Some(id) {
                match default {
                    Some(id) => engine.set_default(id)?,
                    None => engine.boot()?.set_default(engine.boot()?.booted()?, false)?,
                }
            }
            transactor::abort(engine, id, context)
        };
        match put_back() {
            Ok(()) => cause,
            Err(error) => Error::NeedsAttention {
                left: format!("snapshot {id} of an unfinished change is left: {}", error.chain()),
                cause: Box::new(cause),
            },
        }
    })
}
