// SPDX-License-Identifier: GPL-3.0-or-later
//! The cost of whole processes, read from a control group that holds exactly one run of one side, so that child
//! processes count.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::median;

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// CPU milliseconds of the process and all its children
    pub(super) cpu: f64,
    /// Milliseconds that passed
    pub(super) wall: f64,
}

/// Runs one process to its successful end.
pub(super) fn measure(group: &Path, words: &[&str]) -> Result<Cost> {
    let run = group.join("bench");
    fs::create_dir_all(&run).context("make a control group")?;
    let entered = format!("echo 0 > {}/cgroup.procs && exec \"$@\"", run.display());
    let began = Instant::now();
    let status = Command::new("sh")
        .args(["-c", &entered, "sh"])
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("start {}", words.join(" ")))?;
    let wall = began.elapsed().as_secs_f64() * 1e3;
    ensure!(status.success(), "{} ended with {status}", words.join(" "));
    let stat = fs::read_to_string(run.join("cpu.stat")).context("read the CPU time")?;
    let used = stat
        .lines()
        .find_map(|line| line.strip_prefix("usage_usec ")?.parse::<f64>().ok());
    fs::remove_dir(&run).context("remove the control group")?;
    Ok(Cost {
        cpu: used.context("the control group has no CPU time")? / 1e3,
        wall,
    })
}

/// Two processes that do the same, run in turns.
#[derive(Debug)]
pub(super) struct Pairs(Vec<(Cost, Cost)>);

impl Pairs {
    /// Runs ours and theirs so many times each.
    pub(super) fn run(group: &Path, pairs: usize, ours: &[&str], theirs: &[&str]) -> Result<Self> {
        (0..pairs)
            .map(|_| Ok((measure(group, ours)?, measure(group, theirs)?)))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// The median of the ratios of CPU time, ours to theirs.
    pub(super) fn ratio(&self) -> f64 {
        median(self.0.iter().map(|(ours, theirs)| ours.cpu / theirs.cpu))
    }

    /// The median of the ratios of the time that passed, ours to theirs.
    pub(super) fn wall_ratio(&self) -> f64 {
        median(self.0.iter().map(|(ours, theirs)| ours.wall / theirs.wall))
    }

    /// Both sides in words; `name` is whose the other side is.
    pub(super) fn detail(&self, name: &str) -> String {
        let middle = |of: fn(&(Cost, Cost)) -> f64| median(self.0.iter().map(of));
        format!(
            "CPU {:.1} ms against {name}'s {:.1}; wall {:.1} against {:.1}",
            middle(|pair| pair.0.cpu),
            middle(|pair| pair.1.cpu),
            middle(|pair| pair.0.wall),
            middle(|pair| pair.1.wall)
        )
    }
}
