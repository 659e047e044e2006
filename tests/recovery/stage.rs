// SPDX-License-Identifier: GPL-3.0-or-later
//! A system that was shut down, and its filesystem mounted in the one that the tests run in.

use engine::{Engine as _, NativeEngine};
use model::{NewSnapshot, SnapshotId, Timestamp};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use support::bus::built;
use support::loop_btrfs::{run, unmount_all};
use support::{Layout, LoopBtrfs};

/// A system, and where somebody mounted it.
pub(crate) struct Rescue {
    pub(crate) disk: LoopBtrfs,
    place: tempfile::TempDir,
}

/// What kedgectl said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) talk: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            talk: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn exited(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

pub(crate) fn open(root: &Path) -> NativeEngine {
    NativeEngine::open(root, Arc::new(|| Timestamp::from_seconds(1_795_000_000))).unwrap()
}

/// Files that a system has.
pub(crate) fn files(root: &Path) -> std::io::Result<()> {
    for folder in [
        "boot",
        "usr/lib/modules/6.12.1",
        "efi",
        "sys",
        "proc",
        "run",
        "var/lib",
    ] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::write(root.join("boot/vmlinuz-6.12.1"), vec![b'k'; 30_000])?;
    fs::write(root.join("boot/initrd.img-6.12.1"), vec![b'i'; 50_000])?;
    fs::write(root.join("etc/hostname"), "kedge\n")?;
    fs::write(root.join("usr/file"), "one\n")
}

impl Rescue {
    /// A system in this layout, made ready by `prepare` while it runs, then shut down. Nothing is mounted yet.
    pub(crate) fn new(layout: Layout, prepare: impl FnOnce(&LoopBtrfs)) -> Self {
        Self::with(layout, |_| Ok(()), prepare)
    }

    /// `fill` gets the root directory before it is sealed.
    pub(crate) fn with(
        layout: Layout,
        fill: impl FnOnce(&Path) -> std::io::Result<()>,
        prepare: impl FnOnce(&LoopBtrfs),
    ) -> Self {
        let disk = LoopBtrfs::with_system(256, layout, |root| files(root).and_then(|()| fill(root))).unwrap();
        if layout == Layout::Transactional {
            table(&disk, "");
        }
        prepare(&disk);
        disk.shut_down().unwrap();
        Self {
            disk,
            place: tempfile::tempdir().unwrap(),
        }
    }

    /// Where it is mounted.
    pub(crate) fn mnt(&self) -> &Path {
        self.place.path()
    }

    /// Mounts it as somebody would, with these options.
    pub(crate) fn mount(&self, options: &str) {
        mount(&self.disk.image(), self.mnt(), options);
    }

    pub(crate) fn umount(&self) {
        unmount_all(self.mnt()).unwrap();
    }

    /// Runs kedgectl on it.
    pub(crate) fn kedgectl(&self, arguments: &[&str]) -> Said {
        kedgectl(self.mnt(), arguments)
    }

    /// Runs kedgectl, which has to succeed, and takes its JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let said = self.kedgectl(&[arguments, &["--json"]].concat()).exited(0);
        serde_json::from_str(&said.out).unwrap()
    }

    /// The numbers of its snapshots, by kedgectl.
    #[track_caller]
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let list = self.json(&["list"]);
        let numbers = list.as_array().unwrap().iter();
        numbers.map(|row| row["number"].as_u64().unwrap()).collect()
    }

    /// The number of the snapshot that starts next, by `btrfs`, of a filesystem that is mounted at `at`.
    #[track_caller]
    pub(crate) fn default(&self) -> String {
        let told = self
            .disk
            .btrfs(["subvolume", "get-default", self.mnt().to_str().unwrap()]);
        let told = told.unwrap();
        told.split_once(" path ")
            .map_or(String::new(), |(_, path)| path.trim().to_owned())
    }

    /// Takes it from where it is mounted and starts it.
    pub(crate) fn start(&self) -> NativeEngine {
        self.umount();
        self.disk.start().unwrap();
        open(&self.disk.root())
    }
}

impl Drop for Rescue {
    fn drop(&mut self) {
        // Nobody may have mounted it.
        let _ = run("umount", ["-R", "-l", self.mnt().to_str().unwrap()]);
    }
}

pub(crate) fn mount(image: &Path, at: &Path, options: &str) {
    let options = format!("loop,{options}");
    let words = [
        "-o",
        options.as_str(),
        image.to_str().unwrap(),
        at.to_str().unwrap(),
    ];
    // Another test may take the loop device between looking and taking.
    let tried = (0..5).find_map(|_| run("mount", words).ok());
    if tried.is_none() {
        run("mount", words).unwrap();
    }
}

pub(crate) fn kedgectl(root: &Path, arguments: &[&str]) -> Said {
    kedgectl_at(&built("kedgectl").unwrap(), root, arguments)
}

pub(crate) fn kedgectl_at(program: &Path, root: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(program);
    command.arg("--root").arg(root).args(arguments).env("TZ", "UTC");
    command.output().unwrap().into()
}

/// Writes the system's table of filesystems: its own subvolumes, and these lines.
pub(crate) fn table(disk: &LoopBtrfs, more: &str) {
    let told = disk
        .btrfs(["filesystem", "show", disk.top().to_str().unwrap()])
        .unwrap();
    let uuid = told
        .split_once("uuid: ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap()
        .trim()
        .to_owned();
    let line = |place: &str, subvolume: &str| format!("UUID={uuid} {place} btrfs subvol={subvolume} 0 0\n");
    let text = format!(
        "# what a system says of itself\n{}{}{more}",
        line("/.snapshots", "/@/.snapshots"),
        line("/var", "/@/var")
    );
    fs::write(disk.root().join("etc/fstab"), text).unwrap();
}

/// Takes a snapshot of the running system.
pub(crate) fn snapshot(disk: &LoopBtrfs, description: &str) -> u32 {
    let wish = NewSnapshot {
        description: description.to_owned(),
        ..NewSnapshot::default()
    };
    open(&disk.root()).create(&wish).unwrap().0
}

/// Makes a snapshot what an update leaves: it starts next and never ran.
pub(crate) fn pending(disk: &LoopBtrfs, number: u32) {
    let path: PathBuf = disk.snapshots().join(format!("{number}/info.xml"));
    let mark = model::userdata_key::NOT_BOOTED;
    let userdata = format!("<userdata><key>{mark}</key><value>yes</value></userdata></snapshot>");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("</snapshot>", &userdata);
    fs::write(path, text).unwrap();
    let snapshot = disk.snapshot(number);
    disk.btrfs(["subvolume", "set-default", snapshot.to_str().unwrap()])
        .unwrap();
    assert_eq!(
        open(&disk.root()).system().unwrap().default,
        Some(SnapshotId(number))
    );
}
