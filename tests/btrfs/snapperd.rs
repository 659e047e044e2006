// SPDX-License-Identifier: GPL-3.0-or-later
//! snapper's real service as the writer, on a bus of the test's own.

use crate::Case;
use crate::fixture::{NOW, open};
use engine::{Engine, Info, NativeEngine, Outcome};
use model::{Cleanup, Edit, NewSnapshot, SnapshotId, Writer};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use support::bus::{PrivateBus, Program};
use support::loop_btrfs::run;
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    ("snapperd::creates_edits_and_deletes", works),
    (
        "snapperd::what_it_does_not_know_yet_is_done_without_it",
        behind_its_back,
    ),
    ("snapperd::without_it_everything_goes_on", without),
    ("snapperd::a_thousand_in_both_orders", thousand),
];

/// Why these cannot run here.
pub(crate) fn lacks() -> Option<String> {
    let service = Path::new("/usr/sbin/snapperd").exists();
    (!service || !support::loop_btrfs::has_program("dbus-daemon"))
        .then(|| "needs snapperd and dbus-daemon".to_owned())
}

/// The service's configuration lies in one place for the whole process.
static ONE: Mutex<()> = Mutex::new(());

struct Stage {
    engine: NativeEngine,
    disk: LoopBtrfs,
    bus: PrivateBus,
    service: Option<Program>,
    configs: tempfile::TempDir,
    _one: MutexGuard<'static, ()>,
}

const PLACES: [(&str, &str); 2] = [
    ("configs", "/etc/snapper/configs"),
    ("list", "/etc/default/snapper"),
];

impl Stage {
    fn new(mebibytes: u64, fill: impl FnOnce(&NativeEngine)) -> Self {
        let disk = LoopBtrfs::with_system(mebibytes, Layout::At, |root| {
            fs::write(root.join("usr/file"), "one\n")
        })
        .unwrap();
        fill(&open(&disk.root()));
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let configs = tempfile::tempdir().unwrap();
        fs::create_dir(configs.path().join("configs")).unwrap();
        let root = disk.root();
        fs::write(
            configs.path().join("configs/root"),
            format!("SUBVOLUME=\"{}\"\nFSTYPE=\"btrfs\"\n", root.display()),
        )
        .unwrap();
        fs::write(configs.path().join("list"), "SNAPPER_CONFIGS=\"root\"\n").unwrap();
        for (name, place) in PLACES {
            // In this process' own mounts, which the service inherits.
            rustix::mount::mount_bind(configs.path().join(name), place).unwrap();
        }
        let bus = PrivateBus::start().unwrap();
        let engine = open(&root).with_snapperd(&bus.address(), Some("root"));
        let mut stage = Self {
            engine,
            disk,
            bus,
            service: None,
            configs,
            _one: one,
        };
        stage.start();
        stage
    }

    fn start(&mut self) {
        let mut command = Command::new("/usr/sbin/snapperd");
        command
            .arg("--stdout")
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.bus.address())
            .stdout(Stdio::null());
        self.service = Some(Program::start(&mut command).unwrap());
        let end = Instant::now() + Duration::from_secs(60);
        while self.engine.listed_by_snapper().ok().flatten().is_none() {
            assert!(Instant::now() < end, "snapperd does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn create(&self, description: &str) -> SnapshotId {
        self.engine
            .create(&NewSnapshot {
                description: description.to_owned(),
                cleanup: Cleanup("number".to_owned()),
                ..NewSnapshot::default()
            })
            .unwrap()
    }

    /// What the service lists of one, and what the disk says.
    fn both(&self, id: SnapshotId) -> (Option<Info>, Option<Info>) {
        let listed = self.engine.listed_by_snapper().unwrap().unwrap();
        let path: PathBuf = self.disk.snapshots().join(format!("{id}/info.xml"));
        let disk = fs::read(path).ok().map(|bytes| Info::parse(&bytes).unwrap());
        (listed.into_iter().find(|info| info.id == id), disk)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.service = None;
        for (_, place) in PLACES {
            let _ = rustix::mount::unmount(place, rustix::mount::UnmountFlags::DETACH);
        }
        let _ = &self.configs;
    }
}

const WORDS: &str = "Öl, <&> \\x41 \\ \"x\" 😀";

fn works() {
    let stage = Stage::new(256, |_| {});
    assert_eq!(stage.engine.platform().unwrap().writer, Writer::Snapperd);
    let id = stage.create(WORDS);
    let (listed, disk) = stage.both(id);
    // Its own clock and not the engine's: the service made it.
    let disk = disk.unwrap();
    assert_ne!(disk.books.time, NOW);
    assert_eq!(disk.books.description, WORDS);
    assert_eq!(listed, Some(disk));
    let edit = Edit {
        description: Some(format!("{WORDS} again")),
        pinned: Some(true),
        read_only: Some(false),
        ..Edit::default()
    };
    assert_eq!(stage.engine.edit(id, &edit).unwrap(), Outcome::Changed(()));
    assert_eq!(stage.engine.edit(id, &edit).unwrap(), Outcome::Unchanged);
    let (listed, disk) = stage.both(id);
    let books = listed.unwrap().books;
    assert_eq!(books.description, format!("{WORDS} again"));
    assert_eq!(books.userdata["kedge-pinned"], "yes");
    assert!(!stage.disk.is_read_only(&stage.disk.snapshot(id.0)).unwrap());
    assert_eq!(disk.unwrap().books, books);
    let edit = Edit {
        pinned: Some(false),
        ..Edit::default()
    };
    stage.engine.edit(id, &edit).unwrap();
    assert_eq!(stage.engine.delete(id).unwrap(), Outcome::Changed(()));
    assert_eq!(stage.engine.delete(id).unwrap(), Outcome::Unchanged);
    assert_eq!(stage.both(id), (None, None));
}

fn behind_its_back() {
    let stage = Stage::new(256, |_| {});
    let first = stage.create("its");
    // Made without it: in its memory it is missing for up to half a minute.
    let native = open(&stage.disk.root());
    let wish = NewSnapshot {
        description: "ours".to_owned(),
        ..NewSnapshot::default()
    };
    let (a, b) = (native.create(&wish).unwrap(), native.create(&wish).unwrap());
    let edit = Edit {
        description: Some(WORDS.to_owned()),
        ..Edit::default()
    };
    assert_eq!(stage.engine.edit(a, &edit).unwrap(), Outcome::Changed(()));
    assert_eq!(stage.engine.system().unwrap().snapshots[&a].description, WORDS);
    assert_eq!(stage.engine.delete(b).unwrap(), Outcome::Changed(()));
    let ids: Vec<_> = stage.engine.system().unwrap().snapshots.keys().copied().collect();
    assert_eq!(ids, [first, a]);
}

fn without() {
    let mut stage = Stage::new(256, |_| {});
    let first = stage.create("its");
    stage.service = None;
    // Its name leaves the bus a moment after it ended.
    let end = Instant::now() + Duration::from_secs(30);
    while stage.engine.listed_by_snapper().ok().flatten().is_some() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(50));
    }
    let second = stage.create("ours");
    assert_eq!(stage.engine.system().unwrap().snapshots[&second].time, NOW);
    stage.engine.delete(first).unwrap();
    stage.start();
    let listed = stage.engine.listed_by_snapper().unwrap().unwrap();
    let ids: Vec<_> = listed.iter().map(|info| info.id).collect();
    assert_eq!(ids, [second]);
}

/// The same list by the service, by snapper's command and by ourselves.
fn agree(stage: &Stage) -> usize {
    let system = stage.engine.system().unwrap();
    let listed = stage.engine.listed_by_snapper().unwrap().unwrap();
    assert_eq!(listed.len(), system.snapshots.len());
    for info in &listed {
        let ours = &system.snapshots[&info.id];
        assert_eq!(
            (&info.books.description, &info.books.cleanup, info.books.time),
            (&ours.description, &ours.cleanup, ours.time)
        );
        assert_eq!(info.books.userdata, ours.userdata);
    }
    let arguments = [
        "--no-dbus",
        "--csvout",
        "--separator",
        "|",
        "list",
        "--disable-used-space",
        "--columns",
        "number",
    ];
    let told = run("snapper", arguments).unwrap();
    assert_eq!(told.lines().count() - 2, listed.len());
    listed.len()
}

fn thousand() {
    let description = |number: u32| format!("{WORDS} {number}");
    let stage = Stage::new(512, |native| {
        for number in 1..=1000 {
            let wish = NewSnapshot {
                description: description(number),
                cleanup: Cleanup("timeline".to_owned()),
                ..NewSnapshot::default()
            };
            native.create(&wish).unwrap();
        }
        // Numbers have gaps.
        for number in (10..=1000).step_by(10) {
            native.delete(SnapshotId(number)).unwrap();
        }
    });
    assert_eq!(agree(&stage), 900);
    let id = stage.create("its own");
    assert!(id.0 >= 1000);
    assert_eq!(agree(&stage), 901);
    // And the other way: its own first, then ours.
    let edit = Edit {
        description: Some(WORDS.to_owned()),
        ..Edit::default()
    };
    for number in [1, 11, 999] {
        stage.engine.edit(SnapshotId(number), &edit).unwrap();
        stage.engine.delete(SnapshotId(number + 1)).unwrap();
    }
    let arguments = ["--no-dbus", "delete", "500-501", "503"];
    // 500 is a gap: snapper deletes what there is of a range.
    let _ = run("snapper", arguments);
    let native = open(&stage.disk.root());
    let numbers = native.system().unwrap().snapshots.len();
    assert_eq!(stage.engine.system().unwrap().snapshots.len(), numbers);
}
