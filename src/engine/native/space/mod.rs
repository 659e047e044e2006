// SPDX-License-Identifier: GPL-3.0-or-later
//! What snapshots cost, exactly, without quotas.
//!
//! [`ledger`] knows which trees use which extents, [`sweep`] reads trees into it, [`books`] keeps it up to date as
//! subvolumes come, change and go, and [`cache`] keeps it over restarts. Snapshots do not change, so each is read once,
//! and most of them only where they differ from their predecessor.
//!
//! Counted is what the kernel frees: whole extents as they lie on the disk, when the last subvolume that uses any of one
//! goes, be that a snapshot or somebody's home with a copy by reference.

mod books;
mod cache;
mod ledger;
mod lineage;
mod metadata;
mod room;
mod sweep;

use super::btrfs::{self, Subvolume};
use super::{NativeEngine, Store};
use crate::{Cancel, Context, Error};
use books::Books;
use ledger::Trees;
use model::{Freed, Holder, Phase, Progress, Refusal, RefusalCode, RoomPlan, SnapshotId, SnapshotSize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use sweep::Source;

#[cfg(feature = "fuzzing")]
pub(crate) use cache::read_cache;
pub(crate) use room::delete_all;

/// No more of those who keep data are told.
const HOLDERS: usize = 20;

/// What is known, and where it is kept.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// Locked for as long as something is read: whoever asks meanwhile waits.
    known: Mutex<Known>,
    /// The directory of the cache; none keeps nothing.
    pub(super) cache: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct Known {
    books: Books,
    /// The last transaction on disk and the version of the list of snapshots that the books are of.
    of: Option<(u64, u64)>,
    was_read: bool,
    subvolumes: Vec<Subvolume>,
}

/// The books, up to date.
struct Reading<'a> {
    known: MutexGuard<'a, Known>,
    store: &'a Store,
    cancel: &'a Cancel,
    node_size: u64,
}

impl Space {
    fn read<'a>(&'a self, store: &'a Store, context: &Context<'a>) -> Result<Reading<'a>, Error> {
        let mut known = loop {
            match self.known.try_lock() {
                Ok(known) => break known,
                Err(std::sync::TryLockError::Poisoned(poisoned)) => {
                    // It broke off anywhere: nothing of it can be relied on.
                    self.known.clear_poison();
                    let mut known = poisoned.into_inner();
                    *known = Known::default();
                    break known;
                }
                // Somebody else's reading; a request to stop must not wait for its end.
                Err(std::sync::TryLockError::WouldBlock) => {
                    context.cancel.check()?;
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            }
        };
        let failed = |error| Error::io("read the filesystem's transaction", error);
        // What was written a moment ago is not in the trees before a commit.
        let committed = btrfs::commit(store.directory()).map_err(failed)?;
        let filesystem = btrfs::filesystem_of(store.directory()).map_err(failed)?;
        let listing = store.read()?;
        // Not the number of the present transaction: more may be written in that one.
        let of = Some((committed, listing.version));
        if known.of != of {
            known.of = None;
            self.bring_up_to_date(
                &mut known,
                store,
                &filesystem.id,
                &listing.by_subvolume_number(),
                context,
            )?;
            known.of = of;
        }
        Ok(Reading {
            known,
            store,
            cancel: context.cancel,
            node_size: filesystem.node_size.into(),
        })
    }

    fn bring_up_to_date(
        &self,
        known: &mut Known,
        store: &Store,
        filesystem: &[u8; 16],
        snapshots: &BTreeMap<u64, SnapshotId>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        if !std::mem::replace(&mut known.was_read, true)
            && let Some(directory) = &self.cache
        {
            known.books = cache::load(directory, filesystem).unwrap_or_default();
        }
        known.subvolumes =
            btrfs::subvolumes(store.directory()).map_err(|error| Error::io("list the subvolumes", error))?;
        let goes_on = || !context.cancel.is_requested();
        let source = Source {
            filesystem: store.directory(),
            goes_on: &goes_on,
        };
        let report = |done: usize, all: usize| {
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            context.report.progress(Progress {
                permille: u16::try_from(done * 1000 / all.max(1)).ok(),
                item: number(done + 1),
                items: number(all),
                ..Progress::at(Phase::Prepare)
            });
        };
        let progressed = known.books.update(source, &known.subvolumes, snapshots, report)?;
        if progressed.is_worth_keeping
            && let Some(directory) = &self.cache
            && let Err(error) = cache::save(directory, filesystem, &known.books)
        {
            // Without it, the next start reads more.
            tracing::warn!(%error, "the cache of what snapshots use cannot be written");
        }
        Ok(())
    }
}

impl Reading<'_> {
    fn selected(&self, ids: impl IntoIterator<Item = SnapshotId>) -> Result<Trees, Error> {
        let mut selected = Trees::default();
        for id in ids {
            let missing = Refusal::of(RefusalCode::NoSuchSnapshot, id);
            let trees = self.known.books.of_snapshot.get(&id).ok_or(missing)?;
            trees.iter().for_each(|tree| selected.insert(tree));
        }
        Ok(selected)
    }

    fn metadata(&self, selected: &Trees) -> Result<u64, Error> {
        let goes_on = || !self.cancel.is_requested();
        let source = Source {
            filesystem: self.store.directory(),
            goes_on: &goes_on,
        };
        self.known.books.metadata(source, selected, self.node_size)
    }

    fn data(&self, selected: &Trees) -> u64 {
        self.known.books.ledger.freed(selected, |_, _| ())
    }

    /// Who holds what is at these places, when that is one alone: a snapshot, or a subvolume that is none.
    fn only_holder(&self, left: &Trees) -> Option<Result<SnapshotId, usize>> {
        let books = &self.known.books;
        let holder = |place| books.owner_of_place.get(&place).copied().ok_or(place);
        let mut holders = left.iter().map(holder);
        let first = holders.next()?;
        holders.all(|other| other == first).then_some(first)
    }

    fn freed(&self, ids: &[SnapshotId]) -> Result<Freed, Error> {
        let selected = self.selected(ids.iter().copied())?;
        let (mut held, mut by_holder) = (0_u64, BTreeMap::<_, u64>::new());
        let data = self.known.books.ledger.freed(&selected, |left, bytes| {
            held = held.saturating_add(bytes);
            if let Some(holder) = self.only_holder(left) {
                let key = match holder {
                    Ok(id) => (0, u64::from(id.0)),
                    Err(place) => (1, place as u64),
                };
                let (kept, _) = (by_holder.entry(key).or_default(), holder);
                *kept = kept.saturating_add(bytes);
            }
        });
        let mut holders: Vec<Holder> = by_holder
            .into_iter()
            .map(|(holder, bytes)| self.holder(holder, bytes))
            .collect();
        holders.sort_by_key(|it| std::cmp::Reverse(it.bytes));
        holders.truncate(HOLDERS);
        Ok(Freed {
            data,
            metadata: self.metadata(&selected)?,
            held,
            holders,
        })
    }

    fn holder(&self, holder: (u8, u64), bytes: u64) -> Holder {
        let number = |number: u64| u32::try_from(number).unwrap_or(0);
        match holder {
            (0, id) => Holder {
                snapshot: Some(SnapshotId(number(id))),
                subvolume: String::new(),
                bytes,
            },
            (_, place) => {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                let id = self.known.books.subvolume_at(place).unwrap_or(0);
                Holder {
                    snapshot: None,
                    subvolume: self.path(id),
                    bytes,
                }
            }
        }
    }

    /// The path of a subvolume from the top of the filesystem, for people: what is not UTF-8 is replaced.
    fn path(&self, id: u64) -> String {
        /// Nothing real is nested deeper.
        const DEEPEST: usize = 32;
        let (mut parts, mut next) = (Vec::new(), id);
        for _ in 0..DEEPEST {
            let subvolume = self.known.subvolumes.iter().find(|it| it.id == next);
            let Some(it) = subvolume.filter(|it| it.parent != 0) else {
                break;
            };
            parts.push(String::from_utf8_lossy(&it.name).into_owned());
            if it.directory != btrfs::ROOT_DIRECTORY
                && let Ok(path) = btrfs::path_in(self.store.directory(), it.parent, it.directory)
            {
                parts.push(String::from_utf8_lossy(&path).into_owned());
            }
            next = it.parent;
        }
        parts.reverse();
        format!("/{}", parts.join("/"))
    }

    fn sizes(&self) -> Result<Vec<SnapshotSize>, Error> {
        let mut data: BTreeMap<SnapshotId, u64> = BTreeMap::new();
        for (set, bytes) in self.known.books.ledger.sets() {
            if let Some(Ok(id)) = self.only_holder(set) {
                let sum = data.entry(id).or_default();
                *sum = sum.saturating_add(bytes);
            }
        }
        let ids = self.known.books.of_snapshot.keys();
        ids.map(|id| {
            Ok(SnapshotSize {
                id: *id,
                data: data.get(id).copied().unwrap_or(0),
                metadata: self.metadata(&self.selected([*id])?)?,
            })
        })
        .collect()
    }

    fn room(&self, candidates: &[SnapshotId], target: u64) -> Result<RoomPlan, Error> {
        let known = |id: &SnapshotId| self.known.books.of_snapshot.contains_key(id);
        let candidates: Vec<SnapshotId> = candidates.iter().copied().filter(known).collect();
        let freed = |chosen: &BTreeSet<SnapshotId>| {
            self.selected(chosen.iter().copied())
                .map_or(0, |selected| self.data(&selected))
        };
        let (snapshots, is_enough) = model::make_room(&candidates, target, freed);
        Ok(RoomPlan {
            freed: self.freed(&snapshots)?,
            snapshots,
            is_enough,
        })
    }
}

impl NativeEngine {
    /// Keeps what is expensive to find out in this directory, over restarts. It is made when it is missing.
    #[must_use]
    pub fn with_cache(mut self, directory: PathBuf) -> Self {
        self.space.cache = Some(directory);
        self
    }

    pub(super) fn space_usage(&self) -> Result<model::Usage, Error> {
        btrfs::usage(self.store()?.directory()).map_err(|error| Error::io("read how full the disk is", error))
    }

    pub(super) fn space_freed(&self, ids: &[SnapshotId], context: &Context<'_>) -> Result<Freed, Error> {
        self.space.read(self.store()?, context)?.freed(ids)
    }

    pub(super) fn space_sizes(&self, context: &Context<'_>) -> Result<Vec<SnapshotSize>, Error> {
        self.space.read(self.store()?, context)?.sizes()
    }

    pub(super) fn space_plan(&self, target: u64, context: &Context<'_>) -> Result<RoomPlan, Error> {
        let candidates = model::room_candidates(&self.read()?.to_state());
        self.space.read(self.store()?, context)?.room(&candidates, target)
    }
}
