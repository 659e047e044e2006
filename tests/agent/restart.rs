// SPDX-License-Identifier: GPL-3.0-or-later
//! A restart happens when a person says so: now, tonight, or with the next shutdown.

use crate::stage::Stage;
use crate::trial;
use libtest_mimic::Trial;
use std::time::Duration;

pub(crate) fn trials(needs: &Result<(), String>) -> Vec<Trial> {
    vec![
        trial("tonight_restarts_tonight", needs, tonight),
        trial("a_night_that_was_slept_through_restarts_nothing", needs, slept),
        trial("nobody_restarts_unasked", needs, unasked),
        trial("a_version_on_trial_can_be_kept", needs, kept),
        trial("with_the_next_shutdown_ends_the_reminders", needs, next_shutdown),
        trial("where_plasma_does_not_ask_a_notification_does", needs, fallback),
        trial(
            "tonight_without_plasma_restarts_without_a_password",
            needs,
            night_without_plasma,
        ),
    ]
}

const READY: &str = "Restart to finish the update";
const TIMER: &str = "kedge-night.timer";

async fn agree(stage: &mut Stage, label: &str, when: &str) {
    stage.start();
    let shown = stage.wait_for_notification(READY).await;
    stage.press(&shown, label).await;
    let agent = stage.agent().await;
    stage
        .wait(when, async || {
            agent.planned_restart().await.is_ok_and(|it| it == when)
        })
        .await;
    stage
        .wait("the notification is gone", async || stage.titles().is_empty())
        .await;
}

async fn tonight() {
    let mut stage = Stage::new("pending").await;
    stage.at_hour(3);
    agree(&mut stage, "Tonight", "tonight").await;
    stage.wait_for_wish(&format!("start {TIMER}")).await;
    // Not forgotten with the agent.
    stage.restart();
    let agent = stage.agent().await;
    stage
        .wait("the plan is kept", async || {
            agent.planned_restart().await.is_ok_and(|it| it == "tonight")
        })
        .await;
    assert!(stage.titles().is_empty(), "no reminder of what was agreed to");
    agent.night_has_come().await.unwrap();
    stage.wait_for_wish("ask whether to restart").await;
    assert!(stage.asked.all().contains(&format!("stop {TIMER}")));
    assert_eq!(agent.planned_restart().await.unwrap(), "");
    // The next night is another one.
    agent.night_has_come().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let wish = "ask whether to restart";
    assert_eq!(stage.asked.all().iter().filter(|it| *it == wish).count(), 1);
}

async fn slept() {
    let mut stage = Stage::new("pending").await;
    stage.at_hour(9);
    agree(&mut stage, "Tonight", "tonight").await;
    stage.agent().await.night_has_come().await.unwrap();
    let shown = stage
        .wait_for_notification("The restart did not take place")
        .await;
    assert_eq!(shown.buttons, ["Restart…", "Tonight", "With the Next Shutdown"]);
    assert!(!stage.asked.all().contains(&"ask whether to restart".to_owned()));
}

async fn unasked() {
    let mut stage = Stage::new("pending").await;
    stage.at_hour(3);
    stage.start();
    stage.wait_for_notification(READY).await;
    let agent = stage.agent().await;
    agent.night_has_come().await.unwrap();
    assert!(agent.plan_restart("at-once").await.is_err());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let asked = stage.asked.all();
    assert!(asked.iter().all(|it| it.starts_with("stop")), "{asked:?}");
    // Taken back in time.
    agent.plan_restart("tonight").await.unwrap();
    stage.wait_for_wish(&format!("start {TIMER}")).await;
    stage
        .wait("planned", async || {
            agent.planned_restart().await.is_ok_and(|it| it == "tonight")
        })
        .await;
    agent.plan_restart("").await.unwrap();
    stage
        .wait("taken back", async || {
            agent.planned_restart().await.is_ok_and(|it| it.is_empty())
        })
        .await;
    agent.night_has_come().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!stage.asked.all().contains(&"ask whether to restart".to_owned()));
}

async fn next_shutdown() {
    let mut stage = Stage::new("pending").await;
    agree(&mut stage, "With the Next Shutdown", "next-shutdown").await;
    stage.restart();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(stage.titles().is_empty(), "{:?}", stage.titles());
    assert!(stage.asked.all().is_empty(), "{:?}", stage.asked.all());
    // Nothing is planned where nothing waits.
    let mut other = Stage::new("no-updates").await;
    other.start();
    let agent = other.agent().await;
    other
        .wait("it is there", async || agent.waits_for().await.is_ok())
        .await;
    agent.plan_restart("tonight").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(agent.planned_restart().await.unwrap(), "");
    assert!(other.asked.all().is_empty(), "{:?}", other.asked.all());
}

async fn fallback() {
    let mut stage = Stage::new("pending").await;
    stage.session.release_name("org.kde.LogoutPrompt").await.unwrap();
    stage.start();
    let shown = stage.wait_for_notification(READY).await;
    stage.press(&shown, "Restart…").await;
    let question = stage.wait_for_notification("Restart now?").await;
    assert_eq!(question.buttons, ["Restart Now", "Later"]);
    assert!(stage.asked.all().is_empty(), "one press asks only");
    stage.press(&question, "Restart Now").await;
    stage.wait_for_wish("restart, asking").await;
}

async fn night_without_plasma() {
    let mut stage = Stage::new("pending").await;
    stage.session.release_name("org.kde.LogoutPrompt").await.unwrap();
    stage.at_hour(4);
    agree(&mut stage, "Tonight", "tonight").await;
    stage.agent().await.night_has_come().await.unwrap();
    stage.wait_for_wish("restart, not asking").await;
}

async fn kept() {
    let mut stage = Stage::new("rollback-pending").await;
    stage.tried(38);
    stage.start();
    let shown = stage.wait_for_notification("Keep this version?").await;
    assert!(
        shown.text.starts_with("Snapshot #38 runs for a try."),
        "{shown:?}"
    );
    assert_eq!(shown.buttons, ["Show Timeline", "Keep This Version", "Later"]);
    assert!(
        !stage.titles().iter().any(|title| title.contains("Restart")),
        "{:?}",
        stage.titles()
    );
    let manager = wire::ManagerProxy::builder(&stage.system)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
        .unwrap();
    assert_ne!(manager.default().await.unwrap(), 38);
    stage.press(&shown, "Keep This Version").await;
    stage
        .wait("it starts from now on", async || {
            manager.default().await.is_ok_and(|id| id == 38)
        })
        .await;
    stage
        .wait("the question is answered", async || {
            !stage.titles().contains(&shown.title)
        })
        .await;
}
