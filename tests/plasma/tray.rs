// SPDX-License-Identifier: GPL-3.0-or-later
//! The icon: when it is there, what it says, what its menu does.

use crate::desktop::Desktop;
use crate::subject::Subject;
use crate::{Body, body};
use model::{Check, JobKind};
use std::time::Duration;

pub(crate) const TESTS: &[(&str, Body)] = &[
    (
        "nothing_shows_when_all_is_well",
        body!(nothing_shows_when_all_is_well),
    ),
    (
        "security_updates_show_with_tooltip_and_menu",
        body!(security_updates_show_with_tooltip_and_menu),
    ),
    (
        "a_click_opens_the_right_page",
        body!(a_click_opens_the_right_page),
    ),
    ("a_pause_hides_the_reminder", body!(a_pause_hides_the_reminder)),
    (
        "a_pending_restart_shows_and_asks_plasma",
        body!(a_pending_restart_shows_and_asks_plasma),
    ),
    ("a_new_tray_gets_the_icon", body!(a_new_tray_gets_the_icon)),
];

const UPDATES: &str = "12 updates are available, with security fixes";

async fn nothing_shows_when_all_is_well(desktop: &mut Desktop) {
    let mut subject = Subject::start(desktop, "no-updates", false).await;
    subject
        .wait_for_state("checked", |state| state.updates.check == Check::Done)
        .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(subject.picture(desktop).await, None);
    let names = desktop.screen.names().await;
    assert!(!names.iter().any(|name| name.contains("Kedge")), "{names:?}");
    desktop.picture("all-is-well");
    subject.end(desktop).await;
}

async fn security_updates_show_with_tooltip_and_menu(desktop: &mut Desktop) {
    let subject = Subject::start(desktop, "normal", false).await;
    let picture = subject.wait_for_icon(desktop, "update-high").await;
    assert_eq!(
        (picture.status.as_str(), picture.title.as_str()),
        ("Active", UPDATES)
    );
    desktop.point_at("button", UPDATES).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    desktop.picture("security-updates-tooltip");
    let expected = [
        "Install Updates",
        "Show Updates",
        "Check for Updates",
        "Pause Reminders",
        "For 1 Hour",
        "For Today",
        "Until the Next Start",
    ];
    // The check that found them is over a moment after they are known.
    subject
        .wait_for_lines(desktop, &expected.map(|label| (label, true)))
        .await;
    desktop.run("xdotool", &["click", "3"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    desktop.picture("security-updates-menu");
    desktop.key("Escape");
    subject.end(desktop).await;
}

async fn a_click_opens_the_right_page(desktop: &mut Desktop) {
    let subject = Subject::start(desktop, "normal", false).await;
    subject.wait_for_icon(desktop, "update-high").await;
    desktop.point_at("button", UPDATES).await;
    desktop.run("xdotool", &["click", "1"]);
    assert_eq!(subject.wait_for_window().await, "updates");
    subject.wait_for_none(desktop).await;
    desktop.screen.wait_gone("button", UPDATES).await;
    subject.end(desktop).await;
}

async fn a_pause_hides_the_reminder(desktop: &mut Desktop) {
    let mut subject = Subject::start(desktop, "normal", false).await;
    subject.wait_for_icon(desktop, "update-high").await;
    desktop.screen.wait_for("notification", UPDATES).await;
    subject.choose(desktop, "Until the Next Start").await;
    subject.wait_for_none(desktop).await;
    desktop.screen.wait_gone("notification", UPDATES).await;
    // Not forgotten when the agent is started anew within the same start of the system.
    subject.restart_agent(desktop).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(subject.picture(desktop).await, None);
    subject.end(desktop).await;
}

async fn a_pending_restart_shows_and_asks_plasma(desktop: &mut Desktop) {
    let subject = Subject::start(desktop, "pending", false).await;
    let picture = subject.wait_for_icon(desktop, "system-reboot-update").await;
    assert_eq!(picture.title, "Restart to finish the update");
    assert_eq!(
        picture.text,
        "2 updates are installed and start with the next restart."
    );
    desktop
        .screen
        .wait_for("notification", "Restart to finish the update")
        .await;
    desktop.picture("restart-pending");
    assert!(!desktop.has_owner("org.kde.LogoutPrompt").await);
    subject.choose(desktop, "Restart…").await;
    desktop.wait_for_name("org.kde.LogoutPrompt").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    desktop.picture("restart-question");
    desktop
        .press_until_no_owner("Escape", "org.kde.LogoutPrompt")
        .await;
    assert!(
        subject
            .view
            .borrow()
            .state
            .jobs
            .values()
            .all(|job| job.kind == JobKind::Check)
    );
    subject.end(desktop).await;
}

async fn a_new_tray_gets_the_icon(desktop: &mut Desktop) {
    let subject = Subject::start(desktop, "pending", false).await;
    subject.wait_for_icon(desktop, "system-reboot-update").await;
    desktop.restart_tray().await;
    subject.wait_for_icon(desktop, "system-reboot-update").await;
    desktop
        .screen
        .wait_for("button", "Restart to finish the update")
        .await;
    subject.end(desktop).await;
}
