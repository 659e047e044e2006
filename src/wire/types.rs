// SPDX-License-Identifier: GPL-3.0-or-later
//! The D-Bus form of the model's words. Codes are kebab-case strings, times are microseconds since the epoch, and zero
//! stands for "no snapshot" and "never": neither a snapshot's number nor a time of ours is ever zero.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zbus::{OwnedObjectPath, OwnedVariant, Type, Variant};

/// What came of the last restart: `(ubts)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant)]
pub struct Receipt {
    /// What should have started, or zero when nothing was asked.
    pub wanted: u32,
    /// Whether just once.
    pub once: bool,
    /// When that was asked for.
    pub asked: u64,
    /// `model::Kept`; empty when nothing was asked.
    pub kept: String,
}

/// A snapshot: `(usutussa{ss}bayays)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Snapshot {
    /// Its number.
    pub number: u32,
    /// `model::SnapshotKind`; unknown ones are single.
    pub kind: String,
    /// The number of its pre snapshot, or zero.
    pub pre: u32,
    /// When it was made.
    pub time: u64,
    /// Who asked for it.
    pub uid: u32,
    /// Words about it.
    pub description: String,
    /// Its cleanup algorithm, or empty.
    pub cleanup: String,
    /// Free keys and values.
    pub userdata: BTreeMap<String, String>,
    /// The subvolume's read-only flag.
    pub read_only: bool,
    /// Identity of the subvolume, 16 bytes.
    pub uuid: Vec<u8>,
    /// Identity of the subvolume it was made from, 16 bytes, all zero when unknown.
    pub parent_uuid: Vec<u8>,
    /// `model::Condition`; unknown ones are bad metadata.
    pub condition: String,
}

/// A package that differs: `(ssssstsbas)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PackageChange {
    /// Name without architecture.
    pub name: String,
    /// Architecture.
    pub arch: String,
    /// `model::ChangeKind`; unknown ones are upgrades.
    pub kind: String,
    /// Version before, or empty.
    pub old: String,
    /// Version after, or empty.
    pub new: String,
    /// Bytes to download, or zero.
    pub download_size: u64,
    /// Where the new version comes from, or empty.
    pub origin: String,
    /// A security update.
    pub security: bool,
    /// The security problems that lie between the two versions.
    pub fixes: Vec<String>,
}

/// An entry of a package's changelog: `(tsss)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LogEntry {
    /// When it was written.
    pub time: u64,
    /// By whom.
    pub author: String,
    /// For which version, or empty.
    pub version: String,
    /// The text.
    pub text: String,
}

/// How many packages of a snapshot differ from the version before it: `(uuuuuu)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ChangeCounts {
    /// The snapshot.
    pub snapshot: u32,
    /// New packages.
    pub added: u32,
    /// Ones with a higher version.
    pub upgraded: u32,
    /// Ones with a lower version.
    pub downgraded: u32,
    /// Ones that are gone.
    pub removed: u32,
    /// Ones that were built anew.
    pub rebuilt: u32,
}

/// A file in one version: `(uusttuuu)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct FileVersion {
    /// The snapshot, or zero for the running system.
    pub snapshot: u32,
    /// Equal for equal contents.
    pub version: u32,
    /// `model::FileKind`; unknown ones are regular.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// When the content was last written.
    pub modified: u64,
    /// Permissions.
    pub mode: u32,
    /// The user it belongs to.
    pub uid: u32,
    /// The group it belongs to.
    pub gid: u32,
}

/// Why something could not be done: `(sa{ss}s)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant)]
pub struct Failure {
    /// `model::FailureCode`, empty for no failure; unknown ones are internal.
    pub code: String,
    /// Arguments by name.
    pub args: BTreeMap<String, String>,
    /// Technical details.
    pub detail: String,
}

/// What is known about updates: `(stta(ssssstsbas)tx(sa{ss}s))`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Updates {
    /// `never`, `done` or `failed`; unknown ones are never.
    pub check: String,
    /// When the last attempt was made, or zero.
    pub attempted: u64,
    /// When a check last succeeded, or zero.
    pub succeeded: u64,
    /// The packages that would change.
    pub packages: Vec<PackageChange>,
    /// Bytes to download.
    pub download_size: u64,
    /// Bytes by which the installed system grows.
    pub installed_delta: i64,
    /// Why the last attempt failed; its code is empty when it did not.
    pub failure: Failure,
}

/// What a rollback would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Plan {
    /// The snapshot that would start next.
    pub target: u32,
    /// How its packages differ from the running system's.
    pub changes: Vec<PackageChange>,
    /// `model::Restart`; unknown ones are a reboot.
    pub restart: String,
    /// `model::Concern`s; unknown ones are left out.
    pub concerns: Vec<String>,
}

/// How far a job is: `(siuus)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant)]
pub struct Progress {
    /// `model::Phase`; unknown ones are the first.
    pub phase: String,
    /// Thousandths of the whole job, never falling; -1 while nothing is known.
    pub permille: i32,
    /// Which item of the phase, from 1; zero when there are none.
    pub item: u32,
    /// How many items the phase has; zero when there are none or it is unknown.
    pub items: u32,
    /// What the item is called, or empty.
    pub subject: String,
}

/// What a job came to: `(ssu(sa{ss}s)t)`. All empty and zero while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant)]
pub struct Outcome {
    /// `model::Ending`, empty while the job runs; unknown ones want a look.
    pub ending: String,
    /// `model::Machine`.
    pub machine: String,
    /// The snapshot it made or chose, or zero.
    pub snapshot: u32,
    /// Why it did not do what it should.
    pub failure: Failure,
    /// When it ended.
    pub finished: u64,
}

/// What a job asks: `(usa{ss}sast)`. All empty and zero while it asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant)]
pub struct Question {
    /// Which question of the job it is, from 1; zero for none.
    pub number: u32,
    /// `model::QuestionKind`; a question of an unknown kind is not shown.
    pub kind: String,
    /// Arguments by name.
    pub args: BTreeMap<String, String>,
    /// What has to be read before answering.
    pub text: String,
    /// What can be chosen from, from 1 on; empty where it is yes (1) or no (0).
    pub choices: Vec<String>,
    /// When the job stops waiting.
    pub until: u64,
}

/// A job as a value: `(usuut(siuus)b(ssu(sa{ss}s)t)(usa{ss}sast))`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Job {
    /// Its number.
    pub id: u32,
    /// `model::JobKind`; jobs of an unknown kind are not shown.
    pub kind: String,
    /// Who asked for it.
    pub uid: u32,
    /// The snapshot it is about, or zero.
    pub target: u32,
    /// When it began.
    pub started: u64,
    /// How far it is, or was.
    pub progress: Progress,
    /// Whether cancelling is safe now.
    pub cancellable: bool,
    /// What it came to.
    pub outcome: Outcome,
    /// What it asks. What was written down before there were questions has none.
    #[serde(default)]
    pub question: Question,
}

/// The reply of every method that starts a job: its number and its object.
pub type Started = (u32, OwnedObjectPath);
