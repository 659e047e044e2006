// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::{Job, Receipt};
use std::collections::HashMap;
use zbus::proxy;

/// The helper itself.
#[proxy(
    interface = "org.kedge.Kedge1.Manager",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Manager {
    /// Jobs that run, and the last ones that ended.
    fn list_jobs(&self) -> zbus::Result<Vec<Job>>;

    /// Keeps the helper running, and watching, until the caller leaves the bus.
    fn subscribe(&self) -> zbus::Result<()>;

    /// Version of the helper.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<String>;

    /// What the system can do.
    #[zbus(property)]
    fn capabilities(&self) -> zbus::Result<HashMap<String, String>>;

    /// The running snapshot, or zero.
    #[zbus(property)]
    fn booted(&self) -> zbus::Result<u32>;

    /// The snapshot that starts next, or zero.
    #[zbus(property)]
    fn default(&self) -> zbus::Result<u32>;

    /// The snapshot that starts once with the next restart, or zero.
    #[zbus(property)]
    fn once(&self) -> zbus::Result<u32>;

    /// What came of the last restart.
    #[zbus(property)]
    fn receipt(&self) -> zbus::Result<Receipt>;

    /// A job began.
    #[zbus(signal)]
    fn job_new(&self, id: u32, path: zbus::ObjectPath<'_>, job: Job) -> zbus::Result<()>;

    /// A job ended; its object stays for a while.
    #[zbus(signal)]
    fn job_ended(&self, id: u32, path: zbus::ObjectPath<'_>, ending: &str) -> zbus::Result<()>;

    /// A job's object is gone.
    #[zbus(signal)]
    fn job_removed(&self, id: u32, path: zbus::ObjectPath<'_>) -> zbus::Result<()>;
}
