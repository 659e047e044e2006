// SPDX-License-Identifier: GPL-3.0-or-later
//! Changed files and what is in files, through pipes.

use crate::calls::ours;
use crate::fixture::{Machine, ready_client};
use crate::trial;
use client::{FilesFrame, FilesWish, TextDiff};
use engine::{Engine as _, Scenario, Viewer};
use libtest_mimic::Trial;
use model::{FileChange, FileChangeKind, FileKind, RefusalCode, SnapshotId};
use std::io::Read as _;
use support::bus::PrivateBus;
use wire::Error;
use wire::name::action;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "files: changes come through a pipe, complete and with their packages",
            changes,
        ),
        trial(
            "files: contents come through a pipe, and ask for their own action",
            contents,
        ),
        trial(
            "files: what is no file or no path is refused before anybody is asked",
            refusals,
        ),
        trial(
            "files: a snapshot is handed out to look around in, and asks for the action of reading",
            browsing,
        ),
        trial(
            "files: a caller who goes away or stops reading holds nobody up",
            leaving,
        ),
    ]
}

const FROM: SnapshotId = SnapshotId(26);
const TO: SnapshotId = SnapshotId(38);

fn told(machine: &Machine) -> Vec<FileChange> {
    let mut rows = Vec::new();
    let mut take = |change| {
        rows.push(change);
        Ok(())
    };
    let all = Viewer::Everything;
    machine
        .engine
        .file_changes(Some(FROM), Some(TO), all, &mut take)
        .unwrap();
    rows.sort();
    rows
}

async fn changes() {
    let machine = Machine::new(Scenario::Normal);
    let bus = PrivateBus::start().unwrap();
    let _served = machine.on(&bus).await;
    let client = ready_client(&bus).await.0;
    let wish = FilesWish {
        owners: true,
        all: true,
    };
    let mut seen = 0;
    let (files, summary) = client
        .files(Some(FROM), Some(TO), wish, |_| seen += 1)
        .await
        .unwrap();
    let expected = told(&machine);
    let mut rows: Vec<FileChange> = files.iter().map(|(change, _)| change).collect();
    rows.sort();
    assert_eq!(rows, expected);
    assert_eq!(
        (summary.rows as usize, seen, summary.left_out),
        (rows.len(), rows.len(), 0)
    );
    assert!(files.iter().any(|(_, owner)| owner == Some("kernel-default")));
    let loose = files.iter().filter(|(_, owner)| owner.is_none());
    let loose: Vec<_> = loose.map(|(change, _)| change.path).collect();
    assert_eq!(loose, [b"etc/issue".to_vec(), b"root/notes".to_vec()]);
    assert_eq!(machine.authority.asked(), [(action::READ, true)]);
    // The same two versions: nothing but the end.
    let mut stream = client
        .file_changes(Some(TO), Some(TO), FilesWish::default())
        .await
        .unwrap();
    assert!(matches!(stream.next().await.unwrap(), FilesFrame::End(it) if it.rows == 0));
    assert_eq!(machine.authority.asked().len(), 1);
    // Many in a row: each gives its place back.
    for _ in 0..20 {
        client
            .files(Some(FROM), Some(TO), FilesWish::default(), |_| ())
            .await
            .unwrap();
    }
}

async fn contents() {
    let machine = Machine::new(Scenario::Normal);
    let bus = PrivateBus::start().unwrap();
    let _served = machine.on(&bus).await;
    let client = ready_client(&bus).await.0;
    let path: &[u8] = b"/etc//issue";
    let content = client.read_file(Some(TO), path).await.unwrap();
    assert_eq!(content.kind, FileKind::Regular);
    let bytes = content.whole(1 << 20).await.unwrap().unwrap();
    let mut expected = Vec::new();
    let mut file = machine.engine.open_file(Some(TO), b"etc/issue").unwrap();
    file.content.read_to_end(&mut expected).unwrap();
    assert_eq!(bytes, expected);
    assert_eq!(
        client
            .read_file(Some(TO), path)
            .await
            .unwrap()
            .whole(3)
            .await
            .unwrap(),
        None
    );
    assert!(
        machine
            .authority
            .asked()
            .iter()
            .all(|asked| *asked == (action::READ, true))
    );

    let before = machine.authority.asked().len();
    let versions = client.file_versions(path).await.unwrap();
    assert!(versions.iter().map(|it| it.version).max() > Some(1));
    assert_eq!(machine.authority.asked().len(), before, "everybody may list /etc");
    let diff = client
        .text_diff((Some(FROM), path), (Some(TO), path))
        .await
        .unwrap();
    let TextDiff::Hunks(hunks) = diff else {
        panic!("{diff:?}")
    };
    assert_eq!(hunks.len(), 1);

    machine.authority.refuse();
    let refused = client.read_file(Some(TO), path).await.unwrap_err();
    assert!(matches!(refused, client::Error::NotAuthorized { action } if action == action::READ));
    let all = FilesWish {
        all: true,
        owners: false,
    };
    assert!(client.file_changes(Some(FROM), None, all).await.is_err());
    assert!(
        client
            .file_changes(Some(FROM), None, FilesWish::default())
            .await
            .is_ok()
    );
}

async fn refusals() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, c) = machine.p2p().await;
    let changes = wire::ChangesProxy::new(&c).await.unwrap();
    for path in [&b""[..], b"/", b"a/../b", b"..", b"a\0b", &[b'x'; 5000]] {
        let reply = changes.read_file(38, path).await;
        assert!(matches!(ours(reply), Error::Invalid(_)), "{path:?}");
        assert!(matches!(
            ours(changes.file_versions(path).await),
            Error::Invalid(_)
        ));
    }
    let missing = Error::NoSuchSnapshot(SnapshotId(4711));
    assert_eq!(ours(changes.read_file(4711, b"etc/issue").await), missing);
    assert_eq!(ours(changes.files(4711, 0, Default::default()).await), missing);
    assert_eq!(ours(changes.files(0, 4711, Default::default()).await), missing);
    let unknown = [("path", zbus::Variant::from("/etc"))].into();
    assert!(matches!(
        ours(changes.files(26, 38, unknown).await),
        Error::Invalid(_)
    ));
    assert_eq!(machine.authority.asked(), []);
    let refused = |reply| match ours(reply) {
        Error::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(changes.read_file(38, b"no/such").await),
        RefusalCode::NoSuchFile
    );
    assert_eq!(
        refused(changes.read_file(38, b"etc").await),
        RefusalCode::NotAFile
    );
    assert!(changes.file_versions(b"no/such").await.unwrap().is_empty());
}

async fn browsing() {
    let machine = Machine::new(Scenario::Normal);
    let bus = PrivateBus::start().unwrap();
    let _served = machine.on(&bus).await;
    let client = ready_client(&bus).await.0;
    let directory = client.browse(TO).await.unwrap();
    assert_eq!(machine.authority.asked(), [(action::READ, true)]);
    let place = format!(
        "/proc/self/fd/{}/etc/issue",
        std::os::fd::AsRawFd::as_raw_fd(&directory)
    );
    let mut expected = Vec::new();
    let mut file = machine.engine.open_file(Some(TO), b"etc/issue").unwrap();
    file.content.read_to_end(&mut expected).unwrap();
    assert_eq!(std::fs::read(place).unwrap(), expected);
    let missing = client.browse(SnapshotId(4711)).await.unwrap_err();
    assert!(matches!(missing, client::Error::Refused(it) if it.code == RefusalCode::NoSuchSnapshot));
    assert_eq!(
        machine.authority.asked().len(),
        1,
        "nobody is asked about what is not there"
    );
    machine.authority.refuse();
    let refused = client.browse(TO).await.unwrap_err();
    assert!(matches!(refused, client::Error::NotAuthorized { action } if action == action::READ));
}

async fn leaving() {
    let machine = Machine::new(Scenario::Normal);
    let (_served, c) = machine.p2p().await;
    let changes = wire::ChangesProxy::new(&c).await.unwrap();
    // More than a user may have at a time, each given up at once.
    for _ in 0..40 {
        drop(changes.files(26, 38, Default::default()).await.unwrap());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // Short streams fit into their pipes: who does not read them holds no place.
    let mut unread = Vec::new();
    for _ in 0..10 {
        unread.push(changes.files(26, 38, Default::default()).await.unwrap());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(changes.packages(26, 38).await.is_ok());
    let rows = told(&machine);
    assert!(rows.iter().any(|row| row.kind == FileChangeKind::Changed));
}
