// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use model::SnapshotId;

fn ended(ending: Ending, machine: Machine, failure: Option<Failure>) -> JobOutcome {
    JobOutcome {
        ending,
        machine,
        snapshot: Some(SnapshotId(41)),
        failure,
        finished: Timestamp(0),
    }
}

#[test]
fn every_outcome_tells_what_happened_and_what_the_machine_is_now() {
    for kind in JobKind::ALL {
        for ending in [Ending::Undone, Ending::Cancelled, Ending::NeedsAttention] {
            let words = outcome(*kind, &ended(ending, Machine::OldSystem, None));
            assert!(
                words.contains("The next restart starts the same system as before."),
                "{words}"
            );
        }
    }
    let failure = Failure::new(FailureCode::PackageScript, "").with("package", "kernel\u{1b}[2J");
    assert_eq!(
        outcome(
            JobKind::Update,
            &ended(Ending::Undone, Machine::OldSystem, Some(failure))
        ),
        "The update failed: a script of the package kernel\\u{1b}[2J failed.\nEverything is as it was before. The \
         next restart starts the same system as before."
    );
    assert_eq!(
        outcome(JobKind::Update, &ended(Ending::Done, Machine::NewSystem, None)),
        "The update is installed in snapshot 41 and starts with the next restart. The running system stays as it is."
    );
}

#[test]
fn every_code_has_a_sentence() {
    for code in RefusalCode::ALL {
        for snapshot in [None, Some(SnapshotId(3))] {
            let words = refusal(&Refusal {
                code: *code,
                snapshot,
            });
            assert!(
                words.ends_with(['.', 'n']) && words.starts_with(char::is_uppercase),
                "{words}"
            );
        }
    }
    for code in FailureCode::ALL {
        let words = failure(&Failure::new(*code, ""));
        assert!(
            !words.ends_with('.') && words.starts_with(char::is_lowercase),
            "{words}"
        );
    }
}

#[test]
fn a_refusal_inside_of_a_failure_is_worded_too() {
    let it = Failure::new(FailureCode::Refused, "")
        .with("reason", "in-use")
        .with("snapshot", "7");
    assert_eq!(failure(&it), "snapshot 7 is mounted or otherwise in use");
    let newer = Failure::new(FailureCode::Refused, "").with("reason", "of-a-newer-version");
    assert_eq!(failure(&newer), "a rule does not allow it");
}

#[test]
fn details_are_indented_and_harmless() {
    assert_eq!(details(None), "");
    let it = Failure::new(FailureCode::Internal, "one\n\n\u{1b}]0;two\u{7}");
    assert_eq!(details(Some(&it)), "Details:\n  one\n  \\u{1b}]0;two\\u{7}\n");
}

#[test]
fn a_failed_search_is_never_up_to_date() {
    let state = State::default();
    let now = Timestamp::from_seconds(10 * 86_400);
    let failed = Status::CouldNotCheck {
        failure: Failure::new(FailureCode::Network, ""),
        succeeded: Some(Timestamp::from_seconds(86_400)),
    };
    assert_eq!(
        status(&failed, &state, now),
        "Updates could not be looked for: the repositories could not be reached. The last \
         successful search was 9 days ago."
    );
}
