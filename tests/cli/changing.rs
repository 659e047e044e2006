// SPDX-License-Identifier: GPL-3.0-or-later
//! The verbs that change the system: what they say, how they exit, and what the machine is afterwards.

use crate::Play;
use crate::stage::Asserted;
use engine::sim::Offer;
use engine::{Engine, Fault, Scenario};
use libtest_mimic::Failed;
use model::{Phase, SnapshotId};
use serde_json::json;

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        a_snapshot_is_created,
        snapshots_are_deleted,
        what_must_stay_is_not_deleted,
        a_snapshot_is_edited,
        a_check_tells_what_is_available_by_its_exit_code,
        a_check_as_json_has_its_documented_shape,
        a_failed_check_is_never_up_to_date,
        an_update_is_installed,
        an_update_that_only_checks_installs_nothing,
        nothing_to_update_is_a_success,
        a_failed_update_tells_why_and_that_nothing_changed,
        a_crashed_update_wants_attention,
        an_update_that_is_not_possible_is_refused,
        a_rollback_tells_its_plan_and_is_done,
        what_waits_is_discarded,
        a_verbose_job_prints_its_log,
        settings_are_shown_and_changed,
        nobody_is_let_in_without_authorization,
    )
}

fn a_snapshot_is_created(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let said = stage.run(&["create", "-d", "vor dem Drucker", "-c", "number", "--pin"]);
    said.exited(0);
    assert_eq!(said.stdout, "Created snapshot 41.\n");
    let made = stage.engine.system()?.snapshots[&SnapshotId(41)].clone();
    assert_eq!(made.description, "vor dem Drucker");
    assert!(made.is_pinned() && made.read_only && made.cleanup.0.is_empty());
    assert_eq!(
        made.uid,
        rustix::process::getuid().as_raw(),
        "the helper asks the bus who calls"
    );
    assert_eq!(stage.text(&["create"], 0), "Created snapshot 42.\n");
    let long = "x".repeat(1025);
    let said = stage.run(&["create", "-d", &long]);
    said.exited(2);
    said.told(&["description"]);
    stage.run(&["create", "-d", "two\nlines"]).exited(2);
    stage.run(&["create", "-c", "../../etc"]).exited(2);
    assert_eq!(stage.engine.system()?.snapshots.len(), 27);
    Ok(())
}

fn snapshots_are_deleted(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    assert_eq!(stage.text(&["delete", "39", "#40", "8"], 0), "Deleted.\n");
    let left = stage.engine.system()?;
    assert_eq!(left.snapshots.len(), 22);
    assert!(
        [8, 39, 40]
            .iter()
            .all(|id| !left.snapshots.contains_key(&SnapshotId(*id)))
    );
    Ok(())
}

fn what_must_stay_is_not_deleted(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Pending);
    let before = stage.engine.system()?;
    for (number, words) in [
        ("38", "Snapshot 38 is the running system."),
        ("42", "Snapshot 42 is what starts with the next restart."),
        (
            "35",
            "Snapshot 35 is pinned. Unpin it first: kedgectl edit 35 --unpin",
        ),
        ("99", "There is no snapshot 99."),
    ] {
        // The one before it could be deleted, but all of them are asked for together.
        let said = stage.run(&["delete", "40", number]);
        said.exited(3);
        assert_eq!((said.stdout.as_str(), said.stderr.trim_end()), ("", words));
    }
    assert_eq!(stage.engine.system()?, before);
    Ok(())
}

fn a_snapshot_is_edited(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let snapshot = || {
        stage
            .engine
            .system()
            .map(|system| system.snapshots[&SnapshotId(39)].clone())
    };
    assert_eq!(
        stage.text(&["edit", "39", "-d", "kept", "--pin"], 0),
        "Changed.\n"
    );
    assert!(snapshot()?.is_pinned() && snapshot()?.description == "kept");
    stage.run(&["edit", "39", "--unpin", "--read-write"]).exited(0);
    assert!(!snapshot()?.is_pinned() && !snapshot()?.read_only);
    assert_eq!(snapshot()?.cleanup.0, "timeline", "as before it was pinned");
    assert_eq!(
        stage.text(&["edit", "39", "--read-write"], 0),
        "There was nothing to do.\n"
    );
    stage.run(&["edit", "39", "--cleanup", ""]).exited(0);
    assert_eq!(snapshot()?.cleanup.0, "");
    let said = stage.run(&["edit", "38", "--read-write"]);
    said.exited(3);
    said.told(&["is what the system starts from"]);
    stage.run(&["edit", "99", "--pin"]).exited(3);
    Ok(())
}

fn a_check_tells_what_is_available_by_its_exit_code(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["check"], 100);
    assert!(
        text.starts_with("12 updates are available, 2 of them for security: "),
        "{text}"
    );
    assert!(text.contains("\n  upgraded  curl ") && text.contains("8.18.0-1.1 -> 8.19.0-1.1  security CVE-"));
    let status = stage.text(&["status"], 0);
    assert!(
        status.starts_with("12 updates are available, 2 of them for security."),
        "{status}"
    );
    assert!(status.contains("Install them: kedgectl update"), "{status}");
    let stage = it.stage(Scenario::NoUpdates);
    assert_eq!(stage.text(&["check"], 0), "The system is up to date.\n");
    Ok(())
}

fn a_check_as_json_has_its_documented_shape(it: &Asserted) -> Result<(), Failed> {
    let found = it.stage(Scenario::Normal).json(&["check"], 100);
    assert_eq!(found["packages"].as_array().map(Vec::len), Some(12));
    assert!(found["download_size"].as_u64() > Some(0) && found["installed_delta"].is_i64());
    let none = it.stage(Scenario::NoUpdates).json(&["check"], 0);
    assert_eq!(
        none,
        json!({"packages": [], "download_size": 0, "installed_delta": 0})
    );
    let said = it.stage(Scenario::Offline).run(&["check", "--json"]);
    said.exited(1);
    assert_eq!(said.stdout, "", "no data, and not an empty list");
    Ok(())
}

fn a_failed_check_is_never_up_to_date(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Offline);
    let said = stage.run(&["check"]);
    said.exited(1);
    said.told(&[
        "The search for updates failed: the repositories could not be reached.",
        "Details:\n  download of https://",
    ]);
    let status = stage.text(&["status"], 0);
    assert!(
        status.starts_with(
            "Updates could not be looked for: the repositories could not be reached. No search has"
        ),
        "{status}"
    );
    assert!(!status.contains("up to date"), "{status}");
    assert_eq!(
        stage.json(&["status"], 0)["updates"]["failure"]["code"],
        "network"
    );
    Ok(())
}

fn an_update_is_installed(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let said = stage.run(&["update"]);
    said.exited(0);
    assert_eq!(
        said.stdout,
        "The update is installed in snapshot 41 and starts with the next restart. The running system stays as it \
         is.\n"
    );
    // A machine that works on something else skips steps that are over before they can be told, the first one too. What
    // is told comes in order, and once.
    let order = [
        "Preparing …",
        "Asking the repositories …",
        "Downloading …",
        "Installing …",
        "Verifying …",
        "Completing …",
        "Cleaning up …",
    ];
    let steps: Vec<_> = said.stderr.lines().collect();
    let places: Vec<_> = steps
        .iter()
        .map(|step| order.iter().position(|it| it == step))
        .collect();
    assert!(!places.is_empty() && !places.contains(&None), "{said:?}");
    assert!(places.is_sorted_by(|one, next| one < next), "{said:?}");
    let system = stage.engine.system()?;
    assert_eq!(
        (system.booted, system.default),
        (Some(SnapshotId(38)), Some(SnapshotId(41)))
    );
    stage.run(&["update"]).told(&["There is nothing to update."]);
    stage.engine.outside().offer([Offer::new("curl", "9.0-1.1")]);
    stage.run(&["update", "--yes"]).exited(0);
    assert!(stage.text(&["status"], 0).starts_with("2 updates are installed"));
    Ok(())
}

fn an_update_that_only_checks_installs_nothing(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = stage.engine.system()?;
    assert!(
        stage
            .text(&["update", "--check"], 100)
            .starts_with("12 updates are available")
    );
    assert_eq!(stage.engine.system()?, before);
    Ok(())
}

fn nothing_to_update_is_a_success(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::NoUpdates);
    let before = stage.engine.system()?;
    assert_eq!(stage.text(&["update"], 0), "There is nothing to update.\n");
    assert_eq!(stage.engine.system()?, before);
    Ok(())
}

fn a_failed_update_tells_why_and_that_nothing_changed(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Failing);
    let before = stage.engine.system()?;
    let said = stage.run(&["update"]);
    said.exited(1);
    assert_eq!(said.stdout, "");
    said.told(&[
        "The update failed: a script of the package kernel-default failed.\n",
        "Everything is as it was before. The next restart starts the same system as before.",
        "Details:\n  installation of kernel-default-6.19.3-1.1 failed",
    ]);
    assert_eq!(stage.engine.system()?, before);
    let status = stage.text(&["status"], 0);
    assert!(
        status.starts_with("The update failed: a script of the package kernel-default failed."),
        "{status}"
    );
    assert!(status.contains("kedgectl log "), "{status}");
    Ok(())
}

fn a_crashed_update_wants_attention(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    stage.engine.inject(Phase::Install, Fault::Crash);
    let said = stage.run(&["update"]);
    said.exited(6);
    said.told(&[
        "The update failed",
        "Something is left that wants a look.",
        "snapshot 41 is left",
    ]);
    Ok(())
}

fn an_update_that_is_not_possible_is_refused(it: &Asserted) -> Result<(), Failed> {
    let said = it.stage(Scenario::DatabaseOutside).run(&["update"]);
    said.exited(3);
    said.told(&["The package database of this system lies outside of its snapshots"]);
    Ok(())
}

fn a_rollback_tells_its_plan_and_is_done(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let said = stage.run(&["rollback", "31"]);
    said.exited(0);
    let (plan, end) = said
        .stdout
        .split_once("\nThe next restart")
        .ok_or("the outcome comes last")?;
    assert!(
        plan.starts_with("Snapshot 31 ") && plan.contains("downgraded  sudo"),
        "{said:?}"
    );
    assert_eq!(end, " starts snapshot 31. The running system stays as it is.\n");
    assert_eq!(stage.engine.system()?.default, Some(SnapshotId(31)));
    stage.run(&["rollback", "31"]).exited(3);
    stage.run(&["rollback", "38", "--yes"]).exited(0);
    assert_eq!(stage.engine.system()?.default, Some(SnapshotId(38)));
    Ok(())
}

fn what_waits_is_discarded(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Pending);
    let said = stage.run(&["discard"]);
    said.exited(0);
    said.told(&["This deletes the updates that were never started: #42, #41."]);
    assert_eq!(
        said.stdout,
        "Discarded what waited for the restart. The next restart starts the running system again.\n"
    );
    let system = stage.engine.system()?;
    assert_eq!(
        (system.default, system.snapshots.len()),
        (Some(SnapshotId(38)), 25)
    );
    let said = stage.run(&["discard"]);
    said.exited(3);
    said.told(&["Nothing waits for a restart."]);
    Ok(())
}

fn a_verbose_job_prints_its_log(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let said = stage.run(&["update", "--verbose"]);
    said.exited(0);
    assert!(
        said.stderr.contains("(1/12) Installing: Mesa-26.0.0-1.1\n"),
        "{said:?}"
    );
    assert!(
        said.stderr
            .contains("Snapshot 41 starts with the next restart.\n"),
        "the last line too: {said:?}"
    );
    Ok(())
}

fn nobody_is_let_in_without_authorization(it: &Asserted) -> Result<(), Failed> {
    let stage = it.locked_stage(Scenario::Pending);
    let before = stage.engine.system()?;
    for args in [
        &["create"][..],
        &["delete", "40"],
        &["edit", "40", "--pin"],
        &["check"],
        &["update"],
        &["rollback", "31"],
        &["discard"],
    ] {
        let said = stage.run(args);
        said.exited(4);
        said.told(&["Not authorized. Nothing has changed."]);
    }
    for args in [
        &["status"][..],
        &["list"],
        &["show", "38"],
        &["diff", "26"],
        &["rollback", "31", "--plan"],
        &["log"],
    ] {
        stage.run(args).exited(0);
    }
    assert_eq!(stage.engine.system()?, before);
    Ok(())
}

fn settings_are_shown_and_changed(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let shown = stage.text(&["settings"], 0);
    assert!(
        shown.contains("every day") && shown.contains("nothing is removed automatically"),
        "{shown}"
    );
    let set = [
        "settings",
        "set",
        "--automation",
        "install",
        "--cadence",
        "weekly",
        "--on-battery",
        "yes",
        "--clean-up",
        "yes",
        "--keep-updates",
        "5",
    ];
    let said = stage.run(&set);
    said.exited(0);
    said.told(&["Stored."]);
    let expected = json!({
        "automation": "install", "cadence": "weekly", "on_battery": true, "on_metered": false,
        "clean_up": true, "keep_updates": 5, "space_percent": 30,
    });
    assert_eq!(stage.json(&["settings"], 0), expected);
    let shown = stage.text(&["settings"], 0);
    assert!(
        shown.contains("5 updates, fewer when snapshots hold more than 30 % of the disk"),
        "{shown}"
    );
    let again = stage.run(&set);
    again.exited(0);
    again.told(&["Nothing to change."]);
    for wrong in [
        &["--automation", "reboot"][..],
        &["--keep-updates", "1"],
        &["--space-percent", "-1"],
        &["--on-battery", "maybe"],
        &[],
    ] {
        stage.run(&[&["settings", "set"], wrong].concat()).exited(2);
    }
    assert_eq!(stage.json(&["settings"], 0), expected);
    let locked = it.locked_stage(Scenario::Normal);
    locked.run(&["settings", "set", "--cadence", "never"]).exited(4);
    Ok(())
}
