// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::{ChangeCounts, LogEntry, PackageChange};
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

    /// What was written about a package between the two, newest first.
    fn changelog(&self, from: u32, to: u32, package: &str) -> zbus::Result<Vec<LogEntry>>;

    /// How many packages of each snapshot differ from the version before it, as far as that was counted.
    fn counts(&self) -> zbus::Result<Vec<ChangeCounts>>;

    /// More was counted.
    #[zbus(signal)]
    fn counted(&self, counts: Vec<ChangeCounts>) -> zbus::Result<()>;
}
