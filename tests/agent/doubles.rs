// SPDX-License-Identifier: GPL-3.0-or-later
//! What stands for the desktop and the system's services. Each notes what it is asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use zbus::{OwnedObjectPath, OwnedVariant, interface, object_server::SignalEmitter};

/// What was asked for, in order.
#[derive(Debug, Default, Clone)]
pub(crate) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: u32,
    pub(crate) title: String,
    pub(crate) text: String,
    /// The labels of its buttons.
    pub(crate) buttons: Vec<String>,
}

/// The notifications that are on the screen.
#[derive(Debug, Default, Clone)]
pub(crate) struct Notifications {
    pub(crate) shown: Arc<Mutex<Vec<Shown>>>,
    last: Arc<Mutex<u32>>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[expect(clippy::too_many_arguments, reason = "the interface of the specification")]
    fn notify(
        &self,
        _program: &str,
        replaces: u32,
        _icon: &str,
        title: &str,
        text: &str,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedVariant>,
        _timeout: i32,
    ) -> u32 {
        let id = match replaces {
            0 => {
                let mut last = self.last.lock().unwrap();
                *last += 1;
                *last
            }
            id => id,
        };
        let pairs = actions.chunks_exact(2).filter(|pair| pair[0] != "default");
        let mut shown = self.shown.lock().unwrap();
        shown.retain(|it| it.id != id);
        shown.push(Shown {
            id,
            title: title.to_owned(),
            text: text.to_owned(),
            buttons: pairs.map(|pair| pair[1].clone()).collect(),
        });
        id
    }

    fn close_notification(&self, id: u32) {
        self.shown.lock().unwrap().retain(|it| it.id != id);
    }

    #[zbus(signal)]
    pub(crate) async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, key: &str) -> zbus::Result<()>;
}

/// Plasma's question whether to restart.
#[derive(Debug, Clone)]
pub(crate) struct Prompt(pub(crate) Asked);

#[interface(name = "org.kde.LogoutPrompt")]
impl Prompt {
    #[zbus(name = "promptReboot")]
    fn prompt_reboot(&self) {
        self.0.note("ask whether to restart");
    }
}

/// The session's systemd, which has our timer.
#[derive(Debug, Clone)]
pub(crate) struct Systemd(pub(crate) Asked);

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Systemd {
    fn start_unit(&self, name: &str, _mode: &str) -> OwnedObjectPath {
        self.0.note(format!("start {name}"));
        path("/job/1")
    }

    fn stop_unit(&self, name: &str, _mode: &str) -> OwnedObjectPath {
        self.0.note(format!("stop {name}"));
        path("/job/2")
    }

    fn load_unit(&self, _name: &str) -> OwnedObjectPath {
        path("/unit")
    }
}

/// The timer as that systemd sees it.
#[derive(Debug)]
pub(crate) struct Unit;

#[interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    #[zbus(property)]
    fn load_state(&self) -> &str {
        "loaded"
    }

    #[zbus(property)]
    fn active_state(&self) -> &str {
        "inactive"
    }
}

/// The window.
#[derive(Debug, Clone)]
pub(crate) struct Window(pub(crate) Asked);

#[interface(name = "org.freedesktop.Application")]
impl Window {
    fn activate_action(
        &self,
        action: &str,
        _parameter: Vec<OwnedVariant>,
        platform: HashMap<String, OwnedVariant>,
    ) {
        let token = platform
            .get("activation-token")
            .map(|token| String::try_from(token.clone()).unwrap());
        self.0
            .note(format!("open {action} {}", token.unwrap_or_default()).trim());
    }
}

/// logind.
#[derive(Debug, Clone)]
pub(crate) struct Login(pub(crate) Asked);

#[interface(name = "org.freedesktop.login1.Manager")]
impl Login {
    fn reboot(&self, interactive: bool) {
        self.0.note(format!(
            "restart, {}",
            if interactive { "asking" } else { "not asking" }
        ));
    }

    #[zbus(signal)]
    pub(crate) async fn prepare_for_sleep(emitter: &SignalEmitter<'_>, begins: bool) -> zbus::Result<()>;
}

/// NetworkManager.
#[derive(Debug)]
pub(crate) struct Network(pub(crate) u32);

#[interface(name = "org.freedesktop.NetworkManager")]
impl Network {
    #[zbus(property)]
    fn metered(&self) -> u32 {
        self.0
    }
}

fn path(text: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(text.to_owned()).unwrap()
}
