// SPDX-License-Identifier: GPL-3.0-or-later
use crate::name;
use model::{Failure, FailureCode, Refusal, RefusalCode, SnapshotId};
use std::collections::BTreeMap;
use zbus::message::{Header, Message};
use zbus::names::ErrorName;

/// Why a method did not do what it was asked for. On the bus an error is a name, and a body `ssa{ss}` of a technical
/// message, a code, and the code's arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// polkit says no: `NotAuthorized`, the code is the action.
    #[error("not authorized for {0}")]
    NotAuthorized(String),
    /// Another job is changing the system: `Busy`.
    #[error("another job is changing the system")]
    Busy,
    /// There is no snapshot with this number: `NoSuchSnapshot`, argument `snapshot`.
    #[error("there is no snapshot {0}")]
    NoSuchSnapshot(SnapshotId),
    /// A rule says no: `Refused`, the code is a `model::RefusalCode`, argument `snapshot` where it is about one.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The system cannot do it: `NotSupported`, the code is a `model::RefusalCode`.
    #[error("not supported: {0}")]
    NotSupported(RefusalCode),
    /// It was cancelled, or cannot be cancelled any more: `Cancelled`.
    #[error("cancelled")]
    Cancelled,
    /// It could not be done: `Failed`, the code is a `model::FailureCode`.
    #[error("{}: {}", .0.code, .0.detail)]
    Failed(Failure),
    /// An argument is out of its bounds: D-Bus's own `InvalidArgs`.
    #[error("invalid argument: {0}")]
    Invalid(String),
}

const INVALID: &str = "org.freedesktop.DBus.Error.InvalidArgs";

impl Error {
    /// The name without its prefix; [`Error::Invalid`] has D-Bus's own.
    const fn short_name(&self) -> &'static str {
        match self {
            Self::NotAuthorized(_) => "NotAuthorized",
            Self::Busy => "Busy",
            Self::NoSuchSnapshot(_) => "NoSuchSnapshot",
            Self::Refused(_) => "Refused",
            Self::NotSupported(_) => "NotSupported",
            Self::Cancelled => "Cancelled",
            Self::Failed(_) => "Failed",
            Self::Invalid(_) => "InvalidArgs",
        }
    }

    /// The whole name on the bus.
    pub fn full_name(&self) -> String {
        match self {
            Self::Invalid(_) => INVALID.to_owned(),
            _ => format!("{}.{}", name::ERROR, self.short_name()),
        }
    }

    fn code(&self) -> String {
        match self {
            Self::NotAuthorized(action) => action.clone(),
            Self::Refused(refusal) => refusal.code.to_string(),
            Self::NotSupported(code) => code.to_string(),
            Self::Failed(failure) => failure.code.to_string(),
            Self::Busy | Self::NoSuchSnapshot(_) | Self::Cancelled | Self::Invalid(_) => String::new(),
        }
    }

    fn args(&self) -> BTreeMap<String, String> {
        let about = |id: SnapshotId| BTreeMap::from([("snapshot".to_owned(), id.to_string())]);
        match self {
            Self::NoSuchSnapshot(id) => about(*id),
            Self::Refused(refusal) => refusal.snapshot.map(about).unwrap_or_default(),
            Self::Failed(failure) => failure.args.clone(),
            _ => BTreeMap::new(),
        }
    }

    fn message(&self) -> String {
        match self {
            // The code travels beside it.
            Self::Failed(failure) => failure.detail.clone(),
            Self::Invalid(what) => what.clone(),
            _ => self.to_string(),
        }
    }

    /// The error of ours that a reply carries; `None` for errors of the bus or of the connection.
    pub fn from_reply(error: &zbus::Error) -> Option<Self> {
        match error {
            zbus::Error::MethodError(name, _, message) => {
                let short = name.strip_prefix(name::ERROR)?.strip_prefix('.')?;
                let body = message.body();
                let (text, code, args) = body
                    .deserialize::<(String, String, BTreeMap<String, String>)>()
                    .ok()?;
                Self::from_parts(short, text, &code, args)
            }
            zbus::Error::FDO(error) => match &**error {
                zbus::fdo::Error::InvalidArgs(what) => Some(Self::Invalid(what.clone())),
                _ => None,
            },
            _ => None,
        }
    }

    /// Name without its prefix, code, message and arguments.
    pub(crate) fn to_parts(&self) -> (&'static str, String, String, BTreeMap<String, String>) {
        (self.short_name(), self.code(), self.message(), self.args())
    }

    pub(crate) fn from_parts(
        short: &str,
        text: String,
        code: &str,
        args: BTreeMap<String, String>,
    ) -> Option<Self> {
        let snapshot = args
            .get("snapshot")
            .and_then(|id| id.parse().ok())
            .map(SnapshotId);
        // A reason or cause of a newer version still is one, only without its code.
        let unknown = |what: &str| {
            Self::Failed(Failure {
                code: FailureCode::Internal,
                args: args.clone(),
                detail: format!("{what} {code}: {text}"),
            })
        };
        Some(match short {
            "NotAuthorized" => Self::NotAuthorized(code.to_owned()),
            "Busy" => Self::Busy,
            "NoSuchSnapshot" => Self::NoSuchSnapshot(snapshot?),
            "Refused" => match RefusalCode::from_code(code) {
                Some(code) => Self::Refused(Refusal { code, snapshot }),
                None => unknown("refused"),
            },
            "NotSupported" => match RefusalCode::from_code(code) {
                Some(code) => Self::NotSupported(code),
                None => unknown("not supported"),
            },
            "Cancelled" => Self::Cancelled,
            "InvalidArgs" => Self::Invalid(text),
            "Failed" => match FailureCode::from_code(code) {
                Some(code) => Self::Failed(Failure {
                    code,
                    args,
                    detail: text,
                }),
                None => unknown("failed"),
            },
            _ => return None,
        })
    }
}

impl zbus::DBusError for Error {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        let message = self.message();
        match self {
            // The standard error has the standard body.
            Self::Invalid(_) => Message::error(call, self.name()).build(&message),
            _ => Message::error(call, self.name()).build(&(message, self.code(), self.args())),
        }
    }

    fn name(&self) -> ErrorName<'_> {
        ErrorName::try_from(self.full_name()).expect("our error names follow the rules of D-Bus")
    }

    fn description(&self) -> Option<&str> {
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One of each, with every argument filled.
    fn samples() -> Vec<Error> {
        vec![
            Error::NotAuthorized(name::action::UPDATE.into()),
            Error::Busy,
            Error::NoSuchSnapshot(SnapshotId(7)),
            Error::Refused(Refusal::of(RefusalCode::Pinned, SnapshotId(7))),
            Error::Refused(RefusalCode::NothingPending.into()),
            Error::NotSupported(RefusalCode::DatabaseOutside),
            Error::Cancelled,
            Error::Failed(Failure::new(FailureCode::DiskFull, "no space").with("path", "/")),
        ]
    }

    #[test]
    fn every_error_survives_the_way_over_the_bus() {
        for error in samples() {
            let call = Message::method_call("/", "Test").build(&()).unwrap();
            let reply = zbus::DBusError::create_reply(&error, &call.header()).unwrap();
            let name = reply.header().error_name().unwrap().to_owned();
            assert_eq!(name.as_str(), error.full_name());
            let received = zbus::Error::MethodError(name.into(), None, reply);
            assert_eq!(Error::from_reply(&received), Some(error));
        }
    }

    #[test]
    fn a_reason_of_a_newer_version_is_not_lost() {
        let error =
            Error::from_parts("Refused", "refused: eclipse".into(), "eclipse", BTreeMap::new()).unwrap();
        let Error::Failed(failure) = error else {
            panic!("{error:?}")
        };
        assert_eq!(failure.detail, "refused eclipse: refused: eclipse");
        assert_eq!(
            Error::from_parts("Postponed", String::new(), "", BTreeMap::new()),
            None
        );
    }
}
