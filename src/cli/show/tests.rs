// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use model::{Cleanup, Concern, Edit, SnapshotId, Uuid};
use std::collections::BTreeMap;

fn snapshot_of(id: u32, description: &str) -> Snapshot {
    Snapshot {
        id: SnapshotId(id),
        kind: SnapshotKind::Single,
        pre: None,
        time: Timestamp::from_seconds(1_772_436_600),
        uid: 1000,
        description: description.into(),
        cleanup: Cleanup::default(),
        userdata: BTreeMap::new(),
        read_only: true,
        uuid: Uuid::default(),
        parent_uuid: Uuid::default(),
        condition: Condition::Complete,
    }
}

fn state_of(snapshots: &[Snapshot]) -> State {
    State {
        snapshots: snapshots.iter().map(|it| (it.id, it.clone())).collect(),
        booted: Some(SnapshotId(1)),
        default: Some(SnapshotId(2)),
        ..State::default()
    }
}

fn change(name: &str, kind: ChangeKind, old: &str, new: &str) -> PackageChange {
    PackageChange {
        name: name.into(),
        arch: "x86_64".into(),
        kind,
        old: old.into(),
        new: new.into(),
        download_size: 0,
        origin: String::new(),
        security: name == "curl",
        fixes: Vec::new(),
    }
}

#[test]
fn a_list_marks_what_runs_and_what_starts_next() {
    let mut pinned = snapshot_of(12, "evil\u{1b}[2J\nname");
    Edit {
        pinned: Some(true),
        ..Edit::default()
    }
    .apply(&mut pinned);
    let state = state_of(&[snapshot_of(1, "one"), snapshot_of(2, "two"), pinned]);
    let text = list(&state, &state.snapshots.values().collect::<Vec<_>>());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[1].starts_with("* 1 ") && lines[1].contains("running"),
        "{text}"
    );
    assert!(
        lines[2].starts_with("> 2 ") && lines[2].contains("starts next"),
        "{text}"
    );
    assert!(
        lines[3].starts_with("  12") && lines[3].contains("pinned"),
        "{text}"
    );
    assert!(lines[3].ends_with("evil\\u{1b}[2J\\u{a}name"), "{text}");
    assert!(!lines[0].contains("Cleanup"), "no snapshot has one: {text}");
}

#[test]
fn an_empty_list_says_what_to_do() {
    assert!(list(&State::default(), &[]).contains("kedgectl create"));
    assert_eq!(
        list(&state_of(&[snapshot_of(1, "x")]), &[]),
        "No snapshot matches.\n"
    );
}

#[test]
fn changes_name_kernels_first_and_count_kinds() {
    let it = [
        change("curl", ChangeKind::Upgraded, "1", "2"),
        change("kernel-default", ChangeKind::Upgraded, "6.18", "6.19"),
        change("vim", ChangeKind::Removed, "9", ""),
        change("nano", ChangeKind::Added, "", "8"),
    ];
    assert_eq!(
        changes(&it),
        "  upgraded  kernel-default  6.18 -> 6.19\n  upgraded  curl            1 -> 2        security\n  removed   vim             9\n  new       nano            8\n"
    );
    assert_eq!(summary(&it), "4 packages differ: 2 upgraded, 1 new, 1 removed.");
    assert_eq!(summary(&it[..1]), "1 package differs: 1 upgraded.");
    assert_eq!(summary(&[]), "No packages differ.");
}

#[test]
fn a_plan_tells_its_concerns_and_never_counts_what_it_cannot_read() {
    let state = state_of(&[snapshot_of(1, "one")]);
    let mut it = Plan {
        target: SnapshotId(1),
        changes: vec![change("vim", ChangeKind::Removed, "9", "")],
        restart: Restart::Reboot,
        concerns: vec![Concern::LosesSecurityFixes],
    };
    let text = plan(&it, &state);
    assert!(
        text.contains("! Security fixes") && text.contains("1 package differs: 1 removed."),
        "{text}"
    );
    it.concerns = vec![Concern::PackagesUnknown];
    assert!(!plan(&it, &state).contains("differ"), "{}", plan(&it, &state));
}

#[test]
fn a_set_of_updates_is_summed_up() {
    let set = UpdateSet {
        packages: vec![change("curl", ChangeKind::Upgraded, "1", "2")],
        download_size: 2048,
        installed_delta: -1024,
    };
    let text = update_set(&set);
    assert!(
        text.starts_with(
            "1 update is available, 1 of them for security: 2.0 KiB to download, and 1.0 KiB less on"
        ),
        "{text}"
    );
    assert_eq!(update_set(&UpdateSet::default()), "The system is up to date.\n");
}
