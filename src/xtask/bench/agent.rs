// SPDX-License-Identifier: GPL-3.0-or-later
//! The idle session agent beside Discover's notifier, both on buses of their own with nothing to tell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Bed, Bench, Figure, median};
use crate::layer;

pub(super) const BENCH: Bench = Bench {
    name: "agent",
    about: "the idle tray agent beside DiscoverNotifier",
    guest: false,
    layer: Some(&layer::PLASMA),
    figures,
};

/// A program counts as started when it used no CPU time for so long.
const SETTLED: Duration = Duration::from_secs(4);
/// After so long the agent has let go of the helper, which ended.
const ASLEEP: Duration = Duration::from_secs(45);
/// How long an idle program is watched.
const WATCHED: Duration = Duration::from_secs(60);
/// In the kernel's unit for CPU time, which is the same on every architecture that Kedge runs on.
const TICK_MILLISECONDS: f64 = 10.0;

/// A process that ends with the measurement.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Self(child.with_context(|| {
            format!("start {}", command.get_program().display())
        })?))
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.0.id());
        fs::read_to_string(&path).with_context(|| format!("read {path}"))
    }

    /// CPU milliseconds since it began.
    fn cpu(&self) -> Result<f64> {
        let stat = self.read("stat")?;
        // The name, in brackets, may hold anything.
        let (_, fields) = stat.rsplit_once(')').context("a strange stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        let ticks = ticks.sum::<Result<f64, _>>().context("a strange stat")?;
        Ok(ticks * TICK_MILLISECONDS)
    }

    /// Waits until it has nothing more to do and returns what that took.
    fn settle(&self) -> Result<f64> {
        let end = Instant::now() + Duration::from_secs(120);
        let (mut cpu, mut since) = (self.cpu()?, Instant::now());
        while since.elapsed() < SETTLED {
            ensure!(Instant::now() < end, "the program does not come to rest");
            sleep(Duration::from_millis(200));
            let now = self.cpu()?;
            if now > cpu {
                (cpu, since) = (now, Instant::now());
            }
        }
        Ok(cpu)
    }

    /// A field of a file below /proc, in its own unit.
    fn field(&self, file: &str, name: &str) -> Result<f64> {
        let text = self.read(file)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.with_context(|| format!("there is no {name} in {file}"))
    }

    /// Memory that is its own share, in MiB.
    fn pss(&self) -> Result<f64> {
        Ok(self.field("smaps_rollup", "Pss:")? / 1024.0)
    }

    fn switches(&self) -> Result<f64> {
        Ok(self.field("status", "voluntary_ctxt_switches:")?
            + self.field("status", "nonvoluntary_ctxt_switches:")?)
    }
}

/// Two buses, and a helper with a machine in memory that has nothing to tell.
struct Session {
    directory: PathBuf,
    _buses: [Running; 2],
}

impl Session {
    fn new(directory: PathBuf, helper: &Path) -> Result<Self> {
        let start = |name: &str, service: &str| {
            let place = directory.join(name);
            fs::create_dir_all(&place)?;
            let config = place.join("bus.conf");
            let text = format!(
                "<busconfig><type>session</type><listen>unix:path={0}/bus</listen><servicedir>{0}</servicedir>\
                 <policy context='default'><allow own='*'/><allow send_destination='*'/><allow eavesdrop='true'/>\
                 </policy></busconfig>",
                place.display()
            );
            fs::write(&config, text)?;
            fs::write(place.join("helper.service"), service)?;
            let mut daemon = Command::new("dbus-daemon");
            daemon
                .args(["--nofork", "--nopidfile"])
                .arg(format!("--config-file={}", config.display()));
            Running::start(&mut daemon)
        };
        let service = format!(
            "[D-BUS Service]\nName=org.kedge.Kedge1\nExec={} --sim no-updates --idle-timeout 1 --bus unix:path={}/system/bus \
             --state-dir {}/state\n",
            helper.display(),
            directory.display(),
            directory.display()
        );
        let buses = [start("session", "")?, start("system", &service)?];
        let end = Instant::now() + Duration::from_secs(30);
        while !["session", "system"]
            .iter()
            .all(|name| directory.join(name).join("bus").exists())
        {
            ensure!(Instant::now() < end, "the buses do not start");
            sleep(Duration::from_millis(20));
        }
        Ok(Self {
            directory,
            _buses: buses,
        })
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let bus = |name: &str| format!("unix:path={}", self.directory.join(name).join("bus").display());
        command
            .env("DBUS_SESSION_BUS_ADDRESS", bus("session"))
            .env("DBUS_SYSTEM_BUS_ADDRESS", bus("system"))
            .env("HOME", &self.directory)
            .env("XDG_RUNTIME_DIR", &self.directory)
            .env("XDG_CURRENT_DESKTOP", "KDE")
            .env("QT_QPA_PLATFORM", "offscreen");
        command
    }
}

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    let session = bed.session;
    session.build(&["agent", "helper"])?;
    let theirs = [
        "/usr/lib/x86_64-linux-gnu/libexec",
        "/usr/lib/aarch64-linux-gnu/libexec",
        "/usr/libexec",
    ]
    .iter()
    .map(|place| Path::new(place).join("DiscoverNotifier"))
    .find(|path| path.is_file())
    .context("there is no DiscoverNotifier")?;
    let (mut memory, mut cpu, mut idle) = (Vec::new(), Vec::new(), None);
    for pair in 0..bed.pairs {
        let place = Session::new(
            session.scratch.join(format!("agent-{pair}")),
            &session.program("kedge-helper"),
        )?;
        let mut agent = place.command(session.program("kedge-agent"));
        let agent = Running::start(agent.args(["--login-delay", "0"]))?;
        let ours = (agent.settle()?, agent.pss()?);
        if idle.is_none() {
            sleep(ASLEEP);
            let before = agent.switches()?;
            sleep(WATCHED);
            idle = Some((agent.switches()? - before) / WATCHED.as_secs_f64());
        }
        drop(agent);
        let notifier = Running::start(&mut place.command(&theirs))?;
        let other = (notifier.settle()?, notifier.pss()?);
        cpu.push((ours.0, other.0));
        memory.push((ours.1, other.1));
    }
    let compare = |name: &str, pairs: &[(f64, f64)], limit, unit: &str| Figure {
        name: name.into(),
        is: median(pairs.iter().map(|(ours, theirs)| ours / theirs)),
        limit,
        unit: "x",
        detail: format!(
            "{:.1} {unit} against DiscoverNotifier's {:.1}",
            median(pairs.iter().map(|pair| pair.0)),
            median(pairs.iter().map(|pair| pair.1))
        ),
    };
    Ok(vec![
        compare("agent, proportional memory", &memory, 0.25, "MiB"),
        compare("agent, CPU to start", &cpu, 1.0 / 3.0, "ms"),
        Figure {
            name: "agent, context switches when idle".into(),
            is: idle.unwrap_or(f64::NAN),
            limit: 0.1,
            unit: "/s",
            detail: format!("over {} s", WATCHED.as_secs()),
        },
    ])
}
