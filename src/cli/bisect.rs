// SPDX-License-Identifier: GPL-3.0-or-later
//! `kedgectl bisect`: when did it break? Each step starts a version once, and the person says what they saw.

use crate::args::{BisectArgs, BisectVerb, Judged, Work};
use crate::exit::{Exit, Stop, print, say};
use crate::text::{date, safe};
use crate::{Session, agreed, declined, json, print_json, show, words};
use client::Error;
use model::{
    Bisect, BisectStep, Capability, JobKind, PackageChange, RefusalCode, SnapshotId, State, Verdict,
};
use std::fmt::Write as _;
use std::sync::Arc;

impl Session {
    pub(crate) async fn bisect(&self, args: &BisectArgs) -> Result<Exit, Stop> {
        match &args.verb {
            BisectVerb::Start(args) => {
                let newest = || self.state.booted.or(self.state.default);
                let Some(bad) = args.bad.or_else(newest) else {
                    let words = "What runs is no snapshot: name the version that does not work.";
                    return Err(Stop::new(Exit::Usage, words));
                };
                self.client.bisect_start(args.good, bad).await?;
                self.next(&args.work).await
            }
            BisectVerb::Good(args) => self.judge(args, Verdict::Good).await,
            BisectVerb::Bad(args) => self.judge(args, Verdict::Bad).await,
            BisectVerb::Skip(args) => self.judge(args, Verdict::Skip).await,
            BisectVerb::Status(format) => self.bisect_status(format.json).await,
            BisectVerb::Stop(work) => {
                self.client.bisect_stop().await?;
                say("The search has ended. What starts next stays as it is.");
                match self.state.once {
                    Some(_) => {
                        self.job(JobKind::TryOnce, work.verbose, self.client.try_once(None))
                            .await
                    }
                    None => Ok(Exit::Done),
                }
            }
        }
    }

    async fn judge(&self, args: &Judged, verdict: Verdict) -> Result<Exit, Stop> {
        let search = self.searched(&self.state)?;
        let running = self.state.booted.filter(|id| search.is_between(*id));
        let Some(id) = args.number.or(running) else {
            let words = "What runs is none of the versions in question: name the one that is meant.";
            return Err(Stop::new(Exit::Usage, words));
        };
        self.client.bisect_judge(id, verdict).await?;
        self.next(&args.work).await
    }

    fn searched<'a>(&self, state: &'a State) -> Result<&'a Bisect, Stop> {
        let missing = || Stop::from(Error::Refused(RefusalCode::NoBisect.into()));
        state.bisect.as_ref().ok_or_else(missing)
    }

    /// What the helper knows by now.
    fn fresh(&self) -> Arc<State> {
        self.client.view().state
    }

    /// Lets the next version start once, or tells what was found.
    async fn next(&self, work: &Work) -> Result<Exit, Stop> {
        let state = self.fresh();
        let search = self.searched(&state)?;
        let BisectStep::Try(id) = search.step(&state.snapshots) else {
            return self.bisect_status(false).await;
        };
        print(&progress(search, &state));
        if state.booted == Some(id) {
            print("It is running now. When it was tried: kedgectl bisect good, bad or skip.\n");
            return Ok(Exit::Done);
        }
        if !state.capabilities.has(Capability::BootOnce) {
            print(&format!(
                "This machine cannot start it just once: kedgectl rollback {id}, restart, then kedgectl bisect good, bad or skip.\n"
            ));
            return Ok(Exit::Done);
        }
        if state.once == Some(id) {
            print("It starts once with the next restart.\n");
            return Ok(Exit::Done);
        }
        state.may_try_once(id).map_err(|refusal| self.refused(refusal))?;
        for concern in self.client.examine(id).await? {
            say(words::concern(concern));
        }
        let question = format!("Let snapshot {id} start once with the next restart?");
        if !agreed(&question, work.yes).await? {
            return Err(declined());
        }
        let call = self.client.try_once(Some(id));
        let exit = self.job(JobKind::TryOnce, work.verbose, call).await?;
        if exit == Exit::Done {
            say("Restart, see whether it works, then: kedgectl bisect good, bad or skip.");
        }
        Ok(exit)
    }

    async fn bisect_status(&self, as_json: bool) -> Result<Exit, Stop> {
        let state = self.fresh();
        let Some(search) = &state.bisect else {
            match as_json {
                true => print_json(&None::<()>),
                false => print("Nothing is searched for. Begin: kedgectl bisect start GOOD [BAD]\n"),
            }
            return Ok(Exit::Done);
        };
        let step = search.step(&state.snapshots);
        let changes = match step {
            BisectStep::Found => Some(
                self.client
                    .package_changes(Some(search.good), Some(search.bad))
                    .await,
            ),
            _ => None,
        };
        let changes = match changes {
            // What broke is between the two, whatever can be told of it.
            Some(Err(Error::Refused(_) | Error::Failed(_))) | None => None,
            Some(changes) => Some(changes?),
        };
        if as_json {
            print_json(&json::BisectJson::new(search, &state, changes.as_deref()));
            return Ok(Exit::Done);
        }
        match step {
            BisectStep::Try(_) => print(&progress(search, &state)),
            BisectStep::Found => print(&report(search, &state, changes.as_deref())),
            BisectStep::Lost => {
                print("One of the two versions is gone. End the search: kedgectl bisect stop\n")
            }
        }
        Ok(Exit::Done)
    }
}

fn name(id: SnapshotId, state: &State) -> String {
    let Some(snapshot) = state.snapshots.get(&id) else {
        return format!("#{id}");
    };
    match snapshot.description.as_str() {
        "" => format!("#{id} ({})", date(snapshot.time)),
        words => format!("#{id} ({}, {})", date(snapshot.time), safe(words)),
    }
}

fn progress(search: &Bisect, state: &State) -> String {
    let mut text = format!(
        "Works:         {}\nDoes not work: {}\n",
        name(search.good, state),
        name(search.bad, state)
    );
    if let BisectStep::Try(id) = search.step(&state.snapshots) {
        let (left, tries) = (
            search.left(&state.snapshots).len(),
            search.tries(&state.snapshots),
        );
        let versions = if left == 1 { "version is" } else { "versions are" };
        let restarts = if tries == 1 { "restart" } else { "restarts" };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "Next to try:   {}\n{left} {versions} left, which takes {tries} {restarts} at most.\n",
            name(id, state)
        );
    }
    text
}

/// What was found, to be copied into a report.
fn report(search: &Bisect, state: &State, changes: Option<&[PackageChange]>) -> String {
    let mut text = format!(
        "It broke between two versions.\nThe last that works:      {}\nThe first that does not:  {}\n",
        name(search.good, state),
        name(search.bad, state)
    );
    if !search.skipped.is_empty() {
        let skipped: Vec<String> = search.skipped.iter().map(|id| format!("#{id}")).collect();
        let _ = writeln!(text, "Between them, not told:   {}", skipped.join(", "));
    }
    match changes {
        Some(changes) => {
            let _ = write!(text, "\n{}\n{}", show::summary(changes), show::changes(changes));
        }
        None => text.push_str("\nWhich packages changed is unknown.\n"),
    }
    text
}
