// SPDX-License-Identifier: GPL-3.0-or-later
//! The life of a job, as a client on a real bus sees it.

use crate::fixture::{Machine, Stage, ready_client, sees};
use crate::{trial, trial_with};
use client::{Error, Link};
use engine::{Fault, Scenario};
use futures_util::StreamExt;
use libtest_mimic::Trial;
use model::{
    Check, Ending, Failure, FailureCode, JobId, JobKind, JobState, Machine as After, NewSnapshot, Phase,
    RefusalCode, SnapshotId, Status,
};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) fn trials(bus: &Result<(), String>) -> Vec<Trial> {
    vec![
        trial_with("jobs: an update reports progress, log and outcome", bus, life),
        trial_with(
            "jobs: progress and log are told at most ten times a second",
            bus,
            coalesced,
        ),
        trial_with("jobs: busy is said before any password", bus, busy),
        trial_with("jobs: of two that were authorized together one starts", bus, race),
        trial_with(
            "jobs: cancelling ends the job and leaves the old system",
            bus,
            cancelled,
        ),
        trial_with("jobs: a job goes on when its client disappears", bus, orphaned),
        trial_with("jobs: a panic ends one job and not the helper", bus, panicking),
        trial_with(
            "jobs: a failed update says so and leaves the old system",
            bus,
            failing,
        ),
        trial_with(
            "jobs: an update takes over from a check that runs",
            bus,
            superseded,
        ),
        trial_with("jobs: a second check joins the first", bus, joined),
        trial_with(
            "jobs: the last twenty stay on the bus, more in the history",
            bus,
            remembered,
        ),
        trial(
            "jobs: stopping cancels what can be cancelled and waits for the rest",
            stopping,
        ),
        trial("jobs: leftovers are removed at the start, as a job", leftovers),
        trial(
            "jobs: what was running when the helper died is reported as interrupted",
            interrupted,
        ),
    ]
}

async fn life() {
    let mut stage = Stage::new(Scenario::Normal).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut view = stage.view.clone();
    let record = seen.clone();
    let watcher = tokio::spawn(async move {
        while view.changed().await.is_ok() {
            let job = view.borrow_and_update().state.jobs.get(&JobId(1)).cloned();
            record.lock().unwrap().extend(job);
        }
    });
    // Held in two phases, so that both can be seen.
    for phase in [Phase::Download, Phase::Install] {
        stage.machine.engine.inject(phase, Fault::Hang);
    }
    let client = stage.client.clone();
    let id = client.update().await.unwrap();
    assert!(
        stage.client.view().state.jobs.contains_key(&id),
        "an accepted job shows at once"
    );
    let at = |phase| {
        move |view: &client::View| {
            view.state.jobs[&JobId(1)]
                .progress()
                .is_some_and(|progress| progress.phase == phase)
        }
    };
    let early = stage.sees(at(Phase::Download)).await;
    assert!(matches!(
        early.state.jobs[&id].state,
        JobState::Running {
            cancellable: true,
            ..
        }
    ));
    assert!(matches!(
        Status::of(&early.state, early.state.jobs[&id].started),
        Status::Working { .. }
    ));
    let lines = tokio::spawn(client.log_stream(id).collect::<Vec<_>>());
    stage.machine.engine.release();
    stage.sees(at(Phase::Install)).await;
    stage.machine.engine.release();
    let outcome = client.wait(id).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine),
        (Ending::Done, After::NewSystem)
    );
    let state = client.view().state;
    // Whoever sees the end sees what it brought.
    assert_eq!(
        (state.default, state.booted),
        (outcome.snapshot, Some(SnapshotId(38)))
    );
    assert_eq!(
        state.pending_updates(),
        outcome.snapshot.into_iter().collect::<Vec<_>>()
    );
    assert_eq!(
        (&state.updates.check, state.updates.set.is_empty()),
        (&Check::Done, true)
    );
    let lines = lines.await.unwrap();
    let (next, _) = client.log(id, u64::MAX).await.unwrap();
    let (_, all) = client.log(id, 0).await.unwrap();
    assert!(next > 0 && lines == all && lines.len() > 3, "{lines:?}");
    watcher.abort();
    let seen = seen.lock().unwrap();
    let permilles: Vec<_> = seen.iter().filter_map(|job| job.progress()?.permille).collect();
    assert!(
        permilles.is_sorted() && permilles.iter().all(|it| *it <= 1000),
        "{permilles:?}"
    );
}

async fn coalesced() {
    let stage = Stage::new(Scenario::Normal).await;
    stage.machine.engine.set_speed(engine::sim::Speed::Real);
    let rule = zbus::MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .path_namespace(wire::name::JOBS)
        .build()
        .unwrap();
    let listener = zbus::connection::Builder::address(stage.bus.address().as_str())
        .build()
        .await
        .unwrap();
    let mut signals = zbus::MessageStream::for_match_rule(rule, &listener, None)
        .await
        .unwrap();
    stage.client.update().await.unwrap();
    let (began, mut count) = (Instant::now(), std::collections::BTreeMap::new());
    while began.elapsed() < Duration::from_secs(4) {
        if let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_millis(100), signals.next()).await
        {
            *count
                .entry(message.header().member().unwrap().to_string())
                .or_insert(0) += 1;
        }
    }
    // A phase that begins is told at once: a few more than ten a second.
    assert!((5..=60).contains(&count["PropertiesChanged"]), "{count:?}");
    assert!((1..=45).contains(&count["Log"]), "{count:?}");
}

async fn busy() {
    let mut stage = Stage::new(Scenario::Normal).await;
    stage.machine.engine.inject(Phase::Install, Fault::Hang);
    stage.client.update().await.unwrap();
    stage.sees(|view| view.state.working().is_some()).await;
    let asked = stage.machine.authority.asked();
    assert_eq!(asked, [(wire::name::action::UPDATE, true)]);
    let (other, _) = ready_client(&stage.bus).await;
    for reply in [
        other.update().await,
        other.create(&NewSnapshot::default()).await,
        other.delete(&[SnapshotId(31)]).await,
        other.roll_back(SnapshotId(31)).await,
    ] {
        assert_eq!(reply, Err(Error::Refused(RefusalCode::Busy.into())));
    }
    assert_eq!(stage.machine.authority.asked(), asked);
    // Reading goes on.
    assert_eq!(
        other.plan_rollback(SnapshotId(31)).await.unwrap().target,
        SnapshotId(31)
    );
    assert!(
        !other
            .package_changes(Some(SnapshotId(31)), None)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn race() {
    let stage = Stage::new(Scenario::Normal).await;
    stage.machine.authority.take(Duration::from_millis(300));
    stage.machine.engine.inject(Phase::Install, Fault::Hang);
    let (other, _) = ready_client(&stage.bus).await;
    let (first, second) = tokio::join!(stage.client.update(), other.update());
    let accepted = [&first, &second].iter().filter(|reply| reply.is_ok()).count();
    assert_eq!(accepted, 1, "{first:?} {second:?}");
    let refused = first.and(second).unwrap_err();
    assert_eq!(refused, Error::Refused(RefusalCode::Busy.into()));
    assert_eq!(stage.machine.authority.asked().len(), 2);
}

async fn cancelled() {
    let mut stage = Stage::new(Scenario::Normal).await;
    let before = stage.client.view().state;
    stage.machine.engine.inject(Phase::Install, Fault::Hang);
    let id = stage.client.update().await.unwrap();
    stage.client.cancel(id).await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine, outcome.failure),
        (Ending::Cancelled, After::OldSystem, None)
    );
    let after = stage
        .sees(|view| view.state.snapshots.len() == before.snapshots.len())
        .await
        .state;
    assert_eq!(
        (&after.snapshots, after.default),
        (&before.snapshots, before.default)
    );
    let late = stage.client.cancel(id).await;
    assert_eq!(late, Err(Error::Refused(RefusalCode::TooLate.into())));
    // The caller's own job: nobody was asked.
    assert_eq!(
        stage.machine.authority.asked(),
        [(wire::name::action::UPDATE, true)]
    );
}

async fn orphaned() {
    let mut stage = Stage::new(Scenario::Normal).await;
    stage.machine.engine.inject(Phase::Download, Fault::Hang);
    let id = {
        let connection = zbus::connection::Builder::address(stage.bus.address().as_str())
            .build()
            .await
            .unwrap();
        let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
        let (id, _) = updates.install(Default::default()).await.unwrap();
        connection.close().await.unwrap();
        JobId(id)
    };
    stage.sees(|view| view.state.working().is_some()).await;
    stage.machine.engine.release();
    let outcome = stage.client.wait(id).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine),
        (Ending::Done, After::NewSystem)
    );
}

async fn panicking() {
    let mut stage = Stage::new(Scenario::Normal).await;
    let before = stage.client.view().state;
    stage.machine.engine.inject(Phase::Install, Fault::Panic);
    let id = stage.client.update().await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine),
        (Ending::NeedsAttention, After::OldSystem)
    );
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.code, FailureCode::Internal);
    assert!(failure.detail.contains("scripted panic"), "{failure:?}");
    // What the panic left is gone, and the next job runs.
    let after = stage
        .sees(|view| view.state.snapshots.len() == before.snapshots.len())
        .await;
    assert_eq!(after.state.snapshots, before.snapshots);
    let id = stage.client.update().await.unwrap();
    assert_eq!(stage.client.wait(id).await.unwrap().ending, Ending::Done);
}

async fn failing() {
    let mut stage = Stage::new(Scenario::Failing).await;
    let before = stage.client.view().state;
    let id = stage.client.update().await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine, outcome.snapshot),
        (Ending::Undone, After::OldSystem, None)
    );
    let failure = outcome.failure.unwrap();
    assert_eq!(
        (failure.code, failure.args["package"].as_str()),
        (FailureCode::PackageScript, "kernel-default")
    );
    let after = stage
        .sees(|view| view.state.snapshots.len() == before.snapshots.len())
        .await;
    assert_eq!(after.state.default, before.default);
    // A script that fails says nothing about the repositories.
    assert_eq!(after.state.updates.check, Check::Never);
    let network = Failure::new(FailureCode::Network, "no route to host");
    stage
        .machine
        .engine
        .outside()
        .fail_always(Phase::Refresh, Some(network.clone()));
    let id = stage.client.check().await.unwrap();
    assert_eq!(stage.client.wait(id).await.unwrap().ending, Ending::Undone);
    let updates = stage.client.view().state.updates.clone();
    assert_eq!(
        (updates.check, updates.succeeded),
        (Check::Failed { failure: network }, None)
    );
}

async fn superseded() {
    let mut stage = Stage::new(Scenario::Normal).await;
    stage.machine.engine.inject(Phase::Refresh, Fault::Hang);
    let check = stage.client.check().await.unwrap();
    // Only once the check hangs: one that is stopped before would leave that to the update.
    stage
        .sees(|view| {
            view.state.jobs[&check]
                .progress()
                .is_some_and(|it| it.phase == Phase::Refresh)
        })
        .await;
    let update = stage.client.update().await.unwrap();
    assert_eq!(stage.client.wait(check).await.unwrap().ending, Ending::Cancelled);
    assert_eq!(stage.client.wait(update).await.unwrap().ending, Ending::Done);
}

async fn joined() {
    let mut stage = Stage::new(Scenario::Normal).await;
    stage.machine.engine.inject(Phase::Refresh, Fault::Hang);
    let (other, _) = ready_client(&stage.bus).await;
    let first = stage.client.check().await.unwrap();
    // Only once the engine is inside: a release before the hang would be used up by it.
    stage
        .sees(|view| {
            view.state.jobs[&first]
                .progress()
                .is_some_and(|it| it.phase == Phase::Refresh)
        })
        .await;
    assert_eq!(other.check().await, Ok(first));
    stage.machine.engine.release();
    let outcome = other.wait(first).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine),
        (Ending::Done, After::OldSystem)
    );
    let view = sees(&mut stage.view, |view| view.state.updates.check == Check::Done).await;
    assert!(view.state.updates.set.security_count() > 0);
}

async fn remembered() {
    let mut stage = Stage::new(Scenario::Normal).await;
    for _ in 0..23 {
        let id = stage.client.create(&NewSnapshot::default()).await.unwrap();
        stage.client.wait(id).await.unwrap();
    }
    let view = stage.sees(|view| view.state.jobs.len() == 20).await;
    let ids: Vec<_> = view.state.jobs.keys().map(|id| id.0).collect();
    assert_eq!(ids, (4..=23).collect::<Vec<_>>());
    assert_eq!(stage.client.history(100).await.unwrap().len(), 23);
    // Waiting for one that is forgotten finds it in the history.
    assert_eq!(stage.client.wait(JobId(1)).await.unwrap().ending, Ending::Done);
    assert!(stage.client.wait(JobId(99)).await.is_err());
    assert_eq!(view.link, Link::Ready);
}

async fn stopping() {
    let machine = Machine::new(Scenario::Normal);
    let (served, connection) = machine.p2p().await;
    let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
    machine.engine.inject(Phase::Install, Fault::Hang);
    let (id, _) = updates.install(Default::default()).await.unwrap();
    served.stop().await;
    let manager = wire::ManagerProxy::new(&connection).await.unwrap();
    let jobs = manager.list_jobs().await.unwrap();
    assert_eq!((jobs[0].id, jobs[0].outcome.ending.as_str()), (id, "cancelled"));
}

async fn leftovers() {
    let machine = Machine::new(Scenario::Leftover);
    let (_served, connection) = machine.p2p().await;
    let manager = wire::ManagerProxy::new(&connection).await.unwrap();
    let snapshots = wire::SnapshotsProxy::new(&connection).await.unwrap();
    let job = loop {
        let jobs = manager.list_jobs().await.unwrap();
        let job = jobs.into_iter().find(|job| job.kind == "recover").unwrap();
        if !job.outcome.ending.is_empty() {
            break job;
        }
    };
    assert_eq!(
        (job.uid, job.outcome.ending.as_str(), job.outcome.machine.as_str()),
        (0, "done", "old-system")
    );
    let list = snapshots.list().await.unwrap();
    assert!(
        list.iter()
            .all(|it| !it.userdata.contains_key("transactional-update-in-progress"))
    );
    assert_eq!(list.len(), 25);
}

async fn interrupted() {
    let machine = Machine::new(Scenario::Normal);
    machine.engine.inject(Phase::Install, Fault::Hang);
    let (served, connection) = machine.p2p().await;
    let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
    let (id, _) = updates.install(Default::default()).await.unwrap();
    // As if it were killed: nothing of it runs on, and its history has no end for the job.
    let after = Machine {
        patience: helper::PATIENCE,
        engine: Machine::new(Scenario::Leftover).engine,
        authority: machine.authority.clone(),
        dir: tempfile::tempdir().unwrap(),
    };
    std::fs::copy(
        machine.dir.path().join("history.jsonl"),
        after.dir.path().join("history.jsonl"),
    )
    .unwrap();
    drop((served, connection));
    let (_served, connection) = after.p2p().await;
    let history = wire::HistoryProxy::new(&connection).await.unwrap();
    let past = history.list(10).await.unwrap();
    let job = past.iter().find(|job| job.id == id).unwrap();
    assert_eq!(
        (job.kind.as_str(), job.outcome.ending.as_str()),
        (JobKind::Update.as_str(), "undone")
    );
    assert_eq!(
        (job.outcome.failure.code.as_str(), job.outcome.machine.as_str()),
        ("interrupted", "old-system")
    );
    let jobs = wire::ManagerProxy::new(&connection)
        .await
        .unwrap()
        .list_jobs()
        .await
        .unwrap();
    assert!(jobs.iter().any(|it| it.kind == "recover" && it.id > id));
}
