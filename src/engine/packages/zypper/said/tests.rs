// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use proptest::prelude::*;

const DRY: &str = include_str!("../../../../../tests/fixtures/zypper/dup-dry-run.xml");

fn run(text: &str) -> (Run, Vec<String>, Vec<Step>) {
    let (mut run, mut log, mut steps) = (Run::default(), Vec::new(), Vec::new());
    for line in text.lines() {
        run.feed(
            &format!("{line}\n"),
            &mut |line| log.push(line.to_owned()),
            &mut |step| steps.push(step),
        );
    }
    (run, log, steps)
}

#[test]
fn a_real_dry_run_becomes_an_update() {
    let (run, ..) = run(DRY);
    let set = run.update_set(&|name| name == "alpha");
    let shown: Vec<_> = set
        .packages
        .iter()
        .map(|it| {
            format!(
                "{} {} {}>{} {} {}",
                it.name, it.kind, it.old, it.new, it.origin, it.security
            )
        })
        .collect();
    assert_eq!(run.count, Some(set.packages.len()));
    assert_eq!(
        shown,
        [
            "alpha upgraded 1-1>2-1 local true",
            "delta added >1-1 local false",
        ]
    );
    assert!(set.download_size > 0);
}

#[test]
fn the_exit_code_and_the_words_name_the_cause() {
    let code = |code: i32, text: &str| {
        let (run, ..) = run(text);
        let failure = run.failure(Some(code), "detail".into());
        (failure.code, failure.args)
    };
    let (cause, args) = code(
        107,
        "<progress id=\"install-resolvable\" name=\"(1/2) Installing: fail-2-1.noarch\" value=\"100\"/>",
    );
    assert_eq!(
        (cause, args["package"].as_str()),
        (FailureCode::PackageScript, "fail-2-1.noarch")
    );
    let error = |text: &str| format!("<message type=\"error\">{text}</message>");
    let (cause, args) = code(
        106,
        &error("Repository 'local' is invalid.\n[local|dir:/srv] Valid metadata not found at specified URL"),
    );
    assert_eq!(
        (cause, args["repository"].as_str()),
        (FailureCode::RepositoryUnavailable, "local")
    );
    assert_eq!(
        code(4, &error("Signature verification failed for file 'repomd.xml'")).0,
        FailureCode::RepositorySignature
    );
    assert_eq!(
        code(
            4,
            "<prompt id=\"1\"><text>Problem: nothing provides x</text></prompt>"
        )
        .0,
        FailureCode::Conflict
    );
    assert_eq!(code(7, "").0, FailureCode::LockHeld);
    assert_eq!(
        code(8, &error("write failed: No space left on device")).0,
        FailureCode::DiskFull
    );
    assert_eq!(code(1, "").0, FailureCode::PackageManager);
}

#[test]
fn the_number_rises_with_the_packages() {
    let mut tracker = Tracker::new(100..400, 400..900, 2);
    let mut at = |step| {
        let it = tracker.take(step);
        (it.phase, it.permille.unwrap(), it.item, it.items)
    };
    assert_eq!(at(Step::Download("a.rpm".into())), (Phase::Download, 100, 1, 2));
    assert_eq!(at(Step::Download("b.rpm".into())), (Phase::Download, 250, 2, 2));
    assert_eq!(
        at(Step::Install(1, 2, "a".into(), false)),
        (Phase::Install, 400, 1, 2)
    );
    assert_eq!(
        at(Step::Install(1, 2, "a".into(), true)),
        (Phase::Install, 650, 1, 2)
    );
    assert_eq!(
        at(Step::Install(2, 2, "b".into(), true)),
        (Phase::Install, 900, 2, 2)
    );
    assert_eq!(
        position("(3/12) Installing: a-2-1.x [....done]"),
        Some(((3, 12), "a-2-1.x"))
    );
    assert_eq!(position("(3/2) x"), None);
}

proptest! {
    #[test]
    fn anything_may_be_said(text in "(<(progress|solvable|message|prompt|install-summary)( (id|name|value|type|packages-to-change)=\"[a-z0-9/() -]{0,20}\"){0,3}/?>|[a-z<>&\\n]{0,9}|</(prompt|message)>){0,9}") {
        let (run, _, steps) = run(&text);
        let mut tracker = Tracker::new(0..400, 400..900, run.planned.len());
        let mut last = 0;
        for step in steps {
            let now = tracker.take(step).permille.unwrap();
            prop_assert!(now >= last && now <= 900);
            last = now;
        }
        let _: UpdateSet = run.update_set(&|_| false);
        let _: Failure = run.failure(Some(4), String::new());
    }
}
