// SPDX-License-Identifier: GPL-3.0-or-later
//! Packages over the bus: found, planned, installed and removed.

use crate::fixture::{Machine, Stage};
use crate::{trial, trial_with};
use client::Error;
use engine::sim::Stock;
use engine::{Engine as _, Fault, Scenario};
use libtest_mimic::Trial;
use model::{
    ChangeKind, Ending, FailureCode, JobKind, Machine as After, PackageWish, Phase, RefusalCode, SnapshotId,
    WishKind,
};
use std::collections::HashMap;
use wire::name::action;
use zbus::Variant;

pub(crate) fn trials(bus: &Result<(), String>) -> Vec<Trial> {
    vec![
        trial_with("packages: found, planned and installed", bus, installed),
        trial_with("packages: what else goes is agreed to first", bus, removed),
        trial_with("packages: nobody looks while a job changes them", bus, busy),
        trial("packages: what cannot be a name reaches nothing", names),
        trial("packages: results have bounds", bounds),
    ]
}

fn wish(kind: WishKind, names: &[&str]) -> PackageWish {
    PackageWish::new(kind, names.iter().map(|it| (*it).to_owned()))
}

async fn installed() {
    let stage = Stage::new(Scenario::Pending).await;
    let found = stage.client.search("VIM", 10).await.unwrap();
    let names: Vec<_> = found.packages.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["vim", "vim-data-common", "neovim"]);
    assert!(found.packages[0].summary == "Vi IMproved" && found.packages[0].installed.is_empty());
    let wish = wish(WishKind::Install, &["vim"]);
    let plan = stage.client.plan_packages(&wish).await.unwrap();
    let names: Vec<_> = plan
        .packages
        .iter()
        .map(|it| (it.name.as_str(), it.kind))
        .collect();
    assert_eq!(
        names,
        [("vim", ChangeKind::Added), ("vim-data-common", ChangeKind::Added)]
    );
    // Looking asked nobody for a password.
    assert_eq!(stage.machine.authority.asked(), []);
    let id = stage.client.change_packages(&wish, false).await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine, outcome.snapshot),
        (Ending::Done, After::NewSystem, Some(SnapshotId(43)))
    );
    assert_eq!(stage.machine.authority.asked(), [(action::INSTALL, true)]);
    let state = stage.client.view().state;
    assert_eq!(state.jobs[&id].kind, JobKind::Install);
    assert_eq!(state.snapshots[&SnapshotId(43)].description, "Installed: vim");
    // What waited for the restart was continued.
    assert_eq!(state.pending_updates().len(), 3);
    let id = stage.client.change_packages(&wish, false).await.unwrap();
    assert_eq!(
        stage.client.wait(id).await.unwrap().ending,
        Ending::NothingChanged
    );
    let unknown = PackageWish::new(WishKind::Install, ["vi".to_owned()]);
    let Err(Error::Failed(failure)) = stage.client.plan_packages(&unknown).await else {
        panic!("there is no vi");
    };
    assert_eq!(
        (failure.code, failure.args["package"].as_str()),
        (FailureCode::UnknownPackage, "vi")
    );
}

async fn removed() {
    let stage = Stage::new(Scenario::Normal).await;
    let mut wish = wish(WishKind::Remove, &["kwin6"]);
    let plan = stage.client.plan_packages(&wish).await.unwrap();
    let names: Vec<_> = plan.packages.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["kwin6", "plasma6-desktop", "plasma6-workspace"]);
    let before = stage.client.view().state;
    let id = stage.client.change_packages(&wish, false).await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    let failure = outcome.failure.unwrap();
    assert_eq!(
        (outcome.ending, failure.code, failure.args["reason"].as_str()),
        (
            Ending::Undone,
            FailureCode::Refused,
            RefusalCode::RemovesMore.as_str()
        )
    );
    let system = stage.machine.engine.system().unwrap();
    assert_eq!(
        (&system.snapshots, system.default),
        (&before.snapshots, before.default)
    );
    wish.removes = names.iter().map(|it| (*it).to_owned()).collect();
    let id = stage.client.change_packages(&wish, false).await.unwrap();
    let outcome = stage.client.wait(id).await.unwrap();
    assert_eq!(
        (outcome.ending, outcome.machine),
        (Ending::Done, After::NewSystem)
    );
    assert!(
        stage
            .machine
            .authority
            .asked()
            .iter()
            .all(|(it, _)| *it == action::REMOVE)
    );
    let essential = PackageWish::new(WishKind::Remove, ["glibc".to_owned()]);
    let Err(Error::Failed(failure)) = stage.client.plan_packages(&essential).await else {
        panic!("glibc stays");
    };
    assert_eq!(failure.code, FailureCode::Essential);
}

async fn busy() {
    let mut stage = Stage::new(Scenario::Normal).await;
    stage.machine.engine.inject(Phase::Install, Fault::Hang);
    let id = stage.client.update().await.unwrap();
    stage.sees(|view| view.state.working().is_some()).await;
    let busy = Error::Refused(RefusalCode::Busy.into());
    let wish = wish(WishKind::Install, &["htop"]);
    assert_eq!(stage.client.search("vim", 10).await, Err(busy.clone()));
    assert_eq!(stage.client.plan_packages(&wish).await, Err(busy.clone()));
    let asked = stage.machine.authority.asked();
    assert_eq!(stage.client.change_packages(&wish, false).await, Err(busy));
    assert_eq!(stage.machine.authority.asked(), asked);
    stage.machine.engine.release();
    assert_eq!(stage.client.wait(id).await.unwrap().ending, Ending::Done);
    assert_eq!(stage.client.search("htop", 10).await.unwrap().packages.len(), 1);
}

async fn names() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let packages = wire::PackagesProxy::new(&connection).await.unwrap();
    let invalid = |error: zbus::Error| {
        let error = wire::Error::from_reply(&error);
        assert!(matches!(error, Some(wire::Error::Invalid(_))), "{error:?}");
    };
    let many = vec!["a"; PackageWish::NAMES + 1];
    for names in [
        &["-y"][..],
        &["--root=/"],
        &["vim; reboot"],
        &["vim", "/tmp/x.rpm"],
        &["v*"],
        &[""],
        &[],
        &many,
    ] {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        invalid(packages.install(&names, HashMap::new()).await.unwrap_err());
        invalid(packages.remove(&names, HashMap::new()).await.unwrap_err());
        for what in ["install", "remove"] {
            invalid(packages.plan(what, &names).await.unwrap_err());
        }
        if !names.is_empty() {
            let options = HashMap::from([("removes", Variant::from(names))]);
            let vim = ["vim".to_owned()];
            let reply = packages.install(&vim, options).await;
            // So many may go, but each has to be a name.
            if let Err(error) = reply {
                invalid(error);
            }
        }
    }
    let vim = ["vim".to_owned()];
    invalid(packages.plan("purge", &vim).await.unwrap_err());
    let unknown = HashMap::from([("force", Variant::from(true))]);
    invalid(packages.install(&vim, unknown).await.unwrap_err());
    let wrong = HashMap::from([("removes", Variant::from("vim"))]);
    invalid(packages.remove(&vim, wrong).await.unwrap_err());
    for text in ["", "   ", "a\u{7}", &"x".repeat(129)] {
        invalid(packages.search(text, 10).await.unwrap_err());
    }
}

async fn bounds() {
    let machine = Machine::new(Scenario::Normal);
    let stock = (0..700).map(|number| Stock::new(&format!("many-{number}"), "1", "One of many"));
    machine.engine.outside().stock(stock);
    let (_served, connection) = machine.p2p().await;
    let packages = wire::PackagesProxy::new(&connection).await.unwrap();
    for (limit, count) in [(0, 1), (3, 3), (u32::MAX, 500)] {
        let (found, more) = packages.search("many-", limit).await.unwrap();
        assert_eq!((found.len(), more as usize), (count, 700 - count));
    }
}
