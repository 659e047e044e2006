// SPDX-License-Identifier: GPL-3.0-or-later
//! The D-Bus form of what a machine has beside Kedge.

use crate::{snapshot_id, snapshot_number};
use model::{EtcLayout, Nightly, RestartLevel, RunResult, Timestamp, Tool, Transactor, Writer};
use serde::{Deserialize, Serialize};
use zbus::Type;

/// A timer: `(sbstt)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Timer {
    /// Its unit.
    pub unit: String,
    /// Whether it starts with the system.
    pub enabled: bool,
    /// When it elapses, in systemd's words.
    pub schedule: String,
    /// It elapses up to so many seconds later.
    pub delay: u64,
    /// When it last did, or zero.
    pub last: u64,
}

/// What rebootmgr has in mind: `(sstbs)`. Its strategy is empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RebootManager {
    /// Its strategy.
    pub strategy: String,
    /// When its window begins, or empty.
    pub window_start: String,
    /// How long that is, in seconds.
    pub window_duration: u64,
    /// A restart is asked for.
    pub requested: bool,
    /// When it comes, or empty.
    pub time: String,
}

/// What health-checker found: `(bbuusas)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Health {
    /// Whether anything is known.
    pub known: bool,
    /// A new system did not come up well and the machine went back.
    pub rolled_back: bool,
    /// The snapshot that did not come up well, or zero.
    pub failed: u32,
    /// The snapshot that last came up well, or zero.
    pub last_working: u32,
    /// When a restart was tried, or empty.
    pub restarted: String,
    /// What its checks said.
    pub reasons: Vec<String>,
}

/// What a machine has: `(assbssa(ss)a(sbstt)s(ss)(sss)s(sstbs)(bbuusas))`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Platform {
    /// `model::Tool`s; unknown ones are left out.
    pub tools: Vec<String>,
    /// `model::EtcLayout`; unknown ones are plain.
    pub etc: String,
    /// What starts next is read-only.
    pub read_only_root: bool,
    /// `model::Writer`; unknown ones are native.
    pub writer: String,
    /// `model::Transactor`; unknown ones are native.
    pub transactor: String,
    /// Snapper's configurations: name and subvolume.
    pub configs: Vec<(String, String)>,
    /// Timers that change snapshots.
    pub timers: Vec<Timer>,
    /// `model::Nightly`; unknown ones are nobody.
    pub nightly: String,
    /// How the distribution's job updates and restarts; empty where there is none.
    pub methods: (String, String),
    /// The distribution's last run: when it began, `model::RunResult`, the line that says so. The result is empty for
    /// none; unknown ones are unfinished.
    pub last_run: (String, String, String),
    /// `model::RestartLevel`; unknown ones are a reboot.
    pub restart: String,
    /// What rebootmgr has in mind.
    pub reboot_manager: RebootManager,
    /// What health-checker found.
    pub health: Health,
}

impl From<&model::Platform> for Platform {
    fn from(it: &model::Platform) -> Self {
        Self {
            tools: it.tools.iter().map(|tool| tool.as_str().to_owned()).collect(),
            etc: it.etc.to_string(),
            read_only_root: it.read_only_root,
            writer: it.writer.to_string(),
            transactor: it.transactor.to_string(),
            configs: it
                .configs
                .iter()
                .map(|it| (it.name.clone(), it.subvolume.clone()))
                .collect(),
            timers: it.timers.iter().map(Into::into).collect(),
            nightly: it.nightly.to_string(),
            methods: (it.update_method.clone(), it.reboot_method.clone()),
            last_run: it
                .last_run
                .as_ref()
                .map(|run| (run.began.clone(), run.result.to_string(), run.detail.clone()))
                .unwrap_or_default(),
            restart: it.restart.to_string(),
            reboot_manager: it.reboot_manager.as_ref().map(Into::into).unwrap_or_default(),
            health: it.health.as_ref().map(Into::into).unwrap_or_default(),
        }
    }
}

impl From<Platform> for model::Platform {
    fn from(it: Platform) -> Self {
        let (began, result, detail) = it.last_run;
        let last_run = (!result.is_empty()).then(|| model::NightlyRun {
            began,
            result: RunResult::from_code(&result).unwrap_or(RunResult::Unfinished),
            detail,
        });
        let reboot_manager = (!it.reboot_manager.strategy.is_empty()).then(|| it.reboot_manager.into());
        let health = it.health.known.then(|| it.health.into());
        Self {
            tools: it.tools.iter().filter_map(|code| Tool::from_code(code)).collect(),
            etc: EtcLayout::from_code(&it.etc).unwrap_or(EtcLayout::Plain),
            read_only_root: it.read_only_root,
            writer: Writer::from_code(&it.writer).unwrap_or(Writer::Native),
            transactor: Transactor::from_code(&it.transactor).unwrap_or(Transactor::Native),
            configs: it
                .configs
                .into_iter()
                .map(|(name, subvolume)| model::SnapperConfig { name, subvolume })
                .collect(),
            timers: it.timers.into_iter().map(Into::into).collect(),
            nightly: Nightly::from_code(&it.nightly).unwrap_or(Nightly::Nobody),
            update_method: it.methods.0,
            reboot_method: it.methods.1,
            last_run,
            restart: RestartLevel::from_code(&it.restart).unwrap_or(RestartLevel::Reboot),
            reboot_manager,
            health,
        }
    }
}

impl From<&model::Timer> for Timer {
    fn from(it: &model::Timer) -> Self {
        Self {
            unit: it.unit.clone(),
            enabled: it.enabled,
            schedule: it.schedule.clone(),
            delay: it.delay,
            last: it.last.map_or(0, |time| time.0),
        }
    }
}

impl From<Timer> for model::Timer {
    fn from(it: Timer) -> Self {
        Self {
            unit: it.unit,
            enabled: it.enabled,
            schedule: it.schedule,
            delay: it.delay,
            last: (it.last != 0).then_some(Timestamp(it.last)),
        }
    }
}

impl From<&model::RebootManager> for RebootManager {
    fn from(it: &model::RebootManager) -> Self {
        Self {
            strategy: it.strategy.clone(),
            window_start: it.window_start.clone(),
            window_duration: it.window_duration,
            requested: it.requested,
            time: it.time.clone(),
        }
    }
}

impl From<RebootManager> for model::RebootManager {
    fn from(it: RebootManager) -> Self {
        Self {
            strategy: it.strategy,
            window_start: it.window_start,
            window_duration: it.window_duration,
            requested: it.requested,
            time: it.time,
        }
    }
}

impl From<&model::Health> for Health {
    fn from(it: &model::Health) -> Self {
        Self {
            known: true,
            rolled_back: it.rolled_back,
            failed: snapshot_number(it.failed),
            last_working: snapshot_number(it.last_working),
            restarted: it.restarted.clone(),
            reasons: it.reasons.clone(),
        }
    }
}

impl From<Health> for model::Health {
    fn from(it: Health) -> Self {
        Self {
            rolled_back: it.rolled_back,
            failed: snapshot_id(it.failed),
            last_working: snapshot_id(it.last_working),
            restarted: it.restarted,
            reasons: it.reasons,
        }
    }
}

#[cfg(test)]
mod tests;
