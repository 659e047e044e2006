// SPDX-License-Identifier: GPL-3.0-or-later
//! Hostile arguments are refused before anything else is looked at.

use crate::calls::ours;
use crate::fixture::Machine;
use crate::trial;
use engine::Scenario;
use libtest_mimic::Trial;
use std::collections::HashMap;
use wire::Error;
use zbus::Variant;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "bounds: oversized and hostile arguments are refused before anybody is asked",
            hostile,
        ),
        trial("bounds: messages of the wrong shape are refused", malformed),
    ]
}

async fn hostile() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let snapshots = wire::SnapshotsProxy::new(&connection).await.unwrap();
    let updates = wire::UpdatesProxy::new(&connection).await.unwrap();
    let boot = wire::BootProxy::new(&connection).await.unwrap();
    let none = HashMap::new;
    let one = |name: &'static str, value: Variant<'static>| HashMap::from([(name, value)]);
    let mut replies = Vec::new();
    for description in [
        "x".repeat(1025),
        "x".repeat(4_000_000),
        "a\nb".into(),
        "\u{1b}]0;x\u{7}".into(),
        "\u{ffff}".into(),
    ] {
        replies.push(snapshots.create(&description, none()).await);
    }
    for options in [
        one("cleanup", "UPPER".into()),
        one("cleanup", "../../etc".into()),
        one("cleanup", "x".repeat(65).into()),
        one("cleanup", 7_u32.into()),
        one("pinned", "yes".into()),
        one("uid", 0_u32.into()),
        one("path", "/etc/shadow".into()),
        one("command", "id".into()),
    ] {
        replies.push(snapshots.create("", options).await);
    }
    for numbers in [vec![], vec![1; 1001], (0..1_000_000).collect()] {
        replies.push(snapshots.delete(&numbers, none()).await);
    }
    replies.push(snapshots.delete(&[1], one("force", true.into())).await);
    for changes in [
        none(),
        one("description", "x".repeat(1025).into()),
        one("description", "a\u{0}b".replace('\u{0}', "\u{1}").into()),
        one("read-only", 1_u8.into()),
        one("number", 3_u32.into()),
    ] {
        replies.push(snapshots.edit(31, changes, none()).await);
    }
    replies.push(
        snapshots
            .edit(31, one("pinned", true.into()), one("x", 1_u8.into()))
            .await,
    );
    replies.push(updates.check(one("offline", true.into())).await);
    replies.push(
        updates
            .install(one("packages", vec!["evil"].into()).into_iter().collect())
            .await,
    );
    replies.push(updates.discard(one("", true.into())).await);
    replies.push(boot.rollback(31, one("restart", true.into())).await);
    let count = replies.len();
    for (at, reply) in replies.into_iter().enumerate() {
        let error = ours(reply);
        let Error::Invalid(text) = &error else {
            panic!("{at}: {error:?}")
        };
        assert!(
            text.len() < 200,
            "an error must not carry a caller's text back: {text}"
        );
    }
    assert_eq!(count, 27);
    assert_eq!(machine.authority.asked(), []);
    // Numbers that are no snapshots' are an answer, not an argument out of bounds.
    for number in [0, u32::MAX] {
        let reply = boot.rollback(number, none()).await;
        assert!(matches!(ours(reply), Error::NoSuchSnapshot(_)));
    }
    // What is just within the bounds is not refused.
    let most = "x".repeat(1024);
    snapshots
        .create(&most, one("cleanup", "a".repeat(64).into()))
        .await
        .unwrap();
}

async fn malformed() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, connection) = machine.p2p().await;
    let call = async |interface: &str, method: &str, body: &Variant<'_>| {
        let body = (body,);
        let reply = connection.call_method(None::<&str>, wire::name::PATH, Some(interface), method, &body);
        reply.await.unwrap_err().to_string()
    };
    let odd = Variant::from(7_u8);
    for (interface, method) in [
        (wire::name::SNAPSHOTS, "Create"),
        (wire::name::SNAPSHOTS, "Delete"),
        (wire::name::SNAPSHOTS, "Edit"),
        (wire::name::UPDATES, "Check"),
        (wire::name::UPDATES, "Download"),
        (wire::name::UPDATES, "Install"),
        (wire::name::BOOT, "Rollback"),
        (wire::name::BOOT, "PlanRollback"),
        (wire::name::BISECT, "Start"),
        (wire::name::BISECT, "Judge"),
        (wire::name::CHANGES, "Packages"),
        (wire::name::HISTORY, "List"),
        (wire::name::HISTORY, "ReadLog"),
    ] {
        let error = call(interface, method, &odd).await;
        assert!(
            error.contains("org.freedesktop.DBus.Error."),
            "{interface}.{method}: {error}"
        );
    }
    let error = call(wire::name::MANAGER, "RunCommand", &odd).await;
    assert!(error.contains("UnknownMethod"), "{error}");
    assert_eq!(machine.authority.asked(), []);
    // It still answers.
    let snapshots = wire::SnapshotsProxy::new(&connection).await.unwrap();
    assert_eq!(snapshots.list().await.unwrap().len(), 25);
}
