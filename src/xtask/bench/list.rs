// SPDX-License-Identifier: GPL-3.0-or-later
//! Listing the snapshots: as a whole process against snapper, and once more when nothing has changed.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::measure::Pairs;
use super::{Bed, Bench, Figure, rows};
use crate::process::output;

pub(super) const BENCH: Bench = Bench {
    name: "list",
    about: "list snapshots, and list them again",
    guest: false,
    layer: None,
    figures,
};

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for count in [1000, 5000] {
        figures.push(list(bed, count)?);
    }
    for count in [100, 1000, 5000] {
        figures.push(relist(bed, count)?);
    }
    Ok(figures)
}

fn list(bed: &Bed, count: u32) -> Result<Figure> {
    let many = bed.many(count)?;
    let program = bed.program()?.to_str().context("a path that is not text")?;
    let ours = ["/usr/bin/env", program, "list", many.root()?];
    let theirs = [
        "/usr/bin/env",
        "snapper",
        "--config",
        many.configuration(),
        "--no-dbus",
        "list",
    ];
    let rows = output(Command::new(ours[1]).args(&ours[2..]))?.lines().count();
    ensure!(rows == count as usize, "we list {rows} snapshots of {count}");
    let known = output(Command::new(theirs[1]).args(&theirs[2..]))?
        .lines()
        .count();
    ensure!(
        known >= count as usize,
        "snapper lists {known} snapshots of {count}"
    );
    let pairs = Pairs::run(&bed.group()?, bed.pairs, &ours, &theirs)?;
    Ok(Figure {
        name: format!("list {count}, whole process"),
        is: pairs.ratio(),
        limit: 0.25,
        unit: "x",
        detail: pairs.detail("snapper"),
    })
}

fn relist(bed: &Bed, count: u32) -> Result<Figure> {
    let many = bed.many(count)?;
    let measured: Vec<[f64; 2]> = rows(&mut bed.measure(&["relist", many.root()?])?)?;
    let [used, passed] = measured.first().context("nothing was measured")?;
    Ok(Figure {
        name: format!("unchanged re-list of {count}"),
        is: used / 1e3,
        limit: 0.1,
        unit: "ms",
        detail: format!("CPU, in one process; wall {:.3} ms", passed / 1e3),
    })
}
