// SPDX-License-Identifier: GPL-3.0-or-later
//! The window on a simulated machine: what its start costs with few and with many snapshots, whether it starts programs
//! of its own for that, and what it holds in memory. Beside it the windows that people have today, which can look only at
//! a real file system.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::snapperd::Service;
use super::{Bed, Bench, Figure, median};
use crate::desktop::{self, Bus, Display, Running, window};
use crate::enter::Session;
use crate::guest::wait_for;
use crate::layer;
use crate::pictures::WIDE;
use crate::process::quiet;
use crate::run::Simulation;

pub(super) const BENCH: Bench = Bench {
    name: "window",
    about: "the window's start and memory beside those of others",
    guest: false,
    layer: Some(&layer::PEERS),
    figures,
};

/// So many snapshots the usual simulated machine gets.
const FEW: usize = 100;
/// The window has drawn what it has to draw when it used less than `QUIET_CPU` in `QUIET`.
const QUIET: Duration = Duration::from_secs(1);
const QUIET_CPU: f64 = 20.0;
/// The shell has read what it reads after it showed up.
const SETTLES: Duration = Duration::from_secs(20);
/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one start took.
struct Start {
    /// CPU milliseconds until everything was drawn
    cpu: f64,
    /// Processes it started until then
    children: usize,
    /// MiB of memory that are its own, shared pages by share
    pss: f64,
}

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    let few = Simulation::start_with(bed.session, "normal")?;
    bed.session.build(&["cli"])?;
    fill(bed.session, &few.bus.address)?;
    let many = Simulation::start_with(bed.session, "many")?;
    let display = Display::start(bed.session, WIDE)?;
    let real = bed.many(u32::try_from(FEW)?)?;
    let service = Service::start(real.root()?)?;
    let _desktop = start_desktop(bed.session, &display)?;
    let mut rounds = Vec::new();
    // The first start of each is not counted: it fills caches that the others find.
    for round in 0..=bed.pairs {
        let starts = [
            start_ours(bed.session, &display, &few.bus.address)?,
            start_ours(bed.session, &display, &many.bus.address)?,
            start_other(bed.session, &display, &service, "btrfs-assistant-bin")?,
            start_other(bed.session, &display, &service, "snapper-gui")?,
        ];
        if round > 0 {
            rounds.push(starts);
        }
    }
    let middle = |of: fn(&[Start; 4]) -> f64| median(rounds.iter().map(of));
    let children = rounds
        .iter()
        .map(|[few, many, ..]| few.children.max(many.children))
        .max();
    Ok(vec![
        Figure {
            name: format!("window, start with 5,000 snapshots against {FEW}"),
            is: middle(|[few, many, ..]| many.cpu / few.cpu),
            limit: 1.2,
            unit: "x",
            detail: format!(
                "CPU {:.0} ms against {:.0}; memory (PSS) {:.0} MiB against {:.0}",
                middle(|[_, many, ..]| many.cpu),
                middle(|[few, ..]| few.cpu),
                middle(|[_, many, ..]| many.pss),
                middle(|[few, ..]| few.pss)
            ),
        },
        Figure {
            name: format!("window, start with {FEW} snapshots"),
            is: middle(|[few, _, assistant, _]| few.cpu / assistant.cpu),
            limit: 1.0,
            unit: "x",
            detail: format!(
                "CPU {:.0} ms against Btrfs Assistant's {:.0}",
                middle(|[few, ..]| few.cpu),
                middle(|[_, _, assistant, _]| assistant.cpu)
            ),
        },
        Figure {
            name: format!("window, memory (PSS) with {FEW} snapshots"),
            is: middle(|[few, _, _, gui]| few.pss / gui.pss),
            limit: 1.0,
            unit: "x",
            detail: format!(
                "{:.0} MiB against snapper-gui's {:.0}",
                middle(|[few, ..]| few.pss),
                middle(|[_, _, _, gui]| gui.pss)
            ),
        },
        Figure {
            name: "window, processes started".into(),
            is: children.unwrap_or(usize::MAX) as f64,
            limit: 0.0,
            unit: "",
            detail: "until everything is drawn".into(),
        },
    ])
}

/// Makes snapshots until there are enough.
fn fill(session: &Session, bus: &str) -> Result<()> {
    let list = || -> Result<usize> {
        let listed = Command::new(session.program("kedgectl"))
            .args(["--bus", bus, "list", "--json"])
            .stdin(Stdio::null())
            .output()
            .context("start kedgectl")?;
        let text = String::from_utf8(listed.stdout).context("read the list")?;
        Ok(text.matches("\"number\":").count())
    };
    for _ in list()?..FEW {
        let made = Command::new(session.program("kedgectl"))
            .args(["--bus", bus, "create"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .context("start kedgectl")?;
        ensure!(made.success(), "kedgectl create ended with {made}");
    }
    ensure!(list()? >= FEW, "there are too few snapshots");
    Ok(())
}

/// Starts the shell of the desktop, whose libraries every window in it shares; returns when it is drawn.
fn start_desktop(session: &Session, display: &Display) -> Result<(Bus, [Running; 2])> {
    let bus = Bus::start(session, "desktop-bus")?;
    // What the bus starts for it needs the display, too.
    let mut activated = desktop::program(session, "dbus-update-activation-environment", &bus.address);
    quiet(display.of(activated.arg("--all")))?;
    let part = |name: &str| -> Result<Running> {
        let mut command = desktop::program(session, name, &bus.address);
        Running::start(display.of(&mut command))
    };
    let parts = [part("kded6")?, part("plasmashell")?];
    let shell = &parts[1];
    let there = wait_for(PATIENCE, || display.shows(shell.id()).then_some(()));
    there.context("plasmashell does not show")?;
    std::thread::sleep(SETTLES);
    Ok((bus, parts))
}

/// Starts our window on its timeline.
fn start_ours(session: &Session, display: &Display, system_bus: &str) -> Result<Start> {
    let bus = Bus::start(session, "session-bus")?;
    let mut command = window(session, system_bus, &bus.address);
    start(display, command.args(["--page", "timeline"]))
}

/// Starts another one in the same desktop, which reaches snapper's service.
fn start_other(session: &Session, display: &Display, service: &Service, program: &str) -> Result<Start> {
    let bus = Bus::start(session, "session-bus")?;
    let mut command = desktop::program(session, program, &bus.address);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", &service.address);
    start(display, &mut command).with_context(|| format!("measure {program}"))
}

/// Starts a window and follows it until it has nothing more to do.
fn start(display: &Display, command: &mut Command) -> Result<Start> {
    let mut window = Running::start(display.of(command))?;
    let process = Path::new("/proc").join(window.id().to_string());
    let end = Instant::now() + PATIENCE;
    let mut children = 0;
    let mut before = 0.0;
    let mut shown = false;
    let mut mark = Instant::now();
    loop {
        ensure!(!window.has_ended(), "the window ended by itself");
        ensure!(
            Instant::now() < end,
            "the window has not become quiet within {PATIENCE:?}"
        );
        children = children.max(children_of(&process)?);
        if mark.elapsed() >= QUIET {
            let now = cpu(&process)?;
            if shown && now - before < QUIET_CPU {
                break;
            }
            shown = display.shows(window.id());
            (before, mark) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Start {
        cpu: cpu(&process)?,
        children,
        pss: pss(&process)?,
    })
}

/// CPU milliseconds of a process and of those of its children that ended: proc_pid_stat(5), fields 14 to 17.
fn cpu(process: &Path) -> Result<f64> {
    let stat = fs::read_to_string(process.join("stat")).context("read the CPU time")?;
    let fields = stat.rsplit_once(") ").context("read the CPU time")?.1;
    let ticks: f64 = fields
        .split(' ')
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    // sysconf(_SC_CLK_TCK) is 100 on every Linux that Rust runs on.
    Ok(ticks * 10.0)
}

/// How many processes are below it now.
fn children_of(process: &Path) -> Result<usize> {
    let mut count = 0;
    for task in fs::read_dir(process.join("task"))
        .context("read the threads")?
        .flatten()
    {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        count += children.split_whitespace().count();
    }
    Ok(count)
}

/// Memory in MiB, shared pages by share.
fn pss(process: &Path) -> Result<f64> {
    let text = fs::read_to_string(process.join("smaps_rollup")).context("read the memory")?;
    let Some(kib) = text.lines().find_map(|line| line.strip_prefix("Pss:")) else {
        bail!("the memory is not told");
    };
    let kib = kib.split_whitespace().next().unwrap_or_default();
    Ok(kib.parse::<f64>().context("read the memory")? / 1024.0)
}
