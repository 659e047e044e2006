// SPDX-License-Identifier: GPL-3.0-or-later
//! What cannot be worked on, said so, with nothing changed.

use crate::Case;
use crate::stage::{Rescue, Said, kedgectl, kedgectl_at, snapshot};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use support::bus::built;
use support::loop_btrfs::{has_program, run, unmount_all};
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    ("refused::a_place_that_is_not_there", not_there),
    ("refused::what_is_no_btrfs", no_btrfs),
    ("refused::a_btrfs_without_a_system", no_system),
    ("refused::a_read_only_mount_can_only_be_looked_at", read_only),
    ("refused::the_running_system", running),
    ("refused::a_second_one_at_the_same_time", second),
    ("refused::what_needs_a_running_system", needs_running),
    ("refused::without_the_helper", without_helper),
    ("refused::somebody_who_is_not_root", not_root),
    ("refused::damaged_books", damaged),
    ("refused::a_grub_that_names_a_subvolume", grub),
    ("refused::hostile_files_lead_nowhere", hostile),
];

fn refused(said: Said, words: &str) {
    let said = said.exited(3);
    assert!(said.talk.contains(words), "{said:?}");
    assert_eq!(said.out, "");
}

fn simple() -> Rescue {
    Rescue::new(Layout::Transactional, |disk| {
        assert_eq!(snapshot(disk, "target"), 2)
    })
}

fn not_there() {
    let said = kedgectl(Path::new("/nowhere/at all"), &["list"]).exited(1);
    assert!(
        said.talk.contains("Nothing has changed") && said.talk.contains("/nowhere/at all"),
        "{said:?}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    kedgectl(file.path(), &["rollback", "2"]).exited(1);
}

fn no_btrfs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    run("mount", ["-t", "tmpfs", "none", path]).unwrap();
    refused(kedgectl(folder.path(), &["rollback", "2"]), "no btrfs");
    unmount_all(folder.path()).unwrap();
    // Not even what a mount below would be.
    refused(kedgectl(Path::new("/proc"), &["list"]), "no btrfs");
}

fn no_system() {
    let disk = LoopBtrfs::empty(128).unwrap();
    refused(kedgectl(&disk.top(), &["list"]), "no snapshots");
    fs::create_dir_all(disk.top().join("usr")).unwrap();
    fs::create_dir_all(disk.top().join("etc")).unwrap();
    // A system without snapshots.
    refused(kedgectl(&disk.top(), &["rollback", "1"]), "no snapshots");
}

fn read_only() {
    let rescue = simple();
    for way in ["ro", "ro,subvolid=5"] {
        rescue.mount(way);
        assert_eq!(rescue.numbers(), [1, 2], "{way}");
        let before = fs::read(rescue.disk.image()).unwrap();
        refused(rescue.kedgectl(&["rollback", "2"]), "read-only");
        refused(rescue.kedgectl(&["delete", "2"]), "read-only");
        assert_eq!(rescue.default(), "@/.snapshots/1/snapshot");
        rescue.umount();
        assert!(
            fs::read(rescue.disk.image()).unwrap() == before,
            "{way}: something was written"
        );
    }
    // Writable elsewhere, but not where it was given.
    rescue.mount("subvolid=5");
    let second = tempfile::tempdir().unwrap();
    let text = second.path().to_str().unwrap();
    run("mount", ["--bind", rescue.mnt().to_str().unwrap(), text]).unwrap();
    run("mount", ["-o", "remount,ro,bind", text]).unwrap();
    refused(kedgectl(second.path(), &["rollback", "2"]), "read-only");
    unmount_all(second.path()).unwrap();
    rescue.kedgectl(&["rollback", "2"]).exited(0);
}

/// Lets a program run with another root directory, with what it needs there.
fn into(root: &Path, program: &Path) -> String {
    let told = run("ldd", [program]).unwrap();
    let libraries = told
        .split_ascii_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(Path::new);
    for file in libraries.chain([program]) {
        let to = root.join(file.strip_prefix("/").unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if !to.exists() {
            fs::copy(fs::canonicalize(file).unwrap(), &to).unwrap();
        }
    }
    program.to_str().unwrap().to_owned()
}

fn running() {
    let disk = LoopBtrfs::with_system(512, Layout::Classic, crate::stage::files).unwrap();
    let root = disk.root();
    let program = into(&root, &built("kedgectl").unwrap());
    into(&root, &built("kedge-helper").unwrap());
    let text = root.to_str().unwrap();
    for (kind, place) in [("proc", "proc"), ("tmpfs", "run")] {
        run("mount", ["-t", kind, kind, &format!("{text}/{place}")]).unwrap();
    }
    fs::create_dir_all(root.join("mnt")).unwrap();
    fs::create_dir_all(root.join("tmp")).unwrap();
    run(
        "mount",
        ["--bind", disk.top().to_str().unwrap(), &format!("{text}/mnt")],
    )
    .unwrap();
    for place in ["/mnt", "/"] {
        let mut command = Command::new("chroot");
        command.args([text, &program, "--root", place, "rollback", "1"]);
        refused(command.output().unwrap().into(), "running system");
    }
    assert_eq!(disk.default_path().unwrap(), "@/.snapshots/1/snapshot");
}

fn second() {
    let rescue = simple();
    rescue.mount("subvolid=5");
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut first = Command::new(built("kedge-helper").unwrap());
    first
        .arg("--offline")
        .arg(rescue.mnt())
        .stdin(std::os::fd::OwnedFd::from(theirs));
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = std::time::Instant::now();
    loop {
        let said = rescue.kedgectl(&["rollback", "2"]);
        if said.code == Some(3) {
            refused(said, "Another job");
            break;
        }
        // It had not begun yet.
        assert!(began.elapsed().as_secs() < 60, "{said:?}");
        rescue.kedgectl(&["rollback", "1"]).exited(0);
    }
    // It ends when nobody holds the other end of its socket.
    drop(ours);
    assert!(first.wait().unwrap().code().is_some());
    rescue.kedgectl(&["list"]).exited(0);
}

fn needs_running() {
    let rescue = simple();
    rescue.mount("noatime");
    for words in [
        &["create"][..],
        &["check"],
        &["update"],
        &["restore", "2", "/usr/file"],
        &["settings"],
        &["automatic"],
        &["nightly"],
        &["space"],
        &["try", "2"],
        &["status", "--verbose"],
    ] {
        let said = rescue.kedgectl(words).exited(3);
        assert!(said.talk.contains("does not run"), "{words:?}: {said:?}");
    }
    let both = rescue.kedgectl(&["--bus", "session", "list"]);
    both.exited(2);
}

fn without_helper() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("kedgectl");
    fs::copy(built("kedgectl").unwrap(), &alone).unwrap();
    let installed = Path::new("/usr/libexec/kedge-helper").exists();
    if !installed {
        kedgectl_at(&alone, folder.path(), &["list"]).exited(5);
    }
    // The system's own programs are enough, where they are installed there.
    fs::create_dir_all(folder.path().join("usr/bin")).unwrap();
    fs::create_dir_all(folder.path().join("usr/libexec")).unwrap();
    let own = folder.path().join("usr/bin/kedgectl");
    fs::copy(&alone, &own).unwrap();
    fs::copy(
        built("kedge-helper").unwrap(),
        folder.path().join("usr/libexec/kedge-helper"),
    )
    .unwrap();
    let rescue = simple();
    rescue.mount("noatime");
    kedgectl_at(&own, rescue.mnt(), &["rollback", "2"]).exited(0);
    assert_eq!(rescue.default(), "@/.snapshots/2/snapshot");
}

fn not_root() {
    if !has_program("setpriv") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kedgectl");
    fs::copy(built("kedgectl").unwrap(), &program).unwrap();
    run("chmod", ["755", folder.path().to_str().unwrap()]).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--clear-groups"])
        .arg(&program)
        .args(["--root", "/", "list"]);
    let said = Said::from(command.output().unwrap()).exited(4);
    assert!(said.talk.contains("root"), "{said:?}");
}

fn damaged() {
    let rescue = Rescue::new(Layout::Transactional, |disk| {
        assert_eq!(
            (
                snapshot(disk, "whole"),
                snapshot(disk, "damaged"),
                snapshot(disk, "without")
            ),
            (2, 3, 4)
        );
        fs::write(disk.snapshots().join("3/info.xml"), "<snapshot><num>no").unwrap();
        fs::remove_file(disk.snapshots().join("4/info.xml")).unwrap();
    });
    rescue.mount("subvolid=5");
    for number in ["3", "4"] {
        refused(rescue.kedgectl(&["rollback", number]), "info.xml");
    }
    rescue.kedgectl(&["rollback", "9"]).exited(3);
    assert_eq!(rescue.default(), "@/.snapshots/1/snapshot");
    rescue.kedgectl(&["rollback", "2"]).exited(0);
}

fn grub() {
    let rescue = Rescue::with(
        Layout::At,
        |root| {
            fs::create_dir_all(root.join("boot/grub"))?;
            fs::write(
                root.join("boot/grub/grub.cfg"),
                "menuentry 'Debian' {\n\tlinux /@/boot/vmlinuz-6.12.1 root=UUID=1 ro rootflags=subvol=@ quiet\n}\n",
            )
        },
        |disk| assert_eq!(snapshot(disk, "target"), 1),
    );
    rescue.mount("subvol=@");
    refused(rescue.kedgectl(&["rollback", "1"]), "boot loader");
    assert_eq!(rescue.default(), "@");
    assert_eq!(rescue.numbers(), [1]);
}

fn hostile() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "kept").unwrap();
    let rescue = Rescue::with(
        Layout::Classic,
        |root| {
            for place in ["var", "efi", "sys", "boot"] {
                run("rm", ["-rf", root.join(place).to_str().unwrap()])?;
            }
            for place in ["var", "efi", "sys"] {
                symlink(outside.path(), root.join(place))?;
            }
            let table = "\
                UUID=../../x /efi vfat rw 0 0\n/dev/zero /boot ext4 rw 0 0\n/dev/../etc /boot/efi ext4 rw 0 0\n\
                none / tmpfs rw 0 0\nUUID=0 /../../../etc btrfs subvol=/ 0 0\n\
                server:/x /boot nfs rw 0 0\n\\777\\ \\\\ \\\n";
            fs::write(root.join("etc/fstab"), table)
        },
        |disk| assert_eq!(snapshot(disk, "target"), 2),
    );
    rescue.mount("noatime");
    assert_eq!(rescue.numbers(), [1, 2]);
    rescue.kedgectl(&["rollback", "2"]).exited(0);
    assert_eq!(rescue.default(), "@/.snapshots/3/snapshot");
    let names: Vec<_> = fs::read_dir(outside.path())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(
        names,
        ["kept"],
        "something of the system was written outside of it"
    );
    // A link in the place of the snapshots leads nowhere either.
    rescue.umount();
    let linked = Rescue::with(
        Layout::At,
        |root| {
            // The subvolume goes elsewhere, and a link to the host's takes its place.
            fs::rename(root.join(".snapshots"), root.join("hidden"))?;
            symlink("/", root.join(".snapshots"))
        },
        |_| (),
    );
    linked.mount("noatime");
    refused(linked.kedgectl(&["rollback", "1"]), "no snapshots");
}
