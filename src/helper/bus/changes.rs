// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::authority::Caller;
use crate::error::from_engine;
use crate::service::Service;
use crate::stream;
use engine::Viewer;
use std::sync::Arc;
use wire::name::action;
use wire::{ChangeCounts, Error, FileVersion, LogEntry, PackageChange};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedFd, interface};

/// What differs between snapshots.
#[derive(Debug)]
pub(crate) struct Changes(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.Changes", introspection_docs = false)]
impl Changes {
    #[zbus(out_args("changes"))]
    async fn packages(&self, from: u32, to: u32) -> Result<Vec<PackageChange>, Error> {
        let _hold = self.0.idle.hold();
        let _one = self.0.reader().await?;
        let (from, to) = (wire::snapshot_id(from), wire::snapshot_id(to));
        let changes = self.0.blocking(move |engine| engine.package_changes(from, to));
        Ok(changes
            .await
            .map_err(from_engine)?
            .iter()
            .map(Into::into)
            .collect())
    }

    #[zbus(out_args("entries"))]
    async fn changelog(&self, from: u32, to: u32, package: String) -> Result<Vec<LogEntry>, Error> {
        let _hold = self.0.idle.hold();
        wire::check_package(&package)?;
        let _one = self.0.reader().await?;
        let (from, to) = (wire::snapshot_id(from), wire::snapshot_id(to));
        let entries = self
            .0
            .blocking(move |engine| engine.changelog(from, to, &package));
        Ok(entries
            .await
            .map_err(from_engine)?
            .iter()
            .map(Into::into)
            .collect())
    }

    #[zbus(out_args("counts"))]
    async fn counts(&self) -> Vec<ChangeCounts> {
        // Whoever asks wants to see them all.
        self.0.counting.notify_one();
        let state = self.0.state();
        state
            .counts
            .iter()
            .map(|(id, it)| ChangeCounts::of(*id, *it))
            .collect()
    }

    #[zbus(signal)]
    pub(crate) async fn counted(emitter: &SignalEmitter<'_>, counts: Vec<ChangeCounts>) -> zbus::Result<()>;

    #[zbus(out_args("changes"))]
    async fn files(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        from: u32,
        to: u32,
        options: Options,
    ) -> Result<OwnedFd, Error> {
        let hold = self.0.idle.hold();
        let wish = wire::files_wish_from_wire(options)?;
        let versions = (wire::snapshot_id(from), wire::snapshot_id(to));
        self.0.exists(versions.0).await?;
        self.0.exists(versions.1).await?;
        let caller = Caller::of(&header, connection).await?;
        let viewer = if wish.all {
            self.0.authority.check(caller, action::READ).await?;
            Viewer::Everything
        } else {
            Viewer::User(caller.uid)
        };
        let place = self.0.stream(caller.uid)?;
        let (reader, writer) = stream::pipe()?;
        let engine = Arc::clone(&self.0.engine);
        tokio::task::spawn_blocking(move || {
            let _kept = (hold, place);
            stream::tell_changes(&*engine, versions, viewer, wish, writer);
        });
        Ok(reader.into())
    }

    #[zbus(out_args("kind", "size", "content"))]
    async fn read_file(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        number: u32,
        path: Vec<u8>,
    ) -> Result<(String, u64, OwnedFd), Error> {
        let hold = self.0.idle.hold();
        let path = wire::path_from_wire(&path)?;
        let id = wire::snapshot_id(number);
        self.0.exists(id).await?;
        let caller = Caller::of(&header, connection).await?;
        self.0.authority.check(caller, action::READ).await?;
        let place = self.0.stream(caller.uid)?;
        let file = self.0.blocking(move |engine| engine.open_file(id, &path)).await;
        let file = file.map_err(from_engine)?;
        let (reader, writer) = stream::pipe()?;
        tokio::task::spawn_blocking(move || {
            let _kept = (hold, place);
            stream::copy(file.content, &writer);
        });
        Ok((file.kind.to_string(), file.size, reader.into()))
    }

    #[zbus(out_args("versions"))]
    async fn file_versions(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        path: Vec<u8>,
    ) -> Result<Vec<FileVersion>, Error> {
        let _hold = self.0.idle.hold();
        let path = wire::path_from_wire(&path)?;
        let caller = Caller::of(&header, connection).await?;
        let find = async |viewer: Viewer| {
            let _one = self.0.reader().await?;
            let path = path.clone();
            let found = self.0.blocking(move |engine| engine.file_versions(&path, viewer));
            found.await.map_err(from_engine)
        };
        let found = match find(Viewer::User(caller.uid)).await? {
            Some(versions) => versions,
            None => {
                self.0.authority.check(caller, action::READ).await?;
                find(Viewer::Everything).await?.unwrap_or_default()
            }
        };
        Ok(found.iter().map(Into::into).collect())
    }
}
