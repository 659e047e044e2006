// SPDX-License-Identifier: GPL-3.0-or-later
use std::collections::HashMap;
use zbus::{Variant, proxy};

/// The search for the version in which something broke.
#[proxy(
    interface = "org.kedge.Kedge1.Bisect",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Bisect {
    /// Begins one between a version that works and a newer one that does not.
    #[zbus(allow_interactive_auth)]
    fn start(&self, good: u32, bad: u32, options: HashMap<&str, Variant<'_>>) -> zbus::Result<()>;

    /// Says what was found about a version in between.
    #[zbus(allow_interactive_auth)]
    fn judge(&self, number: u32, verdict: &str, options: HashMap<&str, Variant<'_>>) -> zbus::Result<()>;

    /// Ends it.
    #[zbus(allow_interactive_auth)]
    fn stop(&self, options: HashMap<&str, Variant<'_>>) -> zbus::Result<()>;

    /// How far it is.
    #[zbus(property)]
    fn search(&self) -> zbus::Result<crate::Bisect>;
}
