// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::Job;
use zbus::proxy;

/// Jobs that are over.
#[proxy(
    interface = "org.kedge.Kedge1.History",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait History {
    /// The last jobs, newest first.
    fn list(&self, limit: u32) -> zbus::Result<Vec<Job>>;

    /// Lines of a job's log, running or over, from line number `from` on; the first tuple field is the number after the
    /// last line returned.
    fn read_log(&self, job: u32, from: u64) -> zbus::Result<(u64, Vec<String>)>;
}
