// SPDX-License-Identifier: GPL-3.0-or-later
//! The ten cases of the rule, each with both sides.

use super::*;
use rustix::fs::{CWD, Timespec, Timestamps, XattrFlags};
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// Three directories, whose files all have the same time unless a case changes it.
struct Fixture(tempfile::TempDir);

/// The time that everything has at first.
const THEN: i64 = 1_700_000_000;

fn set_time(path: &Path, seconds: i64) {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: 5,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn settle(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            settle(&entry.unwrap().path());
        }
    }
    set_time(path, THEN);
}

impl Fixture {
    /// The same files on all three sides, made by `fill`.
    fn new(fill: impl Fn(&Path)) -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        for side in [this.old(), this.new_side(), this.sync_point()] {
            fs::create_dir(&side).unwrap();
            fill(&side);
            settle(&side);
        }
        this
    }

    fn old(&self) -> PathBuf {
        self.0.path().join("old")
    }

    fn new_side(&self) -> PathBuf {
        self.0.path().join("new")
    }

    fn sync_point(&self) -> PathBuf {
        self.0.path().join("sync")
    }

    fn with<T>(&self, work: impl FnOnce(Three<'_>) -> T) -> T {
        let [old, new, sync] =
            [self.old(), self.new_side(), self.sync_point()].map(|path| File::open(path).unwrap());
        work(Three {
            old: old.as_fd(),
            new: new.as_fd(),
            sync_point: sync.as_fd(),
        })
    }

    fn plan(&self) -> Vec<(String, Action)> {
        let plan = self.with(plan).unwrap();
        plan.into_iter()
            .map(|(path, action)| (entry::shown(&path), action))
            .collect()
    }

    /// Merges, and returns what was told.
    fn merge(&self) -> Vec<String> {
        let mut told = Vec::new();
        self.with(|three| apply(three, &plan(three)?, |line| told.push(line)))
            .unwrap();
        told
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.new_side().join(path)).ok()
    }
}

fn write(side: &Path, path: &str, words: &str) {
    let path = side.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, words).unwrap();
}

fn step(path: &str, action: Action) -> (String, Action) {
    (path.to_owned(), action)
}

/// Only the files: a directory's time changes with what is in it, which is no matter here.
fn files(plan: Vec<(String, Action)>, names: &[&str]) -> Vec<(String, Action)> {
    plan.into_iter()
        .filter(|(path, _)| names.contains(&path.as_str()))
        .collect()
}

#[test]
fn case_1_unchanged() {
    let it = Fixture::new(|side| {
        write(side, "hosts", "one\n");
        write(side, "deep/er/file", "x");
    });
    assert_eq!(it.plan(), []);
    assert!(it.merge().is_empty());
}

#[test]
fn case_2_changed_on_either_side_or_both() {
    let it = Fixture::new(|side| {
        for name in ["by-old", "by-new", "by-both"] {
            write(side, name, "before\n");
        }
    });
    write(&it.old(), "by-old", "old's\n");
    write(&it.new_side(), "by-new", "new's\n");
    write(&it.old(), "by-both", "old's\n");
    write(&it.new_side(), "by-both", "new's\n");
    let expected = [
        step("by-both", Action::Keep),
        step("by-new", Action::Keep),
        step("by-old", Action::Copy),
    ];
    assert_eq!(it.plan(), expected);
    it.merge();
    assert_eq!(it.read("by-old").unwrap(), "old's\n");
    assert_eq!(it.read("by-new").unwrap(), "new's\n");
    assert_eq!(it.read("by-both").unwrap(), "new's\n");
}

#[test]
fn case_3_added_on_either_side_or_both() {
    let it = Fixture::new(|side| write(side, "dir/present", ""));
    write(&it.old(), "dir/from-old", "old's\n");
    write(&it.new_side(), "dir/from-new", "new's\n");
    write(&it.old(), "both", "old's\n");
    write(&it.new_side(), "both", "new's\n");
    write(&it.old(), "tree/a/b", "old's\n");
    it.merge();
    assert_eq!(it.read("dir/from-old").unwrap(), "old's\n");
    assert_eq!(it.read("dir/from-new").unwrap(), "new's\n");
    assert_eq!(it.read("both").unwrap(), "new's\n");
    assert_eq!(it.read("tree/a/b").unwrap(), "old's\n");
}

#[test]
fn case_4_deleted_in_the_old_system() {
    let it = Fixture::new(|side| {
        for name in [
            "gone",
            "changed-in-new",
            "dir/a",
            "dir/sub/b",
            "kept/a",
            "kept/b",
            "kept-not/a",
        ] {
            write(side, name, "before\n");
        }
    });
    fs::remove_file(it.old().join("gone")).unwrap();
    fs::remove_file(it.old().join("changed-in-new")).unwrap();
    write(&it.new_side(), "changed-in-new", "new's\n");
    for dir in ["dir", "kept", "kept-not"] {
        fs::remove_dir_all(it.old().join(dir)).unwrap();
    }
    // Something below was changed: that stays, the rest goes. A name that only begins the same is no matter.
    write(&it.new_side(), "kept/b", "new's\n");
    it.merge();
    assert_eq!(it.read("gone"), None);
    assert_eq!(it.read("changed-in-new").unwrap(), "new's\n");
    assert!(!it.new_side().join("dir").exists() && !it.new_side().join("kept-not").exists());
    assert_eq!(
        (it.read("kept/a"), it.read("kept/b").unwrap()),
        (None, "new's\n".to_owned())
    );
}

#[test]
fn case_5_deleted_in_the_new_snapshot() {
    let it = Fixture::new(|side| {
        write(side, "gone", "before\n");
        write(side, "dir/a", "before\n");
    });
    fs::remove_file(it.new_side().join("gone")).unwrap();
    fs::remove_dir_all(it.new_side().join("dir")).unwrap();
    // The old system changed what the update removed, and added to a directory that is gone.
    write(&it.old(), "gone", "old's\n");
    write(&it.old(), "dir/a", "old's\n");
    write(&it.old(), "dir/new", "old's\n");
    let told = it.merge();
    assert!(!it.new_side().join("gone").exists() && !it.new_side().join("dir").exists());
    assert!(
        told.iter().any(|line| line.contains("dir/new was deleted")),
        "{told:?}"
    );
}

#[test]
fn case_6_another_type() {
    let it = Fixture::new(|side| {
        write(side, "file-to-dir", "x");
        write(side, "dir-to-file/a", "x");
        write(side, "file-to-link", "x");
        write(side, "new-made-link/a", "x");
    });
    let old = it.old();
    fs::remove_file(old.join("file-to-dir")).unwrap();
    write(&old, "file-to-dir/inside", "old's\n");
    fs::remove_dir_all(old.join("dir-to-file")).unwrap();
    write(&old, "dir-to-file", "old's\n");
    fs::remove_file(old.join("file-to-link")).unwrap();
    symlink("../run/x", old.join("file-to-link")).unwrap();
    // The update made a link of a directory: what the old system adds below must not follow it out.
    fs::remove_dir_all(it.new_side().join("new-made-link")).unwrap();
    let outside = it.0.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, it.new_side().join("new-made-link")).unwrap();
    write(&old, "new-made-link/b", "old's\n");
    it.merge();
    assert_eq!(it.read("file-to-dir/inside").unwrap(), "old's\n");
    assert_eq!(it.read("dir-to-file").unwrap(), "old's\n");
    assert_eq!(
        fs::read_link(it.new_side().join("file-to-link")).unwrap(),
        Path::new("../run/x")
    );
    assert!(it.new_side().join("new-made-link").is_symlink());
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
}

#[test]
fn case_7_attributes() {
    let it = Fixture::new(|side| {
        for name in ["mode", "time", "size", "content-only", "owner"] {
            write(side, name, "before\n");
        }
        fs::create_dir(side.join("dir")).unwrap();
    });
    let old = it.old();
    fs::set_permissions(old.join("mode"), fs::Permissions::from_mode(0o600)).unwrap();
    set_time(&old.join("time"), THEN + 1);
    write(&old, "size", "longer than before\n");
    set_time(&old.join("size"), THEN);
    // The rule does not compare contents.
    write(&old, "content-only", "BEFORE\n");
    set_time(&old.join("content-only"), THEN);
    fs::set_permissions(old.join("dir"), fs::Permissions::from_mode(0o711)).unwrap();
    set_time(&old.join("dir"), THEN + 7);
    let names = ["mode", "time", "size", "content-only", "dir"];
    let expected = ["dir", "mode", "size", "time"].map(|name| step(name, Action::Copy));
    assert_eq!(files(it.plan(), &names), expected);
    it.merge();
    let is = |name: &str| fs::metadata(it.new_side().join(name)).unwrap();
    assert_eq!(is("mode").mode() & 0o7777, 0o600);
    assert_eq!((is("time").mtime(), is("time").mtime_nsec()), (THEN + 1, 5));
    assert_eq!(it.read("size").unwrap(), "longer than before\n");
    assert_eq!(it.read("content-only").unwrap(), "before\n");
    assert_eq!((is("dir").mode() & 0o7777, is("dir").mtime()), (0o711, THEN + 7));
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(old.join("owner"), Some(7), Some(8)).unwrap();
        fs::set_permissions(old.join("owner"), fs::Permissions::from_mode(0o4755)).unwrap();
        it.merge();
        assert_eq!(
            (is("owner").uid(), is("owner").gid(), is("owner").mode() & 0o7777),
            (7, 8, 0o4755)
        );
    }
}

#[test]
fn case_8_extended_attributes() {
    let it = Fixture::new(|side| {
        write(side, "set", "x");
        write(side, "gone", "x");
    });
    let name = "user.kedge-test";
    let set = |path: PathBuf, value: &[u8]| {
        rustix::fs::setxattr(&path, name, value, XattrFlags::empty())
            .map(|()| set_time(&path, THEN))
            .is_ok()
    };
    let sides = [it.old(), it.new_side(), it.sync_point()];
    // A filesystem without attributes of users has nothing to merge.
    if !sides.iter().all(|side| set(side.join("gone"), b"1")) {
        assert_eq!(it.plan(), []);
        return;
    }
    assert_eq!(it.plan(), []);
    assert!(set(it.old().join("set"), b"a\0b"));
    rustix::fs::removexattr(it.old().join("gone"), name).unwrap();
    it.merge();
    let mut value = [0; 16];
    let length = rustix::fs::getxattr(it.new_side().join("set"), name, &mut value[..]).unwrap();
    assert_eq!(&value[..length], b"a\0b");
    assert!(rustix::fs::getxattr(it.new_side().join("gone"), name, &mut value[..]).is_err());
}

#[test]
fn case_9_special_names_and_files() {
    let it = Fixture::new(|side| write(side, "etc.syncpoint/transactional-update.comparewith", "1\n"));
    let names: [&[u8]; 5] = [b" blank ", b"new\nline", b"\xff\xfe", "Öl".as_bytes(), b"-n"];
    for name in names {
        fs::write(it.old().join(std::ffi::OsStr::from_bytes(name)), "old's\n").unwrap();
    }
    rustix::fs::mknodat(
        CWD,
        it.old().join("pipe"),
        FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    symlink("nowhere", it.old().join("dangling")).unwrap();
    write(&it.old(), "etc.syncpoint/other", "");
    let told = it.merge();
    for name in names {
        let path = it.new_side().join(std::ffi::OsStr::from_bytes(name));
        assert_eq!(fs::read_to_string(path).unwrap(), "old's\n");
    }
    assert!(
        told.iter()
            .any(|line| line.starts_with("Unsupported file type of pipe")),
        "{told:?}"
    );
    assert!(!it.new_side().join("pipe").exists());
    assert_eq!(
        fs::read_link(it.new_side().join("dangling")).unwrap(),
        Path::new("nowhere")
    );
    assert!(
        !it.new_side().join("etc.syncpoint/other").exists(),
        "the sync point is no part of it"
    );
}

#[test]
fn case_10_directories() {
    let it = Fixture::new(|side| {
        fs::create_dir(side.join("empty-gone")).unwrap();
        fs::create_dir(side.join("filled")).unwrap();
        write(side, "both/a", "x");
    });
    fs::remove_dir(it.old().join("empty-gone")).unwrap();
    fs::create_dir(it.old().join("empty-new")).unwrap();
    fs::set_permissions(it.old().join("empty-new"), fs::Permissions::from_mode(0o750)).unwrap();
    write(&it.old(), "filled/deep/file", "old's\n");
    set_time(&it.old().join("filled"), THEN + 9);
    write(&it.old(), "both/from-old", "old's\n");
    write(&it.new_side(), "both/from-new", "new's\n");
    it.merge();
    assert!(!it.new_side().join("empty-gone").exists());
    let made = fs::metadata(it.new_side().join("empty-new")).unwrap();
    assert!(made.is_dir() && made.mode() & 0o7777 == 0o750);
    assert_eq!(it.read("filled/deep/file").unwrap(), "old's\n");
    // What was put into it comes after, and its time is the old one's all the same.
    assert_eq!(
        fs::metadata(it.new_side().join("filled")).unwrap().mtime(),
        THEN + 9
    );
    assert_eq!(it.read("both/from-old").unwrap(), "old's\n");
    assert_eq!(it.read("both/from-new").unwrap(), "new's\n");
}
