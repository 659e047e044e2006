// SPDX-License-Identifier: GPL-3.0-or-later
//! What is decided for the system: shown in words or as JSON, and changed.

use crate::args::{Set, Settings, SettingsVerb};
use crate::exit::{Exit, Stop, print, say};
use crate::text::{counted, table};
use crate::{Session, print_json};
use model::{Automation, Cadence, Policy};

impl Session {
    /// Shows the settings, or changes some of them.
    pub(crate) async fn settings(&self, args: &Settings) -> Result<Exit, Stop> {
        let Some(SettingsVerb::Set(set)) = &args.verb else {
            let policy = &self.state.policy;
            match args.format.json {
                true => print_json(policy),
                false => print(&words(policy)),
            }
            return Ok(Exit::Done);
        };
        self.set(set).await
    }

    async fn set(&self, set: &Set) -> Result<Exit, Stop> {
        let change = set.into();
        let next = self
            .state
            .policy
            .changed(&change)
            .map_err(|error| Stop::new(Exit::Usage, format!("Not possible: {error}.")))?;
        if next == self.state.policy {
            say("Nothing to change.");
            return Ok(Exit::Done);
        }
        self.client.configure(&change).await?;
        say("Stored.");
        Ok(Exit::Done)
    }
}

/// A policy as sentences.
fn words(policy: &Policy) -> String {
    let cadence = match policy.cadence {
        Cadence::Daily => "every day",
        Cadence::Weekly => "every week",
        Cadence::Monthly => "every 30 days",
        Cadence::Never => "only when somebody asks",
    };
    let automation = match policy.automation {
        Automation::Notify => "told, not installed",
        Automation::Download => "downloaded, not installed",
        Automation::Install => "installed into a new snapshot, for the next restart",
    };
    let also = |also| if also { "yes" } else { "no" };
    let kept = match (policy.clean_up, policy.space_percent) {
        (false, _) => "all: nothing is removed automatically".to_owned(),
        (true, 100) => counted(policy.keep_updates, "update"),
        (true, percent) => format!(
            "{}, fewer when snapshots hold more than {percent} % of the disk",
            counted(policy.keep_updates, "update")
        ),
    };
    let rows = [
        ("Look for updates:", cadence.to_owned()),
        ("Updates are:", automation.to_owned()),
        ("Also on battery:", also(policy.on_battery).to_owned()),
        ("Also on metered networks:", also(policy.on_metered).to_owned()),
        ("Snapshots kept:", kept),
    ];
    table(&rows.map(|(what, value)| vec![what.to_owned(), value]))
}
