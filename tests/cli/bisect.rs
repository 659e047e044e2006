// SPDX-License-Identifier: GPL-3.0-or-later
//! When did it break? The search from the first verdict to the report, over restarts.

use crate::Play;
use crate::stage::{Asserted, Stage};
use engine::{Engine, Scenario};
use libtest_mimic::Failed;
use model::{Capability, Condition, RefusalCode, SnapshotId};
use std::time::{Duration, Instant};

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        a_search_ends_with_what_broke,
        what_cannot_be_told_is_left_out,
        a_search_is_stopped,
        what_makes_no_sense_is_refused,
        a_machine_that_cannot_come_back_says_how,
        only_who_may_search_does,
    )
}

/// The versions up to the running one that could be tried.
fn versions(stage: &Stage) -> Vec<u32> {
    let system = stage.engine.system().expect("a state");
    let booted = system.booted.expect("a running snapshot");
    let good = |it: &&model::Snapshot| {
        it.condition == Condition::Complete && !it.is_in_progress() && it.id <= booted
    };
    system.snapshots.values().filter(good).map(|it| it.id.0).collect()
}

fn once(stage: &Stage) -> Option<u32> {
    stage.engine.system().expect("a state").once.map(|id| id.0)
}

/// Starts the machine anew, and waits until the helper has seen it.
fn restart(stage: &Stage, expected: u32) {
    stage.engine.restart();
    let system = stage.engine.system().expect("a state");
    assert_eq!(
        system.booted,
        Some(SnapshotId(expected)),
        "what was to start once runs"
    );
    let began = Instant::now();
    while stage.json(&["status"], 0)["booted"] != expected {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the helper does not see the restart"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Searches until nothing is left to try. Returns how many restarts it took.
fn search(stage: &Stage, first_bad: u32, unknown: &[u32]) -> usize {
    for restarts in 0..20 {
        let status = stage.json(&["bisect", "status"], 0);
        if status["step"] == "found" {
            return restarts;
        }
        let next = u32::try_from(status["next"].as_u64().expect("something to try")).expect("a number");
        assert_eq!(once(stage), Some(next), "{status}");
        restart(stage, next);
        let verdict = match (unknown.contains(&next), next >= first_bad) {
            (true, _) => "skip",
            (false, true) => "bad",
            (false, false) => "good",
        };
        stage.run(&["bisect", verdict]).exited(0);
    }
    panic!("it does not end");
}

fn a_search_ends_with_what_broke(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let all = versions(&stage);
    let (first, last) = (all[0], all[all.len() - 1]);
    let default = stage.engine.system()?.default;
    for first_bad in [all[1], all[all.len() / 2], last] {
        let said = stage.run(&["bisect", "start", &first.to_string(), &last.to_string()]);
        said.exited(0);
        let restarts = search(&stage, first_bad, &[]);
        let most = usize::BITS - (all.len() - 2).leading_zeros();
        assert!(
            restarts <= most as usize,
            "{restarts} restarts for {} versions",
            all.len()
        );
        let found = stage.json(&["bisect", "status"], 0);
        assert_eq!(found["bad"], first_bad, "{found}");
        assert_eq!(found["left"], serde_json::json!([]));
        assert!(found["changes"].is_array(), "{found}");
        let report = stage.text(&["bisect", "status"], 0);
        let named = |what: &str, id: u64| {
            report
                .lines()
                .any(|line| line.starts_with(what) && line.contains(&format!("#{id} ")))
        };
        let good = found["good"].as_u64().expect("a number");
        assert!(
            named("The last that works", good) && named("The first that does not", first_bad.into()),
            "{report}"
        );
        stage.run(&["bisect", "stop"]).exited(0);
        // What starts by itself is what it was.
        assert_eq!(stage.engine.system()?.default, default);
        let back = default.expect("a default").0;
        stage.engine.restart();
        restart(&stage, back);
    }
    Ok(())
}

fn what_cannot_be_told_is_left_out(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let all = versions(&stage);
    let (first, last) = (all[0].to_string(), all[all.len() - 1].to_string());
    let unknown = all[all.len() / 2];
    stage.run(&["bisect", "start", &first, &last]).exited(0);
    search(&stage, unknown, &[unknown]);
    let found = stage.json(&["bisect", "status"], 0);
    assert_eq!(found["skipped"], serde_json::json!([unknown]));
    assert!(found["good"].as_u64() < Some(unknown.into()) && found["bad"].as_u64() > Some(unknown.into()));
    let report = stage.text(&["bisect", "status"], 0);
    assert!(report.contains(&format!("not told:   #{unknown}\n")), "{report}");
    Ok(())
}

fn a_search_is_stopped(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let all = versions(&stage);
    assert!(
        stage
            .text(&["bisect", "status"], 0)
            .contains("Nothing is searched for")
    );
    assert_eq!(stage.json(&["bisect", "status"], 0), serde_json::Value::Null);
    stage.run(&["bisect", "start", &all[0].to_string()]).exited(0);
    let status = stage.json(&["bisect", "status"], 0);
    assert_eq!(
        (&status["good"], &status["bad"]),
        (&all[0].into(), &all[all.len() - 1].into())
    );
    assert!(once(&stage).is_some());
    stage.run(&["bisect", "stop"]).exited(0);
    assert_eq!(once(&stage), None, "what was to be tried is forgotten");
    assert_eq!(stage.json(&["bisect", "status"], 0), serde_json::Value::Null);
    Ok(())
}

fn what_makes_no_sense_is_refused(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let all = versions(&stage);
    let (first, last) = (all[0].to_string(), all[all.len() - 1].to_string());
    stage.run(&["bisect", "good", &first]).exited(3);
    stage.run(&["bisect", "stop"]).exited(3);
    stage.run(&["bisect", "start", &last, &first]).exited(3);
    stage.run(&["bisect", "start", &first, &first]).exited(3);
    stage.run(&["bisect", "start", "9999"]).exited(3);
    stage.run(&["bisect", "start", &first, "9999"]).exited(3);
    stage.run(&["bisect", "start", &first, &last]).exited(0);
    stage.run(&["bisect", "start", &first, &last]).exited(3);
    let said = stage.run(&["bisect", "bad", &first]);
    said.exited(3);
    said.told(&["not between"]);
    // What runs is the version that does not work, and says nothing new.
    stage.run(&["bisect", "bad"]).exited(2);
    Ok(())
}

fn a_machine_that_cannot_come_back_says_how(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    stage
        .engine
        .outside()
        .set_capability(Capability::BootOnce, Some(RefusalCode::NoBootOnce));
    let first = versions(&stage)[0].to_string();
    let began = Instant::now();
    while stage.run(&["try", &first, "--yes"]).code != Some(3) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the helper does not see the change"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = stage.run(&["bisect", "start", &first]);
    said.exited(0);
    assert!(said.stdout.contains("kedgectl rollback "), "{}", said.stdout);
    assert_eq!(once(&stage), None);
    Ok(())
}

fn only_who_may_search_does(it: &Asserted) -> Result<(), Failed> {
    let stage = it.locked_stage(Scenario::Normal);
    let first = versions(&stage)[0].to_string();
    stage.run(&["bisect", "start", &first]).exited(4);
    assert_eq!(stage.json(&["bisect", "status"], 0), serde_json::Value::Null);
    Ok(())
}
