// SPDX-License-Identifier: GPL-3.0-or-later
//! Ctrl-C, jobs in the way of each other, and a helper that is not there.

use crate::Play;
use crate::stage::{Asserted, Running, Stage, until};
use engine::{Engine, Fault, Scenario};
use libtest_mimic::Failed;
use model::{Phase, SnapshotId};
use std::time::{Duration, Instant};
use support::bus::PrivateBus;

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        ctrl_c_cancels_the_job_and_says_so,
        ctrl_c_is_too_late_when_the_job_is_being_completed,
        a_second_ctrl_c_leaves_the_job_alone,
        a_second_update_is_told_of_the_first,
        a_running_job_can_be_followed,
        a_closed_pipe_is_no_error,
        a_missing_helper_is_told_apart,
        a_missing_bus_is_told_apart,
    )
}

/// An update that hangs in a phase.
fn hanging(stage: &Stage, phase: Phase) -> Running {
    stage.engine.inject(phase, Fault::Hang);
    let update = stage.start(&["update"]);
    until("the update is in its phase", || {
        let status = stage.json(&["status"], 0);
        status["jobs"]
            .as_array()
            .is_some_and(|jobs| jobs.iter().any(|job| job["phase"] == phase.as_str()))
    });
    update
}

fn ctrl_c_cancels_the_job_and_says_so(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = stage.engine.system()?;
    let mut update = hanging(&stage, Phase::Download);
    update.interrupt();
    let said = update.end();
    said.exited(7);
    said.told(&[
        "Cancelling. Everything is being put back.",
        "The update was cancelled.\nEverything is as it was before. The next restart starts the same system",
    ]);
    assert_eq!(stage.engine.system()?, before);
    Ok(())
}

fn ctrl_c_is_too_late_when_the_job_is_being_completed(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let mut update = hanging(&stage, Phase::Commit);
    update.interrupt();
    std::thread::sleep(Duration::from_millis(500));
    assert!(!update.is_over(), "it waits for the outcome");
    stage.engine.release();
    let said = update.end();
    said.exited(0);
    said.told(&[
        "It is too late to cancel: the job is being completed.",
        "The update is installed in snapshot 41",
    ]);
    assert_eq!(stage.engine.system()?.default, Some(SnapshotId(41)));
    Ok(())
}

fn a_second_ctrl_c_leaves_the_job_alone(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let mut update = hanging(&stage, Phase::Commit);
    update.interrupt();
    std::thread::sleep(Duration::from_millis(500));
    update.interrupt();
    let said = update.end();
    said.exited(7);
    said.told(&["The job goes on: kedgectl log --follow 1"]);
    stage.engine.release();
    until("the job has ended by itself", || {
        stage
            .engine
            .system()
            .is_ok_and(|system| system.default == Some(SnapshotId(41)))
    });
    Ok(())
}

fn a_second_update_is_told_of_the_first(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let update = hanging(&stage, Phase::Download);
    for args in [
        &["update"][..],
        &["create"],
        &["delete", "40"],
        &["rollback", "31", "--yes"],
    ] {
        let said = stage.run(args);
        said.exited(3);
        said.told(&["The update (job 1) is running.", "kedgectl log --follow 1"]);
    }
    let status = stage.text(&["status"], 0);
    assert!(status.starts_with("The update is running, "), "{status}");
    stage.engine.release();
    update.end().exited(0);
    Ok(())
}

fn a_running_job_can_be_followed(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let update = hanging(&stage, Phase::Install);
    let follow = stage.start(&["log", "--follow", "1"]);
    std::thread::sleep(Duration::from_millis(300));
    stage.engine.release();
    update.end().exited(0);
    let said = follow.end();
    said.exited(0);
    said.told(&[
        "Retrieving: curl-8.19.0-1.1",
        "(12/12) ",
        "The update is installed in snapshot 41",
    ]);
    Ok(())
}

fn a_closed_pipe_is_no_error(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Many);
    let mut list = stage.start(&["list"]);
    list.close_stdout();
    let said = list.end();
    said.exited(0);
    assert_eq!(said.stderr, "");
    Ok(())
}

fn a_missing_helper_is_told_apart(it: &Asserted) -> Result<(), Failed> {
    let bus = PrivateBus::start()?;
    let began = Instant::now();
    for args in [&["status"][..], &["list", "--json"], &["update", "--yes"]] {
        let output = it.command(&bus.address()).args(args).output()?;
        assert_eq!(output.status.code(), Some(5), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let words = String::from_utf8(output.stderr)?;
        assert!(
            words.starts_with("The Kedge service cannot be reached.\nDetails:\n  "),
            "{words}"
        );
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    Ok(())
}

fn a_missing_bus_is_told_apart(it: &Asserted) -> Result<(), Failed> {
    let output = it.command("unix:path=/nonexistent/bus").arg("status").output()?;
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    Ok(())
}
