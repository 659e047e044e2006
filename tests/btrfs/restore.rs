// SPDX-License-Identifier: GPL-3.0-or-later
//! One file back out of a snapshot: with everything it has, and nowhere else.

use crate::Case;
use crate::fixture::{Machine, open, refusal};
use engine::{Engine, Error, Outcome};
use model::{RefusalCode, RestoreTo, SnapshotId};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use support::loop_btrfs::run;
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    ("restore::a_file_comes_back_with_everything", with_everything),
    ("restore::beside_replaces_nothing", beside),
    ("restore::nothing_leads_elsewhere", elsewhere),
    (
        "restore::a_read_only_system_gets_it_with_the_next_restart",
        read_only,
    ),
];

impl Machine {
    fn restore(&self, number: u32, path: &str, to: RestoreTo) -> Result<Outcome<Option<SnapshotId>>, Error> {
        self.with(|context| {
            self.engine
                .restore(SnapshotId(number), path.as_bytes(), to, context)
        })
    }
}

/// Names in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn attribute(path: &Path, name: &str) -> Vec<u8> {
    let mut value = vec![0; 1024];
    let length = rustix::fs::lgetxattr(path, name, &mut value).unwrap();
    value.truncate(length);
    value
}

fn set_attribute(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

fn with_everything() {
    let machine = Machine::new(Layout::Classic);
    let file = machine.disk.root().join("usr/file");
    fs::write(&file, "the old words\n".repeat(1000)).unwrap();
    chown(&file, Some(1234), Some(4321)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4750)).unwrap();
    set_attribute(&file, "user.note", b"kept");
    set_attribute(&file, "security.selinux", b"system_u:object_r:etc_t:s0");
    // An access list: version 2; owner rwx, user 77 r, group r-x, mask r-x, others none.
    let mut list = vec![2, 0, 0, 0];
    for (tag, permissions, id) in [
        (1_u16, 7_u16, u32::MAX),
        (2, 4, 77),
        (4, 5, u32::MAX),
        (16, 5, u32::MAX),
        (32, 0, u32::MAX),
    ] {
        list.extend_from_slice(&tag.to_le_bytes());
        list.extend_from_slice(&permissions.to_le_bytes());
        list.extend_from_slice(&id.to_le_bytes());
    }
    set_attribute(&file, "system.posix_acl_access", &list);
    symlink("file", machine.disk.root().join("usr/link")).unwrap();
    run("sync", ["-f", machine.disk.top().to_str().unwrap()]).unwrap();
    let before = fs::metadata(&file).unwrap();
    let number = machine.create("before");
    fs::write(&file, "new\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(machine.disk.root().join("usr/link")).unwrap();
    let done = machine.restore(number, "/usr//file", RestoreTo::Replace).unwrap();
    assert_eq!(done, Outcome::Changed(None));
    let after = fs::metadata(&file).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap().len(), 14_000);
    assert_eq!(
        (
            after.uid(),
            after.gid(),
            after.mode(),
            after.mtime(),
            after.mtime_nsec()
        ),
        (1234, 4321, before.mode(), before.mtime(), before.mtime_nsec())
    );
    assert_eq!(attribute(&file, "user.note"), b"kept");
    assert_eq!(
        attribute(&file, "security.selinux"),
        b"system_u:object_r:etc_t:s0"
    );
    assert_eq!(attribute(&file, "system.posix_acl_access"), list);
    // As the helper sees the system: what it may not write to by mistake is read-only.
    let usr = machine.disk.root().join("usr");
    let usr = usr.to_str().unwrap();
    run("mount", ["--bind", usr, usr]).unwrap();
    run("mount", ["-o", "remount,bind,ro", usr]).unwrap();
    let done = machine.restore(number, "usr/link", RestoreTo::Replace).unwrap();
    assert_eq!(done, Outcome::Changed(None));
    run("umount", [usr]).unwrap();
    let link = fs::read_link(machine.disk.root().join("usr/link")).unwrap();
    assert_eq!(link, Path::new("file"));
    assert_eq!(names(&machine.disk.root().join("usr")), ["file", "link"]);
}

fn beside() {
    let machine = Machine::new(Layout::Classic);
    let usr = machine.disk.root().join("usr");
    let number = machine.create("before");
    fs::write(usr.join("file"), "two\n").unwrap();
    for _ in 0..2 {
        machine.restore(number, "usr/file", RestoreTo::Beside).unwrap();
    }
    let (first, second) = (format!("file.from-{number}"), format!("file.from-{number}.2"));
    assert_eq!(names(&usr), ["file".to_owned(), first.clone(), second]);
    assert_eq!(fs::read_to_string(usr.join("file")).unwrap(), "two\n");
    assert_eq!(fs::read_to_string(usr.join(first)).unwrap(), "one\n");
}

fn elsewhere() {
    let machine = Machine::new(Layout::Classic);
    let root = machine.disk.root();
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(root.join("usr/folder")).unwrap();
    fs::write(root.join("usr/folder/file"), "old\n").unwrap();
    symlink(outside.path(), root.join("usr/away")).unwrap();
    run("mkfifo", [root.join("usr/pipe").to_str().unwrap()]).unwrap();
    let number = machine.create("before");
    // In the snapshot: a link on the way, what is no file, what is not there, what leaves it.
    let refused = |path: &str, to| refusal(machine.restore(number, path, to)).0;
    assert_eq!(
        refused("usr/away/file", RestoreTo::Beside),
        RefusalCode::NoSuchFile
    );
    assert_eq!(refused("usr/pipe", RestoreTo::Beside), RefusalCode::NotAFile);
    assert_eq!(refused("usr/folder", RestoreTo::Replace), RefusalCode::NotAFile);
    assert_eq!(refused("usr/none", RestoreTo::Replace), RefusalCode::NoSuchFile);
    assert_eq!(refused("../info.xml", RestoreTo::Beside), RefusalCode::NoSuchFile);
    assert_eq!(refused("", RestoreTo::Beside), RefusalCode::NoSuchFile);
    // In the system: a link where the directory was, another filesystem over it, a directory in the file's place.
    let folder = root.join("usr/folder");
    fs::rename(&folder, root.join("usr/moved")).unwrap();
    symlink(outside.path(), &folder).unwrap();
    assert_eq!(
        refused("usr/folder/file", RestoreTo::Replace),
        RefusalCode::NoSuchFile
    );
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    run(
        "mount",
        [
            "--bind",
            outside.path().to_str().unwrap(),
            folder.to_str().unwrap(),
        ],
    )
    .unwrap();
    assert_eq!(
        refused("usr/folder/file", RestoreTo::Replace),
        RefusalCode::NoSuchFile
    );
    run("umount", [folder.to_str().unwrap()]).unwrap();
    fs::create_dir(folder.join("file")).unwrap();
    assert_eq!(
        refused("usr/folder/file", RestoreTo::Replace),
        RefusalCode::NotAFile
    );
    assert!(names(outside.path()).is_empty());
    assert_eq!(names(&folder), ["file"]);
    // A link in the file's own place is replaced, not followed.
    fs::remove_dir(folder.join("file")).unwrap();
    fs::write(outside.path().join("target"), "mine\n").unwrap();
    symlink(outside.path().join("target"), folder.join("file")).unwrap();
    machine
        .restore(number, "usr/folder/file", RestoreTo::Replace)
        .unwrap();
    assert_eq!(
        fs::read_to_string(outside.path().join("target")).unwrap(),
        "mine\n"
    );
    assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "old\n");
}

fn read_only() {
    let disk = LoopBtrfs::with_system(256, Layout::Transactional, |root| {
        fs::create_dir(root.join("run"))?;
        fs::write(root.join("etc/hostname"), "kedge\n")?;
        fs::write(root.join("usr/file"), "one\n")
    })
    .unwrap();
    // Where the locks are.
    let place = disk.root().join("run");
    run("mount", ["-t", "tmpfs", "kedge", place.to_str().unwrap()]).unwrap();
    let engine = open(&disk.root());
    let machine = Machine { engine, disk };
    // Its root is mounted writable here, but the subvolume is read-only; /etc is writable.
    let number = machine.create("before");
    fs::write(machine.disk.root().join("etc/hostname"), "other\n").unwrap();
    let done = machine
        .restore(number, "etc/hostname", RestoreTo::Replace)
        .unwrap();
    assert_eq!(done, Outcome::Changed(None));
    assert_eq!(
        fs::read_to_string(machine.disk.root().join("etc/hostname")).unwrap(),
        "kedge\n"
    );
    let before = fs::read(machine.disk.root().join("usr/file")).unwrap();
    let Outcome::Changed(Some(made)) = machine.restore(number, "usr/file", RestoreTo::Beside).unwrap() else {
        panic!("not by a new snapshot");
    };
    let system = machine.system();
    assert_eq!(system.default, Some(made));
    let snapshot = &system.snapshots[&made];
    assert!(snapshot.read_only && snapshot.is_not_booted() && !snapshot.is_in_progress());
    let name = format!("usr/file.from-{number}");
    assert_eq!(
        fs::read(machine.disk.snapshot(made.0).join(&name)).unwrap(),
        before
    );
    assert!(!machine.disk.root().join(&name).exists());
    // Discarding it is the way back.
    assert_eq!(machine.discard().unwrap(), Outcome::Changed(vec![made]));
}
