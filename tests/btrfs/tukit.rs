// SPDX-License-Identifier: GPL-3.0-or-later
//! tukit and ourselves on the same disk: each goes on with what the other began, and both leave the same. tukit is the
//! stand-in that says and does what was recorded of the real one.

use crate::Case;
use crate::fixture::{Machine, open};
use engine::{Engine, Error};
use model::{FailureCode, SnapshotId, Transactor};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use support::{Layout, LoopBtrfs};

pub(crate) const CASES: &[Case] = &[
    ("tukit::the_stand_in_says_what_was_recorded", recorded),
    ("tukit::it_is_chosen_where_it_is", chosen),
    ("tukit::both_leave_the_same", the_same),
    ("tukit::it_continues_closes_and_aborts_ours", ours),
    ("tukit::we_close_and_abort_its", its),
    ("tukit::its_locks_keep_us_out_and_ours_keep_it_out", locks),
    ("tukit::what_it_did_not_do_is_no_success", lies),
    ("tukit::killed_at_each_step_of_opening", || killed("open")),
    ("tukit::killed_at_each_step_of_closing", || killed("close")),
    ("tukit::killed_at_each_step_of_aborting", || killed("abort")),
];

const TUKIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tukit/tukit.py");

fn files(root: &Path) -> io::Result<()> {
    fs::write(root.join("etc/fstab"), "/etc /etc none bind,x-initrd.mount 0 0\n")?;
    fs::write(root.join("etc/hostname"), "kedge\n")?;
    fs::write(root.join("usr/file"), "one\n")?;
    for directory in ["run", "dev", "proc", "sys", "tmp"] {
        fs::create_dir(root.join(directory))?;
    }
    fs::create_dir_all(root.join("usr/sbin"))?;
    fs::write(root.join("usr/sbin/transactional-update"), "")
}

fn with_tukit(root: &Path) -> io::Result<()> {
    files(root)?;
    let place = root.join("usr/sbin/tukit");
    fs::copy(TUKIT, &place)?;
    fs::set_permissions(place, fs::Permissions::from_mode(0o755))
}

fn made(fill: fn(&Path) -> io::Result<()>) -> Machine {
    let disk = LoopBtrfs::with_system(256, Layout::Transactional, fill).unwrap();
    fs::create_dir(disk.top().join("@/var/lib")).unwrap();
    fs::create_dir_all(disk.top().join("@/var/log")).unwrap();
    let run = disk.root().join("run");
    let none = rustix::mount::MountFlags::empty();
    rustix::mount::mount("kedge", run, "tmpfs", none, None).unwrap();
    let engine = open(&disk.root());
    Machine { engine, disk }
}

/// Runs the stand-in that lies in the running system, whoever is to open transactions there.
fn tukit(machine: &Machine, arguments: &[&str]) -> Output {
    let inside = machine.disk.root().join("usr/sbin/tukit");
    // Where the system has none, its program is the one of a place beside it.
    let program = match inside.exists() {
        true => inside,
        false => machine.disk.root().join("run/usr/sbin/tukit"),
    };
    Command::new(program).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    let words = [&output.stdout[..], &output.stderr[..]].concat();
    format!(
        "{}[rc={}]",
        String::from_utf8(words).unwrap(),
        output.status.code().unwrap()
    )
}

/// Everything that is to be the same whoever made it: subvolumes with their flags, books, the default, other books.
fn leavings(machine: &Machine, number: u32) -> Vec<String> {
    let mut lines = vec![machine.disk.default_path().unwrap()];
    lines.extend(machine.disk.subvolumes().unwrap());
    for below in ["", "etc", "etc/etc.syncpoint"] {
        let path = machine.disk.snapshot(number).join(below);
        lines.push(format!(
            "{below} ro={}",
            machine.disk.is_read_only(&path).unwrap()
        ));
    }
    let point = machine
        .disk
        .snapshot(number)
        .join("etc/etc.syncpoint/transactional-update.comparewith");
    lines.push(fs::read_to_string(point).unwrap());
    let books = machine.info(number);
    let differs = |line: &&str| !["<date>", "<description>"].iter().any(|key| line.contains(key));
    lines.extend(books.lines().filter(differs).map(str::to_owned));
    let state = machine
        .disk
        .root()
        .join("var/lib/misc/transactional-update.state");
    lines.push(fs::read_to_string(state).unwrap());
    lines.push(fs::read_to_string(machine.disk.root().join("run/reboot-needed")).unwrap());
    lines
}

fn recorded() {
    let machine = made(with_tukit);
    let head = |arguments: &str| {
        format!("tukit 6.1.3 started\nOptions: {arguments} \nUsing 'snapper' as snapshot manager.\n")
    };
    let cases: [(&[&str], &str); 9] = [
        (
            &["open"],
            "Using snapshot 1 as base for new snapshot 2.\nID: 2\nTransaction completed.\n[rc=0]",
        ),
        (
            &["call", "2", "touch", "/usr/c1"],
            "Executing `touch /usr/c1`:\nApplication returned with exit status 127.\n[rc=127]",
        ),
        (
            &["callext", "2", "bash", "-c", "exit 7"],
            "Executing `bash -c exit 7`:\nApplication returned with exit status 7.\n[rc=7]",
        ),
        (
            &["close", "2"],
            "New default snapshot is #2 (/.snapshots/2/snapshot).\nTransaction completed.\n[rc=0]",
        ),
        (
            &["call", "2", "true"],
            "ERROR: Snapshot 2 is not an open transaction.\n[rc=1]",
        ),
        (
            &["call", "99", "true"],
            "ERROR: Snapshot 99 does not exist.\n[rc=1]",
        ),
        (
            &["-c2", "open"],
            "Using snapshot 2 as base for new snapshot 3.\nID: 3\nTransaction completed.\n[rc=0]",
        ),
        (
            &["abort", "3"],
            "Discarding snapshot 3.\nTransaction completed.\n[rc=0]",
        ),
        (
            &["-c", "open"],
            "Using snapshot 2 as base for new snapshot 3.\nID: 3\nTransaction completed.\n[rc=0]",
        ),
    ];
    for (arguments, expected) in cases {
        let told = said(&tukit(&machine, arguments));
        // Nothing is installed in the little system: chroot says that it has no `touch`.
        let told: String = told
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("chroot:"))
            .collect();
        assert_eq!(told, head(&arguments.join(" ")) + expected);
    }
    assert_eq!(said(&tukit(&machine, &["-q", "abort", "3"])), "[rc=0]");
}

fn chosen() {
    let platform = |machine: &Machine| machine.engine.platform().unwrap();
    assert_eq!(platform(&made(with_tukit)).transactor, Transactor::Tukit);
    assert_eq!(platform(&made(files)).transactor, Transactor::Native);
}

fn the_same() {
    let of = |fill| {
        let machine = made(fill);
        let number = machine.open_transaction();
        fs::write(machine.disk.snapshot(number).join("usr/new"), "").unwrap();
        machine.close_transaction(number).unwrap();
        leavings(&machine, number)
    };
    let (by_tukit, native) = (of(with_tukit), of(files));
    assert_eq!(by_tukit, native);
    assert!(native.contains(&"@/.snapshots/2/snapshot".to_owned()));
    assert!(native.contains(&" ro=true".to_owned()) && native.contains(&"etc ro=false".to_owned()));
    let state = "LAST_WORKING_SNAPSHOTS=\"1 \"\nUNUSED_SNAPSHOTS=\"2 \"\nLAST_BOOTED=\"1\"\nREBOOT_ASSOCS[2]=reboot\n\
                 FORCE_REFRESH=\"0\"\n";
    assert!(
        native.contains(&state.to_owned()) && native.contains(&"reboot".to_owned()),
        "{native:?}"
    );
}

/// A system without tukit, and a tukit that works on it.
fn native_with_tukit_beside() -> Machine {
    let machine = made(files);
    let root = machine.disk.root();
    fs::create_dir_all(root.join("run/usr/sbin")).unwrap();
    let place = root.join("run/usr/sbin/tukit");
    // It finds its system by its own place; here that is one level further up.
    let words = fs::read_to_string(TUKIT).unwrap();
    let words = words.replace(".rsplit(\"/usr/\", 1)[0]", ".rsplit(\"/run/usr/\", 1)[0]");
    fs::write(&place, words).unwrap();
    fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
    machine
}

fn ours() {
    let machine = native_with_tukit_beside();
    let number = machine.open_transaction();
    let id = number.to_string();
    let script = "echo tukit > {}/usr/by-tukit";
    assert_eq!(
        tukit(&machine, &["callext", &id, "sh", "-c", script])
            .status
            .code(),
        Some(0)
    );
    assert_eq!(
        fs::read_to_string(machine.disk.snapshot(number).join("usr/by-tukit")).unwrap(),
        "tukit\n"
    );
    assert_eq!(tukit(&machine, &["close", &id]).status.code(), Some(0));
    assert_eq!(
        machine.disk.default_path().unwrap(),
        format!("@/.snapshots/{number}/snapshot")
    );
    assert!(machine.get(number).read_only && !machine.get(number).is_in_progress());
    // It goes on from there, and we from what it made.
    let output = tukit(&machine, &["-c", "open"]);
    assert!(said(&output).contains("Using snapshot 2 as base for new snapshot 3."));
    assert_eq!(tukit(&machine, &["close", "3"]).status.code(), Some(0));
    let next = machine.open_transaction();
    assert!(machine.disk.snapshot(next).join("usr/by-tukit").exists());
    let before = machine.disk.subvolumes().unwrap().len();
    assert_eq!(
        tukit(&machine, &["abort", &next.to_string()]).status.code(),
        Some(0)
    );
    assert_eq!(machine.disk.subvolumes().unwrap().len(), before - 3);
    assert_eq!(machine.numbers(), [1, 2, 3]);
}

fn its() {
    let machine = native_with_tukit_beside();
    assert!(said(&tukit(&machine, &["open"])).contains("ID: 2"));
    let before = machine.disk.subvolumes().unwrap().len();
    machine.abort_transaction(2).unwrap();
    assert_eq!(machine.disk.subvolumes().unwrap().len(), before - 3);
    assert!(said(&tukit(&machine, &["open"])).contains("ID: 2"));
    machine.close_transaction(2).unwrap();
    assert!(machine.get(2).userdata.is_empty() && machine.get(2).read_only);
    assert_eq!(
        said(&tukit(&machine, &["-q", "call", "2", "true"])),
        "ERROR: Snapshot 2 is not an open transaction.\n[rc=1]"
    );
    assert!(matches!(machine.close_transaction(2), Err(Error::Unverified(_))));
}

fn locks() {
    for machine in [made(with_tukit), native_with_tukit_beside()] {
        let held = |result: Result<SnapshotId, Error>| result.unwrap_err().failure().code;
        let root = machine.disk.root();
        let wait = "import fcntl,os,sys\nf=os.open(sys.argv[1],os.O_CREAT|os.O_WRONLY,0o600)\n\
                    fcntl.lockf(f,fcntl.LOCK_EX,10000)\nprint(flush=True)\nsys.stdin.read()";
        let mut holder = Command::new("python3")
            .args(["-c", wait, root.join("run/tukit.lock").to_str().unwrap()])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let open = || machine.with(|context| machine.engine.open_transaction(context));
        assert_eq!(held(open()), FailureCode::LockHeld);
        drop(holder.stdin.take());
        holder.wait().unwrap();
        // transactional-update's own: a file with the number of a process that lives.
        let lock = root.join("run/transactional-update.pid");
        fs::write(&lock, format!("{}\n", std::process::id())).unwrap();
        assert_eq!(held(open()), FailureCode::LockHeld);
        fs::remove_file(lock).unwrap();
        open().unwrap();
    }
}

fn lies() {
    let machine = made(with_tukit);
    let number = machine.open_transaction();
    // A tukit that says that all is well and does nothing.
    let broken = machine.disk.root().join("run/tukit");
    fs::write(&broken, "#!/bin/sh\necho ID: 77\nexit 0\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    rustix::mount::mount_bind(&broken, machine.disk.root().join("usr/sbin/tukit")).unwrap();
    assert!(matches!(
        machine.close_transaction(number),
        Err(Error::Unverified(_))
    ));
    assert_eq!(machine.disk.default_path().unwrap(), "@/.snapshots/1/snapshot");
    assert!(
        machine
            .with(|context| machine.engine.open_transaction(context))
            .is_err()
    );
    // What it leaves is removed by ourselves.
    machine.abort_transaction(number).unwrap();
    assert_eq!(machine.numbers(), [1]);
    rustix::mount::unmount(
        machine.disk.root().join("usr/sbin/tukit"),
        rustix::mount::UnmountFlags::DETACH,
    )
    .unwrap();
}

/// Kills it before each of its steps in turn, until one is not reached any more.
fn killed(verb: &str) {
    let mut kills = 0;
    for steps in 0.. {
        let machine = made(with_tukit);
        let dies = machine.disk.root().join("run/tukit-dies-after");
        let number = match verb {
            "open" => 2,
            _ => machine.open_transaction(),
        };
        fs::write(&dies, steps.to_string()).unwrap();
        let result = match verb {
            "open" => machine
                .with(|context| machine.engine.open_transaction(context))
                .map(drop),
            "close" => machine.close_transaction(number),
            _ => machine.abort_transaction(number),
        };
        let reached = fs::read_to_string(&dies).unwrap() == "0";
        fs::remove_file(&dies).unwrap();
        let engine = open(&machine.disk.root());
        engine.recover().unwrap();
        let system = engine.system().unwrap();
        let default = system.default.unwrap().0;
        // A success was one, whatever became of the process that reported it.
        match &result {
            Ok(()) if verb == "close" => assert_eq!(default, number, "{steps}"),
            Ok(()) => {}
            Err(_) => assert_eq!(default, 1, "{steps}: {result:?}"),
        }
        let whole = |id: u32| {
            let file = machine.disk.snapshot(id).join("etc/hostname");
            fs::read_to_string(file).unwrap() == "kedge\n"
        };
        assert!(whole(default), "{steps}");
        for snapshot in system.snapshots.values() {
            assert!(!snapshot.is_in_progress(), "{steps}: {snapshot:?}");
            // What it left without books can be seen, and deleted.
            if snapshot.condition != model::Condition::Complete {
                assert_ne!(snapshot.id.0, default, "{steps}");
                engine.delete(snapshot.id).unwrap();
            }
        }
        // And the next transaction is none the worse for it.
        let next = machine.open_transaction();
        machine.close_transaction(next).unwrap();
        assert_eq!(
            open(&machine.disk.root()).system().unwrap().default,
            Some(SnapshotId(next))
        );
        if !reached && result.is_ok() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 2, "{kills}");
}
