// SPDX-License-Identifier: GPL-3.0-or-later
//! The daily check waits for what it should not use, says for what, and goes on when that has changed.

use crate::doubles::{Login, Network};
use crate::stage::Stage;
use crate::trial;
use libtest_mimic::Trial;

pub(crate) fn trials(needs: &Result<(), String>) -> Vec<Trial> {
    vec![
        trial("a_metered_network_is_waited_for", needs, metered),
        trial("after_waking_up_everything_is_looked_at_again", needs, resumed),
    ]
}

const UPDATES: &str = "12 updates are available, with security fixes";

async fn waits(stage: &Stage, what: &str) {
    let agent = stage.agent().await;
    stage
        .wait(what, async || agent.waits_for().await.is_ok_and(|it| it == what))
        .await;
}

async fn metered() {
    let mut stage = Stage::new("normal").await;
    let network = stage.network(1).await;
    stage.start();
    waits(&stage, "metered").await;
    assert!(stage.titles().is_empty());
    let server = network.object_server();
    let object = server
        .interface::<_, Network>("/org/freedesktop/NetworkManager")
        .await
        .unwrap();
    let mut inside = object.get_mut().await;
    inside.0 = 2;
    inside.metered_changed(object.signal_emitter()).await.unwrap();
    drop(inside);
    stage.wait_for_notification(UPDATES).await;
    waits(&stage, "").await;
}

async fn resumed() {
    let mut stage = Stage::new("normal").await;
    let network = stage.network(1).await;
    stage.start();
    waits(&stage, "metered").await;
    // While it sleeps the machine comes home; nobody tells of that.
    drop(network);
    let _network = stage.network(2).await;
    let server = stage.system.object_server();
    let object = server
        .interface::<_, Login>("/org/freedesktop/login1")
        .await
        .unwrap();
    Login::prepare_for_sleep(object.signal_emitter(), true)
        .await
        .unwrap();
    Login::prepare_for_sleep(object.signal_emitter(), false)
        .await
        .unwrap();
    // It leaves the session alone for a while at first.
    stage.wait_for_notification(UPDATES).await;
}
