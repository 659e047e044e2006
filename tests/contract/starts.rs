// SPDX-License-Identifier: GPL-3.0-or-later
//! What came of a restart, and why it fell back.

use crate::fixture::Machine;
use crate::trial;
use engine::{Engine as _, Scenario};
use helper::{Served, Setup, serve};
use libtest_mimic::Trial;
use model::{StartFailure, StartFailureKind};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use zbus::Connection;
use zbus::connection::Builder;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "starts: a restart that fell back says why, until the next one",
        fell_back,
    )]
}

/// A helper in this start of the system.
async fn started(machine: &Machine, boot: &str) -> (Served, Connection) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let setup = Setup {
        boot: boot.to_owned(),
        ..machine.setup()
    };
    let guid = zbus::Guid::generate();
    let server = async { serve(setup, Builder::unix_stream(ours).server(guid).p2p()).await };
    let client = Builder::unix_stream(theirs).p2p().build();
    let (served, connection) = tokio::join!(server, client);
    (served.unwrap(), connection.unwrap())
}

async fn fell_back() {
    let machine = Machine::new(Scenario::Normal);
    let failures = vec![
        StartFailure {
            kind: StartFailureKind::Unit,
            subject: "dbus-broker.service".to_owned(),
        },
        StartFailure::of(StartFailureKind::Silent),
    ];
    let (served, connection) = started(&machine, "one").await;
    let boot = wire::BootProxy::new(&connection).await.unwrap();
    assert_eq!(boot.failed_starts().await.unwrap(), []);
    let default = machine.engine.system().unwrap().default;
    boot.rollback(31, Default::default()).await.unwrap();
    while machine.engine.system().unwrap().default == default {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Nothing was restarted yet.
    assert_eq!(boot.failed_starts().await.unwrap(), []);
    served.stop().await;
    machine.engine.outside().fail_starts(failures);

    let (served, connection) = started(&machine, "two").await;
    let boot = wire::BootProxy::new(&connection).await.unwrap();
    let told = boot.failed_starts().await.unwrap();
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|(kind, subject)| (kind.as_str(), subject.as_str()))
        .collect();
    assert_eq!(told, [("unit", "dbus-broker.service"), ("silent", "")]);
    served.stop().await;

    let (_served, connection) = started(&machine, "three").await;
    let boot = wire::BootProxy::new(&connection).await.unwrap();
    assert_eq!(boot.failed_starts().await.unwrap(), []);
}
