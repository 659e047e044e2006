// SPDX-License-Identifier: GPL-3.0-or-later
//! What the machine has beside Kedge, as text: the lower half of `kedgectl status --verbose`.

use crate::text::{date, safe, table};
use model::{EtcLayout, Nightly, Platform, RestartLevel, RunResult, State, Timer, Transactor, Writer};

/// Everything about the machine.
pub(crate) fn platform(platform: &Platform, state: &State) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, words: String| {
        if !words.is_empty() {
            rows.push(vec![format!("{name}:"), words]);
        }
    };
    let tools: Vec<_> = platform.tools.iter().map(|tool| tool.as_str()).collect();
    row(
        "Tools",
        match tools.is_empty() {
            true => "none that Kedge knows".into(),
            false => tools.join(", "),
        },
    );
    row("Root", root(platform).into());
    row("/etc", etc(platform.etc).into());
    row("Snapshots by", writer(platform.writer).into());
    row("Transactions by", transactor(platform.transactor).into());
    let configs: Vec<_> = platform
        .configs
        .iter()
        .map(|it| format!("{} ({})", safe(&it.name), safe(&it.subvolume)))
        .collect();
    row("snapper", configs.join(", "));
    row("Every night", nightly(platform));
    if let Some(run) = &platform.last_run {
        let words = format!("{} {}", safe(&run.began), result(run.result));
        row("Last night", words.trim().to_owned());
        row("", safe(&run.detail));
    }
    row("Restart", restart(platform.restart).into());
    if let Some(manager) = &platform.reboot_manager {
        row("rebootmgr", reboots(manager));
    }
    if let Some(health) = &platform.health {
        row("Last start", health_words(health));
        for reason in &health.reasons {
            row("", safe(reason));
        }
    }
    for timer in &platform.timers {
        row(&safe(&timer.unit), schedule(timer));
    }
    // A row without a name goes on with the one above it.
    for row in &mut rows {
        if let Some(name) = row.first_mut().filter(|name| *name == ":") {
            name.clear();
        }
    }
    let mut text = format!("\nAbout this system\n{}", table(&rows));
    if let Some(pending) = platform.replaces(state) {
        text += &format!(
            "\nThe distribution's nightly job would replace snapshot {pending}, which waits for the restart.\n\
             Restart before, or let Kedge do that job: kedgectl nightly kedge\n"
        );
    }
    text
}

fn root(platform: &Platform) -> &'static str {
    match platform.read_only_root {
        true => "read-only",
        false => "writable",
    }
}

fn etc(layout: EtcLayout) -> &'static str {
    match layout {
        EtcLayout::Nested => "a subvolume of its own",
        EtcLayout::Overlay => "an overlay",
        EtcLayout::Plain => "part of the root",
    }
}

fn writer(writer: Writer) -> &'static str {
    match writer {
        Writer::Native => "Kedge",
        Writer::Snapperd => "snapper's service",
    }
}

fn transactor(transactor: Transactor) -> &'static str {
    match transactor {
        Transactor::Native => "Kedge",
        Transactor::Tukit => "tukit",
    }
}

/// Who installs updates every night, in words.
pub(crate) fn nightly(platform: &Platform) -> String {
    match platform.nightly {
        Nightly::Nobody => "nothing".into(),
        Nightly::Kedge => "Kedge installs updates and keeps what waits for the restart".into(),
        Nightly::Distribution => format!(
            "transactional-update {}, restart: {}",
            safe(&platform.update_method),
            safe(&platform.reboot_method)
        ),
    }
}

fn result(result: RunResult) -> &'static str {
    match result {
        RunResult::Done => "made a new default",
        RunResult::NothingToDo => "found nothing to do",
        RunResult::Failed => "failed and left everything as it was",
        RunResult::Unfinished => "runs, or was cut short",
    }
}

fn restart(level: RestartLevel) -> &'static str {
    match level {
        RestartLevel::None => "not needed",
        RestartLevel::SoftReboot => "a soft restart is enough",
        RestartLevel::Kexec => "a restart of the kernel is enough",
        RestartLevel::Reboot => "needed",
    }
}

fn reboots(manager: &model::RebootManager) -> String {
    let mut words = safe(&manager.strategy);
    if !manager.window_start.is_empty() {
        let minutes = manager.window_duration / 60;
        words += &format!(", window {} for {minutes} min", safe(&manager.window_start));
    }
    if manager.requested {
        words += &format!(", a restart is asked for {}", safe(&manager.time));
    }
    words.trim().to_owned()
}

fn health_words(health: &model::Health) -> String {
    let mut words = match (health.rolled_back, health.failed) {
        (true, Some(id)) => format!("the update of snapshot {id} was rolled back"),
        (true, None) => "an update was rolled back".to_owned(),
        (false, _) => "well".to_owned(),
    };
    if let Some(id) = health.last_working {
        words += &format!(", snapshot {id} came up well");
    }
    if !health.restarted.is_empty() {
        words += &format!(", a restart was tried at {}", safe(&health.restarted));
    }
    words
}

fn schedule(timer: &Timer) -> String {
    let mut words = match timer.enabled {
        true => safe(&timer.schedule),
        false => "off".to_owned(),
    };
    if timer.enabled && timer.delay > 0 {
        words += &format!(", up to {} min later", timer.delay / 60);
    }
    if let Some(last) = timer.last {
        words += &format!(", last {}", date(last));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SnapshotId;

    #[test]
    fn a_threatened_update_is_told_with_the_way_out() {
        let state = State {
            booted: Some(SnapshotId(1)),
            default: Some(SnapshotId(2)),
            ..State::default()
        };
        let machine = Platform {
            nightly: Nightly::Distribution,
            update_method: "dup".into(),
            reboot_method: "auto".into(),
            ..Platform::default()
        };
        let text = platform(&machine, &state);
        assert!(text.contains("Every night:") && text.contains("transactional-update dup, restart: auto"));
        assert!(text.contains("would replace snapshot 2") && text.contains("kedgectl nightly kedge"));
        assert!(!platform(&Platform::default(), &state).contains("would replace"));
    }

    #[test]
    fn what_others_wrote_reaches_no_terminal_unclean() {
        let machine = Platform {
            last_run: Some(model::NightlyRun {
                began: "x".into(),
                result: RunResult::Failed,
                detail: "a\u{1b}[31mb".into(),
            }),
            ..Platform::default()
        };
        assert!(!platform(&machine, &State::default()).contains('\u{1b}'));
    }
}
