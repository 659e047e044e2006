// SPDX-License-Identifier: GPL-3.0-or-later
//! How the text of a file differs between two versions. Done here and not in the helper: a file is somebody else's, and
//! nothing that takes it apart runs with privileges.

use crate::{Client, Error};
use imara_diff::{Algorithm, Diff, InternedInput, sources::byte_lines};
use model::{RefusalCode, SnapshotId};
use std::fmt::Write as _;
use std::ops::Range;

/// No larger file is compared as text: some fifty thousand lines.
pub const TEXT_LIMIT: usize = 4 << 20;
/// So many lines around a change are shown.
const AROUND: u32 = 3;
/// Whatever has a zero byte so early is no text (as git decides).
const BINARY: usize = 8000;

/// How two texts differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextDiff {
    /// Not at all.
    Same,
    /// They differ, and one of them is no text.
    Binary,
    /// One of them is larger than [`TEXT_LIMIT`].
    TooLarge,
    /// In these places.
    Hunks(Vec<Hunk>),
}

/// A place where texts differ, with some lines around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The lines before, counted from 0.
    pub before: Range<u32>,
    /// The lines after.
    pub after: Range<u32>,
    /// All lines in order.
    pub lines: Vec<Line>,
}

/// Where a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// In both.
    Both,
    /// Only before.
    Before,
    /// Only after.
    After,
}

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it is.
    pub side: Side,
    /// Its text, made harmless: control characters, bytes that are no UTF-8, and characters that hide or turn text are
    /// written as `\xNN`.
    pub text: String,
    /// It is the last one, and has no line end.
    pub is_open: bool,
}

/// Compares two texts line by line.
pub fn compare_texts(before: &[u8], after: &[u8]) -> TextDiff {
    if before == after {
        return TextDiff::Same;
    }
    if before.len() > TEXT_LIMIT || after.len() > TEXT_LIMIT {
        return TextDiff::TooLarge;
    }
    let is_binary = |bytes: &[u8]| bytes.iter().take(BINARY).any(|byte| *byte == 0);
    if is_binary(before) || is_binary(after) {
        return TextDiff::Binary;
    }
    let input = InternedInput::new(byte_lines(before), byte_lines(after));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let length = u32::try_from(input.before.len()).unwrap_or(u32::MAX);
    let line = |tokens: &[imara_diff::Token], at: u32, side: Side| {
        let token = tokens.get(at as usize).map(|token| input.interner[*token]);
        let bytes = token.unwrap_or_default();
        let text = bytes.strip_suffix(b"\n");
        Line {
            side,
            is_open: text.is_none(),
            text: harmless(text.unwrap_or(bytes)),
        }
    };
    let changes: Vec<_> = diff.hunks().collect();
    // Changes that are close to each other share the lines between them.
    let close = |a: &imara_diff::Hunk, b: &imara_diff::Hunk| b.before.start - a.before.end <= 2 * AROUND;
    let hunks = changes.chunk_by(close).filter_map(|group| {
        let (first, last) = (group.first()?, group.last()?);
        let start = first.before.start.saturating_sub(AROUND);
        let end = last.before.end.saturating_add(AROUND).min(length);
        let mut hunk = Hunk {
            before: start..end,
            after: first.after.start - (first.before.start - start)..last.after.end + (end - last.before.end),
            lines: Vec::new(),
        };
        let mut at = start;
        for change in group {
            let (gone, new) = (change.before.clone(), change.after.clone());
            let lines = &mut hunk.lines;
            lines.extend((at..gone.start).map(|at| line(&input.before, at, Side::Both)));
            at = gone.end;
            lines.extend(gone.map(|at| line(&input.before, at, Side::Before)));
            lines.extend(new.map(|at| line(&input.after, at, Side::After)));
        }
        hunk.lines
            .extend((at..end).map(|at| line(&input.before, at, Side::Both)));
        Some(hunk)
    });
    TextDiff::Hunks(hunks.collect())
}

/// A line of somebody else's. Tabulators stay.
fn harmless(line: &[u8]) -> String {
    let (mut text, mut start) = (String::with_capacity(line.len()), 0);
    let kept = |(_, byte): &(usize, &u8)| matches!(byte, b'\t' | b'\\');
    for (at, byte) in line.iter().enumerate().filter(kept) {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{}",
            model::PathText(line.get(start..at).unwrap_or_default())
        );
        text.push(char::from(*byte));
        start = at + 1;
    }
    let _ = write!(text, "{}", model::PathText(line.get(start..).unwrap_or_default()));
    text
}

impl Client {
    /// How the text of a file differs between two versions; where one has no such file, it is empty there.
    ///
    /// # Errors
    /// Neither has it, the helper refused, or it could not be reached.
    pub async fn text_diff(
        &self,
        (from, before): (Option<SnapshotId>, &[u8]),
        (to, after): (Option<SnapshotId>, &[u8]),
    ) -> Result<TextDiff, Error> {
        let read = async |id, path: &[u8]| match self.read_file(id, path).await {
            Ok(content) => Ok((content.whole(TEXT_LIMIT).await?, None)),
            Err(error @ Error::Refused(refusal)) if refusal.code == RefusalCode::NoSuchFile => {
                Ok((Some(Vec::new()), Some(error)))
            }
            Err(error) => Err(error),
        };
        let (before, missing) = read(from, before).await?;
        let (after, gone) = read(to, after).await?;
        match (missing, gone, before, after) {
            (Some(_), Some(error), ..) => Err(error),
            (_, _, Some(before), Some(after)) => Ok(compare_texts(&before, &after)),
            _ => Ok(TextDiff::TooLarge),
        }
    }
}

#[cfg(test)]
mod tests;
