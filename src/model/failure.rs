// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

coded! {
    /// The named causes of failures, so that a face can word each and offer a way out.
    FailureCode {
        /// The repositories could not be reached.
        Network = "network",
        /// A repository answered but is not there (any more), or is damaged.
        RepositoryUnavailable = "repository-unavailable",
        /// A repository's signature is missing, wrong, or by an unknown key.
        RepositorySignature = "repository-signature",
        /// A repository's release file is past its valid-until date.
        RepositoryExpired = "repository-expired",
        /// The packages cannot be installed together.
        Conflict = "conflict",
        /// Neither the repositories nor the system have a package with this name (argument `package`).
        UnknownPackage = "unknown-package",
        /// The package manager calls a package essential that would be removed (argument `package` where it is known).
        Essential = "essential",
        /// A package's license has to be agreed to first (argument `package` where it is known).
        License = "license",
        /// A job asked something (argument `question`, and those of the question), and nobody answered in time.
        Unanswered = "unanswered",
        /// The filesystem is full.
        DiskFull = "disk-full",
        /// A package's own script failed (argument `package`).
        PackageScript = "package-script",
        /// Another program holds the package manager's or platform's lock (argument `holder`).
        LockHeld = "lock-held",
        /// The package database of the result is not consistent (argument `package`).
        Unverified = "unverified",
        /// The result has no kernel or no initrd though its origin had (argument `path`).
        NotBootable = "not-bootable",
        /// A snapshot could not be created, changed or deleted.
        Snapshot = "snapshot",
        /// The boot default could not be changed.
        BootDefault = "boot-default",
        /// The package manager failed for a reason not named above.
        PackageManager = "package-manager",
        /// A rule refused it although it was asked for (argument `reason` is a refusal code).
        Refused = "refused",
        /// The helper itself was stopped in the middle.
        Interrupted = "interrupted",
        /// Anything else; the detail tells.
        Internal = "internal",
    }
}

/// Why something could not be done: a named cause with arguments, and the details a technician wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The named cause.
    pub code: FailureCode,
    /// Arguments of the cause, by name.
    pub args: BTreeMap<String, String>,
    /// Technical details: the chain of errors with commands, paths and the end of their output.
    pub detail: String,
}

impl Failure {
    /// A failure with a cause and its technical details.
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            args: BTreeMap::new(),
            detail: detail.into(),
        }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.args.insert(name.to_owned(), value.into());
        self
    }
}
