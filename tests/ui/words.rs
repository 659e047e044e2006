// SPDX-License-Identifier: GPL-3.0-or-later
//! Every code of the model has its words in the window: one that has none would show as a code.

use libtest_mimic::{Failed, Trial};
use model::{Capability, Concern, Ending, FailureCode, JobKind, Machine, Phase, QuestionKind, RefusalCode};
use std::path::Path;

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("every code has its words", every_code)]
}

/// The body of a function of one of the files with words.
fn body(file: &str, function: &str) -> Result<String, Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../qml/components")
        .join(file);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let start = text
        .find(&format!("function {function}("))
        .ok_or_else(|| format!("{file} has no {function}"))?;
    let rest = &text[start..];
    Ok(rest[..rest.find("\n    }\n").unwrap_or(rest.len())].to_owned())
}

fn every_code() -> Result<(), Failed> {
    fn codes<T: ToString>(all: &[T]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }
    let mut missing = Vec::new();
    for (file, function, codes, stands_for_itself) in [
        ("Failures.qml", "reason", codes(RefusalCode::ALL), ""),
        ("Failures.qml", "cause", codes(FailureCode::ALL), ""),
        ("Jobs.qml", "doing", codes(JobKind::ALL), ""),
        ("Jobs.qml", "failed", codes(JobKind::ALL), ""),
        ("Jobs.qml", "did", codes(JobKind::ALL), ""),
        ("Jobs.qml", "icon", codes(JobKind::ALL), ""),
        ("Jobs.qml", "phase", codes(Phase::ALL), ""),
        ("Jobs.qml", "result", codes(Ending::ALL), ""),
        ("Jobs.qml", "machine", codes(Machine::ALL), "unknown"),
        ("Jobs.qml", "question", codes(QuestionKind::ALL), ""),
        ("Jobs.qml", "questionFacts", codes(QuestionKind::ALL), ""),
        ("Jobs.qml", "agreeing", codes(QuestionKind::ALL), ""),
        ("Wording.qml", "concern", codes(Concern::ALL), ""),
        ("Wording.qml", "ability", codes(Capability::ALL), ""),
    ] {
        let body = body(file, function)?;
        let lacks = |code: &String| code != stands_for_itself && !body.contains(&format!("case \"{code}\""));
        missing.extend(
            codes
                .into_iter()
                .filter(lacks)
                .map(|code| format!("{file}, {function}: {code}")),
        );
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(missing.join("\n").into()),
    }
}
