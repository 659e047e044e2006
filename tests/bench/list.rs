// SPDX-License-Identifier: GPL-3.0-or-later
//! Listing snapshots.

use crate::{Done, Verb, bare, open};
use engine::Engine;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

pub(crate) const VERBS: &[Verb] = &[("fill", fill), ("list", list), ("relist", relist)];

/// `fill ROOT COUNT`: makes the snapshots.
fn fill(words: &[&str]) -> Done {
    let [root, count] = words else {
        return Err("fill ROOT COUNT".into());
    };
    Ok(bare::fill(root, count.parse()?)?)
}

/// `list ROOT`: prints all snapshots, as `snapper list` does.
fn list(words: &[&str]) -> Done {
    let [root] = words else {
        return Err("list ROOT".into());
    };
    let engine = open(root)?;
    let system = engine.system()?;
    let mut text = String::new();
    for (id, snapshot) in &system.snapshots {
        writeln!(
            text,
            "{id:?} {:?} {:?} {}",
            snapshot.time, snapshot.cleanup, snapshot.description
        )?;
    }
    print!("{text}");
    Ok(())
}

/// `relist ROOT`: microseconds of one reading when nothing changed, the median of many.
fn relist(words: &[&str]) -> Done {
    let [root] = words else {
        return Err("relist ROOT".into());
    };
    let engine = open(root)?;
    black_box(engine.system()?);
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..1000 {
        let began = Instant::now();
        black_box(engine.system()?);
        times.push(began.elapsed());
    }
    times.sort();
    println!("{:.2}", times[times.len() / 2].as_secs_f64() * 1e6);
    Ok(())
}
