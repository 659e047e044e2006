// SPDX-License-Identifier: GPL-3.0-or-later
//! Updates by zypper: a small system with rpm's database, and a repository of packages built here.

mod questions;
mod wishes;

use crate::failures::fill;
use crate::network::{Server, remove_below};
use engine::{Engine as _, Outcome};
use model::{Capability, ChangeKind, Concern, FailureCode, NewSnapshot, Phase, SnapshotId};
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use support::loop_btrfs::{has_program, run};
use support::machine::{Kit, Machine, Place, Record, failure};

pub(crate) use questions::CASES as QUESTIONS;
pub(crate) use wishes::CASES as WISHES;

pub(crate) const CASES: &[crate::Case] = &[
    ("zypper::check_lists_what_an_update_would_change", check_lists),
    ("zypper::an_update_takes_what_was_downloaded", fetched_before),
    ("zypper::update_becomes_the_default", update_succeeds),
    ("zypper::update_continues_what_is_pending", update_continues),
    ("zypper::nothing_to_do_leaves_nothing", nothing_to_do),
    ("zypper::failing_script", failing_script),
    ("zypper::repository_gone", repository_gone),
    ("zypper::repository_unsigned", repository_unsigned),
    ("zypper::a_release_takes_what_is_newer_and_names_patches", release),
    ("zypper::disk_full", disk_full),
    ("zypper::databases_are_read_as_rpm_reads_them", databases),
];

/// Why there can be none here.
pub(crate) fn lacks() -> Option<String> {
    let programs = [
        "zypper",
        "rpm",
        "rpmdb2solv",
        "rpmbuild",
        "createrepo_c",
        "modifyrepo_c",
        "ldd",
    ];
    let missing = programs.into_iter().find(|program| !has_program(program));
    missing.map(|program| format!("needs {program}"))
}

/// A package, as the lines of its specification that differ.
struct Rpm<'a> {
    name: &'a str,
    version: &'a str,
    header: &'a str,
    scripts: &'a str,
    changelog: &'a str,
    /// MiB of something that cannot be packed smaller.
    large: u32,
}

impl<'a> Rpm<'a> {
    fn new(name: &'a str, version: &'a str) -> Self {
        Self {
            name,
            version,
            header: "",
            scripts: "",
            changelog: "* Sun Mar 01 2026 A <a@example.org>\n- First",
            large: 0,
        }
    }

    /// Puts it into a directory. It is built once: the same version built anew would be an update.
    fn build(&self, to: &Path) {
        static BUILT: LazyLock<(tempfile::TempDir, Mutex<()>)> =
            LazyLock::new(|| (tempfile::tempdir().unwrap(), Mutex::default()));
        let (folder, turn) = &*BUILT;
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hasher = DefaultHasher::new();
        (
            self.name,
            self.version,
            self.header,
            self.scripts,
            self.changelog,
            self.large,
        )
            .hash(&mut hasher);
        let known = folder.path().join(hasher.finish().to_string());
        if !known.is_dir() {
            self.build_anew(&known);
        }
        fs::create_dir_all(to).unwrap();
        let file = format!("{}-{}.rpm", self.name, self.version);
        fs::copy(known.join(&file), to.join(&file)).unwrap();
    }

    fn build_anew(&self, to: &Path) {
        let Self {
            name,
            version,
            header,
            scripts,
            changelog,
            large,
        } = self;
        let top = tempfile::tempdir().unwrap();
        let spec = top.path().join("it.spec");
        let text = format!(
            "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: {name}\nLicense: CC0-1.0\nBuildArch: noarch\n\
             AutoReqProv: no\n{header}\n%description\n{name}\n%install\nmkdir -p %{{buildroot}}/usr/share/{name}\n\
             echo {version} > %{{buildroot}}/usr/share/{name}/version\n\
             head -c {large}M /dev/urandom > %{{buildroot}}/usr/share/{name}/data\n%files\n/usr/share/{name}\n{scripts}\n\
             %changelog\n{changelog}\n"
        );
        fs::write(&spec, text).unwrap();
        fs::create_dir_all(to).unwrap();
        let define = |key: &str, value: &Path| format!("{key} {}", value.to_str().unwrap());
        let args = [
            "-bb".to_owned(),
            "--quiet".to_owned(),
            "--define".to_owned(),
            define("_topdir", top.path()),
            "--define".to_owned(),
            define("_rpmdir", to),
            "--define".to_owned(),
            "_build_name_fmt %%{NAME}-%%{VERSION}.rpm".to_owned(),
            spec.to_str().unwrap().to_owned(),
        ];
        run("rpmbuild", args.iter().map(String::as_str)).unwrap();
    }
}

/// What is installed and offered at first. One provides the shell of the others' scripts, one insists on another.
fn installed() -> [Rpm<'static>; 4] {
    [
        Rpm::new("alpha", "1"),
        Rpm::new("beta", "1"),
        Rpm {
            header: "Provides: /bin/sh",
            ..Rpm::new("gamma", "1")
        },
        Rpm {
            header: "Requires: beta = 1",
            ..Rpm::new("theta", "1")
        },
    ]
}

/// Gives a Debian system zypper and rpm in place of apt and dpkg, and installs the first packages.
fn with_rpm(system: &Path) {
    let text = system.to_str().unwrap();
    let apart = system.ancestors().nth(3).unwrap().join("var");
    for gone in [system.join("usr/lib/sysimage/dpkg"), apart.join("lib/dpkg")] {
        run("rm", ["-rf", gone.to_str().unwrap()]).unwrap();
    }
    let script = "set -e; cd /; \
                  for program in zypper rpm rpmkeys rpmdb2solv repo2solv susetags2solv gpg gpgconf; do \
                  program=/usr/bin/$program; [ -e $program ] || continue; cp -L --parents $program \"$0\"; \
                  for lib in $(ldd $program 2>/dev/null | grep -o '/[^ ]*'); do \
                  [ -e \"$0$lib\" ] || cp -L --parents $lib \"$0\"; done; done; \
                  cp -a --parents /usr/lib/rpm /etc/zypp \"$0\"; mkdir -p \"$0/usr/lib/sysimage/rpm\" \"$0/etc/zypp/repos.d\"";
    run("sh", ["-c", script, text]).unwrap();
    let built = tempfile::tempdir().unwrap();
    for package in installed() {
        package.build(built.path());
    }
    let script = "rpm --root \"$0\" --dbpath /usr/lib/sysimage/rpm --nodeps -i \"$1\"/*.rpm";
    run("sh", ["-c", script, text, built.path().to_str().unwrap()]).unwrap();
    write_repository(system, "gpgcheck=0\n");
}

fn write_repository(system: &Path, more: &str) {
    write_repository_at(system, "dir:/srv/rpm", more);
}

fn write_repository_at(system: &Path, place: &str, more: &str) {
    let text = format!("[local]\nname=local\nenabled=1\nbaseurl={place}\n{more}");
    fs::write(system.join("etc/zypp/repos.d/local.repo"), text).unwrap();
}

fn machine(kit: &Kit) -> Machine<'_> {
    let machine = Machine::with(kit, Place::Sysimage, 1400, |system| {
        with_rpm(system);
        Ok(())
    });
    publish(&machine, &[]);
    machine
}

fn folder(machine: &Machine<'_>) -> PathBuf {
    machine.disk.top().join("@/srv/rpm")
}

/// Offers these and nothing else.
fn publish(machine: &Machine<'_>, packages: &[Rpm<'_>]) {
    let folder = folder(machine);
    run("rm", ["-rf", folder.to_str().unwrap()]).unwrap();
    fs::create_dir_all(&folder).unwrap();
    for package in installed().iter().chain(packages) {
        package.build(&folder);
    }
    run("createrepo_c", ["-q", folder.to_str().unwrap()]).unwrap();
}

fn offer(machine: &Machine<'_>) {
    let changelog = "* Mon Mar 02 2026 A <a@example.org>\n- Fix CVE-2026-1234\n* Sun Mar 01 2026 A <a@example.org>\n- First";
    publish(
        machine,
        &[
            Rpm {
                header: "Requires: delta",
                changelog,
                ..Rpm::new("alpha", "2")
            },
            Rpm::new("delta", "1"),
        ],
    );
}

fn check_lists(kit: &Kit) {
    let machine = machine(kit);
    offer(&machine);
    let engine = machine.engine();
    assert!(engine.system().unwrap().capabilities.has(Capability::Updates));
    let record = Record::default();
    let set = record.check(&engine).unwrap();
    let shown: Vec<_> = set
        .packages
        .iter()
        .map(|it| format!("{} {} {}>{}", it.name, it.kind, it.old, it.new))
        .collect();
    assert_eq!(shown, ["alpha upgraded 1-1>2-1", "delta added >1-1"]);
    assert!(set.download_size > 0);
    assert!(record.phases().1);
    machine.assert_old_system();
}

fn update_succeeds(kit: &Kit) {
    let machine = machine(kit);
    offer(&machine);
    let record = Record::default();
    let engine = machine.engine();
    let result = record.update(&engine);
    record.print_on_panic();
    assert_eq!(result.unwrap(), Outcome::Changed(SnapshotId(2)));
    machine.assert_snapshots(&[1, 2], 2);
    machine.assert_running_untouched();
    assert_eq!(machine.read(2, "usr/share/alpha/version"), "2\n");
    assert_eq!(machine.read(2, "usr/share/delta/version"), "1\n");
    assert_eq!(machine.read(1, "usr/share/alpha/version"), "1\n");
    let (phases, rises) = record.phases();
    assert!(rises && phases.contains(&Phase::Install), "{phases:?}");
    let last = record
        .progress
        .lock()
        .unwrap()
        .iter()
        .rfind(|it| it.phase == Phase::Install)
        .cloned()
        .unwrap();
    assert_eq!((last.item, last.items), (2, 2));
    let changes = engine
        .package_changes(Some(SnapshotId(1)), Some(SnapshotId(2)))
        .unwrap();
    let shown: Vec<_> = changes
        .iter()
        .map(|it| (it.name.as_str(), it.kind, it.fixes.len(), it.security))
        .collect();
    assert_eq!(
        shown,
        [
            ("alpha", ChangeKind::Upgraded, 1, true),
            ("delta", ChangeKind::Added, 0, false)
        ]
    );
    assert_eq!(changes[0].fixes, ["CVE-2026-1234"]);
    let log = engine
        .changelog(Some(SnapshotId(1)), Some(SnapshotId(2)), "alpha")
        .unwrap();
    assert_eq!(
        log.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(),
        ["- Fix CVE-2026-1234"]
    );
    let counts = engine
        .change_counts(Some(SnapshotId(1)), Some(SnapshotId(2)))
        .unwrap();
    assert_eq!((counts.added, counts.upgraded, counts.removed), (1, 1, 0));
    // Going back would lose the fix, and says so.
    machine.restart();
    let plan = machine.engine().plan_rollback(SnapshotId(1)).unwrap();
    assert!(
        plan.concerns.contains(&Concern::LosesSecurityFixes),
        "{:?}",
        plan.concerns
    );
    assert_eq!(plan.changes[0].fixes, ["CVE-2026-1234"]);
}

/// What was downloaded is installed although the server no longer has it.
fn fetched_before(kit: &Kit) {
    let (listener, port) = Server::bind();
    let machine = Machine::with(kit, Place::Sysimage, 1400, |system| {
        with_rpm(system);
        write_repository_at(system, &format!("http://127.0.0.1:{port}/"), "gpgcheck=0\n");
        Ok(())
    });
    offer(&machine);
    let _server = Server::start(listener, folder(&machine), false);
    let record = Record::default();
    let set = record.download(&machine.engine());
    record.print_on_panic();
    let set = set.unwrap();
    assert_eq!((set.packages.len(), set.download_size), (2, 0), "{set:?}");
    machine.assert_old_system();
    let set = Record::default().check(&machine.engine()).unwrap();
    assert_eq!((set.packages.len(), set.download_size), (2, 0), "nothing is left");
    assert!(remove_below(&folder(&machine), "rpm") >= 2);
    let record = Record::default();
    let result = record.update(&machine.engine());
    record.print_on_panic();
    assert_eq!(result.unwrap(), Outcome::Changed(SnapshotId(2)));
    assert_eq!(machine.read(2, "usr/share/alpha/version"), "2\n");
    machine.assert_running_untouched();
}

fn update_continues(kit: &Kit) {
    let machine = machine(kit);
    offer(&machine);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(2)));
    publish(&machine, &[Rpm::new("alpha", "3"), Rpm::new("delta", "1")]);
    assert_eq!(machine.update().unwrap(), Outcome::Changed(SnapshotId(3)));
    machine.assert_snapshots(&[1, 2, 3], 3);
    assert_eq!(machine.read(3, "usr/share/alpha/version"), "3\n");
    assert_eq!(machine.read(3, "usr/share/delta/version"), "1\n");
    machine.assert_running_untouched();
}

fn nothing_to_do(kit: &Kit) {
    let machine = machine(kit);
    assert!(Record::default().check(&machine.engine()).unwrap().is_empty());
    assert_eq!(machine.update().unwrap(), Outcome::Unchanged);
    machine.assert_old_system();
}

fn failing_script(kit: &Kit) {
    let machine = machine(kit);
    let scripts = "%post\necho about to fail >&2\nexit 1";
    publish(
        &machine,
        &[Rpm {
            scripts,
            ..Rpm::new("alpha", "2")
        }],
    );
    let failure = failure(machine.update());
    assert_eq!(failure.code, FailureCode::PackageScript, "{}", failure.detail);
    assert!(
        failure.args["package"].starts_with("alpha-2"),
        "{:?}",
        failure.args
    );
    machine.assert_old_system();
}

fn repository_gone(kit: &Kit) {
    let machine = machine(kit);
    offer(&machine);
    Record::default().check(&machine.engine()).unwrap();
    fs::remove_dir_all(folder(&machine)).unwrap();
    let check = failure(Record::default().check(&machine.engine()));
    assert_eq!(check.code, FailureCode::RepositoryUnavailable, "{}", check.detail);
    assert_eq!(check.args["repository"], "local");
    assert_eq!(failure(machine.update()).code, FailureCode::RepositoryUnavailable);
    machine.assert_old_system();
}

fn repository_unsigned(kit: &Kit) {
    let machine = Machine::with(kit, Place::Sysimage, 1400, |system| {
        with_rpm(system);
        write_repository(system, "gpgcheck=1\nrepo_gpgcheck=1\n");
        Ok(())
    });
    publish(&machine, &[Rpm::new("alpha", "2")]);
    let failure = failure(machine.update());
    assert_eq!(
        failure.code,
        FailureCode::RepositorySignature,
        "{}",
        failure.detail
    );
    machine.assert_old_system();
}

/// A system with releases: `up` takes what is newer and leaves alone what the repository no longer has; its patches say
/// which of it is for security.
fn release(kit: &Kit) {
    let machine = Machine::with(kit, Place::Sysimage, 1400, |system| {
        with_rpm(system);
        fs::remove_file(system.join("etc/os-release")).ok();
        fs::write(
            system.join("etc/os-release"),
            "ID=\"opensuse-leap\"\nVERSION_ID=\"16.0\"\n",
        )
    });
    let folder = folder(&machine);
    fs::create_dir_all(&folder).unwrap();
    // A distribution upgrade would go back to this gamma, and would remove theta, which nobody offers.
    for package in [
        Rpm::new("alpha", "2"),
        Rpm::new("delta", "1"),
        Rpm::new("gamma", "0.5"),
    ] {
        package.build(&folder);
    }
    run("createrepo_c", ["-q", folder.to_str().unwrap()]).unwrap();
    let patch = "<?xml version=\"1.0\"?>\n<updates><update from=\"a@example.org\" status=\"stable\" type=\"security\" \
                 version=\"1\"><id>test-2026-1</id><title>Security update for alpha</title><severity>important</severity>\
                 <release>test</release><issued date=\"1772000000\"/><references/><description>d</description><pkglist>\
                 <collection><package name=\"alpha\" epoch=\"0\" version=\"2\" release=\"1\" arch=\"noarch\">\
                 <filename>alpha-2.rpm</filename></package></collection></pkglist></update></updates>\n";
    let file = folder.join("updateinfo.xml");
    fs::write(&file, patch).unwrap();
    let repodata = folder.join("repodata");
    run(
        "modifyrepo_c",
        [
            "--mdtype=updateinfo",
            file.to_str().unwrap(),
            repodata.to_str().unwrap(),
        ],
    )
    .unwrap();
    let record = Record::default();
    let set = record.check(&machine.engine());
    record.print_on_panic();
    let set = set.unwrap();
    let shown: Vec<_> = set
        .packages
        .iter()
        .map(|it| format!("{} {} {}>{} {}", it.name, it.kind, it.old, it.new, it.security))
        .collect();
    assert_eq!(shown, ["alpha upgraded 1-1>2-1 true"]);
    let record = Record::default();
    let result = record.update(&machine.engine());
    record.print_on_panic();
    assert_eq!(result.unwrap(), Outcome::Changed(SnapshotId(2)));
    let version = |name: &str| machine.read(2, &format!("usr/share/{name}/version"));
    assert_eq!(["alpha", "gamma", "theta"].map(version), ["2\n", "1\n", "1\n"]);
    machine.assert_running_untouched();
}

fn disk_full(kit: &Kit) {
    let machine = machine(kit);
    let large = Rpm {
        large: 90,
        ..Rpm::new("alpha", "2")
    };
    publish(&machine, &[large]);
    fill(&machine, 40);
    let failure = failure(machine.update());
    assert_eq!(failure.code, FailureCode::DiskFull, "{}", failure.detail);
    machine.assert_old_system();
}

/// Both formats, read in the confined process, are what `rpm -qa` says; bytes that are none are refused.
fn databases(kit: &Kit) {
    let machine = machine(kit);
    let place = machine
        .disk
        .top()
        .join("@/.snapshots/1/snapshot/usr/lib/sysimage/rpm");
    let (top, text) = (machine.disk.top(), place.to_str().unwrap().to_owned());
    let query = "%{NAME} %{VERSION}-%{RELEASE} %{ARCH}\n";
    let listed = run("rpm", ["--dbpath", &text, "-qa", "--qf", query]).unwrap();
    assert_eq!(listed.lines().count(), 4);
    let all = top.join("@/.snapshots/1/snapshot");
    machine
        .disk
        .btrfs(["property", "set", all.to_str().unwrap(), "ro", "false"])
        .unwrap();
    // The same headers in the other format, by rpm itself.
    let ndb = top.join("ndb");
    fs::create_dir(&ndb).unwrap();
    let export = format!(
        "rpmdb --dbpath {text} --exportdb > {0}/list; rpmdb --define '_db_backend ndb' --dbpath {0} --importdb < {0}/list",
        ndb.display()
    );
    run("sh", ["-c", &export]).unwrap();
    // A copy that keeps the first format is compared with the original in the other.
    let copy = machine.engine().create(&NewSnapshot::default()).unwrap();
    let none = |engine: &engine::NativeEngine| engine.package_changes(Some(copy), Some(SnapshotId(1)));
    assert_eq!(none(&machine.engine()).unwrap(), []);
    fs::remove_file(place.join("rpmdb.sqlite")).unwrap();
    fs::copy(ndb.join("Packages.db"), place.join("Packages.db")).unwrap();
    let other = run(
        "rpm",
        [
            "--define",
            "_db_backend ndb",
            "--dbpath",
            ndb.to_str().unwrap(),
            "-qa",
            "--qf",
            query,
        ],
    )
    .unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&other), sorted(&listed));
    assert_eq!(none(&machine.engine()).unwrap(), []);
    fs::write(place.join("Packages.db"), vec![0x5a; 100_000]).unwrap();
    assert!(none(&machine.engine()).is_err());
    fs::remove_file(place.join("Packages.db")).unwrap();
    fs::write(place.join("Packages"), "Berkeley").unwrap();
    let absence = machine
        .engine()
        .system()
        .unwrap()
        .capabilities
        .absence(Capability::PackageChanges);
    assert_eq!(absence, Some(model::RefusalCode::DatabaseUnknown));
}
