// SPDX-License-Identifier: GPL-3.0-or-later
//! The search for the version in which something broke, on the bus.

use model::{SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use zbus::{OwnedVariant, Type, Variant};

/// A search: `(uuaut)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant)]
pub struct Bisect {
    /// The newest version that is known to work, or zero when nothing is searched for.
    pub good: u32,
    /// The oldest that is known not to.
    pub bad: u32,
    /// Those in between of which it cannot be told.
    pub skipped: Vec<u32>,
    /// When the search began.
    pub began: u64,
}

impl From<Option<&model::Bisect>> for Bisect {
    fn from(it: Option<&model::Bisect>) -> Self {
        it.map_or_else(Self::default, |it| Self {
            good: it.good.0,
            bad: it.bad.0,
            skipped: it.skipped.iter().map(|id| id.0).collect(),
            began: it.began.0,
        })
    }
}

impl From<Bisect> for Option<model::Bisect> {
    fn from(it: Bisect) -> Self {
        Some(model::Bisect {
            good: crate::snapshot_id(it.good)?,
            bad: crate::snapshot_id(it.bad)?,
            skipped: it.skipped.into_iter().map(SnapshotId).collect::<BTreeSet<_>>(),
            began: Timestamp(it.began),
        })
    }
}
