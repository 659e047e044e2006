// SPDX-License-Identifier: GPL-3.0-or-later
//! What is decided for the system, in `policy.json` of the state directory: an object with the keys of
//! `Settings.Change`, each of which may be missing. A key or value that is not understood counts as missing.
//!
//! The state directory and not `/etc`, because `/etc` belongs to the snapshots: going back to an older one must not
//! bring an older decision back.

use crate::store::replace;
use model::{Failure, FailureCode, Policy, PolicyChange};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// No file of ours is longer.
const LIMIT: u64 = 64 * 1024;

/// The policy's file.
#[derive(Debug)]
pub(crate) struct PolicyFile(PathBuf);

impl PolicyFile {
    /// The file in this state directory.
    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.join("policy.json"))
    }

    /// What it says; the defaults where it says nothing.
    pub(crate) fn read(&self) -> Policy {
        let fields = match self.fields() {
            Ok(fields) => fields,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, file = %self.0.display(), "the policy cannot be read");
                }
                Map::new()
            }
        };
        let mut policy = Policy::default();
        for field in fields {
            let name = field.0.clone();
            let one = Value::Object(Map::from_iter([field]));
            let read = serde_json::from_value::<PolicyChange>(one).map_err(|error| error.to_string());
            match read.and_then(|change| policy.changed(&change).map_err(|error| error.to_string())) {
                Ok(changed) => policy = changed,
                Err(error) => tracing::warn!(%error, name, "a field of the policy is left out"),
            }
        }
        policy
    }

    fn fields(&self) -> io::Result<Map<String, Value>> {
        let mut text = Vec::new();
        File::open(&self.0)?.take(LIMIT).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Writes a policy. A decision that is not stored would be forgotten with the helper, so this can fail.
    pub(crate) fn write(&self, policy: &Policy) -> Result<(), Failure> {
        let write = |file: &mut File| {
            let mut text = serde_json::to_vec_pretty(&PolicyChange::from(policy))?;
            text.push(b'\n');
            file.write_all(&text)
        };
        replace(&self.0, write).map_err(|error| {
            let code = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureCode::DiskFull,
                _ => FailureCode::Internal,
            };
            Failure::new(code, format!("could not write {}: {error}", self.0.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Automation, Cadence};

    #[test]
    fn a_policy_outlives_the_helper() {
        let dir = tempfile::tempdir().unwrap();
        let file = PolicyFile::new(dir.path());
        assert_eq!(file.read(), Policy::default());
        let change = PolicyChange {
            automation: Some(Automation::Install),
            keep_updates: Some(30),
            ..PolicyChange::default()
        };
        let policy = Policy::default().changed(&change).unwrap();
        file.write(&policy).unwrap();
        assert_eq!(PolicyFile::new(dir.path()).read(), policy);
    }

    #[test]
    fn what_is_not_understood_counts_as_missing() {
        let dir = tempfile::tempdir().unwrap();
        let file = PolicyFile::new(dir.path());
        let text = r#"{"automation": "fly", "cadence": "weekly", "keep-updates": 0, "space-percent": "x", "new": [1]}"#;
        std::fs::write(dir.path().join("policy.json"), text).unwrap();
        let expected = Policy {
            cadence: Cadence::Weekly,
            ..Policy::default()
        };
        assert_eq!(file.read(), expected);
        for damaged in ["", "{", "[]", "null", "\u{0}\u{1}"] {
            std::fs::write(dir.path().join("policy.json"), damaged).unwrap();
            assert_eq!(file.read(), Policy::default(), "{damaged:?}");
        }
    }

    #[test]
    fn a_policy_that_cannot_be_written_is_a_failure() {
        let file = PolicyFile::new(Path::new("/proc/nowhere"));
        assert_eq!(
            file.write(&Policy::default()).map_err(|it| it.code),
            Err(FailureCode::Internal)
        );
    }
}
