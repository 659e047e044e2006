// SPDX-License-Identifier: GPL-3.0-or-later
use crate::RefusalCode;
use crate::code::coded;
use serde::Serialize;
use std::collections::BTreeMap;

coded! {
    /// What a system may or may not be able to do.
    Capability {
        /// List, create, edit and delete snapshots.
        Snapshots = "snapshots",
        /// Check for and apply updates into a new snapshot.
        Updates = "updates",
        /// Choose what starts next.
        BootDefault = "boot-default",
        /// Start a snapshot once and come back by itself.
        BootOnce = "boot-once",
        /// Tell which packages differ between snapshots.
        PackageChanges = "package-changes",
    }
}

/// Why a capability is absent.
pub type Absence = RefusalCode;

/// What this system can do, and for what it cannot, why. A capability that is not listed is absent without a reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Capabilities(pub BTreeMap<Capability, Option<Absence>>);

impl Capabilities {
    /// Whether the system has it.
    pub fn has(&self, capability: Capability) -> bool {
        matches!(self.0.get(&capability), Some(None))
    }

    /// Why the system does not have it, where a reason is known.
    pub fn absence(&self, capability: Capability) -> Option<Absence> {
        self.0.get(&capability).copied().flatten()
    }
}
