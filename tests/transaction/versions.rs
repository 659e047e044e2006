// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Case;
use engine::packages::version::compare;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use std::cmp::Ordering;
use std::fmt::Write as _;
use support::loop_btrfs::run;
use support::machine::Kit;

pub(crate) const CASES: &[Case] = &[("versions::sort_as_dpkg_sorts_them", sort_as_dpkg)];

/// Random versions, each pair asked of the real dpkg.
fn sort_as_dpkg(_: &Kit) {
    let version = "([0-2]:)?[0-9][a-zA-Z0-9.+~]{0,5}(-[a-zA-Z0-9.+~]{1,4})?";
    let (mut runner, mut script, mut pairs) = (TestRunner::deterministic(), String::new(), Vec::new());
    let near = "([0-1]:)?0?[1-2][ab0.+~]{0,4}(-[a01.+~]{1,3})?";
    let nearest = "(0:)?0?[1-2](-0)?";
    for pattern in [version, near, nearest] {
        let strategy = proptest::string::string_regex(pattern).unwrap();
        let mut next = || strategy.new_tree(&mut runner).unwrap().current();
        for _ in 0..300 {
            let (a, b) = (next(), next());
            writeln!(
                script,
                "if dpkg --compare-versions '{a}' lt '{b}'; then echo lt; \
                 elif dpkg --compare-versions '{a}' eq '{b}'; then echo eq; else echo gt; fi"
            )
            .unwrap();
            pairs.push((a, b));
        }
    }
    let answers = run("sh", ["-c", &script]).unwrap();
    let answers: Vec<_> = answers.lines().collect();
    assert_eq!(answers.len(), pairs.len());
    let mut seen = std::collections::BTreeMap::new();
    for ((a, b), answer) in pairs.iter().zip(answers) {
        let ours = match compare(a, b) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        assert_eq!(ours, answer, "{a} {b}");
        *seen.entry(answer).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 3, "every answer occurs: {seen:?}");
}
