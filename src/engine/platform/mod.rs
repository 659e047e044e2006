// SPDX-License-Identifier: GPL-3.0-or-later
//! What the machine has beside Kedge, read from its files at run time, and the books that the distribution's own tools
//! keep.
//!
//! Nothing is assumed from the name of a distribution. Everything is looked up below the system's root directory, and
//! what cannot be read is as if it were not there: a report about the machine must never keep it from working.

pub(crate) mod books;
mod health;
pub(crate) mod journal;
mod log;
pub(crate) mod nightly;
mod rebootmgr;
pub(crate) mod shell;
mod timer;

use crate::packages::Tree;
use model::{EtcLayout, Nightly, Platform, SnapperConfig, Tool, Transactor, Writer};
use std::io::Read as _;

/// No file that is read whole may be larger than this, in bytes.
const LIMIT: u64 = 256 << 10;

/// Where each tool lies; any of the paths will do.
const TOOLS: [(Tool, &[&str]); 11] = [
    (Tool::Snapper, &["usr/bin/snapper"]),
    (Tool::Snapperd, &["usr/sbin/snapperd", "usr/bin/snapperd"]),
    (Tool::Tukit, &["usr/sbin/tukit", "usr/bin/tukit"]),
    (
        Tool::TransactionalUpdate,
        &["usr/sbin/transactional-update", "usr/bin/transactional-update"],
    ),
    (Tool::Sdbootutil, &["usr/bin/sdbootutil", "usr/sbin/sdbootutil"]),
    (Tool::Zypper, &["usr/bin/zypper"]),
    (Tool::Dnf, &["usr/bin/dnf5", "usr/bin/dnf"]),
    (Tool::Apt, &["usr/bin/apt-get"]),
    (Tool::Pacman, &["usr/bin/pacman"]),
    (
        Tool::Rebootmgr,
        &[
            "usr/libexec/rebootmgrd",
            "usr/sbin/rebootmgrd",
            "usr/bin/rebootmgrctl",
        ],
    ),
    (
        Tool::HealthChecker,
        &["usr/sbin/health-checker", "usr/libexec/health-checker"],
    ),
];

/// What only the engine knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Whether the running snapshot has a subvolume nested in it as `/etc`.
    pub(crate) etc_is_nested: bool,
    /// Whether what starts next is read-only.
    pub(crate) read_only_root: bool,
    /// Who writes to `.snapshots`.
    pub(crate) writer: Writer,
}

/// The text of a file of bounded size; `None` when there is none or it cannot be read.
pub(crate) fn text(tree: Tree<'_>, path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let file = tree.file(path).ok()??;
    file.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether the machine has this tool.
pub(crate) fn has(tree: Tree<'_>, tool: Tool) -> bool {
    TOOLS
        .iter()
        .find(|(other, _)| *other == tool)
        .is_some_and(|(_, paths)| paths.iter().any(|path| tree.exists(path)))
}

/// Who opens and closes transactions: tukit where it is installed and `/etc` is what it then makes of it. A machine whose
/// `/etc` is an overlay needs tukit to carry that over; one without tukit is in our own hands.
pub(crate) fn transactor(tree: Tree<'_>, known: Known) -> Transactor {
    match has(tree, Tool::Tukit) && known.read_only_root {
        true => Transactor::Tukit,
        false => Transactor::Native,
    }
}

/// Everything about the machine whose root directory this is.
pub(crate) fn read(tree: Tree<'_>, known: Known) -> Platform {
    let conf = timer::configuration(tree);
    let tools = TOOLS
        .iter()
        .filter(|(_, paths)| paths.iter().any(|path| tree.exists(path)))
        .map(|(tool, _)| *tool)
        .collect();
    let timers = timer::read(tree);
    let update_timer = timers
        .iter()
        .any(|timer| timer.unit == timer::UPDATE && timer.enabled);
    let nightly = match (update_timer, nightly::is_ours(tree)) {
        (false, _) => Nightly::Nobody,
        (true, true) => Nightly::Kedge,
        (true, false) => Nightly::Distribution,
    };
    let mut platform = Platform {
        tools,
        etc: etc(tree, known.etc_is_nested),
        read_only_root: known.read_only_root,
        writer: known.writer,
        transactor: transactor(tree, known),
        configs: configs(tree),
        timers,
        nightly,
        last_run: log::last_run(tree),
        restart: books::restart(tree),
        reboot_manager: rebootmgr::read(tree),
        health: health::read(tree),
        ..Platform::default()
    };
    if platform.has(Tool::TransactionalUpdate) {
        platform.update_method = conf.update_method;
        platform.reboot_method = conf.reboot_method;
    }
    platform
}

/// What `/etc` is. The table of file systems says so, since a nested subvolume alone may be somebody's own idea.
fn etc(tree: Tree<'_>, is_nested: bool) -> EtcLayout {
    let table = text(tree, "etc/fstab").unwrap_or_default();
    let is_overlay = table
        .lines()
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>())
        .any(|fields| matches!(*fields, ["overlay", "/etc", "overlay", ..]));
    match (is_overlay, is_nested) {
        (true, _) => EtcLayout::Overlay,
        (_, true) => EtcLayout::Nested,
        _ => EtcLayout::Plain,
    }
}

/// Whether snapper's plugin keeps a nested `/etc` on this system: it does where the table of file systems names `/etc`.
pub(crate) fn fstab_names_etc(table: &str) -> bool {
    table
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .any(|line| line.split_ascii_whitespace().nth(1) == Some("/etc"))
}

/// Timers that change snapshots.
pub(crate) fn timers(tree: Tree<'_>) -> Vec<model::Timer> {
    timer::read(tree)
}

/// Snapper's configurations, in its own order. The list lies in one of two places (openSUSE's or Debian's).
pub(crate) fn configs(tree: Tree<'_>) -> Vec<SnapperConfig> {
    let list = [
        "etc/sysconfig/snapper",
        "etc/default/snapper",
        "etc/conf.d/snapper",
    ]
    .iter()
    .find_map(|path| text(tree, path))
    .unwrap_or_default();
    let names = shell::parse(&list).remove("SNAPPER_CONFIGS").unwrap_or_default();
    names
        .split_ascii_whitespace()
        .filter(|name| is_config_name(name))
        .filter_map(|name| {
            let mut values = shell::parse(&text(tree, &format!("etc/snapper/configs/{name}"))?);
            Some(SnapperConfig {
                name: name.to_owned(),
                subvolume: values.remove("SUBVOLUME").unwrap_or_else(|| "/".to_owned()),
            })
        })
        .collect()
}

/// A name of a configuration is one of a file, too.
fn is_config_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains('/') && name.len() <= 255
}

#[cfg(test)]
mod tests;
