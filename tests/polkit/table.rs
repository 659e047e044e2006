// SPDX-License-Identifier: GPL-3.0-or-later
//! The table: what which caller may.

use crate::authority::SystemBus;
use crate::callers::{GAMES, MAN, NOBODY, ROOT, User};
use engine::{Fault, Scenario, SimEngine};
use helper::{Polkit, Served, Setup, serve};
use model::{Edit, Phase, PolicyChange};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use wire::Error;
use wire::name::action;
use zbus::Connection;

struct Stage {
    engine: Arc<SimEngine>,
    _served: Served,
    _dir: tempfile::TempDir,
    system: SystemBus,
}

impl Stage {
    async fn new() -> Self {
        let system = SystemBus::start().await;
        let engine = Arc::new(SimEngine::new(Scenario::Pending));
        let dir = tempfile::tempdir().unwrap();
        let setup = Setup {
            patience: helper::PATIENCE,
            engine: engine.clone(),
            authority: Arc::new(Polkit),
            state_dir: dir.path().to_owned(),
            boot: "one".to_owned(),
        };
        let address = system.bus.address();
        let served = serve(setup, zbus::connection::Builder::address(address.as_str()))
            .await
            .unwrap();
        served.take_name().await.unwrap();
        Self {
            engine,
            _served: served,
            _dir: dir,
            system,
        }
    }
}

type Reply = zbus::Result<()>;

/// Every method that changes something, with the action it asks for.
async fn change(connection: &Connection, action: &str) -> zbus::Result<Option<u32>> {
    let snapshots = wire::SnapshotsProxy::new(connection).await?;
    let updates = wire::UpdatesProxy::new(connection).await?;
    let boot = wire::BootProxy::new(connection).await?;
    let none = HashMap::new;
    let edit = Edit {
        description: Some("edited".into()),
        ..Edit::default()
    };
    let (id, _) = match action {
        action::CREATE => snapshots.create("", none()).await?,
        action::DELETE => {
            // One that is there and may be deleted, whoever deleted another before.
            let list = snapshots.list().await?;
            let old = list
                .iter()
                .find(|it| !it.userdata.contains_key("kedge-pinned"))
                .unwrap();
            snapshots.delete(&[old.number], none()).await?
        }
        action::EDIT => snapshots.edit(38, wire::edit_changes(&edit), none()).await?,
        action::CHECK => updates.check(none()).await?,
        action::DOWNLOAD => updates.download(none()).await?,
        action::UPDATE => updates.install(none()).await?,
        action::INSTALL | action::REMOVE => {
            let packages = wire::PackagesProxy::new(connection).await?;
            let names = ["htop".to_owned()];
            match action {
                action::INSTALL => packages.install(&names, none()).await?,
                _ => packages.remove(&names, none()).await?,
            }
        }
        action::DISCARD => updates.discard(none()).await?,
        action::ROLLBACK => {
            let default = wire::ManagerProxy::new(connection).await?.default().await?;
            boot.rollback(if default == 31 { 33 } else { 31 }, none()).await?
        }
        action::CONFIGURE => {
            // Something other than what is.
            let settings = wire::SettingsProxy::new(connection).await?;
            let change = PolicyChange {
                on_battery: Some(!settings.on_battery().await?),
                ..PolicyChange::default()
            };
            settings.change(wire::policy_changes(&change), none()).await?;
            return Ok(None);
        }
        action::BISECT => {
            let search = wire::BisectProxy::new(connection).await?;
            let list = snapshots.list().await?;
            match search.search().await?.good {
                0 => {
                    search
                        .start(list.first().unwrap().number, list.last().unwrap().number, none())
                        .await?
                }
                _ => search.stop(none()).await?,
            }
            return Ok(None);
        }
        action::READ => {
            let changes = wire::ChangesProxy::new(connection).await?;
            changes.read_file(38, b"/etc/issue").await?;
            return Ok(None);
        }
        _ => unreachable!("{action}"),
    };
    Ok(Some(id))
}

/// Every method that only reads.
async fn read(c: &Connection) -> Vec<(&'static str, Reply)> {
    let manager = wire::ManagerProxy::new(c).await.unwrap();
    let history = wire::HistoryProxy::new(c).await.unwrap();
    let snapshots = wire::SnapshotsProxy::new(c).await.unwrap().list().await.unwrap();
    let default = manager.default().await.unwrap();
    let changes = wire::ChangesProxy::new(c).await.unwrap();
    let other = snapshots.iter().find(|it| it.number != default).unwrap().number;
    vec![
        ("ListJobs", manager.list_jobs().await.map(drop)),
        ("Subscribe", manager.subscribe().await),
        ("Version", manager.version().await.map(drop)),
        ("Capabilities", manager.capabilities().await.map(drop)),
        ("Default", manager.default().await.map(drop)),
        (
            "Bisect.Search",
            wire::BisectProxy::new(c).await.unwrap().search().await.map(drop),
        ),
        (
            "Settings.Cadence",
            wire::SettingsProxy::new(c)
                .await
                .unwrap()
                .cadence()
                .await
                .map(drop),
        ),
        (
            "Snapshots.List",
            wire::SnapshotsProxy::new(c).await.unwrap().list().await.map(drop),
        ),
        (
            "Updates.Get",
            wire::UpdatesProxy::new(c).await.unwrap().get().await.map(drop),
        ),
        (
            "PlanRollback",
            wire::BootProxy::new(c)
                .await
                .unwrap()
                .plan_rollback(other)
                .await
                .map(drop),
        ),
        (
            "Packages",
            wire::ChangesProxy::new(c)
                .await
                .unwrap()
                .packages(other, 0)
                .await
                .map(drop),
        ),
        ("Files", changes.files(other, 0, HashMap::new()).await.map(drop)),
        (
            "FileVersions",
            changes.file_versions(b"/etc/issue").await.map(drop),
        ),
        (
            "Packages.Search",
            wire::PackagesProxy::new(c)
                .await
                .unwrap()
                .search("htop", 10)
                .await
                .map(drop),
        ),
        (
            "Packages.Plan",
            wire::PackagesProxy::new(c)
                .await
                .unwrap()
                .plan("install", &["htop".to_owned()])
                .await
                .map(drop),
        ),
        ("History.List", history.list(10).await.map(drop)),
    ]
}

async fn settled(connection: &Connection) {
    let manager = wire::ManagerProxy::new(connection).await.unwrap();
    while manager
        .list_jobs()
        .await
        .unwrap()
        .iter()
        .any(|job| job.outcome.ending.is_empty())
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn allowed(user: User, action: &str) -> bool {
    match user {
        ROOT | GAMES => true,
        MAN => action == action::UPDATE,
        _ => false,
    }
}

pub(crate) async fn whole() {
    let stage = Stage::new().await;
    // What waits for the restart comes last: a discard leaves nothing to discard.
    let changes = [
        action::CREATE,
        action::EDIT,
        action::DELETE,
        action::CHECK,
        action::DOWNLOAD,
        action::UPDATE,
        action::INSTALL,
        action::REMOVE,
        action::DISCARD,
        action::ROLLBACK,
        action::CONFIGURE,
        action::READ,
        action::BISECT,
    ];
    let mut rows = 0;
    for user in [NOBODY, MAN, GAMES, ROOT] {
        let connection = user.connect(&stage.system.bus).await;
        for (method, reply) in read(&connection).await {
            assert!(reply.is_ok(), "{method} by {}: {reply:?}", user.0);
            rows += 1;
        }
        for action in changes {
            rows += 1;
            let reply = change(&connection, action).await;
            match reply {
                Ok(id) if allowed(user, action) => {
                    settled(&connection).await;
                    let jobs = wire::ManagerProxy::new(&connection)
                        .await
                        .unwrap()
                        .list_jobs()
                        .await
                        .unwrap();
                    let Some(id) = id else { continue };
                    let job = jobs.iter().find(|job| job.id == id).unwrap();
                    assert_eq!(job.uid, user.uid(), "{action}: whose job");
                }
                Err(error) if !allowed(user, action) => {
                    let expected = Some(Error::NotAuthorized(action.to_owned()));
                    assert_eq!(Error::from_reply(&error), expected, "{action} by {}", user.0);
                }
                other => panic!("{action} by {}: {other:?}", user.0),
            }
        }
    }
    assert_eq!(rows, 4 * (16 + changes.len()));
}

/// Names in a directory that a caller could not list are hidden from them, and theirs to see after authenticating.
pub(crate) async fn hidden_names() {
    let stage = Stage::new().await;
    let list = async |user: User, all: bool| -> zbus::Result<Vec<(String, model::FileChangeKind)>> {
        let connection = user.connect(&stage.system.bus).await;
        let changes = wire::ChangesProxy::new(&connection).await?;
        let wish = wire::FilesWish { all, owners: false };
        let pipe = changes.files(26, 38, wire::files_options(wish)).await?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(
            &mut std::fs::File::from(std::os::fd::OwnedFd::from(pipe)),
            &mut bytes,
        )?;
        let (mut reader, mut rows) = (wire::FilesReader::default(), Vec::new());
        reader.push(&bytes);
        while let Some(frame) = reader.next_frame().unwrap() {
            if let wire::FilesFrame::Change(change) = frame {
                rows.push((model::PathText(&change.path).to_string(), change.kind));
            }
        }
        Ok(rows)
    };
    let hidden = ("root".to_owned(), model::FileChangeKind::Hidden);
    let shown = ("root/notes".to_owned(), model::FileChangeKind::Changed);
    let rows = list(NOBODY, false).await.unwrap();
    assert!(rows.contains(&hidden) && !rows.contains(&shown));
    let refused = list(NOBODY, true).await.unwrap_err();
    let expected = Some(Error::NotAuthorized(action::READ.to_owned()));
    assert_eq!(Error::from_reply(&refused), expected);
    let rows = list(GAMES, true).await.unwrap();
    assert!(rows.contains(&shown) && !rows.contains(&hidden));
    assert!(list(ROOT, false).await.unwrap().contains(&shown));
    // One file through all snapshots, when it is in such a directory: root's home in the simulated snapshots, which
    // nobody else may list.
    let connection = NOBODY.connect(&stage.system.bus).await;
    let changes = wire::ChangesProxy::new(&connection).await.unwrap();
    let path = format!("/{}", shown.0);
    let refused = changes.file_versions(path.as_bytes()).await.unwrap_err();
    assert_eq!(Error::from_reply(&refused), expected);
}

/// What waits for the restart must not be forgotten, so this needs a machine where nothing does.
pub(crate) async fn trying() {
    let stage = Stage::new().await;
    stage.engine.restart();
    for user in [NOBODY, MAN, GAMES] {
        let connection = user.connect(&stage.system.bus).await;
        let boot = wire::BootProxy::new(&connection).await.unwrap();
        assert!(boot.examine(31).await.is_ok(), "reading needs no authorization");
        let reply = boot.try_once(31, HashMap::new()).await;
        match allowed(user, action::TRY_ONCE) {
            true => assert!(reply.is_ok(), "{reply:?}"),
            false => assert_eq!(
                Error::from_reply(&reply.unwrap_err()),
                Some(Error::NotAuthorized(action::TRY_ONCE.to_owned()))
            ),
        }
        settled(&connection).await;
    }
}

pub(crate) async fn cancelling() {
    let stage = Stage::new().await;
    let cancel = async |user: User, job: u32| -> Reply {
        let connection = user.connect(&stage.system.bus).await;
        let path = wire::name::job_path(model::JobId(job));
        wire::JobProxy::builder(&connection)
            .path(path)
            .build()
            .await?
            .cancel()
            .await
    };
    let refused = Some(Error::NotAuthorized(action::CANCEL.to_owned()));
    let update = async |user: User| {
        stage.engine.inject(Phase::Refresh, Fault::Hang);
        change(&user.connect(&stage.system.bus).await, action::UPDATE)
            .await
            .unwrap()
            .unwrap()
    };
    let job = update(MAN).await;
    assert_eq!(
        Error::from_reply(&cancel(NOBODY, job).await.unwrap_err()),
        refused
    );
    cancel(MAN, job).await.unwrap();
    settled(&ROOT.connect(&stage.system.bus).await).await;
    let job = update(ROOT).await;
    assert_eq!(Error::from_reply(&cancel(MAN, job).await.unwrap_err()), refused);
    cancel(GAMES, job).await.unwrap();
}

/// An answer is authorized like the job, also for the user who began it.
pub(crate) async fn answering() {
    let stage = Stage::new().await;
    let failure = model::Failure::new(model::FailureCode::License, "not agreed to");
    let question = model::Question::new(model::QuestionKind::License, "You shall not copy.");
    stage.engine.inject(Phase::Refresh, Fault::Ask(question, failure));
    let connection = MAN.connect(&stage.system.bus).await;
    let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
    let (id, path) = updates.install(wire::ask_options(true)).await.unwrap();
    let job = async |user: User| {
        let connection = user.connect(&stage.system.bus).await;
        let job = wire::JobProxy::builder(&connection).path(path.clone());
        job.cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .unwrap()
    };
    // Everybody may read what is asked.
    while job(NOBODY).await.question().await.unwrap().number == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = job(NOBODY).await.answer(1, 1, HashMap::new()).await.unwrap_err();
    let expected = Some(Error::NotAuthorized(action::UPDATE.to_owned()));
    assert_eq!(Error::from_reply(&refused), expected);
    job(MAN).await.answer(1, 1, HashMap::new()).await.unwrap();
    settled(&connection).await;
    let manager = wire::ManagerProxy::new(&connection).await.unwrap();
    let jobs = manager.list_jobs().await.unwrap();
    // It went on: on this machine everything is installed already.
    assert_eq!(
        jobs.iter().find(|job| job.id == id).unwrap().outcome.ending,
        "nothing-changed"
    );
}

/// The nightly job is no job of ours: its answer says at once whether it changed hands.
pub(crate) async fn nightly() {
    let stage = Stage::new().await;
    for (user, who, expected) in [
        (NOBODY, "kedge", None),
        (MAN, "kedge", None),
        (GAMES, "kedge", Some(true)),
        (ROOT, "kedge", Some(false)),
        (ROOT, "distribution", Some(true)),
    ] {
        let connection = user.connect(&stage.system.bus).await;
        let platform = wire::PlatformProxy::new(&connection).await.unwrap();
        // Looking needs nothing.
        platform.describe().await.unwrap();
        let reply = platform.set_nightly(who, HashMap::new()).await;
        match (reply, expected) {
            (Ok(changed), Some(expected)) => assert_eq!(changed, expected, "{who} by {}", user.0),
            (Err(error), None) => assert_eq!(
                Error::from_reply(&error),
                Some(Error::NotAuthorized(action::CONFIGURE.to_owned()))
            ),
            (reply, _) => panic!("{who} by {}: {reply:?}", user.0),
        }
    }
}

pub(crate) async fn defaults() {
    let stage = Stage::new().await;
    let connection = ROOT.connect(&stage.system.bus).await;
    let polkit = zbus::Proxy::new(
        &connection,
        "org.freedesktop.PolicyKit1",
        "/org/freedesktop/PolicyKit1/Authority",
        "org.freedesktop.PolicyKit1.Authority",
    )
    .await
    .unwrap();
    type Description = (
        String,
        String,
        String,
        String,
        String,
        String,
        u32,
        u32,
        u32,
        HashMap<String, String>,
    );
    let all: Vec<Description> = polkit.call("EnumerateActions", &("",)).await.unwrap();
    let ours: HashMap<_, _> = all
        .into_iter()
        .filter(|it| it.0.starts_with("org.kedge."))
        .map(|it| (it.0, (it.6, it.7, it.8)))
        .collect();
    // org.freedesktop.PolicyKit1.Authority: 2 an administrator, 4 an administrator for a while, 5 yes.
    assert_eq!(ours.len(), action::ALL.len());
    for action in action::ALL {
        let active = if *action == action::CHECK { 5 } else { 4 };
        assert_eq!(ours[*action], (2, 2, active), "{action}");
    }
}

pub(crate) async fn name() {
    let stage = Stage::new().await;
    let connection = GAMES.connect(&stage.system.bus).await;
    let error = connection.request_name(wire::name::BUS).await.unwrap_err();
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    // An interface that is not ours does not even reach the helper.
    let reply = connection
        .call_method(
            Some(wire::name::BUS),
            wire::name::PATH,
            Some("org.kedge.Kedge1.Root"),
            "Run",
            &("id",),
        )
        .await;
    let error = reply.unwrap_err().to_string();
    assert!(error.contains("AccessDenied"), "{error}");
}
