// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use std::os::fd::AsFd as _;

/// What transactional-update left after an installation and a second one that continued it, while snapshot 1 ran.
const RECORDED: &str = "LAST_WORKING_SNAPSHOTS=\"1 \"\nUNUSED_SNAPSHOTS=\"3 2 \"\nLAST_BOOTED=\"1\"\nREBOOT_ASSOCS[2]=reboot\n\
                        REBOOT_ASSOCS[3]=reboot\nFORCE_REFRESH=\"0\"\n";

fn with<T>(work: impl FnOnce(&std::path::Path, PlatformBooks<'_>) -> T) -> T {
    let root = tempfile::tempdir().unwrap();
    for path in ["usr/sbin", "run", "var/log"] {
        std::fs::create_dir_all(root.path().join(path)).unwrap();
    }
    std::fs::write(root.path().join("usr/sbin/transactional-update"), "").unwrap();
    let directory = std::fs::File::open(root.path()).unwrap();
    work(
        root.path(),
        PlatformBooks::of(Tree::new(directory.as_fd())).unwrap(),
    )
}

fn read(root: &std::path::Path, path: &str) -> Option<String> {
    std::fs::read_to_string(root.join(path)).ok()
}

#[test]
fn two_transactions_leave_what_transactional_update_leaves() {
    with(|root, books| {
        let one = Some(SnapshotId(1));
        books.committed(SnapshotId(2), one).unwrap();
        books.committed(SnapshotId(3), one).unwrap();
        assert_eq!(
            read(root, "var/lib/misc/transactional-update.state").unwrap(),
            RECORDED
        );
        assert_eq!(read(root, "run/reboot-needed").unwrap(), "reboot");
    });
    assert_eq!(StateFile::parse(RECORDED).to_text(), RECORDED);
}

#[test]
fn a_lesser_wish_is_raised_and_a_greater_one_stays() {
    with(|root, books| {
        std::fs::write(root.join("run/reboot-needed"), "soft-reboot").unwrap();
        books.raise_restart(RestartLevel::Reboot).unwrap();
        books.raise_restart(RestartLevel::Kexec).unwrap();
        assert_eq!(restart(books.tree), RestartLevel::Reboot);
        books.rolled_back(SnapshotId(1), Some(SnapshotId(1))).unwrap();
        assert_eq!(read(root, "run/reboot-needed"), None);
        assert_eq!(read(root, "var/lib/rollback/check-registration").unwrap(), "");
        books.rolled_back(SnapshotId(1), Some(SnapshotId(2))).unwrap();
        assert_eq!(read(root, "run/reboot-needed").unwrap(), "reboot");
        books.discarded(&[SnapshotId(1)]).unwrap();
        assert_eq!(read(root, "run/reboot-needed"), None);
        let state = read(root, "var/lib/misc/transactional-update.state").unwrap();
        assert_eq!(StateFile::parse(&state), StateFile::default());
    });
}

#[test]
fn hostile_states_become_numbers_and_codes() {
    let text = "LAST_WORKING_SNAPSHOTS=\"1 $(reboot) 1 0 -3 99999999999\"\nREBOOT_ASSOCS[2]=evil;reboot\n\
                REBOOT_ASSOCS[x]=reboot\nLAST_BOOTED=`id`\nOTHER=1\n";
    let state = StateFile::parse(text);
    assert_eq!(
        state,
        StateFile {
            last_working: vec![SnapshotId(1)],
            ..StateFile::default()
        }
    );
    assert!(!state.to_text().contains('$'));
}

#[test]
fn a_changed_product_is_noted() {
    with(|root, books| {
        let make = |words: &str| {
            let tree = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(tree.path().join(PRODUCTS)).unwrap();
            std::fs::write(tree.path().join(PRODUCTS).join("Kalpa.prod"), words).unwrap();
            tree
        };
        let (a, b) = (make("1"), make("2"));
        let open = |tree: &tempfile::TempDir| std::fs::File::open(tree.path()).unwrap();
        let (a, b) = (open(&a), open(&b));
        books
            .products(Tree::new(a.as_fd()), Tree::new(a.as_fd()))
            .unwrap();
        assert_eq!(read(root, "var/lib/rollback/check-registration"), None);
        books
            .products(Tree::new(a.as_fd()), Tree::new(b.as_fd()))
            .unwrap();
        assert!(read(root, "var/lib/rollback/check-registration").is_some());
    });
}

#[test]
fn the_log_gets_one_line() {
    with(|root, books| {
        books
            .log(Timestamp(1_795_000_000_000_000), "New default\nsnapshot is #4")
            .unwrap();
        let log = read(root, "var/log/transactional-update.log").unwrap();
        assert!(
            log.starts_with("2026-11-1") && log.ends_with(" New defaultsnapshot is #4\n"),
            "{log}"
        );
        assert_eq!(log.lines().count(), 1);
    });
}
