// SPDX-License-Identifier: GPL-3.0-or-later
//! The verbs that only look.

use crate::Play;
use crate::stage::Asserted;
use engine::{Engine, Scenario};
use libtest_mimic::Failed;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        status_says_one_true_sentence,
        a_verbose_status_tells_about_the_machine,
        the_nightly_job_changes_hands_and_back,
        status_as_json_has_its_documented_shape,
        a_list_shows_every_snapshot,
        a_list_as_json_has_its_documented_shape,
        words_filter_a_list,
        an_empty_list_says_what_to_do,
        a_long_list_is_complete,
        one_snapshot_is_shown,
        what_is_not_there_is_refused,
        packages_of_two_snapshots_are_compared,
        a_plan_changes_nothing,
        dates_have_a_zone,
        past_jobs_are_listed_and_their_logs_shown,
    )
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

fn a_verbose_status_tells_about_the_machine(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Pending);
    let text = stage.text(&["status", "--verbose"], 0);
    for words in [
        "About this system",
        "transactional-update, zypper, rebootmgr",
        "/etc:",
        "a subvolume of its own",
        "root (/), home (/home)",
        "would replace snapshot 42",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!stage.text(&["status"], 0).contains("About this system"));
    let told: Value = serde_json::from_str(&stage.text(&["status", "-v", "--json"], 0))?;
    assert_eq!(told["nightly_would_replace"], json!(42));
    assert_eq!(
        keys(&told["platform"]),
        [
            "configs",
            "etc",
            "health",
            "last_run",
            "nightly",
            "read_only_root",
            "reboot_manager",
            "reboot_method",
            "restart",
            "timers",
            "tools",
            "transactor",
            "update_method",
            "writer",
        ]
    );
    Ok(())
}

fn the_nightly_job_changes_hands_and_back(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Pending);
    assert!(
        stage
            .text(&["nightly"], 0)
            .starts_with("transactional-update dup")
    );
    assert!(
        stage
            .text(&["nightly", "kedge"], 0)
            .starts_with("Kedge installs updates")
    );
    let text = stage.text(&["status", "--verbose"], 0);
    assert!(!text.contains("would replace"), "{text}");
    assert!(
        stage
            .text(&["nightly", "distribution"], 0)
            .starts_with("transactional-update dup")
    );
    stage.text(&["nightly", "nobody"], 2);
    Ok(())
}

fn status_says_one_true_sentence(it: &Asserted) -> Result<(), Failed> {
    for (scenario, words) in [
        (Scenario::Normal, "Nobody has looked for updates yet."),
        (Scenario::Empty, "Nobody has looked for updates yet."),
        (
            Scenario::Pending,
            "2 updates are installed and start with the next restart.",
        ),
        (
            Scenario::RollbackPending,
            "Snapshot 31 starts with the next restart.",
        ),
        (
            Scenario::DatabaseOutside,
            "Updates cannot be installed here. The package database of this system lies outside of its snapshots",
        ),
    ] {
        let text = it.stage(scenario).text(&["status"], 0);
        assert!(text.starts_with(words), "{}: {text}", scenario.name());
    }
    let text = it.stage(Scenario::Pending).text(&["status"], 0);
    for words in [
        "Running:      snapshot 38",
        "Starts next:  snapshot 42",
        "kedgectl discard",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let text = it.stage(Scenario::Empty).text(&["status"], 0);
    assert!(text.contains("Running:      not a snapshot"), "{text}");
    Ok(())
}

fn status_as_json_has_its_documented_shape(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Pending);
    let status = stage.json(&["status"], 0);
    assert_eq!(
        keys(&status),
        [
            "action",
            "booted",
            "capabilities",
            "default",
            "failed_starts",
            "jobs",
            "pending",
            "pending_updates",
            "snapshots",
            "status",
            "updates"
        ]
    );
    assert_eq!(status["status"], "update-pending");
    assert_eq!(status["action"], "restart");
    assert_eq!((&status["booted"], &status["default"]), (&json!(38), &json!(42)));
    assert_eq!(status["pending_updates"], json!([42, 41]));
    assert_eq!(status["capabilities"]["updates"], Value::Null);
    assert_eq!(
        keys(&status["updates"]),
        [
            "attempted",
            "check",
            "download_size",
            "failure",
            "packages",
            "security",
            "succeeded"
        ]
    );
    assert_eq!(
        (&status["updates"]["check"], &status["updates"]["succeeded"]),
        (&json!("never"), &Value::Null)
    );
    let status = it.stage(Scenario::DatabaseOutside).json(&["status"], 0);
    assert_eq!(status["capabilities"]["updates"], "database-outside");
    Ok(())
}

fn a_list_shows_every_snapshot(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["list"], 0);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 26, "{text}");
    assert!(lines[0].starts_with("  #"), "{text}");
    let line = |start: &str| {
        let found = lines.iter().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no line begins with {start:?}: {text}"))
    };
    assert!(line("* 38 ").contains("running") && line("* 38 ").ends_with("Update of #34"));
    assert!(line("  35 ").contains("pinned"));
    assert!(line("  28 ").contains("after #27"));
    assert!(
        lines.iter().all(|line| line.trim_end() == *line),
        "no blanks at the end: {text}"
    );
    assert_eq!(stage.text(&["ls"], 0), text);
    Ok(())
}

fn a_list_as_json_has_its_documented_shape(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::RollbackPending);
    let list = stage.json(&["list"], 0);
    let list = list.as_array().ok_or("an array")?;
    assert_eq!(list.len(), 25);
    for snapshot in list {
        assert_eq!(
            keys(snapshot),
            [
                "booted",
                "cleanup",
                "condition",
                "default",
                "description",
                "kind",
                "number",
                "parent_uuid",
                "pinned",
                "position",
                "pre",
                "read_only",
                "time",
                "uid",
                "userdata",
                "uuid"
            ]
        );
    }
    let find = |number: u32| {
        list.iter()
            .find(|it| it["number"] == number)
            .expect("it is in the scenario")
    };
    assert_eq!(
        (&find(38)["booted"], &find(38)["default"], &find(38)["position"]),
        (&json!(true), &json!(false), &json!("running"))
    );
    assert_eq!(
        (&find(31)["default"], &find(31)["position"]),
        (&json!(true), &json!("pending"))
    );
    assert_eq!(
        (&find(28)["kind"], &find(28)["pre"]),
        (&json!("post"), &json!(27))
    );
    assert_eq!(
        (&find(40)["uid"], &find(40)["time"]),
        (&json!(1000), &json!("2026-03-02T01:30:00Z"))
    );
    assert_eq!(
        (&find(35)["pinned"], &find(35)["userdata"]["kedge-pinned"]),
        (&json!(true), &json!("yes"))
    );
    Ok(())
}

fn words_filter_a_list(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["list", "CODEC", "vor"], 0);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("Vor Codec-Installation"));
    assert_eq!(
        stage.text(&["list", "nothing-has-this"], 0),
        "No snapshot matches.\n"
    );
    assert_eq!(stage.json(&["list", "nothing-has-this"], 0), json!([]));
    assert_eq!(stage.json(&["list", "#38"], 0)[0]["number"], 38);
    Ok(())
}

fn an_empty_list_says_what_to_do(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Empty);
    assert!(stage.text(&["list"], 0).contains("kedgectl create"));
    assert_eq!(stage.json(&["list"], 0), json!([]));
    Ok(())
}

fn a_long_list_is_complete(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Many);
    assert_eq!(stage.text(&["list"], 0).lines().count(), 5_001);
    Ok(())
}

fn one_snapshot_is_shown(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["show", "#31"], 0);
    for words in [
        "Snapshot:        31",
        "Description:     Update of #26",
        "Userdata:        important=yes",
        "Can start:       yes",
        "Can be deleted:  yes",
        "Compared with the running system: 5 packages differ: 5 downgraded.",
        "  downgraded  kernel-default  6.19.0-1.1 -> 6.18.7-1.1\n",
    ] {
        assert!(text.contains(words), "{words:?}: {text}");
    }
    let text = stage.text(&["show", "38"], 0);
    assert!(
        text.contains("Can be deleted:  no. Snapshot 38 is the running system."),
        "{text}"
    );
    assert!(
        text.contains("Can start:       no. Snapshot 38 already is what starts"),
        "{text}"
    );
    assert!(!text.contains("Compared"), "with itself: {text}");
    let shown = stage.json(&["show", "31"], 0);
    assert_eq!(shown["changes"].as_array().map(Vec::len), Some(5));
    assert_eq!(
        shown["changes"][0],
        json!({
            "name": "kernel-default", "arch": "x86_64", "change": "downgraded", "old": "6.19.0-1.1",
            "new": "6.18.7-1.1", "download_size": 0, "origin": "openSUSE Tumbleweed", "security": false,
            "fixes": [],
        })
    );
    let shown = it.stage(Scenario::DatabaseOutside).json(&["show", "31"], 0);
    assert_eq!((&shown["number"], &shown["changes"]), (&json!(31), &Value::Null));
    Ok(())
}

fn what_is_not_there_is_refused(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    for args in [
        &["show", "99"][..],
        &["diff", "99"],
        &["diff", "38", "99"],
        &["rollback", "99", "--plan"],
    ] {
        let said = stage.run(args);
        said.exited(3);
        assert_eq!(
            (said.stdout.as_str(), said.stderr.as_str()),
            ("", "There is no snapshot 99.\n"),
            "{args:?}"
        );
    }
    Ok(())
}

fn packages_of_two_snapshots_are_compared(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["diff", "26", "38"], 0);
    assert!(
        text.starts_with("7 packages differ: 5 upgraded, 2 new.\n  upgraded  kernel-default"),
        "{text}"
    );
    assert_eq!(
        stage.text(&["diff", "26"], 0),
        text,
        "the running system when nothing is said"
    );
    assert!(
        stage
            .text(&["diff", "38", "40"], 0)
            .starts_with("No packages differ.")
    );
    let changes = stage.json(&["diff", "38", "26"], 0);
    let codecs = changes
        .as_array()
        .ok_or("an array")?
        .iter()
        .find(|it| it["name"] == "ffmpeg-7");
    let codecs = codecs.ok_or("it was installed meanwhile")?;
    assert_eq!(
        (&codecs["change"], &codecs["new"]),
        (&json!("removed"), &Value::Null)
    );
    let said = it.stage(Scenario::DatabaseOutside).run(&["diff", "26", "38"]);
    said.exited(3);
    said.told(&["The package database of this system lies outside"]);
    Ok(())
}

fn a_plan_changes_nothing(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Pending);
    let before = stage.engine.system()?;
    let text = stage.text(&["rollback", "31", "--plan"], 0);
    for words in [
        "Snapshot 31 (2026-02-22 05:00 +03:30, Update of #26) would start with the next restart.",
        "! What waits for the restart will not start; it stays as a snapshot.",
        "! Security fixes that are installed now are not in it",
        "  downgraded  sudo ",
    ] {
        assert!(text.contains(words), "{words:?}: {text}");
    }
    let plan = stage.json(&["rollback", "38", "--plan"], 0);
    assert_eq!(
        plan,
        json!({"target": 38, "restart": "none", "concerns": ["drops-pending"], "changes": []})
    );
    let said = stage.run(&["rollback", "42", "--plan"]);
    said.exited(3);
    said.told(&["Snapshot 42 already is what starts with the next restart."]);
    assert_eq!(stage.engine.system()?, before);
    Ok(())
}

fn dates_have_a_zone(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["show", "40"], 0);
    assert!(
        text.contains("Date:            2026-03-02 05:00 +03:30 ("),
        "{text}"
    );
    Ok(())
}

fn past_jobs_are_listed_and_their_logs_shown(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    assert_eq!(stage.text(&["log"], 0), "No job has run yet.\n");
    assert_eq!(stage.json(&["log"], 0), json!([]));
    stage.run(&["check"]).exited(100);
    stage.run(&["update"]).exited(0);
    let text = stage.text(&["log"], 0);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[1].contains("update") && lines[1].ends_with("done: snapshot 41"),
        "{text}"
    );
    assert!(lines[2].contains("check"), "{text}");
    assert_eq!(stage.text(&["log", "-n", "1"], 0).lines().count(), 2);
    let jobs = stage.json(&["log"], 0);
    assert_eq!(
        keys(&jobs[0]),
        [
            "ending", "failure", "finished", "id", "kind", "machine", "permille", "phase", "snapshot",
            "started", "target", "uid"
        ]
    );
    assert_eq!(
        (
            &jobs[0]["kind"],
            &jobs[0]["ending"],
            &jobs[0]["machine"],
            &jobs[0]["snapshot"]
        ),
        (&json!("update"), &json!("done"), &json!("new-system"), &json!(41))
    );
    let id = jobs[0]["id"].to_string();
    let said = stage.run(&["log", &id]);
    said.exited(0);
    assert!(
        said.stdout.contains("(1/12) Installing: Mesa-26.0.0-1.1\n"),
        "{said:?}"
    );
    assert!(
        said.stderr.starts_with("The update is installed in snapshot 41"),
        "{said:?}"
    );
    let log = stage.json(&["log", &id], 0);
    assert_eq!(log["job"]["kind"], "update");
    let lines = log["lines"].as_array().ok_or("an array")?;
    assert_eq!(lines.len(), said.stdout.lines().count());
    let said = stage.run(&["log", "99"]);
    said.exited(3);
    said.told(&["There is no job 99."]);
    Ok(())
}
