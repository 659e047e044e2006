// SPDX-License-Identifier: GPL-3.0-or-later
//! What health-checker found: its state files, and what its checks said.

use super::{shell, text};
use crate::packages::Tree;
use model::{Health, SnapshotId};

const STATE: &str = "var/lib/misc/health-check.state";
const RESTARTED: &str = "var/lib/misc/health-check.rebooted";
/// Where Kedge puts what health-checker said before it went back: the journal of that start is read once.
const REASONS: &str = "var/lib/kedge/health-reasons";
/// So many lines are kept.
const LINES: usize = 20;

/// What it found; `None` where it keeps no state.
pub(super) fn read(tree: Tree<'_>) -> Option<Health> {
    let state = text(tree, STATE);
    let restarted = text(tree, RESTARTED);
    if state.is_none() && restarted.is_none() {
        return None;
    }
    let reasons = text(tree, REASONS).unwrap_or_default();
    Some(parse(
        &state.unwrap_or_default(),
        &restarted.unwrap_or_default(),
        &reasons,
    ))
}

fn parse(state: &str, restarted: &str, reasons: &str) -> Health {
    let values = shell::parse(state);
    let snapshot = |key: &str| {
        let number = values.get(key)?.trim().parse().ok()?;
        (number != 0).then_some(SnapshotId(number))
    };
    let line = restarted.lines().next().unwrap_or_default();
    Health {
        rolled_back: values
            .get("NEW_SNAPSHOT_FAILED")
            .is_some_and(|value| value == "1"),
        failed: snapshot("FAILED_SNAPSHOT"),
        last_working: snapshot("LAST_WORKING_SNAPSHOT"),
        restarted: line.chars().filter(|c| !c.is_control()).take(40).collect(),
        reasons: reasons
            .lines()
            .filter(|line| is_reason(line))
            .take(LINES)
            .map(|line| line.chars().filter(|c| !c.is_control()).take(400).collect())
            .collect(),
    }
}

/// health-checker logs one such line for each check that failed.
fn is_reason(line: &str) -> bool {
    line.contains("failed") || line.contains("ERROR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_did_not_come_up_is_told() {
        let health = parse(
            "LAST_WORKING_BTRFS_ID=268\nLAST_WORKING_SNAPSHOT=12\nNEW_SNAPSHOT_FAILED=1\n",
            "2026-11-22 07:15\n",
            "Starting health check\nERROR: \"/usr/libexec/health-checker/logind.sh check\" failed\nHealth check failed!\n",
        );
        assert!(health.rolled_back);
        assert_eq!(health.last_working, Some(SnapshotId(12)));
        assert_eq!(health.restarted, "2026-11-22 07:15");
        assert_eq!(health.reasons.len(), 2);
        assert_eq!(parse("", "", ""), Health::default());
        assert_eq!(parse("LAST_WORKING_SNAPSHOT=x\n", "", "").last_working, None);
    }
}
