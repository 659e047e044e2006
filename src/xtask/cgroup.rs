// SPDX-License-Identifier: GPL-3.0-or-later
//! The control groups of a run: each run gets one, named after its process, and takes it away with all below it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where the unified control group hierarchy is mounted.
pub(crate) fn root() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").ok()?;
    text.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ")
            .then(|| PathBuf::from(mount.split(' ').nth(4).unwrap_or_default()))
    })
}

/// Removes a control group with all below it; its processes are dead or dying.
pub(crate) fn remove(group: &Path) {
    let end = Instant::now() + Duration::from_secs(5);
    while group.exists() && Instant::now() < end {
        remove_once(group);
        if group.exists() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    if group.exists() {
        eprintln!("xtask: the control group {} is left behind", group.display());
    }
}

fn remove_once(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_once(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

/// Groups of runs that were killed too hard to clean up after themselves.
pub(crate) fn remove_dead(ours: &Path) {
    for entry in ours
        .parent()
        .into_iter()
        .filter_map(|parent| fs::read_dir(parent).ok())
        .flatten()
        .flatten()
    {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix("kedge-")?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            remove_once(&entry.path());
        }
    }
}
