// SPDX-License-Identifier: GPL-3.0-or-later
//! No function and no signal of the window's QML has a parameter whose type is a component of ours.
//!
//! Qt 6.8 lets such a type go when nothing but the signature holds it, and reads it again when it lists the methods of
//! an object: one start in a hundred ended with a segmentation fault.

use libtest_mimic::{Failed, Trial};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("no signature names a component", none_in_the_window),
        Trial::test("a component in a signature is found", one_is_found),
    ]
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else if path.extension().is_some_and(|it| it == "qml") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The signatures in a text that name one of these components.
fn found(text: &str, components: &BTreeSet<String>) -> Vec<String> {
    let is_signature = |line: &&str| line.starts_with("function ") || line.starts_with("signal ");
    let names_one = |line: &&str| {
        let signature = line.split_once('{').map_or(*line, |(signature, _)| signature);
        signature
            .split(|it: char| !it.is_alphanumeric() && it != '_' && it != '.')
            .any(|word| components.contains(word))
    };
    let lines = text.lines().map(str::trim);
    lines
        .filter(is_signature)
        .filter(names_one)
        .map(str::to_owned)
        .collect()
}

fn none_in_the_window() -> Result<(), Failed> {
    let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../qml"))?;
    let stem = |path: &PathBuf| path.file_stem().map(|it| it.to_string_lossy().into_owned());
    let components: BTreeSet<String> = files.iter().filter_map(stem).collect();
    assert!(
        components.contains("TimelineDelegate"),
        "the window's components are elsewhere"
    );
    let mut wrong = Vec::new();
    for path in files {
        for signature in found(&std::fs::read_to_string(&path)?, &components) {
            wrong.push(format!("{}: {signature}", path.display()));
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n").into()),
    }
}

fn one_is_found() -> Result<(), Failed> {
    let components = BTreeSet::from(["Line".to_owned()]);
    let text = "Item {\n    function a(line: Line): void {\n    }\n    function b(line: Item): Line {\n    }\n    signal c(Line line)\n    \
                signal d(line: Item)\n    function e() { return Line; }\n    property Line line\n}\n";
    let names: Vec<_> = found(text, &components)
        .iter()
        .filter_map(|it| it.split_whitespace().nth(1)?.chars().next())
        .collect();
    assert_eq!(names, ['a', 'b', 'c']);
    Ok(())
}
