// SPDX-License-Identifier: GPL-3.0-or-later
//! The verbs about files.

use crate::Play;
use crate::stage::Asserted;
use engine::Scenario;
use libtest_mimic::Failed;

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        files_of_two_snapshots_are_compared,
        changed_files_as_json_have_their_documented_shape,
        a_file_is_written_out,
        the_text_of_a_file_is_compared,
        a_file_is_followed_through_all_snapshots,
        what_is_no_file_is_refused,
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
