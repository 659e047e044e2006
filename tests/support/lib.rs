// SPDX-License-Identifier: GPL-3.0-or-later
//! What the tests of several rooms share: places to run in that clean up after themselves.

pub mod bus;
pub mod loop_btrfs;
pub mod recorded;

pub use loop_btrfs::{Layout, LoopBtrfs, isolate};
pub use recorded::{Chance, Disk, Entry, Recording};
