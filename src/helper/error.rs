// SPDX-License-Identifier: GPL-3.0-or-later
//! The one place where the engine's errors and the model's refusals become errors on the bus.

use model::{Refusal, RefusalCode};
use wire::Error;

/// A refusal by its kind: busy, missing and unsupported have names of their own.
pub(crate) fn from_refusal(refusal: Refusal) -> Error {
    match (refusal.code, refusal.snapshot) {
        (RefusalCode::Busy, _) => Error::Busy,
        (RefusalCode::NoSuchSnapshot, Some(id)) => Error::NoSuchSnapshot(id),
        (
            code @ (RefusalCode::DatabaseOutside
            | RefusalCode::DatabaseUnknown
            | RefusalCode::NoPackageManager
            | RefusalCode::NoSnapshots
            | RefusalCode::NoBootOnce
            | RefusalCode::NoBootPartition
            | RefusalCode::NoBootVariables
            | RefusalCode::Offline
            | RefusalCode::ReadOnlyDisk
            | RefusalCode::BootLoaderUnsupported),
            _,
        ) => Error::NotSupported(code),
        _ => Error::Refused(refusal),
    }
}

/// An error of a call that is no job.
pub(crate) fn from_engine(error: engine::Error) -> Error {
    match error {
        engine::Error::Refused(refusal) => from_refusal(refusal),
        engine::Error::Cancelled => Error::Cancelled,
        error => Error::Failed(error.failure()),
    }
}
