// SPDX-License-Identifier: GPL-3.0-or-later
//! Speed against what people have today: both sides interleaved in one run, judged by medians of pairwise ratios.
//!
//! CPU time decides, for it does not depend on what else the machine does. It is read from a control group that holds
//! exactly one run of one side, so that child processes count.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::enter::Session;
use crate::guest::Guest;
use crate::guest::image::{Image, detach_below};
use crate::install::Options;
use crate::process::{output, quiet};

/// One comparison that the project has promised a figure for.
struct Figure {
    name: String,
    is: f64,
    limit: f64,
    unit: &'static str,
    detail: String,
}

/// Runs everything with so many interleaved pairs and prints a table; a missed limit is a failure.
pub(crate) fn run(session: &Session, pairs: usize) -> Result<u8> {
    ensure!(pairs > 0, "at least one pair is needed");
    let group = session
        .cgroup
        .clone()
        .context("this machine has no unified control group hierarchy")?;
    let program = build(session)?;
    let mut figures = Vec::new();
    let mut transactions = Vec::new();
    for count in [100, 1000, 5000] {
        println!("making a btrfs file system with {count} snapshots");
        let fixture = Fixture::make(&program, count)?;
        if count > 100 {
            figures.push(list(&program, &fixture, &group, count, pairs)?);
        }
        let relist = output(Command::new(&program).arg("relist").arg(&fixture.at))?;
        figures.push(Figure {
            name: format!("unchanged re-list of {count}"),
            is: relist.parse::<f64>().context("read a time")? / 1000.0,
            limit: 0.1,
            unit: "ms",
            detail: "in one process, wall".into(),
        });
        let (ratio, milliseconds, bare) = transaction(&program, &fixture, pairs)?;
        figures.push(Figure {
            name: format!("copy + books + default at {count}"),
            is: ratio,
            limit: 2.0,
            unit: "x",
            detail: format!("{milliseconds:.1} ms, the bare calls {bare:.1}"),
        });
        transactions.push((milliseconds, bare));
    }
    if let (Some(few), Some(many)) = (transactions.first(), transactions.last()) {
        figures.push(Figure {
            name: "the same from 100 to 5000".into(),
            is: many.0 / few.0,
            limit: 1.2,
            unit: "x",
            detail: format!("the bare calls alone {:.2} x", many.1 / few.1),
        });
    }
    figures.push(memory(session)?);
    report(&figures)
}

fn report(figures: &[Figure]) -> Result<u8> {
    println!("\n{:<34} {:>10} {:>10}", "figure", "is", "limit");
    let mut missed = 0;
    for Figure {
        name,
        is,
        limit,
        unit,
        detail,
    } in figures
    {
        let verdict = if is <= limit { "ok" } else { "MISSED" };
        missed += u8::from(is > limit);
        println!("{name:<34} {is:>7.3} {unit:<2} {limit:>7.2} {unit:<2} {verdict:<6} {detail}");
    }
    println!(
        "{} passed, {missed} failed, 0 skipped",
        figures.len() - usize::from(missed)
    );
    Ok(u8::from(missed > 0))
}

/// The measuring program, built for release; cargo says where it is.
fn build(session: &Session) -> Result<PathBuf> {
    let said = session
        .cargo()
        .args(["bench", "--no-run", "--package", "support", "--bench", "measure"])
        .stdin(Stdio::null())
        .output()
        .context("start cargo")?;
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    ensure!(
        said.status.success(),
        "cargo bench --no-run ended with {}:\n{words}",
        said.status
    );
    let path = words
        .lines()
        .find_map(|line| line.trim().strip_prefix("Executable")?.split(['(', ')']).nth(1));
    let path = PathBuf::from(path.context("cargo does not say where the program is")?);
    Ok(if path.is_absolute() {
        path
    } else {
        session.checkout.join(path)
    })
}

/// A file system with many snapshots that snapper knows by the configuration `bench`.
struct Fixture {
    at: PathBuf,
    scratch: PathBuf,
}

impl Fixture {
    fn make(program: &Path, count: u32) -> Result<Self> {
        // In memory, so that the disk of this machine has no say.
        let scratch = PathBuf::from(format!("/tmp/kedge-bench-{}-{count}", std::process::id()));
        let at = scratch.join("root");
        fs::create_dir_all(&at)?;
        let file = scratch.join("image");
        fs::File::create(&file)?.set_len(6 << 30)?;
        let device = output(Command::new("losetup").args(["--find", "--show"]).arg(&file))?;
        let fixture = Self { at, scratch };
        quiet(Command::new("mkfs.btrfs").args(["--quiet", &device]))?;
        quiet(
            Command::new("mount")
                .args(["-o", "noatime", &device])
                .arg(&fixture.at),
        )?;
        quiet(Command::new("losetup").args(["--detach", &device]))?;
        fs::create_dir(fixture.at.join("usr"))?;
        quiet(
            Command::new("btrfs")
                .args(["--quiet", "subvolume", "create"])
                .arg(fixture.at.join(".snapshots")),
        )?;
        quiet(
            Command::new(program)
                .arg("fill")
                .arg(&fixture.at)
                .arg(count.to_string()),
        )?;
        let configuration = format!(
            "SUBVOLUME=\"{}\"\nFSTYPE=\"btrfs\"\nQGROUP=\"\"\n",
            fixture.at.display()
        );
        fs::create_dir_all("/etc/snapper/configs")?;
        fs::write("/etc/snapper/configs/bench", configuration)?;
        fs::create_dir_all("/etc/default")?;
        fs::write("/etc/default/snapper", "SNAPPER_CONFIGS=\"bench\"\n")?;
        Ok(fixture)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = quiet(Command::new("umount").arg(&self.at));
        detach_below(&self.scratch);
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// CPU microseconds and wall milliseconds of one process with all its children.
fn measure(group: &Path, words: &[&str]) -> Result<(f64, f64)> {
    let run = group.join("bench");
    fs::create_dir_all(&run).context("make a control group")?;
    let entered = format!("echo 0 > {}/cgroup.procs && exec \"$@\"", run.display());
    let began = Instant::now();
    let status = Command::new("sh")
        .args(["-c", &entered, "sh"])
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("start {}", words.join(" ")))?;
    let wall = began.elapsed().as_secs_f64() * 1e3;
    ensure!(status.success(), "{} ended with {status}", words.join(" "));
    let stat = fs::read_to_string(run.join("cpu.stat")).context("read the CPU time")?;
    let used = stat
        .lines()
        .find_map(|line| line.strip_prefix("usage_usec ")?.parse::<f64>().ok());
    fs::remove_dir(&run).context("remove the control group")?;
    Ok((used.context("the control group has no CPU time")?, wall))
}

fn list(program: &Path, fixture: &Fixture, group: &Path, count: u32, pairs: usize) -> Result<Figure> {
    let program = program.to_str().context("a path that is not text")?;
    let root = fixture.at.to_str().context("a path that is not text")?;
    let ours = ["/usr/bin/env", program, "list", root];
    let theirs = [
        "/usr/bin/env",
        "snapper",
        "--config",
        "bench",
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
    let (mut ratios, mut cpu, mut wall) = (Vec::new(), [Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..pairs {
        let (our_cpu, our_wall) = measure(group, &ours)?;
        let (their_cpu, their_wall) = measure(group, &theirs)?;
        ratios.push(our_cpu / their_cpu);
        cpu[0].push(our_cpu / 1e3);
        cpu[1].push(their_cpu / 1e3);
        wall[0].push(our_wall);
        wall[1].push(their_wall);
    }
    Ok(Figure {
        name: format!("list {count}, whole process"),
        is: median(&mut ratios),
        limit: 0.25,
        unit: "x",
        detail: format!(
            "CPU {:.1} ms against snapper's {:.1}; wall {:.1} against {:.1}",
            median(&mut cpu[0]),
            median(&mut cpu[1]),
            median(&mut wall[0]),
            median(&mut wall[1])
        ),
    })
}

/// The median ratio, and the medians of both sides in milliseconds.
fn transaction(program: &Path, fixture: &Fixture, pairs: usize) -> Result<(f64, f64, f64)> {
    let lines = output(
        Command::new(program)
            .arg("transaction")
            .arg(&fixture.at)
            .arg(pairs.to_string()),
    )?;
    let (mut ratios, mut milliseconds, mut bares) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines.lines() {
        let mut numbers = line
            .split_whitespace()
            .filter_map(|word| word.parse::<f64>().ok());
        let (Some(ours), Some(bare)) = (numbers.next(), numbers.next()) else {
            bail!("a strange line: {line}")
        };
        ratios.push(ours / bare);
        milliseconds.push(ours);
        bares.push(bare);
    }
    ensure!(ratios.len() == pairs, "{} pairs instead of {pairs}", ratios.len());
    Ok((median(&mut ratios), median(&mut milliseconds), median(&mut bares)))
}

/// Resident memory of the release helper in a guest, after it answered and has nothing to do.
fn memory(session: &Session) -> Result<Figure> {
    let image = Image::make_with(session, |destdir| Options {
        destdir,
        prefix: "/usr".into(),
        debug: false,
        window: false,
    })?;
    let mut guest = Guest::new(session, image)?;
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
    Ok(Figure {
        name: "helper, idle".into(),
        is: field("VmRSS").context("the helper's memory cannot be read")?,
        limit: 12.0,
        unit: "MB",
        detail: format!(
            "resident; of it anonymous {:.1} MB",
            field("RssAnon").unwrap_or(0.0)
        ),
    })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
