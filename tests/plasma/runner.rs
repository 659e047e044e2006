// SPDX-License-Identifier: GPL-3.0-or-later
//! KRunner: it finds our file, asks the agent for what was typed, shows that, and a click does it.

use crate::desktop::Desktop;
use crate::subject::Subject;
use crate::{Body, body};
use model::{JobKind, State};
use zbus::proxy;

pub(crate) const TESTS: &[(&str, Body)] =
    &[("krunner_finds_what_is_typed", body!(krunner_finds_what_is_typed))];

#[proxy(
    interface = "org.kde.krunner.App",
    default_service = "org.kde.krunner",
    default_path = "/App"
)]
trait Krunner {
    #[zbus(name = "query")]
    fn query(&self, typed: &str) -> zbus::Result<()>;
}

/// What is typed, what is found, the page that opens, and the job that begins.
const OFFERS: [(&str, &str, &str, Option<JobKind>); 3] = [
    ("roll back", "Go Back to an Earlier Version", "timeline", None),
    (
        "check for updates",
        "Check for System Updates",
        "updates",
        Some(JobKind::Check),
    ),
    (
        "update",
        "Install System Updates",
        "updates",
        Some(JobKind::Update),
    ),
];

async fn krunner_finds_what_is_typed(desktop: &mut Desktop) {
    let mut subject = Subject::start(desktop, "normal", false).await;
    subject
        .wait_for_state("checked", |state| !state.updates.set.is_empty())
        .await;
    let program = desktop.spawn("krunner", &["--daemon"]);
    desktop.wait_for_name("org.kde.krunner").await;
    let krunner = KrunnerProxy::new(&desktop.session).await.unwrap();
    for (typed, found, page, job) in OFFERS {
        let before = last_job(&subject.view.borrow().state);
        krunner.query(typed).await.unwrap();
        // Among what all others find.
        desktop.screen.wait_for("list item", found).await;
        desktop.picture(&format!("krunner-{}", typed.replace(' ', "-")));
        desktop.click_until_gone("list item", found).await;
        assert_eq!(subject.wait_for_window().await, page, "{typed}");
        if let Some(kind) = job {
            let begun = |state: &State| {
                let mut jobs = state.jobs.values();
                jobs.any(|job| job.kind == kind && Some(job.id.0) > before)
            };
            subject.wait_for_state(&format!("{kind} begins"), begun).await;
        } else {
            assert_eq!(
                last_job(&subject.view.borrow().state),
                before,
                "{typed} only shows"
            );
        }
    }
    drop(program);
    subject.end(desktop).await;
}

fn last_job(state: &State) -> Option<u32> {
    state.jobs.keys().map(|id| id.0).max()
}
