// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Error;

/// What runs and what starts next, by the number of the subvolume.
pub(crate) trait Boot: Send + Sync + std::fmt::Debug {
    /// The subvolume that the running system was started from.
    fn booted(&self) -> Result<u64, Error>;
    /// The subvolume that starts next.
    fn default(&self) -> Result<u64, Error>;
    /// Makes a subvolume start next and waits until that is on disk.
    fn set_default(&self, subvolume: u64) -> Result<(), Error>;
}
