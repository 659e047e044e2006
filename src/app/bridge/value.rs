// SPDX-License-Identifier: GPL-3.0-or-later
//! Values of `model` as QML's own.

use cxx_qt_lib::{QMap, QMapPair_QString_QVariant, QString, QVariant};
use model::{Failure, JobId, PathText, Refusal, SnapshotId, Timestamp};
use std::fmt::Write as _;

/// A JavaScript object with named members.
pub(super) type Members = QMap<QMapPair_QString_QVariant>;

/// Milliseconds since the epoch, as JavaScript counts; zero for never.
pub(super) fn milliseconds(time: Option<Timestamp>) -> f64 {
    time.map_or(0.0, |time| (time.0 / 1_000) as f64)
}

/// The number of a snapshot; zero for none.
pub(super) fn number(id: Option<SnapshotId>) -> i32 {
    id.map_or(0, |id| i32::try_from(id.0).unwrap_or(0))
}

/// The snapshot with this number; none for what is no number of one.
pub(super) fn snapshot(number: i32) -> Option<SnapshotId> {
    u32::try_from(number).ok().filter(|it| *it > 0).map(SnapshotId)
}

/// The number of a job.
pub(super) fn job(id: JobId) -> i32 {
    i32::try_from(id.0).unwrap_or(0)
}

/// A count as QML's integer.
pub(super) fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// An object without members: QML reads every member of it as undefined.
pub(super) fn nothing() -> QVariant {
    QVariant::from(&Members::default())
}

/// Adds a member.
pub(super) fn put(members: &mut Members, name: &str, value: impl Into<QVariant>) {
    members.insert(QString::from(name), value.into());
}

/// A text as a value.
pub(super) fn text(text: &str) -> QVariant {
    QVariant::from(&QString::from(text))
}

/// A path from the root as one that QML can hand around, whatever its bytes are: with a slash in front, and `%XX` for
/// what is neither a letter, a digit, nor one of `/-._~`. The path of a `file:` address.
pub(super) fn address(path: &[u8]) -> QString {
    let mut text = String::from("/");
    for byte in path {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    QString::from(&text)
}

/// The path of such an address; none when it is no plain path.
pub(super) fn path(address: &QString) -> Option<Vec<u8>> {
    let address = address.to_string();
    let (mut path, mut rest) = (Vec::new(), address.as_bytes());
    while let [byte, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        match hex.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            Some(escaped) if *byte == b'%' => {
                path.push(escaped);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                path.push(*byte);
                rest = tail;
            }
        }
    }
    model::checked_path(&path).ok()
}

/// Bytes of a name or path as a text that shows every one of them and harms nobody.
pub(super) fn shown(path: &[u8]) -> QVariant {
    text(&PathText(path).to_string())
}

/// Bytes on a disk as JavaScript counts.
pub(super) fn bytes(bytes: u64) -> QVariant {
    (&(bytes as f64)).into()
}

/// Why an action is not on offer: its code, empty when it is.
pub(super) fn refusal(rule: Result<(), Refusal>) -> QString {
    match rule {
        Ok(()) => QString::default(),
        Err(refusal) => QString::from(refusal.code.as_str()),
    }
}

/// A failure as `{ type: "failed", code, detail, <arguments> }`.
pub(super) fn failure(failure: &Failure) -> QVariant {
    let mut members = Members::default();
    for (name, value) in &failure.args {
        put(&mut members, name, text(value));
    }
    put(&mut members, "type", text("failed"));
    put(&mut members, "code", text(failure.code.as_str()));
    put(&mut members, "detail", text(&failure.detail));
    QVariant::from(&members)
}

/// An error of a call as `{ type, code, snapshot, detail }`.
pub(super) fn error(error: &client::Error) -> QVariant {
    use client::Error;
    let (kind, code) = match error {
        Error::NotAuthorized { .. } => ("not-authorized", ""),
        Error::Refused(refusal) => ("refused", refusal.code.as_str()),
        Error::Failed(inner) => return failure(inner),
        Error::Cancelled => ("cancelled", ""),
        Error::Invalid(_) => ("invalid", ""),
        Error::Disconnected(_) => ("disconnected", ""),
    };
    let id = match error {
        Error::Refused(refusal) => number(refusal.snapshot),
        _ => 0,
    };
    let mut members = Members::default();
    put(&mut members, "type", text(kind));
    put(&mut members, "code", text(code));
    put(&mut members, "snapshot", &id);
    put(&mut members, "detail", text(&error.to_string()));
    QVariant::from(&members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_comes_back_from_its_address() {
        for bytes in [&b"etc/fstab"[..], b"a b/%41", b"\xff\n\xc3\xa4", b"-._~+&?#"] {
            assert_eq!(path(&address(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(address(b"a b"), QString::from("/a%20b"));
        assert_eq!(path(&QString::from("/etc//x%")).as_deref(), Some(&b"etc/x%"[..]));
        for none in ["", "/", "/etc/../x", "/%2e%2e/x", "/a%00"] {
            assert_eq!(path(&QString::from(none)), None, "{none}");
        }
    }
}
