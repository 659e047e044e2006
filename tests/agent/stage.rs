// SPDX-License-Identifier: GPL-3.0-or-later
//! A session: its bus, a system's bus with a helper that the bus starts, the doubles, and the agent.

use crate::doubles::{Asked, Login, Network, Notifications, Prompt, Shown, Systemd, Unit, Window};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::bus::{PrivateBus, Program, built};
use zbus::{Connection, connection, proxy};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How long after the last news the agent lets go of the helper, and a little more.
pub(crate) const QUIET: Duration = Duration::from_secs(33);

#[proxy(
    interface = "org.kedge.Kedge.Agent",
    default_service = "org.kedge.Kedge.Agent",
    default_path = "/org/kedge/Kedge/Agent"
)]
pub(crate) trait Agent {
    fn plan_restart(&self, when: &str) -> zbus::Result<()>;
    fn night_has_come(&self) -> zbus::Result<()>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn planned_restart(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn waits_for(&self) -> zbus::Result<String>;
}

/// Everything around the agent.
pub(crate) struct Stage {
    pub(crate) session: Connection,
    pub(crate) system: Connection,
    pub(crate) notifications: Notifications,
    pub(crate) asked: Asked,
    agent: Option<Program>,
    hour: Option<u32>,
    pub(crate) session_bus: PrivateBus,
    pub(crate) system_bus: PrivateBus,
}

impl Stage {
    /// With a helper that serves this machine as soon as somebody calls it.
    pub(crate) async fn new(scenario: &str) -> Self {
        let session_bus = PrivateBus::start().unwrap();
        let system_bus = PrivateBus::start().unwrap();
        let (notifications, asked) = (Notifications::default(), Asked::default());
        let session = connection::Builder::address(session_bus.address().as_str())
            .serve_at("/org/freedesktop/Notifications", notifications.clone())
            .serve_at("/org/freedesktop/systemd1", Systemd(asked.clone()))
            .serve_at("/unit", Unit)
            .serve_at("/org/kedge/Kedge", Window(asked.clone()))
            .serve_at("/LogoutPrompt", Prompt(asked.clone()))
            .name("org.freedesktop.Notifications")
            .name("org.freedesktop.systemd1")
            .name("org.kedge.Kedge")
            .name("org.kde.LogoutPrompt")
            .build()
            .await
            .unwrap();
        let system = connection::Builder::address(system_bus.address().as_str())
            .serve_at("/org/freedesktop/login1", Login(asked.clone()))
            .name("org.freedesktop.login1")
            .build()
            .await
            .unwrap();
        let stage = Self {
            session,
            system,
            notifications,
            asked,
            agent: None,
            hour: None,
            session_bus,
            system_bus,
        };
        stage.machine(scenario);
        stage
    }

    /// From the next start of the helper on, the machine is like this.
    pub(crate) fn machine(&self, scenario: &str) {
        let state = self.system_bus.dir().join("state");
        // What was found on another machine means nothing here.
        let _ = fs::remove_dir_all(&state);
        let helper = built("kedge-helper").unwrap();
        let command = format!(
            "{} --sim {scenario} --idle-timeout 1 --bus {} --state-dir {}",
            helper.display(),
            self.system_bus.address(),
            state.display()
        );
        self.system_bus.activate("org.kedge.Kedge1", &command).unwrap();
    }

    /// The running version was started just once, as the helper finds it written down when it is started next.
    pub(crate) fn tried(&self, snapshot: u32) {
        let state = self.system_bus.dir().join("state");
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let wish = serde_json::json!({
            "wanted": snapshot, "uuid": "", "once": true, "asked": seconds() * 1_000_000, "boot": "before",
        });
        let shown = serde_json::json!({ "wish": wish, "kept": "as-planned", "boot": boot });
        fs::create_dir_all(&state).unwrap();
        let text = serde_json::json!({ "wish": null, "shown": shown }).to_string();
        fs::write(state.join("restart.json"), text).unwrap();
    }

    /// Makes it this hour of the day where the agent is, when it is started next.
    pub(crate) fn at_hour(&mut self, hour: u32) {
        self.hour = Some(hour);
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(built("kedge-agent").unwrap());
        let directory = self.session_bus.dir();
        command
            .args(["--login-delay", "0"])
            .env("DBUS_SESSION_BUS_ADDRESS", self.session_bus.address())
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.system_bus.address())
            .env("XDG_STATE_HOME", directory.join("state"))
            .env("XDG_CONFIG_HOME", directory.join("config"))
            .env("HOME", directory)
            .env("LC_ALL", "C.UTF-8")
            .env("RUST_LOG", "kedge_agent=info")
            .stderr(Stdio::from(
                fs::File::options()
                    .create(true)
                    .append(true)
                    .open(self.log_path())
                    .unwrap(),
            ));
        if let Some(hour) = self.hour {
            // POSIX's way to name a zone works without a database of zones, and counts to the west.
            let here = i64::try_from(seconds() / 3600 % 24).unwrap();
            let west = (here - i64::from(hour)).rem_euclid(24);
            let west = if west > 12 { west - 24 } else { west };
            command.env("TZ", format!("<HERE>{west}"));
        }
        command
    }

    fn log_path(&self) -> std::path::PathBuf {
        self.session_bus.dir().join("agent.log")
    }

    /// What the agent noted.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Starts the agent.
    pub(crate) fn start(&mut self) {
        self.agent = Some(Program::start(&mut self.command()).unwrap());
    }

    /// Ends it, and starts it again.
    pub(crate) fn restart(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.signal(rustix::process::Signal::TERM);
            agent.wait(PATIENCE).expect("it ends when it is asked to");
        }
        self.start();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.agent.as_ref().expect("it was started").pid()
    }

    pub(crate) async fn agent(&self) -> AgentProxy<'static> {
        AgentProxy::new(&self.session).await.unwrap()
    }

    /// The only notification, once there is one with this title.
    pub(crate) async fn wait_for_notification(&self, title: &str) -> Shown {
        let mut found = None;
        self.wait(title, async || {
            let shown = self.notifications.shown.lock().unwrap();
            found = shown.iter().find(|it| it.title == title).cloned();
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    pub(crate) fn titles(&self) -> Vec<String> {
        let shown = self.notifications.shown.lock().unwrap();
        shown.iter().map(|it| it.title.clone()).collect()
    }

    /// Presses the button with this label.
    pub(crate) async fn press(&self, notification: &Shown, label: &str) {
        let at = notification.buttons.iter().position(|it| it == label);
        let key = at
            .unwrap_or_else(|| panic!("no {label:?} in {notification:?}"))
            .to_string();
        let server = self.session.object_server();
        let object = server
            .interface::<_, Notifications>("/org/freedesktop/Notifications")
            .await
            .unwrap();
        Notifications::action_invoked(object.signal_emitter(), notification.id, &key)
            .await
            .unwrap();
    }

    /// Waits until this was asked for, among what else there was.
    pub(crate) async fn wait_for_wish(&self, wish: &str) {
        self.wait(wish, async || self.asked.all().iter().any(|it| it == wish))
            .await;
    }

    /// Waits until this holds.
    pub(crate) async fn wait(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(
                Instant::now() < end,
                "never: {what}; notifications {:?}, wishes {:?}, log:\n{}",
                self.titles(),
                self.asked.all(),
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether the helper runs.
    pub(crate) async fn has_helper(&self) -> bool {
        let bus = zbus::fdo::DBusProxy::new(&self.system).await.unwrap();
        bus.name_has_owner("org.kedge.Kedge1".try_into().unwrap())
            .await
            .unwrap()
    }

    /// A network whose price is this (NMMetered: 1 yes, 2 no).
    pub(crate) async fn network(&self, metered: u32) -> Connection {
        connection::Builder::address(self.system_bus.address().as_str())
            .serve_at("/org/freedesktop/NetworkManager", Network(metered))
            .name("org.freedesktop.NetworkManager")
            .build()
            .await
            .unwrap()
    }
}

fn seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}
