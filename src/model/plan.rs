// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;
use crate::{ChangeKind, PackageChange, SnapshotId};
use serde::Serialize;

coded! {
    /// Which restart makes a plan's result the running system.
    Restart {
        /// None: it already runs.
        None = "none",
        /// A full restart of the machine.
        Reboot = "reboot",
    }
}

coded! {
    /// Something a person should know before agreeing to a plan.
    Concern {
        /// Changes that wait for the restart will not start: they stay as a snapshot.
        DropsPending = "drops-pending",
        /// The target has no kernel of its own.
        NoKernel = "no-kernel",
        /// The target has a kernel but no initrd for it, though the running system has one.
        NoInitrd = "no-initrd",
        /// Security updates that are installed now are not in the target.
        LosesSecurityFixes = "loses-security-fixes",
        /// The packages of one of the two systems could not be read, so gains and losses are unknown.
        PackagesUnknown = "packages-unknown",
        /// The target's kernel has no modules.
        NoModules = "no-modules",
        /// The target has no `/etc`: its own subvolume is gone.
        NoEtc = "no-etc",
        /// The target's kernel and initrd do not fit on the boot partition any more.
        NoBootSpace = "no-boot-space",
        /// The partition that the boot loader reads is not mounted.
        NoBootPartition = "no-boot-partition",
        /// The target was started before and never came up.
        FailedBefore = "failed-before",
        /// The running system is writable: a writable copy of the target will be made the default.
        MakesCopy = "makes-copy",
    }
}

impl Concern {
    /// Whether the machine would not start: then the change is refused until that is mended.
    pub fn is_blocking(self) -> bool {
        matches!(
            self,
            Self::NoKernel
                | Self::NoInitrd
                | Self::NoModules
                | Self::NoEtc
                | Self::NoBootSpace
                | Self::NoBootPartition
        )
    }
}

/// What a rollback would do, before it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The snapshot that would start next.
    pub target: SnapshotId,
    /// How the target's packages differ from the running system's, sorted by name.
    pub changes: Vec<PackageChange>,
    /// The restart it takes.
    pub restart: Restart,
    /// What a person should know first.
    pub concerns: Vec<Concern>,
}

impl Plan {
    /// Packages that the target has and the running system lacks.
    pub fn gained(&self) -> impl Iterator<Item = &PackageChange> {
        self.changes
            .iter()
            .filter(|change| change.kind == ChangeKind::Added)
    }

    /// Packages that the running system has and the target lacks.
    pub fn lost(&self) -> impl Iterator<Item = &PackageChange> {
        self.changes
            .iter()
            .filter(|change| change.kind == ChangeKind::Removed)
    }
}
