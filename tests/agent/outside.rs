// SPDX-License-Identifier: GPL-3.0-or-later
//! Changes that others make, and how little the agent does while nothing changes.

use crate::stage::{PATIENCE, QUIET, Stage};
use crate::trial;
use libtest_mimic::Trial;
use std::fs;
use std::time::Duration;
use support::bus::Program;
use zbus::{Connection, Message, connection};

pub(crate) fn trials(needs: &Result<(), String>) -> Vec<Trial> {
    vec![
        trial("an_update_by_the_distribution_is_announced", needs, announced),
        trial("a_second_agent_ends_at_once", needs, single),
        trial("settings_hide_the_icon_and_silence_reminders", needs, settings),
    ]
}

/// Stands for transactional-update-notifier, which sends the word as root; on a bus anybody can.
async fn notifier(stage: &Stage) -> Connection {
    connection::Builder::address(stage.system_bus.address().as_str())
        .name("org.opensuse.tukit.Updated")
        .build()
        .await
        .unwrap()
}

const WORD: &str = "org.opensuse.tukit.Updated";
const HEEDED: &str = "somebody says that the distribution's tool made an update";

/// Times that the agent was woken up since it began.
fn switches(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    number("voluntary_ctxt_switches:") + number("nonvoluntary_ctxt_switches:")
}

async fn announced() {
    let mut stage = Stage::new("no-updates").await;
    stage.start();
    stage
        .wait("the helper is asked", async || stage.has_helper().await)
        .await;
    // All is well and quiet: the agent lets the helper sleep, and sleeps itself.
    tokio::time::sleep(QUIET).await;
    stage
        .wait("the helper sleeps", async || !stage.has_helper().await)
        .await;
    // On a busy machine the last of what it has to do may take longer than that; what wakes it again and again goes on.
    let mut woken = u64::MAX;
    for _ in 0..5 {
        let before = switches(stage.pid());
        tokio::time::sleep(Duration::from_secs(10)).await;
        woken = woken.min(switches(stage.pid()) - before);
        if woken <= 1 {
            break;
        }
    }
    assert!(woken <= 1, "woken {woken} times in 10 s");
    assert!(stage.titles().is_empty(), "{:?}", stage.titles());
    // Meanwhile the distribution's timer makes an update.
    stage.machine("pending");
    let sender = notifier(&stage).await;
    // The same word to the agent alone is somebody's trick: its match rules never saw it.
    let system_bus = zbus::fdo::DBusProxy::new(&stage.system).await.unwrap();
    for name in system_bus.list_names().await.unwrap() {
        if name.starts_with(':') {
            let forged = Message::signal(format!("/{}", WORD.replace('.', "/")), WORD, "Notify")
                .destination(name.to_string())
                .build(&("success",))
                .unwrap();
            sender.send(&forged).await.unwrap();
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!stage.log().contains(HEEDED), "{}", stage.log());
    let path = "/org/opensuse/tukit/Updated";
    for _ in 0..50 {
        sender
            .emit_signal(None::<&str>, path, WORD, "Notify", &("success",))
            .await
            .unwrap();
    }
    let shown = stage.wait_for_notification("Restart to finish the update").await;
    assert_eq!(shown.buttons, ["Restart…", "Tonight", "With the Next Shutdown"]);
    assert!(shown.text.starts_with("2 updates are installed"), "{shown:?}");
    assert_eq!(stage.log().matches(HEEDED).count(), 1, "a flood is one word");
}

async fn single() {
    let mut stage = Stage::new("pending").await;
    stage.start();
    stage.wait_for_notification("Restart to finish the update").await;
    let mut second = Program::start(&mut stage.command()).unwrap();
    let status = second.wait(PATIENCE).expect("it does not stay");
    assert!(status.success(), "{status}");
    assert_eq!(stage.titles().len(), 1);
}

async fn settings() {
    let mut stage = Stage::new("pending").await;
    let file = stage.session_bus.dir().join("config/kedgerc");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "[Tray]\nEnabled=false\n[Notifications]\nUpdates=false\n").unwrap();
    stage.start();
    let icon = async |stage: &Stage| {
        let name = format!("org.kde.StatusNotifierItem-{}-1", stage.pid());
        let bus = zbus::fdo::DBusProxy::new(&stage.session).await.unwrap();
        bus.name_has_owner(name.as_str().try_into().unwrap())
            .await
            .unwrap()
    };
    stage
        .wait("the helper is asked", async || stage.has_helper().await)
        .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(
        !icon(&stage).await && stage.titles().is_empty(),
        "{:?}",
        stage.titles()
    );
    // The window writes them by KConfig, which tells.
    fs::write(&file, "[Tray]\nEnabled=true\n").unwrap();
    let changed = std::collections::HashMap::from([("Tray", vec![b"Enabled".to_vec()])]);
    let interface = "org.kde.kconfig.notify";
    stage
        .session
        .emit_signal(None::<&str>, "/kedgerc", interface, "ConfigChanged", &(changed,))
        .await
        .unwrap();
    stage.wait("the icon", async || icon(&stage).await).await;
    stage.wait_for_notification("Restart to finish the update").await;
}
