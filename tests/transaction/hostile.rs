// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Case;
use engine::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use support::machine::{Kit, Machine, Place, Record};
use support::repository::Deb;

pub(crate) const CASES: &[Case] = &[
    (
        "hostile::links_instead_of_directories",
        links_instead_of_directories,
    ),
    ("hostile::links_on_the_way", links_on_the_way),
    ("hostile::scripts_do_not_reach_the_running_system", scripts),
];

/// A directory outside the image that nothing may ever be mounted on or written to.
fn bait() -> tempfile::TempDir {
    let bait = tempfile::tempdir().unwrap();
    fs::write(bait.path().join("file"), "bait").unwrap();
    bait
}

fn assert_untaken(bait: &Path) {
    let names: Vec<_> = fs::read_dir(bait)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["file"]);
    assert_eq!(fs::read_to_string(bait.join("file")).unwrap(), "bait");
}

fn links_instead_of_directories(kit: &Kit) {
    let bait = bait();
    for (name, target) in [
        ("tmp", bait.path().to_str().unwrap().to_owned()),
        ("sys", format!("../../../../../../..{}", bait.path().display())),
        ("proc", "/etc".to_owned()),
        ("dev", "/proc/self/root".to_owned()),
    ] {
        // The links come with the snapshot that is the default, not with the running system.
        let machine = Machine::with(kit, Place::Sysimage, 1400, |system| {
            fs::remove_dir_all(system.join(name))?;
            symlink(&target, system.join(name))
        });
        machine.publish(&[Deb::new("alpha", "2")]);
        let error = machine.update().unwrap_err();
        assert!(
            matches!(&error, Error::Damaged { path, .. } if *path == Path::new("/").join(name)),
            "{error:?}"
        );
        let error = Record::default().check(&machine.engine()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }));
        machine.assert_old_system();
        assert_untaken(bait.path());
    }
}

fn links_on_the_way(kit: &Kit) {
    let bait = bait();
    let outside = bait.path().to_str().unwrap().to_owned();
    let machine = Machine::with(kit, Place::Sysimage, 1400, |system| {
        symlink(format!("{outside}/file"), system.join("usr/sbin/policy-rc.d"))?;
        symlink(
            format!("../../../../..{outside}/file"),
            system.join("etc/resolv.conf"),
        )?;
        fs::remove_dir(system.join("opt"))?;
        symlink(&outside, system.join("opt"))?;
        fs::remove_dir_all(system.join("var"))?;
        fs::create_dir(system.join("var"))
    });
    fs::write(machine.disk.root().join("run/kept"), "").unwrap();
    machine.publish(&[Deb::new("alpha", "2")]);
    // Either it is refused or it succeeds within the snapshot; nothing outside is touched in any case.
    let result = machine.update();
    assert_untaken(bait.path());
    machine.assert_running_untouched();
    if result.is_err() {
        machine.assert_old_system();
    }
}

fn scripts(kit: &Kit) {
    let machine = Machine::new(kit);
    let script = "for f in /proc/sys/kernel/domainname /sys/kernel/uevent_helper /srv/written /var/written \
                  /var/log/written /run/written /tmp/written; do \
                    (echo written-by-a-script > $f) 2>/dev/null && echo \"wrote $f\"; \
                  done; \
                  invoke-rc.d alpha start; echo policy said $?; \
                  test -e /run/kedge/overlay/0/lower/lib && echo reached the real var; \
                  ls -d /.snapshots/1 2>/dev/null; \
                  mount -t tmpfs none /mnt; exit 0";
    machine.publish(&[Deb::new("alpha", "2").script("postinst", script)]);
    let record = Record::default();
    record.update(&machine.engine()).unwrap();
    record.print_on_panic();
    machine.assert_new_system(2);
    let log = record.log.lock().unwrap();
    let wrote: Vec<_> = log
        .iter()
        .filter_map(|line| line.strip_prefix("wrote "))
        .collect();
    assert_eq!(
        wrote,
        ["/var/written", "/var/log/written", "/run/written", "/tmp/written"]
    );
    assert!(
        !log.iter()
            .any(|line| line.contains("reached the real var") || line.contains("/.snapshots/1"))
    );
    for place in ["var/written", "var/log/written", "run/written", "srv/written"] {
        assert!(!machine.disk.root().join(place).exists(), "{place}");
        assert!(!machine.disk.snapshot(2).join(place).exists(), "{place}");
    }
    let domain = fs::read_to_string("/proc/sys/kernel/domainname").unwrap();
    assert_ne!(domain.trim(), "written-by-a-script");
}
