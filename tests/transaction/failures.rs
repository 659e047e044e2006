// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Case;
use crate::successes::offer;
use engine::{Engine as _, Error};
use model::{Capability, FailureCode, RefusalCode, SnapshotId};
use std::process::{Command, Stdio};
use support::loop_btrfs::run;
use support::machine::{Kit, Machine, Place, Record, failure};
use support::repository::{Deb, Key};

pub(crate) const CASES: &[Case] = &[
    ("failure::package_script", package_script),
    ("failure::repository_gone", repository_gone),
    ("failure::signature_wrong", signature_wrong),
    ("failure::signature_by_another_key", another_key),
    ("failure::release_expired", release_expired),
    ("failure::package_missing", package_missing),
    ("failure::disk_full_during_unpack", disk_full_unpack),
    ("failure::disk_full_at_the_end", disk_full_end),
    ("failure::kernel_without_initrd", kernel_without_initrd),
    ("failure::package_left_unfinished", left_unfinished),
    ("failure::locked", locked),
    ("failure::database_outside", database_outside),
];

fn package_script(kit: &Kit) {
    let machine = Machine::new(kit);
    machine.publish(&[
        Deb::new("fail", "2").script("postinst", "echo about to fail >&2; exit 1"),
        Deb::new("beta", "2"),
    ]);
    let failure = failure(machine.update());
    assert_eq!(
        (failure.code, failure.args["package"].as_str()),
        (FailureCode::PackageScript, "fail")
    );
    assert!(failure.detail.contains("about to fail"), "{}", failure.detail);
    machine.assert_old_system();
    // Repaired, the same update succeeds.
    machine.publish(&[Deb::new("fail", "3"), Deb::new("beta", "2")]);
    machine.update().unwrap();
    machine.assert_snapshots(&[1, 2], 2);
}

fn asks_in_vain(machine: &Machine<'_>, code: FailureCode) {
    let engine = machine.engine();
    let check = failure(Record::default().check(&engine));
    assert_eq!(check.code, code, "{}", check.detail);
    assert!(check.args["repository"].contains("/srv/repo"), "{:?}", check.args);
    assert_eq!(failure(machine.update()).code, code);
    machine.assert_old_system();
}

fn repository_gone(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    // Known before and gone now, or never seen: both are failures and not "up to date".
    Record::default().check(&machine.engine()).unwrap();
    machine.repository.withdraw("stable");
    asks_in_vain(&machine, FailureCode::RepositoryUnavailable);
}

fn signature_wrong(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    machine.repository.forge("stable-security");
    asks_in_vain(&machine, FailureCode::RepositorySignature);
}

fn another_key(kit: &Kit) {
    let machine = Machine::new(kit);
    machine
        .repository
        .publish(&Key::new(), "stable", &[Deb::new("alpha", "2")]);
    asks_in_vain(&machine, FailureCode::RepositorySignature);
}

fn release_expired(kit: &Kit) {
    let machine = Machine::new(kit);
    let until = Some("Sat, 01 Jan 2022 00:00:00 UTC");
    machine
        .repository
        .publish_until(&kit.key, "stable", &[Deb::new("alpha", "2")], until);
    asks_in_vain(&machine, FailureCode::RepositoryExpired);
}

fn package_missing(kit: &Kit) {
    let machine = Machine::new(kit);
    machine.publish(&[Deb::new("alpha", "2")]);
    std::fs::remove_dir_all(machine.repository.path.join("pool")).unwrap();
    assert_eq!(failure(machine.update()).code, FailureCode::RepositoryUnavailable);
    machine.assert_old_system();
}

/// Leaves about this much space.
pub(crate) fn fill(machine: &Machine<'_>, mebibytes: u64) {
    let top = machine.disk.top();
    let free = || {
        let usage = run("btrfs", ["filesystem", "usage", "-b", top.to_str().unwrap()]).unwrap();
        let free = usage
            .lines()
            .find_map(|line| line.trim().strip_prefix("Free (estimated):"))
            .unwrap();
        free.trim()
            .split_ascii_whitespace()
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >> 20
    };
    // In steps, since what is free is an estimate that gets better towards the end.
    for step in 0..1000 {
        let left = free();
        if left <= mebibytes {
            break;
        }
        let size = (left - mebibytes).min(64);
        let file = top.join(format!("@/srv/filler-{step}"));
        if run("fallocate", ["-l", &format!("{size}MiB"), file.to_str().unwrap()]).is_err() {
            break;
        }
        run("sync", ["-f", top.to_str().unwrap()]).unwrap();
    }
    assert!(free() <= mebibytes + 64, "{} MiB are free", free());
}

fn disk_full_unpack(kit: &Kit) {
    let machine = Machine::new(kit);
    machine.publish(&[Deb::new("large", "2").large("usr/share/large/data", 90 << 20)]);
    fill(&machine, 40);
    let failure = failure(machine.update());
    assert_eq!(failure.code, FailureCode::DiskFull, "{}", failure.detail);
    machine.assert_old_system();
}

fn disk_full_end(kit: &Kit) {
    let machine = Machine::new(kit);
    // The script takes all space there is and then succeeds: dpkg, or whoever writes next, meets the full disk.
    let script = "cat /dev/zero > /usr/share/large/filler 2>/dev/null; sync -f /usr/share/large; cat /dev/zero > /usr/share/large/more 2>/dev/null; exit 0";
    machine.publish(&[Deb::new("large", "2").script("postinst", script)]);
    fill(&machine, 60);
    let result = machine.update();
    match &result {
        Ok(_) => machine.assert_snapshots(&[1, 2], 2),
        Err(_) => {
            let failure = failure(result);
            assert_eq!(failure.code, FailureCode::DiskFull, "{failure:?}");
            machine.assert_old_system();
        }
    }
}

fn kernel_without_initrd(kit: &Kit) {
    let machine = Machine::new(kit);
    let broken = Deb::new("linux-image-2", "1").file("boot/vmlinuz-2", "kernel");
    machine.publish(&[
        broken,
        Deb::new("linux-image-test", "2").field("Depends: linux-image-2"),
    ]);
    let failure = failure(machine.update());
    assert_eq!(
        (failure.code, failure.args["path"].as_str()),
        (FailureCode::NotBootable, "/boot/initrd.img-2")
    );
    machine.assert_old_system();
}

/// dpkg ends with success though a package is not configured: the database tells.
fn left_unfinished(kit: &Kit) {
    let machine = Machine::new(kit);
    let script = "sed -i '/^Package: beta$/,/^$/s/^Status: .*/Status: install ok half-configured/' /var/lib/dpkg/status; \
                  (sleep 0.2) ; exit 0";
    // dpkg writes its database anew when it ends, so the damage is done by a hook of apt that runs behind it.
    let hook = format!("#!/bin/sh\n{script}\n");
    let hooked = Deb::new("alpha", "2").file("usr/lib/damage", hook).file(
        "etc/apt/apt.conf.d/zz-damage",
        "DPkg::Post-Invoke { \"sh /usr/lib/damage\"; };\n",
    );
    machine.publish(&[hooked]);
    machine.update().unwrap();
    machine.publish(&[Deb::new("large", "2")]);
    let failure = failure(machine.update());
    assert_eq!(
        (failure.code, failure.args["package"].as_str()),
        (FailureCode::Unverified, "beta")
    );
    machine.assert_snapshots(&[1, 2], 2);
    machine.assert_running_untouched();
}

fn locked(kit: &Kit) {
    let machine = Machine::new(kit);
    offer(&machine, "2");
    let lock = machine.disk.root().join("run/kedge/transaction.lock");
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let mut holder = Command::new("flock")
        .args([lock.to_str().unwrap(), "sh", "-c", "echo ready; exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut [0; 5]).unwrap();
    assert_eq!(failure(machine.update()).code, FailureCode::LockHeld);
    assert_eq!(
        failure(Record::default().check(&machine.engine())).code,
        FailureCode::LockHeld
    );
    drop(holder.stdin.take());
    holder.wait().unwrap();
    machine.assert_old_system();
    machine.update().unwrap();
}

fn database_outside(kit: &Kit) {
    let machine = Machine::with(kit, Place::Outside, 1400, |_| Ok(()));
    offer(&machine, "2");
    let engine = machine.engine();
    let capabilities = &engine.system().unwrap().capabilities;
    for capability in [Capability::Updates, Capability::PackageChanges] {
        assert_eq!(
            capabilities.absence(capability),
            Some(RefusalCode::DatabaseOutside)
        );
    }
    let refused =
        |error| matches!(error, Error::Refused(refusal) if refusal.code == RefusalCode::DatabaseOutside);
    assert!(refused(machine.update().unwrap_err()));
    assert!(refused(Record::default().check(&engine).unwrap_err()));
    assert!(refused(
        engine.package_changes(None, Some(SnapshotId(1))).unwrap_err()
    ));
    machine.assert_old_system();
}
