// SPDX-License-Identifier: GPL-3.0-or-later
use std::collections::HashMap;
use zbus::{Variant, proxy};

/// What is decided for the system.
#[proxy(
    interface = "org.kedge.Kedge1.Settings",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Settings {
    /// Changes some of it, all or nothing.
    #[zbus(allow_interactive_auth)]
    fn change(
        &self,
        changes: HashMap<&str, Variant<'_>>,
        options: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<()>;

    /// How far the system goes with updates by itself.
    #[zbus(property)]
    fn automation(&self) -> zbus::Result<String>;

    /// How often it looks for them.
    #[zbus(property)]
    fn cadence(&self) -> zbus::Result<String>;

    /// Whether it works while the machine runs from its battery.
    #[zbus(property)]
    fn on_battery(&self) -> zbus::Result<bool>;

    /// Whether it works over a network that is paid by volume.
    #[zbus(property)]
    fn on_metered(&self) -> zbus::Result<bool>;

    /// Whether old snapshots are removed automatically.
    #[zbus(property)]
    fn clean_up(&self) -> zbus::Result<bool>;

    /// How many updates are then kept while there is room.
    #[zbus(property)]
    fn keep_updates(&self) -> zbus::Result<u32>;

    /// How much of the disk snapshots may then hold before fewer are kept.
    #[zbus(property)]
    fn space_percent(&self) -> zbus::Result<u32>;
}
