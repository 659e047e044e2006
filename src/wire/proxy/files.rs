// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::Started;
use std::collections::HashMap;
use zbus::{OwnedFd, Variant, proxy};

/// Files of snapshots.
#[proxy(
    interface = "org.kedge.Kedge1.Files",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Files {
    /// Gets a file back out of a snapshot.
    #[zbus(allow_interactive_auth)]
    fn restore(
        &self,
        number: u32,
        file: &[u8],
        place: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<Started>;

    /// Hands out a snapshot's root directory, read-only.
    #[zbus(allow_interactive_auth)]
    fn browse(&self, number: u32) -> zbus::Result<OwnedFd>;
}
