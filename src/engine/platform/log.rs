// SPDX-License-Identifier: GPL-3.0-or-later
//! What transactional-update did last, from the end of its log.

use crate::packages::Tree;
use model::{NightlyRun, RunResult};
use std::io::{Read as _, Seek as _, SeekFrom};

const LOG: &str = "var/log/transactional-update.log";
/// So much of the end is read, in bytes: a run of zypper with some thousand packages.
const TAIL: u64 = 1 << 20;
/// No more of a line is kept, in characters.
const LINE: usize = 400;

/// The last run that the log tells of; `None` when it tells of none.
pub(super) fn last_run(tree: Tree<'_>) -> Option<NightlyRun> {
    let mut file = tree.file(LOG).ok()??;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    parse(&String::from_utf8_lossy(&bytes))
}

/// Splits `2026-11-22 19:14:09 text`; lines of the programs it runs have no time.
fn stamped(line: &str) -> Option<(&str, &str)> {
    let stamp = line.get(..19)?;
    let is_stamp = stamp.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b' ',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    is_stamp.then(|| (stamp, line.get(19..).unwrap_or_default().trim()))
}

fn parse(log: &str) -> Option<NightlyRun> {
    let mut run: Option<NightlyRun> = None;
    let mut failure: Option<String> = None;
    for line in log.lines() {
        let stamp = stamped(line);
        let words = stamp.map_or(line.trim(), |(_, words)| words);
        if words.starts_with("transactional-update ") && words.ends_with(" started") {
            failure = None;
            run = Some(NightlyRun {
                began: stamp.map_or_else(String::new, |(stamp, _)| stamp.to_owned()),
                result: RunResult::Unfinished,
                detail: String::new(),
            });
            continue;
        }
        let Some(run) = &mut run else { continue };
        let is_open = run.result == RunResult::Unfinished;
        let mut ended = |result, words: &str| {
            run.result = result;
            run.detail = words.chars().filter(|c| !c.is_control()).take(LINE).collect();
        };
        if words.contains("zypper: nothing to update") {
            ended(RunResult::NothingToDo, words);
        } else if words.starts_with("ERROR:") {
            failure.get_or_insert_with(|| words.to_owned());
            ended(RunResult::Failed, failure.as_deref().unwrap_or(words));
        } else if words.starts_with("Removing snapshot #") {
            ended(RunResult::Failed, failure.as_deref().unwrap_or(words));
        } else if words.starts_with("New default snapshot is #") {
            ended(RunResult::Done, words);
        } else if words.starts_with("transactional-update finished") && is_open {
            // It cleaned up or did something else that makes no snapshot.
            ended(RunResult::NothingToDo, words);
        }
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "2026-11-22 02:10:01 transactional-update 6.1.3 started\n2026-11-22 02:10:01 Options: cleanup dup reboot\n";

    fn of(rest: &str) -> (RunResult, String) {
        let run = parse(&format!("{HEAD}{rest}")).unwrap();
        assert_eq!(run.began, "2026-11-22 02:10:01");
        (run.result, run.detail)
    }

    #[test]
    fn every_end_of_a_run_is_known() {
        assert_eq!(parse(""), None);
        assert_eq!(parse("Loading repository data...\n"), None);
        assert_eq!(
            of("2026-11-22 02:10:02 Separate /var detected.\n").0,
            RunResult::Unfinished
        );
        let done = "Retrieving: x\n2026-11-22 02:12:00 New default snapshot is #4 (/.snapshots/4/snapshot).\n\
                    2026-11-22 02:12:01 transactional-update finished\n";
        let words = "New default snapshot is #4 (/.snapshots/4/snapshot).";
        assert_eq!(of(done), (RunResult::Done, words.to_owned()));
        let nothing = "2026-11-22 02:10:09 zypper: nothing to update\n2026-11-22 02:10:09 transactional-update finished\n";
        assert_eq!(of(nothing).0, RunResult::NothingToDo);
        let failed = "2026-11-22 02:10:09 ERROR: zypper dup on /.snapshots/4/snapshot failed with exit code 4!\n\
                      2026-11-22 02:10:10 Removing snapshot #4...\n2026-11-22 02:10:11 transactional-update finished\n";
        let words = "ERROR: zypper dup on /.snapshots/4/snapshot failed with exit code 4!";
        assert_eq!(of(failed), (RunResult::Failed, words.to_owned()));
        // Only the last run counts.
        assert_eq!(of(&format!("{failed}{HEAD}{done}")).0, RunResult::Done);
    }
}
