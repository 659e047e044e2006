// SPDX-License-Identifier: GPL-3.0-or-later
//! `search`, `install` and `remove`: what they say, how they exit, and what the machine is afterwards.

use crate::Play;
use crate::stage::Asserted;
use engine::{Engine, Scenario};
use libtest_mimic::Failed;
use model::SnapshotId;
use serde_json::json;

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        packages_are_found,
        a_package_is_installed_after_its_plan,
        a_package_is_removed_with_what_needs_it,
        what_cannot_be_done_says_why,
        a_plan_changes_nothing,
    )
}

fn packages_are_found(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let said = stage.run(&["search", "vim"]);
    said.exited(0);
    let lines: Vec<_> = said.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{said:?}");
    assert!(
        lines[0].starts_with("vim ") && lines[0].ends_with("Vi IMproved"),
        "{said:?}"
    );
    said.told(&["kedgectl check"]);
    let found = stage.json(&["search", "process", "viewer"], 0);
    assert_eq!(
        found,
        json!({"packages": [{
            "name": "htop", "version": "3.4.1-1.2", "installed": null,
            "summary": "An Interactive text-mode Process Viewer for Linux",
        }], "more": 0})
    );
    let found = stage.json(&["search", "curl"], 0);
    assert_eq!(
        (
            &found["packages"][0]["installed"],
            &found["packages"][0]["version"]
        ),
        (&json!("8.18.0-1.1"), &json!("8.19.0-1.1"))
    );
    let said = stage.run(&["search", "-n", "1", "vim"]);
    said.told(&["and 2 more: more words find fewer."]);
    let said = stage.run(&["search", "nowhere"]);
    said.exited(0);
    said.told(&["No package matches."]);
    stage.run(&["search"]).exited(2);
    stage.run(&["search", &"x".repeat(129)]).exited(2);
    Ok(())
}

fn a_package_is_installed_after_its_plan(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Pending);
    let said = stage.run(&["install", "vim", "htop", "--yes"]);
    said.exited(0);
    assert!(said.stdout.starts_with("3 packages would change: "), "{said:?}");
    said.told(&["new  vim-data-common"]);
    assert!(
        said.stdout.ends_with(
            "Installed in snapshot 43, which starts with the next restart. The running system stays as it is.\n"
        ),
        "{said:?}"
    );
    let system = stage.engine.system()?;
    assert_eq!(system.default, Some(SnapshotId(43)));
    assert_eq!(
        system.snapshots[&SnapshotId(43)].description,
        "Installed: vim, htop"
    );
    assert_eq!(stage.text(&["install", "vim"], 0), "There was nothing to do.\n");
    assert_eq!(stage.engine.system()?, system);
    Ok(())
}

fn a_package_is_removed_with_what_needs_it(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let said = stage.run(&["remove", "kwin6"]);
    said.exited(0);
    said.told(&[
        "3 packages would change",
        "removed  plasma6-desktop",
        "Removed in snapshot 41, which starts",
    ]);
    let changes = stage.engine.package_changes(None, Some(SnapshotId(41)))?;
    assert_eq!(changes.len(), 3);
    Ok(())
}

fn what_cannot_be_done_says_why(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = stage.engine.system()?;
    for (args, code, words) in [
        (
            &["install", "nowhere"][..],
            1,
            "there is no package nowhere; kedgectl search finds what there is",
        ),
        (&["remove", "htop"], 1, "there is no package htop"),
        (&["remove", "glibc"], 1, "the package glibc is essential"),
        (&["install", "vim; reboot"], 2, "no name of a package"),
        (&["install", "--", "-y"], 2, "no name of a package"),
        (&["install"], 2, "NAME"),
    ] {
        let said = stage.run(args);
        said.exited(code);
        said.told(&[words]);
    }
    assert_eq!(stage.engine.system()?, before);
    let said = it.locked_stage(Scenario::Normal).run(&["install", "htop"]);
    said.exited(4);
    let said = it.stage(Scenario::DatabaseOutside).run(&["install", "htop"]);
    said.exited(3);
    said.told(&["lies outside of its snapshots"]);
    Ok(())
}

fn a_plan_changes_nothing(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = stage.engine.system()?;
    let said = stage.run(&["install", "htop", "--plan"]);
    said.exited(0);
    assert!(said.stdout.starts_with("1 package would change: "), "{said:?}");
    let plan = stage.json(&["remove", "kwin6", "--plan"], 0);
    assert_eq!(plan["packages"].as_array().map(Vec::len), Some(3));
    assert_eq!(plan["packages"][0]["change"], "removed");
    let nothing = stage.text(&["install", "bash", "--plan"], 0);
    assert_eq!(nothing, "There is nothing to do.\n");
    assert_eq!(stage.engine.system()?, before);
    Ok(())
}
