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
pub(crate) const PAGES: [&str; 7] = [
    "status", "timeline", "changes", "room", "updates", "history", "settings",
];

/// What opens beside a page, or over it: the page, the keys that lead there, and the name of the picture.
const BESIDE: [(&str, &[&str], &str); 3] = [
    (
        "timeline",
        &["ctrl+f", "Down", "Down", "Down", "Return"],
        "snapshot",
    ),
    ("timeline", &["ctrl+n"], "describe"),
    ("history", &["Down", "Return"], "entry"),
];

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
    width: u32,
    dark: bool,
    /// Laid out from right to left, as for Arabic
    reverse: bool,
    /// Size of the font in points where it is not the usual one
    font: Option<u8>,
}

/// As most people will see it.
pub(crate) const LIGHT: Look = Look {
    width: 1000,
    dark: false,
    reverse: false,
    font: None,
};

impl Look {
    /// Every look: both colors, both widths, and each of them from right to left and with large letters.
    pub(crate) fn all() -> Vec<Self> {
        let mut looks = Vec::new();
        for (reverse, font) in [(false, None), (true, None), (false, Some(14))] {
            for dark in [false, true] {
                for width in [LIGHT.width, 360] {
                    looks.push(Self {
                        width,
                        dark,
                        reverse,
                        font,
                    });
                }
            }
        }
        looks
    }

    /// What the names of its files end with; nothing for the usual look.
    fn suffix(self) -> String {
        let mut suffix = String::new();
        for (is_so, word) in [
            (self.dark, "-dark"),
            (self.width < LIGHT.width, "-narrow"),
            (self.reverse, "-rtl"),
            (self.font.is_some(), "-large"),
        ] {
            if is_so {
                suffix += word;
            }
        }
        suffix
    }

    /// The configuration of a desktop that looks so.
    fn write_settings(self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(directory)?;
        let (scheme, icons) = if self.dark {
            ("BreezeDark", "breeze-dark")
        } else {
            ("BreezeLight", "breeze")
        };
        let mut text = std::fs::read_to_string(format!("/usr/share/color-schemes/{scheme}.colors"))
            .context("read the color scheme")?;
        text += &format!("\n[General]\nColorScheme={scheme}\n");
        if let Some(points) = self.font {
            for name in ["font", "menuFont", "toolBarFont"] {
                text += &format!("{name}=Noto Sans,{points},-1,5,400,0,0,0,0,0,0,0,0,0,0,1\n");
            }
        }
        text += &format!("[Icons]\nTheme={icons}\n");
        std::fs::write(directory.join("kdeglobals"), text).context("write the configuration")
    }
}

/// The height of every picture.
const HEIGHT: u32 = 800;

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
            .arg(format!("{}x{HEIGHT}x24", look.width))
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

    /// Nothing shall be hovered over in a picture: above the title there is nothing to press.
    fn put_pointer_away(&self, look: Look) -> Result<()> {
        let column = if look.reverse { look.width - 2 } else { 2 };
        quiet(
            Command::new("xdotool")
                .args(["mousemove", &column.to_string(), "2"])
                .env("DISPLAY", &self.name),
        )
    }

    /// Presses keys, one after the other.
    fn press(&self, keys: &[&str]) -> Result<()> {
        quiet(
            Command::new("xdotool")
                .args(["key", "--clearmodifiers", "--delay", "200"])
                .args(keys)
                .env("DISPLAY", &self.name),
        )
    }

    /// Waits until a window of this process is on the screen.
    fn wait_for_window(&self, program: &mut Running) -> Result<()> {
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
    let mut command = Command::new(session.program("kedge"));
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

/// One picture of every page in `directory`; returns the files.
pub(crate) fn pictures(
    session: &Session,
    system_bus: &str,
    directory: &Path,
    look: Look,
) -> Result<Vec<PathBuf>> {
    let suffix = look.suffix();
    let display = Display::start(session, look)?;
    let bus = Bus::start(session, "session-bus")?;
    let settings = session.scratch.join(format!("config{suffix}"));
    look.write_settings(&settings)?;
    let window_here = || {
        let mut command = window(session, system_bus, &bus.address);
        // The language of the pictures, which writes times without seconds; its letters are UTF-8 on every machine.
        command
            .env_remove("LC_ALL")
            .env("LANG", "C.UTF-8")
            .env("LC_TIME", "en_US.UTF-8");
        command
    };
    let mut command = window_here();
    command
        .args(look.reverse.then_some("-reverse"))
        .env("DISPLAY", &display.name)
        .env("XDG_CONFIG_HOME", &settings)
        .env("QT_QPA_PLATFORM", "xcb")
        .env("LIBGL_ALWAYS_SOFTWARE", "1");
    let log_name = session.scratch.join(format!("window{suffix}.log"));
    let log = std::fs::File::create(&log_name)?;
    command.stdout(log.try_clone()?).stderr(log);
    let said = || {
        let text = std::fs::read_to_string(&log_name).unwrap_or_default();
        text.trim().to_owned()
    };
    let mut window = Running::start(&mut command)?;
    display
        .wait_for_window(&mut window)
        .with_context(|| format!("the look {suffix:?}: {}", said()))?;
    display.put_pointer_away(look)?;
    let mut files = Vec::new();
    for page in PAGES {
        // A second start opens the page in the first window, and ends.
        quiet(
            window_here()
                .args(["--page", page])
                .env("DISPLAY", &display.name)
                .env("XDG_CONFIG_HOME", &settings)
                .env("QT_QPA_PLATFORM", "xcb"),
        )
        .with_context(|| format!("open the page {page}: {}", said()))?;
        // The page fills with what the helper answers; there is no signal for "drawn" across processes.
        std::thread::sleep(Duration::from_secs(4));
        if window.has_ended() {
            bail!("the window ended by itself on page {page}: {}", said());
        }
        let mut take = |name: &str| -> Result<()> {
            let file = directory.join(format!("{name}{suffix}.png"));
            display.picture(&file)?;
            files.push(file);
            Ok(())
        };
        take(page)?;
        for (_, keys, name) in BESIDE.iter().filter(|(beside, ..)| *beside == page) {
            display.press(keys)?;
            std::thread::sleep(Duration::from_secs(4));
            take(name)?;
            // A dialog would stay over the next page.
            display.press(&["Escape"])?;
        }
    }
    // What QML complains about is worth a look.
    if !said().is_empty() {
        println!("the window said:\n{}", said());
    }
    Ok(files)
}
