// SPDX-License-Identifier: GPL-3.0-or-later
//! The native engine on a real btrfs. What other programs do is done here with the filesystem's own tools, so that the
//! engine is not checked against itself.

use crate::bench::{Bench, Layout, Maker, Need};
use crate::debian::{self, Offers};
use chrono::DateTime;
use engine::{Engine, NativeEngine};
use model::{Condition, SnapshotId, Timestamp};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::LoopBtrfs;
use support::repository::Deb;

/// Makes systems on loop devices.
#[derive(Debug)]
pub(crate) struct Native {
    lacks: Option<String>,
}

impl Native {
    /// To be called before any thread is started: it gives the process mounts of its own.
    pub(crate) fn new() -> Self {
        Self {
            lacks: support::isolate().err(),
        }
    }
}

impl Maker for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn lacks(&self, need: Need) -> Option<String> {
        self.lacks.clone().or_else(|| match need {
            Need::Snapshots => None,
            Need::Packages => debian::lacks(),
        })
    }

    fn make(&self, layout: Layout, need: Need) -> Box<dyn Bench> {
        if need == Need::Packages {
            assert_eq!(
                layout,
                Layout::Transactional,
                "the only layout with a package manager"
            );
            let (disk, repository) = debian::machine();
            return Box::new(NativeBench::new(disk, Some(repository)));
        }
        let layout = match layout {
            Layout::Transactional => support::Layout::Transactional,
            Layout::Classic => support::Layout::Classic,
            Layout::Beside => support::Layout::At,
        };
        let disk = LoopBtrfs::with_system(256, layout, |_| Ok(())).expect("a loop device with a btrfs");
        Box::new(NativeBench::new(disk, None))
    }
}

#[derive(Debug)]
struct NativeBench {
    engine: Option<NativeEngine>,
    repository: Option<Offers>,
    disk: LoopBtrfs,
    now: Arc<AtomicU64>,
}

impl NativeBench {
    fn new(disk: LoopBtrfs, repository: Option<Offers>) -> Self {
        let mut bench = Self {
            engine: None,
            repository,
            disk,
            // The same morning as on a simulated machine.
            now: Arc::new(AtomicU64::new(1_772_436_600_000_000)),
        };
        bench.open();
        bench
    }

    fn open(&mut self) {
        let now = Arc::clone(&self.now);
        let clock = Arc::new(move || Timestamp(now.load(Ordering::Relaxed)));
        self.engine = Some(NativeEngine::open(&self.disk.root(), clock).expect("the engine opens"));
    }

    fn repository(&self) -> &Offers {
        self.repository
            .as_ref()
            .expect("the case asked for a machine with packages")
    }

    fn place(&self, id: SnapshotId) -> PathBuf {
        self.disk.snapshots().join(id.to_string())
    }

    /// As snapper does it: the directory, the subvolume, what is nested in it, the books last.
    fn take(&self, description: &str, cleanup: &str, userdata: &str, writable: bool) -> SnapshotId {
        let names = fs::read_dir(self.disk.snapshots()).expect("the snapshots can be listed");
        let last = names
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .max()
            .unwrap_or(0);
        let id = SnapshotId(last + 1);
        let place = self.place(id);
        fs::create_dir(&place).expect("a new directory");
        let snapshot = place.join("snapshot");
        let text = |path: &PathBuf| {
            path.to_str()
                .expect("a temporary directory with a plain name")
                .to_owned()
        };
        let (from, to) = (self.disk.root(), text(&snapshot));
        let take = |from: &PathBuf, to: &str| {
            let made = self.disk.btrfs(["subvolume", "snapshot", &text(from), to]);
            made.expect("a snapshot");
        };
        take(&from, &to);
        // A nested subvolume is an empty directory in a snapshot of what is around it.
        let nested = fs::read_dir(snapshot.join("etc")).is_ok_and(|mut files| files.next().is_none());
        if nested && fs::read_dir(from.join("etc")).is_ok_and(|mut files| files.next().is_some()) {
            fs::remove_dir(snapshot.join("etc")).expect("the place of the nested subvolume");
            take(&from.join("etc"), &text(&snapshot.join("etc")));
        }
        if !writable {
            let sealed = self.disk.btrfs(["property", "set", &to, "ro", "true"]);
            sealed.expect("a read-only flag");
        }
        let micros = i64::try_from(self.now.load(Ordering::Relaxed)).expect("a moment of this era");
        let date = DateTime::from_timestamp_micros(micros).expect("a moment of this era");
        let date = date.format("%Y-%m-%d %H:%M:%S");
        let books = format!(
            "<?xml version=\"1.0\"?>\n<snapshot>\n  <type>single</type>\n  <num>{id}</num>\n  <date>{date}</date>\n  \
             <description>{description}</description>\n  <cleanup>{cleanup}</cleanup>\n{userdata}</snapshot>\n"
        );
        fs::write(place.join("info.xml"), books).expect("books");
        id
    }

    fn starts(&self, id: SnapshotId) -> bool {
        let system = self.engine().system().expect("a bench's system can be read");
        [system.booted, system.default].contains(&Some(id))
    }
}

impl Bench for NativeBench {
    fn engine(&self) -> &dyn Engine {
        self.engine
            .as_ref()
            .expect("only a restart takes it, and puts it back")
    }

    fn set_clock(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::Relaxed);
    }

    fn reboot(&mut self) {
        self.engine = None;
        self.disk.restart().expect("the system starts anew");
        if self.repository.is_some() {
            debian::mount_rest(&self.disk);
        }
        self.open();
    }

    fn outside_create(&self, description: &str) -> SnapshotId {
        self.take(description, "timeline", "", false)
    }

    fn outside_delete(&self, id: SnapshotId) -> bool {
        let place = self.place(id);
        if self.starts(id) || !place.exists() {
            return false;
        }
        let snapshot = place.join("snapshot");
        let delete = |path: PathBuf| {
            let path = path
                .to_str()
                .expect("a temporary directory with a plain name")
                .to_owned();
            let deleted = self.disk.btrfs(["subvolume", "delete", &path]);
            deleted.expect("a deletion");
        };
        let read_only = self.disk.is_read_only(&snapshot).expect("a flag");
        if read_only {
            // What is nested in a read-only subvolume cannot be unlinked from it.
            let path = snapshot
                .to_str()
                .expect("a temporary directory with a plain name");
            let opened = self.disk.btrfs(["property", "set", "-f", path, "ro", "false"]);
            opened.expect("a writable flag");
        }
        let inside = self.disk.subvolumes().expect("a list of subvolumes");
        if inside
            .iter()
            .any(|path| path.ends_with(&format!("/{id}/snapshot/etc")))
        {
            delete(snapshot.join("etc"));
        }
        delete(snapshot);
        fs::remove_dir_all(&place).expect("the directory goes too");
        true
    }

    fn outside_set_default(&self, id: SnapshotId) {
        let snapshot = self.disk.snapshot(id.0);
        let path = snapshot
            .to_str()
            .expect("a temporary directory with a plain name");
        let set = self.disk.btrfs(["subvolume", "set-default", path]);
        set.expect("a new default");
    }

    fn damage(&self, id: SnapshotId, condition: Condition) {
        let books = self.place(id).join("info.xml");
        let done = match condition {
            Condition::Complete => Ok(()),
            // They may be lost already.
            Condition::NoMetadata if !books.exists() => Ok(()),
            Condition::NoMetadata => fs::remove_file(books),
            Condition::BadMetadata => fs::write(books, "<snapshot><num>no</num>"),
        };
        done.expect("books that can be damaged");
    }

    fn leave_unfinished(&self) -> SnapshotId {
        let mark = "  <userdata>\n    <key>transactional-update-in-progress</key>\n    <value>yes</value>\n  \
                    </userdata>\n";
        self.take("Snapshot Update", "number", mark, true)
    }

    fn offer(&self, packages: &[(&str, &str)]) {
        let packages: Vec<_> = packages
            .iter()
            .map(|(name, version)| Deb::new(name, version))
            .collect();
        self.repository().publish(&packages);
    }

    fn stock(&self, packages: &[(&str, &str, &str)]) {
        let packages: Vec<_> = packages
            .iter()
            .map(|(name, version, needs)| match *needs {
                "" => Deb::new(name, version),
                needs => Deb::new(name, version).field(&format!("Depends: {needs}")),
            })
            .collect();
        self.repository().publish(&packages);
    }

    fn offer_failing(&self, package: &str, version: &str) {
        let failing = Deb::new(package, version).script("postinst", "echo no >&2; exit 1");
        self.repository().publish(&[failing]);
    }

    fn set_reachable(&self, reachable: bool) {
        self.repository().set_reachable(reachable);
    }
}
