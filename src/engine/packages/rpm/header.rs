// SPDX-License-Identifier: GPL-3.0-or-later
//! A package's header as rpm's databases hold it: the number of tags, the length of the data, the tags, the data; all
//! numbers big-endian (rpm-format(5), "Header"). The beginning is enough for what sorts first.

use crate::packages::damaged;
use std::io;

/// More tags than rpm itself accepts (`hdrchkTags`).
const TAGS: usize = 0xffff;
/// No header is longer; the largest in distributions (kernels, texlive) have a few MiB.
pub(crate) const LENGTH: usize = 64 * 1024 * 1024;
/// Before the tags: their number and the length of the data.
const INTRO: usize = 8;
/// One tag: number, type, offset into the data, count.
const ENTRY: usize = 16;

/// The tags that are read here, by their numbers in rpmtag.h.
pub(crate) mod tag {
    pub(crate) const SHA1HEADER: u32 = 269;
    pub(crate) const NAME: u32 = 1000;
    pub(crate) const VERSION: u32 = 1001;
    pub(crate) const RELEASE: u32 = 1002;
    pub(crate) const EPOCH: u32 = 1003;
    pub(crate) const BUILDTIME: u32 = 1006;
    pub(crate) const SIZE: u32 = 1009;
    pub(crate) const ARCH: u32 = 1022;
    pub(crate) const CHANGELOGTIME: u32 = 1080;
    pub(crate) const CHANGELOGNAME: u32 = 1081;
    pub(crate) const CHANGELOGTEXT: u32 = 1082;
    pub(crate) const OLDFILENAMES: u32 = 1027;
    pub(crate) const DIRINDEXES: u32 = 1116;
    pub(crate) const BASENAMES: u32 = 1117;
    pub(crate) const DIRNAMES: u32 = 1118;
    pub(crate) const LONGSIZE: u32 = 5009;
}

/// The types of a tag's data (rpmtag.h, `rpmTagType`).
const INT32: u32 = 4;
const INT64: u32 = 5;
const STRING: u32 = 6;
const STRINGS: u32 = 8;
const I18N: u32 = 9;

/// What a look into the beginning of a header found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// This.
    Value(T),
    /// There is no such tag.
    Nothing,
    /// It lies behind the part that was read.
    Beyond,
}

/// The beginning of a header, or all of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
    /// How long the data is when it is all there.
    length: usize,
    /// Where the data begins in the header.
    start: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: u32,
    offset: usize,
    count: usize,
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

impl<'a> Header<'a> {
    /// Reads the beginning `bytes` of a header that is `total` bytes long; `None` when it is too short to hold all tags.
    pub(crate) fn parse(bytes: &'a [u8], total: usize) -> io::Result<Option<Self>> {
        let (Some(tags), Some(length)) = (number(bytes, 0), number(bytes, 4)) else {
            if total < INTRO {
                return Err(damaged("has a header of a few bytes".to_owned()));
            }
            return Ok(None);
        };
        let (tags, length) = (tags as usize, length as usize);
        if tags > TAGS || length > LENGTH {
            return Err(damaged(format!("has a header of {tags} tags and {length} bytes")));
        }
        let start = INTRO + tags * ENTRY;
        if start + length != total {
            return Err(damaged(format!(
                "has a header of {total} bytes instead of {}",
                start + length
            )));
        }
        let Some((intro, data)) = bytes.split_at_checked(start) else {
            return Ok(None);
        };
        Ok(Some(Self {
            entries: intro.get(INTRO..).unwrap_or_default(),
            data,
            length,
            start,
        }))
    }

    fn entry(&self, wanted: u32) -> Option<Entry> {
        let found = self
            .entries
            .chunks_exact(ENTRY)
            .find(|entry| number(entry, 0) == Some(wanted))?;
        Some(Entry {
            kind: number(found, 4)?,
            offset: number(found, 8)? as usize,
            count: number(found, 12)? as usize,
        })
    }

    /// The zero-terminated text at an offset of the data, with the offset behind it.
    fn text_at(&self, offset: usize) -> io::Result<Found<(&'a [u8], usize)>> {
        if offset >= self.length {
            return Err(damaged("has a tag behind its data".to_owned()));
        }
        let rest = self.data.get(offset..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == 0) {
            Some(end) => Ok(Found::Value((
                rest.get(..end).unwrap_or_default(),
                offset + end + 1,
            ))),
            None if self.data.len() < self.length => Ok(Found::Beyond),
            None => Err(damaged("has a text without an end".to_owned())),
        }
    }

    /// The text of a tag; the first where it has several.
    pub(crate) fn text(&self, wanted: u32) -> io::Result<Found<&'a [u8]>> {
        match self.entry(wanted) {
            Some(entry) if [STRING, STRINGS, I18N].contains(&entry.kind) && entry.count > 0 => {
                Ok(match self.text_at(entry.offset)? {
                    Found::Value((text, _)) => Found::Value(text),
                    Found::Nothing => Found::Nothing,
                    Found::Beyond => Found::Beyond,
                })
            }
            Some(entry) => Err(damaged(format!("has a tag {wanted} of type {}", entry.kind))),
            None => Ok(Found::Nothing),
        }
    }

    /// At most `limit` texts of a tag of a header that is all there.
    pub(crate) fn texts(&self, wanted: u32, limit: usize) -> io::Result<Vec<&'a [u8]>> {
        let Some(entry) = self
            .entry(wanted)
            .filter(|entry| [STRINGS, I18N].contains(&entry.kind))
        else {
            return Ok(Vec::new());
        };
        let (mut texts, mut at) = (Vec::new(), entry.offset);
        for _ in 0..entry.count.min(limit) {
            let Found::Value((text, next)) = self.text_at(at)? else {
                return Err(damaged("has fewer texts than it says".to_owned()));
            };
            texts.push(text);
            at = next;
        }
        Ok(texts)
    }

    /// The number of a tag; the first where it has several.
    pub(crate) fn number(&self, wanted: u32) -> io::Result<Found<u64>> {
        let Some(entry) = self.entry(wanted) else {
            return Ok(Found::Nothing);
        };
        let width = match entry.kind {
            INT32 => 4,
            INT64 => 8,
            kind => return Err(damaged(format!("has a tag {wanted} of type {kind}"))),
        };
        let end = entry.offset.checked_add(width).filter(|end| *end <= self.length);
        let end = end.ok_or_else(|| damaged("has a tag behind its data".to_owned()))?;
        let Some(bytes) = self.data.get(entry.offset..end) else {
            return Ok(Found::Beyond);
        };
        Ok(Found::Value(
            bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)),
        ))
    }

    /// At most `limit` numbers of four bytes of a tag of a header that is all there.
    pub(crate) fn numbers(&self, wanted: u32, limit: usize) -> Vec<u32> {
        let Some(entry) = self.entry(wanted).filter(|entry| entry.kind == INT32) else {
            return Vec::new();
        };
        let data = self.data.get(entry.offset..).unwrap_or_default();
        data.chunks_exact(4)
            .take(entry.count.min(limit))
            .filter_map(|bytes| number(bytes, 0))
            .collect()
    }

    /// Where in the whole header the data of a tag begins.
    pub(crate) fn place(&self, wanted: u32) -> Option<usize> {
        let entry = self.entry(wanted).filter(|entry| entry.offset < self.length)?;
        Some(self.start + entry.offset)
    }
}
