// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;

coded! {
    /// Where a file goes that is fetched back out of a snapshot.
    RestoreTo {
        /// Beside the present one, under a name that says where it is from.
        Beside = "beside",
        /// In the place of the present one.
        Replace = "replace",
    }
}
