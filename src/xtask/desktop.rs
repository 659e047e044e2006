// SPDX-License-Identifier: GPL-3.0-or-later
//! A small graphical session for the window: Xvfb and a window manager where there is no display, private buses, and a picture of what
//! is on the screen.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::enter::Session;
use crate::guest::wait_for;
use crate::process::{output, quiet};

/// A program that ends when this value goes.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("start {}", crate::process::shown(command)))?;
        Ok(Self(child))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Has it ended by itself?
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> Result<i32> {
        Ok(self.0.wait()?.code().unwrap_or(1))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A private message bus that lets everybody in.
#[derive(Debug)]
pub(crate) struct Bus {
    /// What clients connect to
    pub(crate) address: String,
    _daemon: Running,
}

impl Bus {
    /// Starts one with its socket in the scratch directory.
    pub(crate) fn start(session: &Session, name: &str) -> Result<Self> {
        let socket = session.scratch.join(name);
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .arg(format!("--address=unix:path={}", socket.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("start dbus-daemon")?;
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().context("read the bus address")?).read_line(&mut address)?;
        if address.trim().is_empty() {
            bail!("dbus-daemon did not start");
        }
        Ok(Self {
            address: address.trim().to_owned(),
            _daemon: Running(daemon),
        })
    }
}

/// The height of every picture.
pub(crate) const HEIGHT: u32 = 800;

/// Windows fill the screen and have no frame: the picture is of the page.
const WINDOW_MANAGER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <applications>
    <application type="normal"><decor>no</decor><maximized>yes</maximized></application>
  </applications>
</openbox_config>
"#;

/// A display of our own: Xvfb with a window manager.
#[derive(Debug)]
pub(crate) struct Display {
    name: String,
    _manager: Running,
    _server: Running,
}

impl Display {
    /// Starts both.
    pub(crate) fn start(session: &Session, width: u32) -> Result<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0"])
            .arg(format!("{width}x{HEIGHT}x24"))
            .args(["-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("start Xvfb")?;
        let mut number = String::new();
        BufReader::new(server.stdout.take().context("read the display number")?).read_line(&mut number)?;
        let server = Running(server);
        if number.trim().is_empty() {
            bail!("Xvfb did not start");
        }
        let name = format!(":{}", number.trim());
        let rules = session.scratch.join("openbox.xml");
        std::fs::write(&rules, WINDOW_MANAGER)?;
        let manager = Running::start(
            Command::new("openbox")
                .arg("--config-file")
                .arg(rules)
                .env("DISPLAY", &name)
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        let display = Self {
            name,
            _manager: manager,
            _server: server,
        };
        // A window that is there before its manager keeps the size it wished for.
        wait_for(Duration::from_secs(30), || display.is_managed().then_some(()))
            .context("the window manager does not start")?;
        Ok(display)
    }

    /// Lets a program show on it, and say nothing.
    pub(crate) fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("DISPLAY", &self.name)
            .env("QT_QPA_PLATFORM", "xcb")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
    }

    /// What programs find it by.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a window manager is there, by what it says of itself (Extended Window Manager Hints,
    /// `_NET_SUPPORTING_WM_CHECK`).
    fn is_managed(&self) -> bool {
        let mut ask = Command::new("xprop");
        ask.args(["-display", &self.name, "-root", "_NET_SUPPORTING_WM_CHECK"]);
        output(&mut ask).is_ok_and(|found| found.contains("window id"))
    }

    /// Whether a window of this process is on the screen.
    pub(crate) fn shows(&self, pid: u32) -> bool {
        let mut search = Command::new("xdotool");
        search
            .args(["search", "--onlyvisible", "--pid", &pid.to_string()])
            .env("DISPLAY", &self.name);
        output(&mut search).is_ok_and(|found| !found.is_empty())
    }

    /// A picture of the whole screen.
    pub(crate) fn picture(&self, file: &Path) -> Result<()> {
        quiet(
            Command::new("import")
                .args(["-display", &self.name, "-window", "root"])
                .arg(file),
        )
    }

    /// Moves the pointer there.
    pub(crate) fn put_pointer(&self, x: u32, y: u32) -> Result<()> {
        quiet(
            Command::new("xdotool")
                .args(["mousemove", &x.to_string(), &y.to_string()])
                .env("DISPLAY", &self.name),
        )
    }

    /// Turns the wheel there by a page.
    pub(crate) fn turn_wheel(&self, x: u32, y: u32) -> Result<()> {
        self.put_pointer(x, y)?;
        // Button 5 is the wheel towards the hand.
        quiet(
            Command::new("xdotool")
                .args(["click", "--repeat", "10", "--delay", "30", "5"])
                .env("DISPLAY", &self.name),
        )
    }

    /// Presses keys, one after the other.
    pub(crate) fn press(&self, keys: &[&str]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        quiet(
            Command::new("xdotool")
                .args(["key", "--clearmodifiers", "--delay", "200"])
                .args(keys)
                .env("DISPLAY", &self.name),
        )
    }

    /// Waits until a window of this process is on the screen.
    pub(crate) fn wait_for_window(&self, program: &mut Running) -> Result<()> {
        let id = program.id();
        let shown = wait_for(Duration::from_secs(60), || {
            let found = self.shows(id);
            (found || program.has_ended()).then_some(found)
        });
        match shown {
            Some(true) => Ok(()),
            Some(false) => bail!("the window's program ended"),
            None => bail!("the window does not appear"),
        }
    }
}

/// What a Plasma session tells its programs; and that there is no graphics card: without one Qt draws by itself, and
/// would load an emulated one for nothing.
const PLASMA: [(&str, &str); 5] = [
    ("QT_XCB_GL_INTEGRATION", "none"),
    ("QT_QUICK_BACKEND", "software"),
    ("XDG_CURRENT_DESKTOP", "KDE"),
    ("KDE_FULL_SESSION", "true"),
    ("KDE_SESSION_VERSION", "6"),
];

/// A program in a Plasma session on that session bus.
pub(crate) fn program(session: &Session, name: impl AsRef<OsStr>, session_bus: &str) -> Command {
    let mut command = Command::new(name);
    command
        .envs(PLASMA)
        .env("DBUS_SESSION_BUS_ADDRESS", session_bus)
        .env("XDG_CONFIG_HOME", session.scratch.join("config"))
        .stdin(Stdio::null());
    command
}

/// The window's program in a Plasma session, on that system bus.
pub(crate) fn window(session: &Session, system_bus: &str, session_bus: &str) -> Command {
    // The icon is found where an installed window would find it.
    let share = session.scratch.join("share");
    let _ = std::fs::create_dir_all(share.join("icons"));
    let _ = std::os::unix::fs::symlink(
        session.checkout.join("icons/hicolor"),
        share.join("icons/hicolor"),
    );
    let mut data = share.into_os_string();
    data.push(":/usr/local/share:/usr/share");
    let mut command = program(session, session.program("kedge"), session_bus);
    command.env("XDG_DATA_DIRS", data).args(["--bus", system_bus]);
    command
}
