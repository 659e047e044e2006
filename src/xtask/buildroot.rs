// SPDX-License-Identifier: GPL-3.0-or-later
//! The Debian 13 build root: made once per package list, kept in the cache, never modified afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache::{Cache, fingerprint, words};
use crate::host::{Machine, debian_mirrors, is_root, require_space};
use crate::mounts::remove;
use crate::process::output;

const PACKAGES: &str = include_str!("buildroot-packages.txt");
const SUITE: &str = "trixie";
/// Packages of the machine itself that making and entering a root needs.
const TOOLS: [&str; 4] = ["mmdebstrap", "debian-archive-keyring", "util-linux", "mount"];

/// Where the root of the present package list belongs.
pub(crate) fn path(cache: &Cache) -> PathBuf {
    cache
        .base()
        .join(format!("buildroot-{}", fingerprint(&words(PACKAGES))))
}

/// The build root, made now when it is not there yet.
pub(crate) fn ensure(cache: &Cache, machine: &Machine) -> Result<PathBuf> {
    let root = path(cache);
    if root.is_dir() {
        return Ok(root);
    }
    if !is_root() {
        bail!(
            "{} has no Qt 6.6, so Kedge is built in a Debian 13 build root; making and entering it needs root: \
             run the same command with sudo (cargo and its home are kept with sudo -E)",
            machine.name
        );
    }
    let _lock = cache.lock("build root")?;
    if root.is_dir() {
        return Ok(root);
    }
    require_space(cache.base(), 6, "the build root with its target directory")?;
    machine.install(&TOOLS)?;
    println!("xtask: making the Debian 13 build root; this takes some minutes and happens once");
    debootstrap(cache, &words(PACKAGES), "directory", &root, &[])?;
    tell_of_old_ones(cache, &root);
    Ok(root)
}

/// Runs mmdebstrap into a temporary name and renames the result, so that a broken one is never used.
pub(crate) fn debootstrap(
    cache: &Cache,
    packages: &[&str],
    format: &str,
    result: &Path,
    options: &[&str],
) -> Result<()> {
    let (main, security) = debian_mirrors()?;
    let mut making = result.as_os_str().to_owned();
    making.push(".new");
    let making = PathBuf::from(making);
    remove(&making)?;
    fs::create_dir_all(result.parent().unwrap_or(cache.base()))?;
    // In namespaces of its own: what it mounts and starts ends with it, also when it or we are killed.
    let mut command = Command::new("setpriv");
    command
        .args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--propagation",
            "private",
        ])
        .args([
            "--pid",
            "--fork",
            "--mount-proc",
            "--kill-child=KILL",
            "mmdebstrap",
        ])
        .args(["--quiet", "--mode=root", "--variant=minbase"])
        .arg(format!("--format={format}"))
        .arg(format!("--include={}", packages.join(",")))
        .args([
            "--aptopt=APT::Install-Recommends \"false\"",
            "--aptopt=Acquire::Languages \"none\"",
            "--aptopt=Acquire::Retries \"3\"",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*",
        ])
        .args(options)
        .arg(SUITE)
        .arg(&making)
        .arg(format!("deb {main} {SUITE} main"))
        .arg(format!("deb {main} {SUITE}-updates main"));
    if let Some(security) = security {
        command.arg(format!("deb {security} {SUITE}-security main"));
    }
    if let Err(error) = output(&mut command) {
        remove(&making)?;
        return Err(error)
            .context("the Debian 13 system could not be made; is the package mirror reachable?");
    }
    fs::rename(&making, result).with_context(|| format!("rename {}", making.display()))
}

fn tell_of_old_ones(cache: &Cache, current: &Path) {
    for entry in fs::read_dir(cache.base()).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with("buildroot-") && path != current {
            println!(
                "xtask: {} is an older build root; remove it when no other checkout uses it",
                path.display()
            );
        }
    }
}
