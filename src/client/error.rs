// SPDX-License-Identifier: GPL-3.0-or-later
use model::{Failure, FailureCode, Refusal, RefusalCode};

/// Why a call did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The person did not authenticate, or polkit does not let them.
    #[error("not authorized for {action}")]
    NotAuthorized {
        /// The polkit action, or empty when the bus itself refused.
        action: String,
    },
    /// A rule says no, be it that another job runs ([`RefusalCode::Busy`]) or that there is no such snapshot.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// It could not be done.
    #[error("{}: {}", .0.code, .0.detail)]
    Failed(Failure),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// An argument is out of its bounds, e.g. a description is too long.
    #[error("invalid argument: {0}")]
    Invalid(String),
    /// The bus or the helper could not be reached, or went away in the middle.
    #[error("the helper cannot be reached: {0}")]
    Disconnected(String),
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::NotAuthorized(action) => Self::NotAuthorized { action },
            wire::Error::Busy => Self::Refused(RefusalCode::Busy.into()),
            wire::Error::NoSuchSnapshot(id) => Self::Refused(Refusal::of(RefusalCode::NoSuchSnapshot, id)),
            wire::Error::Refused(refusal) => Self::Refused(refusal),
            wire::Error::NotSupported(code) => Self::Refused(code.into()),
            wire::Error::Cancelled => Self::Cancelled,
            wire::Error::Failed(failure) => Self::Failed(failure),
            wire::Error::Invalid(what) => Self::Invalid(what),
        }
    }
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        use zbus::fdo::Error as Fdo;
        if let Some(ours) = wire::Error::from_reply(&error) {
            return ours.into();
        }
        match &error {
            zbus::Error::FDO(fdo) => match &**fdo {
                Fdo::AccessDenied(_) => Self::NotAuthorized {
                    action: String::new(),
                },
                Fdo::UnknownMethod(_)
                | Fdo::UnknownObject(_)
                | Fdo::UnknownInterface(_)
                | Fdo::UnknownProperty(_)
                | Fdo::Failed(_)
                | Fdo::LimitsExceeded(_) => {
                    Self::Failed(Failure::new(FailureCode::Internal, error.to_string()))
                }
                // What is left is about reaching the helper: no owner, no reply, could not be started.
                _ => Self::Disconnected(error.to_string()),
            },
            zbus::Error::MethodError(..) => Self::Disconnected(error.to_string()),
            zbus::Error::InputOutput(_) | zbus::Error::Connection(..) | zbus::Error::Handshake(_) => {
                Self::Disconnected(error.to_string())
            }
            _ => Self::Failed(Failure::new(FailureCode::Internal, error.to_string())),
        }
    }
}
