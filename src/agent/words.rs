// SPDX-License-Identifier: GPL-3.0-or-later
//! Every word the agent says, in one place.
//!
//! xgettext (before 0.24) does not read Rust, so this file keeps to what also reads as C: plain string literals in calls
//! of `text`, `both` and `plural`, and no lifetimes. docs/agent.md has the command; `%1` marks an argument as in the window.

use crate::gettext::{both, plural, text};
use crate::runner::Offer;
use crate::tray::{Choice, Command, Page, PauseFor, Tip};
use model::{Ending, FailureCode, JobKind, Notice, Phase, RestartWhen, Wait};

/// Puts arguments into the places `%1`, `%2`.
fn fill(template: &str, arguments: &[&str]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        let argument = after
            .chars()
            .next()
            .and_then(|digit| digit.to_digit(10))
            .and_then(|number| arguments.get((number as usize).wrapping_sub(1)));
        match argument {
            Some(argument) => {
                filled.push_str(argument);
                rest = &after[1..];
            }
            None => {
                filled.push('%');
                rest = after;
            }
        }
    }
    filled + rest
}

/// The name of the program.
pub(crate) fn name() -> String {
    text("@title name of the program", "Kedge")
}

/// What a job does, while it does.
pub(crate) fn working(kind: JobKind) -> String {
    match kind {
        JobKind::Create => text("@info:status", "Creating a snapshot"),
        JobKind::Delete => text("@info:status", "Deleting"),
        JobKind::Edit => text("@info:status", "Saving changes"),
        JobKind::Check => text("@info:status", "Checking for updates"),
        JobKind::Download => text("@info:status", "Downloading updates"),
        JobKind::Update => text("@info:status", "Installing updates"),
        JobKind::Install => text("@info:status", "Installing packages"),
        JobKind::Remove => text("@info:status", "Removing packages"),
        JobKind::Rollback => text("@info:status", "Going back"),
        JobKind::TryOnce => text("@info:status", "Preparing to try a version"),
        JobKind::Discard => text("@info:status", "Undoing"),
        JobKind::MakeRoom => text("@info:status", "Making room"),
        JobKind::CleanUp => text("@info:status", "Removing old snapshots"),
        JobKind::Restore => text("@info:status", "Getting a file back"),
        JobKind::Recover => text("@info:status", "Tidying up after an interruption"),
    }
}

/// Where a job is.
pub(crate) fn phase(phase: Phase) -> String {
    match phase {
        Phase::Prepare => text("@info:progress", "Preparing"),
        Phase::Refresh => text("@info:progress", "Asking the repositories"),
        Phase::Download => text("@info:progress", "Downloading"),
        Phase::Install => text("@info:progress", "Installing"),
        Phase::Verify => text("@info:progress", "Checking the result"),
        Phase::Commit => text("@info:progress", "Finishing"),
        Phase::CleanUp => text("@info:progress", "Tidying up"),
    }
}

/// That something failed.
fn failed(kind: JobKind) -> String {
    match kind {
        JobKind::Create => text("@info:status", "Could not create the snapshot"),
        JobKind::Delete => text("@info:status", "Could not delete"),
        JobKind::Edit => text("@info:status", "Could not save the changes"),
        JobKind::Check => text("@info:status", "Could not check for updates"),
        JobKind::Download => text("@info:status", "Could not download the updates"),
        JobKind::Update => text("@info:status", "The update did not work"),
        JobKind::Install => text("@info:status", "Could not install the packages"),
        JobKind::Remove => text("@info:status", "Could not remove the packages"),
        JobKind::Rollback => text("@info:status", "Could not go back"),
        JobKind::TryOnce => text("@info:status", "Could not prepare the try"),
        JobKind::Discard => text("@info:status", "Could not undo"),
        JobKind::MakeRoom => text("@info:status", "Could not make room"),
        JobKind::CleanUp => text("@info:status", "Could not remove old snapshots"),
        JobKind::Restore => text("@info:status", "Could not get the file back"),
        JobKind::Recover => text("@info:status", "Could not tidy up"),
    }
}

/// Why something failed, for people; the window has the details.
fn cause(code: FailureCode) -> String {
    match code {
        FailureCode::Network => text(
            "@info",
            "The update servers could not be reached. Is there an internet connection?",
        ),
        FailureCode::RepositoryUnavailable => text(
            "@info",
            "An update server is not available or sends damaged data. Trying again later usually helps.",
        ),
        FailureCode::RepositorySignature => text(
            "@info",
            "An update server could not prove that it is genuine, so nothing was taken from it.",
        ),
        FailureCode::RepositoryExpired => text(
            "@info",
            "An update server offers an outdated list. Is the computer's clock right?",
        ),
        FailureCode::License => text(
            "@info",
            "A package asks for its license to be agreed to, which only an administrator can do in a terminal.",
        ),
        FailureCode::Conflict => text(
            "@info",
            "Some updates do not fit together yet. Trying again in a day or two usually helps.",
        ),
        FailureCode::UnknownPackage => text("@info", "There is no package with this name."),
        FailureCode::Essential => text(
            "@info",
            "The system does not work without a package that would be removed.",
        ),
        FailureCode::Unanswered => text("@info", "A question was not answered in time."),
        FailureCode::DiskFull => text(
            "@info",
            "The disk is full. Deleting old snapshots or files makes room.",
        ),
        FailureCode::PackageScript => text("@info", "A package could not be set up."),
        FailureCode::LockHeld => text(
            "@info",
            "Another program is using the package manager. Try again when it is done.",
        ),
        FailureCode::Unverified => text("@info", "The result was not in order, so it was not used."),
        FailureCode::NotBootable => text("@info", "The result could not have started, so it was not used."),
        FailureCode::Snapshot => text("@info", "A snapshot could not be created, changed or deleted."),
        FailureCode::BootDefault => text("@info", "What starts next could not be changed."),
        FailureCode::PackageManager => text("@info", "The package manager reported a problem."),
        FailureCode::Interrupted => text("@info", "It was interrupted."),
        FailureCode::Refused | FailureCode::Internal => text("@info", "Something unexpected happened."),
    }
}

/// What became of the system after a failure.
fn after_failure(ending: Ending) -> String {
    match ending {
        Ending::NeedsAttention => text("@info", "Something was left behind that needs a look."),
        _ => text("@info", "Nothing has changed: the system is as it was before."),
    }
}

/// A failure in two sentences.
fn why_failed(ending: Ending, code: Option<FailureCode>) -> String {
    let after = after_failure(ending);
    match code {
        Some(code) => format!("{} {after}", cause(code)),
        None => after,
    }
}

/// The two lines of the tooltip.
pub(crate) fn tip(tip: &Tip, planned: Option<RestartWhen>, wait: Option<Wait>) -> (String, String) {
    let (title, mut more) = match tip {
        Tip::Nothing => (name(), String::new()),
        Tip::Available { packages } => (updates(*packages), beside()),
        Tip::Security { packages } => (security_updates(*packages), beside()),
        Tip::Working {
            kind,
            phase: at,
            permille,
        } => (working(*kind), progress(*at, *permille)),
        Tip::UpdatePending { updates } => (restart_to_finish(), number_waiting(*updates)),
        Tip::RollbackPending { snapshot } => (restart_to_go_back(snapshot.0), not_yet()),
        Tip::Failed { kind, ending, code } => (failed(*kind), why_failed(*ending, *code)),
        Tip::FellBack { snapshot } => (fell_back(snapshot.0), other_started()),
        Tip::Trying { snapshot } => (trying(snapshot.0), leaves_it()),
        Tip::RunningOlder { default } => (
            text("@info:status", "An older version is running"),
            starts_next(default.0),
        ),
    };
    for line in planned.map(restart_is_planned).into_iter().chain(wait.map(waits)) {
        if !more.is_empty() {
            more.push('\n');
        }
        more.push_str(&line);
    }
    (title, more)
}

fn updates(count: usize) -> String {
    let template = plural(
        "@info:status",
        "%1 update is available",
        "%1 updates are available",
        count,
    );
    fill(&template, &[&count.to_string()])
}

fn security_updates(count: usize) -> String {
    let template = plural(
        "@info:status",
        "%1 update is available, with security fixes",
        "%1 updates are available, with security fixes",
        count,
    );
    fill(&template, &[&count.to_string()])
}

fn beside() -> String {
    text(
        "@info",
        "They are installed beside the running system and start with the next restart.",
    )
}

fn restart_to_finish() -> String {
    text("@info:status", "Restart to finish the update")
}

fn number_waiting(count: usize) -> String {
    if count == 1 {
        return text(
            "@info",
            "The update is installed and starts with the next restart.",
        );
    }
    let template = plural(
        "@info",
        "%1 update is installed and starts with the next restart.",
        "%1 updates are installed and start with the next restart.",
        count,
    );
    fill(&template, &[&count.to_string()])
}

fn restart_to_go_back(snapshot: u32) -> String {
    let template = text("@info:status", "Restart to go back to snapshot #%1");
    fill(&template, &[&snapshot.to_string()])
}

fn not_yet() -> String {
    text(
        "@info",
        "Nothing has changed yet: the earlier version starts with the next restart.",
    )
}

fn starts_next(snapshot: u32) -> String {
    let template = text("@info:status", "Snapshot #%1 starts with the next restart");
    fill(&template, &[&snapshot.to_string()])
}

fn trying(snapshot: u32) -> String {
    let template = text("@info:status", "Snapshot #%1 runs for a try");
    fill(&template, &[&snapshot.to_string()])
}

fn leaves_it() -> String {
    text(
        "@info",
        "It was started once: the next restart leaves it, unless it is kept.",
    )
}

fn fell_back(snapshot: u32) -> String {
    let template = text("@info:status", "The restart did not start snapshot #%1");
    fill(&template, &[&snapshot.to_string()])
}

fn other_started() -> String {
    text(
        "@info",
        "Another version was started instead. The timeline shows both.",
    )
}

/// The phase with the percentage, the same number as everywhere.
pub(crate) fn progress(at: Phase, permille: Option<u16>) -> String {
    match permille {
        Some(permille) => {
            let percent = (permille / 10).to_string();
            let template = text("@info:progress percentage, then phase", "%1% – %2");
            fill(&template, &[&percent, &phase(at)])
        }
        None => phase(at),
    }
}

/// Why a check that is due is not made.
pub(crate) fn waits(wait: Wait) -> String {
    match wait {
        Wait::Offline => text("@info:tooltip", "The next check waits for a network."),
        Wait::Metered => text(
            "@info:tooltip",
            "The next check waits for a network that is not metered.",
        ),
        Wait::OnBattery => text(
            "@info:tooltip",
            "The next check waits until the battery is being charged.",
        ),
        Wait::SavesPower => text(
            "@info:tooltip",
            "The next check waits until power saving is over.",
        ),
    }
}

/// When a restart was agreed to.
fn restart_is_planned(when: RestartWhen) -> String {
    match when {
        RestartWhen::Tonight => text(
            "@info:tooltip",
            "The computer restarts tonight between 3 and 5, if it is on.",
        ),
        RestartWhen::NextShutdown => text(
            "@info:tooltip",
            "No reminders until the computer is shut down or restarted.",
        ),
    }
}

/// What a line of the menu, or a button of a notification, says.
pub(crate) fn command(command: Command) -> String {
    match command {
        Command::Open(Page::Status) => text("@action:button", "Open Kedge"),
        Command::Open(Page::Timeline) => text("@action:button", "Show Timeline"),
        Command::Open(Page::Updates) => text("@action:button", "Show Updates"),
        Command::Update => text("@action:button", "Install Updates"),
        Command::Restart => text("@action:button", "Restart…"),
        Command::RestartNow => text("@action:button", "Restart Now"),
        Command::PlanRestart(RestartWhen::Tonight) => text("@action restart later", "Tonight"),
        Command::PlanRestart(RestartWhen::NextShutdown) => {
            text("@action restart later", "With the Next Shutdown")
        }
        Command::KeepRunning(RestartWhen::Tonight) => text("@action:inmenu", "Do Not Restart Tonight"),
        Command::KeepRunning(RestartWhen::NextShutdown) => {
            text("@action:inmenu", "Remind of the Restart Again")
        }
        Command::Keep(_) => text("@action:button", "Keep This Version"),
        Command::Check => text("@action:button", "Check for Updates"),
        Command::Cancel(_) => text("@action:button", "Cancel"),
        Command::Pause(PauseFor::Hour) => text("@action:inmenu pause reminders", "For 1 Hour"),
        Command::Pause(PauseFor::Today) => text("@action:inmenu pause reminders", "For Today"),
        Command::Pause(PauseFor::UntilNextStart) => {
            text("@action:inmenu pause reminders", "Until the Next Start")
        }
        Command::Resume => text("@action:button", "Resume Reminders"),
        Command::Later(_) => text("@action:button", "Later"),
    }
}

/// The line behind which choices are.
pub(crate) fn choice(choice: Choice) -> String {
    match choice {
        Choice::Pause => text("@action:button", "Pause Reminders"),
        Choice::RestartLater => text("@action:inmenu", "Restart Later"),
    }
}

/// What KRunner shows for an offer, and what it says below.
pub(crate) fn offer(offer: Offer) -> (String, String) {
    match offer {
        Offer::RollBack => (
            text("@action", "Go Back to an Earlier Version"),
            text("@info", "Shows the versions of the system to choose from"),
        ),
        Offer::Check => (
            text("@action", "Check for System Updates"),
            text("@info", "Only looks; nothing is installed"),
        ),
        Offer::Update => (text("@action", "Install System Updates"), beside()),
        Offer::Timeline => (
            text("@action", "Show the Timeline"),
            text("@info", "All versions of the system and what they changed"),
        ),
    }
}

/// The words by which KRunner finds an offer, in English and in the person's language, separated by semicolons.
pub(crate) fn offer_words(offer: Offer) -> String {
    match offer {
        Offer::RollBack => both(
            "words to find an action by, separated by semicolons; add what people may type",
            "roll back;rollback;go back;undo update;earlier version;restore system;downgrade",
        ),
        Offer::Check => both(
            "words to find an action by, separated by semicolons; add what people may type",
            "check for updates;look for updates;search updates;updates available",
        ),
        Offer::Update => both(
            "words to find an action by, separated by semicolons; add what people may type",
            "update;update system;install updates;upgrade",
        ),
        Offer::Timeline => both(
            "words to find an action by, separated by semicolons; add what people may type",
            "timeline;open timeline;show timeline;snapshots;system versions",
        ),
    }
}

/// That the night passed without the restart that was agreed to.
pub(crate) fn not_restarted() -> (String, String) {
    (
        text("@info:status", "The restart did not take place"),
        text(
            "@info",
            "The computer was not on, or was busy, during the night. What waits still starts with the next restart.",
        ),
    )
}

/// What a notification is about, with the numbers in it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// Packages that an update would change.
    pub(crate) packages: usize,
    /// Updates that wait for the restart.
    pub(crate) waiting: usize,
    /// The version that it is about.
    pub(crate) snapshot: u32,
    /// The job that failed.
    pub(crate) failed: Option<(JobKind, Ending, Option<FailureCode>)>,
    /// Days since a check last succeeded.
    pub(crate) days: u64,
}

/// Title and text of a notification.
pub(crate) fn notice(notice: Notice, facts: Facts) -> (String, String) {
    match notice {
        Notice::SecurityUpdates => (security_updates(facts.packages), beside()),
        Notice::UpdatesAvailable => (updates(facts.packages), beside()),
        Notice::RestartReady if facts.waiting > 0 => (restart_to_finish(), number_waiting(facts.waiting)),
        Notice::RestartReady => (restart_to_go_back(facts.snapshot), not_yet()),
        Notice::Failed => {
            let (kind, ending, code) = facts.failed.unwrap_or((JobKind::Update, Ending::Undone, None));
            (failed(kind), why_failed(ending, code))
        }
        Notice::FellBack => (fell_back(facts.snapshot), other_started()),
        Notice::Receipt => {
            let template = text("@info:status", "Snapshot #%1 is running");
            let title = fill(&template, &[&facts.snapshot.to_string()]);
            (title, text("@info", "Going back worked as planned."))
        }
        Notice::Trying => {
            let title = text("@title:notification", "Keep this version?");
            (title, format!("{}. {}", trying(facts.snapshot), leaves_it()))
        }
        Notice::Stale => {
            let days = usize::try_from(facts.days).unwrap_or(usize::MAX);
            let template = plural(
                "@info",
                "The last check that worked was %1 day ago.",
                "The last check that worked was %1 days ago.",
                days,
            );
            let title = text("@info:status", "Last checked for updates long ago");
            (title, fill(&template, &[&days.to_string()]))
        }
        Notice::LowSpace => (
            text("@info:status", "Not enough space for the updates"),
            text(
                "@info",
                "Deleting snapshots that are no longer needed makes room.",
            ),
        ),
    }
}

/// The question where the desktop has none of its own.
pub(crate) fn restart_question() -> (String, String) {
    (
        text("@title:notification", "Restart now?"),
        text("@info", "Unsaved work in open programs is lost."),
    )
}

/// That a wish from the tray was refused or failed at once.
pub(crate) fn not_started(command: Command) -> String {
    match command {
        Command::Update => failed(JobKind::Update),
        Command::Keep(_) => failed(JobKind::Rollback),
        Command::Check => failed(JobKind::Check),
        _ => text("@info", "That did not work"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_find_their_places() {
        for (template, arguments, filled) in [
            ("%1% – %2", &["42", "Installing"][..], "42% – Installing"),
            ("%2 von %1", &["7", "3"], "3 von 7"),
            ("100 %", &["1"], "100 %"),
            ("%3 %1", &["%2", "x"], "%3 %2"),
            ("Ünï %1 ä", &["ö"], "Ünï ö ä"),
        ] {
            assert_eq!(fill(template, arguments), filled, "{template}");
        }
    }

    #[test]
    fn english_needs_no_catalogue() {
        assert_eq!(updates(1), "1 update is available");
        assert_eq!(updates(12), "12 updates are available");
        assert_eq!(progress(Phase::Install, Some(425)), "42% – Installing");
        assert_eq!(progress(Phase::Prepare, None), "Preparing");
        let (title, more) = tip(&Tip::Security { packages: 3 }, None, Some(Wait::Metered));
        assert_eq!(title, "3 updates are available, with security fixes");
        let lines: Vec<_> = more.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(
            lines[1],
            "The next check waits for a network that is not metered."
        );
    }

    #[test]
    fn a_failure_says_what_the_system_is_now() {
        let undone = why_failed(Ending::Undone, Some(FailureCode::DiskFull));
        assert!(
            undone.ends_with("Nothing has changed: the system is as it was before."),
            "{undone}"
        );
        let left = why_failed(Ending::NeedsAttention, None);
        assert_eq!(left, "Something was left behind that needs a look.");
    }
}
