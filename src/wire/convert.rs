// SPDX-License-Identifier: GPL-3.0-or-later
//! Between the model's words and their D-Bus form. What comes in is never trusted to be of this version.

use crate::types::{
    ChangeCounts, Failure, FileVersion, Job, LogEntry, Outcome, PackageChange, Plan, Progress, Question,
    Receipt, Snapshot, Updates,
};
use model::{
    Capabilities, Capability, ChangeKind, Check, Cleanup, Concern, Condition, Ending, FailureCode, JobId,
    JobKind, JobState, Machine, Phase, QuestionKind, RefusalCode, Restart, SnapshotId, SnapshotKind,
    Timestamp, UpdateSet, Uuid,
};
use std::collections::HashMap;

/// The number that stands for a snapshot, zero for none.
pub fn snapshot_number(id: Option<SnapshotId>) -> u32 {
    id.map_or(0, |id| id.0)
}

/// The snapshot that a number stands for.
pub fn snapshot_id(number: u32) -> Option<SnapshotId> {
    (number != 0).then_some(SnapshotId(number))
}

fn time(time: Option<Timestamp>) -> u64 {
    time.map_or(0, |time| time.0)
}

fn timestamp(time: u64) -> Option<Timestamp> {
    (time != 0).then_some(Timestamp(time))
}

fn uuid(bytes: &[u8]) -> Uuid {
    bytes.try_into().map(Uuid).unwrap_or_default()
}

/// Each capability with an empty text, or with the code of why it is absent.
pub fn capabilities_to_wire(capabilities: &Capabilities) -> HashMap<String, String> {
    capabilities
        .0
        .iter()
        .map(|(capability, absence)| {
            let absence = absence.map_or("", RefusalCode::as_str);
            (capability.as_str().to_owned(), absence.to_owned())
        })
        .collect()
}

/// The capabilities of which this version knows. One whose reason it does not know is absent without a reason.
pub fn capabilities_from_wire(map: &HashMap<String, String>) -> Capabilities {
    let known = map.iter().filter_map(|(capability, absence)| {
        let capability = Capability::from_code(capability)?;
        if absence.is_empty() {
            return Some((capability, None));
        }
        Some((capability, Some(RefusalCode::from_code(absence)?)))
    });
    Capabilities(known.collect())
}

impl From<&model::Snapshot> for Snapshot {
    fn from(it: &model::Snapshot) -> Self {
        Self {
            number: it.id.0,
            kind: it.kind.to_string(),
            pre: snapshot_number(it.pre),
            time: it.time.0,
            uid: it.uid,
            description: it.description.clone(),
            cleanup: it.cleanup.0.clone(),
            userdata: it.userdata.clone(),
            read_only: it.read_only,
            uuid: it.uuid.0.to_vec(),
            parent_uuid: it.parent_uuid.0.to_vec(),
            condition: it.condition.to_string(),
        }
    }
}

impl From<Snapshot> for model::Snapshot {
    fn from(it: Snapshot) -> Self {
        Self {
            id: SnapshotId(it.number),
            kind: SnapshotKind::from_code(&it.kind).unwrap_or(SnapshotKind::Single),
            pre: snapshot_id(it.pre),
            time: Timestamp(it.time),
            uid: it.uid,
            description: it.description,
            cleanup: Cleanup(it.cleanup),
            userdata: it.userdata,
            read_only: it.read_only,
            uuid: uuid(&it.uuid),
            parent_uuid: uuid(&it.parent_uuid),
            condition: Condition::from_code(&it.condition).unwrap_or(Condition::BadMetadata),
        }
    }
}

impl From<&model::PackageChange> for PackageChange {
    fn from(it: &model::PackageChange) -> Self {
        Self {
            name: it.name.clone(),
            arch: it.arch.clone(),
            kind: it.kind.to_string(),
            old: it.old.clone(),
            new: it.new.clone(),
            download_size: it.download_size,
            origin: it.origin.clone(),
            security: it.security,
            fixes: it.fixes.clone(),
        }
    }
}

impl From<&model::LogEntry> for LogEntry {
    fn from(it: &model::LogEntry) -> Self {
        Self {
            time: it.time.0,
            author: it.author.clone(),
            version: it.version.clone(),
            text: it.text.clone(),
        }
    }
}

impl From<LogEntry> for model::LogEntry {
    fn from(it: LogEntry) -> Self {
        Self {
            time: Timestamp(it.time),
            author: it.author,
            version: it.version,
            text: it.text,
        }
    }
}

impl ChangeCounts {
    /// The counts of a snapshot.
    pub fn of(snapshot: SnapshotId, it: model::ChangeCounts) -> Self {
        Self {
            snapshot: snapshot.0,
            added: it.added,
            upgraded: it.upgraded,
            downgraded: it.downgraded,
            removed: it.removed,
            rebuilt: it.rebuilt,
        }
    }
}

impl From<ChangeCounts> for (SnapshotId, model::ChangeCounts) {
    fn from(it: ChangeCounts) -> Self {
        let counts = model::ChangeCounts {
            added: it.added,
            upgraded: it.upgraded,
            downgraded: it.downgraded,
            removed: it.removed,
            rebuilt: it.rebuilt,
        };
        (SnapshotId(it.snapshot), counts)
    }
}

impl From<PackageChange> for model::PackageChange {
    fn from(it: PackageChange) -> Self {
        Self {
            name: it.name,
            arch: it.arch,
            kind: ChangeKind::from_code(&it.kind).unwrap_or(ChangeKind::Upgraded),
            old: it.old,
            new: it.new,
            download_size: it.download_size,
            origin: it.origin,
            security: it.security,
            fixes: it.fixes,
        }
    }
}

impl From<Option<&model::Failure>> for Failure {
    fn from(it: Option<&model::Failure>) -> Self {
        it.map_or_else(Self::default, |it| Self {
            code: it.code.to_string(),
            args: it.args.clone(),
            detail: it.detail.clone(),
        })
    }
}

impl From<Failure> for Option<model::Failure> {
    fn from(it: Failure) -> Self {
        if it.code.is_empty() {
            return None;
        }
        Some(match FailureCode::from_code(&it.code) {
            Some(code) => model::Failure {
                code,
                args: it.args,
                detail: it.detail,
            },
            None => model::Failure {
                code: FailureCode::Internal,
                args: it.args,
                detail: format!("{}: {}", it.code, it.detail),
            },
        })
    }
}

impl From<&model::Updates> for Updates {
    fn from(it: &model::Updates) -> Self {
        let (check, failure) = match &it.check {
            Check::Never => ("never", None),
            Check::Done => ("done", None),
            Check::Failed { failure } => ("failed", Some(failure)),
        };
        Self {
            check: check.to_owned(),
            attempted: time(it.attempted),
            succeeded: time(it.succeeded),
            packages: it.set.packages.iter().map(Into::into).collect(),
            download_size: it.set.download_size,
            installed_delta: it.set.installed_delta,
            failure: failure.into(),
        }
    }
}

impl From<Updates> for model::Updates {
    fn from(it: Updates) -> Self {
        let check = match (it.check.as_str(), it.failure.into()) {
            ("failed", Some(failure)) => Check::Failed { failure },
            ("failed", None) => Check::Failed {
                failure: model::Failure::new(FailureCode::Internal, ""),
            },
            ("done", _) => Check::Done,
            _ => Check::Never,
        };
        Self {
            check,
            attempted: timestamp(it.attempted),
            succeeded: timestamp(it.succeeded),
            set: UpdateSet {
                packages: it.packages.into_iter().map(Into::into).collect(),
                download_size: it.download_size,
                installed_delta: it.installed_delta,
            },
        }
    }
}

impl From<Option<model::StartReceipt>> for Receipt {
    fn from(it: Option<model::StartReceipt>) -> Self {
        it.map_or_else(Self::default, |it| Self {
            wanted: it.wanted.0,
            once: it.once,
            asked: it.asked.0,
            kept: it.kept.to_string(),
        })
    }
}

impl From<Receipt> for Option<model::StartReceipt> {
    fn from(it: Receipt) -> Self {
        Some(model::StartReceipt {
            wanted: crate::snapshot_id(it.wanted)?,
            once: it.once,
            asked: Timestamp(it.asked),
            kept: model::Kept::from_code(&it.kept)?,
        })
    }
}

impl From<&model::Plan> for Plan {
    fn from(it: &model::Plan) -> Self {
        Self {
            target: it.target.0,
            changes: it.changes.iter().map(Into::into).collect(),
            restart: it.restart.to_string(),
            concerns: it.concerns.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<Plan> for model::Plan {
    fn from(it: Plan) -> Self {
        Self {
            target: SnapshotId(it.target),
            changes: it.changes.into_iter().map(Into::into).collect(),
            restart: Restart::from_code(&it.restart).unwrap_or(Restart::Reboot),
            concerns: it
                .concerns
                .iter()
                .filter_map(|code| Concern::from_code(code))
                .collect(),
        }
    }
}

impl From<&model::Progress> for Progress {
    fn from(it: &model::Progress) -> Self {
        Self {
            phase: it.phase.to_string(),
            permille: it.permille.map_or(-1, i32::from),
            item: it.item,
            items: it.items,
            subject: it.subject.clone(),
        }
    }
}

impl From<Progress> for model::Progress {
    fn from(it: Progress) -> Self {
        Self {
            phase: Phase::from_code(&it.phase).unwrap_or(Phase::Prepare),
            permille: u16::try_from(it.permille).ok().map(|permille| permille.min(1000)),
            item: it.item,
            items: it.items,
            subject: it.subject,
        }
    }
}

impl From<&model::JobOutcome> for Outcome {
    fn from(it: &model::JobOutcome) -> Self {
        Self {
            ending: it.ending.to_string(),
            machine: it.machine.to_string(),
            snapshot: snapshot_number(it.snapshot),
            failure: it.failure.as_ref().into(),
            finished: it.finished.0,
        }
    }
}

impl From<Outcome> for Option<model::JobOutcome> {
    fn from(it: Outcome) -> Self {
        (!it.ending.is_empty()).then(|| model::JobOutcome {
            ending: Ending::from_code(&it.ending).unwrap_or(Ending::NeedsAttention),
            machine: Machine::from_code(&it.machine).unwrap_or(Machine::Unknown),
            snapshot: snapshot_id(it.snapshot),
            failure: it.failure.into(),
            finished: Timestamp(it.finished),
        })
    }
}

impl From<Option<&model::Asked>> for Question {
    fn from(it: Option<&model::Asked>) -> Self {
        it.map_or_else(Self::default, |it| Self {
            number: it.number,
            kind: it.question.kind.to_string(),
            args: it.question.args.clone(),
            text: it.question.text.clone(),
            choices: it.question.choices.clone(),
            until: it.until.0,
        })
    }
}

impl From<Question> for Option<model::Asked> {
    fn from(it: Question) -> Self {
        let kind = QuestionKind::from_code(&it.kind).filter(|_| it.number != 0)?;
        Some(model::Asked {
            number: it.number,
            until: Timestamp(it.until),
            question: model::Question {
                kind,
                args: it.args,
                text: it.text,
                choices: it.choices,
            },
        })
    }
}

impl From<&model::Job> for Job {
    fn from(it: &model::Job) -> Self {
        let (progress, cancellable, outcome) = match &it.state {
            JobState::Running {
                progress,
                cancellable,
                ..
            } => (progress.into(), *cancellable, Outcome::default()),
            JobState::Ended(outcome) => (
                Progress {
                    permille: -1,
                    ..Progress::default()
                },
                false,
                outcome.into(),
            ),
        };
        Self {
            id: it.id.0,
            kind: it.kind.to_string(),
            uid: it.uid,
            target: snapshot_number(it.target),
            started: it.started.0,
            progress,
            cancellable,
            outcome,
            question: it.asked().into(),
        }
    }
}

impl From<Job> for Option<model::Job> {
    fn from(it: Job) -> Self {
        let state = match it.outcome.into() {
            Some(outcome) => JobState::Ended(outcome),
            None => JobState::Running {
                progress: it.progress.into(),
                cancellable: it.cancellable,
                asked: Option::from(it.question).map(Box::new),
            },
        };
        Some(model::Job {
            id: JobId(it.id),
            kind: JobKind::from_code(&it.kind)?,
            uid: it.uid,
            target: snapshot_id(it.target),
            started: Timestamp(it.started),
            state,
        })
    }
}

impl From<&model::FileVersion> for FileVersion {
    fn from(it: &model::FileVersion) -> Self {
        Self {
            snapshot: snapshot_number(it.snapshot),
            version: it.version,
            file: it.file.to_string(),
            size: it.size,
            modified: it.modified.0,
            mode: it.mode,
            uid: it.uid,
            gid: it.gid,
        }
    }
}

impl From<FileVersion> for model::FileVersion {
    fn from(it: FileVersion) -> Self {
        Self {
            snapshot: snapshot_id(it.snapshot),
            version: it.version,
            file: model::FileKind::from_code(&it.file).unwrap_or(model::FileKind::Regular),
            size: it.size,
            modified: Timestamp(it.modified),
            mode: it.mode,
            uid: it.uid,
            gid: it.gid,
        }
    }
}

#[cfg(test)]
mod tests;
