// SPDX-License-Identifier: GPL-3.0-or-later
//! The helper's memory in a guest, after it answered and has nothing to do.

use anyhow::{Context, Result};

use super::{Bed, Bench, Figure};
use crate::guest::Guest;
use crate::guest::image::Image;
use crate::install::Options;

pub(super) const BENCH: Bench = Bench {
    name: "memory",
    about: "the idle helper in a guest",
    guest: true,
    layer: None,
    figures,
};

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    let image = Image::make_with(bed.session, |destdir| Options {
        destdir,
        prefix: "/usr".into(),
        debug: false,
        window: false,
    })?;
    let mut guest = Guest::new(bed.session, image)?;
    guest.boot()?;
    guest.run(&["kedgectl", "status"])?;
    let read = "sleep 1; pid=$(pidof kedge-helper) && grep -E '^(VmRSS|RssAnon)' /proc/$pid/status";
    let status = guest.run(&["sh", "-c", read])?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace()
            .nth(1)?
            .parse::<f64>()
            .ok()
            .map(|kib| kib / 1024.0)
    };
    Ok(vec![Figure {
        name: "helper, idle".into(),
        is: field("VmRSS").context("the helper's memory cannot be read")?,
        limit: 12.0,
        unit: "MiB",
        detail: format!(
            "resident; of it anonymous {:.1} MiB",
            field("RssAnon").unwrap_or(0.0)
        ),
    }])
}
