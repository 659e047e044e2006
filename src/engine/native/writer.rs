// SPDX-License-Identifier: GPL-3.0-or-later
//! Who writes to `.snapshots` for a person's wishes: snapper's service where it runs and can do it whole, otherwise we.
//! Transactions write by themselves in any case, or by tukit.

use super::snapperd::{Refused, Snapperd};
use super::{Books, Info, NativeEngine};
use crate::packages::Tree;
use crate::{Error, Outcome, platform};
use model::{Condition, Edit, Refusal, RefusalCode, Snapshot, SnapshotId, Writer};

/// The plugin of snapper that takes the nested `/etc` along.
const ETC_PLUGIN: &str = "usr/lib/snapper/plugins/50-etc";

/// A service that can be asked.
#[derive(Debug)]
pub(super) struct Service {
    bus: String,
    /// The one whose snapshots are those of the root, where it is not to be looked for.
    config: Option<String>,
    found: std::sync::OnceLock<Snapperd>,
}

fn books_of(snapshot: &Snapshot) -> Books {
    Books {
        kind: snapshot.kind,
        pre: snapshot.pre,
        time: snapshot.time,
        uid: snapshot.uid,
        description: snapshot.description.clone(),
        cleanup: snapshot.cleanup.clone(),
        userdata: snapshot.userdata.clone(),
    }
}

/// `None` when there is no service after all.
fn answered<T>(method: &str, result: Result<T, Refused>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Refused::Absent(error)) => {
            tracing::info!(%error, "snapper's service is not there");
            Ok(None)
        }
        Err(refused) => Err(refused.into_error(method)),
    }
}

impl NativeEngine {
    /// Lets snapper's service on this bus (`system`, or an address) write snapshots where it runs. `config` is its
    /// configuration for the root; without it, the one whose subvolume is `/`.
    #[must_use]
    pub fn with_snapperd(mut self, bus: &str, config: Option<&str>) -> Self {
        self.service = Some(Service {
            bus: bus.to_owned(),
            config: config.map(str::to_owned),
            found: std::sync::OnceLock::new(),
        });
        self
    }

    /// Who writes snapshots. A service without the plugin would leave a nested `/etc` out.
    pub(super) fn writer(&self, etc_is_nested: bool) -> Writer {
        let tree = Tree::new(self.root_directory());
        let Some(service) = &self.service else {
            return Writer::Native;
        };
        let is_whole = !etc_is_nested || tree.exists(ETC_PLUGIN);
        let is_there = service.config.is_some() || platform::has(tree, model::Tool::Snapperd);
        let config = service.config.clone().or_else(|| {
            let mut configs = platform::configs(tree).into_iter();
            configs.find(|it| it.subvolume == "/").map(|it| it.name)
        });
        match config.filter(|_| is_whole && is_there) {
            Some(config) => {
                service.found.get_or_init(|| Snapperd::new(&service.bus, &config));
                Writer::Snapperd
            }
            None => Writer::Native,
        }
    }

    fn snapperd(&self) -> Result<Option<&Snapperd>, Error> {
        Ok(match self.known()?.writer {
            Writer::Snapperd => self.service.as_ref().and_then(|service| service.found.get()),
            Writer::Native => None,
        })
    }

    /// What snapper's service lists; `None` where it does not write here. Its memory may be some seconds old.
    pub fn listed_by_snapper(&self) -> Result<Option<Vec<Info>>, Error> {
        match self.snapperd()? {
            Some(snapperd) => answered("ListSnapshots", snapperd.list()),
            None => Ok(None),
        }
    }

    /// Takes a snapshot of the running system by the service; `None` where it does not.
    pub(super) fn create_by_snapper(&self, books: &Books) -> Result<Option<SnapshotId>, Error> {
        let Some(snapperd) = self.snapperd()? else {
            return Ok(None);
        };
        let wrapped = |error| Error::CreateSnapshot(Box::new(error));
        let created = answered("CreateSingleSnapshot", snapperd.create(books)).map_err(wrapped)?;
        let Some(id) = created else { return Ok(None) };
        let entry = self.store()?.entry(id)?;
        let is_right = |entry: &Snapshot| entry.read_only && entry.condition == Condition::Complete;
        match entry.is_some_and(|entry| is_right(&entry.snapshot)) {
            true => Ok(Some(id)),
            false => Err(wrapped(Error::Damaged {
                path: format!(".snapshots/{id}").into(),
                reason: "snapper's service says that it made it, but it is not there".to_owned(),
            })),
        }
    }

    /// Deletes a snapshot by the service; `None` where it does not.
    pub(super) fn delete_by_snapper(&self, id: SnapshotId) -> Result<Option<Outcome<()>>, Error> {
        let Some(snapperd) = self.snapperd()? else {
            return Ok(None);
        };
        if self.store()?.entry(id)?.is_none() {
            return Ok(Some(Outcome::Unchanged));
        }
        let deleted = match snapperd.delete(id) {
            // Its memory may be older than the snapshot: what it does not know it cannot delete.
            Err(Refused::Named(name)) if name == "error.illegal_snapshot" => return Ok(None),
            Err(Refused::Named(name)) if name == "error.snapshot_in_use" => {
                return Err(Refusal::of(RefusalCode::InUse, id).into());
            }
            result => answered("DeleteSnapshots", result).map_err(|error| changed(id, error))?,
        };
        // Its answer proves nothing: it also succeeds when it deleted something else or nothing.
        match (deleted, self.store()?.entry(id)?) {
            (None, _) | (_, Some(_)) => Ok(None),
            (Some(()), None) => Ok(Some(Outcome::Changed(()))),
        }
    }

    /// Changes a snapshot by the service; `None` where it does not.
    pub(super) fn edit_by_snapper(&self, id: SnapshotId, edit: &Edit) -> Result<Option<Outcome<()>>, Error> {
        let (Some(snapperd), Some(entry)) = (self.snapperd()?, self.store()?.entry(id)?) else {
            return Ok(None);
        };
        let old = &entry.snapshot;
        let mut new = old.clone();
        edit.apply(&mut new);
        if new == *old {
            return Ok(Some(Outcome::Unchanged));
        }
        let illegal = |result: &Result<(), Refused>| {
            // Not yet in its memory, or a service that does not know this call.
            let names = ["error.illegal_snapshot", "error.unknown_method"];
            matches!(result, Err(Refused::Named(name)) if names.contains(&name.as_str()))
        };
        if books_of(&new) != books_of(old) {
            let result = snapperd.set_books(id, &books_of(&new));
            if illegal(&result) {
                return Ok(None);
            }
            let done = answered("SetSnapshot", result).map_err(|error| changed(id, error))?;
            if done.is_none() {
                return Ok(None);
            }
        }
        if new.read_only != old.read_only {
            let result = snapperd.set_read_only(id, new.read_only);
            if illegal(&result) {
                // What is left of the edit is done by ourselves.
                return Ok(None);
            }
            answered("SetSnapshotReadOnly", result).map_err(|error| changed(id, error))?;
        }
        match self.store()?.entry(id)? {
            Some(entry) if entry.snapshot == new => Ok(Some(Outcome::Changed(()))),
            Some(_) => Ok(None),
            None => Err(Refusal::of(RefusalCode::NoSuchSnapshot, id).into()),
        }
    }
}

fn changed(id: SnapshotId, error: Error) -> Error {
    Error::ChangeSnapshot {
        id,
        source: Box::new(error),
    }
}
