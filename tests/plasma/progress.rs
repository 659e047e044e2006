// SPDX-License-Identifier: GPL-3.0-or-later
//! Progress: the same number everywhere, cancelling while it is safe, and an agent that comes back in the middle.

use crate::desktop::{Desktop, PATIENCE};
use crate::subject::Subject;
use crate::{Body, body};
use futures_util::StreamExt;
use model::{Ending, JobKind, JobState};
use std::collections::HashMap;
use std::num::NonZero;
use std::time::{Duration, Instant};
use zbus::{MatchRule, MessageStream, OwnedVariant, message};

pub(crate) const TESTS: &[(&str, Body)] = &[
    (
        "the_job_view_shows_the_same_percentage",
        body!(the_job_view_shows_the_same_percentage),
    ),
    (
        "cancel_in_the_job_view_cancels",
        body!(cancel_in_the_job_view_cancels),
    ),
    (
        "the_job_view_comes_back_with_the_agent",
        body!(the_job_view_comes_back_with_the_agent),
    ),
];

const UPDATES: &str = "12 updates are available, with security fixes";

/// What Plasma tells the task bar about the jobs of a program, in percent.
async fn task_bar(desktop: &Desktop) -> MessageStream {
    let rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .interface("com.canonical.Unity.LauncherEntry")
        .member("Update")
        .build()
        .unwrap();
    MessageStream::for_match_rule(rule, &desktop.session, NonZero::new(1000))
        .await
        .unwrap()
}

fn task_bar_percent(message: &zbus::Message) -> Option<u32> {
    let body = message.body();
    let (program, properties): (String, HashMap<String, OwnedVariant>) = body.deserialize().ok()?;
    let visible = bool::try_from(properties.get("progress-visible")?.clone()).ok()?;
    let progress = f64::try_from(properties.get("progress")?.clone()).ok()?;
    (program == "application://org.kedge.Kedge" && visible).then_some((progress * 100.0).round() as u32)
}

async fn begin(desktop: &Desktop) -> Subject {
    let subject = Subject::slow(desktop, "normal").await;
    subject.wait_for_icon(desktop, "update-high").await;
    desktop.screen.wait_for("notification", UPDATES).await;
    subject.choose(desktop, "Install Updates").await;
    // What is being done need not be offered any longer.
    desktop.screen.wait_gone("notification", UPDATES).await;
    subject
}

fn running(state: &model::State) -> Option<(u16, bool)> {
    state
        .jobs
        .values()
        .find(|job| job.kind == JobKind::Update)
        .and_then(|job| match &job.state {
            JobState::Running {
                progress,
                cancellable,
                ..
            } => Some((progress.permille.unwrap_or(0), *cancellable)),
            JobState::Ended(_) => None,
        })
}

async fn the_job_view_shows_the_same_percentage(desktop: &mut Desktop) {
    let mut bar = task_bar(desktop).await;
    let mut subject = begin(desktop).await;
    let mut seen = Vec::new();
    let mut told = Vec::new();
    let mut shown = Vec::new();
    let end = Instant::now() + 4 * PATIENCE;
    let mut pictured = false;
    loop {
        let percent =
            running(&subject.view.borrow_and_update().state).map(|(permille, _)| u32::from(permille / 10));
        match percent {
            Some(percent) => told.push(percent),
            None if !told.is_empty() => break,
            None => {}
        }
        while let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_millis(20), bar.next()).await {
            seen.extend(task_bar_percent(&message));
        }
        if let Some(picture) = subject
            .picture(desktop)
            .await
            .filter(|picture| picture.icon == "view-refresh")
        {
            assert_eq!(picture.title, "Installing updates");
            let number = picture
                .text
                .split('%')
                .next()
                .and_then(|number| number.parse::<u32>().ok());
            shown.extend(number);
            let looks = !pictured && number.is_some_and(|number| number > 20);
            if looks
                && desktop
                    .screen
                    .find("heading", "Installing updates")
                    .await
                    .is_some()
            {
                desktop.picture("job-view");
                pictured = true;
            }
        }
        assert!(Instant::now() < end, "the update does not end");
    }
    assert!(pictured);
    assert!(
        seen.len() > 5 && shown.len() > 5,
        "task bar {seen:?}, tooltip {shown:?}"
    );
    assert!(
        seen.is_sorted() && shown.is_sorted(),
        "task bar {seen:?}, tooltip {shown:?}"
    );
    // What came and went between two looks of ours is not in `told`; the ends are.
    assert!(
        *seen.last().unwrap() >= 80 && *shown.last().unwrap() >= 80,
        "{seen:?} {shown:?} {told:?}"
    );
    desktop.screen.wait_gone("heading", "Installing updates").await;
    subject.end(desktop).await;
}

async fn cancel_in_the_job_view_cancels(desktop: &mut Desktop) {
    let mut subject = begin(desktop).await;
    desktop.screen.wait_for("heading", "Installing updates").await;
    desktop.screen.press("button", "Cancel").await;
    let cancelled = |state: &model::State| {
        state.jobs.values().any(|job| {
            job.outcome()
                .is_some_and(|outcome| outcome.ending == Ending::Cancelled)
        })
    };
    let view = subject.wait_for_state("the job is cancelled", cancelled).await;
    assert_eq!(view.state.pending(), None);
    desktop.screen.wait_gone("heading", "Installing updates").await;
    assert!(
        desktop
            .screen
            .find("notification", "The update did not work")
            .await
            .is_none(),
        "it was wished"
    );
    subject.end(desktop).await;
}

async fn the_job_view_comes_back_with_the_agent(desktop: &mut Desktop) {
    let mut subject = begin(desktop).await;
    subject
        .wait_for_state("at ten percent", |state| {
            running(state).is_some_and(|(permille, _)| permille > 100)
        })
        .await;
    subject.restart_agent(desktop).await;
    let picture = subject.wait_for_icon(desktop, "view-refresh").await;
    let number = picture
        .text
        .split('%')
        .next()
        .and_then(|number| number.parse::<u32>().ok());
    assert!(number.is_some_and(|number| number >= 10), "{picture:?}");
    desktop.screen.wait_for("heading", "Installing updates").await;
    desktop.picture("job-view-after-restart-of-agent");
    subject
        .wait_for_state("the update ends", |state| running(state).is_none())
        .await;
    subject.wait_for_icon(desktop, "system-reboot-update").await;
    desktop.screen.wait_gone("heading", "Installing updates").await;
    subject.end(desktop).await;
}
