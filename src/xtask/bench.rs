// SPDX-License-Identifier: GPL-3.0-or-later
//! Speed against what people have today: both sides interleaved in one run, judged by medians of pairwise ratios.
//!
//! CPU time decides, for it does not depend on what else the machine does. Every feature has a file of its own below,
//! with the figures it promises; the measured side of it is a file of the same name in `tests/bench`.

mod agent;
mod files;
mod kalpa;
mod list;
mod many;
mod measure;
mod memory;
mod packages;
mod snapperd;
mod space;
mod transaction;
mod window;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::enter::{BROKEN, Pass, Session, Wants};
use crate::layer::{self, Layer};
use crate::process::output;
use many::Many;

/// A feature's figures, measured together.
struct Bench {
    name: &'static str,
    about: &'static str,
    /// Needs the guest's system
    guest: bool,
    /// Needs more packages than the build root has
    layer: Option<&'static Layer>,
    figures: fn(&Bed) -> Result<Vec<Figure>>,
}

/// In the order in which they run.
const BENCHES: [&Bench; 9] = [
    &files::BENCH,
    &list::BENCH,
    &packages::BENCH,
    &transaction::BENCH,
    &memory::BENCH,
    &agent::BENCH,
    &window::BENCH,
    &space::BENCH,
    &kalpa::BENCH,
];

/// One comparison that the project has promised a figure for.
struct Figure {
    name: String,
    /// The measured value; smaller is better
    is: f64,
    /// What was promised
    limit: f64,
    /// Of both: `x` is a ratio
    unit: &'static str,
    /// What else a reader wants to know
    detail: String,
}

/// What every measurement works with; the expensive things are made once, by the first that asks.
struct Bed<'a> {
    session: &'a Session,
    /// Interleaved pairs of runs for each comparison
    pairs: usize,
    program: OnceCell<PathBuf>,
    many: RefCell<BTreeMap<u32, Rc<Many>>>,
}

impl Bed<'_> {
    /// The measuring program `tests/bench`, built for release.
    fn program(&self) -> Result<&Path> {
        if let Some(known) = self.program.get() {
            return Ok(known);
        }
        let built = build(self.session)?;
        // A copy: while this runs, cargo may put another in its place, or none for the time that linking takes.
        let copy = self.session.scratch.join("measure");
        std::fs::copy(&built, &copy).with_context(|| format!("copy {}", built.display()))?;
        Ok(self.program.get_or_init(|| copy))
    }

    /// The measuring program with its first words: a verb and its arguments.
    fn measure(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(self.program()?);
        command.args(words).stdin(Stdio::null());
        Ok(command)
    }

    /// A control group in which processes can be counted.
    fn group(&self) -> Result<PathBuf> {
        self.session
            .cgroup
            .clone()
            .context("this machine has no unified control group hierarchy")
    }

    /// A file system with so many snapshots.
    fn many(&self, count: u32) -> Result<Rc<Many>> {
        if let Some(known) = self.many.borrow().get(&count) {
            return Ok(Rc::clone(known));
        }
        println!("making a btrfs file system with {count} snapshots");
        let made = Rc::new(Many::make(self, count)?);
        self.many.borrow_mut().insert(count, Rc::clone(&made));
        Ok(made)
    }
}

/// The runs that these benches take: one for each layer, those without any first.
pub(crate) fn passes(names: &[String], pairs: usize) -> Result<Vec<Pass>> {
    ensure!(pairs > 0, "at least one pair is needed");
    let benches = chosen(names)?;
    Ok(layer::groups(&benches, |bench| bench.layer)
        .into_iter()
        .map(|(layer, here)| {
            let mut words: Vec<OsString> = vec!["bench".into(), "--pairs".into(), pairs.to_string().into()];
            words.extend(here.iter().map(|bench| bench.name.into()));
            let wants = Wants {
                guest: here.iter().any(|bench| bench.guest),
                root: true,
                layer,
                ..Wants::default()
            };
            Pass { wants, words }
        })
        .collect())
}

/// Names the benches.
pub(crate) fn list() -> Result<u8> {
    for bench in BENCHES {
        println!("{:<11} {}", bench.name, bench.about);
    }
    Ok(0)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Bench>> {
    if names.is_empty() {
        return Ok(BENCHES.to_vec());
    }
    names
        .iter()
        .map(|name| match BENCHES.iter().find(|bench| bench.name == name) {
            Some(bench) => Ok(*bench),
            None => bail!("there is no bench {name:?}; `cargo xtask bench --list` names them"),
        })
        .collect()
}

/// Runs the benches with so many interleaved pairs. One that breaks does not keep the others from running.
pub(crate) fn run(session: &Session, names: &[String], pairs: usize) -> Result<u8> {
    let bed = Bed {
        session,
        pairs,
        program: OnceCell::new(),
        many: RefCell::default(),
    };
    let mut lines = Vec::new();
    for bench in chosen(names)? {
        println!("\n=== {}: {}", bench.name, bench.about);
        let began = Instant::now();
        match (bench.figures)(&bed) {
            Ok(figures) => {
                // Here too, so that what was measured is known whatever becomes of the others.
                for line in figures.iter().map(Figure::line) {
                    println!("{}", verdict(&line).0);
                    lines.push(line);
                }
            }
            Err(error) => {
                println!("{}: {error:#}", bench.name);
                lines.push(format!(
                    "{BROKEN}{}\tcould not be measured, see above",
                    bench.name
                ));
            }
        }
        println!("{} took {:.0} s", bench.name, began.elapsed().as_secs_f64());
    }
    session.close(&lines, close)
}

impl Figure {
    /// One line, its fields apart by tabs.
    fn line(&self) -> String {
        let Self {
            name,
            is,
            limit,
            unit,
            detail,
        } = self;
        format!("{name}\t{is}\t{limit}\t{unit}\t{detail}")
    }
}

/// Prints the table and the closing line; a missed limit is a failure, and so is a bench that could not be run.
pub(crate) fn close(lines: &[String]) -> u8 {
    println!("\n{:<44} {:>10} {:>10}", "figure", "is", "limit");
    let (mut passed, mut failed) = (0, 0);
    for line in lines {
        let (shown, is_met) = verdict(line);
        println!("{shown}");
        *if is_met { &mut passed } else { &mut failed } += 1;
    }
    println!("{passed} passed, {failed} failed, 0 skipped");
    u8::from(failed > 0 || lines.is_empty())
}

/// A line of the table, and whether its limit is met.
fn verdict(line: &str) -> (String, bool) {
    let fields: Vec<&str> = line.split('\t').collect();
    let number = |field: &str| field.parse::<f64>().ok();
    let figure = match fields[..] {
        [name, is, limit, unit, detail] => number(is)
            .zip(number(limit))
            .map(|(is, limit)| (name, is, limit, unit, detail)),
        _ => None,
    };
    let Some((name, is, limit, unit, detail)) = figure else {
        let broken = line.strip_prefix(BROKEN).unwrap_or(line);
        return (broken.replace('\t', " "), false);
    };
    // What is not a number has missed its limit too.
    let is_met = is <= limit;
    let word = if is_met { "ok" } else { "MISSED" };
    let shown = format!("{name:<44} {is:>7.3} {unit:<3} {limit:>7.2} {unit:<3} {word:<6} {detail}");
    (shown, is_met)
}

/// The measuring program; cargo says where it is.
fn build(session: &Session) -> Result<PathBuf> {
    let said = session
        .cargo()
        .args(["bench", "--no-run", "--package", "support", "--bench", "measure"])
        .stdin(Stdio::null())
        .output()
        .context("start cargo")?;
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    ensure!(
        said.status.success(),
        "cargo bench --no-run ended with {}:\n{words}",
        said.status
    );
    let path = words
        .lines()
        .find_map(|line| line.trim().strip_prefix("Executable")?.split(['(', ')']).nth(1));
    let path = PathBuf::from(path.context("cargo does not say where the program is")?);
    Ok(if path.is_absolute() {
        path
    } else {
        session.checkout.join(path)
    })
}

/// Rows of numbers that the measuring program prints, one row a line, all of the same width.
fn rows<const WIDTH: usize>(command: &mut Command) -> Result<Vec<[f64; WIDTH]>> {
    let text = output(command)?;
    text.lines()
        .map(|line| {
            let numbers: Vec<f64> = line.split_whitespace().flat_map(str::parse).collect();
            <[f64; WIDTH]>::try_from(numbers)
                .ok()
                .with_context(|| format!("a strange line: {line}"))
        })
        .collect()
}

/// The middle one; not a number when there is none.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert!(median([]).is_nan());
    }

    #[test]
    fn what_is_missed_or_broken_fails() {
        let figure = |is| Figure {
            name: "a figure".into(),
            is,
            limit: 1.0,
            unit: "x",
            detail: "in words".into(),
        };
        let verdict = |is| close(&[figure(0.5).line(), figure(is).line()]);
        assert_eq!(verdict(1.0), 0);
        assert_eq!(verdict(1.01), 1);
        assert_eq!(verdict(f64::NAN), 1);
        assert_eq!(
            close(&[
                figure(0.5).line(),
                format!("{BROKEN}other\tcould not be measured")
            ]),
            1
        );
        assert_eq!(close(&[]), 1);
    }

    #[test]
    fn benches_are_chosen_by_name() {
        assert_eq!(chosen(&[]).map(|all| all.len()).ok(), Some(BENCHES.len()));
        assert!(chosen(&["nonsense".into()]).is_err());
        let passes = |name: &str| passes(&[name.into()], 7).expect("it exists");
        assert!(passes("memory")[0].wants.guest && !passes("list")[0].wants.guest);
    }
}
