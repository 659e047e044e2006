// SPDX-License-Identifier: GPL-3.0-or-later
//! A Plasma desktop as a layer over the build root: made once per package list, kept in the cache, never modified.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::buildroot;
use crate::cache::{Cache, fingerprint, words};
use crate::host::require_space;
use crate::process::output;

const PACKAGES: &str = include_str!("plasma-packages.txt");

/// Mounts the build root with a writable layer in a mount namespace that ends with it, and installs into the layer.
/// Arguments: build root, directory of the layer, packages.
const INSTALL: &str = r#"
set -e
root=$1 layer=$2; shift 2
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$root,upperdir=$layer/up,workdir=$layer/work" "$layer/merged"
cd "$layer/merged"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
cp /etc/resolv.conf etc/resolv.conf || :
printf '#!/bin/sh\nexit 101\n' > usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
exec chroot . /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    DEBIAN_FRONTEND=noninteractive sh -ec '
        apt-get update -qq
        apt-get install -qq -y --no-install-recommends "$@"
        apt-get clean' sh "$@"
"#;

/// The layer, made now when it is not there yet.
pub(crate) fn ensure(cache: &Cache, root: &Path) -> Result<PathBuf> {
    let base = buildroot::path(cache);
    let base = base.file_name().unwrap_or_default().to_string_lossy();
    let packages = words(PACKAGES);
    let name = fingerprint(&[&[base.as_ref()], packages.as_slice()].concat());
    let layer = cache.base().join(format!("plasma-{name}"));
    if layer.is_dir() {
        return Ok(layer);
    }
    let _lock = cache.lock("desktop layer")?;
    if layer.is_dir() {
        return Ok(layer);
    }
    require_space(cache.base(), 2, "the desktop layer")?;
    println!(
        "xtask: installing a Plasma desktop over the build root; this takes some minutes and happens once"
    );
    let making = layer.with_extension("new");
    if making.exists() {
        fs::remove_dir_all(&making).with_context(|| format!("remove {}", making.display()))?;
    }
    for directory in ["up", "work", "merged"] {
        let path = making.join(directory);
        fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
    }
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--pid",
        "--fork",
        "--kill-child=KILL",
        "sh",
        "-c",
        INSTALL,
        "sh",
    ]);
    command.args([root, &making]).args(&packages);
    output(&mut command).context("the desktop could not be installed; is the package mirror reachable?")?;
    fs::rename(making.join("up"), &layer).with_context(|| format!("rename to {}", layer.display()))?;
    fs::remove_dir_all(&making).with_context(|| format!("remove {}", making.display()))?;
    Ok(layer)
}
