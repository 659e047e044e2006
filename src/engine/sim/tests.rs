// SPDX-License-Identifier: GPL-3.0-or-later
//! What only the simulation has: its scenarios, its clock, its faults. What every engine must do is tested in
//! `tests/engine/`.

use super::*;
use crate::{Cancel, Report};
use model::{Failure, FailureCode, Progress, Status, Timestamp};
use std::time::Duration;

#[derive(Default)]
struct Recorder(Mutex<(Vec<Progress>, Vec<String>)>);

impl Report for Recorder {
    fn progress(&self, progress: Progress) {
        self.0.lock().unwrap().0.push(progress);
    }

    fn log(&self, line: &str) {
        self.0.lock().unwrap().1.push(line.to_owned());
    }
}

fn run<T>(job: impl FnOnce(&Context<'_>) -> T) -> (T, Vec<Progress>, Vec<String>) {
    let (report, cancel) = (Recorder::default(), Cancel::new().unwrap());
    let result = job(&Context {
        report: &report,
        cancel: &cancel,
    });
    let (progress, log) = report.0.into_inner().unwrap();
    (result, progress, log)
}

#[test]
fn every_scenario_has_a_name_and_shows_its_state() {
    let status = |scenario: Scenario| {
        let engine = SimEngine::new(scenario);
        let mut state = engine.system().unwrap().to_state();
        state.updates.attempted = Some(engine.clock().now());
        match run(|context| engine.check(context)).0 {
            Ok(set) => {
                state.updates.check = model::Check::Done;
                state.updates.succeeded = Some(engine.clock().now());
                state.updates.set = set;
            }
            Err(error) => {
                let failure = error.failure();
                state.updates.check = model::Check::Failed { failure };
            }
        }
        Status::of(&state, engine.clock().now()).code()
    };
    for scenario in Scenario::ALL {
        assert_eq!(Scenario::from_name(scenario.name()), Some(*scenario));
        let expected = match scenario {
            Scenario::Pending => "update-pending",
            Scenario::RollbackPending => "rollback-pending",
            Scenario::Offline => "could-not-check",
            Scenario::NoUpdates => "up-to-date",
            Scenario::DatabaseOutside => "no-updates",
            _ => "available",
        };
        assert_eq!(status(*scenario), expected, "{}", scenario.name());
    }
    assert_eq!(Scenario::from_name("nonsense"), None);
}

#[test]
fn the_numbers_of_snapshots_are_as_promised() {
    let count = |scenario| SimEngine::new(scenario).system().unwrap().snapshots.len();
    assert_eq!(
        [Scenario::Normal, Scenario::Empty, Scenario::Many].map(count),
        [25, 0, 5_000]
    );
}

#[test]
fn history_is_in_order_and_in_the_past() {
    for scenario in Scenario::ALL {
        let system = SimEngine::new(*scenario).system().unwrap();
        let mut last = Timestamp(0);
        for snapshot in system.snapshots.values() {
            assert!(
                snapshot.time >= last && snapshot.time < scenario::MORNING,
                "{snapshot:?}"
            );
            last = snapshot.time;
        }
    }
}

#[test]
fn a_clock_stands_still_until_it_is_moved_or_told_to_tick() {
    let clock = SimClock::new(Timestamp(5));
    assert_eq!(clock.now(), Timestamp(5));
    clock.advance(Duration::from_micros(7));
    assert_eq!(clock.now(), Timestamp(12));
    clock.set(Timestamp(3));
    assert_eq!(clock.clone().now(), Timestamp(3));
    clock.tick();
    std::thread::sleep(Duration::from_millis(2));
    assert!(clock.now() >= Timestamp(2_003));
}

#[test]
fn an_update_goes_through_all_phases_and_its_number_never_falls() {
    let engine = SimEngine::new(Scenario::Normal);
    let (result, progress, log) = run(|context| engine.update(context));
    assert_eq!(result.unwrap(), Outcome::Changed(SnapshotId(41)));
    let mut phases: Vec<_> = progress.iter().map(|it| it.phase).collect();
    phases.dedup();
    assert_eq!(phases, Phase::ALL[..6], "every phase but the clean-up");
    assert!(progress.windows(2).all(|it| it[0].permille <= it[1].permille));
    assert!(log.iter().any(|line| line.contains("kernel-default-6.19.3")));
}

#[test]
fn a_crash_leaves_an_unfinished_snapshot_and_recovery_removes_it() {
    for phase in [
        Phase::Prepare,
        Phase::Refresh,
        Phase::Download,
        Phase::Install,
        Phase::Verify,
        Phase::Commit,
    ] {
        let engine = SimEngine::new(Scenario::Normal);
        let before = engine.system().unwrap();
        engine.inject(phase, Fault::Crash);
        let error = run(|context| engine.update(context)).0.unwrap_err();
        assert!(
            matches!(error, Error::NeedsAttention { .. }),
            "{phase}: {error:?}"
        );
        let system = engine.system().unwrap();
        assert!(system.snapshots[&SnapshotId(41)].is_in_progress());
        assert_eq!(system.default, before.default);
        assert_eq!(engine.recover().unwrap(), Outcome::Changed(vec![SnapshotId(41)]));
        assert_eq!(engine.system().unwrap(), before);
    }
}

#[test]
fn a_panic_leaves_the_engine_usable() {
    let engine = SimEngine::new(Scenario::Normal);
    engine.inject(Phase::Install, Fault::Panic);
    let result = std::thread::scope(|scope| scope.spawn(|| run(|it| engine.update(it)).0).join());
    assert!(result.is_err());
    assert_eq!(engine.recover().unwrap(), Outcome::Changed(vec![SnapshotId(41)]));
    let result = run(|context| engine.update(context)).0.unwrap();
    assert_eq!(result, Outcome::Changed(SnapshotId(41)));
}

#[test]
fn a_hanging_job_waits_for_a_cancellation_or_the_release() {
    let engine = SimEngine::new(Scenario::Normal);
    let before = engine.system().unwrap();
    engine.inject(Phase::Download, Fault::Hang);
    let (report, cancel) = (Recorder::default(), Cancel::new().unwrap());
    let context = Context {
        report: &report,
        cancel: &cancel,
    };
    std::thread::scope(|scope| {
        let job = scope.spawn(|| engine.update(&context));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!job.is_finished());
        assert!(cancel.request());
        assert!(matches!(job.join().unwrap(), Err(Error::Cancelled)));
    });
    assert_eq!(engine.system().unwrap(), before);
    engine.inject(Phase::Commit, Fault::Hang);
    let cancel = Cancel::new().unwrap();
    let context = Context {
        report: &report,
        cancel: &cancel,
    };
    std::thread::scope(|scope| {
        let job = scope.spawn(|| engine.update(&context));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!cancel.request(), "the commit has begun");
        assert!(!job.is_finished());
        engine.release();
        assert!(matches!(job.join().unwrap(), Ok(Outcome::Changed(_))));
    });
}

#[test]
fn a_standing_fault_is_there_every_time_and_a_scripted_one_once() {
    let engine = SimEngine::new(Scenario::Failing);
    for _ in 0..2 {
        let error = run(|context| engine.update(context)).0.unwrap_err();
        let failure = error.failure();
        assert_eq!(failure.code, FailureCode::PackageScript);
        assert_eq!(failure.args["package"], "kernel-default");
    }
    let engine = SimEngine::new(Scenario::Normal);
    engine.inject(
        Phase::Refresh,
        Fault::Fail(Failure::new(FailureCode::Network, "no route to host")),
    );
    assert!(run(|context| engine.check(context)).0.is_err());
    assert!(run(|context| engine.check(context)).0.is_ok());
}

#[test]
fn a_cancelled_demo_update_ends_soon() {
    let engine = SimEngine::demo(Scenario::Normal, scenario::MORNING);
    let (report, cancel) = (Recorder::default(), Cancel::new().unwrap());
    let context = Context {
        report: &report,
        cancel: &cancel,
    };
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        let job = scope.spawn(|| engine.update(&context));
        std::thread::sleep(Duration::from_millis(100));
        cancel.request();
        assert!(matches!(job.join().unwrap(), Err(Error::Cancelled)));
    });
    assert!(started.elapsed() < Duration::from_secs(3));
}
