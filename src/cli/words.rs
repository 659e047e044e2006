// SPDX-License-Identifier: GPL-3.0-or-later
//! The sentences: what happened, why, and what state the machine is in now.

use crate::text::{ago, counted, date, safe};
use model::{
    Concern, Ending, Failure, FailureCode, Job, JobKind, JobOutcome, Machine, Phase, Refusal, RefusalCode,
    StartFailure, StartFailureKind, State, Status, Timestamp,
};

/// What a job does, as the subject of a sentence.
pub(crate) fn work(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Create => "The creation of a snapshot",
        JobKind::Delete => "The deletion",
        JobKind::Edit => "The change",
        JobKind::Check => "The search for updates",
        JobKind::Download => "The download",
        JobKind::Update => "The update",
        JobKind::Install => "The installation",
        JobKind::Remove => "The removal",
        JobKind::Rollback => "The rollback",
        JobKind::TryOnce => "The start on trial",
        JobKind::Discard => "The discarding of what waits for the restart",
        JobKind::MakeRoom => "Making room",
        JobKind::CleanUp => "The removal of old snapshots",
        JobKind::Restore => "Getting the file back",
        JobKind::Recover => "The clean-up after an interrupted job",
    }
}

/// Where a job is.
pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Prepare => "Preparing",
        Phase::Refresh => "Asking the repositories",
        Phase::Download => "Downloading",
        Phase::Install => "Installing",
        Phase::Verify => "Verifying",
        Phase::Commit => "Completing",
        Phase::CleanUp => "Cleaning up",
    }
}

/// Why something is not on offer.
pub(crate) fn refusal(refusal: &Refusal) -> String {
    let it = match refusal.snapshot {
        Some(id) => format!("Snapshot {id}"),
        None => "It".into(),
    };
    match refusal.code {
        RefusalCode::Booted => format!("{it} is the running system."),
        RefusalCode::Default => format!("{it} is what starts with the next restart."),
        RefusalCode::Pinned => {
            let number = refusal.snapshot.map_or("NUMBER".into(), |id| id.to_string());
            format!("{it} is pinned. Unpin it first: kedgectl edit {number} --unpin")
        }
        RefusalCode::InProgress => {
            format!("{it} is not complete: an update is being, or was being, made in it.")
        }
        RefusalCode::NoSuchSnapshot => match refusal.snapshot {
            Some(id) => format!("There is no snapshot {id}."),
            None => "There is no such snapshot.".into(),
        },
        RefusalCode::NoSuchFile => match refusal.snapshot {
            Some(id) => format!("Snapshot {id} has no such file."),
            None => "There is no such file.".into(),
        },
        RefusalCode::NotAFile => "That is neither a regular file nor a symbolic link.".into(),
        RefusalCode::AlreadyDefault => format!("{it} already is what starts with the next restart."),
        RefusalCode::Busy => "Another job is changing the system. Try again when it has ended.".into(),
        RefusalCode::NothingPending => "Nothing waits for a restart.".into(),
        RefusalCode::Damaged => format!("{it} has lost its description file (info.xml), or it is damaged."),
        RefusalCode::DatabaseUnknown => {
            "The package database of this system has an old format (Berkeley DB) that cannot be read.".into()
        }
        RefusalCode::DatabaseOutside => {
            "The package database of this system lies outside of its snapshots, so \
                                         an update or a rollback would leave the two apart."
                .into()
        }
        RefusalCode::NoPackageManager => "No supported package manager was found.".into(),
        RefusalCode::NoSnapshots => "This system has no snapshots in snapper's layout (/.snapshots).".into(),
        RefusalCode::ForeignDefault => {
            "What starts next is neither the running system nor one of the snapshots, \
                                        so another program is in charge of it."
                .into()
        }
        RefusalCode::InUse => format!("{it} is mounted or otherwise in use."),
        RefusalCode::MustStayReadOnly => {
            format!("{it} has to stay as it is: it is what the system starts from.")
        }
        RefusalCode::BootLoaderUnsupported => "The boot loader of this system is not supported.".into(),
        RefusalCode::NoBootOnce => {
            "Nothing can be started just once here: the boot loader cannot come back by itself.".into()
        }
        RefusalCode::NoBootPartition => "The partition that the boot loader reads is not mounted.".into(),
        RefusalCode::Offline => {
            "This system does not run: only looking at it and choosing what starts is possible.".into()
        }
        RefusalCode::Runs => "This is the running system: leave --root out.".into(),
        RefusalCode::NotBtrfs => "What is mounted there is no btrfs.".into(),
        RefusalCode::ReadOnlyDisk => {
            "The filesystem is mounted read-only, or was found damaged: it can only be looked at.".into()
        }
        RefusalCode::NoBootVariables => {
            "The boot loader keeps what starts in variables of the firmware, and those cannot \
                                         be reached: start this machine in UEFI mode."
                .into()
        }
        RefusalCode::BisectOrder => {
            "The version that works has to be older than the one that does not.".into()
        }
        RefusalCode::BisectRuns => {
            "A search is under way already: kedgectl bisect status shows it, kedgectl bisect stop ends it."
                .into()
        }
        RefusalCode::NoBisect => "Nothing is searched for: kedgectl bisect start begins.".into(),
        RefusalCode::NotInBisect => format!("{it} is not between the two versions that are searched."),
        RefusalCode::PendingFirst => {
            "An update waits for the restart and would be forgotten: restart first, or discard it.".into()
        }
        RefusalCode::NotBootable => {
            format!("The machine would not start from {it}: kedgectl rollback --plan says why.")
        }
        RefusalCode::StartsOnce => format!("{it} starts once with the next restart."),
        RefusalCode::NothingAsked => "It asks nothing, or something else by now.".into(),
        RefusalCode::RemovesMore => {
            "More packages would be removed than were agreed to: look again at what would change.".into()
        }
        RefusalCode::TooLate => "It is too late to cancel: the job is being completed.".into(),
    }
}

/// Why a start failed.
pub(crate) fn start_failure(failure: &StartFailure) -> String {
    let subject = safe(&failure.subject);
    match failure.kind {
        StartFailureKind::Unit => format!("{subject} failed"),
        StartFailureKind::Kernel => format!("the kernel gave up: {subject}"),
        StartFailureKind::Silent => "its journal ends without an error".to_owned(),
        StartFailureKind::NoJournal => "it left no journal".to_owned(),
    }
}

/// Why something failed, without the technical details.
pub(crate) fn failure(failure: &Failure) -> String {
    let argument = |name: &str| failure.args.get(name).map(|value| safe(value));
    match failure.code {
        FailureCode::Network => "the repositories could not be reached".into(),
        FailureCode::RepositoryUnavailable => "a repository is not there, or damaged".into(),
        FailureCode::RepositorySignature => "a repository's signature is missing or wrong".into(),
        FailureCode::RepositoryExpired => {
            "a repository is out of date, or the clock of this machine is wrong".into()
        }
        FailureCode::Conflict => "the packages cannot be installed together".into(),
        FailureCode::License => "a package asks for its license to be agreed to".into(),
        FailureCode::UnknownPackage => match argument("package") {
            Some(package) => format!("there is no package {package}; kedgectl search finds what there is"),
            None => "there is no such package".into(),
        },
        FailureCode::Essential => match argument("package").filter(|it| !it.is_empty()) {
            Some(package) => {
                format!("the package {package} is essential: the system does not work without it")
            }
            None => "a package that the system does not work without would be removed".into(),
        },
        FailureCode::Unanswered => "a question was not answered in time".into(),
        FailureCode::DiskFull => "the disk is full".into(),
        FailureCode::PackageScript => match argument("package") {
            Some(package) => format!("a script of the package {package} failed"),
            None => "a package's script failed".into(),
        },
        FailureCode::LockHeld => match argument("holder") {
            Some(holder) => format!("{holder} is changing the system; try again when it has ended"),
            None => "another program is changing the system; try again when it has ended".into(),
        },
        FailureCode::Unverified => match argument("package") {
            Some(package) => format!("the result was not complete: the package {package} is not in order"),
            None => "the result was not complete".into(),
        },
        FailureCode::NotBootable => {
            "the result could not have been started: it has no kernel or no initrd".into()
        }
        FailureCode::Snapshot => "a snapshot could not be created, changed or deleted".into(),
        FailureCode::BootDefault => "what starts next could not be changed".into(),
        FailureCode::PackageManager => "the package manager failed".into(),
        FailureCode::Refused => {
            let code = failure
                .args
                .get("reason")
                .and_then(|code| RefusalCode::from_code(code));
            let snapshot = failure.args.get("snapshot").and_then(|id| id.parse().ok());
            match code {
                Some(code) => {
                    let snapshot = snapshot.map(model::SnapshotId);
                    let words = refusal(&Refusal { code, snapshot });
                    let mut chars = words.trim_end_matches('.').chars();
                    let first = chars
                        .next()
                        .map(|c| c.to_lowercase().to_string())
                        .unwrap_or_default();
                    first + chars.as_str()
                }
                None => "a rule does not allow it".into(),
            }
        }
        FailureCode::Interrupted => "the helper was stopped in the middle".into(),
        FailureCode::Internal => "something unexpected happened".into(),
    }
}

/// What the machine is after a job.
fn machine(machine: Machine) -> &'static str {
    match machine {
        Machine::OldSystem => "The next restart starts the same system as before.",
        Machine::NewSystem => "The new system is complete and starts with the next restart.",
        Machine::Unknown => "What starts next could not be read; look with kedgectl status.",
    }
}

/// What a job came to, in one or two sentences.
pub(crate) fn outcome(kind: JobKind, outcome: &JobOutcome) -> String {
    let why = outcome.failure.as_ref().map(failure);
    let because = why.map(|why| format!(": {why}")).unwrap_or_default();
    let now = machine(outcome.machine);
    let snapshot = outcome.snapshot.map(|id| format!("snapshot {id}"));
    match (outcome.ending, kind, snapshot) {
        (Ending::Done, JobKind::Create, Some(it)) => format!("Created {it}."),
        (Ending::Done, JobKind::Create, None) => "Created a snapshot.".into(),
        (Ending::Done, JobKind::Delete, _) => "Deleted.".into(),
        (Ending::Done, JobKind::Edit, _) => "Changed.".into(),
        (Ending::Done, JobKind::Check, _) => "The repositories have answered.".into(),
        (Ending::Done, JobKind::Download, _) => "The updates are downloaded.".into(),
        (Ending::Done, JobKind::Update, it) => {
            let place = it.map(|it| format!(" in {it}")).unwrap_or_default();
            format!(
                "The update is installed{place} and starts with the next restart. The running system stays as it is."
            )
        }
        (Ending::Done, kind @ (JobKind::Install | JobKind::Remove), it) => {
            let what = if kind == JobKind::Install {
                "Installed"
            } else {
                "Removed"
            };
            let place = it
                .map(|it| format!(" in {it}, which"))
                .unwrap_or_else(|| ", which".into());
            format!("{what}{place} starts with the next restart. The running system stays as it is.")
        }
        (Ending::Done, JobKind::Rollback, it) => {
            let it = it.unwrap_or_else(|| "the chosen snapshot".into());
            format!("The next restart starts {it}. The running system stays as it is.")
        }
        (Ending::Done, JobKind::TryOnce, Some(it)) => {
            format!("The next restart starts {it}, and the one after that the present default again.")
        }
        (Ending::Done, JobKind::TryOnce, None) => "The next restart starts the default.".into(),
        (Ending::Done, JobKind::Discard, _) => {
            "Discarded what waited for the restart. The next restart starts the running system again.".into()
        }
        (Ending::Done, JobKind::MakeRoom, _) => "Deleted, and what they held is free.".into(),
        (Ending::Done, JobKind::CleanUp, _) => "Removed what is not kept.".into(),
        (Ending::Done, JobKind::Restore, Some(it)) => {
            format!("The file is back in {it}, which starts with the next restart.")
        }
        (Ending::Done, JobKind::Restore, None) => "The file is back.".into(),
        (Ending::Done, JobKind::Recover, _) => "Removed what an interrupted job had left.".into(),
        (Ending::NothingChanged, JobKind::Update, _) => "There is nothing to update.".into(),
        (Ending::NothingChanged, ..) => "There was nothing to do.".into(),
        (Ending::Undone, ..) => {
            format!(
                "{} failed{because}.\nEverything is as it was before. {now}",
                work(kind)
            )
        }
        (Ending::Cancelled, ..) => {
            format!(
                "{} was cancelled.\nEverything is as it was before. {now}",
                work(kind)
            )
        }
        (Ending::NeedsAttention, ..) => {
            format!(
                "{} failed{because}.\nSomething is left that wants a look. {now}",
                work(kind)
            )
        }
    }
}

/// The technical details of a failure, indented, where there are any.
pub(crate) fn details(failure: Option<&Failure>) -> String {
    let detail = failure.map(|failure| failure.detail.as_str()).unwrap_or_default();
    let mut text = String::new();
    for line in detail.lines().filter(|line| !line.trim().is_empty()) {
        text += &format!("  {}\n", safe(line));
    }
    match text.is_empty() {
        true => text,
        false => format!("Details:\n{text}"),
    }
}

/// The state of the system in one sentence.
pub(crate) fn status(status: &Status, state: &State, now: Timestamp) -> String {
    match status {
        Status::Working { job, kind } => {
            let progress = state.jobs.get(job).and_then(Job::progress);
            let done = progress
                .and_then(|it| it.permille)
                .map(|it| format!(", {} % done", it / 10));
            format!("{} is running{}.", work(*kind), done.unwrap_or_default())
        }
        Status::Failed {
            kind,
            ending,
            failure: why,
            ..
        } => {
            let because = why
                .as_ref()
                .map(|why| format!(": {}", failure(why)))
                .unwrap_or_default();
            let left = match ending {
                Ending::NeedsAttention => "Something is left that wants a look.",
                _ => "Everything is as it was before.",
            };
            format!("{} failed{because}. {left}", work(*kind))
        }
        Status::UpdatePending { updates: 1, .. } => {
            "An update is installed and starts with the next restart.".into()
        }
        Status::UpdatePending { updates, .. } => {
            format!("{updates} updates are installed and start with the next restart.")
        }
        Status::RollbackPending { snapshot } => format!("Snapshot {snapshot} starts with the next restart."),
        Status::Available { packages, security } => {
            let verb = if *packages == 1 { "is" } else { "are" };
            let security = match security {
                0 => String::new(),
                count => format!(", {count} of them for security"),
            };
            format!("{} {verb} available{security}.", counted(*packages, "update"))
        }
        Status::CouldNotCheck {
            failure: why,
            succeeded,
        } => {
            let last = match succeeded {
                Some(time) => format!("The last successful search was {}.", ago(*time, now)),
                None => "No search has succeeded yet.".into(),
            };
            format!("Updates could not be looked for: {}. {last}", failure(why))
        }
        Status::NeverChecked => "Nobody has looked for updates yet.".into(),
        Status::NotChecked { .. } => "The system has changed since updates were last looked for.".into(),
        Status::Stale { succeeded } => format!(
            "Nobody knows whether the system is up to date: the last successful search was {}.",
            ago(*succeeded, now)
        ),
        Status::UpToDate { succeeded } => format!("The system is up to date, as of {}.", date(*succeeded)),
        Status::NoUpdates => {
            let absence = state.capabilities.absence(model::Capability::Updates);
            let why = absence
                .map(|code| format!(" {}", refusal(&code.into())))
                .unwrap_or_default();
            format!("Updates cannot be installed here.{why}")
        }
    }
}

/// What a person should know before agreeing to a plan.
pub(crate) fn concern(concern: Concern) -> &'static str {
    match concern {
        Concern::DropsPending => "What waits for the restart will not start; it stays as a snapshot.",
        Concern::NoKernel => "The snapshot has no kernel of its own.",
        Concern::NoInitrd => "The snapshot has a kernel but no initrd for it.",
        Concern::LosesSecurityFixes => "Security fixes that are installed now are not in it (marked below).",
        Concern::PackagesUnknown => {
            "The packages of one of the two systems cannot be read, so what is gained and \
                                     lost is unknown."
        }
        Concern::NoModules => "The snapshot has no modules for its kernel.",
        Concern::NoEtc => "The snapshot has no /etc: it cannot start.",
        Concern::NoBootSpace => {
            "Its kernel does not fit on the boot partition: delete snapshots that are in the boot menu first."
        }
        Concern::NoBootPartition => {
            "The partition that the boot loader reads is not mounted: mount it first."
        }
        Concern::FailedBefore => "It was started before and never came up.",
        Concern::MakesCopy => {
            "The running system is writable, so a writable copy of the snapshot will start."
        }
    }
}

#[cfg(test)]
mod tests;
