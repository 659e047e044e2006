// SPDX-License-Identifier: GPL-3.0-or-later
//! Random input for the parsers of outside text. The fuzz workspace brings its own flags, so the stable compiler does.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::enter::Session;
use crate::process::{output, run as must_run};

/// Runs every target (or one) for so many seconds each, beginning with the inputs that earlier runs found.
pub(crate) fn run(session: &Session, seconds: u64, only: Option<&str>) -> Result<u8> {
    let home = session.checkout.join("tests/fuzz");
    let built = session.target().join("fuzz");
    let mut cargo = session.cargo();
    must_run(
        cargo
            .args(["build", "--release", "--bins"])
            .current_dir(&home)
            .env("CARGO_TARGET_DIR", &built),
    )?;
    let mut names: Vec<String> = fs::read_dir(home.join("targets"))
        .context("list the fuzz targets")?
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    if let Some(only) = only {
        if !names.iter().any(|name| name == only) {
            bail!("there is no target {only:?}; there are: {}", names.join(", "));
        }
        names.retain(|name| name == only);
    }
    let triple = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let programs = built.join(triple).join("release");
    let fixtures = session.checkout.join("tests/fixtures");
    let mut failed = 0;
    for name in &names {
        println!("=== {name}");
        // What was found stays with the cache, so that the next run goes on from there.
        let corpus = built.join("corpus").join(name);
        fs::create_dir_all(&corpus)?;
        let found = session.results(&format!("fuzz/{name}"))?;
        let mut command = Command::new(programs.join(name));
        command.arg(&corpus);
        match name.as_str() {
            "rpm_ndb" => unpack(&fixtures, &["Packages.db"], &corpus.join("real"))?,
            // The target takes the log behind the database.
            "rpm_sqlite" => unpack(
                &fixtures,
                &["rpmdb.sqlite", "rpmdb.sqlite-wal"],
                &corpus.join("real"),
            )?,
            _ => {
                command.args(["apt", "snapper", "zypper"].map(|seeds| fixtures.join(seeds)));
            }
        }
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg("-print_final_stats=1")
            .arg(format!("-artifact_prefix={}/", found.display()));
        if let Err(error) = must_run(&mut command) {
            failed += 1;
            println!("{name}: {error:#}; the input is in {}", found.display());
        }
    }
    println!("{} passed, {failed} failed, 0 skipped", names.len() - failed);
    Ok(u8::from(failed > 0))
}

/// Puts real databases of rpm, unpacked and one behind the other, where a target begins.
fn unpack(fixtures: &Path, names: &[&str], to: &Path) -> Result<()> {
    let to = fs::File::create(to).with_context(|| format!("create {}", to.display()))?;
    let packed = names.iter().map(|name| fixtures.join(format!("rpm/{name}.gz")));
    must_run(
        Command::new("gzip")
            .args(["-d", "-c"])
            .args(packed)
            .stdout(Stdio::from(to)),
    )
}
