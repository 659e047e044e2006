// SPDX-License-Identifier: GPL-3.0-or-later
//! The first process of the session: mounts what the verb needs, starts it, and reaps until it ends.

use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    unmount,
};
use rustix::process::{WaitOptions, pivot_root, wait};

use crate::layer::lower;

/// Where this program is found in the build root.
pub(crate) const XTASK: &str = "/run/kedge/xtask";

/// What to mount and what to start; given by `enter`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    root: Option<PathBuf>,
    /// Read-only layers over the root, the topmost first
    #[arg(long)]
    layer: Vec<PathBuf>,
    #[arg(long)]
    scratch: PathBuf,
    #[arg(long)]
    bind: Vec<PathBuf>,
    #[arg(long)]
    env: Vec<OsString>,
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// Runs as process 1 of a fresh pid and mount namespace.
pub(crate) fn run(args: Args) -> Result<u8> {
    let here = std::env::current_dir().context("ask for the current directory")?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .context("make the mounts private")?;
    match &args.root {
        Some(root) => into_root(root, &args)?,
        None => file_system("proc", Path::new("/proc"), MountFlags::empty(), "")?,
    }
    std::env::set_current_dir(&here).with_context(|| format!("enter {}", here.display()))?;
    let Some((program, arguments)) = args.command.split_first() else {
        return Ok(0);
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    for pair in &args.env {
        let bytes = pair.as_bytes();
        let at = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
        let value = bytes.get(at + 1..).unwrap_or_default();
        command.env(OsStr::from_bytes(&bytes[..at]), OsStr::from_bytes(value));
    }
    if !args
        .env
        .iter()
        .any(|pair| pair.as_bytes().starts_with(b"XDG_RUNTIME_DIR="))
    {
        command.env("XDG_RUNTIME_DIR", "/run/user/0");
    }
    let child = command
        .spawn()
        .with_context(|| format!("start {}", program.to_string_lossy()))?;
    let child = i32::try_from(child.id()).context("read the process id")?;
    loop {
        let Some((pid, status)) = wait(WaitOptions::empty()).context("wait for the processes")? else {
            continue;
        };
        if pid.as_raw_nonzero().get() == child {
            let code = status
                .exit_status()
                .unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or(0));
            return Ok(u8::try_from(code).unwrap_or(1));
        }
    }
}

fn into_root(root: &Path, args: &Args) -> Result<()> {
    let merged = args.scratch.join("root");
    fs::create_dir_all(&merged)?;
    overlay(root, &args.layer, &args.scratch, &merged)?;
    let run = merged.join("run");
    file_system("tmpfs", &run, MountFlags::empty(), "mode=0755")?;
    for directory in ["user/0", "dbus", "lock", "kedge"] {
        fs::create_dir_all(run.join(directory))?;
    }
    fs::set_permissions(
        run.join("user/0"),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )?;
    file_system("tmpfs", &merged.join("tmp"), MountFlags::empty(), "mode=1777")?;
    file_system("proc", &merged.join("proc"), MountFlags::empty(), "")?;
    for directory in ["sys", "dev"] {
        let inside = merged.join(directory);
        mount_bind_recursive(Path::new("/").join(directory), &inside)
            .with_context(|| format!("mount /{directory}"))?;
    }
    // Big temporary files belong on the disk, not in memory.
    let temporary = args.scratch.join("var-tmp");
    fs::create_dir_all(&temporary)?;
    fs::set_permissions(&temporary, std::os::unix::fs::PermissionsExt::from_mode(0o1777))?;
    mount_bind(&temporary, merged.join("var/tmp")).context("mount /var/tmp")?;
    for path in &args.bind {
        bind(path, &merged)?;
    }
    fs::write(merged.join(&XTASK[1..]), "")?;
    mount_bind(std::env::current_exe()?, merged.join(&XTASK[1..])).context("mount xtask")?;
    std::env::set_current_dir(&merged)?;
    pivot_root(".", ".").context("change the root directory")?;
    unmount(".", UnmountFlags::DETACH).context("leave the old root")?;
    std::env::set_current_dir("/").context("enter the new root")
}

/// Puts a writable layer that vanishes with us over the build root, so that it stays as it was made.
fn overlay(root: &Path, layers: &[PathBuf], scratch: &Path, merged: &Path) -> Result<()> {
    let layer = scratch.join("layer");
    fs::create_dir_all(&layer)?;
    file_system("tmpfs", &layer, MountFlags::empty(), "mode=0755")?;
    fs::create_dir_all(layer.join("up"))?;
    fs::create_dir_all(layer.join("work"))?;
    let data = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower(layers, root),
        layer.join("up").display(),
        layer.join("work").display()
    );
    if file_system("overlay", merged, MountFlags::empty(), &data).is_ok() {
        return Ok(());
    }
    eprintln!("xtask: no overlay file system here; the build root itself is used");
    mount_bind(root, merged).context("mount the build root")
}

fn bind(path: &Path, merged: &Path) -> Result<()> {
    let inside = merged.join(path.strip_prefix("/").unwrap_or(path));
    if path.is_dir() {
        fs::create_dir_all(&inside)?;
    } else {
        fs::create_dir_all(inside.parent().unwrap_or(merged))?;
        if !inside.exists() {
            fs::write(&inside, "")?;
        }
    }
    mount_bind_recursive(path, &inside).with_context(|| format!("mount {} in the build root", path.display()))
}

/// Mounts a file system by type.
pub(crate) fn file_system(kind: &str, at: &Path, flags: MountFlags, data: &str) -> Result<()> {
    let options = CString::new(data).context("mount options with a zero byte")?;
    let options = (!data.is_empty()).then_some(options.as_c_str());
    mount(kind, at, kind, flags, options).with_context(|| format!("mount {kind} at {}", at.display()))
}
