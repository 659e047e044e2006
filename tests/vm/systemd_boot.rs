// SPDX-License-Identifier: GPL-3.0-or-later
//! PCs with a firmware and systemd-boot. The entry of the installed system is somebody else's; all others are Kedge's.

use crate::Case;
use crate::disk::{self, Content, Disk};
use crate::machine::{COMMON, Machine, spoil};

pub(crate) const CASES: &[Case] = &[
    ("systemd_boot::updates_goes_back_and_tries_once", good),
    ("systemd_boot::a_system_that_fails_is_given_up", bad),
];

/// A disk as an installer would leave it.
fn disk() -> Disk {
    let disk = Disk::new();
    let place = disk::place().unwrap();
    let (loader, linux, initrd) = (
        place.join("systemd-boot.efi"),
        place.join("linux"),
        place.join("initrd"),
    );
    let entry = format!(
        "title Installed\nsort-key debian\nversion 1\nlinux /debian/linux\ninitrd /debian/initrd\n\
         options {} rootflags=subvol=@/.snapshots/1/snapshot rw console=ttyS0 quiet {COMMON} \
         systemd.debug_shell=hvc0\n",
        disk.root()
    );
    disk.fill_boot_partition(&[
        ("EFI/BOOT/BOOTX64.EFI", Content::File(&loader)),
        ("loader/loader.conf", Content::Text("timeout 0\n")),
        ("loader/entries.srel", Content::Text("type1\n")),
        ("loader/entries/installed.conf", Content::Text(&entry)),
        ("debian/linux", Content::File(&linux)),
        ("debian/initrd", Content::File(&initrd)),
    ]);
    disk
}

/// The names of the entries on the boot partition.
fn entries(machine: &mut Machine) -> Vec<String> {
    let names = machine.shell("ls -1 /efi/loader/entries");
    names.lines().map(str::to_owned).collect()
}

fn good(name: &str) {
    let disk = disk();
    let mut machine = Machine::pc(name, &disk);
    machine.up();
    assert_eq!(machine.running_snapshot(), 1);
    machine.shell("kedgectl update --yes");
    assert_eq!(machine.running_snapshot(), 1);
    let names = entries(&mut machine);
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("kedge-2-") && name.contains("+3")),
        "the new system has no entry on trial: {names:?}"
    );

    machine.restart();
    assert_eq!(machine.running_snapshot(), 2);
    assert_eq!(machine.version("demo-editor"), "2.0");
    let status = machine.shell("kedgectl status");
    assert!(status.contains("running #2 as planned"), "{status}");
    // It came up whole, so that its trial is over: it is what starts from now on.
    let names = entries(&mut machine);
    assert!(!names.iter().any(|name| name.contains('+')), "{names:?}");
    assert!(status.contains("Starts next:   the same"), "{status}");

    machine.shell("kedgectl rollback 1 --yes");
    machine.restart();
    assert_eq!(machine.running_snapshot(), 1);
    assert_eq!(machine.version("demo-editor"), "1.0");
    let status = machine.shell("kedgectl status");
    assert!(status.contains("running #1 as planned"), "{status}");

    machine.shell("kedgectl try 2 --yes");
    machine.restart();
    assert_eq!(machine.running_snapshot(), 2);
    let status = machine.shell("kedgectl status");
    assert!(status.contains("running #2 on trial"), "{status}");
    machine.restart();
    assert_eq!(machine.running_snapshot(), 1, "once is once");
    machine.switch_off();
    assert_eq!(machine.starts, 5);
}

fn bad(name: &str) {
    let disk = disk();
    let mut machine = Machine::pc(name, &disk);
    machine.up();
    // One whose kernel gives up before anything of the system runs.
    machine.shell("kedgectl update --yes");
    spoil(&mut machine, 2, "rm $new/usr/lib/systemd/systemd");
    machine.restart();
    assert_eq!(machine.running_snapshot(), 1);
    let said = machine.kernel_said();
    assert_eq!(
        said.matches("Kernel panic - not syncing").count(),
        1,
        "it was not tried: {said}"
    );
    let status = machine.shell("kedgectl status");
    assert!(status.contains("did not use #2"), "{status}");

    // One that runs, but is not whole: boot-complete.target is never reached.
    machine.shell("kedgectl update --yes");
    spoil(
        &mut machine,
        3,
        "d=$new/etc/systemd/system; mkdir -p $d/boot-complete.target.requires; \
         printf '[Unit]\\nBefore=boot-complete.target\\n[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' > $d/health.service; \
         ln -s ../health.service $d/boot-complete.target.requires/health.service",
    );
    machine.leave();
    machine.half_up();
    assert_eq!(machine.running_snapshot(), 3);
    let names = entries(&mut machine);
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("kedge-3-") && name.contains("+2-1")),
        "{names:?}"
    );
    machine.shell("kedgectl status");
    machine.restart();
    assert_eq!(
        machine.running_snapshot(),
        1,
        "a system that was never whole became the default"
    );
    let status = machine.shell("kedgectl status");
    assert!(status.contains("did not use #3"), "{status}");
    assert!(
        status.contains("health.service"),
        "the reason is missing: {status}"
    );
    machine.switch_off();
}
