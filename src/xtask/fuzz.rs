// SPDX-License-Identifier: GPL-3.0-or-later
//! Random input for the parsers of outside text, by cargo-fuzz where it is installed.

use anyhow::{Result, bail};

use crate::enter::Session;
use crate::process::{find, output, run as must_run};

/// Runs every target (or one) for so many seconds.
pub(crate) fn run(session: &Session, seconds: u64, only: Option<&str>) -> Result<u8> {
    if find("cargo-fuzz").is_none() {
        bail!(
            "cargo-fuzz is missing; install it with `cargo install cargo-fuzz --locked` (it needs a nightly toolchain)"
        );
    }
    let directory = session.checkout.join("tests/fuzz");
    let list = output(
        session
            .cargo()
            .args(["fuzz", "list", "--fuzz-dir"])
            .arg(&directory),
    )?;
    let mut ran = 0;
    for target in list.lines().filter(|name| only.is_none_or(|only| only == *name)) {
        println!("=== {target}");
        must_run(
            session
                .cargo()
                .args(["fuzz", "run", "--fuzz-dir"])
                .arg(&directory)
                .arg(target)
                .args(["--", &format!("-max_total_time={seconds}")]),
        )?;
        ran += 1;
    }
    if ran == 0 {
        bail!("there is no such target; there are:\n{list}");
    }
    println!("{ran} passed, 0 failed, 0 skipped");
    Ok(0)
}
