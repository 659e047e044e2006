// SPDX-License-Identifier: GPL-3.0-or-later
use crate::types::{Plan, Started};
use std::collections::HashMap;
use zbus::{Variant, proxy};

/// The boot default.
#[proxy(
    interface = "org.kedge.Kedge1.Boot",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Boot {
    /// What a rollback to this snapshot would do.
    fn plan_rollback(&self, number: u32) -> zbus::Result<(Plan,)>;

    /// Makes this snapshot the default.
    #[zbus(allow_interactive_auth)]
    fn rollback(&self, number: u32, options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;

    /// What speaks against starting this snapshot.
    fn examine(&self, number: u32) -> zbus::Result<Vec<String>>;

    /// Why the last restart fell back.
    fn failed_starts(&self) -> zbus::Result<Vec<(String, String)>>;

    /// Lets this snapshot start once with the next restart; zero forgets it.
    #[zbus(allow_interactive_auth)]
    fn try_once(&self, number: u32, options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;
}
