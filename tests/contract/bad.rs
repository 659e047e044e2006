// SPDX-License-Identifier: GPL-3.0-or-later
//! Strangers and lost connections.

use crate::fixture::{Machine, Stage, ready_client, sees};
use crate::trial_with;
use client::Link;
use engine::{Fault, Scenario};
use libtest_mimic::Trial;
use model::{Ending, Phase, SnapshotId};
use std::time::Duration;
use support::bus::PrivateBus;

pub(crate) fn trials(bus: &Result<(), String>) -> Vec<Trial> {
    vec![
        trial_with("bad: a stranger's signals change nothing", bus, forged),
        trial_with(
            "bad: another helper that takes the name is fetched from anew",
            bus,
            replaced,
        ),
        trial_with(
            "bad: the client finds the helper again after the bus restarted",
            bus,
            bus_restarted,
        ),
        trial_with(
            "bad: a job whose bus went away still ends in the history",
            bus,
            bus_gone_in_a_job,
        ),
        trial_with("bad: many callers at once are all answered", bus, crowd),
    ]
}

async fn forged() {
    let mut stage = Stage::new(Scenario::Normal).await;
    let before = stage.client.view().state;
    let stranger = zbus::connection::Builder::address(stage.bus.address().as_str())
        .build()
        .await
        .unwrap();
    // The client's unique name is not known to a stranger, but easily guessed: all of them are tried.
    for number in 0..20 {
        let target = format!(":1.{number}");
        let gone: (Vec<wire::Snapshot>, Vec<u32>) = (vec![], vec![38, 31]);
        stranger
            .emit_signal(
                Some(target.as_str()),
                wire::name::PATH,
                wire::name::SNAPSHOTS,
                "Changed",
                &gone,
            )
            .await
            .unwrap();
        let body = (wire::name::BUS, ":1.0", "");
        stranger
            .emit_signal(
                Some(target.as_str()),
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                "NameOwnerChanged",
                &body,
            )
            .await
            .unwrap();
    }
    // A true one, after them in the same queue.
    let id = stage.machine.engine.outside().create("true");
    let view = stage.sees(|view| view.state.snapshots.contains_key(&id)).await;
    assert_eq!(view.link, Link::Ready);
    assert!(
        before
            .snapshots
            .keys()
            .all(|id| view.state.snapshots.contains_key(id))
    );
}

async fn replaced() {
    let mut stage = Stage::new(Scenario::Normal).await;
    let other = Machine::new(Scenario::RollbackPending);
    stage
        .served
        .connection()
        .release_name(wire::name::BUS)
        .await
        .unwrap();
    let _other = other.on(&stage.bus).await;
    let view = stage
        .sees(|view| view.link == Link::Ready && view.state.default == Some(SnapshotId(31)))
        .await;
    assert_eq!(view.state.pending(), Some(SnapshotId(31)));
}

async fn bus_restarted() {
    let mut stage = Stage::new(Scenario::Normal).await;
    stage.bus.end();
    stage.sees(|view| matches!(view.link, Link::Lost { .. })).await;
    assert_eq!(
        stage.client.view().state.snapshots.len(),
        25,
        "the last state stays on show"
    );
    let lost = stage.client.update().await.unwrap_err();
    assert!(matches!(lost, client::Error::Disconnected(_)), "{lost:?}");
    stage.bus.resume().unwrap();
    let _served = stage.machine.on(&stage.bus).await;
    stage.sees(|view| view.link == Link::Ready).await;
    let id = stage.client.check().await.unwrap();
    assert_eq!(stage.client.wait(id).await.unwrap().ending, Ending::Done);
}

async fn bus_gone_in_a_job() {
    let mut stage = Stage::new(Scenario::Normal).await;
    stage.machine.engine.inject(Phase::Download, Fault::Hang);
    let id = stage.client.update().await.unwrap();
    stage
        .sees(|view| {
            view.state.jobs[&id]
                .progress()
                .is_some_and(|it| it.phase == Phase::Download)
        })
        .await;
    stage.bus.end();
    stage.sees(|view| matches!(view.link, Link::Lost { .. })).await;
    let waiting = tokio::spawn({
        let client = stage.client.clone();
        async move { client.wait(id).await }
    });
    stage.machine.engine.release();
    let history = stage.machine.dir.path().join("history.jsonl");
    while !std::fs::read_to_string(&history).unwrap().contains("\"done\"") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.bus.resume().unwrap();
    let _served = stage.machine.on(&stage.bus).await;
    let outcome = waiting.await.unwrap().unwrap();
    assert_eq!(outcome.ending, Ending::Done);
}

async fn crowd() {
    let machine = Machine::new(Scenario::Normal);
    let bus = PrivateBus::start().unwrap();
    let _served = machine.on(&bus).await;
    let (client, mut view) = ready_client(&bus).await;
    let calls = (0..60).map(|at| {
        let client = client.clone();
        tokio::spawn(async move {
            match at % 3 {
                0 => client.package_changes(Some(SnapshotId(31)), None).await.map(drop),
                1 => client.plan_rollback(SnapshotId(31)).await.map(drop),
                _ => client.history(1000).await.map(drop),
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    sees(&mut view, |view| view.link == Link::Ready).await;
}
