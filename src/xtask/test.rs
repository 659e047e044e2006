// SPDX-License-Identifier: GPL-3.0-or-later
//! The tests, stage by stage, with the runners' own output and one closing line over all of them.

use std::ffi::OsString;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::enter::{BROKEN, Pass, Session, Wants};
use crate::guest;
use crate::host::is_root;
use crate::layer::{self, Layer};
use crate::process::{find, tee};
use crate::scenario;

struct Stage {
    name: &'static str,
    about: &'static str,
    work: Work,
    needs: Needs,
}

/// What a stage needs beyond the build root. Without it its tests are reported as ignored.
#[derive(Clone, Copy)]
struct Needs {
    /// The guest's system
    guest: bool,
    /// More packages
    layer: Option<&'static Layer>,
}

impl Needs {
    const NOTHING: Self = Self {
        guest: false,
        layer: None,
    };
    const GUEST: Self = Self {
        guest: true,
        layer: None,
    };
}

enum Work {
    /// `cargo test` with these words
    Cargo(&'static [&'static str]),
    /// The same after these packages' programs were built, because the tests start them
    Programs(&'static [&'static str], &'static [&'static str]),
    /// The guest
    System,
    /// The guest on a disk with partitions, for machines that start it
    Machines,
}

const STAGES: [Stage; 16] = [
    Stage {
        name: "unit",
        about: "unit and property tests beside the code",
        work: Work::Cargo(&["--workspace", "--exclude", "app", "--lib", "--bins"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "engine",
        about: "the conformance suite, simulated and real",
        work: Work::Cargo(&["--package", "support", "--test", "engine"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "btrfs",
        about: "real btrfs on loop devices",
        work: Work::Cargo(&["--package", "support", "--test", "btrfs"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "recovery",
        about: "a system that does not run, worked on from another one",
        work: Work::Programs(
            &["helper", "cli"],
            &["--package", "support", "--test", "recovery"],
        ),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "diff",
        about: "changed files, judged by a walk through both snapshots and by snapper",
        work: Work::Cargo(&["--package", "support", "--test", "diff"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "transaction",
        about: "a real Debian on a real btrfs, updated well and badly",
        work: Work::Cargo(&["--package", "support", "--test", "transaction"]),
        needs: Needs::GUEST,
    },
    Stage {
        name: "contract",
        about: "the helper's objects against the interface files",
        work: Work::Programs(&["helper"], &["--package", "support", "--test", "contract"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "polkit",
        about: "who may do what, asked of a real polkitd",
        work: Work::Programs(&["helper", "cli"], &["--package", "support", "--test", "polkit"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "cli",
        about: "kedgectl against the simulated machine",
        work: Work::Programs(&["helper", "cli"], &["--package", "support", "--test", "cli"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "agent",
        about: "the tray agent on two buses of its own, with doubles for the desktop",
        work: Work::Programs(&["helper", "agent"], &["--package", "support", "--test", "agent"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "translations",
        about: "every language complete, the template as the sources",
        work: Work::Cargo(&["--package", "support", "--test", "translations"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "app",
        about: "unit tests of the window's Rust side",
        work: Work::Cargo(&["--package", "app"]),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "ui",
        about: "the window against the simulated machine, by accessible names",
        work: Work::Programs(
            &["helper", "agent", "cli", "app"],
            &["--package", "support", "--test", "ui"],
        ),
        needs: Needs::NOTHING,
    },
    Stage {
        name: "plasma",
        about: "the tray agent in a real Plasma desktop",
        work: Work::Programs(
            &["helper", "agent"],
            &["--package", "support", "--test", "plasma"],
        ),
        needs: Needs {
            guest: false,
            layer: Some(&layer::PLASMA),
        },
    },
    Stage {
        name: "system",
        about: "a Debian guest with systemd, booted from btrfs: update, restart, roll back",
        work: Work::System,
        needs: Needs::GUEST,
    },
    Stage {
        name: "vm",
        about: "whole machines with kernels and boot loaders of their own: start, fall back, go back",
        work: Work::Machines,
        needs: Needs {
            guest: true,
            layer: Some(&layer::VM),
        },
    },
];

/// The stage that runs only when it is named: whole machines take longer than all the rest is worth waiting for.
pub(crate) const ON_DEMAND: &str = "vm";

/// Among the arguments of the test programs: `cargo xtask test transaction -- power:: --full`.
const FULL: &str = "--full";

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

/// The runs that these stages take: one for each layer, those without any first.
pub(crate) fn passes(names: &[String], rest: &[String]) -> Result<Vec<Pass>> {
    let stages = chosen(names)?;
    Ok(layer::groups(&stages, |stage| stage.needs.layer)
        .into_iter()
        .map(|(layer, here)| {
            let mut words: Vec<OsString> = vec!["test".into()];
            words.extend(here.iter().map(|stage| stage.name.into()));
            if !rest.is_empty() {
                words.push("--".into());
                words.extend(rest.iter().map(OsString::from));
            }
            let wants = Wants {
                guest: here.iter().any(|stage| stage.needs.guest),
                layer,
                ..Wants::default()
            };
            Pass { wants, words }
        })
        .collect())
}

/// Names the stages.
pub(crate) fn list() -> Result<u8> {
    for stage in &STAGES {
        let when = if stage.name == ON_DEMAND {
            " (only when named)"
        } else {
            ""
        };
        println!("{:<11} {}{when}", stage.name, stage.about);
    }
    Ok(0)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Stage>> {
    if names.is_empty() {
        return Ok(STAGES.iter().filter(|stage| stage.name != ON_DEMAND).collect());
    }
    names
        .iter()
        .map(|name| match STAGES.iter().find(|stage| stage.name == name) {
            Some(stage) => Ok(stage),
            None => bail!("there is no stage {name:?}; `cargo xtask test --list` names them"),
        })
        .collect()
}

/// Runs the stages.
pub(crate) fn run(session: &Session, names: &[String], rest: &[String]) -> Result<u8> {
    let mut lines = Vec::new();
    for stage in chosen(names)? {
        println!("\n=== {}: {}", stage.name, stage.about);
        let began = Instant::now();
        let mut own = Tally::default();
        run_stage(session, stage, rest, &mut own);
        let Tally {
            passed,
            failed,
            skipped,
        } = own;
        let seconds = began.elapsed().as_secs();
        lines.push(format!(
            "{}\t{passed}\t{failed}\t{skipped}\t{seconds}",
            stage.name
        ));
    }
    session.close(&lines, close)
}

/// Prints what each stage did and the closing line.
pub(crate) fn close(lines: &[String]) -> u8 {
    let mut tally = Tally::default();
    println!();
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        let name = fields.first().copied().unwrap_or_default();
        let (Some(passed), Some(failed), Some(skipped), Some(seconds)) =
            (number(1), number(2), number(3), number(4))
        else {
            println!("{}", line.strip_prefix(BROKEN).unwrap_or(line).replace('\t', " "));
            tally.failed += 1;
            continue;
        };
        println!("{name:<11} {passed:>5} passed {failed:>3} failed {skipped:>3} skipped {seconds:>6} s");
        tally.passed += passed;
        tally.failed += failed;
        tally.skipped += skipped;
    }
    println!(
        "{} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    u8::from(tally.failed > 0 || lines.is_empty())
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
        Work::Machines => machines(session, rest, tally),
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
    cargo_test_with(session, words, rest, &[], tally)
}

fn cargo_test_with(
    session: &Session,
    words: &[&str],
    rest: &[String],
    environment: &[(&str, OsString)],
    tally: &mut Tally,
) -> Result<i32> {
    let mut test: Command = session.cargo();
    test.envs(environment.iter().map(|(key, value)| (key, value)));
    // The tests of updates need a Debian system; without the file their trials are ignored and say so.
    test.env("KEDGE_DEBIAN_TARBALL", guest::system::path(&session.cache))
        .args(["test", "--no-fail-fast"])
        .args(words);
    // Not an argument of the runner: as many power cuts as are wanted before a release, which takes an hour.
    let (full, rest): (Vec<&String>, Vec<&String>) = rest.iter().partition(|word| *word == FULL);
    if !full.is_empty() {
        test.env("KEDGE_POWERCUT", "full");
    }
    if !rest.is_empty() {
        test.arg("--").args(rest);
    }
    tee(&mut test, |line| tally.read(line))
}

fn machines(session: &Session, rest: &[String], tally: &mut Tally) -> Result<i32> {
    let mut environment = vec![("KEDGE_MACHINES_LOGS", session.results("vm")?.into_os_string())];
    match lacks_for_guest(session).or_else(guest::disk::lacks) {
        // Its trials are ignored then, each with its name.
        Some(missing) => environment.push(("KEDGE_MACHINES_LACK", missing.into())),
        None => environment.push(("KEDGE_MACHINES", guest::disk::make(session)?.into_os_string())),
    }
    cargo_test_with(
        session,
        &["--package", "support", "--test", "vm"],
        rest,
        &environment,
        tally,
    )
}

/// What a guest needs and this machine has not.
fn lacks_for_guest(session: &Session) -> Option<&'static str> {
    if !is_root() {
        return Some("needs root for namespaces and loop devices");
    }
    if !guest::system::path(&session.cache).is_file() {
        return Some("the guest system could not be made, see above");
    }
    ["apt-ftparchive", "dpkg-deb", "gpg", "mkfs.btrfs"]
        .into_iter()
        .find(|tool| find(tool).is_none())
}

fn system(session: &Session, tally: &mut Tally) -> Result<i32> {
    let missing = lacks_for_guest(session).or_else(|| {
        session
            .cgroup
            .is_none()
            .then_some("needs the unified control group hierarchy")
    });
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
    }

    #[test]
    fn every_layer_is_a_run_of_its_own() {
        let passes =
            passes(&["plasma".into(), "unit".into(), "cli".into()], &["name".into()]).expect("all exist");
        let words: Vec<Vec<_>> = passes
            .iter()
            .map(|pass| pass.words.iter().map(|word| word.to_string_lossy()).collect())
            .collect();
        assert_eq!(
            words,
            [
                vec!["test", "unit", "cli", "--", "name"],
                vec!["test", "plasma", "--", "name"]
            ]
        );
        assert!(passes[0].wants.layer.is_none() && passes[1].wants.layer.is_some());
        let count = |passes: Result<Vec<Pass>>| -> usize {
            let passes = passes.expect("all exist");
            passes.iter().map(|pass| pass.words.len() - 1).sum()
        };
        let names: Vec<String> = STAGES.iter().map(|stage| stage.name.to_owned()).collect();
        let all = count(super::passes(&names, &[]));
        assert_eq!(all, STAGES.len(), "a layer is missing in layer::ALL");
        assert_eq!(count(super::passes(&[], &[])), all - 1, "all but {ON_DEMAND}");
    }

    #[test]
    fn a_run_that_broke_is_a_failure() {
        assert_eq!(close(&["unit\t3\t0\t1\t12".into()]), 0);
        assert_eq!(close(&["unit\t3\t1\t1\t12".into()]), 1);
        assert_eq!(close(&[format!("{BROKEN}test plasma\tended with 137")]), 1);
        assert_eq!(close(&[]), 1);
    }
}
