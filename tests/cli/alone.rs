// SPDX-License-Identifier: GPL-3.0-or-later
//! What needs no helper: help, a wrong command line, and what is generated.

use crate::Play;
use crate::stage::Asserted;
use libtest_mimic::Failed;

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        help_and_version_need_no_helper,
        a_wrong_command_line_is_told_apart,
        completions_and_man_page_are_written,
    )
}

fn help_and_version_need_no_helper(it: &Asserted) -> Result<(), Failed> {
    for args in [
        &["--help"][..],
        &["help", "update"],
        &["--version"],
        &["rollback", "-h"],
    ] {
        let output = it.command("unix:path=/nonexistent/bus").args(args).output()?;
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{args:?}");
    }
    let help = it.command("unix:path=/nonexistent/bus").arg("--help").output()?;
    let help = String::from_utf8(help.stdout)?;
    for words in ["Exit codes:", "100  updates are available", "rollback", "discard"] {
        assert!(help.contains(words), "{words:?}: {help}");
    }
    assert!(!help.contains("generate") && !help.contains("--bus"), "{help}");
    Ok(())
}

fn a_wrong_command_line_is_told_apart(it: &Asserted) -> Result<(), Failed> {
    for args in [
        &[][..],
        &["frobnicate"],
        &["show"],
        &["show", "0"],
        &["show", "x"],
        &["delete"],
        &["edit", "3"],
        &["edit", "3", "--pin", "--unpin"],
        &["log", "--follow"],
        &["rollback", "3", "--json"],
        &["update", "--check", "--yes"],
    ] {
        let output = it.command("unix:path=/nonexistent/bus").args(args).output()?;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    Ok(())
}

fn completions_and_man_page_are_written(it: &Asserted) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let place = directory.path().join("made");
    let status = it
        .command("unix:path=/nonexistent/bus")
        .arg("generate")
        .arg(&place)
        .status()?;
    assert!(status.success());
    for (name, words) in [
        ("kedgectl.bash", "rollback"),
        ("_kedgectl", "#compdef kedgectl"),
        ("kedgectl.fish", "complete -c kedgectl"),
        ("kedgectl.1", ".SH \"EXIT STATUS\""),
    ] {
        let text = std::fs::read_to_string(place.join(name))?;
        assert!(text.contains(words), "{name} lacks {words:?}");
    }
    Ok(())
}
