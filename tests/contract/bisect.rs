// SPDX-License-Identifier: GPL-3.0-or-later
//! The search for the version in which something broke: bounded, guarded, told, and kept.

use crate::calls::ours;
use crate::fixture::Machine;
use crate::trial;
use engine::{Engine as _, Scenario};
use libtest_mimic::Trial;
use model::{Refusal, RefusalCode, SnapshotId};
use std::collections::HashMap;
use wire::name::action;
use wire::{Bisect, Error};
use zbus::Connection;
use zbus::proxy::CacheProperties;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("bisect: a search is guarded, told, and outlives the helper", kept),
        trial(
            "bisect: what makes no sense is refused before anybody is asked",
            refused,
        ),
    ]
}

fn none<V>() -> HashMap<&'static str, V> {
    HashMap::new()
}

async fn proxy(connection: &Connection) -> wire::BisectProxy<'static> {
    let builder = wire::BisectProxy::builder(connection).cache_properties(CacheProperties::No);
    builder.build().await.unwrap()
}

fn ends(machine: &Machine) -> (u32, u32, u32) {
    let system = machine.engine.system().unwrap();
    let ids: Vec<u32> = system.snapshots.keys().map(|id| id.0).collect();
    (ids[0], ids[ids.len() / 2], ids[ids.len() - 1])
}

async fn kept() {
    let machine = Machine::new(Scenario::Normal);
    let (good, middle, bad) = ends(&machine);
    let (served, connection) = machine.p2p().await;
    let it = proxy(&connection).await;
    assert_eq!(it.search().await.unwrap(), Bisect::default());
    it.start(good, bad, none()).await.unwrap();
    assert_eq!(machine.authority.asked(), [(action::BISECT, true)]);
    it.judge(middle, "skip", none()).await.unwrap();
    it.judge(middle - 1, "good", none()).await.unwrap();
    let search = it.search().await.unwrap();
    assert_eq!(
        (search.good, search.bad, search.skipped.as_slice()),
        (middle - 1, bad, &[middle][..])
    );
    assert!(search.began > 0);
    // It starts nothing by itself.
    assert_eq!(machine.engine.system().unwrap().once, None);
    served.stop().await;

    let (_served, connection) = machine.p2p().await;
    let it = proxy(&connection).await;
    assert_eq!(it.search().await.unwrap(), search, "the next helper knows it");
    machine.authority.refuse();
    let refused = Error::NotAuthorized(action::BISECT.into());
    assert_eq!(ours(it.stop(none()).await), refused);
    assert_eq!(ours(it.judge(middle + 1, "bad", none()).await), refused);
    assert_eq!(it.search().await.unwrap(), search);
}

async fn refused() {
    let machine = Machine::new(Scenario::Normal);
    let (good, middle, bad) = ends(&machine);
    let (_served, connection) = machine.p2p().await;
    let it = proxy(&connection).await;
    let refusal = |code, id: Option<u32>| {
        Error::Refused(Refusal {
            code,
            snapshot: id.map(SnapshotId),
        })
    };
    assert_eq!(
        ours(it.start(bad, good, none()).await),
        refusal(RefusalCode::BisectOrder, Some(bad))
    );
    assert_eq!(
        ours(it.start(good, good, none()).await),
        refusal(RefusalCode::BisectOrder, Some(good))
    );
    assert_eq!(
        ours(it.start(good, 9999, none()).await),
        Error::NoSuchSnapshot(SnapshotId(9999))
    );
    assert_eq!(
        ours(it.judge(middle, "good", none()).await),
        refusal(RefusalCode::NoBisect, None)
    );
    assert_eq!(ours(it.stop(none()).await), refusal(RefusalCode::NoBisect, None));
    assert!(matches!(
        ours(it.judge(middle, "perhaps", none()).await),
        Error::Invalid(_)
    ));
    let options = HashMap::from([("fast", true.into())]);
    assert!(matches!(
        ours(it.start(good, bad, options).await),
        Error::Invalid(_)
    ));
    assert_eq!(machine.authority.asked(), []);
    it.start(good, bad, none()).await.unwrap();
    assert_eq!(
        ours(it.start(good, bad, none()).await),
        refusal(RefusalCode::BisectRuns, None)
    );
    for id in [good, bad, 9999] {
        assert_eq!(
            ours(it.judge(id, "bad", none()).await),
            refusal(RefusalCode::NotInBisect, Some(id))
        );
    }
    assert_eq!(machine.authority.asked().len(), 1);
}
