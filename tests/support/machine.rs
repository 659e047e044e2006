// SPDX-License-Identifier: GPL-3.0-or-later
//! A small Debian on a real btrfs, with a repository, as each test wants it.

use crate::loop_btrfs::run;
use crate::repository::{Deb, Key, Repository};
use crate::{Layout, LoopBtrfs};
use engine::{Cancel, Context, Engine, Error, NativeEngine, Outcome, Report};
use model::{Failure, Phase, Progress, SnapshotId, Timestamp};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What all tests share: the system with the first versions of the test's packages, and the key.
#[derive(Debug)]
pub struct Kit {
    /// Signs the repositories.
    pub key: Key,
    folder: tempfile::TempDir,
}

impl Kit {
    /// Unpacks the system once and installs what the updates will change.
    pub fn new(tarball: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("kedge-transaction-")
            .tempdir()
            .unwrap();
        let key = Key::new();
        let system = folder.path().join("system");
        fs::create_dir(&system).unwrap();
        unpack(tarball, &system).unwrap();
        let debs = system.join("debs");
        let image = kernel("1");
        let first = ["alpha", "beta", "gamma", "fail", "large", "slow"].map(|name| Deb::new(name, "1"));
        let meta = Deb::new("linux-image-test", "1").field("Depends: linux-image-1");
        for deb in first.iter().chain([&image, &meta]) {
            deb.build(&debs);
        }
        let text = system.to_str().unwrap();
        run("mount", ["--rbind", "/dev", &format!("{text}/dev")]).unwrap();
        run("chroot", [text, "sh", "-c", "dpkg -i /debs/*.deb"]).unwrap();
        run("umount", ["-l", &format!("{text}/dev")]).unwrap();
        fs::remove_dir_all(debs).unwrap();
        fs::write(system.join("etc/apt/test.gpg"), key.public()).unwrap();
        let sources = ["stable", "stable-security"]
            .map(|suite| format!("deb [signed-by=/etc/apt/test.gpg] file:/srv/repo {suite} main\n"));
        fs::write(system.join("etc/apt/sources.list"), sources.concat()).unwrap();
        fs::remove_file(system.join("etc/resolv.conf")).ok();
        run(
            "tar",
            [
                "-C",
                text,
                "--exclude=./dev/*",
                "-cf",
                folder.path().join("tar").to_str().unwrap(),
                ".",
            ],
        )
        .unwrap();
        fs::remove_dir_all(system).unwrap();
        Self { key, folder }
    }

    fn tarball(&self) -> PathBuf {
        self.folder.path().join("tar")
    }
}

fn unpack(tarball: &Path, to: &Path) -> io::Result<()> {
    let (tarball, to) = (tarball.to_str().unwrap(), to.to_str().unwrap());
    run(
        "tar",
        ["-C", to, "--exclude=./dev/*", "--numeric-owner", "-xpf", tarball],
    )
    .map(|_| ())
}

/// A kernel: its image is packed, its initrd is made when it is configured, as on Debian.
pub fn kernel(version: &str) -> Deb {
    Deb::new(&format!("linux-image-{version}"), "1")
        .file(&format!("boot/vmlinuz-{version}"), "kernel")
        .script("postinst", &format!("echo initrd > /boot/initrd.img-{version}"))
}

/// Where the package database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `/var` is apart, the database in `/usr/lib/sysimage/dpkg`.
    Sysimage,
    /// `/var` is apart and the database in it: what must be detected.
    Outside,
    /// `/var` is part of the writable root.
    Own,
}

/// The machine of one test.
#[derive(Debug)]
pub struct Machine<'a> {
    /// What all tests share.
    pub kit: &'a Kit,
    /// The filesystem that it is on.
    pub disk: LoopBtrfs,
    /// Where its packages come from.
    pub repository: Repository,
    before: Fingerprint,
}

/// What a test compares to see that nothing else changed.
#[derive(Debug, PartialEq, Eq)]
struct Fingerprint {
    running: String,
    var: String,
    mounts: BTreeSet<String>,
}

impl<'a> Machine<'a> {
    /// One in whose snapshots the package database is.
    pub fn new(kit: &'a Kit) -> Self {
        Self::with(kit, Place::Sysimage, 1400, |_| Ok(()))
    }

    /// `change` gets the system's root directory before it is sealed.
    pub fn with(
        kit: &'a Kit,
        place: Place,
        mebibytes: u64,
        change: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Self {
        let layout = if place == Place::Own {
            Layout::Classic
        } else {
            Layout::Transactional
        };
        let fill = |system: &Path| {
            unpack(&kit.tarball(), system)?;
            if place == Place::Sysimage {
                fs::create_dir_all(system.join("usr/lib/sysimage"))?;
                fs::rename(system.join("var/lib/dpkg"), system.join("usr/lib/sysimage/dpkg"))?;
                symlink("../../usr/lib/sysimage/dpkg", system.join("var/lib/dpkg"))?;
            }
            if layout == Layout::Transactional {
                let apart = system.ancestors().nth(3).unwrap().join("var");
                run(
                    "cp",
                    [
                        "-a",
                        "--",
                        &format!("{}/var/.", system.display()),
                        apart.to_str().unwrap(),
                    ],
                )?;
                run("rm", ["-rf", "--", system.join("var").to_str().unwrap()])?;
                fs::create_dir(system.join("var"))?;
            }
            change(system)
        };
        let disk = LoopBtrfs::with_system(mebibytes, layout, fill).unwrap();
        let srv = disk.top().join("@/srv");
        disk.btrfs(["subvolume", "create", srv.to_str().unwrap()])
            .unwrap();
        mount_others(&disk);
        let repository = Repository {
            path: srv.join("repo"),
        };
        repository.publish(&kit.key, "stable", &[]);
        repository.publish(&kit.key, "stable-security", &[]);
        let before = Fingerprint::of(&disk);
        Self {
            kit,
            disk,
            repository,
            before,
        }
    }

    /// Starts what is the default by now.
    pub fn restart(&self) {
        self.disk.restart().unwrap();
        mount_others(&self.disk);
    }

    /// Offers these packages.
    pub fn publish(&self, packages: &[Deb]) {
        self.repository.publish(&self.kit.key, "stable", packages);
    }

    /// Offers these as security updates.
    pub fn publish_security(&self, packages: &[Deb]) {
        self.repository
            .publish(&self.kit.key, "stable-security", packages);
    }

    /// The engine of the running system.
    pub fn engine(&self) -> NativeEngine {
        open(&self.disk.root())
    }

    /// Updates it.
    ///
    /// # Errors
    /// As the engine's.
    pub fn update(&self) -> Result<Outcome<SnapshotId>, Error> {
        let record = Record::default();
        let result = record.update(&self.engine());
        record.print_on_panic();
        result
    }

    /// The text of a file in a snapshot; empty when there is none.
    pub fn read(&self, snapshot: u32, path: &str) -> String {
        fs::read_to_string(self.disk.snapshot(snapshot).join(path)).unwrap_or_default()
    }

    /// The running system, its `/var` but for Kedge's cache, and this process' mounts are what they were.
    pub fn assert_running_untouched(&self) {
        assert_eq!(Fingerprint::of(&self.disk), self.before);
    }

    /// These snapshots exist, completely and without marks of an open transaction, and this one starts next.
    pub fn assert_snapshots(&self, numbers: &[u32], default: u32) {
        let system = self.engine().system().unwrap();
        assert_eq!(
            system.snapshots.keys().map(|id| id.0).collect::<Vec<_>>(),
            numbers
        );
        assert_eq!(
            (system.booted, system.default),
            (Some(SnapshotId(1)), Some(SnapshotId(default)))
        );
        for snapshot in system.snapshots.values() {
            assert!(!snapshot.is_in_progress(), "{snapshot:?}");
        }
        let mut names: Vec<u32> = fs::read_dir(self.disk.snapshots())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, numbers, "directories");
        let path = format!("@/.snapshots/{default}/snapshot");
        assert_eq!(self.disk.default_path().unwrap(), path);
    }

    /// Everything is as it was before the update that failed.
    pub fn assert_old_system(&self) {
        self.assert_snapshots(&[1], 1);
        self.assert_running_untouched();
    }

    /// Snapshot `number` is a complete new system.
    pub fn assert_new_system(&self, number: u32) {
        let root = self.disk.snapshot(number);
        assert!(self.disk.is_read_only(&root).unwrap());
        let leftovers = [
            "usr/sbin/policy-rc.d",
            "run/kedge",
            "etc/resolv.conf",
            "debs",
            "var/lib",
            "var/cache",
        ];
        for leftover in leftovers {
            assert!(!root.join(leftover).exists(), "{leftover} is left");
        }
        let text = root.to_str().unwrap();
        let audit = run(
            "dpkg",
            [&format!("--admindir={text}/usr/lib/sysimage/dpkg"), "--audit"],
        )
        .unwrap();
        assert_eq!(audit, "");
        self.assert_running_untouched();
    }
}

/// What a boot mounts besides what the fixture does.
pub fn mount_others(disk: &LoopBtrfs) {
    let (root, srv) = (disk.root(), disk.top().join("@/srv"));
    run(
        "mount",
        [
            "--bind",
            srv.to_str().unwrap(),
            root.join("srv").to_str().unwrap(),
        ],
    )
    .unwrap();
    run(
        "mount",
        [
            "-t",
            "tmpfs",
            "-o",
            "mode=0755",
            "run",
            root.join("run").to_str().unwrap(),
        ],
    )
    .unwrap();
}

/// The engine of the system at this root directory.
pub fn open(root: &Path) -> NativeEngine {
    NativeEngine::open(root, Arc::new(|| Timestamp::from_seconds(1_780_000_000))).unwrap()
}

/// What failed.
pub fn failure(result: Result<impl std::fmt::Debug, Error>) -> Failure {
    result.unwrap_err().failure()
}

impl Fingerprint {
    fn of(disk: &LoopBtrfs) -> Self {
        let hash = |path: PathBuf| {
            let script = "tar --exclude=./cache/kedge --sort=name --xattrs -C \"$0\" -c . | sha256sum";
            run("sh", ["-c", script, path.to_str().unwrap()]).unwrap()
        };
        let var = disk.top().join("@/var");
        let root = disk.root();
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let folder = root.parent().unwrap().to_str().unwrap();
        Self {
            running: hash(disk.snapshot(1)),
            // Making the cache's directory touches the one above it.
            var: if var.exists() {
                hash_var(&var)
            } else {
                String::new()
            },
            mounts: table
                .lines()
                .filter(|line| line.contains(folder))
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// The same for `/var`, where only Kedge's cache may appear, which touches the directory it is made in.
fn hash_var(var: &Path) -> String {
    let script = "cd \"$0\" && find . -path ./cache/kedge -prune -o -printf '%p %y %m %u %g %l ' \\( -type f -printf '%s %T@' , \
                  -type d ! -path ./cache -printf '%T@' , -printf '\\n' \\) | sort | sha256sum";
    run("sh", ["-c", script, var.to_str().unwrap()]).unwrap()
}

type Hook = Box<dyn Fn(&Progress, &Cancel) + Send + Sync>;

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

/// Remembers what a job reports.
pub struct Record {
    /// How far it was, in order.
    pub progress: Mutex<Vec<Progress>>,
    /// What it said.
    pub log: Mutex<Vec<String>>,
    /// What stops it.
    pub cancel: Arc<Cancel>,
    /// Called with each step.
    pub hook: Option<Hook>,
    /// Where the system is, for what works on it by hand.
    pub root: Option<PathBuf>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            progress: Mutex::default(),
            log: Mutex::default(),
            cancel: Arc::new(Cancel::new().unwrap()),
            hook: None,
            root: None,
        }
    }
}

impl Report for Record {
    fn progress(&self, progress: Progress) {
        if let Some(hook) = &self.hook {
            hook(&progress, &self.cancel);
        }
        self.progress.lock().unwrap().push(progress);
    }

    fn log(&self, line: &str) {
        assert!(
            !line.chars().any(char::is_control) && line.len() <= 4096,
            "{line:?}"
        );
        self.log.lock().unwrap().push(line.to_owned());
    }
}

impl Record {
    /// Calls this with each step.
    pub fn hooked(hook: impl Fn(&Progress, &Cancel) + Send + Sync + 'static) -> Self {
        Self {
            hook: Some(Box::new(hook)),
            ..Self::default()
        }
    }

    /// Does something with this as its context.
    pub fn with<T>(&self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        work(&Context {
            report: self,
            cancel: &self.cancel,
        })
    }

    /// Updates.
    ///
    /// # Errors
    /// As the engine's.
    pub fn update(&self, engine: &NativeEngine) -> Result<Outcome<SnapshotId>, Error> {
        self.with(|context| engine.update(context))
    }

    /// Looks for updates.
    ///
    /// # Errors
    /// As the engine's.
    pub fn check(&self, engine: &NativeEngine) -> Result<model::UpdateSet, Error> {
        self.with(|context| engine.check(context))
    }

    /// Looks for updates and fetches them.
    ///
    /// # Errors
    /// As the engine's.
    pub fn download(&self, engine: &NativeEngine) -> Result<model::UpdateSet, Error> {
        self.with(|context| engine.download(context))
    }

    /// The log, for whoever reads why a test failed (it is shown only then when run with `KEDGE_LOG=1`).
    pub fn print_on_panic(&self) {
        if std::env::var_os("KEDGE_LOG").is_some() {
            for line in self.log.lock().unwrap().iter() {
                eprintln!("| {line}");
            }
        }
    }

    /// The phases in the order in which they began, and whether the permille never fell.
    pub fn phases(&self) -> (Vec<Phase>, bool) {
        let progress = self.progress.lock().unwrap();
        let mut phases: Vec<Phase> = progress.iter().map(|p| p.phase).collect();
        phases.dedup();
        let numbers: Vec<u16> = progress.iter().filter_map(|p| p.permille).collect();
        (phases, numbers.is_sorted() && numbers.iter().all(|n| *n <= 1000))
    }
}
