// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::{Snapshot, Started};
use std::collections::HashMap;
use zbus::{Variant, proxy};

/// The snapshots.
#[proxy(
    interface = "org.kedge.Kedge1.Snapshots",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Snapshots {
    /// All snapshots by number.
    fn list(&self) -> zbus::Result<Vec<Snapshot>>;

    /// Takes a read-only snapshot of the running system.
    #[zbus(allow_interactive_auth)]
    fn create(&self, description: &str, options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;

    /// Deletes snapshots.
    #[zbus(allow_interactive_auth)]
    fn delete(&self, numbers: &[u32], options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;

    /// Changes a snapshot's books or read-only flag.
    #[zbus(allow_interactive_auth)]
    fn edit(
        &self,
        number: u32,
        changes: HashMap<&str, Variant<'_>>,
        options: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<Started>;

    /// Snapshots appeared, changed or went.
    #[zbus(signal)]
    fn changed(&self, present: Vec<Snapshot>, gone: Vec<u32>) -> zbus::Result<()>;
}
