// SPDX-License-Identifier: GPL-3.0-or-later
//! What a machine has beside Kedge: the distribution's own tools, its layout, its timers, and what they did last.

use crate::code::coded;
use crate::{SnapshotId, State, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;

coded! {
    /// A program of the distribution that works on the same things as Kedge.
    Tool {
        /// Snapper's command line.
        Snapper = "snapper",
        /// Snapper's service on the system bus.
        Snapperd = "snapperd",
        /// The program that opens and closes transactions on MicroOS.
        Tukit = "tukit",
        /// The program that installs updates on MicroOS.
        TransactionalUpdate = "transactional-update",
        /// Writes boot entries for snapshots.
        Sdbootutil = "sdbootutil",
        /// openSUSE's package manager.
        Zypper = "zypper",
        /// Fedora's package manager, version 4 or 5.
        Dnf = "dnf",
        /// Debian's package manager.
        Apt = "apt",
        /// Arch's package manager.
        Pacman = "pacman",
        /// Restarts the machine in its maintenance window.
        Rebootmgr = "rebootmgr",
        /// Looks after a start whether the system is well, and goes back when it is not.
        HealthChecker = "health-checker",
    }
}

coded! {
    /// What `/etc` is.
    EtcLayout {
        /// A subvolume nested in the snapshot of the root.
        Nested = "nested",
        /// An overlay (MicroOS before transactional-update 5).
        Overlay = "overlay",
        /// A directory of the root.
        Plain = "plain",
    }
}

coded! {
    /// Who writes to `.snapshots`.
    Writer {
        /// Kedge itself.
        Native = "native",
        /// Snapper's service.
        Snapperd = "snapperd",
    }
}

coded! {
    /// Who opens and closes transactions.
    Transactor {
        /// Kedge itself.
        Native = "native",
        /// tukit.
        Tukit = "tukit",
    }
}

coded! {
    /// Which restart the platform's own tools ask for, the lesser first.
    RestartLevel {
        /// None.
        None = "none",
        /// The programs, not the kernel.
        SoftReboot = "soft-reboot",
        /// The kernel, without the firmware.
        Kexec = "kexec",
        /// Everything.
        Reboot = "reboot",
    }
}

coded! {
    /// How the distribution's nightly job ended.
    RunResult {
        /// It made a new default.
        Done = "done",
        /// There was nothing to do.
        NothingToDo = "nothing-to-do",
        /// It failed, and left everything as it was.
        Failed = "failed",
        /// It runs, or was cut short.
        Unfinished = "unfinished",
    }
}

coded! {
    /// Who installs updates every night.
    Nightly {
        /// Nobody: the distribution has no such job, or it is switched off.
        Nobody = "nobody",
        /// The distribution's own job.
        Distribution = "distribution",
        /// The distribution's timer, which starts Kedge.
        Kedge = "kedge",
    }
}

/// A configuration of snapper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnapperConfig {
    /// Its name.
    pub name: String,
    /// The directory whose snapshots it is about.
    pub subvolume: String,
}

/// A timer of systemd that changes snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timer {
    /// Its unit, `transactional-update.timer`.
    pub unit: String,
    /// Whether it starts with the system.
    pub enabled: bool,
    /// When it elapses, in systemd's words (`daily`, `*-*-* 23:00`).
    pub schedule: String,
    /// It elapses up to so many seconds later.
    pub delay: u64,
    /// When it last did.
    pub last: Option<Timestamp>,
}

/// The last run of the distribution's nightly job, from its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NightlyRun {
    /// When it began, in the machine's own time zone; empty when the log does not say.
    pub began: String,
    /// How it ended.
    pub result: RunResult,
    /// The line of the log that says so.
    pub detail: String,
}

/// What rebootmgr has in mind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebootManager {
    /// `instantly`, `maint-window`, `best-effort`, `off`, or `unknown`.
    pub strategy: String,
    /// When its maintenance window begins, in systemd's words; empty for none.
    pub window_start: String,
    /// How long that is, in seconds.
    pub window_duration: u64,
    /// A restart is asked for.
    pub requested: bool,
    /// When it comes, in rebootmgr's words; empty for not at all.
    pub time: String,
}

/// What health-checker found at the last starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// A new system did not come up well and the machine went back.
    pub rolled_back: bool,
    /// The snapshot that did not come up well, where that can be told.
    pub failed: Option<SnapshotId>,
    /// The snapshot that last came up well.
    pub last_working: Option<SnapshotId>,
    /// When a restart was tried as the cure, in the machine's own time zone; empty for never.
    pub restarted: String,
    /// Which of its checks failed, as it said.
    pub reasons: Vec<String>,
}

/// What a machine has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Platform {
    /// The distribution's tools.
    pub tools: BTreeSet<Tool>,
    /// What `/etc` is.
    pub etc: EtcLayout,
    /// What starts next is read-only.
    pub read_only_root: bool,
    /// Who writes to `.snapshots`.
    pub writer: Writer,
    /// Who opens and closes transactions.
    pub transactor: Transactor,
    /// Snapper's configurations.
    pub configs: Vec<SnapperConfig>,
    /// Timers that change snapshots.
    pub timers: Vec<Timer>,
    /// Who installs updates every night.
    pub nightly: Nightly,
    /// How the distribution's job updates: `dup`, `up` or `patch`; empty where there is none.
    pub update_method: String,
    /// How the distribution's job restarts the machine when it is done; empty where there is none.
    pub reboot_method: String,
    /// What the distribution's job did last.
    pub last_run: Option<NightlyRun>,
    /// Which restart the platform's own tools ask for.
    pub restart: RestartLevel,
    /// What rebootmgr has in mind, where it runs.
    pub reboot_manager: Option<RebootManager>,
    /// What health-checker found, where it is used.
    pub health: Option<Health>,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            tools: BTreeSet::new(),
            etc: EtcLayout::Plain,
            read_only_root: false,
            writer: Writer::Native,
            transactor: Transactor::Native,
            configs: Vec::new(),
            timers: Vec::new(),
            nightly: Nightly::Nobody,
            update_method: String::new(),
            reboot_method: String::new(),
            last_run: None,
            restart: RestartLevel::None,
            reboot_manager: None,
            health: None,
        }
    }
}

impl Platform {
    /// Whether the machine has this tool.
    pub fn has(&self, tool: Tool) -> bool {
        self.tools.contains(&tool)
    }

    /// The pending snapshot that the distribution's nightly job would replace: it starts from what runs and not from
    /// what starts next, so that what was installed since is lost.
    pub fn replaces(&self, state: &State) -> Option<SnapshotId> {
        state.pending().filter(|_| self.nightly == Nightly::Distribution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_distributions_own_job_threatens_what_waits() {
        let state = State {
            booted: Some(SnapshotId(1)),
            default: Some(SnapshotId(2)),
            ..State::default()
        };
        let platform = |nightly| Platform {
            nightly,
            ..Platform::default()
        };
        assert_eq!(
            platform(Nightly::Distribution).replaces(&state),
            Some(SnapshotId(2))
        );
        assert_eq!(platform(Nightly::Kedge).replaces(&state), None);
        assert_eq!(platform(Nightly::Nobody).replaces(&state), None);
        let state = State {
            default: Some(SnapshotId(1)),
            ..state
        };
        assert_eq!(platform(Nightly::Distribution).replaces(&state), None);
    }

    #[test]
    fn the_greater_restart_is_greater() {
        assert!(RestartLevel::None < RestartLevel::SoftReboot && RestartLevel::Kexec < RestartLevel::Reboot);
    }
}
