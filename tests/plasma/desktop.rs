// SPDX-License-Identifier: GPL-3.0-or-later
//! A real Plasma under Xvfb: window manager, background services and shell on buses of their own, in a home directory
//! of their own. Everything ends with it.

use crate::accessible::Screen;
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::bus::{PrivateBus, Program};
use zbus::{Connection, connection, fdo::DBusProxy, names::BusName};

/// How long Plasma may take to come up on a busy machine.
const START: Duration = Duration::from_secs(180);
/// How long anything else may take there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The running desktop.
#[derive(Debug)]
pub(crate) struct Desktop {
    /// Where screenshots and logs are kept.
    pub(crate) results: PathBuf,
    pub(crate) session: Connection,
    pub(crate) screen: Screen,
    pub(crate) system_bus: PrivateBus,
    display: String,
    home: PathBuf,
    daemon: Option<Program>,
    _programs: Vec<Program>,
    session_bus: PrivateBus,
}

impl Desktop {
    /// Starts it and waits until the tray, the notifications and the job views are served.
    pub(crate) async fn start() -> Self {
        let results = results();
        let system_bus = PrivateBus::start().unwrap();
        let policy = "<servicedir>/usr/share/dbus-1/services</servicedir>\
             <policy context='default'><allow own='*'/><allow send_destination='*'/><allow eavesdrop='true'/></policy>";
        let (server, display) = start_display(&results);
        let home = PathBuf::from(format!("/tmp/kedge-plasma-{}", std::process::id()));
        prepare_home(&home);
        let session_bus = PrivateBus::with_policy("session", policy).unwrap();
        let connection = connection::Builder::address(session_bus.address().as_str()).build();
        let session = connection.await.unwrap();
        // What the bus starts by itself needs the display, too.
        let mut environment: HashMap<_, _> = environment(&home, &display).into_iter().collect();
        environment.insert("DBUS_SESSION_BUS_ADDRESS", session_bus.address());
        environment.insert("DBUS_SYSTEM_BUS_ADDRESS", system_bus.address());
        let to = "org.freedesktop.DBus";
        let method = "UpdateActivationEnvironment";
        let arguments = (environment,);
        let path = "/org/freedesktop/DBus";
        let called = session.call_method(Some(to), path, Some(to), method, &arguments);
        called.await.unwrap();
        let mut desktop = Self {
            screen: Screen::open(&session).await.unwrap(),
            results,
            session,
            system_bus,
            display,
            home,
            daemon: None,
            _programs: vec![server],
            session_bus,
        };
        let manager = desktop.spawn("kwin_x11", &["--replace"]);
        tokio::time::sleep(Duration::from_secs(2)).await;
        desktop.restart_tray().await;
        let shell = desktop.spawn("plasmashell", &[]);
        desktop._programs.extend([manager, shell]);
        for name in [
            "org.kde.plasmashell",
            "org.freedesktop.Notifications",
            "org.kde.JobViewServer",
        ] {
            desktop.wait_for_name(name).await;
        }
        desktop.screen.wait_for("button", "Show hidden icons").await;
        desktop
    }

    /// Starts the process that keeps the list of tray icons; anew when it runs.
    pub(crate) async fn restart_tray(&mut self) {
        self.daemon = None;
        self.daemon = Some(self.spawn("kded6", &[]));
        self.wait_for_name("org.kde.StatusNotifierWatcher").await;
    }

    pub(crate) async fn has_owner(&self, name: &str) -> bool {
        let bus = DBusProxy::new(&self.session).await.unwrap();
        bus.name_has_owner(BusName::try_from(name.to_owned()).unwrap())
            .await
            .unwrap()
    }

    /// Presses a key until nobody owns this name: one that came before the window had the keyboard did nothing.
    pub(crate) async fn press_until_no_owner(&self, key: &str, name: &str) {
        let end = Instant::now() + PATIENCE;
        while self.has_owner(name).await {
            assert!(Instant::now() < end, "{key} does not end {name}");
            self.key(key);
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    }

    /// Waits until somebody owns this name.
    pub(crate) async fn wait_for_name(&self, name: &str) {
        let end = Instant::now() + START;
        while !self.has_owner(name).await {
            assert!(
                Instant::now() < end,
                "{name} does not appear; the logs are in {}",
                self.results.display()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A program of this session, with its output in a file.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.results.join(format!("{name}.log")))
            .unwrap();
        let mut command = Command::new(program);
        command
            .envs(environment(&self.home, &self.display))
            .env("DBUS_SESSION_BUS_ADDRESS", self.session_bus.address())
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.system_bus.address())
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log));
        command
    }

    /// A program of this session, which ends with what is returned.
    pub(crate) fn spawn(&self, program: &str, arguments: &[&str]) -> Program {
        Program::start(self.command(program).args(arguments)).unwrap()
    }

    /// Runs a small tool of the session to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) {
        let status = self.command(program).args(arguments).status().unwrap();
        assert!(status.success(), "{program} {arguments:?} ended with {status}");
    }

    /// Keeps a picture of the screen for people to look at.
    pub(crate) fn picture(&self, name: &str) {
        let file = self.results.join(format!("{name}.png"));
        self.run("import", &["-window", "root", &file.to_string_lossy()]);
    }

    /// Another connection to the session's bus.
    pub(crate) async fn connect(&self) -> Connection {
        connection::Builder::address(self.session_bus.address().as_str())
            .build()
            .await
            .unwrap()
    }

    /// Takes away what a test left on the screen.
    pub(crate) async fn clear(&self) {
        self.point((640, 300));
        let end = Instant::now() + PATIENCE;
        while self.screen.find("heading", "Kedge").await.is_some() && Instant::now() < end {
            if let Some(close) = self.screen.find("button", "Close").await {
                // What goes by itself is gone as well.
                let _ = self.screen.try_press(&close).await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Moves the mouse pointer onto it. While icons come and go others move, so it is looked for again until it stays.
    pub(crate) async fn point_at(&self, role: &str, name: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let thing = self.screen.wait_for(role, name).await;
            let before = self.screen.middle(&thing).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
            let after = self.screen.middle(&thing).await;
            if let Some(place) = after.filter(|_| before == after) {
                return self.point(place);
            }
            assert!(
                Instant::now() < end,
                "the {role} {name:?} does not stay where it is"
            );
        }
    }

    /// Moves the mouse pointer.
    pub(crate) fn point(&self, (x, y): (i32, i32)) {
        self.run("xdotool", &["mousemove", &x.to_string(), &y.to_string()]);
    }

    /// Clicks it until it is gone from the screen: what comes into a list meanwhile moves what is in it.
    pub(crate) async fn click_until_gone(&self, role: &str, name: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.point_at(role, name).await;
            self.run("xdotool", &["click", "1"]);
            let soon = Instant::now() + Duration::from_secs(5);
            while Instant::now() < soon {
                if self.screen.find(role, name).await.is_none() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            assert!(
                Instant::now() < end,
                "a click does nothing to the {role} {name:?}"
            );
        }
    }

    /// Presses a key.
    pub(crate) fn key(&self, key: &str) {
        self.run("xdotool", &["key", key]);
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // Left behind it would only take space.
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// `target/plasma` of the checkout, made empty.
fn results() -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let results = checkout.join("target/plasma");
    let _ = fs::remove_dir_all(&results);
    fs::create_dir_all(&results).unwrap();
    results
}

fn start_display(results: &Path) -> (Program, String) {
    let number = results.join("display");
    let mut command = Command::new("sh");
    let script = "exec Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp 3>\"$1\" >/dev/null 2>&1";
    let server = Program::start(command.args(["-c", script, "sh"]).arg(&number)).unwrap();
    let end = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(&number).unwrap_or_default();
        if text.ends_with('\n') {
            return (server, format!(":{}", text.trim()));
        }
        assert!(Instant::now() < end, "Xvfb does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Puts our files where Plasma looks for them.
fn prepare_home(home: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let desktop = checkout.join("desktop");
    for directory in [
        "run",
        ".config",
        "share/applications",
        "share/knotifications6",
        "share/krunner/dbusplugins",
        "share/icons",
    ] {
        fs::create_dir_all(home.join(directory)).unwrap();
    }
    fs::set_permissions(home.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
    for (file, directory) in [
        ("org.kedge.Kedge.desktop", "applications"),
        ("org.kedge.Kedge.notifyrc", "knotifications6"),
        ("krunner/org.kedge.Kedge.desktop", "krunner/dbusplugins"),
    ] {
        let from = desktop.join(file);
        let name = from.file_name().unwrap();
        fs::copy(&from, home.join("share").join(directory).join(name)).unwrap();
    }
    let icons = home.join("share/icons/hicolor");
    std::os::unix::fs::symlink(checkout.join("icons/hicolor"), icons).unwrap();
}

fn environment(home: &Path, display: &str) -> Vec<(&'static str, String)> {
    let here = |path: &str| home.join(path).to_string_lossy().into_owned();
    let mut pairs = vec![
        ("HOME", here("")),
        ("XDG_RUNTIME_DIR", here("run")),
        ("XDG_CONFIG_HOME", here(".config")),
        (
            "XDG_DATA_DIRS",
            format!("{}:/usr/local/share:/usr/share", here("share")),
        ),
        ("DISPLAY", display.to_owned()),
    ];
    let fixed = [
        ("XDG_CONFIG_DIRS", "/etc/xdg"),
        ("XDG_CURRENT_DESKTOP", "KDE"),
        ("XDG_SESSION_TYPE", "x11"),
        ("XDG_MENU_PREFIX", "plasma-"),
        ("KDE_FULL_SESSION", "true"),
        ("KDE_SESSION_VERSION", "6"),
        ("QT_QPA_PLATFORM", "xcb"),
        ("QT_QUICK_BACKEND", "software"),
        ("QT_LINUX_ACCESSIBILITY_ALWAYS_ON", "1"),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("LC_ALL", "C.UTF-8"),
    ];
    pairs.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    pairs
}
