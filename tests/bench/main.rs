// SPDX-License-Identifier: GPL-3.0-or-later
//! Our side of `cargo xtask bench`: one measured thing a verb, as a process of its own. Every feature has a file here,
//! named as its figures in `src/xtask/bench`.
#![expect(
    clippy::print_stdout,
    reason = "a measured process prints what it was asked for"
)]

mod bare;
mod files;
mod kalpa;
mod list;
mod packages;
mod space;
mod transaction;

use engine::NativeEngine;
use model::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A verb's name, and what it does with the words after it.
type Verb = (&'static str, fn(&[&str]) -> Done);
type Done = Result<(), Box<dyn Error>>;

/// The verbs of every feature.
const VERBS: [&[Verb]; 6] = [
    files::VERBS,
    list::VERBS,
    packages::VERBS,
    transaction::VERBS,
    space::VERBS,
    kalpa::VERBS,
];

fn open(root: &str) -> Result<NativeEngine, engine::Error> {
    NativeEngine::open(
        Path::new(root),
        Arc::new(|| Timestamp::from_seconds(1_800_000_000)),
    )
}

/// CPU milliseconds that this process has used so far, in the kernel and outside.
fn cpu() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), used.tv_nsec.unsigned_abs() as u32).as_secs_f64() * 1e3
}

fn main() -> Done {
    engine::read_if_asked();
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let verb = words.split_first().and_then(|(name, rest)| {
        let (_, work) = VERBS.into_iter().flatten().find(|verb| verb.0 == *name)?;
        Some((work, rest))
    });
    match verb {
        Some((work, rest)) => work(rest),
        None => Err("run this by `cargo xtask bench`".into()),
    }
}
