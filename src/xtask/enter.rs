// SPDX-License-Identifier: GPL-3.0-or-later
//! From the machine into the session: make ready what a verb wants, then run it in private namespaces.
//!
//! The child is the first process of its own pid namespace and dies with us, so nothing it starts or mounts can
//! stay behind; what the kernel does not clean by itself (control groups, the scratch directory) is removed here.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::buildroot;
use crate::cache::{Cache, Scratch};
use crate::cgroup;
use crate::guest;
use crate::host::{Ground, Machine, is_root};
use crate::layer::Layer;
use crate::process::{output, run};

/// Names the file in which a pass leaves its lines.
const RESULTS: &str = "KEDGE_RESULTS";

/// What a verb needs before it can run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wants {
    /// Root rights
    pub(crate) root: bool,
    /// The user's display, when there is one
    pub(crate) display: bool,
    /// The tarball of the guest system
    pub(crate) guest: bool,
    /// cargo-deny
    pub(crate) deny: bool,
    /// The crates of the fuzz workspace
    pub(crate) fuzz: bool,
    /// More packages than the build root has
    pub(crate) layer: Option<&'static Layer>,
}

/// One of the runs that a verb is made of: what it needs and its words after `xtask`.
#[derive(Debug)]
pub(crate) struct Pass {
    /// What it needs
    pub(crate) wants: Wants,
    /// Its words
    pub(crate) words: Vec<OsString>,
}

/// What the passes of a verb have to say in the end, line by line: it is printed and becomes the exit code.
pub(crate) type Close = fn(&[String]) -> u8;

/// Lines about a pass whose end is all that is known of it begin with this.
pub(crate) const BROKEN: &str = "broken\t";

/// The place a verb runs in, known by environment variables that `enter` sets.
#[derive(Debug)]
pub(crate) struct Session {
    /// The checkout
    pub(crate) checkout: PathBuf,
    /// The cache
    pub(crate) cache: Cache,
    /// A directory for the files of this run; removed afterwards by the outer process
    pub(crate) scratch: PathBuf,
    /// The control group this run may use, if it has one
    pub(crate) cgroup: Option<PathBuf>,
    /// Whether programs are built and started as people will have them, and not as developers do
    pub(crate) release: bool,
    /// Where a pass leaves what it has to say in the end
    results: Option<PathBuf>,
}

impl Session {
    /// The session this process runs in, if it does.
    pub(crate) fn current() -> Result<Option<Self>> {
        let Some(scratch) = std::env::var_os("KEDGE_SCRATCH") else {
            return Ok(None);
        };
        Ok(Some(Self {
            checkout: checkout()?,
            cache: Cache::new()?,
            scratch: scratch.into(),
            cgroup: std::env::var_os("KEDGE_CGROUP").map(PathBuf::from),
            release: false,
            results: std::env::var_os(RESULTS).map(PathBuf::from),
        }))
    }

    /// Ends a pass: hands its lines to whoever started it, or says them itself when it was started alone.
    pub(crate) fn close(&self, lines: &[String], close: Close) -> Result<u8> {
        let Some(results) = &self.results else {
            return Ok(close(lines));
        };
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(results, text).with_context(|| format!("write {}", results.display()))?;
        Ok(0)
    }

    /// Cargo in the checkout.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(&self.checkout);
        command
    }

    /// Builds these packages.
    pub(crate) fn build(&self, packages: &[&str]) -> Result<()> {
        let mut cargo = self.cargo();
        cargo.args(["build", "--quiet"]);
        cargo.args(self.release.then_some("--release"));
        cargo.args(packages.iter().flat_map(|package| ["--package", package]));
        run(&mut cargo)
    }

    /// A program that was built.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let profile = if self.release { "release" } else { "debug" };
        self.target().join(profile).join(name)
    }

    /// Cargo's target directory.
    pub(crate) fn target(&self) -> PathBuf {
        self.cache.target()
    }

    /// A directory below the checkout's target/ for things that people look at, made empty.
    pub(crate) fn results(&self, name: &str) -> Result<PathBuf> {
        let path = self.checkout.join("target").join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(path)
    }
}

/// The checkout around the current directory.
pub(crate) fn checkout() -> Result<PathBuf> {
    let here = std::env::current_dir().context("ask for the current directory")?;
    here.ancestors()
        .find(|path| path.join("src/xtask/main.rs").is_file())
        .map(Path::to_path_buf)
        .context("run this inside a checkout of Kedge")
}

/// Makes the machine ready. Returns the build root when the machine needs one.
pub(crate) fn prepare(wants: &Wants) -> Result<Option<PathBuf>> {
    let machine = Machine::detect();
    let cache = Cache::new()?;
    if wants.root && !is_root() {
        bail!(
            "this verb works with loop devices, mounts and namespaces and needs root: run the same command with sudo -E"
        );
    }
    let root = match machine.ground()? {
        Ground::Native => {
            machine.install_native()?;
            None
        }
        Ground::BuildRoot => Some(buildroot::ensure(&cache, &machine)?),
    };
    let checkout = checkout()?;
    fs::create_dir_all(cache.target()).with_context(|| format!("create {}", cache.target().display()))?;
    fetch(&checkout)?;
    if wants.fuzz {
        fetch(&checkout.join("tests/fuzz"))?;
    }
    if wants.deny {
        crate::check::ensure_deny(&cache);
    }
    if wants.guest
        && is_root()
        && let Err(error) = guest::system::ensure(&cache, &machine)
    {
        // The tests can go on without the guest and say so; the demo cannot.
        if wants.root {
            return Err(error);
        }
        println!("xtask: there will be no guest: {error:#}");
    }
    Ok(root)
}

/// Downloads the crates: inside the build root there is no network for cargo.
fn fetch(directory: &Path) -> Result<()> {
    run(Command::new("cargo")
        .args(["fetch", "--quiet"])
        .current_dir(directory))
    .context("the crates could not be downloaded; is there a network?")
}

/// Runs this very command line again inside the session.
pub(crate) fn same_verb(wants: &Wants) -> Result<u8> {
    let root = prepare(wants)?;
    let mut command = vec![ourselves(root.as_deref())?];
    command.extend(std::env::args_os().skip(1));
    alone(root, wants, command)
}

/// Runs the passes one after the other, and says in the end what all of them said together.
pub(crate) fn passes(passes: Vec<Pass>, close: Close) -> Result<u8> {
    let mut lines = Vec::new();
    for pass in passes {
        let root = prepare(&pass.wants)?;
        let mut command = vec![ourselves(root.as_deref())?];
        command.extend(pass.words.iter().cloned());
        let cache = Cache::new()?;
        let scratch = Scratch::new(&cache)?;
        let results = scratch.path().join("results");
        let code = start(root, &pass.wants, command, &scratch, Some(&results))?;
        match fs::read_to_string(&results) {
            Ok(said) if code == 0 => lines.extend(said.lines().map(str::to_owned)),
            _ => {
                let words: Vec<_> = pass.words.iter().map(|word| word.to_string_lossy()).collect();
                lines.push(format!("{BROKEN}{}\tended with {code}", words.join(" ")));
            }
        }
        // Whoever interrupts one wants no other.
        if code >= 128 {
            break;
        }
    }
    Ok(close(&lines))
}

/// This program as it is found in the session.
fn ourselves(root: Option<&Path>) -> Result<OsString> {
    Ok(match root {
        Some(_) => crate::inside::XTASK.into(),
        None => std::env::current_exe()
            .context("find this program")?
            .into_os_string(),
    })
}

/// Runs some other command (or a shell) inside the session.
pub(crate) fn command(wants: &Wants, mut command: Vec<OsString>) -> Result<u8> {
    let root = prepare(wants)?;
    if command.is_empty() {
        command = vec!["bash".into()];
    }
    alone(root, wants, command)
}

fn alone(root: Option<PathBuf>, wants: &Wants, command: Vec<OsString>) -> Result<u8> {
    let scratch = Scratch::new(&Cache::new()?)?;
    start(root, wants, command, &scratch, None)
}

fn start(
    root: Option<PathBuf>,
    wants: &Wants,
    command: Vec<OsString>,
    scratch: &Scratch,
    results: Option<&Path>,
) -> Result<u8> {
    let cache = Cache::new()?;
    let mut environment = environment(&cache, scratch.path(), wants)?;
    environment.retain(|(key, _)| key != RESULTS);
    environment.extend(results.map(|path| (RESULTS.to_owned(), path.into())));
    if !is_root() {
        // Natively and without root rights there is nothing to mount: the verb runs as it is.
        let status = Command::new(&command[0])
            .args(&command[1..])
            .envs(environment)
            .status();
        return Ok(code(status.context("start the verb")?));
    }
    let group = cgroup::root().map(|root| root.join(format!("kedge-{}", std::process::id())));
    let mut session = Command::new("setpriv");
    session
        .args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "--",
        ])
        .arg(std::env::current_exe()?)
        .arg("__inside")
        .arg("--scratch")
        .arg(scratch.path());
    if let Some(root) = &root {
        session.arg("--root").arg(root);
        if let Some(layer) = wants.layer {
            match layer.ensure(&cache, root) {
                Ok(layers) => {
                    for path in layers {
                        session.arg("--layer").arg(path);
                    }
                }
                // As without the guest: what needs it says that it is not there.
                Err(error) => println!("xtask: there will not be {}: {error:#}", layer.about),
            }
        }
    }
    for path in binds(&cache, scratch.path(), wants)? {
        session.arg("--bind").arg(path);
    }
    for (key, value) in &environment {
        let mut pair = OsString::from(key);
        pair.push("=");
        pair.push(value);
        session.arg("--env").arg(pair);
    }
    if let Some(group) = &group {
        cgroup::remove_dead(group);
        let mut pair = OsString::from("KEDGE_CGROUP=");
        pair.push(group);
        session.arg("--env").arg(pair);
    }
    session.arg("--").args(command);
    let status = supervise(
        session
            .spawn()
            .context("start setpriv and unshare (package util-linux)")?,
    )?;
    if let Some(group) = &group {
        cgroup::remove(group);
    }
    Ok(code(status))
}

/// Waits for the child; when we are told to end, it gets a moment and is then killed with all it started.
fn supervise(mut child: Child) -> Result<ExitStatus> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGCHLD]).context("watch for signals")?;
    let mut killer = None;
    loop {
        if let Some(status) = child.try_wait().context("wait for the session")? {
            return Ok(killer.map_or(status, ExitStatus::from_raw));
        }
        for signal in signals.wait() {
            if signal == SIGCHLD {
                continue;
            }
            if signal == SIGINT && killer.is_none() {
                // A Ctrl-C reached the session too: let its programs end by themselves first.
                let end = Instant::now() + Duration::from_secs(2);
                while Instant::now() < end && child.try_wait()?.is_none() {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            killer = Some(signal);
            let _ = child.kill();
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(1)
}

fn home(variable: &str, default: &str) -> Result<PathBuf> {
    match (std::env::var_os(variable), std::env::var_os("HOME")) {
        (Some(path), _) => Ok(path.into()),
        (None, Some(home)) => Ok(Path::new(&home).join(default)),
        (None, None) => bail!("neither {variable} nor HOME is set"),
    }
}

/// The directories of the machine that are the same inside.
fn binds(cache: &Cache, scratch: &Path, wants: &Wants) -> Result<Vec<PathBuf>> {
    let cargo = home("CARGO_HOME", ".cargo")?;
    let rustup = home("RUSTUP_HOME", ".rustup")?;
    let sysroot = PathBuf::from(output(Command::new("rustc").args(["--print", "sysroot"]))?);
    let mut paths = vec![
        cargo,
        cache.target(),
        cache.tools(),
        cache.guest(),
        checkout()?,
        scratch.to_path_buf(),
    ];
    if sysroot.starts_with(&rustup) {
        paths.push(rustup);
    } else if sysroot != Path::new("/usr") {
        paths.push(sysroot);
    }
    if let Some(path) = install_destination() {
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        paths.push(path);
    }
    if wants.display {
        let runtime =
            std::env::var_os("XDG_RUNTIME_DIR").filter(|_| std::env::var_os("WAYLAND_DISPLAY").is_some());
        let authority = std::env::var_os("XAUTHORITY");
        let sockets = std::env::var_os("DISPLAY").map(|_| "/tmp/.X11-unix".into());
        let found = [runtime, authority, sockets]
            .into_iter()
            .flatten()
            .map(PathBuf::from);
        paths.extend(found.filter(|path| path.exists()));
    }
    for path in [cache.target(), cache.tools(), cache.guest()] {
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
    }
    Ok(paths)
}

/// The value of `install --destdir`: the one path of a command line that must exist on both sides.
fn install_destination() -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != "install" {
        return None;
    }
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if text == "--destdir" {
            return std::path::absolute(arguments.next()?).ok();
        }
        if let Some(value) = text.strip_prefix("--destdir=") {
            return std::path::absolute(value).ok();
        }
    }
    None
}

/// The clean environment of the session.
fn environment(cache: &Cache, scratch: &Path, wants: &Wants) -> Result<Vec<(String, OsString)>> {
    let cargo = home("CARGO_HOME", ".cargo")?;
    let mut path = cargo.join("bin").into_os_string();
    path.push(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let base = cache.base().parent().unwrap_or(Path::new("/"));
    let mut pairs: Vec<(String, OsString)> = vec![
        ("PATH".into(), path),
        ("CARGO_HOME".into(), cargo.into()),
        ("RUSTUP_HOME".into(), home("RUSTUP_HOME", ".rustup")?.into()),
        ("CARGO_TARGET_DIR".into(), cache.target().into()),
        ("CARGO_NET_OFFLINE".into(), "true".into()),
        ("RUSTUP_AUTO_INSTALL".into(), "0".into()),
        ("XDG_CACHE_HOME".into(), base.into()),
        ("KEDGE_SCRATCH".into(), scratch.into()),
        ("HOME".into(), home("HOME", "")?.into()),
        (
            "USER".into(),
            std::env::var_os("USER").unwrap_or_else(|| "root".into()),
        ),
        ("LANG".into(), "C.UTF-8".into()),
        ("LC_ALL".into(), "C.UTF-8".into()),
    ];
    for key in [
        "TERM",
        "COLORTERM",
        "CI",
        "KEEP",
        "RUST_BACKTRACE",
        "RUST_LOG",
        "CARGO_BUILD_JOBS",
        "CARGO_TERM_COLOR",
    ] {
        pairs.extend(std::env::var_os(key).map(|value| (key.to_owned(), value)));
    }
    if wants.display {
        for key in [
            "DISPLAY",
            "XAUTHORITY",
            "WAYLAND_DISPLAY",
            "XDG_RUNTIME_DIR",
            "XDG_CURRENT_DESKTOP",
            "KDE_SESSION_VERSION",
        ] {
            pairs.extend(std::env::var_os(key).map(|value| (key.to_owned(), value)));
        }
    }
    let ours = std::env::vars_os().filter(|(key, _)| {
        key.to_str()
            .is_some_and(|key| key.starts_with("KEDGE_") && key != "KEDGE_TARGET_DIR")
    });
    pairs.extend(ours.map(|(key, value)| (key.to_string_lossy().into_owned(), value)));
    if let Some(target) = std::env::var_os("KEDGE_TARGET_DIR") {
        pairs.push(("KEDGE_TARGET_DIR".into(), target));
    }
    Ok(pairs)
}
