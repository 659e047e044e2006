// SPDX-License-Identifier: GPL-3.0-or-later
//! A machine that systemd-boot starts: its boot partition is mounted by hand, or by the system's table; the firmware's
//! variables are those of the machine, whichever system runs on it.

use crate::Case;
use crate::stage::{Rescue, pending, snapshot, table};
use std::fs;
use std::path::{Path, PathBuf};
use support::Layout;
use support::loop_btrfs::{run, unmount_all};

pub(crate) const CASES: &[Case] = &[
    ("loader::a_partition_that_was_mounted_by_hand", by_hand),
    ("loader::a_partition_that_the_table_names", by_table),
    ("loader::an_update_on_trial_is_discarded", discarded),
    ("loader::a_partition_that_is_missing", missing),
    ("loader::variables_that_are_missing", no_variables),
];

const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

fn variable(name: &str) -> String {
    format!("firmware/efi/efivars/{name}-{VENDOR}")
}

fn encoded(value: &str) -> Vec<u8> {
    let units = value.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
    [7, 0, 0, 0].into_iter().chain(units).collect()
}

fn decoded(path: PathBuf) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let (units, _) = bytes[4..].as_chunks();
    let units: Vec<u16> = units
        .iter()
        .map(|pair| u16::from_le_bytes(*pair))
        .take_while(|it| *it != 0)
        .collect();
    Some(String::from_utf16(&units).unwrap())
}

/// What lies on a boot partition: an entry that another tool wrote.
fn fill_partition(at: &Path) {
    fs::create_dir_all(at.join("loader/entries")).unwrap();
    fs::create_dir_all(at.join("other")).unwrap();
    fs::write(at.join("other/linux"), "kernel").unwrap();
    fs::write(
        at.join("loader/entries/other-1.conf"),
        "title first\nversion 1\nlinux /other/linux\n\
         options root=LABEL=x rootflags=noatime,subvol=@/.snapshots/1/snapshot quiet\n",
    )
    .unwrap();
}

fn entries(at: &Path) -> Vec<String> {
    let names = fs::read_dir(at.join("loader/entries")).unwrap();
    let mut names: Vec<String> = names
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The firmware of the machine, as the running system shows it.
fn firmware() -> tempfile::TempDir {
    let sys = tempfile::tempdir().unwrap();
    fs::create_dir_all(sys.path().join("firmware/efi/efivars")).unwrap();
    // The running system was started by something else.
    fs::write(sys.path().join(variable("LoaderInfo")), encoded("GRUB 2.12")).unwrap();
    sys
}

fn bind(from: &Path, to: PathBuf) {
    run("mount", ["--bind", from.to_str().unwrap(), to.to_str().unwrap()]).unwrap();
}

fn assert_chosen(sys: &Path, esp: &Path) {
    let id = "kedge-2-6.12.1.conf";
    assert_eq!(
        decoded(sys.join(variable("LoaderEntryDefault"))).as_deref(),
        Some(id)
    );
    let text = fs::read_to_string(esp.join("loader/entries").join(id)).unwrap();
    // The kernel is told what it was told before, not what the rescue system's was told.
    let options = "options root=LABEL=x rootflags=noatime,subvol=@/.snapshots/2/snapshot quiet\n";
    assert!(text.contains(options), "{text}");
    let linux = text
        .lines()
        .find_map(|line| line.strip_prefix("linux /"))
        .unwrap();
    assert_eq!(fs::read(esp.join(linux)).unwrap(), vec![b'k'; 30_000]);
}

fn by_hand() {
    let (esp, sys) = (tempfile::tempdir().unwrap(), firmware());
    fill_partition(esp.path());
    let rescue = Rescue::new(Layout::Transactional, |disk| {
        assert_eq!(snapshot(disk, "target"), 2)
    });
    rescue.mount("noatime");
    bind(esp.path(), rescue.mnt().join("efi"));
    bind(sys.path(), rescue.mnt().join("sys"));
    let status = rescue.json(&["status"]);
    assert_eq!((&status["booted"], &status["default"]), (&1.into(), &1.into()));
    rescue.kedgectl(&["rollback", "2"]).exited(0);
    assert_chosen(sys.path(), esp.path());
    assert_eq!(rescue.default(), "@/.snapshots/2/snapshot");
    rescue.kedgectl(&["rollback", "1"]).exited(0);
    let chosen = decoded(sys.path().join(variable("LoaderEntryDefault")));
    assert_eq!(chosen.as_deref(), Some("other-1.conf"));
}

fn by_table() {
    let (esp, sys) = (tempfile::tempdir().unwrap(), firmware());
    // No FAT is needed to be found: the table says what it is.
    let image = esp.path().join("image");
    fs::File::create(&image).unwrap().set_len(24 << 20).unwrap();
    run("mkfs.ext4", ["-q", "-O", "^has_journal", image.to_str().unwrap()]).unwrap();
    let device = run("losetup", ["--find", "--show", image.to_str().unwrap()]).unwrap();
    let device = device.trim();
    let at = esp.path().join("at");
    fs::create_dir(&at).unwrap();
    run("mount", [device, at.to_str().unwrap()]).unwrap();
    fill_partition(&at);
    unmount_all(&at).unwrap();
    let rescue = Rescue::new(Layout::Transactional, |disk| {
        table(disk, &format!("{device} /efi ext4 defaults 0 0\n"));
        assert_eq!(snapshot(disk, "target"), 2);
    });
    rescue.mount("noatime");
    bind(sys.path(), rescue.mnt().join("sys"));
    let said = rescue.kedgectl(&["rollback", "2"]);
    run("mount", [device, at.to_str().unwrap()]).unwrap();
    run("losetup", ["--detach", device]).unwrap();
    said.exited(0);
    assert_chosen(sys.path(), &at);
    unmount_all(&at).unwrap();
}

fn discarded() {
    let (esp, sys) = (tempfile::tempdir().unwrap(), firmware());
    fill_partition(esp.path());
    let rescue = Rescue::new(Layout::Transactional, |disk| {
        assert_eq!(snapshot(disk, "Snapshot Update of #1"), 2);
        pending(disk, 2);
    });
    // As an update leaves it: on trial, the old one named as the default.
    let entry = fs::read_to_string(esp.path().join("loader/entries/other-1.conf")).unwrap();
    let entry = entry.replace("/1/", "/2/");
    fs::write(esp.path().join("loader/entries/kedge-2-6.12.1+3.conf"), entry).unwrap();
    fs::write(
        sys.path().join(variable("LoaderEntryDefault")),
        encoded("other-1.conf"),
    )
    .unwrap();
    fs::write(
        sys.path().join(variable("LoaderEntryOneShot")),
        encoded("kedge-2-6.12.1.conf"),
    )
    .unwrap();
    rescue.mount("noatime");
    bind(esp.path(), rescue.mnt().join("efi"));
    bind(sys.path(), rescue.mnt().join("sys"));
    let status = rescue.json(&["status"]);
    assert_eq!(
        (&status["booted"], &status["default"]),
        (&1.into(), &2.into()),
        "{status}"
    );
    rescue.kedgectl(&["discard"]).exited(0);
    assert_eq!(decoded(sys.path().join(variable("LoaderEntryOneShot"))), None);
    let chosen = decoded(sys.path().join(variable("LoaderEntryDefault")));
    assert_eq!(chosen.as_deref(), Some("other-1.conf"));
    assert_eq!(rescue.numbers(), [1]);
}

/// systemd-boot's program is what tells that there has to be a partition.
fn with_loader() -> Rescue {
    Rescue::with(
        Layout::Transactional,
        |root| fs::create_dir_all(root.join("usr/lib/systemd/boot/efi")),
        |disk| assert_eq!(snapshot(disk, "target"), 2),
    )
}

fn missing() {
    let rescue = with_loader();
    rescue.mount("noatime");
    let said = rescue.kedgectl(&["rollback", "2"]).exited(3);
    assert!(said.talk.contains("partition"), "{said:?}");
    assert_eq!(rescue.default(), "@/.snapshots/1/snapshot");
}

fn no_variables() {
    let (esp, sys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill_partition(esp.path());
    let rescue = with_loader();
    rescue.mount("noatime");
    bind(esp.path(), rescue.mnt().join("efi"));
    bind(sys.path(), rescue.mnt().join("sys"));
    let said = rescue.kedgectl(&["rollback", "2"]).exited(3);
    assert!(said.talk.contains("UEFI"), "{said:?}");
    assert_eq!(entries(esp.path()), ["other-1.conf"]);
    assert_eq!(rescue.default(), "@/.snapshots/1/snapshot");
}
