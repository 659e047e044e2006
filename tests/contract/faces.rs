// SPDX-License-Identifier: GPL-3.0-or-later
//! The client folds what the helper tells into the state that the helper has.

use crate::fixture::{Machine, Stage, ready_client, sees};
use crate::trial_with;
use client::{Bus, Client, Link};
use engine::{Scenario, System};
use libtest_mimic::Trial;
use model::{Check, Edit, SnapshotId, State};
use std::time::{Duration, Instant};
use support::bus::PrivateBus;

pub(crate) fn trials(bus: &Result<(), String>) -> Vec<Trial> {
    vec![
        trial_with(
            "faces: every scenario arrives as the engine tells it",
            bus,
            everything,
        ),
        trial_with("faces: changes by others arrive", bus, outside),
        trial_with(
            "faces: what is known about updates holds for its default only",
            bus,
            updates_of_a_default,
        ),
        trial_with(
            "faces: the result of a check outlives the helper",
            bus,
            remembered_check,
        ),
        trial_with("faces: 5,000 snapshots arrive quickly", bus, many),
        trial_with(
            "faces: restarting a simulated system does not reach this machine",
            bus,
            restart,
        ),
    ]
}

fn same(state: &State, system: &System) -> bool {
    let other = system.to_state();
    (&state.snapshots, state.booted, state.default, &state.capabilities)
        == (&other.snapshots, other.booted, other.default, &other.capabilities)
}

async fn everything() {
    for scenario in Scenario::ALL {
        if matches!(scenario, Scenario::Many | Scenario::Leftover) {
            continue;
        }
        let stage = Stage::new(*scenario).await;
        let system = engine::Engine::system(&*stage.machine.engine).unwrap();
        assert!(same(&stage.client.view().state, &system), "{}", scenario.name());
    }
}

async fn outside() {
    let mut stage = Stage::new(Scenario::Normal).await;
    let outside = stage.machine.engine.clone();
    let outside = outside.outside();
    let id = outside.create("by snapper");
    stage.sees(|view| view.state.snapshots.contains_key(&id)).await;
    outside.edit(
        id,
        &Edit {
            description: Some("renamed".into()),
            ..Edit::default()
        },
    );
    stage
        .sees(|view| view.state.snapshots[&id].description == "renamed")
        .await;
    assert!(outside.delete(id));
    stage.sees(|view| !view.state.snapshots.contains_key(&id)).await;
    assert!(outside.set_default(SnapshotId(31)));
    stage
        .sees(|view| view.state.pending() == Some(SnapshotId(31)))
        .await;
    stage.machine.engine.restart();
    stage.sees(|view| view.state.booted == Some(SnapshotId(31))).await;
    // Nobody was asked: it was not us.
    assert_eq!(stage.machine.authority.asked(), []);
    let system = engine::Engine::system(&*stage.machine.engine).unwrap();
    assert!(same(&stage.client.view().state, &system));
}

async fn updates_of_a_default() {
    let mut stage = Stage::new(Scenario::Normal).await;
    let id = stage.client.check().await.unwrap();
    stage.client.wait(id).await.unwrap();
    let found = stage.client.view().state.updates.clone();
    assert!(found.check == Check::Done && !found.set.is_empty());
    assert!(stage.machine.engine.outside().set_default(SnapshotId(31)));
    let view = stage
        .sees(|view| view.state.default == Some(SnapshotId(31)))
        .await;
    let view = match view.state.updates.check {
        Check::Never => view,
        _ => stage.sees(|view| view.state.updates.check == Check::Never).await,
    };
    assert!(view.state.updates.set.is_empty() && view.state.updates.succeeded == found.succeeded);
    // Back to where it was made for, it holds again.
    assert!(stage.machine.engine.outside().set_default(SnapshotId(38)));
    let view = stage.sees(|view| view.state.updates.check == Check::Done).await;
    assert_eq!(view.state.updates, found);
}

async fn remembered_check() {
    let machine = Machine::new(Scenario::Normal);
    let bus = PrivateBus::start().unwrap();
    let served = machine.on(&bus).await;
    let (client, mut view) = ready_client(&bus).await;
    let id = client.check().await.unwrap();
    client.wait(id).await.unwrap();
    let found = client.view().state.updates.clone();
    let connection = served.connection().clone();
    connection.close().await.unwrap();
    sees(&mut view, |view| matches!(view.link, Link::Lost { .. })).await;
    // What was seen last stays on show.
    assert_eq!(client.view().state.updates, found);
    let _next = machine.on(&bus).await;
    let view = sees(&mut view, |view| view.link == Link::Ready).await;
    assert_eq!(view.state.updates, found);
    assert!(
        view.state.jobs.contains_key(&id),
        "the jobs of the last helper are remembered"
    );
}

async fn many() {
    let machine = Machine::new(Scenario::Many);
    let bus = PrivateBus::start().unwrap();
    let _served = machine.on(&bus).await;
    let began = Instant::now();
    let (client, mut view) = Client::start(Bus::Address(bus.address()));
    sees(&mut view, |view| view.link == Link::Ready).await;
    let time = began.elapsed();
    assert_eq!(client.view().state.snapshots.len(), 5000);
    // Debug builds on a loaded machine take a few hundred milliseconds.
    assert!(time < Duration::from_secs(5), "{time:?}");
}

async fn restart() {
    let stage = Stage::new(Scenario::Normal).await;
    // There is no logind on this bus, and no other bus is asked.
    assert!(matches!(
        stage.client.restart().await,
        Err(client::Error::Disconnected(_))
    ));
    assert!(client::session::prompt_restart(&stage.client).await.is_err());
}
