// SPDX-License-Identifier: GPL-3.0-or-later
//! org.kde.StatusNotifierItem: the icon, as the tray asks for it.

use crate::event::{Event, Sender};
use crate::tray::{Command, Show, TrayState};
use crate::words;
use zbus::{ObjectPath, interface, object_server::SignalEmitter};

/// Where the icon is.
pub(crate) const PATH: &str = "/StatusNotifierItem";

type Pixmaps = Vec<(i32, i32, Vec<u8>)>;

/// The icon.
#[derive(Debug)]
pub(crate) struct Item {
    events: Sender,
    state: TrayState,
    /// The window's right to come to the front, given just before a click.
    token: Option<String>,
}

impl Item {
    pub(crate) fn new(events: Sender, state: TrayState) -> Self {
        Self {
            events,
            state,
            token: None,
        }
    }

    /// Takes the new state and tells what of it changed.
    pub(crate) async fn update(
        &mut self,
        state: &TrayState,
        emitter: &SignalEmitter<'_>,
    ) -> zbus::Result<()> {
        let old = std::mem::replace(&mut self.state, state.clone());
        if old.icon != state.icon {
            Self::new_icon(emitter).await?;
            Self::new_attention_icon(emitter).await?;
        }
        if (&old.tip, old.wait, old.planned) != (&state.tip, state.wait, state.planned) {
            Self::new_title(emitter).await?;
            Self::new_tool_tip(emitter).await?;
        }
        if old.show != state.show {
            Self::new_status(emitter, self.status()).await?;
        }
        Ok(())
    }
}

#[interface(name = "org.kde.StatusNotifierItem")]
impl Item {
    fn activate(&mut self, _x: i32, _y: i32) {
        let token = self.token.take();
        self.events
            .send(Event::Command(Command::Open(self.state.page), token));
    }

    fn secondary_activate(&mut self, x: i32, y: i32) {
        self.activate(x, y);
    }

    fn context_menu(&self, _x: i32, _y: i32) {}

    fn scroll(&self, _delta: i32, _orientation: &str) {}

    /// Wayland: the tray hands over the right to come to the front before it activates.
    fn provide_xdg_activation_token(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    #[zbus(property)]
    fn category(&self) -> &str {
        "SystemServices"
    }

    #[zbus(property)]
    fn id(&self) -> &str {
        "org.kedge.Kedge"
    }

    /// The name in lists of hidden icons, and for screen readers: what the tooltip says.
    #[zbus(property)]
    fn title(&self) -> String {
        words::tip(&self.state.tip, None, None).0
    }

    #[zbus(property)]
    fn status(&self) -> &str {
        match self.state.show {
            Show::Hidden => "Passive",
            Show::Active => "Active",
            Show::NeedsAttention => "NeedsAttention",
        }
    }

    #[zbus(property)]
    fn window_id(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn icon_name(&self) -> &str {
        self.state.icon
    }

    #[zbus(property)]
    fn icon_theme_path(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn icon_pixmap(&self) -> Pixmaps {
        Vec::new()
    }

    #[zbus(property)]
    fn overlay_icon_name(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn attention_icon_name(&self) -> &str {
        self.state.icon
    }

    #[zbus(property)]
    fn tool_tip(&self) -> (String, Pixmaps, String, String) {
        let (title, text) = words::tip(&self.state.tip, self.state.planned, self.state.wait);
        (
            self.state.icon.to_owned(),
            Vec::new(),
            title,
            text.replace('\n', "<br>"),
        )
    }

    #[zbus(property)]
    fn item_is_menu(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn menu(&self) -> ObjectPath<'_> {
        ObjectPath::from_static_str_unchecked(crate::menu::PATH)
    }

    #[zbus(signal)]
    async fn new_icon(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
    #[zbus(signal)]
    async fn new_attention_icon(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
    #[zbus(signal)]
    async fn new_title(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
    #[zbus(signal)]
    async fn new_tool_tip(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
    #[zbus(signal)]
    async fn new_status(emitter: &SignalEmitter<'_>, status: &str) -> zbus::Result<()>;
}
