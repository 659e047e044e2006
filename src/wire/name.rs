// SPDX-License-Identifier: GPL-3.0-or-later
//! The names on the bus.

use model::JobId;
use zbus::{ObjectPath, OwnedObjectPath};

/// The well-known name of the helper.
pub const BUS: &str = "org.kedge.Kedge1";
/// The object of everything but jobs.
pub const PATH: &str = "/org/kedge/Kedge1";
/// Below it, each job has an object.
pub const JOBS: &str = "/org/kedge/Kedge1/job";
/// Interface of the helper itself: version, capabilities, what runs and starts next, the jobs.
pub const MANAGER: &str = "org.kedge.Kedge1.Manager";
/// Interface of the snapshots.
pub const SNAPSHOTS: &str = "org.kedge.Kedge1.Snapshots";
/// Interface of updates.
pub const UPDATES: &str = "org.kedge.Kedge1.Updates";
/// Interface of installing and removing packages.
pub const PACKAGES: &str = "org.kedge.Kedge1.Packages";
/// Interface of the boot default.
pub const BOOT: &str = "org.kedge.Kedge1.Boot";
/// Interface of what differs between snapshots.
pub const CHANGES: &str = "org.kedge.Kedge1.Changes";
/// Interface of jobs that are over.
pub const HISTORY: &str = "org.kedge.Kedge1.History";
/// Interface of what is decided for the system.
pub const SETTINGS: &str = "org.kedge.Kedge1.Settings";
/// Interface of what the machine has beside Kedge.
pub const PLATFORM: &str = "org.kedge.Kedge1.Platform";
/// Interface of getting files back.
pub const FILES: &str = "org.kedge.Kedge1.Files";
/// Interface of what snapshots cost.
pub const SPACE: &str = "org.kedge.Kedge1.Space";
/// Interface of the search for the version in which something broke.
pub const BISECT: &str = "org.kedge.Kedge1.Bisect";
/// Interface of a job's object.
pub const JOB: &str = "org.kedge.Kedge1.Job";
/// What the names of the errors begin with.
pub const ERROR: &str = "org.kedge.Kedge1.Error";

/// The polkit actions, one a verb.
pub mod action {
    /// Create a snapshot.
    pub const CREATE: &str = "org.kedge.kedge1.create-snapshot";
    /// Delete snapshots.
    pub const DELETE: &str = "org.kedge.kedge1.delete-snapshots";
    /// Change a snapshot's description, cleanup, pin or read-only flag.
    pub const EDIT: &str = "org.kedge.kedge1.edit-snapshot";
    /// Look for updates.
    pub const CHECK: &str = "org.kedge.kedge1.check-updates";
    /// Fetch updates without installing them.
    pub const DOWNLOAD: &str = "org.kedge.kedge1.download-updates";
    /// Install updates.
    pub const UPDATE: &str = "org.kedge.kedge1.update";
    /// Install packages.
    pub const INSTALL: &str = "org.kedge.kedge1.install-packages";
    /// Remove packages.
    pub const REMOVE: &str = "org.kedge.kedge1.remove-packages";
    /// Discard what waits for the restart.
    pub const DISCARD: &str = "org.kedge.kedge1.discard";
    /// Choose another snapshot to start.
    pub const ROLLBACK: &str = "org.kedge.kedge1.rollback";
    /// Start a snapshot once.
    pub const TRY_ONCE: &str = "org.kedge.kedge1.try-once";
    /// Search for the version in which something broke.
    pub const BISECT: &str = "org.kedge.kedge1.bisect";
    /// Cancel a job of another user.
    pub const CANCEL: &str = "org.kedge.kedge1.cancel-job";

    /// Decide how far the system goes by itself, and what is kept.
    pub const CONFIGURE: &str = "org.kedge.kedge1.configure";

    /// Read what is in files of snapshots, and names that are not for everybody.
    pub const READ: &str = "org.kedge.kedge1.read-files";

    /// Get a file back out of a snapshot.
    pub const RESTORE: &str = "org.kedge.kedge1.restore-files";

    /// All of them.
    pub const ALL: &[&str] = &[
        BISECT, CANCEL, CHECK, CONFIGURE, CREATE, DELETE, DISCARD, DOWNLOAD, EDIT, INSTALL, READ, REMOVE,
        RESTORE, ROLLBACK, TRY_ONCE, UPDATE,
    ];
}

/// The object path of a job.
pub fn job_path(id: JobId) -> OwnedObjectPath {
    ObjectPath::try_from(format!("{JOBS}/_{id}"))
        .expect("a number after an underscore is a valid path element")
        .into()
}

/// The job with this object path.
pub fn job_id(path: &str) -> Option<JobId> {
    path.strip_prefix(JOBS)?
        .strip_prefix("/_")?
        .parse()
        .ok()
        .map(JobId)
}
