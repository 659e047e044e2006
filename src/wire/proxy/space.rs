// SPDX-License-Identifier: GPL-3.0-or-later
use crate::space::{Freed, Named, SnapshotBytes, Usage};
use crate::types::Started;
use std::collections::HashMap;
use zbus::{Variant, proxy};

/// What snapshots cost, and making room.
#[proxy(
    interface = "org.kedge.Kedge1.Space",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Space {
    /// How full the filesystem is.
    fn usage(&self) -> zbus::Result<(Usage,)>;

    /// What deleting each snapshot alone frees. May take minutes.
    fn sizes(&self) -> zbus::Result<Vec<SnapshotBytes>>;

    /// What deleting these snapshots together frees. May take minutes.
    fn freed(&self, numbers: &[u32]) -> zbus::Result<(Freed,)>;

    /// Which snapshots to delete for so many bytes. May take minutes.
    fn plan_room(&self, bytes: u64) -> zbus::Result<(Vec<u32>, Freed, bool)>;

    /// Ends what this caller waits for.
    fn stop(&self) -> zbus::Result<()>;

    /// Deletes these snapshots and waits until what they held is free.
    #[zbus(allow_interactive_auth)]
    fn make_room(&self, numbers: &[u32], options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;

    /// What the rules in force would delete now. May take minutes.
    fn plan_clean_up(&self) -> zbus::Result<(String, Vec<Named>)>;

    /// Deletes what the rules in force name.
    #[zbus(allow_interactive_auth)]
    fn clean_up(&self, options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;
}
