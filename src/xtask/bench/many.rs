// SPDX-License-Identifier: GPL-3.0-or-later
//! A file system with many snapshots that snapper knows too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Bed;
use crate::guest::image::detach_below;
use crate::process::{output, quiet};

/// Mounted as long as this value lives.
pub(super) struct Many {
    at: PathBuf,
    scratch: PathBuf,
    configuration: String,
}

impl Many {
    pub(super) fn make(bed: &Bed, count: u32) -> Result<Self> {
        // In memory, so that the disk of this machine has no say.
        let scratch = PathBuf::from(format!("/tmp/kedge-bench-{}-{count}", std::process::id()));
        let at = scratch.join("root");
        fs::create_dir_all(&at)?;
        let file = scratch.join("image");
        fs::File::create(&file)?.set_len(6 << 30)?;
        let device = output(Command::new("losetup").args(["--find", "--show"]).arg(&file))?;
        let many = Self {
            at,
            scratch,
            configuration: format!("bench{count}"),
        };
        quiet(Command::new("mkfs.btrfs").args(["--quiet", &device]))?;
        quiet(
            Command::new("mount")
                .args(["-o", "noatime", &device])
                .arg(&many.at),
        )?;
        quiet(Command::new("losetup").args(["--detach", &device]))?;
        fs::create_dir(many.at.join("usr"))?;
        quiet(
            Command::new("btrfs")
                .args(["--quiet", "subvolume", "create"])
                .arg(many.at.join(".snapshots")),
        )?;
        quiet(&mut bed.measure(&["fill", many.root()?, &count.to_string()])?)?;
        tell_snapper(&many.configuration, &many.at)?;
        Ok(many)
    }

    /// The root directory.
    pub(super) fn root(&self) -> Result<&str> {
        self.at.to_str().context("a path that is not text")
    }

    /// What snapper calls it.
    pub(super) fn configuration(&self) -> &str {
        &self.configuration
    }
}

const CONFIGURATIONS: &str = "/etc/snapper/configs";

/// Lets snapper know the system at `root` by this name, beside those that it knows already.
pub(super) fn tell_snapper(configuration: &str, root: &Path) -> Result<()> {
    let all = Path::new(CONFIGURATIONS);
    fs::create_dir_all(all)?;
    let text = format!(
        "SUBVOLUME=\"{}\"\nFSTYPE=\"btrfs\"\nQGROUP=\"\"\n",
        root.display()
    );
    fs::write(all.join(configuration), text)?;
    name_configurations()
}

/// Takes that back.
pub(super) fn forget_configuration(configuration: &str) -> Result<()> {
    fs::remove_file(Path::new(CONFIGURATIONS).join(configuration))?;
    name_configurations()
}

/// snapper's service starts only when every configuration that is named there is there.
fn name_configurations() -> Result<()> {
    let names =
        fs::read_dir(CONFIGURATIONS)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    fs::create_dir_all("/etc/default")?;
    fs::write(
        "/etc/default/snapper",
        format!("SNAPPER_CONFIGS=\"{}\"\n", names.join(" ")),
    )?;
    Ok(())
}

impl Drop for Many {
    fn drop(&mut self) {
        let _ = forget_configuration(&self.configuration);
        let _ = quiet(Command::new("umount").arg(&self.at));
        detach_below(&self.scratch);
        let _ = fs::remove_dir_all(&self.scratch);
    }
}
