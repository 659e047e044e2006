// SPDX-License-Identifier: GPL-3.0-or-later
//! What the timer starts: as far as the policy goes, and no step further.

use crate::Play;
use crate::stage::{Asserted, Stage};
use engine::{Engine, Scenario};
use libtest_mimic::Failed;
use model::SnapshotId;
use zbus::{connection, interface};

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        nothing_happens_that_nobody_decided,
        updates_are_found_and_installed_but_nothing_restarts,
        updates_are_downloaded_once_and_not_installed,
        what_is_up_to_date_stays_as_it_is,
        a_metered_network_and_the_battery_are_waited_for,
        another_version_that_was_chosen_is_left_alone,
        a_failed_check_installs_nothing,
        only_who_may_update_does,
    )
}

fn decide(stage: &Stage, automation: &str) {
    stage.text(&["settings", "set", "--automation", automation], 0);
}

fn default(stage: &Stage) -> Option<SnapshotId> {
    stage.engine.system().expect("a state").default
}

fn nothing_happens_that_nobody_decided(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = default(&stage);
    stage.run(&["automatic"]).told(&["Nothing is done automatically"]);
    decide(&stage, "install");
    stage.text(&["settings", "set", "--cadence", "never"], 0);
    let said = stage.run(&["automatic"]);
    said.exited(0);
    said.told(&["Nothing is done automatically"]);
    assert_eq!(default(&stage), before);
    Ok(())
}

fn updates_are_found_and_installed_but_nothing_restarts(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = stage.engine.system()?;
    decide(&stage, "install");
    stage
        .run(&["automatic", "--plan"])
        .told(&["Looking for updates."]);
    assert_eq!(default(&stage), before.default, "a plan is no deed");
    let said = stage.run(&["automatic"]);
    said.exited(0);
    said.told(&[
        "Looking for updates.",
        "Installing 12 updates into a new snapshot",
    ]);
    let after = stage.engine.system()?;
    assert_ne!(after.default, before.default);
    assert_eq!(after.booted, before.booted, "the machine goes on as it was");
    // Once more finds nothing to do.
    let made = after.snapshots.len();
    stage.run(&["automatic"]).exited(0);
    assert_eq!(stage.engine.system()?.snapshots.len(), made);
    Ok(())
}

fn updates_are_downloaded_once_and_not_installed(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = stage.engine.system()?;
    decide(&stage, "download");
    let said = stage.run(&["automatic"]);
    said.exited(0);
    said.told(&[
        "Looking for updates.",
        "Downloading 12 updates, to be installed by somebody.",
        "The updates are downloaded.",
    ]);
    assert_eq!(stage.engine.system()?, before, "nothing is installed");
    let again = stage.run(&["automatic"]);
    again.exited(0);
    again.told(&["The updates are downloaded, to be installed by somebody. The next check is due at"]);
    // Who installs them now needs no network for it.
    let said = stage.run(&["update", "--yes", "--verbose"]);
    said.exited(0);
    assert!(!format!("{said:?}").contains("Retrieving: "), "{said:?}");
    assert_ne!(default(&stage), before.default);
    Ok(())
}

fn what_is_up_to_date_stays_as_it_is(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::NoUpdates);
    decide(&stage, "install");
    let said = stage.run(&["automatic"]);
    said.exited(0);
    said.told(&["Everything is up to date. The next check is due at"]);
    Ok(())
}

struct Network(u32);

#[interface(name = "org.freedesktop.NetworkManager")]
impl Network {
    #[zbus(property)]
    fn metered(&self) -> u32 {
        self.0
    }
}

struct Power;

#[interface(name = "org.freedesktop.UPower")]
impl Power {
    #[zbus(property)]
    fn on_battery(&self) -> bool {
        true
    }
}

fn a_metered_network_and_the_battery_are_waited_for(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = default(&stage);
    decide(&stage, "install");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let serve = async |name: &'static str| connection::Builder::address(stage.address().as_str()).name(name);
    let network = runtime.block_on(async {
        let builder = serve("org.freedesktop.NetworkManager").await;
        builder
            .serve_at("/org/freedesktop/NetworkManager", Network(1))
            .build()
            .await
    })?;
    let said = stage.run(&["automatic"]);
    said.exited(0);
    said.told(&["Waiting for a network that is not paid by volume."]);
    drop(network);
    let power = runtime.block_on(async {
        let builder = serve("org.freedesktop.UPower").await;
        builder.serve_at("/org/freedesktop/UPower", Power).build().await
    })?;
    stage
        .run(&["automatic"])
        .told(&["Waiting until the machine no longer runs from its battery."]);
    assert_eq!(default(&stage), before);
    // An administrator may say otherwise.
    stage.text(&["settings", "set", "--on-battery", "yes"], 0);
    stage.run(&["automatic"]).exited(0);
    assert_ne!(default(&stage), before);
    drop(power);
    Ok(())
}

fn another_version_that_was_chosen_is_left_alone(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::RollbackPending);
    let before = stage.engine.system()?;
    decide(&stage, "install");
    let said = stage.run(&["automatic"]);
    said.exited(0);
    said.told(&["was chosen for the next restart"]);
    assert_eq!(stage.engine.system()?.default, before.default);
    Ok(())
}

fn a_failed_check_installs_nothing(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Offline);
    let before = default(&stage);
    decide(&stage, "install");
    let said = stage.run(&["automatic"]);
    said.exited(1);
    assert_eq!(default(&stage), before);
    Ok(())
}

fn only_who_may_update_does(it: &Asserted) -> Result<(), Failed> {
    let stage = it.locked_stage(Scenario::Normal);
    let before = default(&stage);
    stage.run(&["automatic"]).exited(0);
    assert_eq!(default(&stage), before);
    stage
        .run(&["settings", "set", "--automation", "install"])
        .exited(4);
    Ok(())
}
