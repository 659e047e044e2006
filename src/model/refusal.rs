// SPDX-License-Identifier: GPL-3.0-or-later
use crate::SnapshotId;
use crate::code::coded;
use serde::Serialize;
use std::fmt;

coded! {
    /// Why an action is not on offer.
    RefusalCode {
        /// The snapshot is the running system.
        Booted = "booted",
        /// The snapshot is what starts next.
        Default = "default",
        /// The snapshot starts once with the next restart.
        StartsOnce = "starts-once",
        /// A person pinned the snapshot.
        Pinned = "pinned",
        /// A transaction is open in the snapshot.
        InProgress = "in-progress",
        /// There is no snapshot with this number.
        NoSuchSnapshot = "no-such-snapshot",
        /// The snapshot has no file with this path.
        NoSuchFile = "no-such-file",
        /// What has this path is neither a regular file nor a symbolic link.
        NotAFile = "not-a-file",
        /// The snapshot already is what starts next.
        AlreadyDefault = "already-default",
        /// Another job is changing the system.
        Busy = "busy",
        /// Nothing waits for a restart.
        NothingPending = "nothing-pending",
        /// The snapshot's books are damaged.
        Damaged = "damaged",
        /// The package database is not part of the snapshots, so going back or updating one would tear them apart.
        DatabaseOutside = "database-outside",
        /// The package database is of a format that cannot be read (Berkeley DB).
        DatabaseUnknown = "database-unknown",
        /// No supported package manager was found.
        NoPackageManager = "no-package-manager",
        /// The system has no `.snapshots` in snapper's layout.
        NoSnapshots = "no-snapshots",
        /// What starts next is neither the running system nor one of the snapshots.
        ForeignDefault = "foreign-default",
        /// The snapshot is mounted or otherwise in use.
        InUse = "in-use",
        /// Its read-only flag must stay: it is what the system starts from.
        MustStayReadOnly = "must-stay-read-only",
        /// A boot loader is in charge for which no support is built in.
        BootLoaderUnsupported = "boot-loader-unsupported",
        /// Nothing can be started just once here: the boot loader has no way to come back by itself.
        NoBootOnce = "no-boot-once",
        /// The partition that the boot loader reads is not mounted.
        NoBootPartition = "no-boot-partition",
        /// Something waits for the restart already, and would be forgotten.
        PendingFirst = "pending-first",
        /// The snapshot cannot start the machine; its plan says why.
        NotBootable = "not-bootable",
        /// The system does not run: only looking at it and choosing what starts is possible.
        Offline = "offline",
        /// The system that is to be worked on while it does not run is the running one.
        Runs = "runs",
        /// What is mounted there is no btrfs.
        NotBtrfs = "not-btrfs",
        /// The filesystem is mounted read-only, or the kernel made it so after it found damage.
        ReadOnlyDisk = "read-only-disk",
        /// The firmware's variables cannot be reached, in which the boot loader keeps what starts.
        NoBootVariables = "no-boot-variables",
        /// The version that works has to be older than the one that does not.
        BisectOrder = "bisect-order",
        /// Something is searched for already.
        BisectRuns = "bisect-runs",
        /// Nothing is searched for.
        NoBisect = "no-bisect",
        /// The snapshot is not between the two that are searched.
        NotInBisect = "not-in-bisect",
        /// More packages would be removed than were agreed to.
        RemovesMore = "removes-more",
        /// The job is past the point up to which stopping it leaves no trace.
        TooLate = "too-late",
        /// The job asks nothing, or something else by now.
        NothingAsked = "nothing-asked",
    }
}

/// An expected "no", known before asking: which rule, and about which snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The rule.
    pub code: RefusalCode,
    /// The snapshot it is about, where it is about one.
    pub snapshot: Option<SnapshotId>,
}

impl Refusal {
    /// A refusal about one snapshot.
    pub const fn of(code: RefusalCode, snapshot: SnapshotId) -> Self {
        Self {
            code,
            snapshot: Some(snapshot),
        }
    }
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Self {
        Self { code, snapshot: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.snapshot {
            Some(id) => write!(f, "{} (snapshot {id})", self.code),
            None => write!(f, "{}", self.code),
        }
    }
}
