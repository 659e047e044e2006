// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::{Outcome, Progress, Question};
use std::collections::HashMap;
use zbus::{Variant, proxy};

/// One job.
#[proxy(interface = "org.kedge.Kedge1.Job", default_service = "org.kedge.Kedge1")]
pub trait Job {
    /// Asks the job to stop.
    #[zbus(allow_interactive_auth)]
    fn cancel(&self) -> zbus::Result<()>;

    /// Answers the question with this number.
    #[zbus(allow_interactive_auth)]
    fn answer(&self, question: u32, choice: u32, options: HashMap<&str, Variant<'_>>) -> zbus::Result<()>;

    /// Lines of the log, as `History.ReadLog`.
    fn read_log(&self, from: u64) -> zbus::Result<(u64, Vec<String>)>;

    /// Its number.
    #[zbus(property(emits_changed_signal = "const"))]
    fn id(&self) -> zbus::Result<u32>;

    /// What it does.
    #[zbus(property(emits_changed_signal = "const"))]
    fn kind(&self) -> zbus::Result<String>;

    /// Who asked for it.
    #[zbus(property(emits_changed_signal = "const"))]
    fn uid(&self) -> zbus::Result<u32>;

    /// The snapshot it is about, or zero.
    #[zbus(property(emits_changed_signal = "const"))]
    fn target(&self) -> zbus::Result<u32>;

    /// When it began.
    #[zbus(property(emits_changed_signal = "const"))]
    fn started(&self) -> zbus::Result<u64>;

    /// How far it is.
    #[zbus(property)]
    fn progress(&self) -> zbus::Result<Progress>;

    /// Whether cancelling is safe now.
    #[zbus(property)]
    fn cancellable(&self) -> zbus::Result<bool>;

    /// What it came to.
    #[zbus(property)]
    fn outcome(&self) -> zbus::Result<Outcome>;

    /// What it asks.
    #[zbus(property)]
    fn question(&self) -> zbus::Result<Question>;

    /// New lines of the log; `first` is the number of the first of them.
    #[zbus(signal)]
    fn log(&self, first: u64, lines: Vec<String>) -> zbus::Result<()>;
}
