// SPDX-License-Identifier: GPL-3.0-or-later
//! The shape of `--json`. It is stable: fields are added, never renamed or removed. Times are RFC 3339 in UTC, codes are
//! those of the bus, and what is absent is `null`.

use crate::text::rfc3339;
use model::{
    Bisect, BisectStep, Failure, FileChange, FileKind, FileVersion, Job, PackageChange, Plan, Platform,
    SearchResult, Snapshot, SnapshotId, StartFailure, State, Status, Timestamp, UpdateSet,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// One snapshot.
#[derive(Debug, Serialize)]
pub(crate) struct SnapshotJson<'a> {
    number: SnapshotId,
    kind: &'static str,
    pre: Option<SnapshotId>,
    time: Option<String>,
    uid: u32,
    description: &'a str,
    cleanup: &'a str,
    userdata: &'a BTreeMap<String, String>,
    read_only: bool,
    pinned: bool,
    booted: bool,
    default: bool,
    position: &'static str,
    condition: &'static str,
    uuid: String,
    parent_uuid: String,
}

impl<'a> SnapshotJson<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, state: &State) -> Self {
        Self {
            number: snapshot.id,
            kind: snapshot.kind.as_str(),
            pre: snapshot.pre,
            time: rfc3339(snapshot.time),
            uid: snapshot.uid,
            description: &snapshot.description,
            cleanup: &snapshot.cleanup.0,
            userdata: &snapshot.userdata,
            read_only: snapshot.read_only,
            pinned: snapshot.is_pinned(),
            booted: state.booted == Some(snapshot.id),
            default: state.default == Some(snapshot.id),
            position: model::position(state, snapshot.id).as_str(),
            condition: snapshot.condition.as_str(),
            uuid: snapshot.uuid.to_string(),
            parent_uuid: snapshot.parent_uuid.to_string(),
        }
    }
}

/// A search for the version in which something broke.
#[derive(Debug, Serialize)]
pub(crate) struct BisectJson<'a> {
    good: SnapshotId,
    bad: SnapshotId,
    skipped: Vec<SnapshotId>,
    began: Option<String>,
    /// `try`, `found`, `lost`.
    step: &'static str,
    next: Option<SnapshotId>,
    left: Vec<SnapshotId>,
    changes: Option<Vec<ChangeJson<'a>>>,
}

impl<'a> BisectJson<'a> {
    pub(crate) fn new(search: &Bisect, state: &State, found: Option<&'a [PackageChange]>) -> Self {
        let (step, next) = match search.step(&state.snapshots) {
            BisectStep::Try(id) => ("try", Some(id)),
            BisectStep::Found => ("found", None),
            BisectStep::Lost => ("lost", None),
        };
        Self {
            good: search.good,
            bad: search.bad,
            skipped: search.skipped.iter().copied().collect(),
            began: rfc3339(search.began),
            step,
            next,
            left: search.left(&state.snapshots),
            changes: found.map(changes),
        }
    }
}

/// The state with what the machine has beside Kedge.
#[derive(Debug, Serialize)]
pub(crate) struct VerboseJson<'a> {
    #[serde(flatten)]
    status: StatusJson<'a>,
    platform: &'a Platform,
    nightly_would_replace: Option<SnapshotId>,
}

impl<'a> VerboseJson<'a> {
    pub(crate) fn new(status: StatusJson<'a>, platform: &'a Platform, state: &State) -> Self {
        Self {
            status,
            platform,
            nightly_would_replace: platform.replaces(state),
        }
    }
}

/// One snapshot with what differs from the running system; `null` when that cannot be told.
#[derive(Debug, Serialize)]
pub(crate) struct ShowJson<'a> {
    #[serde(flatten)]
    pub(crate) snapshot: SnapshotJson<'a>,
    pub(crate) changes: Option<Vec<ChangeJson<'a>>>,
    /// Whether the machine would start from it; `null` when that cannot be told.
    pub(crate) bootable: Option<bool>,
    /// What speaks against starting it, as codes.
    pub(crate) concerns: Vec<&'static str>,
}

/// One package that differs.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeJson<'a> {
    name: &'a str,
    arch: &'a str,
    change: &'static str,
    old: Option<&'a str>,
    new: Option<&'a str>,
    download_size: u64,
    origin: &'a str,
    security: bool,
    fixes: &'a [String],
}

/// Packages that differ.
pub(crate) fn changes(changes: &[PackageChange]) -> Vec<ChangeJson<'_>> {
    changes
        .iter()
        .map(|it| ChangeJson {
            name: &it.name,
            arch: &it.arch,
            change: it.kind.as_str(),
            old: Some(it.old.as_str()).filter(|text| !text.is_empty()),
            new: Some(it.new.as_str()).filter(|text| !text.is_empty()),
            download_size: it.download_size,
            origin: &it.origin,
            security: it.security,
            fixes: &it.fixes,
        })
        .collect()
}

/// What an update would change.
#[derive(Debug, Serialize)]
pub(crate) struct UpdateSetJson<'a> {
    packages: Vec<ChangeJson<'a>>,
    download_size: u64,
    installed_delta: i64,
}

impl<'a> From<&'a UpdateSet> for UpdateSetJson<'a> {
    fn from(set: &'a UpdateSet) -> Self {
        Self {
            packages: changes(&set.packages),
            download_size: set.download_size,
            installed_delta: set.installed_delta,
        }
    }
}

/// What a search found.
#[derive(Debug, Serialize)]
pub(crate) struct SearchJson<'a> {
    packages: Vec<ListedJson<'a>>,
    more: u32,
}

/// One package of it.
#[derive(Debug, Serialize)]
struct ListedJson<'a> {
    name: &'a str,
    version: Option<&'a str>,
    summary: &'a str,
    installed: Option<&'a str>,
}

impl<'a> From<&'a SearchResult> for SearchJson<'a> {
    fn from(it: &'a SearchResult) -> Self {
        fn some(text: &str) -> Option<&str> {
            Some(text).filter(|text| !text.is_empty())
        }
        let packages = it.packages.iter().map(|it| ListedJson {
            name: &it.name,
            version: some(&it.version),
            summary: &it.summary,
            installed: some(&it.installed),
        });
        Self {
            packages: packages.collect(),
            more: it.more,
        }
    }
}

/// What a rollback would do.
#[derive(Debug, Serialize)]
pub(crate) struct PlanJson<'a> {
    target: SnapshotId,
    restart: &'static str,
    concerns: Vec<&'static str>,
    changes: Vec<ChangeJson<'a>>,
}

impl<'a> From<&'a Plan> for PlanJson<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self {
            target: plan.target,
            restart: plan.restart.as_str(),
            concerns: plan.concerns.iter().map(|concern| concern.as_str()).collect(),
            changes: changes(&plan.changes),
        }
    }
}

/// One job.
#[derive(Debug, Serialize)]
pub(crate) struct JobJson<'a> {
    id: u32,
    kind: &'static str,
    uid: u32,
    target: Option<SnapshotId>,
    started: Option<String>,
    finished: Option<String>,
    phase: Option<&'static str>,
    permille: Option<u16>,
    ending: Option<&'static str>,
    machine: Option<&'static str>,
    snapshot: Option<SnapshotId>,
    failure: Option<&'a Failure>,
}

impl<'a> From<&'a Job> for JobJson<'a> {
    fn from(job: &'a Job) -> Self {
        let (progress, outcome) = (job.progress(), job.outcome());
        Self {
            id: job.id.0,
            kind: job.kind.as_str(),
            uid: job.uid,
            target: job.target,
            started: rfc3339(job.started),
            finished: outcome.and_then(|outcome| rfc3339(outcome.finished)),
            phase: progress.map(|progress| progress.phase.as_str()),
            permille: progress.and_then(|progress| progress.permille),
            ending: outcome.map(|outcome| outcome.ending.as_str()),
            machine: outcome.map(|outcome| outcome.machine.as_str()),
            snapshot: outcome.and_then(|outcome| outcome.snapshot),
            failure: outcome.and_then(|outcome| outcome.failure.as_ref()),
        }
    }
}

/// A job with what it said.
#[derive(Debug, Serialize)]
pub(crate) struct LogJson<'a> {
    pub(crate) job: JobJson<'a>,
    pub(crate) lines: &'a [String],
}

/// The state of the system.
#[derive(Debug, Serialize)]
pub(crate) struct StatusJson<'a> {
    status: &'static str,
    action: &'static str,
    booted: Option<SnapshotId>,
    default: Option<SnapshotId>,
    pending: Option<SnapshotId>,
    pending_updates: Vec<SnapshotId>,
    snapshots: usize,
    updates: KnownJson<'a>,
    jobs: Vec<JobJson<'a>>,
    /// Each capability with `null`, or with the reason for which it is absent.
    capabilities: BTreeMap<&'static str, Option<&'static str>>,
    /// Why the last restart fell back.
    failed_starts: &'a [StartFailure],
}

/// What is known about updates.
#[derive(Debug, Serialize)]
struct KnownJson<'a> {
    check: &'static str,
    attempted: Option<String>,
    succeeded: Option<String>,
    packages: usize,
    security: usize,
    download_size: u64,
    failure: Option<&'a Failure>,
}

impl<'a> StatusJson<'a> {
    pub(crate) fn new(state: &'a State, now: Timestamp, failed_starts: &'a [StartFailure]) -> Self {
        let status = Status::of(state, now);
        let (check, failure) = match &state.updates.check {
            model::Check::Never => ("never", None),
            model::Check::Done => ("done", None),
            model::Check::Failed { failure } => ("failed", Some(failure)),
        };
        let updates = &state.updates;
        Self {
            status: status.code(),
            action: status.action().as_str(),
            failed_starts,
            booted: state.booted,
            default: state.default,
            pending: state.pending(),
            pending_updates: state.pending_updates(),
            snapshots: state.snapshots.len(),
            updates: KnownJson {
                check,
                attempted: updates.attempted.and_then(rfc3339),
                succeeded: updates.succeeded.and_then(rfc3339),
                packages: updates.set.packages.len(),
                security: updates.set.security_count(),
                download_size: updates.set.download_size,
                failure,
            },
            jobs: state.jobs.values().map(JobJson::from).collect(),
            capabilities: state
                .capabilities
                .0
                .iter()
                .map(|(capability, absence)| (capability.as_str(), absence.map(|code| code.as_str())))
                .collect(),
        }
    }
}

/// Files that differ, in the order of a tree. A path is text where it is UTF-8; a backslash in it is `\\`, and what is
/// no UTF-8 or could harm a terminal is `\xNN`.
#[derive(Debug, Serialize)]
pub(crate) struct FilesJson<'a> {
    pub(crate) files: Vec<FileJson<'a>>,
    /// Changes with paths longer than 32 KiB.
    pub(crate) left_out: u64,
}

/// A file that differs, and the package that it belongs to.
#[derive(Debug, Serialize)]
pub(crate) struct FileJson<'a> {
    #[serde(flatten)]
    pub(crate) change: FileChange,
    pub(crate) package: Option<&'a str>,
}

/// A file in one snapshot; `snapshot` is `null` in the running system.
#[derive(Debug, Serialize)]
pub(crate) struct FileVersionJson {
    snapshot: Option<SnapshotId>,
    version: u32,
    file: FileKind,
    size: u64,
    modified: Option<String>,
    mode: String,
    uid: u32,
    gid: u32,
}

impl From<&FileVersion> for FileVersionJson {
    fn from(it: &FileVersion) -> Self {
        Self {
            snapshot: it.snapshot,
            version: it.version,
            file: it.file,
            size: it.size,
            modified: rfc3339(it.modified),
            mode: format!("{:04o}", it.mode),
            uid: it.uid,
            gid: it.gid,
        }
    }
}
