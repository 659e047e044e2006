// SPDX-License-Identifier: GPL-3.0-or-later
//! What snapshots cost, making room, cleaning up, and getting a file back.

use crate::calls::ours;
use crate::fixture::Machine;
use crate::trial;
use engine::{Fault, Scenario};
use libtest_mimic::Trial;
use model::{Phase, Refusal, RefusalCode, SnapshotId};
use std::collections::HashMap;
use std::time::Duration;
use wire::Error;
use wire::name::action;
use zbus::Connection;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("space: sizes are told, and need no authorization", told),
        trial("space: a caller who stops waiting ends the work", stopping),
        trial("space: room is made of what was agreed to", room),
        trial("space: rules are previewed and followed", rules),
        trial("files: one comes back, and nobody chooses where to", restoring),
    ]
}

fn none<V>() -> HashMap<&'static str, V> {
    HashMap::new()
}

async fn ended(connection: &Connection, id: u32) -> wire::Job {
    let manager = wire::ManagerProxy::new(connection).await.unwrap();
    loop {
        let jobs = manager.list_jobs().await.unwrap();
        let job = jobs.into_iter().find(|job| job.id == id).unwrap();
        if !job.outcome.ending.is_empty() {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn numbers(connection: &Connection) -> Vec<u32> {
    let snapshots = wire::SnapshotsProxy::new(connection).await.unwrap();
    let list = snapshots.list().await.unwrap();
    list.iter().map(|it| it.number).collect()
}

async fn told() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let space = wire::SpaceProxy::new(&connection).await.unwrap();
    let (usage,) = space.usage().await.unwrap();
    assert!(usage.size > usage.used && usage.free > 0 && usage.free_least <= usage.free);
    let all = numbers(&connection).await;
    let sizes = space.sizes().await.unwrap();
    assert_eq!(sizes.iter().map(|it| it.0).collect::<Vec<_>>(), all);
    // Two that follow each other free at least what each frees alone.
    let (first, second) = (sizes[2], sizes[3]);
    let (both,) = space.freed(&[first.0, second.0, first.0]).await.unwrap();
    assert!(both.data >= first.1 + second.1 && both.held > 0);
    assert_eq!(
        ours(space.freed(&[9_999]).await),
        Error::NoSuchSnapshot(SnapshotId(9_999))
    );
    assert!(matches!(ours(space.freed(&[]).await), Error::Invalid(_)));
    space.stop().await.unwrap();
    assert_eq!(machine.authority.asked(), []);
}

async fn stopping() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let space = wire::SpaceProxy::new(&connection).await.unwrap();
    machine.engine.inject(Phase::Prepare, Fault::Hang);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        space.stop().await
    };
    let (sizes, stopped) = tokio::join!(space.sizes(), stop);
    stopped.unwrap();
    assert_eq!(ours(sizes), Error::Cancelled);
    // Whoever asks next is served.
    assert!(!space.sizes().await.unwrap().is_empty());
}

async fn room() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let space = wire::SpaceProxy::new(&connection).await.unwrap();
    let (chosen, freed, enough) = space.plan_room(1).await.unwrap();
    assert!(enough && freed.data > 0 && !chosen.is_empty());
    let (most, _, enough) = space.plan_room(u64::MAX).await.unwrap();
    assert!(!enough && most.len() >= chosen.len());
    let before = numbers(&connection).await;
    let default = wire::ManagerProxy::new(&connection)
        .await
        .unwrap()
        .default()
        .await
        .unwrap();
    assert!(!most.contains(&default));
    // One that may not go keeps all from going, before anybody is asked.
    let mut wrong = chosen.clone();
    wrong.push(default);
    let refusal = Refusal::of(RefusalCode::Booted, SnapshotId(default));
    assert_eq!(
        ours(space.make_room(&wrong, none()).await),
        Error::Refused(refusal)
    );
    assert_eq!(machine.authority.asked(), []);
    let (job, _) = space.make_room(&chosen, none()).await.unwrap();
    let job = ended(&connection, job).await;
    assert_eq!(
        (job.kind.as_str(), job.outcome.ending.as_str()),
        ("make-room", "done")
    );
    assert_eq!(machine.authority.asked(), [(action::DELETE, true)]);
    let left: Vec<u32> = before.into_iter().filter(|it| !chosen.contains(it)).collect();
    assert_eq!(numbers(&connection).await, left);
}

async fn rules() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let space = wire::SpaceProxy::new(&connection).await.unwrap();
    let (keeper, named) = space.plan_clean_up().await.unwrap();
    assert_eq!(keeper, "nobody");
    assert!(!named.is_empty());
    assert_eq!(machine.authority.asked(), []);
    let (job, _) = space.clean_up(none()).await.unwrap();
    let job = ended(&connection, job).await;
    assert_eq!(
        (job.kind.as_str(), job.outcome.ending.as_str()),
        ("clean-up", "done")
    );
    let left = numbers(&connection).await;
    assert!(named.iter().all(|(number, _)| !left.contains(number)));
    let (_, named) = space.plan_clean_up().await.unwrap();
    assert_eq!(named, []);
    let (job, _) = space.clean_up(none()).await.unwrap();
    assert_eq!(ended(&connection, job).await.outcome.ending, "nothing-changed");
}

async fn restoring() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let files = wire::FilesProxy::new(&connection).await.unwrap();
    let before = numbers(&connection).await;
    for (file, place) in [
        (b"etc/issue".as_slice(), "/tmp"),
        (b"etc/issue", ""),
        (b"../etc/issue", "beside"),
        (b"", "beside"),
        (b"etc/is\0sue", "replace"),
    ] {
        let reply = files.restore(before[0], file, place, none()).await;
        assert!(matches!(ours(reply), Error::Invalid(_)), "{file:?} {place}");
    }
    let reply = files.restore(9_999, b"etc/issue", "beside", none()).await;
    assert_eq!(ours(reply), Error::NoSuchSnapshot(SnapshotId(9_999)));
    assert_eq!(machine.authority.asked(), []);
    let (job, _) = files
        .restore(before[0], b"/etc/issue", "replace", none())
        .await
        .unwrap();
    let job = ended(&connection, job).await;
    assert_eq!(
        (job.kind.as_str(), job.outcome.ending.as_str()),
        ("restore", "done")
    );
    assert_eq!((job.target, job.outcome.snapshot), (before[0], 0));
    assert_eq!(machine.authority.asked(), [(action::RESTORE, true)]);
    let (job, _) = files
        .restore(before[0], b"etc/none", "beside", none())
        .await
        .unwrap();
    assert_eq!(ended(&connection, job).await.outcome.ending, "undone");
}
