// SPDX-License-Identifier: GPL-3.0-or-later
use crate::platform::Platform as Described;
use std::collections::HashMap;
use zbus::{Variant, proxy};

/// What the machine has beside Kedge.
#[proxy(
    interface = "org.kedge.Kedge1.Platform",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Platform {
    /// Tools, layout, timers, and what they did last.
    fn describe(&self) -> zbus::Result<(Described,)>;

    /// Who does the distribution's nightly job.
    #[zbus(allow_interactive_auth)]
    fn set_nightly(&self, who: &str, options: HashMap<&str, Variant<'_>>) -> zbus::Result<bool>;
}
