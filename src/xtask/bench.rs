// SPDX-License-Identifier: GPL-3.0-or-later
//! Speed against what people have today: both sides interleaved in one run, judged by medians of pairwise ratios.
//!
//! CPU time decides, for it does not depend on what else the machine does. Every feature has a file of its own below,
//! with the figures it promises; the measured side of it is a file of the same name in `tests/bench`.

mod list;
mod many;
mod measure;
mod memory;
mod transaction;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::enter::Session;
use crate::process::output;
use many::Many;

/// A feature's figures, measured together.
struct Bench {
    name: &'static str,
    about: &'static str,
    /// Needs the guest's system
    guest: bool,
    figures: fn(&Bed) -> Result<Vec<Figure>>,
}

/// In the order in which they run.
const BENCHES: [&Bench; 3] = [&list::BENCH, &transaction::BENCH, &memory::BENCH];

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
        Ok(self.program.get_or_init(|| built))
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

/// Does one of these benches need the guest's system? A name that does not exist needs nothing; `run` says so.
pub(crate) fn wants_guest(names: &[String]) -> bool {
    chosen(names).is_ok_and(|benches| benches.iter().any(|bench| bench.guest))
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

/// Runs the benches with so many interleaved pairs and prints a table; a missed limit is a failure, and so is a bench
/// that cannot be run. One that breaks does not keep the others from running.
pub(crate) fn run(session: &Session, names: &[String], pairs: usize) -> Result<u8> {
    ensure!(pairs > 0, "at least one pair is needed");
    let bed = Bed {
        session,
        pairs,
        program: OnceCell::new(),
        many: RefCell::default(),
    };
    let mut figures = Vec::new();
    let mut broken = Vec::new();
    for bench in chosen(names)? {
        println!("\n=== {}: {}", bench.name, bench.about);
        let began = Instant::now();
        match (bench.figures)(&bed) {
            Ok(found) => figures.extend(found),
            Err(error) => {
                println!("{}: {error:#}", bench.name);
                broken.push(bench.name);
            }
        }
        println!("{} took {:.0} s", bench.name, began.elapsed().as_secs_f64());
    }
    Ok(report(&figures, &broken))
}

fn report(figures: &[Figure], broken: &[&str]) -> u8 {
    println!("\n{:<44} {:>10} {:>10}", "figure", "is", "limit");
    let mut failed = broken.len();
    for Figure {
        name,
        is,
        limit,
        unit,
        detail,
    } in figures
    {
        // What is not a number has missed its limit too.
        let met = is <= limit;
        failed += usize::from(!met);
        let verdict = if met { "ok" } else { "MISSED" };
        println!("{name:<44} {is:>7.3} {unit:<3} {limit:>7.2} {unit:<3} {verdict:<6} {detail}");
    }
    for name in broken {
        println!("{name:<44} could not be measured, see above");
    }
    println!(
        "{} passed, {failed} failed, 0 skipped",
        figures.len() + broken.len() - failed
    );
    u8::from(failed > 0)
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
            detail: String::new(),
        };
        assert_eq!(report(&[figure(1.0)], &[]), 0);
        assert_eq!(report(&[figure(1.01)], &[]), 1);
        assert_eq!(report(&[figure(f64::NAN)], &[]), 1);
        assert_eq!(report(&[figure(0.5)], &["other"]), 1);
    }

    #[test]
    fn benches_are_chosen_by_name() {
        assert_eq!(chosen(&[]).map(|all| all.len()).ok(), Some(BENCHES.len()));
        assert!(chosen(&["nonsense".into()]).is_err());
        assert!(wants_guest(&["memory".into()]) && !wants_guest(&["list".into()]));
    }
}
