// SPDX-License-Identifier: GPL-3.0-or-later
//! Speed against what people have today; the comparisons themselves live with the tests.

use anyhow::Result;

use crate::enter::Session;
use crate::process::run as must_run;

/// Runs the benchmarks with so many interleaved pairs.
pub(crate) fn run(session: &Session, pairs: usize) -> Result<u8> {
    must_run(
        session
            .cargo()
            .args([
                "bench",
                "--quiet",
                "--package",
                "support",
                "--bench",
                "compare",
                "--",
            ])
            .args(["--pairs", &pairs.to_string()]),
    )?;
    Ok(0)
}
