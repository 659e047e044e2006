// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::{ChangeCounts, FileVersion, LogEntry, PackageChange};
use std::collections::HashMap;
use zbus::{OwnedFd, Variant, proxy};

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

    /// How the files of `to` differ from those of `from`, through a pipe ([`crate::FilesReader`]).
    #[zbus(allow_interactive_auth)]
    fn files(&self, from: u32, to: u32, options: HashMap<&str, Variant<'_>>) -> zbus::Result<OwnedFd>;

    /// What is in a file: its kind, its size, and a pipe with the content.
    #[zbus(allow_interactive_auth)]
    fn read_file(&self, number: u32, path: &[u8]) -> zbus::Result<(String, u64, OwnedFd)>;

    /// A file in all versions that have it.
    #[zbus(allow_interactive_auth)]
    fn file_versions(&self, path: &[u8]) -> zbus::Result<Vec<FileVersion>>;
}
