// SPDX-License-Identifier: GPL-3.0-or-later
//! `info.xml`, the books of one snapshot, as snapper reads and writes them.
//!
//! A file is read leniently where snapper is lenient and refused where snapper would not load it. It is taken as
//! hostile: it may be at most [`LIMIT`] bytes, document types are refused, and no entity but the five of XML is known,
//! so nothing expands. Elements that snapper's next version may add are kept, byte for byte, when the books change.

use super::date;
use model::{Cleanup, SnapshotId, SnapshotKind, Timestamp};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// No info.xml may be larger than this, in bytes. Snapper has no limit; its files have a few hundred bytes.
pub(crate) const LIMIT: usize = 64 << 10;

/// What info.xml says about a snapshot, besides its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// Single, pre or post.
    pub kind: SnapshotKind,
    /// For a post snapshot, the number of its pre snapshot.
    pub pre: Option<SnapshotId>,
    /// When it was made; whole seconds are kept.
    pub time: Timestamp,
    /// The user who asked for it.
    pub uid: u32,
    /// Words about it.
    pub description: String,
    /// Which cleanup algorithm may remove it.
    pub cleanup: Cleanup,
    /// Free keys and values.
    pub userdata: BTreeMap<String, String>,
}

/// A whole info.xml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The number of the snapshot; snapper loads the file only when it is that of the directory.
    pub id: SnapshotId,
    /// What it says about it.
    pub books: Books,
    /// Elements this version does not know, as they were found.
    pub unknown: Vec<String>,
}

/// What is wrong with an info.xml.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InfoError {
    /// It is larger than 64 KiB.
    #[error("it is larger than 64 KiB")]
    TooLarge,
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// It is not well-formed, or has parts that no info.xml has.
    #[error("{0}")]
    Malformed(String),
    /// An element that must be there is not, or does not hold what it should.
    #[error("<{0}> is missing or wrong")]
    Value(&'static str),
}

fn malformed(what: impl Into<String>) -> InfoError {
    InfoError::Malformed(what.into())
}

/// Whether XML 1.0 can hold this character, even as a numeric reference.
fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

struct Parser<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Result<Event<'a>, InfoError> {
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => Err(malformed("a document type is not accepted")),
            Ok(Event::Eof) => Err(malformed("it ends too early")),
            Ok(event) => Ok(event),
            Err(error) => Err(malformed(error.to_string())),
        }
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// The text up to the end of the element that has just begun.
    fn value(&mut self) -> Result<String, InfoError> {
        let mut value = String::new();
        loop {
            match self.next()? {
                Event::Text(text) => value.push_str(&text.xml10_content()),
                Event::CData(text) => value.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => Some(character),
                        Ok(None) => match reference.as_ref() {
                            "amp" => Some('&'),
                            "lt" => Some('<'),
                            "gt" => Some('>'),
                            "quot" => Some('"'),
                            "apos" => Some('\''),
                            _ => None,
                        },
                        Err(_) => None,
                    };
                    value.push(character.ok_or_else(|| malformed("an unknown entity"))?);
                }
                Event::End(_) => break,
                Event::Start(_) | Event::Empty(_) => return Err(malformed("an element inside a value")),
                _ => {}
            }
        }
        if value.chars().all(is_legal) {
            Ok(value)
        } else {
            Err(malformed("a character that XML does not have"))
        }
    }

    /// The raw text of an element this version does not know, from its start tag at `from` to its end tag.
    fn unknown(&mut self, from: usize, start: &BytesStart<'_>) -> Result<String, InfoError> {
        self.reader
            .read_to_end(start.name())
            .map_err(|error| malformed(error.to_string()))?;
        Ok(self
            .text
            .get(from..self.position())
            .unwrap_or_default()
            .to_owned())
    }

    /// One `<userdata>`: a key with its value.
    fn pair(&mut self) -> Result<(String, String), InfoError> {
        let (mut key, mut value) = (None, None);
        loop {
            match self.next()? {
                Event::Start(start) => {
                    let text = self.value()?;
                    match start.name().as_ref() {
                        "key" => key.get_or_insert(text),
                        "value" => value.get_or_insert(text),
                        _ => continue,
                    };
                }
                Event::End(_) => return Ok((key.unwrap_or_default(), value.unwrap_or_default())),
                _ => {}
            }
        }
    }

    /// Skips what may stand before and after the one element of the document.
    fn outside(&mut self, event: &Event<'_>) -> Result<(), InfoError> {
        match event {
            Event::Decl(declaration) => match declaration.encoding() {
                None => Ok(()),
                Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
                Some(_) => Err(InfoError::Encoding),
            },
            Event::Text(text) if text.trim_ascii().is_empty() => Ok(()),
            Event::Comment(_) | Event::PI(_) => Ok(()),
            _ => Err(malformed("something else than one <snapshot>")),
        }
    }

    fn info(&mut self) -> Result<Info, InfoError> {
        loop {
            match self.next()? {
                Event::Start(start) if start.name().as_ref() == "snapshot" => break,
                other => self.outside(&other)?,
            }
        }
        let mut values: BTreeMap<&'static str, String> = BTreeMap::new();
        let (mut userdata, mut unknown) = (BTreeMap::new(), Vec::new());
        loop {
            let from = self.position();
            match self.next()? {
                Event::Start(start) => match start.name().as_ref() {
                    "userdata" => {
                        let (key, value) = self.pair()?;
                        if !key.is_empty() {
                            userdata.insert(key, value);
                        }
                    }
                    name => match KNOWN.iter().find(|known| **known == name) {
                        Some(known) => {
                            let value = self.value()?;
                            values.entry(known).or_insert(value);
                        }
                        None => unknown.push(self.unknown(from, &start)?),
                    },
                },
                Event::Empty(start) => {
                    let name = start.name();
                    if name.as_ref() != "userdata" && !KNOWN.contains(&name.as_ref()) {
                        let raw = self.text.get(from..self.position()).unwrap_or_default();
                        unknown.push(raw.to_owned());
                    }
                }
                Event::End(_) => break,
                _ => {}
            }
        }
        loop {
            match self.reader.read_event() {
                Ok(Event::Eof) => break,
                Ok(event) => self.outside(&event)?,
                Err(error) => return Err(malformed(error.to_string())),
            }
        }
        Ok(Info {
            id: number(&values, "num")?
                .filter(|id| *id > 0)
                .map(SnapshotId)
                .ok_or(InfoError::Value("num"))?,
            books: Books {
                kind: values
                    .get("type")
                    .and_then(|kind| SnapshotKind::from_code(kind))
                    .ok_or(InfoError::Value("type"))?,
                pre: number(&values, "pre_num")?.filter(|id| *id > 0).map(SnapshotId),
                time: values
                    .get("date")
                    .and_then(|date| date::parse(date.trim_ascii()))
                    .ok_or(InfoError::Value("date"))?,
                uid: number(&values, "uid")?.unwrap_or(0),
                description: values.remove("description").unwrap_or_default(),
                cleanup: Cleanup(values.remove("cleanup").unwrap_or_default()),
                userdata,
            },
            unknown,
        })
    }
}

const KNOWN: [&str; 7] = ["type", "num", "date", "uid", "pre_num", "description", "cleanup"];

fn number(values: &BTreeMap<&'static str, String>, name: &'static str) -> Result<Option<u32>, InfoError> {
    values
        .get(name)
        .map(|text| text.trim_ascii().parse().map_err(|_| InfoError::Value(name)))
        .transpose()
}

impl Info {
    /// Reads the bytes of an info.xml.
    pub fn parse(bytes: &[u8]) -> Result<Self, InfoError> {
        if bytes.len() > LIMIT {
            return Err(InfoError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| InfoError::Encoding)?;
        let reader = Reader::from_str(text);
        Parser { text, reader }.info()
    }

    /// The bytes snapper would write. Characters that XML does not have become U+FFFD.
    pub fn to_xml(&self) -> String {
        let Self { id, books, unknown } = self;
        let mut xml = String::from("<?xml version=\"1.0\"?>\n<snapshot>\n");
        element(&mut xml, "  ", "type", books.kind.as_str());
        element(&mut xml, "  ", "num", &id.to_string());
        element(&mut xml, "  ", "date", &date::format(books.time));
        if books.uid != 0 {
            element(&mut xml, "  ", "uid", &books.uid.to_string());
        }
        if let Some(pre) = books.pre.filter(|_| books.kind == SnapshotKind::Post) {
            element(&mut xml, "  ", "pre_num", &pre.to_string());
        }
        if !books.description.is_empty() {
            element(&mut xml, "  ", "description", &books.description);
        }
        if !books.cleanup.0.is_empty() {
            element(&mut xml, "  ", "cleanup", &books.cleanup.0);
        }
        for (key, value) in &books.userdata {
            xml.push_str("  <userdata>\n");
            element(&mut xml, "    ", "key", key);
            element(&mut xml, "    ", "value", value);
            xml.push_str("  </userdata>\n");
        }
        for raw in unknown {
            xml.push_str("  ");
            xml.push_str(raw);
            xml.push('\n');
        }
        xml.push_str("</snapshot>\n");
        xml
    }
}

fn element(xml: &mut String, indent: &str, name: &str, value: &str) {
    if value.is_empty() {
        // As libxml2 writes an element without content.
        let _ = writeln!(xml, "{indent}<{name}/>");
        return;
    }
    let _ = write!(xml, "{indent}<{name}>");
    for c in value.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '<' => write!(xml, "&lt;"),
            '>' => write!(xml, "&gt;"),
            '&' => write!(xml, "&amp;"),
            '\r' => write!(xml, "&#xD;"),
            _ if !is_legal(c) => write!(xml, "&#xFFFD;"),
            _ if c.is_ascii() => write!(xml, "{c}"),
            _ => write!(xml, "&#x{:X};", u32::from(c)),
        };
    }
    let _ = writeln!(xml, "</{name}>");
}

#[cfg(test)]
mod tests;
