// SPDX-License-Identifier: GPL-3.0-or-later
use model::{Failure, FailureCode, Refusal, RefusalCode, SnapshotId};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Why the engine could not do something. Expected refusals are [`Error::Refused`]; all others are surprises.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Somebody cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// A system call failed; `action` completes "could not …".
    #[error("could not {action}")]
    Io {
        /// What was attempted, with the path it was attempted on.
        action: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// Which file, as seen from the system's root.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A snapshot could not be created.
    #[error("could not create a snapshot")]
    CreateSnapshot(#[source] Box<Error>),
    /// A snapshot could not be changed or deleted.
    #[error("could not change snapshot {id}")]
    ChangeSnapshot {
        /// Which.
        id: SnapshotId,
        /// Why.
        source: Box<Error>,
    },
    /// The default could not be changed.
    #[error("could not make snapshot {id} the default")]
    SetDefault {
        /// Which should have become the default.
        id: SnapshotId,
        /// Why.
        source: Box<Error>,
    },
    /// A program could not be started, failed, or was killed.
    #[error("{command} {status}: {stderr}")]
    Command {
        /// The program with its arguments.
        command: String,
        /// `exited with 100`, `was killed by signal 9`.
        status: String,
        /// The last 1 KiB of what it said on standard error.
        stderr: String,
    },
    /// A named cause that a package manager gave.
    #[error("{}", .0.detail)]
    Packages(Failure),
    /// The result of a transaction is not fit to be started.
    #[error("the new snapshot does not verify: {}", .0.detail)]
    Unverified(Failure),
    /// After a failure, something could not be put back: `left` tells what is left, `cause` what failed first.
    #[error("{left}")]
    NeedsAttention {
        /// What is left and where.
        left: String,
        /// What failed first.
        #[source]
        cause: Box<Error>,
    },
}

impl Error {
    /// A failed system call; `action` completes "could not …" and names the path.
    pub fn io(action: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Self::Io {
            action: action.into(),
            source: source.into(),
        }
    }

    /// The whole chain of causes in one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(error) = next {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {error}");
            next = error.source();
        }
        text
    }

    /// The innermost system error, where one is the cause.
    fn os_error(&self) -> Option<i32> {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = next {
            if let Some(io) = error.downcast_ref::<std::io::Error>() {
                return io.raw_os_error();
            }
            next = error.source();
        }
        None
    }

    /// The named cause for the faces.
    pub fn failure(&self) -> Failure {
        let disk_full =
            [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT].map(rustix::io::Errno::raw_os_error);
        let code = match self {
            Self::Packages(failure) | Self::Unverified(failure) => return failure.clone(),
            Self::NeedsAttention { left, cause } => {
                return Failure {
                    detail: format!("{left}: {}", cause.chain()),
                    ..cause.failure()
                };
            }
            Self::Refused(refusal) => {
                let failure =
                    Failure::new(FailureCode::Refused, self.chain()).with("reason", refusal.code.as_str());
                return match refusal.snapshot {
                    Some(id) => failure.with("snapshot", id.to_string()),
                    None => failure,
                };
            }
            _ if self.os_error().is_some_and(|error| disk_full.contains(&error)) => FailureCode::DiskFull,
            Self::CreateSnapshot(_) | Self::ChangeSnapshot { .. } => FailureCode::Snapshot,
            Self::SetDefault { .. } => FailureCode::BootDefault,
            Self::Command { .. } => FailureCode::PackageManager,
            Self::Cancelled => FailureCode::Interrupted,
            Self::Io { .. } | Self::Damaged { .. } => FailureCode::Internal,
        };
        Failure::new(code, self.chain())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<RefusalCode> for Error {
    fn from(code: RefusalCode) -> Self {
        Self::Refused(code.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_however_deep_it_lies() {
        let error = Error::CreateSnapshot(Box::new(Error::io("write info.xml", rustix::io::Errno::NOSPC)));
        assert_eq!(error.failure().code, FailureCode::DiskFull);
        let error = Error::NeedsAttention {
            left: "snapshot 7 is left".into(),
            cause: Box::new(error),
        };
        let failure = error.failure();
        assert_eq!(failure.code, FailureCode::DiskFull);
        assert!(
            failure
                .detail
                .starts_with("snapshot 7 is left: could not create a snapshot: could not write info.xml: ")
        );
    }

    #[test]
    fn a_refusal_carries_its_reason() {
        let error = Error::from(Refusal::of(RefusalCode::Pinned, SnapshotId(3)));
        let failure = error.failure();
        assert_eq!(
            (failure.args["reason"].as_str(), failure.args["snapshot"].as_str()),
            ("pinned", "3")
        );
    }
}
