// SPDX-License-Identifier: GPL-3.0-or-later
//! What the reading verbs print as text.

use crate::text::{ago, counted, date, safe, size, table};
use crate::words;
use model::{
    ChangeKind, Concern, Condition, Ending, Job, JobState, PackageChange, Plan, Position, Restart, Snapshot,
    SnapshotKind, StartFailure, State, Status, Timestamp, UpdateSet, position, userdata_key,
};

/// The state of the system.
/// With why the last restart fell back, where it did.
pub(crate) fn status(state: &State, now: Timestamp, failures: &[StartFailure]) -> String {
    let status = Status::of(state, now);
    let mut text = format!("{}\n\n", words::status(&status, state, now));
    let name = |id: model::SnapshotId| {
        let description = state
            .snapshots
            .get(&id)
            .map(|it| safe(&it.description))
            .unwrap_or_default();
        match description.is_empty() {
            true => format!("snapshot {id}"),
            false => format!("snapshot {id}  {description}"),
        }
    };
    let mut rows = vec![vec![
        "Running:".into(),
        state.booted.map_or("not a snapshot".into(), name),
    ]];
    match (state.pending(), state.default == state.booted) {
        (Some(id), _) => rows.push(vec!["Starts next:".into(), name(id)]),
        (None, true) => rows.push(vec!["Starts next:".into(), "the same".into()]),
        (None, false) => rows.push(vec!["Starts next:".into(), "not a snapshot".into()]),
    }
    if let Some(id) = state.once {
        rows.push(vec!["Starts once:".into(), name(id)]);
    }
    if let Some(receipt) = state.receipt {
        let words = match (receipt.kept, state.trying().is_some()) {
            (model::Kept::AsPlanned, true) => {
                format!(
                    "running #{} on trial; keep it: kedgectl rollback {}",
                    receipt.wanted, receipt.wanted
                )
            }
            (model::Kept::AsPlanned, false) => format!("running #{} as planned", receipt.wanted),
            (model::Kept::FellBack, _) => {
                format!(
                    "did not use #{}; try again: kedgectl rollback {}",
                    receipt.wanted, receipt.wanted
                )
            }
        };
        rows.push(vec!["Last restart:".into(), words]);
    }
    for (at, failure) in failures.iter().enumerate() {
        let title = if at == 0 { "Because:" } else { "" };
        rows.push(vec![title.into(), words::start_failure(failure)]);
    }
    rows.push(vec!["Snapshots:".into(), state.snapshots.len().to_string()]);
    if let Some(time) = state.updates.succeeded {
        let when = format!("{} ({})", date(time), ago(time, now));
        rows.push(vec!["Last search:".into(), when]);
    }
    text += &table(&rows);
    if let Status::Failed { job, failure, .. } = &status {
        text += &format!("\n{}", words::details(failure.as_ref()));
        text += &format!("kedgectl log {job} shows all of it.\n");
    }
    if let Status::CouldNotCheck { failure, .. } = &status {
        text += &format!("\n{}", words::details(Some(failure)));
    }
    if let Some(advice) = advice(&status) {
        text += &format!("\n{advice}\n");
    }
    text
}

/// What may be done next, as commands.
fn advice(status: &Status) -> Option<&'static str> {
    match status {
        Status::UpdatePending { .. } | Status::RollbackPending { .. } => {
            Some("Restart when it suits you, or undo it: kedgectl discard")
        }
        Status::Available { .. } => Some("Install them: kedgectl update"),
        Status::CouldNotCheck { .. }
        | Status::NeverChecked
        | Status::NotChecked { .. }
        | Status::Stale { .. } => Some("Look for updates: kedgectl check"),
        Status::Working { .. } | Status::Failed { .. } | Status::UpToDate { .. } | Status::NoUpdates => None,
    }
}

/// What is special about a snapshot, in words.
fn marks(snapshot: &Snapshot, state: &State) -> Vec<String> {
    let mut marks = Vec::new();
    match position(state, snapshot.id) {
        Position::Running => marks.push("running".into()),
        Position::Pending => marks.push("starts next".into()),
        Position::Earlier => {}
    }
    if snapshot.is_pinned() {
        marks.push("pinned".into());
    }
    if snapshot.is_in_progress() {
        marks.push("incomplete".into());
    }
    if snapshot.condition != Condition::Complete {
        marks.push("damaged".into());
    }
    if !snapshot.read_only {
        marks.push("writable".into());
    }
    match (snapshot.kind, snapshot.pre) {
        (SnapshotKind::Pre, _) => marks.push("before a change".into()),
        (SnapshotKind::Post, Some(pre)) => marks.push(format!("after #{pre}")),
        _ => {}
    }
    marks
}

/// The snapshots, newest last.
pub(crate) fn list(state: &State, snapshots: &[&Snapshot]) -> String {
    if snapshots.is_empty() {
        return match state.snapshots.is_empty() {
            true => "There are no snapshots yet. Take one: kedgectl create -d \"words about it\"\n".into(),
            false => "No snapshot matches.\n".into(),
        };
    }
    let mut rows = vec![
        ["  ", "#", "Date", "Cleanup", "Marks", "Description"]
            .map(String::from)
            .to_vec(),
    ];
    for snapshot in snapshots {
        let sign = match position(state, snapshot.id) {
            Position::Running => "* ",
            Position::Pending => "> ",
            Position::Earlier => "  ",
        };
        rows.push(vec![
            sign.into(),
            snapshot.id.to_string(),
            date(snapshot.time),
            safe(&snapshot.cleanup.0),
            marks(snapshot, state).join(", "),
            safe(&snapshot.description),
        ]);
    }
    // The sign belongs to the number.
    let mut merged: Vec<Vec<String>> = rows
        .into_iter()
        .map(|mut row| {
            let sign = row.remove(0);
            row[0] = format!("{sign}{}", row[0]);
            row
        })
        .collect();
    // A column that says nothing only takes room.
    for column in [3, 2] {
        if merged.iter().skip(1).all(|row| row[column].is_empty()) {
            merged.iter_mut().for_each(|row| drop(row.remove(column)));
        }
    }
    table(&merged)
}

/// One snapshot.
/// `concerns` speak against starting it, where that could be told.
pub(crate) fn snapshot(
    snapshot: &Snapshot,
    state: &State,
    now: Timestamp,
    concerns: Option<&[Concern]>,
) -> String {
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let mut rows = vec![
        vec!["Snapshot:".into(), snapshot.id.to_string()],
        vec!["Description:".into(), safe(&snapshot.description)],
        vec![
            "Date:".into(),
            format!("{} ({})", date(snapshot.time), ago(snapshot.time, now)),
        ],
    ];
    let marks = marks(snapshot, state);
    if !marks.is_empty() {
        rows.push(vec!["Marks:".into(), marks.join(", ")]);
    }
    let cleanup = match snapshot.cleanup.0.as_str() {
        "" => "none".into(),
        name => safe(name),
    };
    rows.extend([
        vec!["Cleanup:".into(), cleanup],
        vec!["Read-only:".into(), yes(snapshot.read_only)],
        vec!["User:".into(), snapshot.uid.to_string()],
    ]);
    let own = [
        userdata_key::PINNED,
        userdata_key::PINNED_CLEANUP,
        userdata_key::NOT_BOOTED,
    ];
    for (key, value) in snapshot
        .userdata
        .iter()
        .filter(|(key, _)| !own.contains(&key.as_str()))
    {
        rows.push(vec!["Userdata:".into(), format!("{}={}", safe(key), safe(value))]);
    }
    let may = |rule: Result<(), model::Refusal>| match rule {
        Ok(()) => "yes".to_owned(),
        Err(refusal) => format!("no. {}", words::refusal(&refusal)),
    };
    let concerns = concerns.unwrap_or_default();
    let starts = match concerns.iter().find(|it| it.is_blocking()) {
        Some(blocking) => format!("no. {}", words::concern(*blocking)),
        None => may(state.is_rollback_target(snapshot.id)),
    };
    rows.push(vec!["Can start:".into(), starts]);
    for concern in concerns.iter().filter(|it| !it.is_blocking()) {
        rows.push(vec![String::new(), words::concern(*concern).to_owned()]);
    }
    rows.push(vec![
        "Can be deleted:".into(),
        may(state.is_deletable(snapshot.id)),
    ]);
    rows.push(vec!["UUID:".into(), snapshot.uuid.to_string()]);
    table(&rows)
}

fn verb(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "new",
        ChangeKind::Removed => "removed",
        ChangeKind::Upgraded => "upgraded",
        ChangeKind::Downgraded => "downgraded",
        ChangeKind::Rebuilt => "rebuilt",
    }
}

/// Packages that differ: what matters most first, then by name.
pub(crate) fn changes(changes: &[PackageChange]) -> String {
    let mut sorted: Vec<&PackageChange> = changes.iter().collect();
    sorted.sort_by(|a, b| (a.group(), &a.name, &a.arch).cmp(&(b.group(), &b.name, &b.arch)));
    let rows: Vec<Vec<String>> = sorted
        .into_iter()
        .map(|change| {
            let versions = match (change.old.as_str(), change.new.as_str()) {
                ("", new) => safe(new),
                (old, "") => safe(old),
                (old, new) => format!("{} -> {}", safe(old), safe(new)),
            };
            let security = match (change.security, &*change.fixes, change.kind) {
                (false, ..) => String::new(),
                (true, [], _) => "security".to_owned(),
                (true, fixes, ChangeKind::Downgraded) => format!("loses {}", safe(&fixes.join(" "))),
                (true, fixes, _) => format!("security {}", safe(&fixes.join(" "))),
            };
            vec![
                format!("  {}", verb(change.kind)),
                safe(&change.name),
                versions,
                security,
            ]
        })
        .collect();
    table(&rows)
}

/// How many packages differ, by kind.
pub(crate) fn summary(changes: &[PackageChange]) -> String {
    if changes.is_empty() {
        return "No packages differ.".into();
    }
    let parts: Vec<_> = [
        ChangeKind::Upgraded,
        ChangeKind::Downgraded,
        ChangeKind::Added,
        ChangeKind::Removed,
        ChangeKind::Rebuilt,
    ]
    .into_iter()
    .filter_map(
        |kind| match changes.iter().filter(|change| change.kind == kind).count() {
            0 => None,
            count => Some(format!("{count} {}", verb(kind))),
        },
    )
    .collect();
    let differ = if changes.len() == 1 { "differs" } else { "differ" };
    format!(
        "{} {differ}: {}.",
        counted(changes.len(), "package"),
        parts.join(", ")
    )
}

/// What is to be downloaded, and how the system grows.
pub(crate) fn sizes(set: &UpdateSet) -> String {
    let comes = |it: &PackageChange| it.kind != ChangeKind::Removed;
    let download = match set.download_size {
        0 if set.packages.iter().any(comes) => "everything is downloaded already".to_owned(),
        0 => "nothing to download".to_owned(),
        bytes => format!("{} to download", size(bytes)),
    };
    match set.installed_delta {
        0 => download,
        grow @ 1.. => format!("{download}, and {} more on the disk", size(grow.unsigned_abs())),
        shrink => format!("{download}, and {} less on the disk", size(shrink.unsigned_abs())),
    }
}

/// What an update would change.
pub(crate) fn update_set(set: &UpdateSet) -> String {
    if set.is_empty() {
        return "The system is up to date.\n".into();
    }
    let security = match set.security_count() {
        0 => String::new(),
        count => format!(", {count} of them for security"),
    };
    let verb = if set.packages.len() == 1 { "is" } else { "are" };
    format!(
        "{} {verb} available{security}: {}.\n\n{}",
        counted(set.packages.len(), "update"),
        sizes(set),
        changes(&set.packages)
    )
}

/// What a rollback would do.
pub(crate) fn plan(plan: &Plan, state: &State) -> String {
    let target = state.snapshots.get(&plan.target);
    let what = target
        .map(|it| format!(" ({}, {})", date(it.time), safe(&it.description)))
        .unwrap_or_default();
    let mut text = match plan.restart {
        Restart::None => {
            format!(
                "The running system, snapshot {}{what}, would start again with the next restart.\n",
                plan.target
            )
        }
        Restart::Reboot => format!(
            "Snapshot {}{what} would start with the next restart.\n",
            plan.target
        ),
    };
    for concern in &plan.concerns {
        text += &format!("! {}\n", words::concern(*concern));
    }
    if !plan.concerns.contains(&model::Concern::PackagesUnknown) {
        text += &format!(
            "\nCompared with the running system: {}\n",
            lower(&summary(&plan.changes))
        );
        text += &changes(&plan.changes);
    }
    text
}

/// The same as the middle of a sentence.
pub(crate) fn lower(text: &str) -> String {
    match text.strip_prefix('N') {
        Some(rest) => format!("n{rest}"),
        None => text.to_owned(),
    }
}

/// Jobs, newest first.
pub(crate) fn jobs(jobs: &[Job]) -> String {
    if jobs.is_empty() {
        return "No job has run yet.\n".into();
    }
    let mut rows = vec![
        ["Job", "Began", "Work", "User", "Ended"]
            .map(String::from)
            .to_vec(),
    ];
    for job in jobs {
        let kind = match job.target {
            Some(target) => format!("{} #{target}", job.kind),
            None => job.kind.to_string(),
        };
        let end = match &job.state {
            JobState::Running { progress, .. } => {
                format!("{} …", words::phase(progress.phase).to_lowercase())
            }
            JobState::Ended(outcome) => {
                let word = match outcome.ending {
                    Ending::Done => "done",
                    Ending::NothingChanged => "nothing to do",
                    Ending::Undone => "failed and undone",
                    Ending::Cancelled => "cancelled",
                    Ending::NeedsAttention => "failed, needs attention",
                };
                match (&outcome.failure, outcome.snapshot) {
                    (Some(failure), _) => format!("{word}: {}", words::failure(failure)),
                    (None, Some(id)) if outcome.ending == Ending::Done && job.target != Some(id) => {
                        format!("{word}: snapshot {id}")
                    }
                    _ => word.into(),
                }
            }
        };
        rows.push(vec![
            job.id.to_string(),
            date(job.started),
            kind,
            job.uid.to_string(),
            end,
        ]);
    }
    table(&rows)
}

#[cfg(test)]
mod tests;
