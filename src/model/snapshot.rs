// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Timestamp;
use crate::code::coded;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The number of a snapshot: the name of its directory below `.snapshots`, from 1 up. Zero never occurs; snapper uses it
/// for "the running system, not a snapshot", for which Kedge says `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(pub u32);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A btrfs subvolume's identity; all zero where a subvolume has none.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Uuid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

coded! {
    /// How a snapshot came to be, with snapper's words (`<type>` in info.xml).
    SnapshotKind {
        /// Stands alone.
        Single = "single",
        /// Taken before a change; a `Post` belongs to it.
        Pre = "pre",
        /// Taken after the change that its `Pre` preceded.
        Post = "post",
    }
}

coded! {
    /// What is known about a snapshot's books.
    Condition {
        /// Subvolume and info.xml are both there and valid.
        Complete = "complete",
        /// The subvolume exists but no info.xml: another tool's creation cut short, or a file lost.
        NoMetadata = "no-metadata",
        /// info.xml exists but is not what snapper would load (damaged, too large, wrong number).
        BadMetadata = "bad-metadata",
    }
}

/// Which cleanup algorithm may remove a snapshot (snapper's `number`, `timeline`, `empty-pre-post`, or a plugin's own
/// name). Empty means that none does.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cleanup(pub String);

/// Keys of the userdata with a meaning, ours and the platform's.
pub mod userdata_key {
    /// `yes` while a transaction is open (transactional-update's own key, so that its cleanup knows our leftovers).
    pub const IN_PROGRESS: &str = "transactional-update-in-progress";
    /// `yes`: snapper's number cleanup keeps this one longer.
    pub const IMPORTANT: &str = "important";
    /// `yes`: pinned by a person; neither cleanup nor Kedge deletes it until it is unpinned.
    pub const PINNED: &str = "kedge-pinned";
    /// The cleanup algorithm that a pinned snapshot had, put back when it is unpinned.
    pub const PINNED_CLEANUP: &str = "kedge-pinned-cleanup";
    /// `yes` from the end of an update until the snapshot was first booted: discarding may delete it.
    pub const NOT_BOOTED: &str = "kedge-not-booted";
}

/// One snapshot of the system, as read from disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its number.
    pub id: SnapshotId,
    /// Single, pre or post.
    pub kind: SnapshotKind,
    /// For a post snapshot, the number of its pre snapshot.
    pub pre: Option<SnapshotId>,
    /// When it was made.
    pub time: Timestamp,
    /// The user who asked for it.
    pub uid: u32,
    /// A person's or tool's words about it.
    pub description: String,
    /// Which cleanup algorithm may remove it.
    pub cleanup: Cleanup,
    /// Free keys and values; those with a meaning are in [`userdata_key`].
    pub userdata: BTreeMap<String, String>,
    /// The subvolume's read-only flag.
    pub read_only: bool,
    /// Identity of the subvolume.
    pub uuid: Uuid,
    /// Identity of the subvolume it was made from; zero when unknown.
    pub parent_uuid: Uuid,
    /// Whether its books are in order.
    pub condition: Condition,
}

impl Snapshot {
    fn says_yes(&self, key: &str) -> bool {
        self.userdata.get(key).is_some_and(|value| value == "yes")
    }

    /// Kept by a person's wish.
    pub fn is_pinned(&self) -> bool {
        self.says_yes(userdata_key::PINNED)
    }

    /// A transaction is (or was, before a crash) being made in it.
    pub fn is_in_progress(&self) -> bool {
        self.says_yes(userdata_key::IN_PROGRESS)
    }

    /// Snapper's cleanup keeps it longer.
    pub fn is_important(&self) -> bool {
        self.says_yes(userdata_key::IMPORTANT)
    }

    /// Made by an update and never started since.
    pub fn is_not_booted(&self) -> bool {
        self.says_yes(userdata_key::NOT_BOOTED)
    }
}

/// A wish to make a snapshot of the running system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSnapshot {
    /// Words about it.
    pub description: String,
    /// Which cleanup algorithm may remove it; empty for none.
    pub cleanup: Cleanup,
    /// Keep it until it is unpinned.
    pub pinned: bool,
    /// The user who asks.
    pub uid: u32,
}

/// Changes to a snapshot's books; `None` leaves a field alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// New words.
    pub description: Option<String>,
    /// New cleanup algorithm.
    pub cleanup: Option<Cleanup>,
    /// Pin or unpin.
    pub pinned: Option<bool>,
    /// The subvolume's read-only flag.
    pub read_only: Option<bool>,
}

impl Edit {
    /// What this edit makes of a snapshot's books (the read-only flag included), the one definition of pinning.
    pub fn apply(&self, snapshot: &mut Snapshot) {
        if let Some(description) = &self.description {
            snapshot.description.clone_from(description);
        }
        if let Some(cleanup) = &self.cleanup {
            // A pinned snapshot has no cleanup of its own; the wish is kept for the day it is unpinned.
            if snapshot.is_pinned() {
                remember_cleanup(snapshot, cleanup.clone());
            } else {
                snapshot.cleanup = cleanup.clone();
            }
        }
        match self.pinned {
            Some(true) if !snapshot.is_pinned() => {
                let cleanup = std::mem::take(&mut snapshot.cleanup);
                remember_cleanup(snapshot, cleanup);
                snapshot
                    .userdata
                    .insert(userdata_key::PINNED.into(), "yes".into());
            }
            Some(false) if snapshot.is_pinned() => {
                snapshot.userdata.remove(userdata_key::PINNED);
                let cleanup = snapshot
                    .userdata
                    .remove(userdata_key::PINNED_CLEANUP)
                    .unwrap_or_default();
                snapshot.cleanup = Cleanup(cleanup);
            }
            _ => {}
        }
        if let Some(read_only) = self.read_only {
            snapshot.read_only = read_only;
        }
    }
}

fn remember_cleanup(snapshot: &mut Snapshot, cleanup: Cleanup) {
    if cleanup.0.is_empty() {
        snapshot.userdata.remove(userdata_key::PINNED_CLEANUP);
    } else {
        snapshot
            .userdata
            .insert(userdata_key::PINNED_CLEANUP.into(), cleanup.0);
    }
}

/// Why a text from outside cannot be a description or the name of a cleanup algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextError {
    /// Longer than allowed, in bytes.
    TooLong,
    /// Holds a control character, which neither a list nor XML 1.0 can show.
    Control,
}

/// The text itself when it is at most `limit` bytes and free of control characters.
pub fn checked_text(text: &str, limit: usize) -> Result<&str, TextError> {
    if text.len() > limit {
        return Err(TextError::TooLong);
    }
    // U+FFFE and U+FFFF are not characters of XML 1.0 (section 2.2), so info.xml could not hold them.
    if text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
    {
        return Err(TextError::Control);
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
