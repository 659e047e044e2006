// SPDX-License-Identifier: GPL-3.0-or-later
use super::Options;
use crate::authority::Caller;
use crate::error::from_engine;
use crate::outcome::Done;
use crate::service::Service;
use engine::Outcome;
use model::{JobKind, RestoreTo, SnapshotId};
use std::sync::Arc;
use wire::Error;
use wire::name::action;
use zbus::message::Header;
use zbus::{Connection, OwnedFd, OwnedObjectPath, interface};

/// Files of snapshots.
#[derive(Debug)]
pub(crate) struct Files(pub(crate) Arc<Service>);

#[interface(name = "org.kedge.Kedge1.Files", introspection_docs = false)]
impl Files {
    #[zbus(out_args("job", "path"))]
    async fn restore(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        number: u32,
        file: Vec<u8>,
        place: &str,
        options: Options,
    ) -> Result<(u32, OwnedObjectPath), Error> {
        let file = wire::path_from_wire(&file)?;
        let unknown = || Error::Invalid("place is neither beside nor replace".into());
        let to = RestoreTo::from_code(place).ok_or_else(unknown)?;
        wire::no_options(&options)?;
        let id = SnapshotId(number);
        let begin = self.0.begin(
            (&header, connection),
            action::RESTORE,
            (JobKind::Restore, Some(id)),
            |state| state.may_restore_from(id),
            |_| {
                Box::new(
                    move |engine, context| match engine.restore(id, &file, to, context)? {
                        Outcome::Unchanged => Ok(Done::default()),
                        Outcome::Changed(snapshot) => Ok(Done {
                            changed: true,
                            snapshot,
                            ..Done::default()
                        }),
                    },
                )
            },
        );
        begin.await
    }

    #[zbus(out_args("directory"))]
    async fn browse(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        number: u32,
    ) -> Result<OwnedFd, Error> {
        let _hold = self.0.idle.hold();
        let id = SnapshotId(number);
        self.0.exists(Some(id)).await?;
        let caller = Caller::of(&header, connection).await?;
        self.0.authority.check(caller, action::READ).await?;
        let directory = self.0.blocking(move |engine| engine.browse(id)).await;
        Ok(directory.map_err(from_engine)?.into())
    }
}
