// SPDX-License-Identifier: GPL-3.0-or-later
//! What snapshots cost, against `btrfs filesystem du`: all of many snapshots, and one more.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::measure::measure;
use super::{Bed, Bench, Figure, median};
use crate::guest::image::detach_below;
use crate::process::{output, quiet};

pub(super) const BENCH: Bench = Bench {
    name: "space",
    about: "what each of 50 snapshots of 100,000 files costs, and one more",
    guest: false,
    layer: None,
    figures,
};

const FILES: u32 = 100_000;
const SNAPSHOTS: u32 = 50;
const CHANGES: u32 = 500;
/// One of them stands for all: the other side takes seconds for each.
const SAMPLES: [u32; 2] = [25, SNAPSHOTS];

/// Mounted as long as this value lives.
struct Disk {
    at: PathBuf,
    scratch: PathBuf,
}

impl Disk {
    fn make(bed: &Bed) -> Result<Self> {
        let scratch = PathBuf::from(format!("/tmp/kedge-bench-space-{}", std::process::id()));
        let at = scratch.join("root");
        fs::create_dir_all(&at)?;
        let file = scratch.join("image");
        fs::File::create(&file)?.set_len(8 << 30)?;
        let device = output(Command::new("losetup").args(["--find", "--show"]).arg(&file))?;
        let disk = Self { at, scratch };
        quiet(Command::new("mkfs.btrfs").args(["--quiet", &device]))?;
        quiet(
            Command::new("mount")
                .args(["-o", "noatime", &device])
                .arg(&disk.at),
        )?;
        quiet(Command::new("losetup").args(["--detach", &device]))?;
        fs::create_dir(disk.at.join("usr"))?;
        quiet(
            Command::new("btrfs")
                .args(["--quiet", "subvolume", "create"])
                .arg(disk.at.join(".snapshots")),
        )?;
        let numbers = [FILES, SNAPSHOTS, CHANGES].map(|number| number.to_string());
        let [files, snapshots, changes] = &numbers;
        quiet(&mut bed.measure(&["space-fill", disk.root()?, files, snapshots, changes])?)?;
        Ok(disk)
    }

    fn root(&self) -> Result<&str> {
        self.at.to_str().context("a path that is not text")
    }

    fn snapshot(&self, number: u32) -> Result<String> {
        let path = self.at.join(format!(".snapshots/{number}/snapshot"));
        path.to_str()
            .map(str::to_owned)
            .context("a path that is not text")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = quiet(Command::new("umount").arg(&self.at));
        detach_below(&self.scratch);
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// What our side prints about a name.
fn told(text: &str, name: &str) -> Result<u64> {
    let found = text.lines().find_map(|line| {
        let (key, value) = line.split_once(' ')?;
        (key == name).then(|| value.parse().ok())?
    });
    found.with_context(|| format!("nothing is told about {name}"))
}

/// What `btrfs filesystem du` calls exclusive.
fn exclusive(path: &str) -> Result<u64> {
    let text = output(Command::new("btrfs").args(["filesystem", "du", "-s", "--raw", path]))?;
    let row = text.lines().nth(1).and_then(|row| row.split_whitespace().nth(1));
    row.context("btrfs tells nothing")?.parse().context("read a size")
}

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    println!("making {SNAPSHOTS} snapshots of {FILES} files");
    let disk = Disk::make(bed)?;
    let cache = disk.scratch.join("cache");
    let cache = cache.to_str().context("a path that is not text")?;
    let group = bed.group()?;
    let program = bed.program()?.to_str().context("a path that is not text")?;
    let ours = [program, "space", disk.root()?];
    let text = output(bed.measure(&ours[1..])?.arg(cache))?;
    for sample in SAMPLES {
        let (us, them) = (
            told(&text, &sample.to_string())?,
            exclusive(&disk.snapshot(sample)?)?,
        );
        ensure!(us == them, "snapshot {sample}: {us} bytes, btrfs says {them}");
    }
    let (mut all, mut more, mut wall) = (Vec::new(), Vec::new(), Vec::new());
    let last = disk.snapshot(SNAPSHOTS)?;
    let theirs = ["btrfs", "filesystem", "du", "-s", last.as_str()];
    let (files, changes) = (FILES.to_string(), CHANGES.to_string());
    for pair in 0..bed.pairs {
        let them = measure(&group, &theirs)?;
        let us = measure(&group, &ours)?;
        all.push((us.cpu, them.cpu));
        wall.push((us.wall, them.wall));
        let version = (1000 + pair).to_string();
        quiet(&mut bed.measure(&["space-change", disk.root()?, &files, &changes, &version])?)?;
        let us = measure(&group, &[program, "space", disk.root()?, cache])?;
        more.push((us.cpu, them.cpu));
    }
    let middle = |side: fn(&(f64, f64)) -> f64, of: &[(f64, f64)]| median(of.iter().map(side));
    let count = f64::from(SNAPSHOTS);
    let memory = told(&output(&mut bed.measure(&ours[1..])?)?, "memory")?;
    Ok(vec![
        Figure {
            name: format!("what {SNAPSHOTS} x {FILES} files cost"),
            is: median(all.iter().map(|(us, them)| us / (them * count))),
            limit: 0.05,
            unit: "x",
            detail: format!(
                "CPU {:.0} ms against {:.0} for one by btrfs fi du (x {count}); wall {:.0} against {:.0}",
                middle(|it| it.0, &all),
                middle(|it| it.1, &all),
                middle(|it| it.0, &wall),
                middle(|it| it.1, &wall),
            ),
        },
        Figure {
            name: "one more snapshot, whole process".into(),
            is: median(more.iter().map(|(us, them)| us / them)),
            limit: 0.05,
            unit: "x",
            detail: format!(
                "CPU {:.0} ms against {:.0}",
                middle(|it| it.0, &more),
                middle(|it| it.1, &more)
            ),
        },
        Figure {
            name: "memory for that".into(),
            #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53")]
            is: memory as f64 / 1024.0,
            limit: 64.0,
            unit: "MiB",
            detail: "the most at any time (VmHWM)".into(),
        },
    ])
}
