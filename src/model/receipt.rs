// SPDX-License-Identifier: GPL-3.0-or-later
use crate::SnapshotId;
use crate::code::coded;
use crate::{State, Timestamp};
use serde::Serialize;

coded! {
    /// What a restart made of what was asked of it.
    Kept {
        /// What was wanted runs.
        AsPlanned = "as-planned",
        /// Something else runs.
        FellBack = "fell-back",
    }
}

/// What was asked of the last restart, and what came of it. True until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StartReceipt {
    /// What should have started.
    pub wanted: SnapshotId,
    /// Whether it should have started just once.
    pub once: bool,
    /// When that was asked for.
    pub asked: Timestamp,
    /// What came of it.
    pub kept: Kept,
}

impl State {
    /// What the next restart should start, when that is not what runs: the snapshot, and whether just once.
    pub fn wanted(&self) -> Option<(SnapshotId, bool)> {
        let once = self.once.map(|id| (id, true));
        once.or(self.pending().map(|id| (id, false)))
    }

    /// The running snapshot, when it was started just once: the next restart leaves it.
    pub fn trying(&self) -> Option<SnapshotId> {
        let receipt = self.receipt.filter(|it| it.once && it.kept == Kept::AsPlanned)?;
        let still = self.booted == Some(receipt.wanted) && self.default != self.booted;
        still.then_some(receipt.wanted)
    }
}
