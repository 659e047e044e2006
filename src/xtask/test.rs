// SPDX-License-Identifier: GPL-3.0-or-later
//! The tests, stage by stage, with the runners' own output and one closing line over all of them.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::enter::Session;
use crate::guest;
use crate::host::is_root;
use crate::process::{find, tee};
use crate::scenario;

struct Stage {
    name: &'static str,
    about: &'static str,
    work: Work,
}

enum Work {
    /// `cargo test` with these words
    Cargo(&'static [&'static str]),
    /// The same after these packages' programs were built, because the tests start them
    Programs(&'static [&'static str], &'static [&'static str]),
    /// The guest
    System,
}

/// The one stage that runs only when it is named.
const PLASMA: &str = "plasma";

const STAGES: [Stage; 11] = [
    Stage {
        name: "unit",
        about: "unit and property tests beside the code",
        work: Work::Cargo(&["--workspace", "--exclude", "app", "--lib", "--bins"]),
    },
    Stage {
        name: "engine",
        about: "the conformance suite, simulated and real",
        work: Work::Cargo(&["--package", "support", "--test", "engine"]),
    },
    Stage {
        name: "btrfs",
        about: "real btrfs on loop devices",
        work: Work::Cargo(&["--package", "support", "--test", "btrfs"]),
    },
    Stage {
        name: "transaction",
        about: "a real Debian on a real btrfs, updated well and badly",
        work: Work::Cargo(&["--package", "support", "--test", "transaction"]),
    },
    Stage {
        name: "contract",
        about: "the helper's objects against the interface files",
        work: Work::Programs(&["helper"], &["--package", "support", "--test", "contract"]),
    },
    Stage {
        name: "polkit",
        about: "who may do what, asked of a real polkitd",
        work: Work::Programs(&["helper", "cli"], &["--package", "support", "--test", "polkit"]),
    },
    Stage {
        name: "cli",
        about: "kedgectl against the simulated machine",
        work: Work::Programs(&["helper", "cli"], &["--package", "support", "--test", "cli"]),
    },
    Stage {
        name: "app",
        about: "unit tests of the window's Rust side",
        work: Work::Cargo(&["--package", "app"]),
    },
    Stage {
        name: "ui",
        about: "the window against the simulated machine, by accessible names",
        work: Work::Programs(
            &["helper", "cli", "app"],
            &["--package", "support", "--test", "ui"],
        ),
    },
    Stage {
        name: PLASMA,
        about: "the tray agent in a real Plasma desktop (only when named: it takes minutes and 900 MB once)",
        work: Work::Programs(
            &["helper", "agent"],
            &["--package", "support", "--test", "plasma"],
        ),
    },
    Stage {
        name: "system",
        about: "a Debian guest with systemd, booted from btrfs: update, restart, roll back",
        work: Work::System,
    },
];

/// What all runners said together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed
    pub(crate) passed: u64,
    /// Tests that failed, and runners that ended badly without saying which test did
    pub(crate) failed: u64,
    /// Tests that were ignored
    pub(crate) skipped: u64,
}

impl Tally {
    /// Reads a runner's summary line, as libtest and libtest-mimic print it.
    fn read(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else {
            return;
        };
        for part in summary.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

/// Does one of the stages need the guest's system?
pub(crate) fn wants_guest(stages: &[String]) -> bool {
    let needs = |stage: &&Stage| matches!(stage.work, Work::System) || stage.name == "transaction";
    chosen(stages).is_ok_and(|stages| stages.iter().any(needs))
}

/// Does one of the stages need a desktop?
pub(crate) fn wants_plasma(stages: &[String]) -> bool {
    stages.iter().any(|stage| stage == PLASMA)
}

/// Names the stages.
pub(crate) fn list() -> Result<u8> {
    for stage in &STAGES {
        println!("{:<11} {}", stage.name, stage.about);
    }
    Ok(0)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Stage>> {
    if names.is_empty() {
        return Ok(STAGES.iter().filter(|stage| stage.name != PLASMA).collect());
    }
    names
        .iter()
        .map(|name| match STAGES.iter().find(|stage| stage.name == name) {
            Some(stage) => Ok(stage),
            None => bail!("there is no stage {name:?}; `cargo xtask test --list` names them"),
        })
        .collect()
}

/// Runs the stages and prints the closing line.
pub(crate) fn run(session: &Session, names: &[String], rest: &[String]) -> Result<u8> {
    let mut tally = Tally::default();
    let mut table = Vec::new();
    for stage in chosen(names)? {
        println!("\n=== {}: {}", stage.name, stage.about);
        let began = Instant::now();
        let mut own = Tally::default();
        run_stage(session, stage, rest, &mut own);
        table.push(format!(
            "{:<11} {:>5} passed {:>3} failed {:>3} skipped {:>7.1} s",
            stage.name,
            own.passed,
            own.failed,
            own.skipped,
            began.elapsed().as_secs_f64()
        ));
        tally.passed += own.passed;
        tally.failed += own.failed;
        tally.skipped += own.skipped;
    }
    println!("\n{}", table.join("\n"));
    println!(
        "{} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    Ok(u8::from(tally.failed > 0))
}

fn run_stage(session: &Session, stage: &Stage, rest: &[String], tally: &mut Tally) {
    let outcome = match &stage.work {
        Work::Cargo(words) => cargo_test(session, words, rest, tally),
        Work::Programs(packages, words) => {
            let mut build = session.cargo();
            build
                .arg("build")
                .args(packages.iter().flat_map(|name| ["--package", name]));
            match tee(&mut build, |_| {}) {
                Ok(0) => cargo_test(session, words, rest, tally),
                other => other,
            }
        }
        Work::System => system(session, tally),
    };
    match outcome {
        Ok(0) => {}
        Ok(code) => {
            println!("stage {} ended with {code}", stage.name);
            tally.failed = tally.failed.max(1);
        }
        Err(error) => {
            println!("stage {}: {error:#}", stage.name);
            tally.failed += 1;
        }
    }
}

fn cargo_test(session: &Session, words: &[&str], rest: &[String], tally: &mut Tally) -> Result<i32> {
    let mut test: Command = session.cargo();
    // The tests of updates need a Debian system; without the file their trials are ignored and say so.
    test.env("KEDGE_DEBIAN_TARBALL", guest::system::path(&session.cache))
        .args(["test", "--no-fail-fast"])
        .args(words);
    if !rest.is_empty() {
        test.arg("--").args(rest);
    }
    tee(&mut test, |line| tally.read(line))
}

fn system(session: &Session, tally: &mut Tally) -> Result<i32> {
    let missing = if !is_root() {
        Some("needs root for namespaces and loop devices")
    } else if session.cgroup.is_none() {
        Some("needs the unified control group hierarchy")
    } else if !guest::system::path(&session.cache).is_file() {
        Some("the guest system could not be made, see above")
    } else {
        ["apt-ftparchive", "dpkg-deb", "gpg", "mkfs.btrfs"]
            .iter()
            .find(|tool| find(tool).is_none())
            .copied()
    };
    if let Some(missing) = missing {
        println!("test system ... ignored, {missing}");
        tally.skipped += 1;
        return Ok(0);
    }
    let report = scenario::test(session)?;
    tally.read(&report);
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_lines_of_the_runners_are_added_up() {
        let mut tally = Tally::default();
        tally.read(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
        );
        tally.read("test result: FAILED. 3 passed; 2 failed; 4 ignored; 0 measured; 0 filtered out; finished in 1.20s");
        tally.read("test model::state ... ok");
        tally.read("12 passed");
        assert_eq!(
            tally,
            Tally {
                passed: 15,
                failed: 2,
                skipped: 5
            }
        );
    }

    #[test]
    fn stages_are_chosen_by_name() {
        let names =
            |stages: &[String]| chosen(stages).map(|found| found.iter().map(|s| s.name).collect::<Vec<_>>());
        assert_eq!(
            names(&["cli".into(), "unit".into()]).expect("both exist"),
            ["cli", "unit"]
        );
        assert!(names(&["nonsense".into()]).is_err());
        assert!(wants_guest(&[]) && !wants_guest(&["unit".into()]));
    }
}
