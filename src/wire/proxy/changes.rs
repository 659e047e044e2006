// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::PackageChange;
use zbus::proxy;

/// What differs between snapshots.
#[proxy(
    interface = "org.kedge.Kedge1.Changes",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Changes {
    /// How the packages of `to` differ from those of `from`; zero is the running system.
    fn packages(&self, from: u32, to: u32) -> zbus::Result<Vec<PackageChange>>;
}
