// SPDX-License-Identifier: GPL-3.0-or-later
//! Every method answers, and every error arrives by its name.

use crate::fixture::Machine;
use crate::trial;
use engine::{Fault, Scenario};
use futures_util::StreamExt;
use libtest_mimic::Trial;
use model::{Edit, FailureCode, JobId, NewSnapshot, Phase, PolicyChange, Refusal, RefusalCode, SnapshotId};
use wire::Error;
use wire::name::action;
use zbus::proxy::CacheProperties;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "calls: every method and property answers over a bare socket",
            everything_answers,
        ),
        trial(
            "calls: each verb asks for its own action, and only the caller lets a person be asked",
            actions,
        ),
        trial("calls: every error arrives by its name and with its code", errors),
        trial("calls: reading needs no authorization", reading),
        trial(
            "calls: settings are bounded, guarded, told, stored, and no news when nothing changes",
            settings,
        ),
        trial(
            "calls: what the system cannot do is said by its capabilities",
            capabilities,
        ),
    ]
}

/// The error of ours in a reply.
pub(crate) fn ours<T: std::fmt::Debug>(reply: zbus::Result<T>) -> Error {
    let error = reply.unwrap_err();
    Error::from_reply(&error).unwrap_or_else(|| panic!("not ours: {error:?}"))
}

async fn ended(connection: &zbus::Connection, id: u32) -> wire::Job {
    let manager = wire::ManagerProxy::new(connection).await.unwrap();
    loop {
        let jobs = manager.list_jobs().await.unwrap();
        let job = jobs
            .into_iter()
            .find(|job| job.id == id)
            .expect("the job is there");
        if !job.outcome.ending.is_empty() {
            return job;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn everything_answers() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let c = &connection;
    // Asked every time: a reply may overtake the signal that renews a remembered value.
    let manager = wire::ManagerProxy::builder(c)
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .unwrap();
    manager.subscribe().await.unwrap();
    assert_eq!(manager.version().await.unwrap(), env!("CARGO_PKG_VERSION"));
    assert_eq!(manager.capabilities().await.unwrap()["updates"], "");
    let (booted, default) = (manager.booted().await.unwrap(), manager.default().await.unwrap());
    assert!(booted == default && booted != 0);
    assert_eq!(manager.list_jobs().await.unwrap(), []);

    let snapshots = wire::SnapshotsProxy::new(c).await.unwrap();
    let before = snapshots.list().await.unwrap();
    assert_eq!(before.len(), 25);
    assert!(
        before
            .iter()
            .all(|it| it.uuid.len() == 16 && it.parent_uuid.len() == 16)
    );
    let wish = NewSnapshot {
        pinned: true,
        ..NewSnapshot::default()
    };
    let (id, path) = snapshots
        .create("kept", wire::new_snapshot_options(&wish))
        .await
        .unwrap();
    assert_eq!(path, wire::name::job_path(JobId(id)));
    let created = ended(c, id).await.outcome;
    assert_eq!(
        (created.ending.as_str(), created.machine.as_str()),
        ("done", "old-system")
    );
    let list = snapshots.list().await.unwrap();
    let new = list.iter().find(|it| it.number == created.snapshot).unwrap();
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(
        (
            new.description.as_str(),
            new.uid,
            new.userdata["kedge-pinned"].as_str()
        ),
        ("kept", uid, "yes")
    );
    let edit = Edit {
        description: Some("unpinned".into()),
        pinned: Some(false),
        ..Edit::default()
    };
    let changes = wire::edit_changes(&edit);
    let (id, _) = snapshots
        .edit(new.number, changes, Default::default())
        .await
        .unwrap();
    assert_eq!(ended(c, id).await.outcome.ending, "done");
    let (id, _) = snapshots.delete(&[new.number], Default::default()).await.unwrap();
    assert_eq!(ended(c, id).await.outcome.ending, "done");
    assert_eq!(snapshots.list().await.unwrap(), before);

    let updates = wire::UpdatesProxy::new(c).await.unwrap();
    assert_eq!(updates.get().await.unwrap().0.check, "never");
    let (id, _) = updates.check(Default::default()).await.unwrap();
    assert_eq!(ended(c, id).await.outcome.ending, "done");
    let (known,) = updates.get().await.unwrap();
    assert!(known.check == "done" && !known.packages.is_empty() && known.succeeded > 0);
    let (id, path) = updates.install(Default::default()).await.unwrap();
    let done = ended(c, id).await.outcome;
    assert_eq!(
        (done.ending.as_str(), done.machine.as_str()),
        ("done", "new-system")
    );
    assert_eq!(manager.default().await.unwrap(), done.snapshot);
    assert_eq!(updates.get().await.unwrap().0.packages, []);

    let changes = wire::ChangesProxy::new(c).await.unwrap();
    assert_eq!(
        changes.packages(0, done.snapshot).await.unwrap().len(),
        known.packages.len()
    );
    let job = wire::JobProxy::builder(c).path(path).build().await.unwrap();
    assert_eq!(
        (job.id().await.unwrap(), job.kind().await.unwrap().as_str()),
        (id, "update")
    );
    assert_eq!((job.uid().await.unwrap(), job.target().await.unwrap()), (uid, 0));
    assert!(job.started().await.unwrap() > 0 && !job.cancellable().await.unwrap());
    assert_eq!(job.progress().await.unwrap().permille, -1);
    assert_eq!(job.outcome().await.unwrap(), done);
    let (next, lines) = job.read_log(0).await.unwrap();
    assert!(next as usize == lines.len() && next > 0);
    let history = wire::HistoryProxy::new(c).await.unwrap();
    assert_eq!(
        history.read_log(id, 1).await.unwrap(),
        (next, lines[1..].to_vec())
    );
    assert_eq!(history.read_log(id, next).await.unwrap(), (next, vec![]));
    assert!(matches!(ours(history.read_log(4711, 0).await), Error::Invalid(_)));

    let (id, _) = updates.discard(Default::default()).await.unwrap();
    assert_eq!(ended(c, id).await.outcome.ending, "done");
    let boot = wire::BootProxy::new(c).await.unwrap();
    let target = 31;
    let (plan,) = boot.plan_rollback(target).await.unwrap();
    assert!(plan.target == target && plan.restart == "reboot" && !plan.changes.is_empty());
    assert_eq!(boot.examine(target).await.unwrap(), Vec::<String>::new());
    let (id, _) = boot.try_once(target, Default::default()).await.unwrap();
    assert_eq!(ended(c, id).await.outcome.ending, "done");
    assert_eq!(manager.once().await.unwrap(), target);
    assert_eq!(manager.receipt().await.unwrap(), wire::Receipt::default());
    let (id, _) = boot.try_once(0, Default::default()).await.unwrap();
    assert_eq!(ended(c, id).await.outcome.ending, "done");
    assert_eq!(manager.once().await.unwrap(), 0);
    let (id, _) = boot.rollback(target, Default::default()).await.unwrap();
    let done = ended(c, id).await;
    assert_eq!((done.target, done.outcome.snapshot), (target, target));
    assert!(matches!(
        ours(job.cancel().await),
        Error::Refused(Refusal {
            code: RefusalCode::TooLate,
            ..
        })
    ));
    let past = history.list(2).await.unwrap();
    assert_eq!(
        past.iter().map(|job| job.kind.as_str()).collect::<Vec<_>>(),
        ["rollback", "try-once"]
    );
    assert_eq!(history.list(u32::MAX).await.unwrap().len(), 9);
}

async fn actions() {
    let machine = Machine::new(Scenario::Pending);
    machine.authority.refuse();
    let (_served, connection) = machine.p2p().await;
    let snapshots = wire::SnapshotsProxy::new(&connection).await.unwrap();
    let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
    let boot = wire::BootProxy::new(&connection).await.unwrap();
    let edit = wire::edit_changes(&Edit {
        pinned: Some(true),
        ..Edit::default()
    });
    let none = Default::default;
    let mut verbs = Vec::new();
    for (reply, action) in [
        (snapshots.create("", none()).await, action::CREATE),
        (snapshots.delete(&[31], none()).await, action::DELETE),
        (snapshots.edit(31, edit, none()).await, action::EDIT),
        (updates.check(none()).await, action::CHECK),
        (updates.download(none()).await, action::DOWNLOAD),
        (updates.install(none()).await, action::UPDATE),
        (updates.discard(none()).await, action::DISCARD),
        (boot.rollback(31, none()).await, action::ROLLBACK),
    ] {
        assert_eq!(ours(reply), Error::NotAuthorized(action.into()));
        verbs.push((action, true));
    }
    assert_eq!(machine.authority.asked(), verbs);
    // The same without the flag: nobody may be asked.
    let options = std::collections::HashMap::<&str, zbus::Variant<'_>>::new();
    let reply = connection
        .call_method(
            None::<&str>,
            wire::name::PATH,
            Some(wire::name::UPDATES),
            "Check",
            &(options,),
        )
        .await;
    assert_eq!(ours(reply), Error::NotAuthorized(action::CHECK.into()));
    assert_eq!(machine.authority.asked().last(), Some(&(action::CHECK, false)));
    let manager = wire::ManagerProxy::new(&connection).await.unwrap();
    assert_eq!(manager.list_jobs().await.unwrap(), []);
}

async fn errors() {
    let machine = Machine::new(Scenario::Normal);
    let (served, connection) = machine.p2p().await;
    let snapshots = wire::SnapshotsProxy::new(&connection).await.unwrap();
    let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
    let boot = wire::BootProxy::new(&connection).await.unwrap();
    let none = Default::default;
    let missing = SnapshotId(999);
    assert_eq!(
        ours(boot.rollback(999, none()).await),
        Error::NoSuchSnapshot(missing)
    );
    assert_eq!(
        ours(boot.plan_rollback(999).await),
        Error::NoSuchSnapshot(missing)
    );
    assert_eq!(
        ours(snapshots.delete(&[31, 999], none()).await),
        Error::NoSuchSnapshot(missing)
    );
    let refused = |code, id| Error::Refused(Refusal::of(code, SnapshotId(id)));
    assert_eq!(
        ours(snapshots.delete(&[38], none()).await),
        refused(RefusalCode::Booted, 38)
    );
    assert_eq!(
        ours(boot.rollback(38, none()).await),
        refused(RefusalCode::AlreadyDefault, 38)
    );
    let nothing = Error::Refused(RefusalCode::NothingPending.into());
    assert_eq!(ours(updates.discard(none()).await), nothing);
    // Nobody was asked for a password only to read "no".
    assert_eq!(machine.authority.asked(), []);

    machine.engine.inject(Phase::Download, Fault::Hang);
    updates.install(none()).await.unwrap();
    let asked = machine.authority.asked();
    assert_eq!(ours(updates.install(none()).await), Error::Busy);
    assert_eq!(ours(snapshots.create("", none()).await), Error::Busy);
    assert_eq!(ours(boot.rollback(31, none()).await), Error::Busy);
    assert_eq!(machine.authority.asked(), asked);

    served.stop().await;
    let Error::Failed(failure) = ours(updates.check(none()).await) else {
        panic!("not Failed")
    };
    assert_eq!(failure.code, FailureCode::Interrupted);
}

async fn reading() {
    let machine = Machine::new(Scenario::Pending);
    machine.authority.refuse();
    let (_served, connection) = machine.p2p().await;
    let c = &connection;
    assert!(
        !wire::SnapshotsProxy::new(c)
            .await
            .unwrap()
            .list()
            .await
            .unwrap()
            .is_empty()
    );
    wire::UpdatesProxy::new(c).await.unwrap().get().await.unwrap();
    wire::BootProxy::new(c)
        .await
        .unwrap()
        .plan_rollback(31)
        .await
        .unwrap();
    wire::ChangesProxy::new(c)
        .await
        .unwrap()
        .packages(31, 0)
        .await
        .unwrap();
    wire::HistoryProxy::new(c).await.unwrap().list(10).await.unwrap();
    wire::ManagerProxy::new(c)
        .await
        .unwrap()
        .list_jobs()
        .await
        .unwrap();
    assert_eq!(machine.authority.asked(), []);
}

async fn capabilities() {
    let machine = Machine::new(Scenario::DatabaseOutside);
    let (_served, connection) = machine.p2p().await;
    let manager = wire::ManagerProxy::new(&connection).await.unwrap();
    let capabilities = manager.capabilities().await.unwrap();
    assert_eq!(
        (
            capabilities["updates"].as_str(),
            capabilities["snapshots"].as_str()
        ),
        ("database-outside", "")
    );
    let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
    let unsupported = Error::NotSupported(RefusalCode::DatabaseOutside);
    assert_eq!(ours(updates.check(Default::default()).await), unsupported);
    let changes = wire::ChangesProxy::new(&connection).await.unwrap();
    assert_eq!(ours(changes.packages(31, 0).await), unsupported);
}

async fn settings() {
    let machine = Machine::new(Scenario::Normal);
    let (served, connection) = machine.p2p().await;
    let settings = async |connection| {
        wire::SettingsProxy::builder(connection)
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .unwrap()
    };
    let it = settings(&connection).await;
    assert_eq!(it.automation().await.unwrap(), "notify");
    assert_eq!(it.cadence().await.unwrap(), "daily");
    assert!(
        !it.on_battery().await.unwrap() && !it.on_metered().await.unwrap() && !it.clean_up().await.unwrap()
    );
    assert_eq!(
        (
            it.keep_updates().await.unwrap(),
            it.space_percent().await.unwrap()
        ),
        (10, 30)
    );
    let none = PolicyChange::default();
    let change =
        async |change: &PolicyChange| it.change(wire::policy_changes(change), Default::default()).await;
    for bad in [
        none,
        PolicyChange {
            keep_updates: Some(1),
            ..none
        },
    ] {
        assert!(matches!(ours(change(&bad).await), Error::Invalid(_)), "{bad:?}");
    }
    let same = PolicyChange {
        keep_updates: Some(10),
        ..none
    };
    change(&same).await.unwrap();
    assert_eq!(
        machine.authority.asked(),
        [],
        "nobody is asked for what is wrong or already so"
    );

    let mut news = it.receive_keep_updates_changed().await;
    let wish = PolicyChange {
        automation: Some(model::Automation::Install),
        keep_updates: Some(5),
        ..none
    };
    change(&wish).await.unwrap();
    assert_eq!(machine.authority.asked(), [(action::CONFIGURE, true)]);
    assert_eq!(
        (
            it.automation().await.unwrap().as_str(),
            it.keep_updates().await.unwrap()
        ),
        ("install", 5)
    );
    drop(news.next().await);
    // It is no job: nothing of it is in the way of one, and one is not in its way.
    machine.engine.inject(Phase::Download, Fault::Hang);
    let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
    updates.install(Default::default()).await.unwrap();
    let days = PolicyChange {
        space_percent: Some(50),
        ..none
    };
    change(&days).await.unwrap();
    machine.authority.refuse();
    let refused = PolicyChange {
        clean_up: Some(true),
        ..none
    };
    assert_eq!(
        ours(change(&refused).await),
        Error::NotAuthorized(action::CONFIGURE.into())
    );
    assert!(!it.clean_up().await.unwrap());
    served.stop().await;

    let (_served, connection) = machine.p2p().await;
    let it = settings(&connection).await;
    let kept = (
        it.automation().await.unwrap(),
        it.keep_updates().await.unwrap(),
        it.space_percent().await.unwrap(),
    );
    assert_eq!(kept, ("install".into(), 5, 50), "the next helper knows it");
}
