// SPDX-License-Identifier: GPL-3.0-or-later
use crate::{ChangeKind, Failure, PackageChange, Timestamp};
use serde::Serialize;

/// The changes an update would make to the default snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UpdateSet {
    /// Every package that changes, sorted by name and architecture.
    pub packages: Vec<PackageChange>,
    /// Bytes to download.
    pub download_size: u64,
    /// Bytes by which the installed system grows (negative: shrinks), where the package manager says so.
    pub installed_delta: i64,
}

impl UpdateSet {
    /// Whether there is nothing to update.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// The same, when nothing of it is left to be downloaded.
    pub fn fetched(mut self) -> Self {
        self.download_size = 0;
        for package in &mut self.packages {
            package.download_size = 0;
        }
        self
    }

    /// How many of the packages are security updates.
    pub fn security_count(&self) -> usize {
        self.packages.iter().filter(|package| package.security).count()
    }

    /// How many packages the update removes.
    pub fn removed_count(&self) -> usize {
        self.packages
            .iter()
            .filter(|package| package.kind == ChangeKind::Removed)
            .count()
    }
}

/// How the last attempt to look for updates ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Check {
    /// Nobody has looked yet, or what was found no longer applies since the default changed.
    #[default]
    Never,
    /// The repositories answered.
    Done,
    /// They did not, so nothing is known about newer updates. Never to be shown as "up to date".
    Failed {
        /// What went wrong.
        failure: Failure,
    },
}

/// What is known about updates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Updates {
    /// How the last attempt ended.
    pub check: Check,
    /// When the last attempt was made.
    pub attempted: Option<Timestamp>,
    /// When a check last succeeded.
    pub succeeded: Option<Timestamp>,
    /// What that last successful check found.
    pub set: UpdateSet,
}
