// SPDX-License-Identifier: GPL-3.0-or-later
//! How the files of two system versions differ.

mod fold;
mod scan;
mod tree;

pub use fold::{Counts, Files};
pub use scan::FileScan;
pub use tree::{FileFold, FileRow, FileRowKind, FileTree};

use crate::code::coded;
use serde::ser::{Serialize, SerializeSeq as _, SerializeStruct as _, Serializer};
use std::fmt;

coded! {
    /// What kind of file something is.
    FileKind {
        /// Bytes.
        Regular = "regular",
        /// A directory.
        Directory = "directory",
        /// A symbolic link.
        Symlink = "symlink",
        /// A character device.
        Character = "character-device",
        /// A block device.
        Block = "block-device",
        /// A named pipe.
        Fifo = "fifo",
        /// A socket.
        Socket = "socket",
        /// A subvolume nested in this one, which is not looked into.
        Subvolume = "subvolume",
    }
}

coded! {
    /// What happened to a file.
    FileChangeKind {
        /// Not there before.
        Created = "created",
        /// There before, gone after.
        Deleted = "deleted",
        /// There before and after, and not the same.
        Changed = "changed",
        /// Another name or another directory.
        Renamed = "renamed",
        /// Something changed in this directory, and its names are not for everybody.
        Hidden = "hidden",
    }
}

/// In which respects a file changed: a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Aspects(u8);

impl Aspects {
    /// What is in it: bytes, the target of a link, the number of a device.
    pub const CONTENT: Self = Self(1);
    /// What kind of file it is.
    pub const KIND: Self = Self(1 << 1);
    /// Permissions.
    pub const MODE: Self = Self(1 << 2);
    /// The user it belongs to.
    pub const OWNER: Self = Self(1 << 3);
    /// The group it belongs to.
    pub const GROUP: Self = Self(1 << 4);
    /// When its content was last written. That of a directory is not looked at: it follows the names in it.
    pub const TIMES: Self = Self(1 << 5);
    /// Extended attributes that are no access control lists, e.g. capabilities and SELinux labels.
    pub const XATTRS: Self = Self(1 << 6);
    /// Access control lists.
    pub const ACL: Self = Self(1 << 7);

    const NAMES: [&'static str; 8] = [
        "content", "kind", "mode", "owner", "group", "times", "xattrs", "acl",
    ];

    /// None of them.
    pub const fn none() -> Self {
        Self(0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Adds those when `holds`.
    pub const fn set(&mut self, other: Self, holds: bool) {
        if holds {
            self.0 |= other.0;
        }
    }

    /// One bit an aspect, in the order of their declaration.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set with these bits.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The stable names of these aspects.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter_map(move |(bit, name)| (self.0 & (1 << bit) != 0).then_some(name))
    }
}

impl std::ops::BitOr for Aspects {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Serialize for Aspects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut names = serializer.serialize_seq(None)?;
        for name in self.names() {
            names.serialize_element(name)?;
        }
        names.end()
    }
}

/// One file that differs. Paths are any bytes but zero, from the root of the system and without a slash in front.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileChange {
    /// The path: after the change, or before it for what was deleted.
    pub path: Vec<u8>,
    /// What happened.
    pub kind: FileChangeKind,
    /// What kind of file it is: after the change, or before it for what was deleted.
    pub file: FileKind,
    /// In which respects it changed; empty for what was created or deleted.
    pub aspects: Aspects,
    /// The path before a renaming.
    pub from: Option<Vec<u8>>,
}

/// The same, lent by whoever keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileChangeRef<'a> {
    /// See [`FileChange::path`].
    pub path: &'a [u8],
    /// What happened.
    pub kind: FileChangeKind,
    /// See [`FileChange::file`].
    pub file: FileKind,
    /// See [`FileChange::aspects`].
    pub aspects: Aspects,
    /// The path before a renaming.
    pub from: Option<&'a [u8]>,
}

impl FileChangeRef<'_> {
    /// The change for oneself.
    pub fn to_change(self) -> FileChange {
        FileChange {
            path: self.path.to_vec(),
            kind: self.kind,
            file: self.file,
            aspects: self.aspects,
            from: self.from.map(<[u8]>::to_vec),
        }
    }
}

impl<'a> From<&'a FileChange> for FileChangeRef<'a> {
    fn from(change: &'a FileChange) -> Self {
        Self {
            path: &change.path,
            kind: change.kind,
            file: change.file,
            aspects: change.aspects,
            from: change.from.as_deref(),
        }
    }
}

impl PartialOrd for Aspects {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Aspects {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// A path for JSON: as text where it is UTF-8, else with `\xNN` for the bytes that are not, and `\\` for a backslash.
impl Serialize for FileChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("FileChange", 5)?;
        fields.serialize_field("path", &PathText(&self.path).to_string())?;
        fields.serialize_field("kind", &self.kind)?;
        fields.serialize_field("file", &self.file)?;
        fields.serialize_field("aspects", &self.aspects)?;
        fields.serialize_field("from", &self.from.as_deref().map(|it| PathText(it).to_string()))?;
        fields.end()
    }
}

/// A path as text that a terminal and a label can show: bytes that are no UTF-8, control characters and characters that
/// turn the direction of text are written as `\xNN`, a backslash as `\\`.
#[derive(Debug, Clone, Copy)]
pub struct PathText<'a>(pub &'a [u8]);

impl fmt::Display for PathText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\\' => f.write_str("\\\\")?,
                    _ if is_hostile(character) => {
                        let mut bytes = [0; 4];
                        for byte in character.encode_utf8(&mut bytes).bytes() {
                            write!(f, "\\x{byte:02x}")?;
                        }
                    }
                    _ => fmt::Write::write_char(f, character)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Whether a character of somebody else's text is none to show: control characters, line separators, and what turns, joins
/// or hides text (Unicode's `Bidi_Control` and its kin).
pub fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What is known when all changes were told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct FilesSummary {
    /// How many changes were told.
    pub rows: u64,
    /// How many were not, because their paths are longer than [`PATH_LIMIT`].
    pub left_out: u64,
}

/// No path is longer; Linux itself takes 4,095 bytes at once.
pub const PATH_LIMIT: usize = 32 << 10;

/// Why a path is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// Nothing is named.
    Empty,
    /// Longer than a system call takes (4,095 bytes).
    TooLong,
    /// A zero byte, or `.` or `..` between slashes.
    NotPlain,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the path is empty",
            Self::TooLong => "the path is too long",
            Self::NotPlain => "the path has a zero byte or a step like .. in it",
        })
    }
}

/// A path that came from outside, without the slashes in front, behind and doubled between.
///
/// # Errors
/// It is not a plain path.
pub fn checked_path(path: &[u8]) -> Result<Vec<u8>, PathError> {
    if path.len() > 4095 {
        return Err(PathError::TooLong);
    }
    if path.contains(&0) {
        return Err(PathError::NotPlain);
    }
    let mut plain = Vec::with_capacity(path.len());
    for step in path.split(|byte| *byte == b'/').filter(|step| !step.is_empty()) {
        if matches!(step, b"." | b"..") {
            return Err(PathError::NotPlain);
        }
        if !plain.is_empty() {
            plain.push(b'/');
        }
        plain.extend_from_slice(step);
    }
    if plain.is_empty() {
        Err(PathError::Empty)
    } else {
        Ok(plain)
    }
}

/// A file as it is in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileVersion {
    /// In which snapshot; `None` for the running system.
    pub snapshot: Option<crate::SnapshotId>,
    /// Equal for equal contents, counted from 1 in the order of the snapshots.
    pub version: u32,
    /// What kind of file.
    pub file: FileKind,
    /// Bytes.
    pub size: u64,
    /// When the content was last written.
    pub modified: crate::Timestamp,
    /// Permissions, the lower twelve bits of a mode.
    pub mode: u32,
    /// The user it belongs to.
    pub uid: u32,
    /// The group it belongs to.
    pub gid: u32,
}

#[cfg(test)]
mod tests;
