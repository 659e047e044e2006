// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's operating system as a tarball, made once per package list.

use std::path::PathBuf;

use anyhow::Result;

use crate::buildroot::debootstrap;
use crate::cache::{Cache, fingerprint, words};
use crate::host::{Machine, require_space};

const PACKAGES: &str = include_str!("../guest-packages.txt");

/// Where the tarball of the present package list belongs.
pub(crate) fn path(cache: &Cache) -> PathBuf {
    cache
        .guest()
        .join(format!("debian-{}.tar", fingerprint(&words(PACKAGES))))
}

/// The tarball, made now when it is not there yet.
pub(crate) fn ensure(cache: &Cache, machine: &Machine) -> Result<PathBuf> {
    let tarball = path(cache);
    if tarball.is_file() {
        return Ok(tarball);
    }
    let _lock = cache.lock("guest system")?;
    if tarball.is_file() {
        return Ok(tarball);
    }
    require_space(cache.base(), 2, "the guest system")?;
    machine.install(&["mmdebstrap", "debian-archive-keyring"])?;
    println!("xtask: making the guest system (a small Debian 13); this takes a minute and happens once");
    debootstrap(
        cache,
        &words(PACKAGES),
        "tar",
        &tarball,
        &[
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        ],
    )?;
    Ok(tarball)
}
