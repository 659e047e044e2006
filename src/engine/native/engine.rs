// SPDX-License-Identifier: GPL-3.0-or-later
use super::restore::write_in;
use super::{Base, Books, NativeEngine, TakeChanges, Viewer, diff, rollback, view};
use crate::packages::Tree;
use crate::{Context, Engine, Error, OpenFile, Outcome, System, VisitFile, platform, transaction};
use model::{
    ChangeCounts, Concern, Condition, Doomed, Edit, FileVersion, FilesSummary, Freed, LogEntry, NewSnapshot,
    PackageChange, PackageWish, Plan, Platform, Refusal, RefusalCode, RestoreTo, Retention, RoomPlan,
    SearchResult, Snapshot, SnapshotId, SnapshotKind, SnapshotSize, StartFailure, UpdateSet, Usage, Uuid,
    userdata_key,
};
use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

impl Books {
    /// The books of a snapshot that stands alone.
    pub(crate) fn single(time: model::Timestamp, description: impl Into<String>) -> Self {
        Self {
            kind: SnapshotKind::Single,
            pre: None,
            time,
            uid: 0,
            description: description.into(),
            cleanup: model::Cleanup::default(),
            userdata: BTreeMap::new(),
        }
    }
}

/// Pinning is defined on snapshots: this makes a wish one and takes its books.
fn wished(wish: &NewSnapshot, time: model::Timestamp) -> Books {
    let mut snapshot = Snapshot {
        id: SnapshotId(0),
        kind: SnapshotKind::Single,
        pre: None,
        time,
        uid: wish.uid,
        description: wish.description.clone(),
        cleanup: wish.cleanup.clone(),
        userdata: BTreeMap::new(),
        read_only: true,
        uuid: Uuid::default(),
        parent_uuid: Uuid::default(),
        condition: Condition::Complete,
    };
    let edit = Edit {
        pinned: Some(wish.pinned),
        ..Edit::default()
    };
    edit.apply(&mut snapshot);
    Books {
        uid: snapshot.uid,
        cleanup: snapshot.cleanup,
        userdata: snapshot.userdata,
        ..Books::single(time, snapshot.description)
    }
}

impl Engine for NativeEngine {
    fn system(&self) -> Result<Arc<System>, Error> {
        self.read()
    }

    fn create(&self, wish: &NewSnapshot) -> Result<SnapshotId, Error> {
        self.runs()?;
        let books = wished(wish, self.now());
        match self.create_by_snapper(&books)? {
            Some(id) => Ok(id),
            None => self.store()?.create(Base::Running, &books, false),
        }
    }

    fn delete(&self, id: SnapshotId) -> Result<Outcome<()>, Error> {
        let state = self.state_about(id)?;
        match state.may_delete(id) {
            Err(Refusal {
                code: RefusalCode::NoSuchSnapshot,
                ..
            }) => return Ok(Outcome::Unchanged),
            refusal => refusal?,
        }
        let is_marked = state.snapshots.get(&id).is_some_and(Snapshot::is_in_progress);
        // A leftover may go, the snapshot of a transaction that runs may not.
        let _locks = match is_marked {
            true => Some(transaction::idle(self)?.ok_or(Refusal::of(RefusalCode::InProgress, id))?),
            false => None,
        };
        match self.delete_by_snapper(id)? {
            Some(outcome) => Ok(outcome),
            None => self.store()?.delete(id),
        }
    }

    fn edit(&self, id: SnapshotId, edit: &Edit) -> Result<Outcome<()>, Error> {
        let state = self.state_about(id)?;
        state.may_edit(id)?;
        let starts = [state.booted, state.default].contains(&Some(id));
        let is_read_only = state.snapshots.get(&id).map(|snapshot| snapshot.read_only);
        if starts && edit.read_only.is_some() && edit.read_only != is_read_only {
            return Err(Refusal::of(RefusalCode::MustStayReadOnly, id).into());
        }
        match self.edit_by_snapper(id, edit)? {
            Some(outcome) => Ok(outcome),
            None => self.store()?.edit(id, edit),
        }
    }

    fn check(&self, context: &Context<'_>) -> Result<UpdateSet, Error> {
        self.runs()?;
        transaction::check(self, context)
    }

    fn download(&self, context: &Context<'_>) -> Result<UpdateSet, Error> {
        self.runs()?;
        transaction::download(self, context)
    }

    fn update(&self, context: &Context<'_>) -> Result<Outcome<SnapshotId>, Error> {
        self.runs()?;
        transaction::update(self, None, context)
    }

    fn search(&self, text: &str, limit: usize, context: &Context<'_>) -> Result<SearchResult, Error> {
        self.runs()?;
        transaction::search(self, text, limit, context)
    }

    fn plan_packages(&self, wish: &PackageWish, context: &Context<'_>) -> Result<UpdateSet, Error> {
        self.runs()?;
        transaction::plan_packages(self, wish, context)
    }

    fn change_packages(
        &self,
        wish: &PackageWish,
        context: &Context<'_>,
    ) -> Result<Outcome<SnapshotId>, Error> {
        self.runs()?;
        transaction::update(self, Some(wish), context)
    }

    fn plan_rollback(&self, id: SnapshotId) -> Result<Plan, Error> {
        transaction::plan_rollback(self, id)
    }

    fn roll_back(&self, id: SnapshotId, context: &Context<'_>) -> Result<Outcome<SnapshotId>, Error> {
        rollback::roll_back(self, id, context)
    }

    fn try_once(&self, id: Option<SnapshotId>, context: &Context<'_>) -> Result<Outcome<()>, Error> {
        rollback::try_once(self, id, context)
    }

    fn examine(&self, id: SnapshotId) -> Result<Vec<Concern>, Error> {
        transaction::concerns(self, id)
    }

    fn start_failures(&self, since: &str) -> Result<Vec<StartFailure>, Error> {
        self.runs()?;
        platform::journal::failed_starts(since)
    }

    fn discard(&self, context: &Context<'_>) -> Result<Outcome<Vec<SnapshotId>>, Error> {
        rollback::discard(self, context)
    }

    fn package_changes(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
    ) -> Result<Vec<PackageChange>, Error> {
        transaction::package_changes(self, from, to)
    }

    fn file_changes(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
        viewer: Viewer,
        take: &mut dyn TakeChanges,
    ) -> Result<FilesSummary, Error> {
        diff::file_changes(self, (from, to), viewer, take)
    }

    fn package_files(&self, id: Option<SnapshotId>, visit: VisitFile<'_>) -> Result<(), Error> {
        transaction::package_files(self, id, visit)
    }

    fn open_file(&self, id: Option<SnapshotId>, path: &[u8]) -> Result<OpenFile, Error> {
        diff::open_file(self, id, path)
    }

    fn browse(&self, id: SnapshotId) -> Result<OwnedFd, Error> {
        view::read_only(diff::root_of(self, Some(id))?.as_fd())
    }

    fn file_versions(&self, path: &[u8], viewer: Viewer) -> Result<Option<Vec<FileVersion>>, Error> {
        diff::versions(self, path, viewer)
    }

    fn change_counts(&self, from: Option<SnapshotId>, to: Option<SnapshotId>) -> Result<ChangeCounts, Error> {
        transaction::change_counts(self, from, to)
    }

    fn package_stamp(&self, id: Option<SnapshotId>) -> Result<String, Error> {
        transaction::package_stamp(self, id)
    }

    fn changelog(
        &self,
        from: Option<SnapshotId>,
        to: Option<SnapshotId>,
        name: &str,
    ) -> Result<Vec<LogEntry>, Error> {
        transaction::changelog(self, from, to, name)
    }

    fn recover(&self) -> Result<Outcome<Vec<SnapshotId>>, Error> {
        if self.offline.is_some() {
            // Its own next start does that.
            return Ok(Outcome::Unchanged);
        }
        let Some(parts) = self.find_parts()? else {
            return Ok(Outcome::Unchanged);
        };
        let store = &parts.store;
        // A transaction that still runs, ours or the platform's, is no leftover.
        let Some(_locks) = transaction::idle(self)? else {
            return Ok(Outcome::Unchanged);
        };
        let starts = [self.booted()?, self.default()?];
        let marked: Vec<(SnapshotId, bool)> = store
            .read()?
            .entries
            .values()
            .filter(|entry| entry.snapshot.is_in_progress())
            .map(|entry| (entry.snapshot.id, entry.snapshot.is_pinned()))
            .collect();
        let (mut gone, mut failed) = (Vec::new(), None);
        for (id, is_pinned) in marked {
            if starts.contains(&Some(id)) {
                // Becoming the default is the last step but removing the mark: this one is complete.
                store.set_userdata(id, userdata_key::IN_PROGRESS, None)?;
            } else if !is_pinned {
                // Pinned is pinned: a person wants to look at it.
                match store.delete(id) {
                    Ok(Outcome::Changed(())) => gone.push(id),
                    Ok(Outcome::Unchanged) => {}
                    // One that stays is no reason to leave the others.
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        store.sweep()?;
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(match gone.is_empty() {
            true => Outcome::Unchanged,
            false => Outcome::Changed(gone),
        })
    }

    fn usage(&self) -> Result<Usage, Error> {
        self.space_usage()
    }

    fn freed(&self, ids: &[SnapshotId], context: &Context<'_>) -> Result<Freed, Error> {
        self.space_freed(ids, context)
    }

    fn sizes(&self, context: &Context<'_>) -> Result<Vec<SnapshotSize>, Error> {
        self.space_sizes(context)
    }

    fn plan_room(&self, target: u64, context: &Context<'_>) -> Result<RoomPlan, Error> {
        self.space_plan(target, context)
    }

    fn restore(
        &self,
        id: SnapshotId,
        path: &[u8],
        to: RestoreTo,
        context: &Context<'_>,
    ) -> Result<Outcome<Option<SnapshotId>>, Error> {
        self.runs()?;
        self.restore_file(id, path, to, context)
    }

    fn free(&self, ids: &[SnapshotId], context: &Context<'_>) -> Result<Outcome<()>, Error> {
        Self::free(self, ids, context)
    }

    fn doomed(&self, retention: &Retention, context: &Context<'_>) -> Result<Vec<Doomed>, Error> {
        self.doomed_by(retention, context)
    }

    fn retention(&self) -> Result<Option<Retention>, Error> {
        Ok(self.snapper_retention())
    }

    fn keep_updates(&self, count: u32) -> Result<Outcome<()>, Error> {
        self.runs()?;
        self.set_snapper_keeps(count)
    }

    fn watch(&self) -> Result<Option<OwnedFd>, Error> {
        match self.find_parts()? {
            Some(parts) => parts.store.watch(),
            None => Ok(None),
        }
    }

    fn platform(&self) -> Result<Platform, Error> {
        Ok(platform::read(Tree::new(self.root_directory()), self.known()?))
    }

    fn set_nightly(&self, ours: bool) -> Result<Outcome<()>, Error> {
        self.runs()?;
        write_in(self.root_directory(), |tree| platform::nightly::set(tree, ours))
    }
}
