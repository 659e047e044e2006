// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Case;
pub(crate) const CASES: &[Case] = &[];
