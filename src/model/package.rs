// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Timestamp;
use crate::code::coded;
use serde::{Deserialize, Serialize};

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
        /// The same version, built anew.
        Rebuilt = "rebuilt",
    }
}

coded! {
    /// Under which heading a change is shown, what matters most first.
    PackageGroup {
        /// The kernel.
        Kernel = "kernel",
        /// What starts the kernel.
        BootLoader = "boot-loader",
        /// Security updates.
        Security = "security",
        /// Drivers and libraries for the screen.
        Graphics = "graphics",
        /// Plasma and what it runs on.
        Desktop = "desktop",
        /// What runs everything else: systemd, the C library, the bus.
        System = "system",
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
    /// The repository marks it as a security update, or its makers name security problems that it fixes.
    pub security: bool,
    /// The security problems that are fixed by the higher of the two versions and not by the lower, as `CVE-2026-1234`:
    /// gained by an upgrade, lost by a downgrade.
    pub fixes: Vec<String>,
}

/// One entry of a package's changelog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// When it was written.
    pub time: Timestamp,
    /// By whom.
    pub author: String,
    /// For which version; empty where changelogs do not say it.
    pub version: String,
    /// The text, of several lines.
    pub text: String,
}

/// How many packages differ between two systems.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeCounts {
    /// New ones.
    pub added: u32,
    /// Ones with a higher version.
    pub upgraded: u32,
    /// Ones with a lower version.
    pub downgraded: u32,
    /// Ones that are gone.
    pub removed: u32,
    /// Ones that were built anew.
    pub rebuilt: u32,
}

impl ChangeCounts {
    /// The counts by the signs that need no words: `+1 ↑2 ↓3 −4`, each only where there are any; empty for none.
    pub fn signs(&self) -> String {
        let counts = [
            ('+', self.added),
            ('↑', self.upgraded),
            ('↓', self.downgraded),
            ('−', self.removed),
        ];
        let some = counts.iter().filter(|(_, count)| *count > 0);
        let parts: Vec<_> = some.map(|(sign, count)| format!("{sign}{count}")).collect();
        parts.join(" ")
    }

    /// Counts changes.
    pub fn of(changes: &[PackageChange]) -> Self {
        let mut counts = Self::default();
        for change in changes {
            let count = match change.kind {
                ChangeKind::Added => &mut counts.added,
                ChangeKind::Removed => &mut counts.removed,
                ChangeKind::Upgraded => &mut counts.upgraded,
                ChangeKind::Downgraded => &mut counts.downgraded,
                ChangeKind::Rebuilt => &mut counts.rebuilt,
            };
            *count = count.saturating_add(1);
        }
        counts
    }
}

/// The beginnings of names of packages that are shown first, by the naming of Debian, openSUSE, Fedora and Arch.
const FIRST: [(PackageGroup, &[&str]); 5] = [
    (
        PackageGroup::Kernel,
        &[
            "linux-image-",
            "kernel-default",
            "kernel-core",
            "kernel-longterm",
            "kernel-rt",
        ],
    ),
    (
        PackageGroup::BootLoader,
        &[
            "grub",
            "shim",
            "systemd-boot",
            "sdbootutil",
            "dracut",
            "initramfs-tools",
            "mkinitcpio",
            "mokutil",
            "efibootmgr",
        ],
    ),
    (
        PackageGroup::Graphics,
        &[
            "Mesa",
            "mesa",
            "libgl1-mesa",
            "libdrm",
            "libvulkan",
            "vulkan",
            "nvidia",
            "xf86-video",
            "kernel-firmware-amdgpu",
            "kernel-firmware-nvidia",
            "kernel-firmware-i915",
            "xorg-x11-server",
            "xserver-xorg",
            "xwayland",
        ],
    ),
    (
        PackageGroup::Desktop,
        &[
            "plasma",
            "libplasma",
            "kwin",
            "sddm",
            "kscreenlocker",
            "powerdevil",
            "xdg-desktop-portal-kde",
        ],
    ),
    (
        PackageGroup::System,
        &[
            "systemd",
            "libsystemd",
            "udev",
            "libudev",
            "glibc",
            "libc6",
            "dbus",
        ],
    ),
];

impl PackageChange {
    /// A kernel package: what a person wants to see first.
    pub fn is_kernel(&self) -> bool {
        // Arch names its kernels plainly.
        self.begins() == Some(PackageGroup::Kernel)
            || ["linux", "linux-lts", "linux-zen"].contains(&self.name.as_str())
    }

    fn begins(&self) -> Option<PackageGroup> {
        let begins = |(_, names): &&(_, &[&str])| names.iter().any(|name| self.name.starts_with(name));
        FIRST.iter().find(begins).map(|(group, _)| *group)
    }

    /// The heading that this change is shown under.
    pub fn group(&self) -> PackageGroup {
        match (self.kind, self.begins()) {
            _ if self.is_kernel() => PackageGroup::Kernel,
            (_, Some(PackageGroup::BootLoader)) => PackageGroup::BootLoader,
            _ if self.security => PackageGroup::Security,
            (_, Some(group)) => group,
            (ChangeKind::Removed, None) => PackageGroup::Removed,
            (ChangeKind::Added, None) => PackageGroup::Added,
            (ChangeKind::Upgraded | ChangeKind::Downgraded | ChangeKind::Rebuilt, None) => {
                PackageGroup::Changed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_shown_by_signs() {
        let mut counts = ChangeCounts::default();
        assert_eq!(counts.signs(), "");
        (counts.added, counts.removed, counts.upgraded) = (1, 4, 20);
        assert_eq!(counts.signs(), "+1 ↑20 −4");
    }

    #[test]
    fn what_matters_comes_first() {
        let group = |name: &str, kind, security| {
            let change = PackageChange {
                name: name.into(),
                arch: String::new(),
                kind,
                old: String::new(),
                new: String::new(),
                download_size: 0,
                origin: String::new(),
                security,
                fixes: Vec::new(),
            };
            change.group()
        };
        for (name, kind, security, expected) in [
            ("kernel-default", ChangeKind::Upgraded, true, PackageGroup::Kernel),
            ("linux", ChangeKind::Upgraded, false, PackageGroup::Kernel),
            ("linux-atm", ChangeKind::Added, false, PackageGroup::Added),
            (
                "systemd-boot",
                ChangeKind::Upgraded,
                true,
                PackageGroup::BootLoader,
            ),
            ("systemd", ChangeKind::Removed, false, PackageGroup::System),
            ("systemd", ChangeKind::Removed, true, PackageGroup::Security),
            ("Mesa-dri", ChangeKind::Rebuilt, false, PackageGroup::Graphics),
            ("kwin6", ChangeKind::Downgraded, false, PackageGroup::Desktop),
            ("curl", ChangeKind::Rebuilt, false, PackageGroup::Changed),
            ("curl", ChangeKind::Removed, false, PackageGroup::Removed),
        ] {
            assert_eq!(group(name, kind, security), expected, "{name} {kind}");
        }
        assert!(
            PackageGroup::Kernel < PackageGroup::Security && PackageGroup::Security < PackageGroup::Graphics
        );
    }
}
