// SPDX-License-Identifier: GPL-3.0-or-later
//! The machines that a simulation can start with.

use super::history::{DAY, HOUR, Past, RELEASES, before, normal, offers, release};
use super::machine::{Base, Machine};
use super::packages::Packages;
use super::work::Fault;
use model::{
    Capability, Cleanup, Failure, FailureCode, Phase, Question, QuestionKind, RefusalCode, SnapshotId,
    Timestamp, userdata_key,
};

/// What a test's clock shows at first: 2 March 2026, 07:30 UTC.
pub(super) const MORNING: Timestamp = Timestamp(1_772_436_600_000_000);

/// The license that `asking` asks about.
const LICENSE: &str = "LICENSE OF THE SIMULATED PLAYER\n\n1. You may play with it.\n2. It plays nothing.\n";

macro_rules! scenarios {
    ($($(#[$meta:meta])* $variant:ident = $name:literal,)+) => {
        /// A machine to start with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Scenario { $($(#[$meta])* $variant,)+ }

        impl Scenario {
            /// Every scenario.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name, in kebab-case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

scenarios! {
    /// 25 snapshots over six weeks; kernel, Plasma and security updates wait to be found.
    Normal = "normal",
    /// Just installed: runs from its only snapshot, and updates wait to be found.
    Fresh = "fresh",
    /// A writable system without any snapshot.
    Empty = "empty",
    /// 1,000 snapshots.
    Thousand = "thousand",
    /// 5,000 snapshots.
    Many = "many",
    /// As `normal`, and two updates wait for the restart.
    Pending = "pending",
    /// As `normal`, and an older snapshot was made the default.
    RollbackPending = "rollback-pending",
    /// As `normal`, but a package's script fails with every update.
    Failing = "failing",
    /// As `normal`, but every update asks for a license to be agreed to, and later whether to keep what a script failed for.
    Asking = "asking",
    /// As `normal`, but the repositories cannot be reached.
    Offline = "offline",
    /// As `normal`, but the repositories have nothing new.
    NoUpdates = "no-updates",
    /// As `normal`, and a transaction was cut short.
    Leftover = "leftover",
    /// As `normal`, but the package database is not part of the snapshots.
    DatabaseOutside = "database-outside",
    /// A system that runs from a writable subvolume beside its snapshots, as classic distributions do.
    Classic = "classic",
}

fn pending(now: Timestamp) -> Machine {
    let mut machine = normal(Machine::new(Packages::default()), 0, now);
    let mut offers = std::mem::take(&mut machine.offers).into_iter();
    for (number, ago, count) in [(41, 3 * HOUR, 6), (42, HOUR / 2, 12)] {
        let mut past = Past {
            machine: &mut machine,
            now,
            offset: 0,
        };
        let base = if number == 41 { 38 } else { 41 };
        let id = past.update(number, Some(base), ago, RELEASES.len());
        machine.adjust(id, |snapshot| {
            snapshot.userdata.remove(userdata_key::IMPORTANT);
            snapshot
                .userdata
                .insert(userdata_key::NOT_BOOTED.into(), "yes".into());
        });
        if let Some(packages) = machine.packages_mut(id) {
            offers
                .by_ref()
                .take(count)
                .for_each(|offer| offer.apply(packages));
        }
        machine.change(|state| state.default = Some(id));
    }
    machine
}

/// The usual machine with so many older snapshots that there are `all` of them.
fn many(now: Timestamp, all: u32) -> Machine {
    let older = all.saturating_sub(25);
    let mut machine = Machine::new(Packages::default());
    let mut past = Past {
        machine: &mut machine,
        now,
        offset: 0,
    };
    for number in 1..=older {
        let ago = 44 * DAY + u64::from(older - number) * HOUR;
        past.add(number, None, ago, |snapshot| {
            snapshot.description = "timeline".into();
            snapshot.cleanup = Cleanup("timeline".into());
        });
    }
    normal(machine, older, now)
}

fn fresh(now: Timestamp) -> Machine {
    let mut machine = Machine::new(Packages::default());
    let mut past = Past {
        machine: &mut machine,
        now,
        offset: 0,
    };
    let id = past.update(1, None, HOUR, 0);
    machine.adjust(id, |snapshot| {
        snapshot.cleanup = Cleanup::default();
        snapshot.userdata.clear();
    });
    machine.change(|state| (state.booted, state.default) = (Some(id), Some(id)));
    machine.offers = offers();
    machine
}

fn classic(now: Timestamp, numbers: u32) -> Machine {
    let mut packages = Packages::default();
    (0..RELEASES.len()).for_each(|at| release(&mut packages, at));
    let mut machine = Machine::new(packages);
    machine.offers = offers();
    let mut past = Past {
        machine: &mut machine,
        now,
        offset: 0,
    };
    for number in 1..=numbers {
        let id = past.add(number, None, u64::from(numbers - number + 1) * DAY, |snapshot| {
            snapshot.description = format!("before update {number}");
            snapshot.cleanup = Cleanup("number".into());
        });
        if let Some(packages) = past.machine.packages_mut(id) {
            *packages = Packages::default();
            (0..RELEASES.len() - 6 + number as usize).for_each(|at| release(packages, at));
        }
    }
    machine
}

impl Scenario {
    /// The scenario with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }

    /// The machine, with a history that leads up to `now`.
    pub(super) fn machine(self, now: Timestamp) -> Machine {
        let mut machine = match self {
            Self::Fresh => fresh(now),
            Self::Empty => classic(now, 0),
            Self::Classic => classic(now, 6),
            Self::Thousand => many(now, 1_000),
            Self::Many => many(now, 5_000),
            Self::Pending => pending(now),
            _ => normal(Machine::new(Packages::default()), 0, now),
        };
        match self {
            Self::RollbackPending => machine.change(|state| state.default = Some(SnapshotId(31))),
            Self::Failing => {
                let detail = "installation of kernel-default-6.19.3-1.1 failed: %posttrans(kernel-default-6.19.3-1.1.\
                              x86_64) scriptlet failed, exit status 1";
                let failure =
                    Failure::new(FailureCode::PackageScript, detail).with("package", "kernel-default");
                machine.broken.insert(Phase::Install, Fault::Fail(failure));
            }
            Self::Offline => {
                let detail = "download of https://download.opensuse.org/tumbleweed/repo/oss/repodata/repomd.xml \
                              failed: could not resolve host: download.opensuse.org";
                let failure =
                    Failure::new(FailureCode::Network, detail).with("repository", "openSUSE Tumbleweed");
                machine.broken.insert(Phase::Refresh, Fault::Fail(failure));
            }
            Self::Asking => {
                let failure = Failure::new(
                    FailureCode::License,
                    "the license of flash-player was not agreed to",
                )
                .with("package", "flash-player");
                let question = Question::new(QuestionKind::License, LICENSE).with("package", "flash-player");
                machine
                    .broken
                    .insert(Phase::Download, Fault::Ask(question, failure));
                let detail = "%post(kernel-firmware-20260301-1.1.noarch) scriptlet failed, exit status 1";
                let failure =
                    Failure::new(FailureCode::PackageScript, detail).with("package", "kernel-firmware");
                let question =
                    Question::new(QuestionKind::PackageScript, detail).with("package", "kernel-firmware");
                machine
                    .broken
                    .insert(Phase::Verify, Fault::Ask(question, failure));
            }
            Self::NoUpdates => machine.offers.clear(),
            Self::Leftover => {
                let time = before(now, 5 * HOUR);
                let made = machine.create(Base::Snapshot(SnapshotId(38)), time, |snapshot| {
                    snapshot.description = "Update of #38".into();
                    snapshot.cleanup = Cleanup("number".into());
                    snapshot.read_only = false;
                    for key in [userdata_key::IN_PROGRESS, userdata_key::NOT_BOOTED] {
                        snapshot.userdata.insert(key.into(), "yes".into());
                    }
                });
                made.expect("the scenario's booted snapshot is there to be copied");
            }
            Self::DatabaseOutside => machine.change(|state| {
                for capability in [Capability::Updates, Capability::PackageChanges] {
                    let absence = Some(RefusalCode::DatabaseOutside);
                    state.capabilities.0.insert(capability, absence);
                }
            }),
            _ => {}
        }
        machine
    }
}
