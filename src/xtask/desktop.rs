// SPDX-License-Identifier: GPL-3.0-or-later
//! A small graphical session for the window: Xvfb and a window manager where there is no display, private buses,
//! and pictures of what is on the screen.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::enter::Session;
use crate::guest::wait_for;
use crate::process::{output, quiet};

/// The pages of the window, by the names that its `--page` option takes.
pub(crate) const PAGES: [&str; 3] = ["status", "timeline", "updates"];

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

/// How a picture is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Goes into the names of the files
    pub(crate) name: &'static str,
    width: u32,
    height: u32,
    dark: bool,
}

/// As most people will see it.
pub(crate) const LIGHT: Look = Look {
    name: "",
    width: 1100,
    height: 800,
    dark: false,
};
/// Dark colors.
pub(crate) const DARK: Look = Look {
    name: "-dark",
    dark: true,
    ..LIGHT
};
/// As narrow as the window may become.
pub(crate) const NARROW: Look = Look {
    name: "-narrow",
    width: 380,
    height: 800,
    ..LIGHT
};

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
    pub(crate) fn start(session: &Session, look: Look) -> Result<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0"])
            .arg(format!("{}x{}x24", look.width, look.height))
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
        Ok(Self {
            name,
            _manager: manager,
            _server: server,
        })
    }

    /// A picture of the whole screen.
    pub(crate) fn picture(&self, file: &Path) -> Result<()> {
        quiet(
            Command::new("import")
                .args(["-display", &self.name, "-window", "root"])
                .arg(file),
        )
    }

    /// Nothing shall be hovered over in a picture.
    fn put_pointer_away(&self) -> Result<()> {
        quiet(
            Command::new("xdotool")
                .args(["mousemove", "9999", "9999"])
                .env("DISPLAY", &self.name),
        )
    }

    /// Waits until a window of this process is on the screen.
    fn wait_for_window(&self, program: &mut Running) -> Result<()> {
        let id = program.id().to_string();
        let shown = wait_for(Duration::from_secs(60), || {
            let mut search = Command::new("xdotool");
            search
                .args(["search", "--onlyvisible", "--pid", &id])
                .env("DISPLAY", &self.name);
            let found = output(&mut search).is_ok_and(|found| !found.is_empty());
            (found || program.has_ended()).then_some(found)
        });
        match shown {
            Some(true) => Ok(()),
            Some(false) => bail!("the window's program ended"),
            None => bail!("the window does not appear"),
        }
    }
}

/// The window's program with the environment of a Plasma session, on that system bus.
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
    let mut command = Command::new(program(session, "kedge"));
    command
        .env("XDG_DATA_DIRS", data)
        .args(["--bus", system_bus])
        .env("DBUS_SESSION_BUS_ADDRESS", session_bus)
        .env("XDG_CURRENT_DESKTOP", "KDE")
        .env("KDE_FULL_SESSION", "true")
        .env("KDE_SESSION_VERSION", "6")
        .env("QT_QUICK_BACKEND", "software")
        .env("XDG_CONFIG_HOME", session.scratch.join("config"))
        .stdin(Stdio::null());
    command
}

/// A program that cargo built.
pub(crate) fn program(session: &Session, name: &str) -> PathBuf {
    session.target().join("debug").join(name)
}

/// One picture of every page in `directory`; returns the files.
pub(crate) fn pictures(
    session: &Session,
    system_bus: &str,
    directory: &Path,
    look: Look,
) -> Result<Vec<PathBuf>> {
    let display = Display::start(session, look)?;
    let bus = Bus::start(session, "session-bus")?;
    let settings = session.scratch.join(format!("config{}", look.name));
    std::fs::create_dir_all(&settings)?;
    if look.dark {
        std::fs::copy(
            "/usr/share/color-schemes/BreezeDark.colors",
            settings.join("kdeglobals"),
        )
        .context("read the dark color scheme")?;
    }
    let mut files = Vec::new();
    for page in PAGES {
        let mut command = window(session, system_bus, &bus.address);
        command
            .args(["--page", page])
            .env("DISPLAY", &display.name)
            .env("XDG_CONFIG_HOME", &settings)
            .env("QT_QPA_PLATFORM", "xcb")
            .env("LIBGL_ALWAYS_SOFTWARE", "1");
        let log_name = session.scratch.join(format!("window-{page}.log"));
        let log = std::fs::File::create(&log_name)?;
        command.stdout(log.try_clone()?).stderr(log);
        let said = || {
            std::fs::read_to_string(&log_name)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let mut window = Running::start(&mut command)?;
        display
            .wait_for_window(&mut window)
            .with_context(|| format!("page {page}: {}", said()))?;
        display.put_pointer_away()?;
        // The page fills with what the helper answers; there is no signal for "drawn" across processes.
        std::thread::sleep(Duration::from_secs(3));
        if window.has_ended() {
            bail!("the window ended by itself on page {page}: {}", said());
        }
        let file = directory.join(format!("{page}{}.png", look.name));
        display.picture(&file)?;
        // What QML complains about is worth a look.
        if !said().is_empty() {
            println!("the window on page {page} said:\n{}", said());
        }
        files.push(file);
    }
    Ok(files)
}
