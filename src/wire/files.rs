// SPDX-License-Identifier: GPL-3.0-or-later
//! How changed files travel through a pipe, since there may be a million of them.
//!
//! The stream begins with [`MAGIC`]. Then come frames: one byte that says what it is, the length of the rest as a
//! varint (LEB128), and the rest. A reader passes over frames of kinds it does not know. The last frame is an end or an
//! error; a stream that stops without one was cut off.
//!
//! | kind | what | the rest |
//! |---|---|---|
//! | 1 | change | one byte each: what happened, kind of file (their places in the model's lists), aspects; the path; of a renaming, the path before |
//! | 2 | owner | length and name of a package; numbers of changes (counted from 0 in this stream), each as the distance from the one before |
//! | 3 | end | how many changes, how many were left out |
//! | 4 | error | name, code and message, count of arguments, name and value of each |
//!
//! A path is written as how many bytes it shares with the beginning of the path before it in the stream, how many more
//! there are, and those. All numbers are varints, all texts have their length in front.

use crate::Error;
use model::{Aspects, FileChange, FileChangeKind, FileKind, FilesSummary, PATH_LIMIT};
use std::collections::BTreeMap;

/// The first bytes: a name and the version.
pub const MAGIC: &[u8; 5] = b"KDGF\x01";
/// No frame is longer.
const FRAME: usize = 256 << 10;
/// So many numbers fit into a frame in any case.
const NUMBERS: usize = 16 << 10;
const CHANGE: u8 = 1;
const OWNER: u8 = 2;
const END: u8 = 3;
const ERROR: u8 = 4;

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilesFrame {
    /// A file that differs.
    Change(FileChange),
    /// Changes that belong to a package.
    Owner {
        /// The package.
        package: String,
        /// The numbers of the changes.
        numbers: Vec<u32>,
    },
    /// Everything was told.
    End(FilesSummary),
    /// It could not be told to the end.
    Failed(Error),
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    put_number(bytes, text.len() as u64);
    bytes.extend_from_slice(text);
}

/// Writes frames into memory; whoever owns the pipe takes them from there.
#[derive(Debug)]
pub struct FilesWriter {
    bytes: Vec<u8>,
    path: Vec<u8>,
    frame: Vec<u8>,
}

impl Default for FilesWriter {
    fn default() -> Self {
        Self {
            bytes: MAGIC.to_vec(),
            path: Vec::new(),
            frame: Vec::new(),
        }
    }
}

impl FilesWriter {
    fn path(&mut self, path: &[u8]) {
        let shared = std::iter::zip(&self.path, path)
            .take_while(|(a, b)| a == b)
            .count();
        put_number(&mut self.frame, shared as u64);
        put_text(&mut self.frame, path.get(shared..).unwrap_or_default());
        self.path.clear();
        self.path.extend_from_slice(path);
    }

    fn finish(&mut self, kind: u8) {
        self.bytes.push(kind);
        put_text(&mut self.bytes, &self.frame);
        self.frame.clear();
    }

    /// A file that differs.
    pub fn change(&mut self, change: &FileChange) {
        let place = |at: Option<usize>| at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX);
        let kind = FileChangeKind::ALL.iter().position(|kind| *kind == change.kind);
        let file = FileKind::ALL.iter().position(|kind| *kind == change.file);
        self.frame
            .extend_from_slice(&[place(kind), place(file), change.aspects.bits()]);
        self.path(&change.path);
        if change.kind == FileChangeKind::Renamed {
            self.path(change.from.as_deref().unwrap_or_default());
        }
        self.finish(CHANGE);
    }

    /// Changes that belong to a package, by their numbers in rising order.
    pub fn owner(&mut self, package: &str, numbers: &[u32]) {
        for piece in numbers.chunks(NUMBERS) {
            put_text(&mut self.frame, package.as_bytes());
            let mut last = 0;
            for number in piece {
                put_number(&mut self.frame, u64::from(number.wrapping_sub(last)));
                last = *number;
            }
            self.finish(OWNER);
        }
    }

    /// Everything was told.
    pub fn end(&mut self, summary: FilesSummary) {
        put_number(&mut self.frame, summary.rows);
        put_number(&mut self.frame, summary.left_out);
        self.finish(END);
    }

    /// It cannot be told to the end.
    pub fn failed(&mut self, error: &Error) {
        let (name, code, message, args) = error.to_parts();
        for text in [name, &code, &message] {
            put_text(&mut self.frame, text.as_bytes());
        }
        put_number(&mut self.frame, args.len() as u64);
        for (name, value) in args {
            put_text(&mut self.frame, name.as_bytes());
            put_text(&mut self.frame, value.as_bytes());
        }
        self.finish(ERROR);
    }

    /// What was written and not yet taken.
    pub fn pending(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was taken.
    pub fn taken(&mut self) {
        self.bytes.clear();
    }
}

/// Why bytes are no stream of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the list of changed files is damaged")]
pub struct FilesDamaged;

/// Reads frames out of bytes as they come.
#[derive(Debug, Default)]
pub struct FilesReader {
    bytes: Vec<u8>,
    at: usize,
    path: Vec<u8>,
    has_begun: bool,
}

/// The rest of a frame.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    fn string(&mut self) -> Option<String> {
        self.text().map(|text| String::from_utf8_lossy(text).into_owned())
    }
}

impl FilesReader {
    /// Takes more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame; `None` when more bytes are needed.
    ///
    /// # Errors
    /// This is no stream of this version, or a frame makes no sense.
    pub fn next_frame(&mut self) -> Result<Option<FilesFrame>, FilesDamaged> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            if !self.has_begun {
                let known = rest.len().min(MAGIC.len());
                if rest.get(..known) != MAGIC.get(..known) {
                    return Err(FilesDamaged);
                }
                if known < MAGIC.len() {
                    return Ok(None);
                }
                self.at += MAGIC.len();
                self.has_begun = true;
                continue;
            }
            let mut reader = Rest(rest);
            let Some(kind) = reader.byte() else {
                return Ok(None);
            };
            let Some(length) = reader.number() else {
                // A length of ten bytes is none.
                return if reader.0.is_empty() && rest.len() < 11 {
                    Ok(None)
                } else {
                    Err(FilesDamaged)
                };
            };
            let length = usize::try_from(length)
                .ok()
                .filter(|length| *length <= FRAME)
                .ok_or(FilesDamaged)?;
            let Some(frame) = reader.0.get(..length) else {
                return Ok(None);
            };
            let used = rest.len() - reader.0.len() + length;
            let mut path = std::mem::take(&mut self.path);
            let read = read(kind, Rest(frame), &mut path);
            self.path = path;
            self.at += used;
            match read {
                Some(Some(frame)) => return Ok(Some(frame)),
                // Of a kind that this version does not know.
                Some(None) => {}
                None => return Err(FilesDamaged),
            }
        }
    }
}

/// A frame; `None` when it makes no sense, `Some(None)` when its kind is not known.
fn read(kind: u8, mut rest: Rest<'_>, path: &mut Vec<u8>) -> Option<Option<FilesFrame>> {
    Some(Some(match kind {
        CHANGE => FilesFrame::Change(change(&mut rest, path)?),
        OWNER => {
            let package = rest.string()?;
            let (mut numbers, mut last) = (Vec::new(), 0_u32);
            while !rest.0.is_empty() {
                last = last.checked_add(u32::try_from(rest.number()?).ok()?)?;
                numbers.push(last);
            }
            FilesFrame::Owner { package, numbers }
        }
        END => FilesFrame::End(FilesSummary {
            rows: rest.number()?,
            left_out: rest.number()?,
        }),
        ERROR => {
            let (name, code, message) = (rest.string()?, rest.string()?, rest.string()?);
            let mut args = BTreeMap::new();
            for _ in 0..rest.number()? {
                args.insert(rest.string()?, rest.string()?);
            }
            FilesFrame::Failed(Error::from_parts(&name, message, &code, args)?)
        }
        _ => return Some(None),
    }))
}

fn change(rest: &mut Rest<'_>, last: &mut Vec<u8>) -> Option<FileChange> {
    let (kind, file, aspects) = (rest.byte()?, rest.byte()?, rest.byte()?);
    let mut path = |rest: &mut Rest<'_>| {
        let shared = usize::try_from(rest.number()?).ok()?;
        if shared > last.len() {
            return None;
        }
        last.truncate(shared);
        last.extend_from_slice(rest.text()?);
        (last.len() <= PATH_LIMIT).then(|| last.clone())
    };
    // A kind of a newer version is a change of some kind.
    let kind = FileChangeKind::ALL.get(usize::from(kind)).copied();
    let kind = kind.unwrap_or(FileChangeKind::Changed);
    Some(FileChange {
        path: path(rest)?,
        kind,
        file: FileKind::ALL
            .get(usize::from(file))
            .copied()
            .unwrap_or(FileKind::Regular),
        aspects: Aspects::from_bits(aspects),
        from: match kind {
            FileChangeKind::Renamed => Some(path(rest)?),
            _ => None,
        },
    })
}

#[cfg(test)]
mod tests;
