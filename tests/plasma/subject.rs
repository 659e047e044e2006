// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent under test with a simulated helper, and what the tray knows of it.

use crate::desktop::{Desktop, PATIENCE};
use client::{Bus, Client, View};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::bus::{Program, built};
use tokio::sync::watch;
use zbus::{OwnedVariant, Variant, interface, proxy};

type ToolTip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
type Layout = (
    i32,
    std::collections::HashMap<String, OwnedVariant>,
    Vec<OwnedVariant>,
);

#[proxy(
    interface = "org.kde.StatusNotifierWatcher",
    default_service = "org.kde.StatusNotifierWatcher",
    default_path = "/StatusNotifierWatcher"
)]
trait Watcher {
    #[zbus(property(emits_changed_signal = "false"))]
    fn registered_status_notifier_items(&self) -> zbus::Result<Vec<String>>;
}

#[proxy(
    interface = "org.kde.StatusNotifierItem",
    default_path = "/StatusNotifierItem"
)]
trait Item {
    #[zbus(property(emits_changed_signal = "false"))]
    fn status(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn icon_name(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn tool_tip(&self) -> zbus::Result<ToolTip>;
}

#[proxy(interface = "com.canonical.dbusmenu", default_path = "/MenuBar")]
trait Menu {
    fn get_layout(&self, parent: i32, depth: i32, names: &[&str]) -> zbus::Result<(u32, Layout)>;
    fn event(&self, id: i32, event: &str, data: Variant<'_>, time: u32) -> zbus::Result<()>;
}

/// What the tray says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) status: String,
    pub(crate) icon: String,
    pub(crate) title: String,
    pub(crate) text: String,
}

/// One line of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) id: i32,
    pub(crate) label: String,
    pub(crate) enabled: bool,
}

/// Stands for the window, which has tests of its own: notes what it is asked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct FakeWindow {
    asked: Arc<Mutex<Vec<String>>>,
}

#[interface(name = "org.freedesktop.Application")]
impl FakeWindow {
    fn activate_action(
        &self,
        action: &str,
        _parameter: Vec<OwnedVariant>,
        _platform: std::collections::HashMap<String, OwnedVariant>,
    ) {
        self.asked.lock().unwrap().push(action.to_owned());
    }
}

struct Front(bool);

#[interface(name = "org.kedge.Kedge.Window")]
impl Front {
    #[zbus(property)]
    fn active(&self) -> bool {
        self.0
    }
}

/// The agent, its helper and a client that sees what the helper says.
pub(crate) struct Subject {
    agent: Program,
    helper: Program,
    _client: Client,
    pub(crate) view: watch::Receiver<View>,
    state: PathBuf,
    window: FakeWindow,
    _window: zbus::Connection,
}

impl Subject {
    /// Starts both on a machine like this.
    pub(crate) async fn start(desktop: &Desktop, scenario: &str, in_front: bool) -> Self {
        Self::with(desktop, in_front, &[scenario]).await
    }

    /// The same on a machine that takes its time, as what is to be seen has to be looked for.
    pub(crate) async fn slow(desktop: &Desktop, scenario: &str) -> Self {
        Self::with(desktop, false, &[scenario, "--sim-slow"]).await
    }

    async fn with(desktop: &Desktop, in_front: bool, machine: &[&str]) -> Self {
        // A test that failed may have left something on the screen.
        desktop.clear().await;
        let state = tempfile::Builder::new()
            .prefix("kedge-agent-")
            .tempdir()
            .unwrap()
            .keep();
        let window = FakeWindow::default();
        let connection = desktop.connect().await;
        connection
            .object_server()
            .at("/org/kedge/Kedge", window.clone())
            .await
            .unwrap();
        connection
            .object_server()
            .at("/org/kedge/Kedge", Front(in_front))
            .await
            .unwrap();
        connection.request_name("org.kedge.Kedge").await.unwrap();
        let mut helper = desktop.command(built("kedge-helper").unwrap());
        let place = ["--idle-timeout", "0", "--bus", &desktop.system_bus.address()];
        helper.arg("--sim").args(machine).args(place);
        let helper = Program::start(&mut helper).unwrap();
        let (client, mut view) = Client::start(Bus::Address(desktop.system_bus.address()));
        tokio::time::timeout(PATIENCE, view.wait_for(|view| view.link == client::Link::Ready))
            .await
            .expect("the helper answers")
            .unwrap();
        let agent = start_agent(desktop, &state);
        Self {
            agent,
            helper,
            _client: client,
            view,
            state,
            window,
            _window: connection,
        }
    }

    /// Ends the agent, as an update of it or of the session would, and starts it again.
    pub(crate) async fn restart_agent(&mut self, desktop: &Desktop) {
        self.agent.signal(rustix::process::Signal::TERM);
        self.agent.wait(PATIENCE).expect("it ends when it is asked to");
        self.agent = start_agent(desktop, &self.state);
    }

    /// Asks both to end and waits, so that the next test finds a clean desktop.
    pub(crate) async fn end(mut self, desktop: &Desktop) {
        self.agent.signal(rustix::process::Signal::TERM);
        let status = self
            .agent
            .wait(PATIENCE)
            .expect("the agent ends when it is asked to");
        assert!(status.success(), "the agent ended with {status}");
        self.helper.signal(rustix::process::Signal::KILL);
        self.helper.wait(PATIENCE).expect("it was killed");
        let _ = fs::remove_dir_all(&self.state);
        desktop.clear().await;
    }

    fn name(&self) -> String {
        format!("org.kde.StatusNotifierItem-{}-1", self.agent.pid())
    }

    /// What the tray has of us, or `None` when it has no icon.
    pub(crate) async fn picture(&self, desktop: &Desktop) -> Option<Picture> {
        let watcher = WatcherProxy::new(&desktop.session).await.unwrap();
        let items = watcher.registered_status_notifier_items().await.unwrap();
        items.iter().find(|item| item.starts_with(&self.name()))?;
        let item = ItemProxy::builder(&desktop.session)
            .destination(self.name())
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .unwrap();
        let (_, _, title, text) = item.tool_tip().await.ok()?;
        let (status, icon) = (item.status().await.ok()?, item.icon_name().await.ok()?);
        Some(Picture {
            status,
            icon,
            title,
            text,
        })
    }

    /// Waits for this icon.
    pub(crate) async fn wait_for_icon(&self, desktop: &Desktop, icon: &str) -> Picture {
        let end = Instant::now() + PATIENCE;
        loop {
            let picture = self.picture(desktop).await;
            if let Some(picture) = picture.clone().filter(|picture| picture.icon == icon) {
                return picture;
            }
            assert!(Instant::now() < end, "no icon {icon}, but {picture:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until there is no icon.
    pub(crate) async fn wait_for_none(&self, desktop: &Desktop) {
        let end = Instant::now() + PATIENCE;
        while let Some(picture) = self.picture(desktop).await {
            assert!(Instant::now() < end, "the icon stays: {picture:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn menu(&self, desktop: &Desktop) -> MenuProxy<'static> {
        MenuProxy::builder(&desktop.session)
            .destination(self.name())
            .build()
            .await
            .unwrap()
    }

    /// The lines of the menu, those of the submenu after their parent.
    pub(crate) async fn lines(&self, desktop: &Desktop) -> Vec<Line> {
        let (_, layout) = self.menu(desktop).await.get_layout(0, -1, &[]).await.unwrap();
        let mut lines = Vec::new();
        flatten(layout, &mut lines);
        lines
    }

    /// Waits until the menu has these lines, each possible or not.
    pub(crate) async fn wait_for_lines(&self, desktop: &Desktop, expected: &[(&str, bool)]) {
        let end = Instant::now() + PATIENCE;
        loop {
            let lines = self.lines(desktop).await;
            let labels: Vec<_> = lines
                .iter()
                .map(|line| (line.label.as_str(), line.enabled))
                .collect();
            if labels == expected {
                return;
            }
            assert!(Instant::now() < end, "{labels:?} instead of {expected:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks the line with this label.
    pub(crate) async fn choose(&self, desktop: &Desktop, label: &str) {
        let lines = self.lines(desktop).await;
        let line = lines.iter().find(|line| line.label == label);
        let id = line
            .unwrap_or_else(|| panic!("no line {label:?} in {lines:?}"))
            .id;
        self.menu(desktop)
            .await
            .event(id, "clicked", Variant::from(0), 0)
            .await
            .unwrap();
    }

    /// Waits until the window was asked for something, and returns what.
    pub(crate) async fn wait_for_window(&self) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(action) = self.window.asked.lock().unwrap().pop() {
                return action;
            }
            assert!(Instant::now() < end, "the window was not asked for anything");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the state of the system is like this.
    pub(crate) async fn wait_for_state(&mut self, what: &str, like: impl Fn(&model::State) -> bool) -> View {
        let waited = self.view.wait_for(|view| like(&view.state));
        let waited = tokio::time::timeout(3 * PATIENCE, waited).await;
        waited
            .unwrap_or_else(|_| panic!("never: {what}"))
            .unwrap()
            .clone()
    }
}

fn start_agent(desktop: &Desktop, state: &std::path::Path) -> Program {
    let mut agent = desktop.command(built("kedge-agent").unwrap());
    agent
        .args(["--login-delay", "1"])
        .env("XDG_STATE_HOME", state)
        .env("RUST_LOG", "kedge_agent=debug");
    Program::start(&mut agent).unwrap()
}

fn flatten((id, properties, children): Layout, lines: &mut Vec<Line>) {
    let text = |name: &str| {
        properties
            .get(name)
            .and_then(|value| String::try_from(value.clone()).ok())
    };
    let enabled = properties
        .get("enabled")
        .and_then(|value| bool::try_from(value.clone()).ok());
    if let Some(label) = text("label") {
        lines.push(Line {
            id,
            label,
            enabled: enabled.unwrap_or(true),
        });
    }
    for child in children {
        flatten(Layout::try_from(child).expect("a line of the menu"), lines);
    }
}
