// SPDX-License-Identifier: GPL-3.0-or-later
use crate::packages::{Found, PackagePlan};
use crate::types::Started;
use std::collections::HashMap;
use zbus::{Variant, proxy};

/// Installing and removing packages.
#[proxy(
    interface = "org.kedge.Kedge1.Packages",
    default_service = "org.kedge.Kedge1",
    default_path = "/org/kedge/Kedge1"
)]
pub trait Packages {
    /// Packages whose names or summaries have every word of the text, at most so many, and how many more there are.
    fn search(&self, text: &str, limit: u32) -> zbus::Result<(Vec<Found>, u32)>;

    /// What installing or removing these would change.
    fn plan(&self, what: &str, names: &[String]) -> zbus::Result<(PackagePlan,)>;

    /// Installs packages into a new snapshot and makes that the default.
    #[zbus(allow_interactive_auth)]
    fn install(&self, names: &[String], options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;

    /// Removes packages in a new snapshot and makes that the default.
    #[zbus(allow_interactive_auth)]
    fn remove(&self, names: &[String], options: HashMap<&str, Variant<'_>>) -> zbus::Result<Started>;
}
