// SPDX-License-Identifier: GPL-3.0-or-later
//! The units that systemd runs: that it understands them, how closed they are, and that the timer does what the policy
//! says and writes down what that was.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{BEFORE, FIRST, Scenario};
use crate::guest::wait_for;

/// Units of the system, each with the most that it may be exposed by the measure of systemd-analyze(1), in tenths. The
/// helper changes the system and runs package managers, so that little can be taken from it; its timer's service only
/// speaks to the bus.
const SYSTEM: [(&str, u32); 2] = [("kedge-automatic.service", 20), ("kedge-helper.service", 60)];
const SESSION: [&str; 3] = ["kedge-agent.service", "kedge-night.service", "kedge-night.timer"];

const TIMER: &str = "kedge-automatic.timer";
const SERVICE: &str = "kedge-automatic.service";
/// How long the timer's service may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// systemd understands every unit, and what can be closed is.
pub(super) fn sound(scenario: &mut Scenario) -> Result<()> {
    scenario.show(&[
        "systemd-analyze",
        "verify",
        "--man=no",
        SERVICE,
        TIMER,
        "kedge-helper.service",
    ])?;
    for unit in SESSION {
        let path = format!("/usr/lib/systemd/user/{unit}");
        // Nobody is logged in, so there is no such directory of a session.
        let words = [
            "env",
            "XDG_RUNTIME_DIR=/run",
            "systemd-analyze",
            "verify",
            "--user",
            "--man=no",
        ];
        scenario.show(&[&words[..], &[&path]].concat())?;
    }
    for (unit, most) in SYSTEM {
        let most = most.to_string();
        let words = [
            "systemd-analyze",
            "security",
            "--no-pager",
            "--threshold",
            &most,
            unit,
        ];
        let said = scenario.guest.try_run(&words)?;
        let table = String::from_utf8_lossy(&said.stdout);
        let last = table
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or_default();
        scenario.say(&format!("# {}", last.trim()));
        ensure!(
            said.status.success(),
            "{unit} is more exposed than {most} tenths:\n{table}"
        );
    }
    Ok(())
}

/// Nothing before somebody decided; then the timer's service does as much as that, and the journal tells.
pub(super) fn timer(scenario: &mut Scenario) -> Result<()> {
    // It starts with the system by a link of the distribution's, which is no enabling of an administrator's.
    scenario.show(&["systemctl", "is-active", TIMER])?;
    scenario.show(&["systemctl", "start", SERVICE])?;
    ensure!(runs(scenario)? == 0, "it ran although nobody decided anything");
    scenario.show(&["kedgectl", "settings", "set", "--automation", "download"])?;
    // Its first moment is a quarter of an hour after the start of the system; here it comes at once.
    let soon = "mkdir -p /run/systemd/system/kedge-automatic.timer.d; \
                printf '[Timer]\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=1s\n' \
                > /run/systemd/system/kedge-automatic.timer.d/soon.conf; \
                systemctl daemon-reload; systemctl restart kedge-automatic.timer";
    scenario.guest.run(&["sh", "-c", soon])?;
    wait_for(PATIENCE, || {
        runs(scenario).is_ok_and(|times| times > 0).then_some(())
    })
    .context("the timer did not start its service")?;
    let journal = said(scenario)?;
    ensure!(
        journal.contains("Downloading 4 updates") && journal.contains("The updates are downloaded."),
        "the journal does not say what was done"
    );
    scenario.show(&["systemctl", "start", SERVICE])?;
    let journal = said(scenario)?;
    ensure!(
        journal.contains("The next check is due at"),
        "the journal does not say what is waited for"
    );
    // Everything is as it was, but for what waits in the cache.
    let undo = "rm -r /run/systemd/system/kedge-automatic.timer.d; systemctl daemon-reload; \
                systemctl restart kedge-automatic.timer";
    scenario.guest.run(&["sh", "-c", undo])?;
    scenario.judge(FIRST, FIRST, &BEFORE)
}

/// A target as a desktop has one: it brings the session that graphical programs belong to (systemd.special(7)).
const DESKTOP: &str = "[Unit]\nBindsTo=graphical-session.target\nBefore=graphical-session.target\n";

/// In a person's session the agent comes and goes with the desktop, and its timer reaches it in the night.
pub(super) fn session(scenario: &mut Scenario) -> Result<()> {
    scenario.show(&["systemctl", "start", "user@0.service"])?;
    let prepare = format!(
        "mkdir -p /run/systemd/user/kedge-night.timer.d; printf '{DESKTOP}' > /run/systemd/user/desktop.target; \
         printf '[Timer]\nOnCalendar=\nOnActiveSec=1s\nAccuracySec=1s\n' > /run/systemd/user/kedge-night.timer.d/soon.conf"
    );
    scenario.guest.run(&["sh", "-c", &prepare])?;
    let user = |words: &[&'static str]| {
        let session = [
            "env",
            "XDG_RUNTIME_DIR=/run/user/0",
            "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus",
        ];
        [&session, words].concat()
    };
    let systemctl = |words: &[&'static str]| user(&[&["systemctl", "--user"], words].concat());
    scenario.show(&systemctl(&["daemon-reload"]))?;
    scenario.show(&systemctl(&["enable", "--runtime", "kedge-agent.service"]))?;
    scenario.show(&systemctl(&["start", "desktop.target"]))?;
    let shows = |scenario: &Scenario, unit: &'static str, what: &'static str| {
        let said = scenario.guest.run(&systemctl(&["show", unit]));
        said.is_ok_and(|said| said.lines().any(|line| line == what))
    };
    // It counts as started when it has its name on the bus.
    wait_for(PATIENCE, || {
        shows(scenario, "kedge-agent.service", "ActiveState=active").then_some(())
    })
    .context("the agent does not start with the desktop")?;
    scenario.show(&user(&["busctl", "--user", "status", "org.kedge.Kedge.Agent"]))?;
    scenario.show(&systemctl(&["start", "kedge-night.timer"]))?;
    // The agent stops the timer when it was told: nothing waits for a restart.
    wait_for(PATIENCE, || {
        shows(scenario, "kedge-night.timer", "ActiveState=inactive").then_some(())
    })
    .context("the agent is not told of the night")?;
    let journal = [
        "journalctl",
        "--no-pager",
        "--output=cat",
        "USER_UNIT=kedge-night.service",
    ];
    ensure!(
        scenario
            .show(&journal)?
            .lines()
            .any(|line| line.starts_with("Finished")),
        "the night did not come well"
    );
    // There was no restart. The desktop takes the agent with it.
    scenario.show(&systemctl(&["stop", "desktop.target"]))?;
    wait_for(PATIENCE, || {
        shows(scenario, "kedge-agent.service", "ActiveState=inactive").then_some(())
    })
    .context("the agent outlives the desktop")?;
    scenario.show(&["systemctl", "stop", "user@0.service"])?;
    scenario.guest.run(&[
        "rm",
        "-r",
        "/run/systemd/user/kedge-night.timer.d",
        "/run/systemd/user/desktop.target",
    ])?;
    scenario.judge(FIRST, FIRST, &BEFORE)
}

/// How often the service has run to its end.
fn runs(scenario: &Scenario) -> Result<usize> {
    let ended = "--output=cat";
    let journal = scenario
        .guest
        .run(&["journalctl", "--no-pager", ended, "--unit", SERVICE])?;
    Ok(journal
        .lines()
        .filter(|line| line.contains("Deactivated successfully") || line.starts_with("Finished"))
        .count())
}

/// What the service wrote down, shown.
fn said(scenario: &mut Scenario) -> Result<String> {
    scenario.show(&["journalctl", "--no-pager", "--output=cat", "--unit", SERVICE])
}
