// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Case;
use crate::fixture::{Machine, NOW, open, refusal};
use engine::{Engine, Outcome};
use model::{
    Capability, Cleanup, Condition, Edit, NewSnapshot, RefusalCode, SnapshotId, SnapshotKind, userdata_key,
};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    ("snapshots::a_fresh_system_is_listed", a_fresh_system_is_listed),
    (
        "snapshots::a_snapshot_holds_what_runs",
        a_snapshot_holds_what_runs,
    ),
    (
        "snapshots::the_nested_etc_comes_and_goes",
        the_nested_etc_comes_and_goes,
    ),
    (
        "snapshots::what_is_nested_deeper_is_deleted_too",
        what_is_nested_deeper_is_deleted_too,
    ),
    (
        "snapshots::numbers_are_the_highest_and_one",
        numbers_are_the_highest_and_one,
    ),
    ("snapshots::deleting_obeys_the_rules", deleting_obeys_the_rules),
    ("snapshots::a_mounted_one_is_in_use", a_mounted_one_is_in_use),
    ("snapshots::pinning_takes_the_cleanup_and_gives_it_back", pinning),
    ("snapshots::editing_changes_only_what_is_asked", editing),
    (
        "snapshots::the_read_only_flag_is_changed",
        the_read_only_flag_is_changed,
    ),
    (
        "snapshots::without_snapshots_nothing_is_offered",
        without_snapshots_nothing_is_offered,
    ),
    ("snapshots::leftovers_are_recovered", leftovers_are_recovered),
    (
        "snapshots::a_started_update_is_no_longer_unstarted",
        a_started_update,
    ),
    ("snapshots::what_lasts_is_in_no_snapshot", what_lasts),
];

fn a_fresh_system_is_listed() {
    for layout in [Layout::Transactional, Layout::Classic] {
        let machine = Machine::new(layout);
        let system = machine.system();
        assert_eq!(machine.numbers(), [1]);
        assert_eq!(
            (system.booted, system.default),
            (Some(SnapshotId(1)), Some(SnapshotId(1)))
        );
        let first = machine.get(1);
        assert_eq!(first.description, "first root filesystem");
        assert_eq!(first.read_only, layout == Layout::Transactional);
        assert_eq!(
            (first.kind, first.condition),
            (SnapshotKind::Single, Condition::Complete)
        );
        assert!(
            system.capabilities.has(Capability::Snapshots)
                && system.capabilities.has(Capability::BootDefault)
        );
    }
    let machine = Machine::new(Layout::At);
    let system = machine.system();
    assert_eq!(
        (machine.numbers().len(), system.booted, system.default),
        (0, None, None)
    );
}

fn a_snapshot_holds_what_runs() {
    for layout in [Layout::Transactional, Layout::Classic, Layout::At] {
        let machine = Machine::new(layout);
        let wish = NewSnapshot {
            description: "Vor dem Öl <&>".to_owned(),
            cleanup: Cleanup("timeline".to_owned()),
            pinned: false,
            uid: 1000,
        };
        let id = machine.engine.create(&wish).unwrap();
        let made = machine.get(id.0);
        assert_eq!((made.description.as_str(), made.uid), ("Vor dem Öl <&>", 1000));
        assert_eq!((made.cleanup.0.as_str(), made.time), ("timeline", NOW));
        assert!(made.read_only && made.userdata.is_empty());
        assert_eq!(made.condition, Condition::Complete);
        let path = machine.disk.snapshot(id.0);
        assert!(machine.disk.is_read_only(&path).unwrap());
        assert_eq!(
            std::fs::read_to_string(path.join("etc/hostname")).unwrap(),
            "kedge\n"
        );
        assert_eq!(std::fs::read_to_string(path.join("usr/file")).unwrap(), "one\n");
        if layout != Layout::At {
            assert_eq!(made.parent_uuid, machine.get(1).uuid);
        }
        // As snapper has them.
        let place = std::fs::metadata(machine.disk.snapshots().join(id.to_string())).unwrap();
        assert_eq!(place.mode() & 0o7777, 0o755);
        let info = std::fs::metadata(machine.info_path(id.0)).unwrap();
        assert_eq!((info.permissions().mode() & 0o7777, info.uid()), (0o644, 0));
        // A second look, by another engine.
        assert_eq!(*open(&machine.disk.root()).system().unwrap(), *machine.system());
    }
}

fn the_nested_etc_comes_and_goes() {
    let machine = Machine::new(Layout::Transactional);
    let before = machine.disk.subvolumes().unwrap();
    let number = machine.create("with etc");
    let path = machine.disk.snapshot(number);
    let etc = path.join("etc");
    assert_eq!(std::fs::metadata(&etc).unwrap().ino(), 256);
    assert!(machine.disk.is_read_only(&path).unwrap() && !machine.disk.is_read_only(&etc).unwrap());
    // Changes of the running /etc are in the next one and not in this one.
    std::fs::write(machine.disk.root().join("etc/hostname"), "changed\n").unwrap();
    assert_eq!(std::fs::read_to_string(etc.join("hostname")).unwrap(), "kedge\n");
    let next = machine.create("with the changed etc");
    let hostname = machine.disk.snapshot(next).join("etc/hostname");
    assert_eq!(std::fs::read_to_string(hostname).unwrap(), "changed\n");
    assert!(machine.get(next).userdata.is_empty());
    for number in [number, next] {
        assert_eq!(
            machine.engine.delete(SnapshotId(number)).unwrap(),
            Outcome::Changed(())
        );
    }
    assert_eq!(machine.disk.subvolumes().unwrap(), before);
    assert_eq!(machine.directories(), ["1"]);
}

fn what_is_nested_deeper_is_deleted_too() {
    let machine = Machine::new(Layout::Transactional);
    let before = machine.disk.subvolumes().unwrap();
    let number = machine.create("deep");
    let path = machine.disk.snapshot(number);
    let make = |path: std::path::PathBuf| {
        machine
            .disk
            .btrfs(["subvolume", "create", path.to_str().unwrap()])
            .unwrap();
    };
    // As transactional-update's plugin leaves it.
    make(path.join("etc/etc.syncpoint"));
    make(path.join("etc/etc.syncpoint/below"));
    let etc = path.join("etc");
    machine
        .disk
        .btrfs(["property", "set", etc.to_str().unwrap(), "ro", "true"])
        .unwrap();
    assert_eq!(
        machine.engine.delete(SnapshotId(number)).unwrap(),
        Outcome::Changed(())
    );
    assert_eq!(machine.disk.subvolumes().unwrap(), before);
}

fn numbers_are_the_highest_and_one() {
    let machine = Machine::new(Layout::Classic);
    let snapshots = machine.disk.snapshots();
    assert_eq!(machine.create("2"), 2);
    // Snapper's placeholder for a number that must not come again.
    std::fs::create_dir(snapshots.join("7")).unwrap();
    assert_eq!(machine.numbers(), [1, 2]);
    assert_eq!(machine.create("8"), 8);
    for name in ["009", "x", "12x", "-13", "4294967296"] {
        std::fs::create_dir(snapshots.join(name)).unwrap();
    }
    assert_eq!(machine.create("9"), 9);
    std::fs::write(snapshots.join("10"), "a file").unwrap();
    assert_eq!(machine.create("11"), 11);
    assert_eq!(machine.numbers(), [1, 2, 8, 9, 11]);
    // One that is deleted while nobody else has a higher one is used again, as snapper 0.10 does.
    machine.engine.delete(SnapshotId(11)).unwrap();
    assert_eq!(machine.create("11 again"), 11);
    std::fs::create_dir(snapshots.join("4294967295")).unwrap();
    let error = machine.engine.create(&NewSnapshot::default()).unwrap_err();
    assert!(
        error.chain().contains("the highest number is taken"),
        "{}",
        error.chain()
    );
}

fn deleting_obeys_the_rules() {
    let machine = Machine::new(Layout::Transactional);
    let pending = machine.create("pending");
    machine.set_default(pending);
    let delete = |number| machine.engine.delete(SnapshotId(number));
    assert_eq!(refusal(delete(1)), (RefusalCode::Booted, Some(1)));
    assert_eq!(refusal(delete(pending)), (RefusalCode::Default, Some(pending)));
    let wish = NewSnapshot {
        pinned: true,
        ..NewSnapshot::default()
    };
    let pinned = machine.engine.create(&wish).unwrap();
    assert_eq!(refusal(delete(pinned.0)), (RefusalCode::Pinned, Some(pinned.0)));
    assert_eq!(delete(99).unwrap(), Outcome::Unchanged);
    std::fs::create_dir(machine.disk.snapshots().join("50")).unwrap();
    assert_eq!(delete(50).unwrap(), Outcome::Unchanged);
    assert_eq!(machine.numbers(), [1, 2, 3]);
}

fn a_mounted_one_is_in_use() {
    let machine = Machine::new(Layout::Transactional);
    let number = machine.create("looked at");
    for below in ["", "etc", "usr"] {
        let looking = machine.disk.top().join("@/var/looking");
        std::fs::create_dir_all(&looking).unwrap();
        rustix::mount::mount_bind(machine.disk.snapshot(number).join(below), &looking).unwrap();
        let refused = refusal(machine.engine.delete(SnapshotId(number)));
        assert_eq!(refused, (RefusalCode::InUse, Some(number)));
        rustix::mount::unmount(&looking, rustix::mount::UnmountFlags::empty()).unwrap();
    }
    assert!(machine.disk.snapshot(number).join("etc/hostname").exists());
    assert_eq!(
        machine.engine.delete(SnapshotId(number)).unwrap(),
        Outcome::Changed(())
    );
}

fn pinning() {
    let machine = Machine::new(Layout::Classic);
    let number = machine.create("keep");
    let pin = |pinned| {
        let edit = Edit {
            pinned: Some(pinned),
            ..Edit::default()
        };
        machine.engine.edit(SnapshotId(number), &edit).unwrap()
    };
    let before = machine.info(number);
    assert_eq!(pin(true), Outcome::Changed(()));
    assert_eq!(pin(true), Outcome::Unchanged);
    let pinned = machine.get(number);
    assert!(pinned.is_pinned() && pinned.cleanup.0.is_empty());
    assert_eq!(pinned.userdata[userdata_key::PINNED_CLEANUP], "number");
    // Snapper's cleanup goes by this element alone.
    assert!(!machine.info(number).contains("<cleanup>"));
    assert_eq!(pin(false), Outcome::Changed(()));
    assert_eq!(machine.info(number), before);
}

fn editing() {
    let machine = Machine::new(Layout::Classic);
    let number = machine.create("before");
    machine.rewrite_info(number, |xml| {
        xml.replace("</snapshot>", "  <future a=\"1\"><x/></future>\n</snapshot>")
    });
    std::fs::set_permissions(machine.info_path(number), std::fs::Permissions::from_mode(0o600)).unwrap();
    let old = machine.info(number);
    let edit = Edit {
        description: Some("after".to_owned()),
        ..Edit::default()
    };
    let id = SnapshotId(number);
    assert_eq!(machine.engine.edit(id, &edit).unwrap(), Outcome::Changed(()));
    assert_eq!(machine.info(number), old.replace("before", "after"));
    let mode = std::fs::metadata(machine.info_path(number))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(machine.engine.edit(id, &edit).unwrap(), Outcome::Unchanged);
    assert_eq!(
        refusal(machine.engine.edit(SnapshotId(99), &edit)),
        (RefusalCode::NoSuchSnapshot, Some(99))
    );
    // Too large to be read back: not written.
    let edit = Edit {
        description: Some("x".repeat(70_000)),
        ..Edit::default()
    };
    assert!(machine.engine.edit(id, &edit).is_err());
    assert_eq!(machine.info(number), old.replace("before", "after"));
    assert_eq!(machine.get(number).description, "after");
}

fn the_read_only_flag_is_changed() {
    let machine = Machine::new(Layout::Transactional);
    let number = machine.create("flag");
    let set = |number, read_only| {
        let edit = Edit {
            read_only: Some(read_only),
            ..Edit::default()
        };
        machine.engine.edit(SnapshotId(number), &edit)
    };
    assert_eq!(set(number, false).unwrap(), Outcome::Changed(()));
    assert!(!machine.disk.is_read_only(&machine.disk.snapshot(number)).unwrap());
    assert!(!machine.get(number).read_only);
    assert_eq!(set(number, false).unwrap(), Outcome::Unchanged);
    assert_eq!(set(number, true).unwrap(), Outcome::Changed(()));
    assert!(machine.get(number).read_only);
    assert_eq!(refusal(set(1, false)), (RefusalCode::MustStayReadOnly, Some(1)));
    assert!(machine.disk.is_read_only(&machine.disk.snapshot(1)).unwrap());
}

fn without_snapshots_nothing_is_offered() {
    let disk = LoopBtrfs::empty(128).unwrap();
    let engine = open(&disk.top());
    let system = engine.system().unwrap();
    assert!(system.snapshots.is_empty());
    for capability in [
        Capability::Snapshots,
        Capability::Updates,
        Capability::BootDefault,
    ] {
        assert_eq!(
            system.capabilities.absence(capability),
            Some(RefusalCode::NoSnapshots)
        );
    }
    assert_eq!(
        refusal(engine.create(&NewSnapshot::default())).0,
        RefusalCode::NoSnapshots
    );
    assert_eq!(engine.recover().unwrap(), Outcome::Unchanged);
    assert!(engine.watch().unwrap().is_none());
    assert!(std::sync::Arc::ptr_eq(&system, &engine.system().unwrap()));
    // A plain directory is no place for snapshots.
    std::fs::create_dir(disk.top().join(".snapshots")).unwrap();
    assert_eq!(
        refusal(engine.create(&NewSnapshot::default())).0,
        RefusalCode::NoSnapshots
    );
    // It is found as soon as there is one.
    std::fs::remove_dir(disk.top().join(".snapshots")).unwrap();
    let path = disk.top().join(".snapshots");
    disk.btrfs(["subvolume", "create", path.to_str().unwrap()])
        .unwrap();
    assert!(engine.system().unwrap().capabilities.has(Capability::Snapshots));
    assert_eq!(engine.create(&NewSnapshot::default()).unwrap(), SnapshotId(1));
    // Neither btrfs at all.
    let engine = open(std::path::Path::new("/proc"));
    assert!(engine.system().unwrap().snapshots.is_empty());
}

fn leftovers_are_recovered() {
    let machine = Machine::new(Layout::Transactional);
    let mark = |number: u32| {
        let key = userdata_key::IN_PROGRESS;
        machine.rewrite_info(number, |xml| {
            let data = format!(
                "  <userdata>\n    <key>{key}</key>\n    <value>yes</value>\n  </userdata>\n</snapshot>"
            );
            xml.replace("</snapshot>", &data)
        });
    };
    let (kept, left) = (machine.create("kept"), machine.create("left"));
    let default = machine.create("default");
    machine.set_default(default);
    mark(left);
    mark(default);
    // A deletion or creation that was cut short.
    let stray = machine.disk.snapshots().join("9");
    std::fs::create_dir(&stray).unwrap();
    std::fs::write(stray.join("info.xml"), "half").unwrap();
    std::fs::write(stray.join("info.xml.tmp-000001"), "").unwrap();
    std::fs::create_dir(machine.disk.snapshots().join("10")).unwrap();
    assert!(machine.get(left).is_in_progress());
    assert_eq!(
        machine.engine.recover().unwrap(),
        Outcome::Changed(vec![SnapshotId(left)])
    );
    assert_eq!(machine.numbers(), [1, kept, default]);
    // The default was complete, or it would not be the default.
    assert!(!machine.get(default).is_in_progress());
    assert_eq!(machine.directories(), ["1", "2", "4", "10"]);
    assert_eq!(machine.engine.recover().unwrap(), Outcome::Unchanged);
}

fn a_started_update() {
    let machine = Machine::new(Layout::Transactional);
    let number = machine.create_pending(1);
    assert!(machine.get(number).is_not_booted());
    let machine = machine.restart();
    assert_eq!(machine.system().booted, Some(SnapshotId(number)));
    assert!(!machine.get(number).is_not_booted());
    assert!(machine.get(number).userdata.is_empty());
}

fn what_lasts() {
    let usual = Path::new("/var/lib/kedge");
    for (layout, place) in [
        (Layout::Transactional, "/var/lib/kedge"),
        (Layout::Classic, "/.snapshots/kedge"),
        (Layout::At, "/.snapshots/kedge"),
    ] {
        let machine = Machine::new(layout);
        let lasting = machine.engine.lasting(usual);
        assert_eq!(lasting, Path::new(place), "{layout:?}");
        let place = machine.disk.root().join(lasting.strip_prefix("/").unwrap());
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("history"), "one").unwrap();
        let number = machine.create("with a memory beside it");
        let held = machine
            .disk
            .root()
            .join(format!(".snapshots/{number}/snapshot{}", lasting.display()));
        assert!(!held.exists(), "{layout:?}: the snapshot holds it too");
        assert!(machine.numbers().contains(&number), "and the list is whole");
    }
    let bare = LoopBtrfs::empty(128).unwrap();
    assert_eq!(
        open(&bare.top()).lasting(usual),
        usual,
        "there is nothing to go back to"
    );
}
