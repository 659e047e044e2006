// SPDX-License-Identifier: GPL-3.0-or-later
//! Words of somebody else's on their way to a terminal.

use crate::Play;
use crate::stage::{Asserted, Said};
use engine::sim::Offer;
use engine::{Fault, Scenario};
use libtest_mimic::Failed;
use model::{Condition, Failure, FailureCode, Phase};

pub(crate) fn trials() -> Vec<(&'static str, Play)> {
    crate::trials!(
        no_control_character_reaches_the_terminal,
        json_escapes_what_text_escapes,
        damaged_snapshots_are_shown,
    )
}

/// Clears the screen, sets a title, rings, colours (in one byte too), turns the direction of writing.
const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\nroot#\u{202e}evil\u{2066}\u{7f}\u{85}b";

#[track_caller]
fn harmless(said: &Said) {
    for text in [&said.stdout, &said.stderr] {
        let hostile = text.chars().find(|c| {
            (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(hostile, None, "{said:#?}");
    }
}

fn no_control_character_reaches_the_terminal(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let id = stage.engine.outside().create(HOSTILE);
    stage.engine.outside().offer([Offer::new(HOSTILE, HOSTILE)]);
    let failure = Failure::new(FailureCode::PackageScript, HOSTILE).with("package", HOSTILE);
    stage.engine.inject(Phase::Verify, Fault::Fail(failure));
    let number = id.to_string();
    for args in [
        &["list"][..],
        &["show", &number],
        &["rollback", &number, "--plan"],
        &["check"],
        &["update", "--verbose"],
        &["status"],
        &["log"],
        &["log", "2"],
        &["update"],
        &["diff", "38", "42"],
        &["rollback", &number],
        &["create", "--description", HOSTILE],
        &["edit", &number, "--cleanup", HOSTILE],
    ] {
        let said = stage.run(args);
        assert!(matches!(said.code, Some(0..=3 | 100)), "{said:#?}");
        harmless(&said);
    }
    let text = stage.text(&["show", &number], 0);
    assert!(
        text.contains("a\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\u{9b}31m\\u{d}\\u{a}root#\\u{202e}evil"),
        "{text}"
    );
    Ok(())
}

fn json_escapes_what_text_escapes(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let id = stage.engine.outside().create(HOSTILE);
    for args in [&["list", "--json"][..], &["show", &id.to_string(), "--json"]] {
        harmless(&stage.run(args));
    }
    assert_eq!(
        stage.json(&["show", &id.to_string()], 0)["description"],
        HOSTILE,
        "it is still the same text"
    );
    Ok(())
}

fn damaged_snapshots_are_shown(it: &Asserted) -> Result<(), Failed> {
    let stage = it.stage(Scenario::Normal);
    let id = stage.engine.outside().create("x");
    stage.engine.outside().damage(id, Condition::BadMetadata);
    let text = stage.text(&["list", "#41"], 0);
    assert!(text.contains("damaged"), "{text}");
    let said = stage.run(&["rollback", "41"]);
    said.exited(3);
    said.told(&["Snapshot 41 has lost its description file"]);
    stage.run(&["delete", "41"]).exited(0);
    Ok(())
}
