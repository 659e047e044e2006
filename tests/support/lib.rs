// SPDX-License-Identifier: GPL-3.0-or-later
//! What the tests of several rooms share: places to run in that clean up after themselves.

pub mod bus;
pub mod firmware;
pub mod loop_btrfs;
#[expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and says what it was asked to say"
)]
pub mod machine;
pub mod recorded;
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
pub mod repository;

pub use firmware::Firmware;
pub use loop_btrfs::{Layout, LoopBtrfs, isolate};
pub use recorded::{Chance, Disk, Entry, Recording};
