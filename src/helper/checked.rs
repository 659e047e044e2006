// SPDX-License-Identifier: GPL-3.0-or-later
//! The result of the last look for updates. It holds for the default it was made for and for no other.

use crate::store::replace;
use engine::System;
use model::{Check, SnapshotId, UpdateSet, Updates};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Which default a result is for. The identity is part of it: numbers are given again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Base {
    number: u32,
    uuid: String,
}

impl Base {
    /// The default of this system.
    pub(crate) fn of(system: &System) -> Self {
        let uuid = |id: SnapshotId| {
            system
                .snapshots
                .get(&id)
                .map(|snapshot| snapshot.uuid.to_string())
        };
        Self {
            number: wire::snapshot_number(system.default),
            uuid: system.default.and_then(uuid).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Written {
    base: Base,
    updates: wire::Updates,
}

/// The last result, in memory and in a file.
#[derive(Debug)]
pub(crate) struct Checked {
    path: PathBuf,
    base: Base,
    updates: Updates,
}

impl Checked {
    /// Reads what an earlier helper found.
    pub(crate) fn open(dir: &Path) -> Self {
        let path = dir.join("updates.json");
        let (base, updates) = match read(&path) {
            Ok(written) => (written.base, written.updates.into()),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, "the last result of a check cannot be read");
                }
                Default::default()
            }
        };
        Self { path, base, updates }
    }

    /// What is known about updates of a system with this default.
    pub(crate) fn known(&self, base: &Base) -> Updates {
        if self.base == *base {
            return self.updates.clone();
        }
        Updates {
            check: Check::Never,
            set: UpdateSet::default(),
            ..self.updates.clone()
        }
    }

    /// Remembers a new result.
    pub(crate) fn set(&mut self, base: Base, updates: Updates) {
        let written = Written {
            base: base.clone(),
            updates: (&updates).into(),
        };
        (self.base, self.updates) = (base, updates);
        let write = |file: &mut std::fs::File| file.write_all(&serde_json::to_vec(&written)?);
        if let Err(error) = replace(&self.path, write) {
            tracing::error!(%error, "the result of a check cannot be written");
        }
    }
}

fn read(path: &Path) -> io::Result<Written> {
    let mut text = Vec::new();
    std::fs::File::open(path)?
        .take(16 * 1024 * 1024)
        .read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    #[test]
    fn a_result_outlives_the_helper_but_not_its_default() {
        let dir = tempfile::tempdir().unwrap();
        let base = |number| Base {
            number,
            uuid: format!("uuid-{number}"),
        };
        let found = Updates {
            check: Check::Done,
            attempted: Some(Timestamp(9)),
            succeeded: Some(Timestamp(9)),
            set: UpdateSet {
                download_size: 5,
                ..UpdateSet::default()
            },
        };
        let mut checked = Checked::open(dir.path());
        assert_eq!(checked.known(&base(0)), Updates::default());
        checked.set(base(4), found.clone());
        let checked = Checked::open(dir.path());
        assert_eq!(checked.known(&base(4)), found);
        let other = checked.known(&base(5));
        assert_eq!(
            (other.check, other.set, other.succeeded),
            (Check::Never, UpdateSet::default(), found.succeeded)
        );
        assert_eq!(
            checked
                .known(&Base {
                    number: 4,
                    uuid: "another".into()
                })
                .check,
            Check::Never
        );
    }
}
