// SPDX-License-Identifier: GPL-3.0-or-later
//! More packages over the build root for those stages and benches that need them: made once per package list, kept in
//! the cache, never modified. A run has at most one, and those that this one lies over, so that what one stage needs
//! never hides what another lacks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::buildroot;
use crate::cache::{Cache, fingerprint, words};
use crate::host::require_space;
use crate::mounts::remove;
use crate::process::output;

/// A list of packages with a name.
#[derive(Debug)]
pub(crate) struct Layer {
    /// What its directory in the cache is called
    pub(crate) name: &'static str,
    /// What it is, for messages
    pub(crate) about: &'static str,
    packages: &'static str,
    /// The layer between it and the build root
    over: Option<&'static Layer>,
    /// What it takes on the disk, generously
    gib: u64,
}

/// The desktop that the agent is shown in.
pub(crate) static PLASMA: Layer = Layer {
    name: "plasma",
    about: "a Plasma desktop",
    packages: include_str!("plasma-packages.txt"),
    over: None,
    gib: 2,
};

/// The windows that ours is measured against, in the desktop that ours is made for.
pub(crate) static PEERS: Layer = Layer {
    name: "peers",
    about: "Btrfs Assistant and snapper-gui",
    packages: include_str!("peer-packages.txt"),
    over: Some(&PLASMA),
    gib: 1,
};

/// What starts whole machines.
pub(crate) static VM: Layer = Layer {
    name: "vm",
    about: "virtual machines and their boot loaders",
    packages: include_str!("vm-packages.txt"),
    over: None,
    gib: 2,
};

/// All of them.
pub(crate) static ALL: [&Layer; 3] = [&PLASMA, &PEERS, &VM];

/// Mounts the build root with a writable layer in a mount namespace that ends with it, and installs into the layer.
/// Arguments: what it lies over, as the overlay file system wants it; directory of the layer; packages.
const INSTALL: &str = r#"
set -e
lower=$1 layer=$2; shift 2
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$layer/up,workdir=$layer/work" "$layer/merged"
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

/// Sorts things by the layer they need: those without any first, then layer by layer. Layers without things are left out.
pub(crate) fn groups<T: Copy>(
    things: &[T],
    needs: impl Fn(T) -> Option<&'static Layer>,
) -> Vec<(Option<&'static Layer>, Vec<T>)> {
    let name = |layer: Option<&Layer>| layer.map(|layer| layer.name);
    let layers = std::iter::once(None).chain(ALL.into_iter().map(Some));
    layers
        .map(|layer| {
            let here = things
                .iter()
                .copied()
                .filter(|thing| name(needs(*thing)) == name(layer));
            (layer, here.collect::<Vec<_>>())
        })
        .filter(|(_, here)| !here.is_empty())
        .collect()
}

impl Layer {
    /// The directories of the layer and of those that it lies over, the topmost first. Made now when they are not there yet.
    pub(crate) fn ensure(&self, cache: &Cache, root: &Path) -> Result<Vec<PathBuf>> {
        let mut layers = match self.over {
            Some(over) => over.ensure(cache, root)?,
            None => Vec::new(),
        };
        let base = match layers.first() {
            Some(below) => below.clone(),
            None => buildroot::path(cache),
        };
        let base = base.file_name().unwrap_or_default().to_string_lossy();
        let packages = words(self.packages);
        let hash = fingerprint(&[&[base.as_ref()], packages.as_slice()].concat());
        let layer = cache.base().join(format!("{}-{hash}", self.name));
        if !layer.is_dir() {
            self.make(cache, &lower(&layers, root), &layer, &packages)?;
        }
        layers.insert(0, layer);
        Ok(layers)
    }

    /// Makes it as this directory.
    fn make(&self, cache: &Cache, lower: &str, layer: &Path, packages: &[&str]) -> Result<()> {
        let _lock = cache.lock(&format!("{} layer", self.name))?;
        if layer.is_dir() {
            return Ok(());
        }
        require_space(cache.base(), self.gib, self.about)?;
        println!(
            "xtask: installing {} over the build root; this takes some minutes and happens once",
            self.about
        );
        let making = layer.with_extension("new");
        remove(&making)?;
        for directory in ["up", "work", "merged"] {
            let path = making.join(directory);
            fs::create_dir_all(&path).with_context(|| format!("create {}", path.display()))?;
        }
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"]);
        command.args(["--kill-child=KILL", "sh", "-c", INSTALL, "sh"]);
        command.arg(lower).arg(&making).args(packages);
        output(&mut command).with_context(|| {
            format!(
                "{} could not be installed; is the package mirror reachable?",
                self.about
            )
        })?;
        fs::rename(making.join("up"), layer).with_context(|| format!("rename to {}", layer.display()))?;
        remove(&making)
    }
}

/// These layers over the root, as the overlay file system's option `lowerdir` wants them.
pub(crate) fn lower(layers: &[PathBuf], root: &Path) -> String {
    let all = layers.iter().map(PathBuf::as_path).chain([root]);
    let all: Vec<_> = all.map(|path| path.display().to_string()).collect();
    all.join(":")
}
