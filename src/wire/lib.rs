// SPDX-License-Identifier: GPL-3.0-or-later
//! What crosses the bus between the privileged helper and the faces.
//!
//! Names, the D-Bus form of the model's words, the errors, the limits of every argument, and the proxies. The interface
//! files `org.kedge.Kedge1.*.xml` beside this file are the contract ([`CONTRACT`]); a test holds the running helper and
//! the proxies against them. Values that a newer helper may send and this version does not know are tolerated: each
//! conversion says what they become.
//!
//! Deliberately absent: behaviour. What the helper does with a call and what a face makes of a reply live with them.

mod bisect;
mod convert;
mod error;
mod files;
pub mod name;
mod options;
mod packages;
mod platform;
mod policy;
mod proxy;
mod space;
mod types;

pub use bisect::Bisect;
pub use convert::{capabilities_from_wire, capabilities_to_wire, snapshot_id, snapshot_number};
pub use error::Error;
pub use files::{FilesDamaged, FilesFrame, FilesReader, FilesWriter, MAGIC as FILES_MAGIC};
pub use options::{
    FilesWish, ask_from_wire, ask_options, check_package, edit_changes, edit_from_wire, files_options,
    files_wish_from_wire, limit, new_snapshot_from_wire, new_snapshot_options, no_options, numbers_from_wire,
    path_from_wire,
};
pub use packages::{
    Found, PackagePlan, check_search, found_from_wire, found_to_wire, wish_from_wire, wish_options,
};
pub use platform::{Health, Platform, RebootManager, Timer};
pub use policy::{policy_change_from_wire, policy_changes, policy_properties, policy_with_properties};
pub use proxy::{
    BisectProxy, BootProxy, ChangesProxy, FilesProxy, HistoryProxy, JobProxy, LogStream, ManagerProxy,
    PackagesProxy, PlatformProxy, SettingsProxy, SnapshotsProxy, SpaceProxy, UpdatesProxy,
};
pub use space::{
    Freed, Named, SnapshotBytes, Usage, doomed_from_wire, doomed_to_wire, size_from_wire, size_to_wire,
};
pub use types::{
    ChangeCounts, Failure, FileVersion, Job, LogEntry, Outcome, PackageChange, Plan, Progress, Question,
    Receipt, Snapshot, Started, Updates,
};

/// The interface files, by interface name: what the running helper must look like.
pub const CONTRACT: &[(&str, &str)] = &[
    (name::MANAGER, include_str!("org.kedge.Kedge1.Manager.xml")),
    (name::SNAPSHOTS, include_str!("org.kedge.Kedge1.Snapshots.xml")),
    (name::UPDATES, include_str!("org.kedge.Kedge1.Updates.xml")),
    (name::PACKAGES, include_str!("org.kedge.Kedge1.Packages.xml")),
    (name::BOOT, include_str!("org.kedge.Kedge1.Boot.xml")),
    (name::CHANGES, include_str!("org.kedge.Kedge1.Changes.xml")),
    (name::HISTORY, include_str!("org.kedge.Kedge1.History.xml")),
    (name::SETTINGS, include_str!("org.kedge.Kedge1.Settings.xml")),
    (name::PLATFORM, include_str!("org.kedge.Kedge1.Platform.xml")),
    (name::FILES, include_str!("org.kedge.Kedge1.Files.xml")),
    (name::SPACE, include_str!("org.kedge.Kedge1.Space.xml")),
    (name::BISECT, include_str!("org.kedge.Kedge1.Bisect.xml")),
    (name::JOB, include_str!("org.kedge.Kedge1.Job.xml")),
];
