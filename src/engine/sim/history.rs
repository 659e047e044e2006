// SPDX-License-Identifier: GPL-3.0-or-later
//! What simulated machines went through before the simulation begins.

use super::machine::{Base, Machine};
use super::packages::{Offer, Packages};
use super::wish::Stock;
use model::{Cleanup, Edit, Snapshot, SnapshotId, SnapshotKind, Timestamp, userdata_key};

pub(super) const HOUR: u64 = 3_600;
pub(super) const DAY: u64 = 24 * HOUR;

/// The updates of the past: each entry becomes a snapshot.
pub(super) const RELEASES: &[&[(&str, &str, bool)]] = &[
    &[
        ("kernel-default", "6.18.1-1.1", false),
        ("plasma6-workspace", "6.5.3-1.1", false),
        ("plasma6-desktop", "6.5.3-1.1", false),
        ("kwin6", "6.5.3-1.1", false),
        ("libopenssl3", "3.5.0-1.1", false),
        ("curl", "8.17.0-1.1", false),
        ("systemd", "258.2-1.1", false),
        ("Mesa", "25.3.0-1.1", false),
        ("glibc", "2.42-3.1", false),
        ("bash", "5.3.8-1.1", false),
        ("btrfsprogs", "6.17-1.1", false),
        ("snapper", "0.13.0-1.1", false),
        ("podman", "5.7.0-1.1", false),
        ("flatpak", "1.16.1-2.1", false),
        ("NetworkManager", "1.54.3-1.1", false),
        ("pipewire", "1.5.84-1.1", false),
        ("dolphin", "25.08.3-1.1", false),
        ("konsole", "25.08.3-1.1", false),
        ("discover6", "6.5.3-1.1", false),
        ("cups", "2.4.14-1.1", false),
        ("ca-certificates-mozilla", "2.80-1.1", false),
        ("zypper", "1.14.94-1.1", false),
        ("libzypp", "17.37.18-1.1", false),
        ("python313-base", "3.13.9-1.1", false),
        ("sudo", "1.9.17p2-1.1", false),
        ("timezone", "2025b-4.1", false),
    ],
    &[("timezone", "2025c-1.1", false), ("glibc", "2.42-3.2", false)],
    &[
        ("kernel-default", "6.18.3-1.1", false),
        ("cups", "2.4.15-1.1", true),
    ],
    &[
        ("dolphin", "25.12.0-1.1", false),
        ("konsole", "25.12.0-1.1", false),
    ],
    &[("Mesa", "25.3.2-1.1", false), ("pipewire", "1.5.85-1.1", false)],
    &[
        ("plasma6-workspace", "6.5.5-1.1", false),
        ("plasma6-desktop", "6.5.5-1.1", false),
        ("kwin6", "6.5.5-1.1", false),
        ("discover6", "6.5.5-1.1", false),
    ],
    &[("curl", "8.18.0-1.1", true), ("libopenssl3", "3.5.4-1.1", true)],
    &[
        ("kernel-default", "6.18.7-1.1", false),
        ("btrfsprogs", "6.17.1-1.1", false),
    ],
    &[("systemd", "258.3-1.1", false), ("podman", "5.7.1-1.1", true)],
    &[
        ("ffmpeg-7", "7.1.3-1.1", false),
        ("codecs-restricted", "1.0-2.1", false),
    ],
    &[
        ("kernel-default", "6.19.0-1.1", false),
        ("sudo", "1.9.17p2-2.1", true),
    ],
    &[
        ("python313-base", "3.13.11-1.1", true),
        ("zypper", "1.14.95-1.1", false),
        ("libzypp", "17.38.1-1.1", false),
    ],
];

/// What the repositories offer now.
pub(super) fn offers() -> Vec<Offer> {
    vec![
        Offer::new("kernel-default", "6.19.3-1.1"),
        Offer::new("plasma6-workspace", "6.6.1-1.1"),
        Offer::new("plasma6-desktop", "6.6.1-1.1"),
        Offer::new("kwin6", "6.6.1-1.1"),
        Offer::new("discover6", "6.6.1-1.1"),
        Offer::new("plasma6-login-manager", "6.6.1-1.1"),
        Offer::new("libopenssl3", "3.5.5-1.1").security(),
        Offer::new("curl", "8.19.0-1.1").security(),
        Offer::new("Mesa", "26.0.0-1.1"),
        Offer::new("NetworkManager", "1.56.0-1.1"),
        Offer::new("snapper", "0.13.1-1.1"),
        Offer::removal("codecs-restricted"),
    ]
}

/// What they have for those who want it, and what is installed already and needs others.
pub(super) fn stock() -> Vec<Stock> {
    vec![
        Stock::new("vim", "9.1.2100-1.1", "Vi IMproved").needing("vim-data-common"),
        Stock::new("vim-data-common", "9.1.2100-1.1", "Common Data for Vi IMproved"),
        Stock::new(
            "neovim",
            "0.11.5-1.1",
            "Vim-fork focused on extensibility and agility",
        ),
        Stock::new(
            "htop",
            "3.4.1-1.2",
            "An Interactive text-mode Process Viewer for Linux",
        ),
        Stock::new("krita", "5.2.14-1.1", "Digital Painting Application").needing("krita-data"),
        Stock::new("krita-data", "5.2.14-1.1", "Brushes and patterns for Krita"),
        Stock::new("gutenprint", "5.3.5-2.1", "Printer drivers for many printers").needing("cups"),
        Stock::new("cups", "2.4.15-1.1", "The Common UNIX Printing System"),
        Stock::new(
            "plasma6-workspace",
            "6.5.5-1.1",
            "The KDE Plasma Workspace Components",
        )
        .needing("kwin6"),
        Stock::new("plasma6-desktop", "6.5.5-1.1", "The KDE Plasma Desktop").needing("plasma6-workspace"),
    ]
}

/// Installs a release of the past.
pub(super) fn release(packages: &mut Packages, at: usize) {
    for (name, version, security) in RELEASES.get(at).copied().unwrap_or_default() {
        let offer = Offer::new(name, version);
        let offer = if *security { offer.security() } else { offer };
        offer.apply(packages);
    }
}

/// The moment so many seconds ago.
pub(super) fn before(now: Timestamp, seconds: u64) -> Timestamp {
    Timestamp(now.0.saturating_sub(seconds * 1_000_000))
}

/// Writes the books of a snapshot of the past.
pub(super) struct Past<'a> {
    pub(super) machine: &'a mut Machine,
    pub(super) now: Timestamp,
    /// How many older snapshots there are: every number is that much higher.
    pub(super) offset: u32,
}

impl Past<'_> {
    /// Adds a snapshot with this number.
    pub(super) fn add(
        &mut self,
        number: u32,
        base: Option<u32>,
        ago: u64,
        books: impl FnOnce(&mut Snapshot),
    ) -> SnapshotId {
        let base = base.map_or(Base::Running, |id| Base::Snapshot(SnapshotId(id + self.offset)));
        let made = self.machine.create(base, before(self.now, ago), books);
        let made = made.expect("a scenario names bases it made before");
        let number = SnapshotId(number + self.offset);
        self.machine.renumber(made, number);
        number
    }

    /// A snapshot made by an update that was booted, with the packages of a release.
    pub(super) fn update(&mut self, number: u32, base: Option<u32>, ago: u64, at: usize) -> SnapshotId {
        let offset = self.offset;
        let id = self.add(number, base, ago, |snapshot| {
            snapshot.description = match base {
                Some(base) => format!("Update of #{}", base + offset),
                None => "first root filesystem".into(),
            };
            snapshot.cleanup = Cleanup("number".into());
            snapshot
                .userdata
                .insert(userdata_key::IMPORTANT.into(), "yes".into());
        });
        if let Some(packages) = self.machine.packages_mut(id) {
            release(packages, at);
        }
        id
    }
}

/// Six weeks of a Kalpa laptop: updates every few days, snapshots by hand, a pair around a package, some pinned.
pub(super) fn normal(mut machine: Machine, offset: u32, now: Timestamp) -> Machine {
    let mut past = Past {
        machine: &mut machine,
        now,
        offset,
    };
    let single = |description: &'static str, cleanup: &'static str, uid: u32| {
        move |snapshot: &mut Snapshot| {
            description.clone_into(&mut snapshot.description);
            snapshot.cleanup = Cleanup(cleanup.into());
            snapshot.uid = uid;
        }
    };
    let pin = |snapshot: &mut Snapshot| {
        let pinned = Some(true);
        Edit {
            pinned,
            ..Edit::default()
        }
        .apply(snapshot);
    };
    let pair = |pre: u32, description: &'static str| {
        move |snapshot: &mut Snapshot| {
            description.clone_into(&mut snapshot.description);
            snapshot.cleanup = Cleanup("number".into());
            snapshot.kind = if pre == 0 {
                SnapshotKind::Pre
            } else {
                SnapshotKind::Post
            };
            snapshot.pre = (pre != 0).then_some(SnapshotId(pre + offset));
        }
    };
    past.update(1, None, 43 * DAY, 0);
    past.add(3, Some(1), 42 * DAY + 3 * HOUR, |snapshot| {
        single("Frisch installiert, alles läuft", "number", 1000)(snapshot);
        pin(snapshot);
    });
    past.update(4, Some(1), 40 * DAY + 5 * HOUR, 1);
    past.update(7, Some(4), 36 * DAY + 9 * HOUR, 2);
    past.add(8, Some(7), 36 * DAY + 2 * HOUR, single("timeline", "timeline", 0));
    past.update(10, Some(7), 33 * DAY + HOUR, 3);
    past.add(
        11,
        Some(10),
        31 * DAY + 6 * HOUR,
        single("before the printer driver", "", 1000),
    );
    past.update(13, Some(10), 29 * DAY + 4 * HOUR, 4);
    past.add(14, Some(13), 28 * DAY, single("timeline", "timeline", 0));
    past.update(17, Some(13), 24 * DAY + 8 * HOUR, 5);
    past.add(
        18,
        Some(17),
        22 * DAY + 7 * HOUR,
        single("Plasma 6.5.5 works well", "", 1000),
    );
    past.update(20, Some(17), 19 * DAY + 3 * HOUR, 6);
    past.add(21, Some(20), 18 * DAY, single("timeline", "timeline", 0));
    past.update(22, Some(20), 16 * DAY + 10 * HOUR, 7);
    past.add(
        24,
        Some(22),
        14 * DAY + 2 * HOUR,
        single("Vor Codec-Installation", "number", 1000),
    );
    past.update(26, Some(22), 12 * DAY + 5 * HOUR, 8);
    past.add(27, Some(26), 11 * DAY + 4 * HOUR, pair(0, "zypp(packagekitd)"));
    past.add(28, Some(26), 11 * DAY + 4 * HOUR - 240, pair(27, ""));
    past.update(31, Some(26), 8 * DAY + 6 * HOUR, 9);
    past.add(32, Some(31), 7 * DAY, single("timeline", "timeline", 0));
    past.update(34, Some(31), 5 * DAY + 2 * HOUR, 10);
    past.add(35, Some(34), 4 * DAY + 11 * HOUR, |snapshot| {
        single("Steuererklärung fertig – nicht anfassen", "", 1000)(snapshot);
        pin(snapshot);
    });
    let booted = past.update(38, Some(34), 2 * DAY + HOUR, 11);
    past.machine.change(|state| {
        state.booted = Some(booted);
        state.default = Some(booted);
    });
    past.add(39, Some(38), DAY + 5 * HOUR, single("timeline", "timeline", 0));
    past.add(
        40,
        Some(38),
        6 * HOUR,
        single("before trying the beta driver", "", 1000),
    );
    machine.offers = offers();
    machine
}
