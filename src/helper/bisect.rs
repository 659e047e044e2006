// SPDX-License-Identifier: GPL-3.0-or-later
//! The search for the version in which something broke, in `bisect.json` of the state directory: every step of it is a
//! restart.

use crate::authority::Caller;
use crate::emit::Emission;
use crate::error::from_refusal;
use crate::service::Service;
use crate::store::replace;
use engine::System;
use model::{Bisect, Event, Failure, FailureCode, Refusal, SnapshotId, State};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wire::Error;
use wire::name::action;
use zbus::Connection;
use zbus::message::Header;

/// No file of ours is longer.
const LIMIT: u64 = 64 << 10;

/// What is written: numbers may be given again, identities are not.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    search: Bisect,
    good: String,
    bad: String,
}

/// The search's file.
#[derive(Debug)]
pub(crate) struct BisectFile(PathBuf);

fn uuid(system: &System, id: SnapshotId) -> String {
    system
        .snapshots
        .get(&id)
        .map_or_else(String::new, |it| it.uuid.to_string())
}

impl BisectFile {
    /// The file in this state directory.
    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.join("bisect.json"))
    }

    /// The search that is under way, if its two ends still are what they were or are gone.
    pub(crate) fn read(&self, system: &System) -> Option<Bisect> {
        let read = || -> io::Result<Written> {
            let mut text = Vec::new();
            File::open(&self.0)?.take(LIMIT).read_to_end(&mut text)?;
            Ok(serde_json::from_slice(&text)?)
        };
        let written = match read() {
            Ok(written) => written,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, "the search cannot be read");
                }
                return None;
            }
        };
        let is_same = |id, known: &str| {
            let now = uuid(system, id);
            now.is_empty() || now == known
        };
        let search = written.search;
        let sane = search.good < search.bad;
        (sane && is_same(search.good, &written.good) && is_same(search.bad, &written.bad)).then_some(search)
    }

    fn write(&self, search: Option<&Bisect>, system: &System) -> Result<(), Failure> {
        let done = match search {
            None => match std::fs::remove_file(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            },
            Some(search) => replace(&self.0, |file| {
                let written = Written {
                    good: uuid(system, search.good),
                    bad: uuid(system, search.bad),
                    search: search.clone(),
                };
                file.write_all(&serde_json::to_vec(&written)?)
            }),
        };
        done.map_err(|error| {
            let code = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureCode::DiskFull,
                _ => FailureCode::Internal,
            };
            Failure::new(code, format!("could not write {}: {error}", self.0.display()))
        })
    }
}

impl Service {
    /// Changes the search: `rule` says whether that may be, and `change` what it is then. Stored when this returns.
    pub(crate) async fn bisect(
        self: &Arc<Self>,
        (header, connection): (&Header<'_>, &Connection),
        rule: impl Fn(&State) -> Result<(), Refusal>,
        change: impl FnOnce(Option<Bisect>) -> Option<Bisect>,
    ) -> Result<(), Error> {
        let _hold = self.idle.hold();
        self.accepting()?;
        self.refresh().await.map_err(crate::error::from_engine)?;
        rule(&self.state()).map_err(from_refusal)?;
        let caller = Caller::of(header, connection).await?;
        self.authority.check(caller, action::BISECT).await?;
        // Two who authenticate at the same time change one after the other.
        let file = self.bisect.lock().await;
        let system = self.refresh().await.map_err(crate::error::from_engine)?;
        let before = {
            let state = self.state();
            rule(&state).map_err(from_refusal)?;
            state.bisect.clone()
        };
        let after = change(before);
        file.write(after.as_ref(), &system).map_err(Error::Failed)?;
        tracing::info!(uid = caller.uid, search = ?after, "the search for a version is changed");
        let event = Event::Bisect(after);
        if self.state().apply(event.clone()) {
            self.emit(Emission::Event(event));
        }
        self.flushed().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Engine as _, Scenario, SimEngine};
    use model::{Timestamp, Verdict};

    #[test]
    fn a_search_outlives_the_helper_and_not_its_versions() {
        let dir = tempfile::tempdir().unwrap();
        let system = SimEngine::new(Scenario::Normal).system().unwrap();
        let file = BisectFile::new(dir.path());
        assert_eq!(file.read(&system), None);
        let mut ids = system.snapshots.keys().copied();
        let (good, bad) = (ids.next().unwrap(), ids.next_back().unwrap());
        let mut search = Bisect::new(good, bad, Timestamp(7));
        search.judge(ids.next().unwrap(), Verdict::Skip);
        file.write(Some(&search), &system).unwrap();
        assert_eq!(BisectFile::new(dir.path()).read(&system), Some(search.clone()));
        // Another snapshot with the number of one of the two.
        let mut other = (*system).clone();
        other.snapshots.get_mut(&bad).unwrap().uuid = model::Uuid::default();
        assert_eq!(file.read(&other), None);
        // One that is gone is told, not hidden.
        other.snapshots.remove(&bad);
        assert_eq!(file.read(&other), Some(search));
        file.write(None, &system).unwrap();
        file.write(None, &system).unwrap();
        assert_eq!(file.read(&system), None);
        for damaged in [
            "",
            "{",
            "[]",
            "{\"search\":{\"good\":9,\"bad\":1,\"skipped\":[],\"began\":0},\"good\":\"\",\"bad\":\"\"}",
        ] {
            std::fs::write(dir.path().join("bisect.json"), damaged).unwrap();
            assert_eq!(file.read(&system), None, "{damaged}");
        }
    }
}
