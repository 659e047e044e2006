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

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut medians = Vec::new();
    for count in [100, 1000, 5000] {
        let many = bed.many(count)?;
        let pairs = bed.pairs.to_string();
        let pairs: Vec<[f64; 2]> = rows(&mut bed.measure(&["transaction", many.root()?, &pairs])?)?;
        ensure!(
            pairs.len() == bed.pairs,
            "{} pairs instead of {}",
            pairs.len(),
            bed.pairs
        );
        let (ours, bare) = (
            median(pairs.iter().map(|pair| pair[0])),
            median(pairs.iter().map(|pair| pair[1])),
        );
        figures.push(Figure {
            name: format!("copy + books + default at {count}"),
            is: median(pairs.iter().map(|[ours, bare]| ours / bare)),
            limit: 2.0,
            unit: "x",
            detail: format!("{ours:.1} ms, the bare calls {bare:.1}"),
        });
        medians.push((ours, bare));
    }
    if let (Some(few), Some(many)) = (medians.first(), medians.last()) {
        figures.push(Figure {
            name: "the same from 100 to 5000".into(),
            is: many.0 / few.0,
            limit: 1.2,
            unit: "x",
            detail: format!("the bare calls alone {:.2} x", many.1 / few.1),
        });
    }
    Ok(figures)
}
