// SPDX-License-Identifier: GPL-3.0-or-later
//! The words of Kedge and the pure rules between them.
//!
//! Every other room speaks in these types: the engine produces them, the bus carries them, the faces show them. Rules
//! such as "may this snapshot be deleted, and if not why" live here once, so that the window can disable an action for
//! the very reason for which the helper would refuse it.
//!
//! Deliberately absent: input and output, clocks (time is an argument), async, Qt, and sentences for people. A reason is
//! a code with arguments; the faces word it.

mod automatic;
mod bisect;
mod cadence;
mod capability;
mod code;
mod diff;
mod event;
mod failure;
mod job;
mod package;
mod plan;
mod platform;
mod policy;
mod question;
mod receipt;
mod refusal;
mod restart;
mod restore;
mod retention;
mod snapshot;
mod space;
mod start;
mod state;
mod status;
mod time;
mod timeline;
mod update;
mod wish;

pub use automatic::{AutomaticStep, automatic_step};
pub use bisect::{Bisect, BisectStep, Verdict};
pub use cadence::{
    AFTER_LOGIN, CHECK_AGAIN, CheckTime, Expected, Memory, News, Notice, Pause, Receipt, Shown, Surroundings,
    Wait, Wanted, check_time, running_older,
};
pub use capability::{Absence, Capabilities, Capability};
pub use diff::{
    Aspects, Counts, FileChange, FileChangeKind, FileChangeRef, FileFold, FileKind, FileRow, FileRowKind,
    FileScan, FileTree, FileVersion, Files, FilesSummary, PATH_LIMIT, PathError, PathText, checked_path,
    is_hostile,
};
pub use event::Event;
pub use failure::{Failure, FailureCode};
pub use job::{Ending, Job, JobId, JobKind, JobOutcome, JobState, Machine, Phase, Progress};
pub use package::{ChangeCounts, ChangeKind, LogEntry, PackageChange, PackageGroup};
pub use plan::{Concern, Plan, Restart};
pub use platform::{
    EtcLayout, Health, Nightly, NightlyRun, Platform, RebootManager, RestartLevel, RunResult, SnapperConfig,
    Timer, Tool, Transactor, Writer,
};
pub use policy::{Automation, Cadence, Policy, PolicyChange, PolicyError};
pub use question::{Asked, Question, QuestionKind};
pub use receipt::{Kept, StartReceipt};
pub use refusal::{Refusal, RefusalCode};
pub use restart::{NIGHT, PlannedRestart, RestartWhen, may_restart_at_night};
pub use restore::RestoreTo;
pub use retention::{
    Civil, DoomReason, Doomed, Facts, Limit, NumberRule, Period, Retention, Room, TimelineRule,
};
pub use snapshot::{
    Cleanup, Condition, Edit, NewSnapshot, Snapshot, SnapshotId, SnapshotKind, TextError, Uuid, checked_text,
    userdata_key,
};
pub use space::{Freed, Holder, RoomPlan, SnapshotSize, Usage, make_room, room_candidates};
pub use start::{StartFailure, StartFailureKind};
pub use state::State;
pub use status::{Action, STALE_AFTER, Status};
pub use time::Timestamp;
pub use timeline::{
    Position, Row, Step, filter_matches, position, predecessor, predecessors, rows, step_back, steps,
};
pub use update::{Check, UpdateSet, Updates};
pub use wish::{Listed, PackageWish, SearchResult, WishKind, search_rank, search_words};
