// SPDX-License-Identifier: GPL-3.0-or-later
//! On a terminal: a bar that is redrawn, and questions. `script` provides the terminal.

#![expect(clippy::disallowed_methods, reason = "the program under test is started here")]

use crate::Play;
use crate::stage::{Asserted, Stage};
use engine::{Engine, Fault, Scenario};
use libtest_mimic::Failed;
use model::{Failure, FailureCode, Phase, Question, QuestionKind, SnapshotId};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        progress_is_one_line_that_is_redrawn,
        a_terminal_that_cannot_redraw_gets_lines,
        a_rollback_asks_and_takes_no_for_an_answer,
        a_rollback_asks_and_is_done_after_a_yes,
        yes_asks_nothing,
        an_update_asks_after_showing_what_it_installs,
        a_discard_asks,
        an_installation_asks_after_showing_what_it_changes,
        a_license_is_read_and_agreed_to,
        a_license_is_never_agreed_to_silently,
        what_is_none_of_the_answers_is_asked_again,
    )
}

/// Lets an update that hangs go on once its progress was shown.
fn release_later(stage: &Stage) -> impl FnOnce() + Send + use<> {
    stage.engine.inject(Phase::Install, Fault::Hang);
    let engine = Arc::clone(&stage.engine);
    move || {
        std::thread::sleep(Duration::from_secs(2));
        engine.release();
    }
}

/// kedgectl on a terminal. It ends after a while even when it waits for a key that never comes.
fn terminal(stage: &Stage, term: &str, args: &[&str]) -> Result<Child, Failed> {
    let words: Vec<_> = args.iter().map(|word| format!("'{word}'")).collect();
    let line = format!(
        "exec timeout --foreground 120 '{}' --bus '{}' {}",
        stage.program().display(),
        stage.address(),
        words.join(" ")
    );
    let script = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"])
        .env("TERM", term)
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(script)
}

/// Runs kedgectl on a terminal where somebody types; returns its exit code and all that the terminal got.
fn typed(stage: &Stage, term: &str, args: &[&str], keys: &str) -> Result<(i32, String), Failed> {
    let mut script = terminal(stage, term, args)?;
    let mut keyboard = script.stdin.take().ok_or("a pipe")?;
    keyboard.write_all(keys.as_bytes())?;
    // The keyboard stays: its end would be Ctrl-D.
    let output = script.wait_with_output()?;
    drop(keyboard);
    let text = String::from_utf8(output.stdout)?;
    Ok((output.status.code().ok_or("a signal")?, text))
}

/// The same where somebody reads: each key comes after the words that it answers.
fn answered(stage: &Stage, args: &[&str], answers: &[(&str, &str)]) -> Result<(i32, String), Failed> {
    let mut script = terminal(stage, "dumb", args)?;
    let mut keyboard = script.stdin.take().ok_or("a pipe")?;
    let mut screen = script.stdout.take().ok_or("a pipe")?;
    let (mut text, mut seen) = (String::new(), 0);
    for (words, keys) in answers {
        let mut buffer = [0; 4096];
        while !text[seen..].contains(words) {
            let length = screen.read(&mut buffer)?;
            assert!(length > 0, "{words:?} was not said: {text:?}");
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        seen = text.len();
        keyboard.write_all(keys.as_bytes())?;
    }
    screen.read_to_string(&mut text)?;
    let status = script.wait()?;
    drop(keyboard);
    Ok((status.code().ok_or("a signal")?, text))
}

fn a_license_is_read_and_agreed_to(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Asking);
    let keys = [
        ("Agree? [y/N]", "y\n"),
        ("Keep the new system anyway? [y/N]", "yes\n"),
    ];
    let (code, text) = answered(&stage, &["update", "--yes"], &keys)?;
    assert_eq!(code, 0, "{text:?}");
    assert!(
        text.contains("It plays nothing.") && text.contains("The package flash-player"),
        "{text:?}"
    );
    assert!(
        text.contains("A script of the package kernel-firmware failed"),
        "{text:?}"
    );
    assert_eq!(text.matches("Agree? [y/N]").count(), 1, "{text:?}");
    assert_eq!(stage.engine.system()?.to_state().pending_updates().len(), 1);
    Ok(())
}

fn a_license_is_never_agreed_to_silently(it: &Asserted) -> Result<(), Failed> {
    let words = "a package asks for its license to be agreed to";
    // Nobody there: the update ends with that as the cause, whatever `--yes` says.
    for args in [&["update", "--yes"][..], &["update"]] {
        let stage = it.stage(Scenario::Asking);
        let before = stage.engine.system()?;
        let said = stage.run(args);
        said.exited(1);
        assert!(said.stderr.contains(words), "{}", said.stderr);
        assert_eq!(stage.engine.system()?.snapshots, before.snapshots);
    }
    // Somebody there who only hits Enter.
    let stage = it.stage(Scenario::Asking);
    let (code, text) = answered(&stage, &["update", "--yes"], &[("Agree? [y/N]", "\n")])?;
    assert_eq!(code, 1, "{text:?}");
    assert!(
        text.contains(words) && text.contains("same system as before"),
        "{text:?}"
    );
    Ok(())
}

fn what_is_none_of_the_answers_is_asked_again(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let failure = Failure::new(FailureCode::Conflict, "nothing provides x");
    let question = Question::new(QuestionKind::Conflict, "Problem: nothing provides x")
        .or("do not install y")
        .or("break y");
    stage.engine.inject(Phase::Refresh, Fault::Ask(question, failure));
    let keys = [("Which one? [0-2]", "3\n"), ("Which one? [0-2]", "2\n")];
    let (code, text) = answered(&stage, &["update", "--yes"], &keys)?;
    assert_eq!(code, 0, "{text:?}");
    assert!(text.contains("That is none of the answers."), "{text:?}");
    Ok(())
}

fn progress_is_one_line_that_is_redrawn(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let release = std::thread::spawn(release_later(&stage));
    let (code, text) = typed(&stage, "xterm", &["update", "--yes"], "")?;
    assert!(release.join().is_ok());
    assert_eq!(code, 0, "{text:?}");
    let drawn: Vec<_> = text.split("\r\u{1b}[K").collect();
    assert!(drawn.len() > 3, "{text:?}");
    let bars: Vec<_> = drawn.iter().filter(|line| line.contains(" %")).collect();
    assert!(bars.iter().any(|line| line.contains("[####")), "{text:?}");
    assert!(
        drawn
            .iter()
            .rev()
            .take(1)
            .all(|line| line.starts_with("The update is installed")),
        "{text:?}"
    );
    assert!(
        !text.replace("\u{1b}[K", "").contains('\u{1b}'),
        "no other sequence: {text:?}"
    );
    Ok(())
}

fn a_terminal_that_cannot_redraw_gets_lines(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let release = std::thread::spawn(release_later(&stage));
    let (code, text) = typed(&stage, "dumb", &["update", "--yes"], "")?;
    assert!(release.join().is_ok());
    assert_eq!(code, 0, "{text:?}");
    assert!(
        !text.contains('\u{1b}') && text.contains("Installing …"),
        "{text:?}"
    );
    Ok(())
}

fn a_rollback_asks_and_takes_no_for_an_answer(it: &Asserted) -> Result<(), Failed> {
    for keys in ["n\n", "\n", "maybe\n", "\u{4}"] {
        let stage = it.stage(Scenario::Normal);
        let before = stage.engine.system()?;
        let (code, text) = typed(&stage, "xterm", &["rollback", "31"], keys)?;
        assert_eq!(code, 7, "{keys:?}: {text:?}");
        let question = text
            .find("Let snapshot 31 start with the next restart? [y/N]")
            .ok_or("it asks")?;
        assert!(
            text.find("5 packages differ").ok_or("the plan")? < question,
            "the plan comes first"
        );
        assert!(text.contains("Nothing has changed."), "{text:?}");
        assert_eq!(stage.engine.system()?, before);
    }
    Ok(())
}

fn a_rollback_asks_and_is_done_after_a_yes(it: &Asserted) -> Result<(), Failed> {
    for keys in ["y\n", "YES\n"] {
        let stage = it.stage(Scenario::Normal);
        let (code, text) = typed(&stage, "xterm", &["rollback", "31"], keys)?;
        assert_eq!(code, 0, "{text:?}");
        assert_eq!(stage.engine.system()?.default, Some(SnapshotId(31)));
    }
    Ok(())
}

fn yes_asks_nothing(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let (code, text) = typed(&stage, "xterm", &["rollback", "31", "--yes"], "")?;
    assert_eq!(code, 0, "{text:?}");
    assert!(!text.contains("[y/N]"), "{text:?}");
    Ok(())
}

fn an_update_asks_after_showing_what_it_installs(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    stage.run(&["check"]).exited(100);
    let before = stage.engine.system()?;
    let (code, text) = typed(&stage, "xterm", &["update"], "n\n")?;
    assert_eq!(code, 7, "{text:?}");
    assert!(
        text.contains("12 updates are available") && text.contains("Install all updates?"),
        "{text:?}"
    );
    assert_eq!(stage.engine.system()?, before);
    Ok(())
}

fn an_installation_asks_after_showing_what_it_changes(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let before = stage.engine.system()?;
    let (code, text) = typed(&stage, "xterm", &["install", "vim"], "n\n")?;
    assert_eq!(code, 7, "{text:?}");
    let question = text.find("Install them?").ok_or("it asks")?;
    assert!(
        text.find("vim-data-common").ok_or("the plan")? < question,
        "{text:?}"
    );
    assert_eq!(stage.engine.system()?, before);
    let (code, _) = typed(&stage, "xterm", &["remove", "timezone"], "y\n")?;
    assert_eq!((code, stage.engine.system()?.default), (0, Some(SnapshotId(41))));
    Ok(())
}

fn a_discard_asks(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Pending);
    let before = stage.engine.system()?;
    let (code, text) = typed(&stage, "xterm", &["discard"], "n\n")?;
    assert_eq!(code, 7, "{text:?}");
    assert!(
        text.contains("#42, #41") && text.contains("Discard what waits for the restart? [y/N]"),
        "{text:?}"
    );
    assert_eq!(stage.engine.system()?, before);
    let (code, _) = typed(&stage, "xterm", &["discard"], "y\n")?;
    assert_eq!((code, stage.engine.system()?.default), (0, Some(SnapshotId(38))));
    Ok(())
}
