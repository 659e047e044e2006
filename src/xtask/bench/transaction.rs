// SPDX-License-Identifier: GPL-3.0-or-later
//! Opening and closing a transaction without a package run, against the bare calls to the kernel that it needs.

use anyhow::{Result, ensure};

use super::{Bed, Bench, Figure, median, rows};

pub(super) const BENCH: Bench = Bench {
    name: "transaction",
    about: "a new default without a package run",
    guest: false,
    layer: None,
    figures,
};

const COUNTS: [u32; 3] = [100, 1000, 5000];

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    let [few, middle, many] = COUNTS.map(|count| bed.many(count));
    let (few, middle, many) = (few?, middle?, many?);
    // In turns on all three, so that whatever else the machine does meets all of them. A growth is a ratio of small
    // numbers, so it takes more of them.
    let pairs = (bed.pairs * 3).to_string();
    let words = ["transaction", &pairs, few.root()?, middle.root()?, many.root()?];
    let rounds: Vec<[f64; 6]> = rows(&mut bed.measure(&words)?)?;
    ensure!(!rounds.is_empty(), "nothing was measured");
    let mut figures = Vec::new();
    for (at, count) in COUNTS.into_iter().enumerate() {
        let (ours, bare) = (2 * at, 2 * at + 1);
        let middle = |side: usize| median(rounds.iter().map(|round| round[side]));
        figures.push(Figure {
            name: format!("copy + books + default at {count}"),
            is: median(rounds.iter().map(|round| round[ours] / round[bare])),
            limit: 2.0,
            unit: "x",
            detail: format!("CPU {:.2} ms, the bare calls {:.2}", middle(ours), middle(bare)),
        });
    }
    // The kernel's own work grows too: every commit writes new nodes of a tree of roots that is deeper and fuller. That
    // is not ours to shorten, so it is measured beside it and taken off: what counts is what we add to it.
    let middle = |side: usize| median(rounds.iter().map(|round| round[side]));
    // Of medians, because in one pair what we add is smaller than what the pair is disturbed by. It is calls of the kernel
    // too, so it is told and has no limit of its own.
    let added = |at: usize| middle(2 * at) - middle(2 * at + 1);
    let of_ours = |round: &[f64; 6]| round[4] / round[0];
    let of_bare = |round: &[f64; 6]| round[5] / round[1];
    let grown = |of: fn(&[f64; 6]) -> f64| median(rounds.iter().map(of));
    figures.push(Figure {
        name: "its growth from 100 to 5000, of the kernel's".into(),
        is: median(rounds.iter().map(|round| of_ours(round) / of_bare(round))),
        limit: 1.2,
        unit: "x",
        detail: format!(
            "all of it {:.2} x, the bare calls alone {:.2} x, what we add to them {:.2} x (CPU {:.2} ms to {:.2})",
            grown(of_ours),
            grown(of_bare),
            added(2) / added(0),
            added(0),
            added(2)
        ),
    });
    Ok(figures)
}
