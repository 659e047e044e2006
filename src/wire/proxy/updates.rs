// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::{Started, Updates as Known};
use std::collections::HashMap;
use zbus::{Variant, proxy};

/// Updates.
#[proxy(
    interface = "org.kedge.Kedge1.Updates",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Updates {
    /// What is known about updates.
    fn get(&self) -> zbus::Result<(Known,)>;

    /// Looks for updates.
    #[zbus(allow_interactive_auth)]
    fn check(&self, options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;

    /// Looks for updates and fetches them.
    #[zbus(allow_interactive_auth)]
    fn download(&self, options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;

    /// Installs all updates into a new snapshot and makes that the default.
    #[zbus(allow_interactive_auth)]
    fn install(&self, options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;

    /// Makes the running snapshot the default again and deletes the updates that were never started.
    #[zbus(allow_interactive_auth)]
    fn discard(&self, options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;

    /// What is known about updates changed.
    #[zbus(signal)]
    fn changed(&self, updates: Known) -> zbus::Result<()>;
}
