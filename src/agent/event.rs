// SPDX-License-Identifier: GPL-3.0-or-later
//! Everything that can wake the agent, through one door.

use crate::tray::Command;
use client::View;
use tokio::sync::mpsc;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// A person asked for something; with the right of the window to come to the front, where one was given.
    Command(Command, Option<String>),
    /// A button of a notification was pressed.
    Pressed {
        /// The notification's number.
        id: u32,
        /// Which button.
        key: String,
    },
    /// A notification is gone; true when a person closed it.
    Closed(u32, bool),
    /// The right to come to the front, given before a button's press.
    Token(u32, String),
    /// Cancel was pressed in the job view at this path.
    CancelPressed(String),
    /// There is a (new) tray.
    TrayAppeared,
    /// There is a (new) job view server.
    JobViewsAppeared,
    /// The state of the system, with the number of the attachment that it comes through.
    View(u64, View),
    /// The helper was started by somebody, or began a job.
    HelperStirs,
    /// The distribution's own tool made an update.
    OutsideUpdate,
    /// It is night, and a restart was agreed to, as the timer says.
    NightHasCome,
    /// The machine woke up.
    Resumed,
    /// Network, battery or power profile changed.
    SurroundingsChanged,
    /// A person changed the settings.
    SettingsChanged,
    /// A call to the helper ended.
    Called(Command, Result<(), client::Error>),
    /// The connection to the system bus ended.
    SystemGone,
    /// The session is over, or a signal says so.
    Stop,
}

/// Where events go in.
#[derive(Debug, Clone)]
pub(crate) struct Sender(mpsc::UnboundedSender<Event>);

impl Sender {
    /// Sends; when nobody listens any more, the agent is ending.
    pub(crate) fn send(&self, event: Event) {
        let _ = self.0.send(event);
    }
}

/// The two ends of the door.
pub(crate) fn channel() -> (Sender, mpsc::UnboundedReceiver<Event>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Sender(sender), receiver)
}
