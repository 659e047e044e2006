// SPDX-License-Identifier: GPL-3.0-or-later
//! Listing snapshots.

use crate::{Done, Verb, bare, cpu, open};
use engine::Engine;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

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

/// `relist ROOT`: microseconds of CPU and of time for one reading when nothing changed, medians of many.
fn relist(words: &[&str]) -> Done {
    const ROUNDS: u32 = 50;
    let [root] = words else {
        return Err("relist ROOT".into());
    };
    let engine = open(root)?;
    // The second reading is the one that starts to watch.
    black_box((engine.system()?, engine.system()?));
    let (mut used, mut passed) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let (cpu_began, began) = (cpu(), Instant::now());
        for _ in 0..ROUNDS {
            black_box(engine.system()?);
        }
        used.push((cpu() - cpu_began) * 1e3 / f64::from(ROUNDS));
        passed.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    }
    for times in [&mut used, &mut passed] {
        times.sort_by(f64::total_cmp);
    }
    println!("{:.2} {:.2}", used[used.len() / 2], passed[passed.len() / 2]);
    Ok(())
}
