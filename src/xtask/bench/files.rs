// SPDX-License-Identifier: GPL-3.0-or-later
//! Which files changed between two snapshots of a tree of 200,000, as a whole process against snapper's.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::many::{forget_configuration, tell_snapper};
use super::measure::{Cost, measure};
use super::{Bed, Bench, Figure, median, rows};
use crate::guest::image::detach_below;
use crate::process::{output, quiet};

pub(super) const BENCH: Bench = Bench {
    name: "files",
    about: "which files changed, against snapper status",
    guest: false,
    layer: None,
    figures,
};

/// What was done to the tree, which part of snapper's CPU time ours may be, and how many rows there are at least.
const CASES: [(&str, &str, f64, usize); 3] = [
    ("few", "100 changed files of 200,000", 1.0 / 3.0, 100),
    ("many", "20,000 changed files of 200,000", 0.25, 15_000),
    ("rename", "a renamed directory of 100,000 files", 0.01, 1),
];

/// What snapper calls the tree.
const CONFIGURATION: &str = "benchfiles";

fn figures(bed: &Bed) -> Result<Vec<Figure>> {
    let tree = Tree::make(bed)?;
    let mut figures = Vec::new();
    for (at, (how, name, limit, least)) in CASES.into_iter().enumerate() {
        let (from, to) = (at + 1, at + 2);
        quiet(&mut bed.measure(&["files-change", tree.root()?, how])?)?;
        tree.snapshot(to)?;
        figures.push(compare(bed, &tree, (from, to), name, limit, least)?);
        let (from, to) = (from.to_string(), to.to_string());
        let told: Vec<[f64; 4]> = rows(&mut bed.measure(&["files-first", tree.root()?, &from, &to])?)?;
        let [used, first, count, directories] = told.first().context("nothing was measured")?;
        println!(
            "{name}: {count} rows in {directories} directories, first after {first:.1} ms, {used:.1} ms CPU in the process"
        );
    }
    Ok(figures)
}

fn compare(
    bed: &Bed,
    tree: &Tree,
    (from, to): (usize, usize),
    name: &str,
    limit: f64,
    least: usize,
) -> Result<Figure> {
    let program = bed.program()?.to_str().context("a path that is not text")?;
    let (first, second, range) = (from.to_string(), to.to_string(), format!("{from}..{to}"));
    let ours = ["/usr/bin/env", program, "files", tree.root()?, &first, &second];
    let theirs = [
        "/usr/bin/env",
        "snapper",
        "--config",
        CONFIGURATION,
        "--no-dbus",
        "status",
        &range,
    ];
    let told = output(Command::new(ours[1]).args(&ours[2..]))?.lines().count();
    ensure!(told >= least, "we tell {told} changes");
    let group = bed.group()?;
    let mut pairs: Vec<(Cost, Cost)> = Vec::new();
    for _ in 0..bed.pairs {
        let cost = measure(&group, &ours)?;
        // It keeps what it found: the next answer would be read from a file.
        tree.forget(to)?;
        pairs.push((cost, measure(&group, &theirs)?));
    }
    let middle = |of: fn(&(Cost, Cost)) -> f64| median(pairs.iter().map(of));
    Ok(Figure {
        name: name.into(),
        is: median(pairs.iter().map(|(ours, theirs)| ours.cpu / theirs.cpu)),
        limit,
        unit: "x",
        detail: format!(
            "{told} rows; CPU {:.1} ms against snapper's {:.1}; wall {:.1} against {:.1}",
            middle(|pair| pair.0.cpu),
            middle(|pair| pair.1.cpu),
            middle(|pair| pair.0.wall),
            middle(|pair| pair.1.wall)
        ),
    })
}

/// A filesystem with the tree and its snapshots.
struct Tree {
    at: PathBuf,
    scratch: PathBuf,
}

impl Tree {
    fn make(bed: &Bed) -> Result<Self> {
        let scratch = PathBuf::from(format!("/tmp/kedge-bench-{}-files", std::process::id()));
        let at = scratch.join("root");
        fs::create_dir_all(&at)?;
        let file = scratch.join("image");
        fs::File::create(&file)?.set_len(6 << 30)?;
        let device = output(Command::new("losetup").args(["--find", "--show"]).arg(&file))?;
        let tree = Self { at, scratch };
        quiet(Command::new("mkfs.btrfs").args(["--quiet", &device]))?;
        quiet(
            Command::new("mount")
                .args(["-o", "noatime", &device])
                .arg(&tree.at),
        )?;
        quiet(Command::new("losetup").args(["--detach", &device]))?;
        let snapshots = tree.at.join(".snapshots");
        quiet(
            Command::new("btrfs")
                .args(["--quiet", "subvolume", "create"])
                .arg(snapshots),
        )?;
        println!("making a tree of 200,000 files");
        quiet(&mut bed.measure(&["files-fill", tree.root()?])?)?;
        tree.snapshot(1)?;
        tell_snapper(CONFIGURATION, &tree.at)?;
        Ok(tree)
    }

    fn root(&self) -> Result<&str> {
        self.at.to_str().context("a path that is not text")
    }

    fn snapshot(&self, number: usize) -> Result<()> {
        let place = self.at.join(format!(".snapshots/{number}"));
        fs::create_dir(&place)?;
        let books = format!(
            "<?xml version=\"1.0\"?>\n<snapshot>\n  <type>single</type>\n  <num>{number}</num>\n  \
             <date>2026-03-01 07:15:09</date>\n</snapshot>\n"
        );
        fs::write(place.join("info.xml"), books)?;
        let words = ["--quiet", "subvolume", "snapshot", "-r"];
        quiet(
            Command::new("btrfs")
                .args(words)
                .arg(&self.at)
                .arg(place.join("snapshot")),
        )
    }

    fn forget(&self, number: usize) -> Result<()> {
        for entry in fs::read_dir(self.at.join(format!(".snapshots/{number}")))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("filelist-") {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = forget_configuration(CONFIGURATION);
        let _ = quiet(Command::new("umount").arg(&self.at));
        detach_below(&self.scratch);
        let _ = fs::remove_dir_all(&self.scratch);
    }
}
