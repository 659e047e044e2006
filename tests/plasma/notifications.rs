// SPDX-License-Identifier: GPL-3.0-or-later
//! Notifications: their buttons work, they replace each other, and who does not want them has none.

use crate::desktop::Desktop;
use crate::subject::Subject;
use crate::{Body, body};
use model::JobKind;
use std::time::Duration;

pub(crate) const TESTS: &[(&str, Body)] = &[
    (
        "a_button_installs_the_updates",
        body!(a_button_installs_the_updates),
    ),
    (
        "later_hides_the_icon_until_it_is_due_again",
        body!(later_hides_the_icon_until_it_is_due_again),
    ),
    (
        "a_failure_needs_attention_until_it_was_looked_at",
        body!(a_failure_needs_attention_until_it_was_looked_at),
    ),
    (
        "a_muted_event_does_not_pop_up",
        body!(a_muted_event_does_not_pop_up),
    ),
    (
        "a_window_in_front_needs_no_notification",
        body!(a_window_in_front_needs_no_notification),
    ),
];

/// Plasma hears of such a setting only while it shows a notification of ours, so that taking it back may not be heard of:
/// nothing comes after this one.
pub(crate) const LAST: &[(&str, Body)] = &[(
    "a_muted_program_does_not_pop_up",
    body!(a_muted_program_does_not_pop_up),
)];

const UPDATES: &str = "12 updates are available, with security fixes";
const READY: &str = "Restart to finish the update";

async fn a_button_installs_the_updates(desktop: &mut Desktop) {
    let mut subject = Subject::start(desktop, "normal", false).await;
    desktop.screen.wait_for("notification", UPDATES).await;
    desktop.point((1080, 620));
    desktop.screen.wait_for("button", "Install Updates").await;
    desktop.picture("notification-buttons");
    desktop.screen.press("button", "Install Updates").await;
    let updating = |state: &model::State| state.jobs.values().any(|job| job.kind == JobKind::Update);
    subject.wait_for_state("an update runs", updating).await;
    desktop.screen.wait_gone("notification", UPDATES).await;
    subject
        .wait_for_state("the update waits for the restart", |state| {
            state.pending().is_some()
        })
        .await;
    desktop.screen.wait_for("notification", READY).await;
    subject.wait_for_icon(desktop, "system-reboot-update").await;
    desktop.picture("update-done");
    subject.end(desktop).await;
}

async fn later_hides_the_icon_until_it_is_due_again(desktop: &mut Desktop) {
    let mut subject = Subject::start(desktop, "normal", false).await;
    desktop.screen.wait_for("notification", UPDATES).await;
    desktop.screen.press("button", "Later").await;
    subject.wait_for_none(desktop).await;
    subject.restart_agent(desktop).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(subject.picture(desktop).await, None, "it was told today");
    assert!(desktop.screen.find("notification", UPDATES).await.is_none());
    subject.end(desktop).await;
}

async fn a_failure_needs_attention_until_it_was_looked_at(desktop: &mut Desktop) {
    let subject = Subject::start(desktop, "failing", false).await;
    subject.wait_for_icon(desktop, "update-high").await;
    subject.choose(desktop, "Install Updates").await;
    let picture = subject.wait_for_icon(desktop, "dialog-error").await;
    assert_eq!(picture.status, "NeedsAttention");
    assert_eq!(picture.title, "The update did not work");
    assert!(picture.text.contains("Nothing has changed"), "{picture:?}");
    desktop
        .screen
        .wait_for("notification", "The update did not work")
        .await;
    desktop.point((1080, 620));
    desktop.picture("update-failed");
    desktop.screen.press("button", "Open Kedge").await;
    assert_eq!(subject.wait_for_window().await, "status");
    // The updates are still there to be installed, but not news.
    subject.wait_for_none(desktop).await;
    subject.end(desktop).await;
}

/// What System Settings writes for one event of ours.
async fn a_muted_event_does_not_pop_up(desktop: &mut Desktop) {
    let file = [
        "--file",
        "org.kedge.Kedge.notifyrc",
        "--group",
        "Event/SecurityUpdates",
        "--key",
        "Action",
    ];
    desktop.run("kwriteconfig6", &[&file[..], &["Sound"]].concat());
    let subject = Subject::start(desktop, "normal", false).await;
    subject.wait_for_icon(desktop, "update-high").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let shown = desktop.screen.find("notification", UPDATES).await;
    desktop.run("kwriteconfig6", &[&file[..], &["--delete"]].concat());
    assert!(shown.is_none(), "muted, but {shown:?}");
    subject.end(desktop).await;
}

/// What System Settings writes for the whole program: Plasma knows it by the hints we send.
async fn a_muted_program_does_not_pop_up(desktop: &mut Desktop) {
    let file = [
        "--notify",
        "--file",
        "plasmanotifyrc",
        "--group",
        "Applications",
        "--group",
        "org.kedge.Kedge",
    ];
    // A shell that shows one watches the file. It hears of the change before it hears of what comes after.
    let subject = Subject::start(desktop, "normal", false).await;
    desktop.screen.wait_for("notification", UPDATES).await;
    subject.end(desktop).await;
    desktop.run(
        "kwriteconfig6",
        &[&file[..], &["--key", "ShowPopups", "--type", "bool", "false"]].concat(),
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    let subject = Subject::start(desktop, "normal", false).await;
    subject.wait_for_icon(desktop, "update-high").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let shown = desktop.screen.find("notification", UPDATES).await;
    desktop.picture("muted-in-system-settings");
    assert!(shown.is_none(), "muted, but {shown:?}");
    subject.end(desktop).await;
}

async fn a_window_in_front_needs_no_notification(desktop: &mut Desktop) {
    let mut subject = Subject::start(desktop, "normal", true).await;
    subject
        .wait_for_state("checked", |state| !state.updates.set.is_empty())
        .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(desktop.screen.find("notification", UPDATES).await.is_none());
    assert_eq!(subject.picture(desktop).await, None, "the window says it");
    subject.end(desktop).await;
}
