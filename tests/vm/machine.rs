// SPDX-License-Identifier: GPL-3.0-or-later
//! A machine that runs, and what is asked of every one.

use crate::console::{Console, Said};
use crate::disk::Disk;
use command_fds::{CommandFdExt as _, FdMapping};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, File};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// OVMF, as Debian packages it, and its variables as they are before the first start.
pub(crate) const FIRMWARE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
pub(crate) const VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// Told to every kernel: a root shell on the console of the test, no login elsewhere, and an end of a panic.
pub(crate) const COMMON: &str = "systemd.getty_auto=0 panic=1 systemd.gpt_auto=0";

/// A machine that runs.
#[derive(Debug)]
pub(crate) struct Machine {
    child: Child,
    console: Console,
    log: PathBuf,
    /// How often it was started.
    pub(crate) starts: u32,
}

/// Where what machines say is kept: `target/vm`, or beside their disk.
fn logs(disk: &Disk) -> PathBuf {
    let place = std::env::var_os("KEDGE_MACHINES_LOGS").map(PathBuf::from);
    place.unwrap_or_else(|| disk.folder().to_path_buf())
}

impl Machine {
    /// User-mode Linux on this disk: it has no boot loader, and starts the default subvolume.
    pub(crate) fn uml(name: &str, disk: &Disk) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (log, transcript) = files(name, disk);
        let mut command = Command::new("linux.uml");
        command
            .args([
                "mem=768M",
                "root=/dev/ubda2",
                "rootfstype=btrfs",
                "rw",
                "init=/usr/lib/systemd/systemd",
            ])
            .arg(format!("ubd0={}", disk.image().display()))
            .args(["con=null", "con0=null,fd:1", "console=tty0", "ssl0=fd:3,fd:3"])
            .args(COMMON.split(' '))
            .arg("systemd.debug_shell=ttyS0")
            .current_dir(disk.folder())
            .env("TMPDIR", disk.folder());
        let mapping = FdMapping {
            parent_fd: theirs.into(),
            child_fd: 3,
        };
        command.fd_mappings(vec![mapping]).unwrap();
        Self::start(command, Console::new(ours, transcript), log)
    }

    /// An emulated PC with a firmware, which starts what the boot partition holds.
    pub(crate) fn pc(name: &str, disk: &Disk) -> Self {
        let (log, transcript) = files(name, disk);
        let variables = disk.folder().join("variables.fd");
        if !variables.exists() {
            fs::copy(VARIABLES, &variables).unwrap();
        }
        let socket = disk.folder().join("console");
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let drive = |rest: String| format!("if=pflash,format=raw,{rest}");
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args([
                "-machine",
                "q35",
                "-accel",
                "tcg,thread=multi,tb-size=512",
                "-cpu",
                "max",
            ])
            .args([
                "-m",
                "1024",
                "-nodefaults",
                "-display",
                "none",
                "-serial",
                "stdio",
            ])
            .args(["-drive", &drive(format!("readonly=on,file={FIRMWARE}"))])
            .args(["-drive", &drive(format!("file={}", variables.display()))])
            .args(["-device", "virtio-serial"])
            .args([
                "-chardev",
                &format!("socket,id=console,path={}", socket.display()),
            ])
            .args(["-device", "virtconsole,chardev=console"])
            .args(["-device", "virtio-rng-pci"])
            .args([
                "-drive",
                &format!(
                    "if=none,id=disk,format=raw,cache=unsafe,file={}",
                    disk.image().display()
                ),
            ])
            .args(["-device", "virtio-blk-pci,drive=disk,bootindex=1"]);
        let accept = std::thread::spawn(move || listener.accept().unwrap().0);
        let child = spawn(&mut command, &log);
        let console = Console::new(accept.join().unwrap(), transcript);
        Self::running(child, console, log)
    }

    fn start(mut command: Command, console: Console, log: PathBuf) -> Self {
        let child = spawn(&mut command, &log);
        // What was handed to it must not stay open here: the end of the machine is the end of the console.
        drop(command);
        Self::running(child, console, log)
    }

    fn running(child: Child, console: Console, log: PathBuf) -> Self {
        Self {
            child,
            console,
            log,
            starts: 0,
        }
    }

    fn ask<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Console, &mut dyn FnMut() -> Result<(), String>) -> Result<T, String>,
    ) -> T {
        let child = &mut self.child;
        let mut alive = || match child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("the machine ended with {status}")),
            Err(error) => Err(error.to_string()),
        };
        match work(&mut self.console, &mut alive) {
            Ok(done) => done,
            Err(error) => panic!("{what}: {error}\nthe kernel's console:\n{}", tail(&self.log)),
        }
    }

    /// Waits until the system is up, and everything in it.
    pub(crate) fn up(&mut self) {
        self.starts += 1;
        self.ask("a start", |console, alive| console.meet(alive));
        let state = self.try_shell("systemctl is-system-running --wait").text;
        if state.trim() != "running" {
            let failed = self
                .try_shell("systemctl --failed --no-legend --plain; journalctl -b -p err -o cat --no-pager");
            panic!("the system is {}: {}", state.trim(), failed.text);
        }
    }

    /// Waits for the shell of a system that need not come up whole.
    pub(crate) fn half_up(&mut self) {
        self.starts += 1;
        self.ask("a start", |console, alive| console.meet(alive));
        self.try_shell("systemctl is-system-running --wait");
    }

    /// Runs a command whatever comes of it.
    pub(crate) fn try_shell(&mut self, command: &str) -> Said {
        self.ask(command, |console, alive| console.run(command, alive))
    }

    /// Runs a command that must succeed.
    pub(crate) fn shell(&mut self, command: &str) -> String {
        let said = self.try_shell(command);
        assert_eq!(said.code, 0, "{command}: {}", said.text);
        said.text
    }

    /// Restarts it as a person does, and waits until what starts then is up.
    pub(crate) fn restart(&mut self) {
        self.leave();
        self.up();
    }

    /// Restarts it and waits for nothing.
    pub(crate) fn leave(&mut self) {
        self.ask("a restart", |console, _| console.leave("systemctl reboot"));
    }

    /// Waits until the machine itself is gone.
    pub(crate) fn wait_for_its_end(&mut self) {
        let end = Instant::now() + Duration::from_secs(600);
        while Instant::now() < end {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the machine does not end; its kernel said:\n{}", tail(&self.log));
    }

    /// Switches it off as a person does.
    pub(crate) fn switch_off(&mut self) {
        self.ask("switching off", |console, _| console.leave("systemctl poweroff"));
        self.wait_for_its_end();
    }

    /// The number of the snapshot that is mounted at `/`.
    pub(crate) fn running_snapshot(&mut self) -> u32 {
        number(&self.shell("findmnt --noheadings --output FSROOT /"))
    }

    /// The number of the default subvolume's snapshot.
    pub(crate) fn default_subvolume(&mut self) -> u32 {
        let line = self.shell("btrfs subvolume get-default /");
        number(line.split(" path ").nth(1).unwrap())
    }

    /// The version of a package by the database of the running system.
    pub(crate) fn version(&mut self, package: &str) -> String {
        let format = "${Version}";
        self.shell(&format!("dpkg-query -W -f '{format}' {package}"))
    }

    /// Everything the kernel said, on this disk and under this name.
    pub(crate) fn kernel_said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // User-mode Linux is several processes, of which the children outlive the first one.
        if let Ok(id) = i32::try_from(self.child.id())
            && let Some(group) = Pid::from_raw(id)
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Does something bad to a snapshot that waits for the restart; its root is `$new`.
pub(crate) fn spoil(machine: &mut Machine, snapshot: u32, how: &str) {
    let new = format!("/.snapshots/{snapshot}/snapshot");
    machine.shell(&format!(
        "set -e; new={new}; btrfs property set -ts $new ro false; {how}; btrfs property set -ts $new ro true; sync; set +e"
    ));
}

fn files(name: &str, disk: &Disk) -> (PathBuf, File) {
    let name = name.replace("::", "-");
    let place = logs(disk);
    let transcript = place.join(format!("{name}.txt"));
    let transcript = File::options()
        .create(true)
        .append(true)
        .open(transcript)
        .unwrap();
    (place.join(format!("{name}.kernel.txt")), transcript)
}

fn spawn(command: &mut Command, log: &Path) -> Child {
    let out = File::options().create(true).append(true).open(log).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .process_group(0);
    command.spawn().unwrap()
}

fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(30)..)
        .unwrap_or_default()
        .join("\n")
}

/// From the path of a snapshot's subvolume.
fn number(path: &str) -> u32 {
    let found = path.trim().trim_end_matches("/snapshot").rsplit('/').next();
    found
        .unwrap()
        .parse()
        .unwrap_or_else(|_| panic!("{path} is no snapshot"))
}
