// SPDX-License-Identifier: GPL-3.0-or-later
//! Counts, in the background, how many packages of each snapshot differ from the version before it.
//!
//! Only while somebody looks, one snapshot at a time, the newest first. What was counted is kept in a file by the
//! identities of the two snapshots and what their package databases look like from outside, so that each pair is read
//! once in its life.

use crate::emit::Emission;
use crate::service::Service;
use crate::store::replace;
use model::{Capability, ChangeCounts, Event, SnapshotId, State, Uuid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Changes with what is counted or how it is written.
const VERSION: u32 = 1;
/// So many pairs are kept.
const PAIRS: usize = 4000;
/// No file of ours is longer.
const LIMIT: u64 = 8 * 1024 * 1024;
/// At the latest after so long what was counted is told.
const SOON: Duration = Duration::from_millis(300);
/// So many pairs are counted before they are told of and the file is written.
const BATCH: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    /// What both databases looked like.
    stamp: String,
    counts: ChangeCounts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Written {
    version: u32,
    pairs: BTreeMap<String, Counted>,
}

/// What was counted, in memory and in a file.
#[derive(Debug)]
struct Cache {
    path: PathBuf,
    pairs: BTreeMap<String, Counted>,
    unwritten: usize,
}

impl Cache {
    fn open(dir: &Path) -> Self {
        let path = dir.join("counts.json");
        let pairs = match read(&path) {
            Ok(written) if written.version == VERSION => written.pairs,
            Ok(_) => BTreeMap::new(),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, "the counted packages cannot be read");
                }
                BTreeMap::new()
            }
        };
        Self {
            path,
            pairs,
            unwritten: 0,
        }
    }

    fn put(&mut self, key: String, counted: Counted) {
        self.pairs.insert(key, counted);
        self.unwritten += 1;
    }

    /// Writes what is new, without the pairs of snapshots that are gone.
    fn write(&mut self, state: &State) {
        if std::mem::take(&mut self.unwritten) == 0 {
            return;
        }
        let present: BTreeSet<String> = state.snapshots.values().map(|it| it.uuid.to_string()).collect();
        self.pairs
            .retain(|key, _| key.split('>').all(|uuid| present.contains(uuid)));
        while self.pairs.len() > PAIRS {
            self.pairs.pop_first();
        }
        let written = Written {
            version: VERSION,
            pairs: self.pairs.clone(),
        };
        let write = |file: &mut File| file.write_all(&serde_json::to_vec(&written)?);
        if let Err(error) = replace(&self.path, write) {
            tracing::warn!(%error, "the counted packages cannot be written");
        }
    }
}

fn read(path: &Path) -> io::Result<Written> {
    let mut text = Vec::new();
    File::open(path)?.take(LIMIT).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// A snapshot and the version before it, as identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    base: SnapshotId,
    id: SnapshotId,
    uuids: (Uuid, Uuid),
}

impl Pair {
    fn key(&self) -> String {
        format!("{}>{}", self.uuids.0, self.uuids.1)
    }
}

/// The snapshots that can be counted, newest first.
fn pairs(state: &State) -> Vec<Pair> {
    if !state.capabilities.has(Capability::PackageChanges) {
        return Vec::new();
    }
    let bases = model::predecessors(state);
    let ids = state.snapshots.keys().rev();
    let pair = |id: &SnapshotId| {
        let (base, it) = (*bases.get(id)?, state.snapshots.get(id)?);
        // What is still being written differs from one moment to the next.
        let is_open = it.is_in_progress() || it.condition != model::Condition::Complete;
        let uuids = (state.snapshots.get(&base)?.uuid, it.uuid);
        (!is_open).then_some(Pair { base, id: *id, uuids })
    };
    ids.filter_map(pair).collect()
}

impl Service {
    /// Counts whenever there is something to count, as long as the process lives.
    pub(crate) async fn count(self: Arc<Self>, dir: PathBuf) {
        let opened = tokio::task::spawn_blocking(move || Cache::open(&dir)).await;
        let Ok(mut cache) = opened else { return };
        // What was counted for a number holds until another snapshot has it or another lies before it.
        let mut told: HashMap<SnapshotId, Pair> = HashMap::new();
        loop {
            self.counting.notified().await;
            if !self.idle.is_held() {
                continue;
            }
            let hold = self.idle.hold();
            let wanted = pairs(&self.state());
            let (mut before, mut news) = (std::mem::take(&mut told), Vec::new());
            let mut moment = Instant::now();
            for pair in wanted {
                // A snapshot that cannot be read is left without a count; its page says why when it is asked.
                if before.remove(&pair.id) != Some(pair)
                    && let Some(counts) = self.count_pair(pair, &mut cache).await
                {
                    news.push((pair.id, counts));
                }
                told.insert(pair.id, pair);
                if news.len() >= BATCH || moment.elapsed() > SOON {
                    self.tell_counts(&mut news);
                    moment = Instant::now();
                }
                if cache.unwritten >= BATCH {
                    self.keep(&mut cache).await;
                }
            }
            self.tell_counts(&mut news);
            self.keep(&mut cache).await;
            drop(hold);
        }
    }

    fn tell_counts(&self, news: &mut Vec<(SnapshotId, ChangeCounts)>) {
        let event = Event::Counts(std::mem::take(news));
        if self.state().apply(event.clone()) {
            self.emit(Emission::Event(event));
        }
    }

    async fn keep(self: &Arc<Self>, cache: &mut Cache) {
        let state = self.state().clone();
        let mut taken = Cache {
            path: cache.path.clone(),
            pairs: std::mem::take(&mut cache.pairs),
            unwritten: std::mem::take(&mut cache.unwritten),
        };
        let written = tokio::task::spawn_blocking(move || {
            taken.write(&state);
            taken
        });
        match written.await {
            Ok(taken) => *cache = taken,
            Err(error) => tracing::error!(%error, "the writer of the counted packages is gone"),
        }
    }

    async fn count_pair(self: &Arc<Self>, pair: Pair, cache: &mut Cache) -> Option<ChangeCounts> {
        // Whoever asks for something goes first.
        let _one = self.reader().await.ok()?;
        let Pair { base, id, .. } = pair;
        let known = cache.pairs.get(&pair.key()).cloned();
        let counted = self.blocking(move |engine| {
            let stamp = format!(
                "{}|{}",
                engine.package_stamp(Some(base))?,
                engine.package_stamp(Some(id))?
            );
            if let Some(known) = known.filter(|known| known.stamp == stamp) {
                return Ok((known, true));
            }
            let counts = engine.change_counts(Some(base), Some(id))?;
            Ok((Counted { stamp, counts }, false))
        });
        match counted.await {
            Ok((counted, is_known)) => {
                let counts = counted.counts;
                if !is_known {
                    cache.put(pair.key(), counted);
                }
                Some(counts)
            }
            Err(error) => {
                tracing::debug!(
                    error = error.chain(),
                    "the packages of snapshot {id} cannot be counted"
                );
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(added: u32) -> Counted {
        Counted {
            stamp: "s".into(),
            counts: ChangeCounts {
                added,
                ..ChangeCounts::default()
            },
        }
    }

    #[test]
    fn what_was_counted_is_kept_while_both_snapshots_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = State::default();
        let uuids = [1, 2, 3].map(|byte| Uuid([byte; 16]));
        for (number, uuid) in (1..).zip(uuids) {
            let snapshot = engine_snapshot(number, uuid);
            state.snapshots.insert(snapshot.id, snapshot);
        }
        let mut cache = Cache::open(dir.path());
        let key = |a: usize, b: usize| format!("{}>{}", uuids[a], uuids[b]);
        cache.put(key(0, 1), counted(1));
        cache.put(key(1, 2), counted(2));
        cache.write(&state);
        assert_eq!(Cache::open(dir.path()).pairs.len(), 2);
        state.snapshots.remove(&SnapshotId(3));
        cache.put(key(0, 1), counted(3));
        cache.write(&state);
        let again = Cache::open(dir.path());
        assert_eq!(again.pairs, BTreeMap::from([(key(0, 1), counted(3))]));
        std::fs::write(&again.path, "{\"version\":99,\"pairs\":{}}").unwrap();
        assert!(Cache::open(dir.path()).pairs.is_empty());
        std::fs::write(&again.path, "nonsense").unwrap();
        assert!(Cache::open(dir.path()).pairs.is_empty());
    }

    fn engine_snapshot(number: u32, uuid: Uuid) -> model::Snapshot {
        model::Snapshot {
            id: SnapshotId(number),
            kind: model::SnapshotKind::Single,
            pre: None,
            time: model::Timestamp(1),
            uid: 0,
            description: String::new(),
            cleanup: model::Cleanup::default(),
            userdata: BTreeMap::new(),
            read_only: true,
            uuid,
            parent_uuid: Uuid::default(),
            condition: model::Condition::Complete,
        }
    }
}
