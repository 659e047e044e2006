// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Case;
use engine::{Engine as _, Outcome};
use model::{Capability, ChangeKind, Concern, Phase, Restart, SnapshotId, userdata_key};
use std::fs;
use support::machine::{Kit, Machine, Place, Record, kernel};
use support::repository::Deb;

pub(crate) const CASES: &[Case] = &[
    ("check::lists_what_an_update_would_change", check_lists),
    ("check::changes_nothing", check_changes_nothing),
    ("update::becomes_the_default", update_succeeds),
    ("update::writable_systems_stay_writable", update_own_var),
    ("update::continues_what_is_pending", update_continues),
    ("update::nothing_to_do_leaves_nothing", nothing_to_do),
    ("update::brings_a_kernel", brings_a_kernel),
    ("update::ends_what_packages_leave_running", ends_what_is_left),
    ("update::keeps_changed_configuration_files", keeps_configuration),
    ("plan::names_gains_and_losses", plan),
];

/// An upgrade, a security update with a new dependency, and a removal.
pub(crate) fn offer(machine: &Machine<'_>, version: &str) {
    machine.publish(&[
        Deb::new("beta", version)
            .field("Conflicts: gamma")
            .large("usr/share/beta/data", 200_000),
        Deb::new("delta", "1").large("usr/share/delta/data", 50_000),
    ]);
    machine.publish_security(&[Deb::new("alpha", &format!("1:{version}-1")).field("Depends: delta")]);
}

fn check_lists(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    let engine = machine.engine();
    assert!(engine.system().unwrap().capabilities.has(Capability::Updates));
    let record = Record::default();
    let set = record.check(&engine).unwrap();
    let shown: Vec<_> = set
        .packages
        .iter()
        .map(|p| {
            format!(
                "{} {} {}>{} {} {}",
                p.name, p.kind, p.old, p.new, p.origin, p.security
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "alpha upgraded 1>1:2-1 Debian-Security true",
            "beta upgraded 1>2 Debian false",
            "delta added >1 Debian false",
            "gamma removed 1>  false",
        ]
    );
    let sizes: Vec<_> = set.packages.iter().map(|p| p.download_size).collect();
    assert!(
        sizes[1] > 200_000 && sizes[2] > 50_000 && sizes[3] == 0,
        "{sizes:?}"
    );
    assert_eq!(set.download_size, sizes.iter().sum::<u64>());
    assert!(
        (245_000..260_000).contains(&set.installed_delta),
        "{}",
        set.installed_delta
    );
    let (phases, rises) = record.phases();
    assert_eq!((phases, rises), (vec![Phase::Prepare, Phase::Refresh], true));
    machine.assert_old_system();
}

fn check_changes_nothing(kit: &Kit) {
    let machine = Machine::new(kit);
    let engine = machine.engine();
    assert!(Record::default().check(&engine).unwrap().is_empty());
    offer(&machine, "2");
    // Repositories are asked anew each time.
    assert_eq!(Record::default().check(&engine).unwrap().packages.len(), 4);
    assert!(machine.disk.top().join("@/var/cache/kedge/apt/lists").is_dir());
    machine.assert_old_system();
}

fn update_succeeds(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    let record = Record::default();
    let engine = machine.engine();
    assert_eq!(record.update(&engine).unwrap(), Outcome::Changed(SnapshotId(2)));
    machine.assert_snapshots(&[1, 2], 2);
    machine.assert_new_system(2);
    assert_eq!(machine.read(2, "usr/share/alpha/version"), "1:2-1");
    assert_eq!(machine.read(2, "usr/share/beta/version"), "2");
    assert_eq!(machine.read(2, "usr/share/delta/version"), "1");
    assert!(!machine.disk.snapshot(2).join("usr/share/gamma").exists());
    assert_eq!(machine.read(1, "usr/share/alpha/version"), "1");
    let snapshot = engine.system().unwrap().snapshots[&SnapshotId(2)].clone();
    assert_eq!(
        (snapshot.description.as_str(), snapshot.cleanup.0.as_str()),
        ("Update of #1", "number")
    );
    assert_eq!(
        snapshot.userdata.keys().collect::<Vec<_>>(),
        [userdata_key::NOT_BOOTED]
    );
    // The nested /etc came along and can be written, as on the running system.
    assert!(
        !machine
            .disk
            .is_read_only(&machine.disk.snapshot(2).join("etc"))
            .unwrap()
    );

    let (phases, rises) = record.phases();
    assert_eq!(
        phases,
        [
            Phase::Prepare,
            Phase::Refresh,
            Phase::Download,
            Phase::Install,
            Phase::Verify,
            Phase::Commit
        ]
    );
    let progress = record.progress.lock().unwrap();
    assert!(rises && progress.last().unwrap().permille == Some(1000));
    // Three packages are unpacked and configured, one is removed.
    let last = progress.iter().rfind(|p| p.phase == Phase::Install).unwrap();
    assert_eq!((last.item, last.items), (7, 7));
    assert!(
        progress
            .iter()
            .any(|p| p.phase == Phase::Install && p.subject == "alpha")
    );
    let log = record.log.lock().unwrap();
    assert!(
        log.iter()
            .any(|line| line.starts_with("Setting up alpha (1:2-1)")),
        "{log:?}"
    );
    // Cancelling came too late by then.
    assert!(!record.cancel.request());

    let changes = engine.package_changes(None, Some(SnapshotId(2))).unwrap();
    let kinds: Vec<_> = changes.iter().map(|c| (c.name.as_str(), c.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("alpha", ChangeKind::Upgraded),
            ("beta", ChangeKind::Upgraded),
            ("delta", ChangeKind::Added),
            ("gamma", ChangeKind::Removed),
        ]
    );
    machine.restart();
    assert_eq!(machine.engine().system().unwrap().booted, Some(SnapshotId(2)));
}

fn update_own_var(kit: &Kit) {
    let machine = Machine::with(kit, Place::Own, 1400, |_| Ok(()));
    offer(&machine, "2");
    let log = fs::read_to_string(machine.disk.root().join("var/log/dpkg.log")).unwrap();
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(2)));
    machine.assert_snapshots(&[1, 2], 2);
    assert_eq!(machine.read(2, "usr/share/beta/version"), "2");
    let root = machine.disk.snapshot(2);
    assert!(!machine.disk.is_read_only(&root).unwrap());
    // What packages write to /var is part of the new system here; apt's lists and archives are Kedge's.
    assert!(machine.read(2, "var/log/dpkg.log").contains("upgrade beta"));
    assert_eq!(
        fs::read_to_string(machine.disk.root().join("var/log/dpkg.log")).unwrap(),
        log
    );
    assert!(!root.join("usr/sbin/policy-rc.d").exists());
    assert!(
        !fs::read_dir(root.join("var/lib/apt/lists"))
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().contains("srv") })
    );
    assert_eq!(machine.read(1, "usr/share/beta/version"), "1");
}

fn update_continues(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(2)));
    machine.publish(&[Deb::new("large", "3")]);
    machine.publish_security(&[]);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(3)));
    machine.assert_snapshots(&[1, 2, 3], 3);
    machine.assert_new_system(3);
    assert_eq!(machine.read(3, "usr/share/alpha/version"), "1:2-1");
    assert_eq!(machine.read(3, "usr/share/large/version"), "3");
    let system = machine.engine().system().unwrap();
    assert_eq!(system.snapshots[&SnapshotId(3)].description, "Update of #2");
    assert_eq!(
        system.to_state().pending_updates(),
        [SnapshotId(3), SnapshotId(2)]
    );
}

fn nothing_to_do(kit: &Kit) {
    let machine = Machine::new(kit);
    let record = Record::default();
    assert_eq!(record.update(&machine.engine()).unwrap(), Outcome::Unchanged);
    assert!(record.phases().1);
    machine.assert_old_system();
    // What is offered but not newer is nothing to do either.
    machine.publish(&[Deb::new("alpha", "1"), Deb::new("unrelated", "7")]);
    assert_eq!(machine.update().unwrap(), Outcome::Unchanged);
    machine.assert_old_system();
}

fn brings_a_kernel(kit: &Kit) {
    let machine = Machine::new(kit);
    machine.publish(&[
        kernel("2"),
        Deb::new("linux-image-test", "2").field("Depends: linux-image-2"),
    ]);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(2)));
    for file in [
        "boot/vmlinuz-1",
        "boot/initrd.img-1",
        "boot/vmlinuz-2",
        "boot/initrd.img-2",
    ] {
        assert_ne!(machine.read(2, file), "", "{file}");
    }
    machine.assert_new_system(2);
}

fn ends_what_is_left(kit: &Kit) {
    let machine = Machine::new(kit);
    let marker = format!("4242{}.5", std::process::id());
    let script = format!("setsid sleep {marker} >/dev/null 2>&1 & setsid sleep {marker} & exit 0");
    machine.publish(&[Deb::new("slow", "2").script("postinst", &script)]);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(2)));
    assert_eq!(crate::faults::processes_with(&marker), 0);
    machine.assert_new_system(2);
}

fn keeps_configuration(kit: &Kit) {
    let conf = |version: &str| {
        Deb::new("conf", version)
            .file("etc/conf.conf", format!("shipped {version}"))
            .file("DEBIAN/conffiles", "/etc/conf.conf\n")
    };
    let machine = Machine::new(kit);
    machine.publish(&[conf("1"), Deb::new("alpha", "2").field("Depends: conf")]);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(2)));
    assert_eq!(machine.read(2, "etc/conf.conf"), "shipped 1");
    fs::write(machine.disk.snapshot(2).join("etc/conf.conf"), "mine").unwrap();
    machine.publish(&[conf("2")]);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(3)));
    assert_eq!(machine.read(3, "usr/share/conf/version"), "2");
    assert_eq!(machine.read(3, "etc/conf.conf"), "mine");
}

fn plan(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    machine.update().unwrap();
    machine.publish(&[Deb::new("large", "9")]);
    machine.update().unwrap();
    machine.restart();
    let engine = machine.engine();
    assert_eq!(engine.system().unwrap().booted, Some(SnapshotId(3)));
    let plan = engine.plan_rollback(SnapshotId(1)).unwrap();
    let changes: Vec<_> = plan
        .changes
        .iter()
        .map(|c| format!("{} {} {}>{}", c.name, c.kind, c.old, c.new))
        .collect();
    assert_eq!(
        changes,
        [
            "alpha downgraded 1:2-1>1",
            "beta downgraded 2>1",
            "delta removed 1>",
            "gamma added >1",
            "large downgraded 9>1",
        ]
    );
    assert_eq!(plan.restart, Restart::Reboot);
    assert_eq!(plan.concerns, [Concern::LosesSecurityFixes]);
    assert!(plan.changes[0].security && !plan.changes[1].security);
}
