// SPDX-License-Identifier: GPL-3.0-or-later
//! The verbs about files.

use crate::Play;
use crate::stage::Asserted;
use engine::{Engine as _, Scenario};
use libtest_mimic::Failed;

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        files_of_two_snapshots_are_compared,
        changed_files_as_json_have_their_documented_shape,
        a_file_is_written_out,
        the_text_of_a_file_is_compared,
        a_file_is_followed_through_all_snapshots,
        what_is_no_file_is_refused,
        a_snapshot_is_there_as_long_as_somebody_browses_it,
        what_was_written_about_a_package_is_told,
        a_file_comes_back_and_both_are_shown_first,
        a_selection_tells_what_it_frees,
        room_is_made_by_what_was_proposed,
        what_the_rules_would_delete_is_shown_first,
    )
}

fn files_of_two_snapshots_are_compared(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["diff", "26", "38", "--files", "--all"], 0);
    assert!(text.contains(" files differ: "), "{text}");
    for line in [
        "c /etc/issue (content, times)\n",
        "+ /usr/share/doc/packages/ffmpeg-7/  [ffmpeg-7]\n",
        "c /usr/lib64/libkernel-default.so (content, times)  [kernel-default]\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let none = stage.text(&["diff", "38", "38", "--files"], 0);
    assert_eq!(none, "No files differ.\n");
    let packages = stage.text(&["diff", "26", "38", "--packages"], 0);
    assert_eq!(packages, stage.text(&["diff", "26", "38"], 0));
    Ok(())
}

fn changed_files_as_json_have_their_documented_shape(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let told = stage.json(&["diff", "26", "38", "--files"], 0);
    assert_eq!(told["left_out"], 0);
    let files = told["files"].as_array().ok_or("an array")?;
    let issue = files
        .iter()
        .find(|it| it["path"] == "etc/issue")
        .ok_or("it changed")?;
    assert_eq!(
        *issue,
        serde_json::json!({
            "path": "etc/issue", "kind": "changed", "file": "regular", "aspects": ["content", "times"],
            "from": null, "package": null,
        })
    );
    let versions = stage.json(&["history", "/etc/issue"], 0);
    let first = &versions.as_array().ok_or("an array")?[0];
    assert_eq!((&first["version"], &first["mode"]), (&1.into(), &"0644".into()));
    Ok(())
}

fn a_file_is_written_out(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["cat", "38", "/etc/issue"], 0);
    assert!(text.starts_with("Welcome.\nKernel "), "{text}");
    assert_eq!(stage.text(&["cat", "#38", "etc/issue"], 0), text);
    Ok(())
}

fn the_text_of_a_file_is_compared(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["diff", "26", "38", "--text", "/etc/issue"], 0);
    assert!(text.starts_with("@@ -1,2 +1,2 @@\n Welcome.\n-Kernel "), "{text}");
    let same = stage.text(&["diff", "38", "38", "--text", "/etc/issue"], 0);
    assert_eq!(same, "No differences.\n");
    let binary = [
        "diff",
        "26",
        "38",
        "--text",
        "/usr/lib64/libkernel-default.so.6.12.1-1.1",
    ];
    let said = stage.run(&binary);
    assert!(matches!(said.code, Some(0 | 3)));
    Ok(())
}

fn a_file_is_followed_through_all_snapshots(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let text = stage.text(&["history", "/etc/issue"], 0);
    assert!(
        text.contains("#26") && text.contains("version 1") && text.contains("version 2"),
        "{text}"
    );
    let text = stage.text(&["history", "/etc/issue", "--text"], 0);
    assert!(text.contains(" -> #") && text.contains("\n+Kernel "), "{text}");
    assert_eq!(
        stage.text(&["history", "/no/such"], 0),
        "No snapshot has such a file.\n"
    );
    Ok(())
}

fn what_is_no_file_is_refused(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    for (arguments, code) in [
        (["cat", "38", "/no/such"], 3),
        (["cat", "38", "/etc"], 3),
        (["cat", "4711", "/etc/issue"], 3),
        (["cat", "38", "/etc/../etc/issue"], 2),
    ] {
        let said = stage.run(&arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
    }
    Ok(())
}

fn a_snapshot_is_there_as_long_as_somebody_browses_it(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let mut browsing = stage.start(&["browse", "34", "--no-open"]);
    let place = browsing.first_line();
    assert!(place.starts_with("/proc/"), "{place}");
    let issue = std::fs::read_to_string(format!("{place}/etc/issue"))?;
    assert_eq!(issue, stage.text(&["cat", "34", "/etc/issue"], 0));
    browsing.interrupt();
    browsing.end().exited(0);
    assert!(!std::path::Path::new(&place).exists());
    stage.run(&["browse", "4711", "--no-open"]).exited(3);
    let locked = it.locked_stage(Scenario::Normal);
    locked.run(&["browse", "34", "--no-open"]).exited(4);
    Ok(())
}

fn what_was_written_about_a_package_is_told(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let packages = stage.json(&["diff", "26", "38"], 0);
    let name = packages.to_string();
    assert!(name.contains("kernel-default"), "{name}");
    let entries = stage.json(&["changelog", "26", "38", "--package", "kernel-default"], 0);
    let text = stage.text(&["changelog", "26", "38", "--package", "kernel-default"], 0);
    match entries.as_array().ok_or("an array")?.first() {
        None => assert_eq!(text, "Nothing was written about it.\n"),
        Some(first) => {
            let line = first["text"].as_str().and_then(|it| it.lines().next());
            assert!(text.contains(line.ok_or("an entry has a text")?), "{text}");
        }
    }
    let same = stage.text(&["changelog", "38", "38", "--package", "kernel-default"], 0);
    assert_eq!(same, "Nothing was written about it.\n");
    Ok(())
}

fn a_file_comes_back_and_both_are_shown_first(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let said = stage.run(&["restore", "26", "/etc/issue", "--yes"]);
    said.exited(0);
    said.told(&["#26", "now"]);
    stage.run(&["restore", "26", "/no/such", "--yes"]).exited(3);
    let locked = it.locked_stage(Scenario::Normal);
    locked.run(&["restore", "26", "/etc/issue", "--yes"]).exited(4);
    Ok(())
}

fn a_selection_tells_what_it_frees(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let freed = |numbers: &[&str]| {
        let freed = stage.json(&[&["space"], numbers].concat(), 0);
        freed["data"].as_u64().ok_or("bytes")
    };
    let (one, other) = (freed(&["26"])?, freed(&["31"])?);
    assert!(freed(&["26", "31"])? >= one + other);
    let text = stage.text(&["space", "26", "31"], 0);
    assert!(text.starts_with("Deleting #26, #31 frees "), "{text}");
    let all = stage.json(&["space"], 0);
    let usage = &all["usage"];
    assert!(usage["used"].as_u64() <= usage["size"].as_u64(), "{usage}");
    let sizes = all["snapshots"].as_array().ok_or("an array")?;
    let alone = sizes.iter().find(|it| it["id"] == 26).ok_or("#26 has a size")?;
    assert_eq!(alone["data"], one);
    stage.run(&["space", "4711"]).exited(3);
    Ok(())
}

fn room_is_made_by_what_was_proposed(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = stage.engine.system()?;
    let plan = stage.json(&["make-room", "1", "--preview"], 0);
    assert_eq!(stage.engine.system()?, before, "looking changes nothing");
    let proposed = plan["snapshots"].as_array().ok_or("an array")?;
    assert!(plan["is_enough"] == true && !proposed.is_empty(), "{plan}");
    stage.run(&["make-room", "1", "--yes"]).exited(0);
    let after = stage.engine.system()?;
    let gone: Vec<u64> = before
        .snapshots
        .keys()
        .filter(|id| !after.snapshots.contains_key(id))
        .map(|id| id.0.into())
        .collect();
    let named: Vec<u64> = proposed.iter().filter_map(serde_json::Value::as_u64).collect();
    assert_eq!(gone, named);
    let locked = it.locked_stage(Scenario::Normal);
    locked.run(&["make-room", "1", "--yes"]).exited(4);
    Ok(())
}

fn what_the_rules_would_delete_is_shown_first(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = stage.engine.system()?;
    let plan = stage.json(&["clean-up", "--preview"], 0);
    assert_eq!(stage.engine.system()?, before, "looking changes nothing");
    let doomed = plan["doomed"].as_array().ok_or("an array")?.clone();
    stage.run(&["clean-up", "--yes"]).exited(0);
    let after = stage.engine.system()?;
    assert_eq!(after.snapshots.len() + doomed.len(), before.snapshots.len());
    let again = stage.json(&["clean-up", "--preview"], 0);
    assert_eq!(again["doomed"], serde_json::json!([]));
    Ok(())
}
