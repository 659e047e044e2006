// SPDX-License-Identifier: GPL-3.0-or-later
//! What snapshots cost, as it crosses the bus.

use model::{DoomReason, Doomed, SnapshotId, SnapshotSize};
use serde::{Deserialize, Serialize};
use zbus::Type;

/// How full the filesystem is: `(ttttt)`, as `model::Usage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Usage {
    /// All devices.
    pub size: u64,
    /// What is used of them.
    pub used: u64,
    /// What is in no block group.
    pub unallocated: u64,
    /// Free for data.
    pub free: u64,
    /// Free for data at least.
    pub free_least: u64,
}

/// What deleting some snapshots frees: `(ttta(ust))`, as `model::Freed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Freed {
    /// Data.
    pub data: u64,
    /// Metadata, estimated.
    pub metadata: u64,
    /// Data that others keep.
    pub held: u64,
    /// Who alone keeps how much of it: a snapshot's number, or zero and a subvolume's path.
    pub holders: Vec<(u32, String, u64)>,
}

/// What deleting one snapshot frees: number, data, metadata.
pub type SnapshotBytes = (u32, u64, u64);
/// A snapshot that a rule names: number, `model::DoomReason`.
pub type Named = (u32, String);

impl From<model::Usage> for Usage {
    fn from(it: model::Usage) -> Self {
        Self {
            size: it.size,
            used: it.used,
            unallocated: it.unallocated,
            free: it.free,
            free_least: it.free_least,
        }
    }
}

impl From<Usage> for model::Usage {
    fn from(it: Usage) -> Self {
        Self {
            size: it.size,
            used: it.used,
            unallocated: it.unallocated,
            free: it.free,
            free_least: it.free_least,
        }
    }
}

impl From<model::Freed> for Freed {
    fn from(it: model::Freed) -> Self {
        let holder = |it: model::Holder| (crate::snapshot_number(it.snapshot), it.subvolume, it.bytes);
        Self {
            data: it.data,
            metadata: it.metadata,
            held: it.held,
            holders: it.holders.into_iter().map(holder).collect(),
        }
    }
}

impl From<Freed> for model::Freed {
    fn from(it: Freed) -> Self {
        let holder = |(number, subvolume, bytes)| model::Holder {
            snapshot: crate::snapshot_id(number),
            subvolume,
            bytes,
        };
        Self {
            data: it.data,
            metadata: it.metadata,
            held: it.held,
            holders: it.holders.into_iter().map(holder).collect(),
        }
    }
}

/// A size in its D-Bus form.
pub fn size_to_wire(it: &SnapshotSize) -> SnapshotBytes {
    (it.id.0, it.data, it.metadata)
}

/// A size from its D-Bus form.
pub fn size_from_wire((number, data, metadata): SnapshotBytes) -> SnapshotSize {
    SnapshotSize {
        id: SnapshotId(number),
        data,
        metadata,
    }
}

/// A named snapshot in its D-Bus form.
pub fn doomed_to_wire(it: &Doomed) -> Named {
    (it.id.0, it.reason.to_string())
}

/// A named snapshot from its D-Bus form; by a rule that this version does not know it is named for its number.
pub fn doomed_from_wire((number, reason): Named) -> Doomed {
    Doomed {
        id: SnapshotId(number),
        reason: DoomReason::from_code(&reason).unwrap_or(DoomReason::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_comes_back() {
        let freed = model::Freed {
            data: 1,
            metadata: 2,
            held: 3,
            holders: vec![
                model::Holder {
                    snapshot: Some(SnapshotId(4)),
                    subvolume: String::new(),
                    bytes: 5,
                },
                model::Holder {
                    snapshot: None,
                    subvolume: "/home".into(),
                    bytes: 6,
                },
            ],
        };
        assert_eq!(model::Freed::from(Freed::from(freed.clone())), freed);
        for reason in DoomReason::ALL {
            let doomed = Doomed {
                id: SnapshotId(7),
                reason: *reason,
            };
            assert_eq!(doomed_from_wire(doomed_to_wire(&doomed)), doomed);
        }
        assert_eq!(doomed_from_wire((7, "moon".into())).reason, DoomReason::Number);
    }
}
