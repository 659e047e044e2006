// SPDX-License-Identifier: GPL-3.0-or-later
//! Machines without a boot loader of their own: the kernel mounts the default subvolume, as on openSUSE after its GRUB.

use crate::Case;
use crate::disk::Disk;
use crate::machine::{Machine, spoil};
use std::fs;
use std::process::Command;
use support::bus::built;
use support::loop_btrfs::run;

pub(crate) const CASES: &[Case] = &[
    ("uml::updates_and_goes_back", updates_and_goes_back),
    ("uml::a_broken_update_is_undone_from_outside", broken),
];

/// A disk whose system expects no boot partition, and has no boot loader that would read one.
fn disk() -> Disk {
    let disk = Disk::new();
    disk.inside(|root| {
        let table = root.join("etc/fstab");
        let text = fs::read_to_string(&table).unwrap();
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(" vfat ")).collect();
        fs::write(table, kept.join("\n") + "\n").unwrap();
        let set = |value| {
            run(
                "btrfs",
                ["property", "set", "-ts", root.to_str().unwrap(), "ro", value],
            )
            .unwrap()
        };
        set("false");
        fs::remove_dir_all(root.join("usr/lib/systemd/boot/efi")).unwrap();
        set("true");
    });
    disk
}

fn updates_and_goes_back(name: &str) {
    let disk = disk();
    let mut machine = Machine::uml(name, &disk);
    machine.up();
    assert_eq!((machine.running_snapshot(), machine.default_subvolume()), (1, 1));
    assert_eq!(machine.version("demo-editor"), "1.0");

    machine.shell("kedgectl update --yes");
    assert_eq!((machine.running_snapshot(), machine.default_subvolume()), (1, 2));
    assert_eq!(
        machine.version("demo-editor"),
        "1.0",
        "the running system changed"
    );
    machine.restart();
    assert_eq!((machine.running_snapshot(), machine.default_subvolume()), (2, 2));
    assert_eq!(machine.version("demo-editor"), "2.0");
    let status = machine.shell("kedgectl status");
    assert!(status.contains("running #2 as planned"), "{status}");

    machine.shell("kedgectl rollback 1 --yes");
    assert_eq!((machine.running_snapshot(), machine.default_subvolume()), (2, 1));
    machine.restart();
    assert_eq!((machine.running_snapshot(), machine.default_subvolume()), (1, 1));
    assert_eq!(machine.version("demo-editor"), "1.0");
    let status = machine.shell("kedgectl status");
    assert!(status.contains("running #1 as planned"), "{status}");
    machine.switch_off();
    assert_eq!(machine.starts, 3);
}

/// Where the default subvolume decides, nothing brings the old system back by itself. What was told to nobody is not
/// lost: a rescue system with Kedge's programs goes back, and the machine says afterwards what did not start.
fn broken(name: &str) {
    let disk = disk();
    {
        let mut machine = Machine::uml(name, &disk);
        machine.up();
        machine.shell("kedgectl update --yes");
        assert_eq!((machine.running_snapshot(), machine.default_subvolume()), (1, 2));
        spoil(&mut machine, 2, "rm $new/usr/lib/systemd/systemd");
        machine.leave();
        // Its kernel gives up, and with it the machine.
        machine.wait_for_its_end();
        assert!(
            machine.kernel_said().contains("Kernel panic - not syncing"),
            "{}",
            machine.kernel_said()
        );
    }
    let kedgectl = built("kedgectl").unwrap();
    disk.inside(|root| {
        let said = |words: &[&str]| {
            let mut command = Command::new(&kedgectl);
            command.arg("--root").arg(root).args(words);
            let output = command.output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(output.status.success(), "{words:?}: {text}");
            text
        };
        said(&["rollback", "1", "--yes"]);
    });
    let mut machine = Machine::uml(name, &disk);
    machine.up();
    assert_eq!((machine.running_snapshot(), machine.default_subvolume()), (1, 1));
    assert_eq!(machine.version("demo-editor"), "1.0");
    let status = machine.shell("kedgectl status");
    // What was asked for while it ran is what it reports on: the update that did not start.
    assert!(status.contains("did not use #2"), "{status}");
    machine.switch_off();
}
