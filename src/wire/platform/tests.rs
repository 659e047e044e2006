// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use model::SnapshotId;

fn full() -> model::Platform {
    model::Platform {
        tools: Tool::ALL.iter().copied().collect(),
        etc: EtcLayout::Nested,
        read_only_root: true,
        writer: Writer::Snapperd,
        transactor: Transactor::Tukit,
        configs: vec![model::SnapperConfig {
            name: "root".into(),
            subvolume: "/".into(),
        }],
        timers: vec![model::Timer {
            unit: "a.timer".into(),
            enabled: true,
            schedule: "daily".into(),
            delay: 7200,
            last: Some(Timestamp(5)),
        }],
        nightly: Nightly::Kedge,
        update_method: "dup".into(),
        reboot_method: "auto".into(),
        last_run: Some(model::NightlyRun {
            began: "2026-03-01 02:10:01".into(),
            result: RunResult::Failed,
            detail: "ERROR: no".into(),
        }),
        restart: RestartLevel::Kexec,
        reboot_manager: Some(model::RebootManager {
            strategy: "off".into(),
            window_start: "03:30".into(),
            window_duration: 5400,
            requested: true,
            time: "soon".into(),
        }),
        health: Some(model::Health {
            rolled_back: true,
            failed: Some(SnapshotId(7)),
            last_working: Some(SnapshotId(6)),
            restarted: "x".into(),
            reasons: vec!["y".into()],
        }),
    }
}

#[test]
fn a_machine_crosses_the_bus_unchanged() {
    for platform in [full(), model::Platform::default()] {
        assert_eq!(model::Platform::from(Platform::from(&platform)), platform);
    }
    assert_eq!(
        Platform::SIGNATURE.to_string(),
        "(assbssa(ss)a(sbstt)s(ss)(sss)s(sstbs)(bbuusas))"
    );
}

#[test]
fn what_a_newer_helper_says_is_tolerated() {
    let mut platform = Platform::from(&full());
    platform.tools.push("gizmo".into());
    for code in [
        &mut platform.etc,
        &mut platform.writer,
        &mut platform.transactor,
        &mut platform.nightly,
        &mut platform.restart,
        &mut platform.last_run.1,
    ] {
        *code = "gizmo".into();
    }
    let known = model::Platform::from(platform);
    assert_eq!(known.tools, full().tools);
    assert_eq!((known.etc, known.writer), (EtcLayout::Plain, Writer::Native));
    assert_eq!(known.restart, RestartLevel::Reboot);
    assert_eq!(known.last_run.unwrap().result, RunResult::Unfinished);
}
