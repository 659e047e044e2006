// SPDX-License-Identifier: GPL-3.0-or-later
//! KRunner's side of the agent, started by its name on the bus, in the words of every shipped language.

use crate::stage::Stage;
use crate::trial;
use libtest_mimic::Trial;
use std::collections::HashMap;
use std::fs;
use std::process::Command;
use support::bus::{built, installed};
use zbus::{OwnedVariant, proxy};

pub(crate) fn trials(needs: &Result<(), String>) -> Vec<Trial> {
    let languages = needs.clone().and_then(|()| {
        ["msgfmt", "localedef"]
            .map(installed)
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .map(drop)
    });
    vec![
        trial("krunner_starts_the_agent_and_finds_the_ways_in", needs, found),
        trial("krunner_finds_them_in_every_language", &languages, translated),
    ]
}

type Match = (String, String, String, i32, f64, HashMap<String, OwnedVariant>);

#[proxy(
    interface = "org.kde.krunner1",
    default_service = "org.kedge.Kedge.Agent",
    default_path = "/runner"
)]
trait Runner {
    #[zbus(name = "Match")]
    fn find(&self, query: &str) -> zbus::Result<Vec<Match>>;
    fn actions(&self) -> zbus::Result<Vec<(String, String, String)>>;
    fn run(&self, id: &str, action: &str) -> zbus::Result<()>;
    fn set_activation_token(&self, token: &str) -> zbus::Result<()>;
    fn teardown(&self) -> zbus::Result<()>;
}

/// Lets the session's bus start the agent by its name.
fn activate(stage: &Stage, program: &str, environment: &str) {
    let state = stage.session_bus.dir().join("state");
    let command = format!(
        "/usr/bin/env DBUS_SYSTEM_BUS_ADDRESS={} DBUS_SESSION_BUS_ADDRESS={} XDG_STATE_HOME={} HOME={} {environment} {program} --login-delay 600",
        stage.system_bus.address(),
        stage.session_bus.address(),
        state.display(),
        stage.session_bus.dir().display()
    );
    stage
        .session_bus
        .activate("org.kedge.Kedge.Agent", &command)
        .unwrap();
}

async fn found() {
    let stage = Stage::new("normal").await;
    activate(
        &stage,
        &built("kedge-agent").unwrap().display().to_string(),
        "LC_ALL=C.UTF-8",
    );
    let runner = RunnerProxy::new(&stage.session).await.unwrap();
    let first = async |typed: &str| {
        let found = runner.find(typed).await.unwrap();
        found.first().map(|(id, title, ..)| (id.clone(), title.clone()))
    };
    for (typed, id) in [
        ("roll back", "roll-back"),
        ("check for updates", "check"),
        ("update", "update"),
        ("open timeline", "timeline"),
    ] {
        assert_eq!(
            first(typed).await.map(|(id, _)| id).as_deref(),
            Some(id),
            "{typed}"
        );
    }
    assert_eq!(first("firefox").await, None);
    assert!(runner.actions().await.unwrap().is_empty());
    // Chosen, with the right to come to the front.
    runner.set_activation_token("token-7").await.unwrap();
    runner.run("timeline", "").await.unwrap();
    stage.wait_for_wish("open timeline token-7").await;
    runner.run("no such thing", "").await.unwrap();
    runner.run("check", "").await.unwrap();
    stage.wait_for_wish("open updates").await;
    stage
        .wait("the helper is asked", async || stage.has_helper().await)
        .await;
    runner.teardown().await.unwrap();
}

/// One language: its locale, what a person types, and the title of what is found first.
const LANGUAGES: [(&str, &str, &str, &str); 6] = [
    ("de", "de_DE", "zurück", "Zu einer früheren Version zurückkehren"),
    ("de", "de_DE", "nach Aktu", "Nach Systemaktualisierungen suchen"),
    (
        "fr",
        "fr_FR",
        "mise à jour",
        "Installer les mises à jour du système",
    ),
    ("fr", "fr_FR", "roll back", "Revenir à une version antérieure"),
    ("es", "es_ES", "volver atrás", "Volver a una versión anterior"),
    ("es", "es_ES", "cronología", "Mostrar la cronología"),
];

async fn translated() {
    for (language, locale, typed, title) in LANGUAGES {
        let stage = Stage::new("normal").await;
        let place = stage.session_bus.dir();
        let messages = place.join(format!("share/locale/{language}/LC_MESSAGES"));
        fs::create_dir_all(&messages).unwrap();
        fs::create_dir_all(place.join("bin")).unwrap();
        fs::create_dir_all(place.join("locale")).unwrap();
        let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let run = |command: &mut Command| {
            let said = command.output().unwrap();
            assert!(
                said.status.success(),
                "{command:?}: {}",
                String::from_utf8_lossy(&said.stderr)
            );
        };
        run(Command::new("msgfmt")
            .arg(checkout.join(format!("desktop/po/{language}.po")))
            .arg("-o")
            .arg(messages.join("kedge.mo")));
        run(Command::new("localedef")
            .args(["-i", locale, "-f", "UTF-8"])
            .arg(place.join(format!("locale/{locale}.UTF-8"))));
        // Its translations are beside it, as where it is installed.
        let program = place.join("bin/kedge-agent");
        fs::copy(built("kedge-agent").unwrap(), &program).unwrap();
        let environment = format!("LOCPATH={} LC_ALL={locale}.UTF-8", place.join("locale").display());
        activate(&stage, &program.display().to_string(), &environment);
        let runner = RunnerProxy::new(&stage.session).await.unwrap();
        let found = runner.find(typed).await.unwrap();
        assert_eq!(
            found.first().map(|it| it.1.as_str()),
            Some(title),
            "{language}: {typed}"
        );
    }
}
