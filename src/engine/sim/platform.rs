// SPDX-License-Identifier: GPL-3.0-or-later
//! What a simulated machine has beside Kedge: that of a Kalpa whose nightly job ran this morning.

use super::SimEngine;
use crate::{Engine as _, Error, Outcome};
use model::{
    Capability, EtcLayout, Health, Nightly, NightlyRun, Platform, RebootManager, RestartLevel, RunResult,
    SnapperConfig, Timer, Tool, Transactor, Writer,
};
use std::collections::BTreeSet;

/// Seconds of a day.
const DAY: u64 = 86_400;

pub(super) fn read(engine: &SimEngine) -> Result<Platform, Error> {
    let system = engine.system()?;
    let read_only_root = !engine.machine().starts_writable();
    if !read_only_root {
        return Ok(Platform {
            tools: BTreeSet::from([Tool::Apt]),
            ..Platform::default()
        });
    }
    let config = |name: &str, subvolume: &str| SnapperConfig {
        name: name.to_owned(),
        subvolume: subvolume.to_owned(),
    };
    let morning = engine.clock().now().seconds() / DAY * DAY;
    let timer = |unit: &str, schedule: &str, delay| Timer {
        unit: unit.to_owned(),
        enabled: true,
        schedule: schedule.to_owned(),
        delay,
        last: Some(model::Timestamp::from_seconds(
            i64::try_from(morning).unwrap_or(0),
        )),
    };
    let pending = system.default != system.booted;
    let nightly = match engine.machine().nightly_is_ours {
        true => Nightly::Kedge,
        false => Nightly::Distribution,
    };
    Ok(Platform {
        tools: BTreeSet::from([
            Tool::Snapper,
            Tool::Snapperd,
            Tool::Tukit,
            Tool::TransactionalUpdate,
            Tool::Zypper,
            Tool::Rebootmgr,
            Tool::HealthChecker,
        ]),
        etc: EtcLayout::Nested,
        read_only_root,
        writer: Writer::Native,
        transactor: Transactor::Native,
        configs: vec![config("root", "/"), config("home", "/home")],
        timers: vec![
            timer("transactional-update.timer", "daily", 7200),
            timer("snapper-cleanup.timer", "OnBootSec=10m, OnUnitActiveSec=1h", 0),
        ],
        nightly: match system.capabilities.has(Capability::Updates) {
            true => nightly,
            false => Nightly::Nobody,
        },
        update_method: "dup".to_owned(),
        reboot_method: "notify".to_owned(),
        last_run: Some(NightlyRun {
            began: "2026-03-01 02:10:01".to_owned(),
            result: RunResult::NothingToDo,
            detail: "zypper: nothing to update".to_owned(),
        }),
        restart: match pending {
            true => RestartLevel::Reboot,
            false => RestartLevel::None,
        },
        reboot_manager: Some(RebootManager {
            strategy: "off".to_owned(),
            window_start: "03:30".to_owned(),
            window_duration: 5400,
            requested: false,
            time: String::new(),
        }),
        health: Some(Health {
            last_working: system.booted,
            ..Health::default()
        }),
    })
}

pub(super) fn set_nightly(engine: &SimEngine, ours: bool) -> Result<Outcome<()>, Error> {
    if engine.machine().starts_writable() {
        return Err(model::RefusalCode::NoPackageManager.into());
    }
    let mut machine = engine.machine();
    if machine.nightly_is_ours == ours {
        return Ok(Outcome::Unchanged);
    }
    machine.nightly_is_ours = ours;
    Ok(Outcome::Changed(()))
}
