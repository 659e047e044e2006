// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;
use serde::Serialize;

coded! {
    /// What happens to a package between two system versions.
    ChangeKind {
        /// Not there before.
        Added = "added",
        /// There before, gone after.
        Removed = "removed",
        /// A higher version after.
        Upgraded = "upgraded",
        /// A lower version after.
        Downgraded = "downgraded",
    }
}

coded! {
    /// Under which heading a change is shown, what matters most first.
    PackageGroup {
        /// The kernel.
        Kernel = "kernel",
        /// Security updates.
        Security = "security",
        /// Packages that go away.
        Removed = "removed",
        /// Packages that come.
        Added = "added",
        /// Other versions of what is there.
        Changed = "changed",
    }
}

/// One package that differs between two system versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// Name without architecture.
    pub name: String,
    /// Architecture as the package manager spells it, e.g. `amd64`.
    pub arch: String,
    /// What happens to it.
    pub kind: ChangeKind,
    /// Version before; empty when added.
    pub old: String,
    /// Version after; empty when removed.
    pub new: String,
    /// Bytes to download; zero when unknown or nothing.
    pub download_size: u64,
    /// Where the new version comes from, as the repository names itself; empty when unknown.
    pub origin: String,
    /// The repository marks it as a security update.
    pub security: bool,
}

impl PackageChange {
    /// A kernel package, by the naming of Debian, openSUSE and Fedora: what a person wants to see first.
    pub fn is_kernel(&self) -> bool {
        ["linux-image-", "kernel-default", "kernel-core", "kernel-longterm"]
            .iter()
            .any(|prefix| self.name.starts_with(prefix))
    }

    /// The heading that this change is shown under.
    pub fn group(&self) -> PackageGroup {
        match self.kind {
            _ if self.is_kernel() => PackageGroup::Kernel,
            _ if self.security => PackageGroup::Security,
            ChangeKind::Removed => PackageGroup::Removed,
            ChangeKind::Added => PackageGroup::Added,
            ChangeKind::Upgraded | ChangeKind::Downgraded => PackageGroup::Changed,
        }
    }
}
