// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;
use serde::Serialize;

coded! {
    /// What the journal of a start that failed tells.
    StartFailureKind {
        /// A unit failed; the subject is its name.
        Unit = "unit",
        /// The kernel gave up; the subject is how, in its own words.
        Kernel = "kernel",
        /// Its journal ends without an error: the machine was switched off or hung.
        Silent = "silent",
        /// It left no journal: it never came as far, or journals are not kept.
        NoJournal = "no-journal",
    }
}

/// Why a start failed, as far as its journal tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StartFailure {
    /// What happened.
    pub kind: StartFailureKind,
    /// To what; empty where that says nothing.
    pub subject: String,
}

impl StartFailure {
    /// One about nothing in particular.
    pub fn of(kind: StartFailureKind) -> Self {
        Self {
            kind,
            subject: String::new(),
        }
    }
}
