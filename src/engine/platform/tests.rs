// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::Outcome;
use model::RestartLevel;
use std::os::fd::AsFd as _;
use std::path::Path;

const KNOWN: Known = Known {
    etc_is_nested: true,
    read_only_root: true,
    writer: Writer::Native,
};

fn write(root: &Path, path: &str, words: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, words).unwrap();
}

/// A machine laid out as MicroOS is.
fn microos() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for tool in [
        "usr/bin/snapper",
        "usr/sbin/snapperd",
        "usr/sbin/tukit",
        "usr/bin/zypper",
    ] {
        write(root.path(), tool, "");
    }
    write(root.path(), "usr/sbin/transactional-update", "");
    write(
        root.path(),
        "etc/fstab",
        "# x\n/etc /etc none bind,x-initrd.mount 0 0\n",
    );
    write(
        root.path(),
        "etc/sysconfig/snapper",
        "SNAPPER_CONFIGS=\"root home ../x\"\n",
    );
    write(root.path(), "etc/snapper/configs/root", "SUBVOLUME=\"/\"\n");
    write(root.path(), "etc/snapper/configs/home", "SUBVOLUME=\"/home\"\n");
    write(
        root.path(),
        "usr/etc/transactional-update.conf",
        "REBOOT_METHOD=notify\n",
    );
    write(root.path(), "etc/transactional-update.conf", "UPDATE_METHOD=up\n");
    let timer = "[Timer]\nOnCalendar=daily\nRandomizedDelaySec=2h\nPersistent=true\n";
    write(
        root.path(),
        "usr/lib/systemd/system/transactional-update.timer",
        timer,
    );
    write(root.path(), "run/reboot-needed", "soft-reboot");
    root
}

fn with<T>(root: &Path, work: impl FnOnce(Tree<'_>) -> T) -> T {
    let root = std::fs::File::open(root).unwrap();
    work(Tree::new(root.as_fd()))
}

#[test]
fn an_empty_machine_has_nothing() {
    let root = tempfile::tempdir().unwrap();
    let known = Known {
        etc_is_nested: false,
        read_only_root: false,
        ..KNOWN
    };
    assert_eq!(with(root.path(), |tree| read(tree, known)), Platform::default());
}

#[test]
fn a_microos_is_recognized() {
    let root = microos();
    let platform = with(root.path(), |tree| read(tree, KNOWN));
    let tools: Vec<_> = platform.tools.iter().map(|tool| tool.as_str()).collect();
    assert_eq!(
        tools,
        ["snapper", "snapperd", "tukit", "transactional-update", "zypper"]
    );
    assert_eq!(
        (platform.etc, platform.transactor),
        (EtcLayout::Nested, Transactor::Tukit)
    );
    assert_eq!(
        (&*platform.update_method, &*platform.reboot_method),
        ("up", "notify")
    );
    assert_eq!(platform.restart, RestartLevel::SoftReboot);
    let configs: Vec<_> = platform
        .configs
        .iter()
        .map(|it| (&*it.name, &*it.subvolume))
        .collect();
    assert_eq!(configs, [("root", "/"), ("home", "/home")]);
    let timer = &platform.timers[0];
    assert_eq!(
        (&*timer.schedule, timer.delay, timer.enabled),
        ("daily", 7200, false)
    );
    assert_eq!(platform.nightly, Nightly::Nobody);
    write(
        root.path(),
        "etc/fstab",
        "overlay /etc overlay defaults,lowerdir=/sysroot/etc 0 0\n",
    );
    assert_eq!(
        with(root.path(), |tree| read(tree, KNOWN)).etc,
        EtcLayout::Overlay
    );
}

#[test]
fn the_nightly_job_changes_hands_and_back() {
    let root = microos();
    let wants = "etc/systemd/system/timers.target.wants/transactional-update.timer";
    write(root.path(), wants, "");
    let nightly = || with(root.path(), |tree| read(tree, KNOWN).nightly);
    assert_eq!(nightly(), Nightly::Distribution);
    let set = |ours| with(root.path(), |tree| nightly::set(tree, ours)).unwrap();
    assert_eq!((set(true), set(true)), (Outcome::Changed(()), Outcome::Unchanged));
    assert_eq!(nightly(), Nightly::Kedge);
    assert_eq!(
        (set(false), set(false)),
        (Outcome::Changed(()), Outcome::Unchanged)
    );
    assert_eq!(nightly(), Nightly::Distribution);
    // Masked: a link to what is no file.
    let unit = root.path().join("etc/systemd/system/transactional-update.timer");
    std::os::unix::fs::symlink("/dev/null", unit).unwrap();
    assert_eq!(nightly(), Nightly::Nobody);
    std::fs::remove_file(root.path().join("usr/sbin/transactional-update")).unwrap();
    assert!(with(root.path(), |tree| nightly::set(tree, true)).is_err());
}

#[test]
fn a_table_names_etc_or_does_not() {
    assert!(fstab_names_etc("/etc /etc none bind,x-initrd.mount 0 0\n"));
    assert!(!fstab_names_etc(
        "# /etc /etc none bind 0 0\n/dev/x /etcetera btrfs defaults 0 0\n"
    ));
}
