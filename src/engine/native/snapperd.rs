// SPDX-License-Identifier: GPL-3.0-or-later
//! snapper's service as the writer of snapshots, where it runs: then its locks, its memory, its signals and its plugins
//! are honoured. Reading stays with the disk, and what the service says is believed only when the disk says it too.
//!
//! Strings on its bus are ASCII: other bytes are written `\xNN`, and a backslash is doubled. Errors are told apart by
//! their names, since their texts say nothing. Its `DeleteConfig` is never called: it deletes all snapshots.

use super::{Books, Info};
use crate::Error;
use model::{Cleanup, SnapshotId, SnapshotKind, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use zbus::{Connection, DynamicType, connection};

const NAME: &str = "org.opensuse.Snapper";
const PATH: &str = "/org/opensuse/Snapper";
/// Plugins may write boot entries, and a comparison may be going on.
const PATIENCE: Duration = Duration::from_secs(300);

/// A snapshot on the bus: number, type, number of its pre snapshot, time, user, description, cleanup, userdata.
type Listed = (u32, u16, u32, i64, u32, String, String, HashMap<String, String>);

/// One configuration of snapper's service.
pub(crate) struct Snapperd {
    /// `system` or the address of a bus.
    bus: String,
    config: String,
    link: Mutex<Link>,
}

#[derive(Default)]
struct Link {
    runtime: Option<Runtime>,
    connection: Option<Connection>,
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The engine may be dropped where waiting is not allowed.
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Snapperd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapperd")
            .field("bus", &self.bus)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Why a call came to nothing.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The service is not there: whoever asked may do it without.
    Absent(zbus::Error),
    /// The service says no, by this name.
    Named(String),
}

impl Refused {
    /// The error of a call that was no use.
    pub(crate) fn into_error(self, method: &str) -> Error {
        let status = match self {
            Self::Absent(error) => format!("is not there: {error}"),
            Self::Named(name) => format!("answered {name}"),
        };
        Error::Command {
            command: format!("{NAME}.{method}"),
            status,
            stderr: String::new(),
        }
    }
}

/// Whether a failed call means that there is no service, rather than that it refused. A call that was sent and has no
/// answer is no absence: it may have been done.
fn is_absence(name: &str) -> bool {
    matches!(
        name,
        "org.freedesktop.DBus.Error.ServiceUnknown"
            | "org.freedesktop.DBus.Error.NameHasNoOwner"
            | "org.freedesktop.DBus.Error.FileNotFound"
            | "org.freedesktop.DBus.Error.AccessDenied"
    ) || name.starts_with("org.freedesktop.DBus.Error.Spawn")
        || name.starts_with("org.freedesktop.systemd1.")
}

fn refused(error: zbus::Error) -> Refused {
    let name = match &error {
        zbus::Error::MethodError(name, _, _) => name.to_string(),
        // The bus' own errors.
        zbus::Error::FDO(error) => zbus::DBusError::name(&**error).to_string(),
        _ => error.to_string(),
    };
    match is_absence(&name) {
        true => Refused::Absent(error),
        false => Refused::Named(name),
    }
}

impl Snapperd {
    /// The service on a bus (`system`, or an address), with one of its configurations. Connects when it is first asked.
    pub(crate) fn new(bus: &str, config: &str) -> Self {
        Self {
            bus: bus.to_owned(),
            config: config.to_owned(),
            link: Mutex::default(),
        }
    }

    fn call<B, R>(&self, method: &str, body: &B) -> Result<R, Refused>
    where
        B: serde::Serialize + DynamicType,
        R: serde::de::DeserializeOwned + zbus::Type,
    {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let link = &mut *link;
        let absent = |error: std::io::Error| Refused::Absent(zbus::Error::Failure(error.to_string()));
        let runtime = match &link.runtime {
            Some(runtime) => runtime,
            None => {
                let made = Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(absent)?;
                link.runtime.insert(made)
            }
        };
        runtime.block_on(async {
            let known = link
                .connection
                .take()
                .filter(|connection| !connection.is_closed());
            let connection = match known {
                Some(connection) => connection,
                None => {
                    let builder = match self.bus.as_str() {
                        "system" => connection::Builder::system(),
                        address => connection::Builder::address(address),
                    };
                    let connecting = builder.method_timeout(PATIENCE).build();
                    connecting.await.map_err(Refused::Absent)?
                }
            };
            let reply = connection.call_method(Some(NAME), PATH, Some(NAME), method, body);
            let reply = reply.await.map_err(refused);
            link.connection = Some(connection);
            let reply = reply?;
            let body = reply.body().deserialize::<R>();
            body.map_err(|error| Refused::Named(error.to_string()))
        })
    }

    /// Takes a read-only snapshot of the running system.
    pub(crate) fn create(&self, books: &Books) -> Result<SnapshotId, Refused> {
        let (description, cleanup) = (escaped(&books.description), escaped(&books.cleanup.0));
        let body = (
            self.config.as_str(),
            description.as_str(),
            cleanup.as_str(),
            userdata(books),
        );
        let (number,) = self.call::<_, (u32,)>("CreateSingleSnapshot", &body)?;
        Ok(SnapshotId(number))
    }

    /// Deletes a snapshot. The service answers when it is gone or why it is not; the caller looks all the same.
    pub(crate) fn delete(&self, id: SnapshotId) -> Result<(), Refused> {
        self.call("DeleteSnapshots", &(self.config.as_str(), vec![id.0]))
    }

    /// Replaces description, cleanup and userdata.
    pub(crate) fn set_books(&self, id: SnapshotId, books: &Books) -> Result<(), Refused> {
        let (description, cleanup) = (escaped(&books.description), escaped(&books.cleanup.0));
        let body = (
            self.config.as_str(),
            id.0,
            description.as_str(),
            cleanup.as_str(),
            userdata(books),
        );
        self.call("SetSnapshot", &body)
    }

    /// Sets the read-only flag; services before 0.10.5 do not know how.
    pub(crate) fn set_read_only(&self, id: SnapshotId, read_only: bool) -> Result<(), Refused> {
        let body = (self.config.as_str(), id.0, read_only);
        self.call("SetSnapshotReadOnly", &body)
    }

    /// What the service lists, without its number 0. Its memory may be some seconds old.
    pub(crate) fn list(&self) -> Result<Vec<Info>, Refused> {
        let body = (self.config.as_str(),);
        let (listed,) = self.call::<_, (Vec<Listed>,)>("ListSnapshots", &body)?;
        Ok(listed.into_iter().filter(|it| it.0 != 0).map(info).collect())
    }
}

fn userdata(books: &Books) -> BTreeMap<String, String> {
    let escape = |(key, value): (&String, &String)| (escaped(key), escaped(value));
    books.userdata.iter().map(escape).collect()
}

fn info((number, kind, pre, time, uid, description, cleanup, userdata): Listed) -> Info {
    Info {
        id: SnapshotId(number),
        books: Books {
            kind: match kind {
                1 => SnapshotKind::Pre,
                2 => SnapshotKind::Post,
                _ => SnapshotKind::Single,
            },
            pre: (kind == 2 && pre != 0).then_some(SnapshotId(pre)),
            time: Timestamp::from_seconds(time),
            uid,
            description: unescaped(&description),
            cleanup: Cleanup(unescaped(&cleanup)),
            userdata: userdata
                .iter()
                .map(|(key, value)| (unescaped(key), unescaped(value)))
                .collect(),
        },
        unknown: Vec::new(),
    }
}

/// As the service wants strings.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'\\' => out.push_str("\\\\"),
            // Writing to a String cannot fail.
            0x80.. => drop(write!(out, "\\x{byte:02x}")),
            byte => out.push(char::from(byte)),
        }
    }
    out
}

/// As people want them. What is no escape stays as it is.
fn unescaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let (decoded, length) = match tail {
            [b'\\', ..] if *byte == b'\\' => (b'\\', 2),
            [b'x', high, low, ..] if *byte == b'\\' => {
                let digits = [*high, *low];
                let code = std::str::from_utf8(&digits).ok();
                match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
                    Some(code) => (code, 4),
                    None => (*byte, 1),
                }
            }
            _ => (*byte, 1),
        };
        out.push(decoded);
        rest = rest.get(length..).unwrap_or_default();
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_survive_the_way_there_and_back() {
        assert_eq!(escaped("Öl"), "\\xc3\\x96l");
        assert_eq!(escaped("a\\b"), "a\\\\b");
        for text in ["", "plain", "Öl, <&> \"x\" 😀", "a\\xc3b", "\\", "\\\\x41"] {
            assert_eq!(unescaped(&escaped(text)), text);
        }
        for odd in ["\\", "\\x", "\\xg1", "\\x+1", "a\\q"] {
            // Nothing sane comes of it, and nothing breaks.
            let _ = unescaped(odd);
        }
        assert_eq!(unescaped("\\xg1"), "\\xg1");
        assert_eq!(unescaped("\\xff"), "\u{fffd}");
    }

    #[test]
    fn only_a_service_that_is_not_there_is_done_without() {
        assert!(is_absence("org.freedesktop.DBus.Error.ServiceUnknown"));
        assert!(is_absence("org.freedesktop.DBus.Error.Spawn.ExecFailed"));
        assert!(!is_absence("org.freedesktop.DBus.Error.NoReply"));
        assert!(!is_absence("error.illegal_snapshot"));
    }
}
