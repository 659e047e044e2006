// SPDX-License-Identifier: GPL-3.0-or-later
//! A message bus of a test's own, and programs that end with the test.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the bus and the helper themselves"
)]

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A program that is killed when it is no longer needed.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).spawn().map(Self)
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits until it ends, for so long.
    pub fn wait(&mut self, time: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + time;
        loop {
            if let Ok(Some(status)) = self.0.try_wait() {
                return Some(status);
            }
            if Instant::now() > end {
                return None;
            }
            sleep(Duration::from_millis(10));
        }
    }

    /// Everything it wrote to a piped standard error, once it has ended.
    pub fn stderr(&mut self) -> String {
        let mut text = String::new();
        if let Some(pipe) = &mut self.0.stderr {
            // What is not text is no message.
            let _ = pipe.read_to_string(&mut text);
        }
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bus in a directory of its own.
#[derive(Debug)]
pub struct PrivateBus {
    daemon: Option<Program>,
    dir: tempfile::TempDir,
}

impl PrivateBus {
    /// Starts a bus on which everybody may do everything.
    ///
    /// # Errors
    /// When there is no `dbus-daemon`.
    pub fn start() -> io::Result<Self> {
        Self::with_policy(
            "session",
            "<policy context='default'><allow own='*'/><allow send_destination='*'/><allow send_type='signal'/>\
             <allow eavesdrop='true'/></policy>",
        )
    }

    /// Starts a bus of a type (`session`, `system`) with these elements in its configuration.
    ///
    /// # Errors
    /// When there is no `dbus-daemon`.
    pub fn with_policy(kind: &str, elements: &str) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("kedge-bus-").tempdir()?;
        fs::create_dir(dir.path().join("services"))?;
        let config = format!(
            "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN'\n \
             'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>\n\
             <busconfig><type>{kind}</type><listen>unix:path={dir}/bus</listen><auth>EXTERNAL</auth>\n\
             <servicedir>{dir}/services</servicedir>\n{elements}</busconfig>\n",
            dir = dir.path().display(),
        );
        fs::write(dir.path().join("bus.conf"), config)?;
        let mut bus = Self { daemon: None, dir };
        bus.resume()?;
        Ok(bus)
    }

    /// Its directory: for state of programs on it.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("bus")
    }

    /// Its D-Bus address.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket().display())
    }

    /// Makes a name start this command line when somebody calls it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn activate(&self, name: &str, command: &str) -> io::Result<()> {
        let text = format!("[D-BUS Service]\nName={name}\nExec={}\n", command.trim_end());
        fs::write(
            self.dir.path().join("services").join(format!("{name}.service")),
            text,
        )?;
        // The bus notices changes of its directories by inotify, a moment later.
        self.reload();
        Ok(())
    }

    /// Lets the bus read its directories. When this returns it has, where there is a program that can wait for it.
    fn reload(&self) {
        let bus = "org.freedesktop.DBus";
        let reloaded = Command::new("dbus-send")
            .args([&format!("--bus={}", self.address()), "--print-reply"])
            .args([&format!("--dest={bus}"), "/", &format!("{bus}.ReloadConfig")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if reloaded.is_ok_and(|status| status.success()) {
            return;
        }
        if let Some(daemon) = &self.daemon {
            daemon.signal(Signal::HUP);
            sleep(Duration::from_millis(200));
        }
    }

    /// Whether the bus answers: only then does it also know what to do with a signal.
    fn answers(&self) -> bool {
        let ask = || -> io::Result<usize> {
            let mut stream = UnixStream::connect(self.socket())?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"\0AUTH EXTERNAL\r\n")?;
            stream.read(&mut [0; 16])
        };
        ask().is_ok_and(|bytes| bytes > 0)
    }

    /// Ends the bus; its directory stays.
    pub fn end(&mut self) {
        self.daemon = None;
        // A socket that is left over would keep the next one from listening.
        let _ = fs::remove_file(self.socket());
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn resume(&mut self) -> io::Result<()> {
        let config = self.dir.path().join("bus.conf");
        let daemon = Program::start(
            Command::new("dbus-daemon")
                .arg("--nofork")
                .arg("--nopidfile")
                .arg(format!("--config-file={}", config.display()))
                // It complains about limits that only root of a whole machine may raise.
                .stderr(Stdio::null()),
        )?;
        self.daemon = Some(daemon);
        let end = Instant::now() + Duration::from_secs(10);
        // The socket is there a moment before anybody answers on it.
        while !self.answers() {
            if Instant::now() > end {
                return Err(io::Error::other("the bus does not listen"));
            }
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// A program of this workspace, where it has been built beside the running test.
///
/// # Errors
/// What is missing.
pub fn built(program: &str) -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    // target/debug/deps/TEST
    let path = test.parent().and_then(Path::parent).map(|dir| dir.join(program));
    match path {
        Some(path) if path.exists() => Ok(path),
        _ => Err(format!("needs {program} built")),
    }
}

/// Whether there is a program with this name, or what is missing.
///
/// # Errors
/// That it is missing.
pub fn installed(program: &str) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|dir| dir.join(program).exists());
    found.then_some(()).ok_or_else(|| format!("needs {program}"))
}
