// SPDX-License-Identifier: GPL-3.0-or-later
//! `rpmdb.sqlite`: tables of an SQLite database, read without SQLite.
//!
//! SQLite would want to lock, to write beside the file, and to be given a path; here a file that cannot change is read
//! from a descriptor, only as far as it is needed. Only what rpm's database uses is understood: tables with a row number,
//! without the pointer maps of incremental vacuum's freed pages being of interest. What was committed to a write-ahead
//! log and not yet copied back counts (SQLite, "Database File Format", sections 1.6, 2 and 4).

use super::Blob;
use super::header::LENGTH;
use crate::packages::damaged;
use crate::packages::reader::Bytes;
use std::collections::HashMap;
use std::io;

const MAGIC: &[u8] = b"SQLite format 3\0";
/// Before the first page's own tree.
const INTRO: usize = 100;
/// A tree of more levels cannot be filled by any file.
const DEPTH: usize = 20;
/// A row of an index, and the text of a table's definition, are shorter.
const SHORT: usize = 64 * 1024;
/// A log that is longer is not looked at: SQLite copies it back at 4 MiB.
const LOG_LENGTH: u64 = 1024 * 1024 * 1024;

/// A database.
#[derive(Debug)]
pub(crate) struct Database<'a> {
    file: &'a dyn Bytes,
    log: Option<&'a dyn Bytes>,
    /// Where in the log the newest committed version of a page is.
    logged: HashMap<u32, u64>,
    page: usize,
    usable: usize,
    pages: u32,
}

/// One row of a table.
#[derive(Debug)]
struct Row {
    key: i64,
    length: usize,
    local: Vec<u8>,
    overflow: u32,
}

fn big(bytes: &[u8], at: usize, width: usize) -> io::Result<u32> {
    let bytes = bytes.get(at..at + width);
    let bytes = bytes.ok_or_else(|| damaged("has a page that is too short".to_owned()))?;
    Ok(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

/// A number of one to nine bytes at a place, with the place behind it.
fn varint(bytes: &[u8], mut at: usize) -> io::Result<(i64, usize)> {
    let mut value = 0_u64;
    for index in 0..9 {
        let byte = *bytes
            .get(at)
            .ok_or_else(|| damaged("has a number without an end".to_owned()))?;
        at += 1;
        if index == 8 {
            value = value << 8 | u64::from(byte);
        } else {
            value = value << 7 | u64::from(byte & 0x7f);
            if byte < 0x80 {
                break;
            }
        }
    }
    Ok((value.cast_signed(), at))
}

fn length(value: i64, limit: usize) -> io::Result<usize> {
    let value = usize::try_from(value).ok().filter(|value| *value <= limit);
    value.ok_or_else(|| damaged("has a row that is too long".to_owned()))
}

impl<'a> Database<'a> {
    /// Opens a database, with its write-ahead log where it has one.
    pub(crate) fn open(file: &'a dyn Bytes, log: Option<&'a dyn Bytes>) -> io::Result<Self> {
        let mut intro = [0; INTRO];
        if file.read_at(&mut intro, 0)? < INTRO || !intro.starts_with(MAGIC) {
            return Err(damaged("is no SQLite database".to_owned()));
        }
        let page = match big(&intro, 16, 2)? {
            1 => 65536,
            size => size as usize,
        };
        if !page.is_power_of_two() || page < 512 {
            return Err(damaged(format!("has pages of {page} bytes")));
        }
        let usable = page - usize::from(intro[20]);
        if usable < 480 {
            return Err(damaged("has pages without room".to_owned()));
        }
        let pages = u32::try_from(file.length()? / page as u64).unwrap_or(u32::MAX);
        let mut this = Self {
            file,
            log: None,
            logged: HashMap::new(),
            page,
            usable,
            pages,
        };
        if let Some(log) = log {
            this.read_log(log)?;
        }
        Ok(this)
    }

    /// Finds the pages that were committed to the log. It ends at the first frame that was not written whole.
    fn read_log(&mut self, log: &'a dyn Bytes) -> io::Result<()> {
        let mut intro = [0; 32];
        let size = log.length()?;
        if log.read_at(&mut intro, 0)? < intro.len() || size > LOG_LENGTH {
            return Ok(());
        }
        let little = match big(&intro, 0, 4)? {
            0x377f_0682 => true,
            0x377f_0683 => false,
            _ => return Ok(()),
        };
        if big(&intro, 8, 4)? as usize != self.page {
            return Ok(());
        }
        let mut sum = checksum(intro.get(..24).unwrap_or_default(), (0, 0), little);
        if sum != (big(&intro, 24, 4)?, big(&intro, 28, 4)?) {
            return Ok(());
        }
        let mut open = Vec::new();
        let mut frame = vec![0; 24 + self.page];
        let mut at = intro.len() as u64;
        while log.read_at(&mut frame, at)? == frame.len() && frame.get(8..16) == intro.get(16..24) {
            sum = checksum(frame.get(..8).unwrap_or_default(), sum, little);
            sum = checksum(frame.get(24..).unwrap_or_default(), sum, little);
            if sum != (big(&frame, 16, 4)?, big(&frame, 20, 4)?) {
                break;
            }
            open.push((big(&frame, 0, 4)?, at + 24));
            // A frame that ends a transaction says how long the database is then.
            let pages = big(&frame, 4, 4)?;
            if pages > 0 {
                self.logged.extend(open.drain(..));
                self.pages = pages;
            }
            at += frame.len() as u64;
        }
        self.log = Some(log);
        Ok(())
    }

    fn read_page<'b>(&self, number: u32, page: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        if number == 0 || number > self.pages {
            return Err(damaged(format!("refers to page {number} of {}", self.pages)));
        }
        page.resize(self.page, 0);
        let length = match (self.log, self.logged.get(&number)) {
            (Some(log), Some(at)) => log.read_at(page, *at)?,
            _ => self
                .file
                .read_at(page, u64::from(number - 1) * self.page as u64)?,
        };
        if length < self.page {
            return Err(damaged("ends in the middle of a page".to_owned()));
        }
        Ok(page)
    }

    /// Hands out the rows of the table whose tree begins at a page.
    fn rows(&self, root: u32, take: &mut dyn FnMut(Row) -> io::Result<()>) -> io::Result<()> {
        // Every page of a tree is seen once: more looks than pages means that they lead back to themselves.
        let mut looks = 0_u32;
        let mut stack = vec![(root, 0)];
        let mut buffer = Vec::new();
        while let Some((number, depth)) = stack.pop() {
            looks += 1;
            let waiting = u32::try_from(stack.len()).unwrap_or(u32::MAX);
            if looks.saturating_add(waiting) > self.pages || depth > DEPTH {
                return Err(damaged("has a table that leads back to itself".to_owned()));
            }
            let page = self.read_page(number, &mut buffer)?;
            let start = if number == 1 { INTRO } else { 0 };
            let kind = big(page, start, 1)?;
            let cells = big(page, start + 3, 2)? as usize;
            let pointers = match kind {
                0x05 => start + 12,
                0x0d => start + 8,
                _ => return Err(damaged(format!("has a page of kind {kind} in a table"))),
            };
            if kind == 0x0d {
                // Rows that lie over each other would be many times as much as the file.
                let mut room = self.page;
                for cell in 0..cells {
                    let at = big(page, pointers + cell * 2, 2)? as usize;
                    let row = self.row(page, at)?;
                    let left = room.checked_sub(row.local.len());
                    room = left.ok_or_else(|| damaged("has rows that overlap".to_owned()))?;
                    take(row)?;
                }
                continue;
            }
            // From the right, so that the leftmost is on top.
            stack.push((big(page, start + 8, 4)?, depth + 1));
            for cell in (0..cells).rev() {
                let at = big(page, pointers + cell * 2, 2)? as usize;
                stack.push((big(page, at, 4)?, depth + 1));
            }
        }
        Ok(())
    }

    fn row(&self, page: &[u8], at: usize) -> io::Result<Row> {
        let (size, at) = varint(page, at)?;
        let (key, at) = varint(page, at)?;
        let total = length(size, LENGTH + SHORT)?;
        let most = self.usable - 35;
        let local = if total <= most {
            total
        } else {
            let least = (self.usable - 12) * 32 / 255 - 23;
            let wished = least + (total - least) % (self.usable - 4);
            if wished <= most { wished } else { least }
        };
        let bytes = page.get(at..at + local);
        let bytes = bytes.ok_or_else(|| damaged("has a row outside of its page".to_owned()))?;
        let overflow = if local < total {
            big(page, at + local, 4)?
        } else {
            0
        };
        Ok(Row {
            key,
            length: total,
            local: bytes.to_vec(),
            overflow,
        })
    }

    /// The row's bytes as far as `end`.
    fn fill(&self, row: &Row, end: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.clear();
        bytes.extend_from_slice(row.local.get(..end).unwrap_or(&row.local));
        let (mut next, mut buffer) = (row.overflow, Vec::new());
        let end = end.min(row.length);
        while bytes.len() < end {
            // Ends although the pages may lead in a circle: each adds some bytes.
            let page = self.read_page(next, &mut buffer)?;
            next = big(page, 0, 4)?;
            let wanted = (end - bytes.len()).min(self.usable - 4);
            bytes.extend_from_slice(page.get(4..4 + wanted).unwrap_or_default());
        }
        Ok(())
    }

    /// Where the tree of a table begins.
    fn table(&self, wanted: &str) -> io::Result<Option<u32>> {
        let (mut root, mut bytes) = (None, Vec::new());
        self.rows(1, &mut |row| {
            self.fill(&row, SHORT, &mut bytes)?;
            let columns = columns(&bytes)?;
            let column = |index: usize| columns.get(index).and_then(|column| column.value(&bytes));
            if column(0) == Some(b"table") && column(1) == Some(wanted.as_bytes()) {
                root = columns.get(3).map(|column| column.number(&bytes));
            }
            Ok(())
        })?;
        Ok(root.and_then(|root| u32::try_from(root).ok()))
    }

    /// The headers of all packages, by row number.
    pub(crate) fn blobs(&self) -> io::Result<Vec<(i64, Blob<'_>)>> {
        let root = self.table("Packages")?;
        let root = root.ok_or_else(|| damaged("has no table of packages".to_owned()))?;
        let mut blobs = Vec::new();
        self.rows(root, &mut |row| {
            // The row number stands for the first column; the header is the second and the last.
            let start = columns_end(&row.local)?;
            let total = row.length.checked_sub(start).filter(|total| *total <= LENGTH);
            let total = total.ok_or_else(|| damaged("has a package without a header".to_owned()))?;
            let key = row.key;
            let fill = move |end: usize, bytes: &mut Vec<u8>| {
                self.fill(&row, start + end, bytes)?;
                bytes.drain(..start.min(bytes.len()));
                Ok(())
            };
            blobs.push((key, Blob::made(total, Box::new(fill))));
            Ok(())
        })?;
        Ok(blobs)
    }

    /// An index: each row's text, by the row number of its package. Empty where there is no such index.
    pub(crate) fn index(&self, name: &str) -> io::Result<HashMap<i64, String>> {
        let mut found = HashMap::new();
        let Some(root) = self.table(name)? else {
            return Ok(found);
        };
        let mut bytes = Vec::new();
        self.rows(root, &mut |row| {
            self.fill(&row, SHORT, &mut bytes)?;
            let columns = columns(&bytes)?;
            let (Some(text), Some(package)) = (columns.first(), columns.get(1)) else {
                return Ok(());
            };
            let text = text.value(&bytes).unwrap_or_default();
            found.insert(package.number(&bytes), String::from_utf8_lossy(text).into_owned());
            Ok(())
        })?;
        Ok(found)
    }
}

/// Where a column of a row lies, and of which type it is (section 2.1, "Record Format").
#[derive(Debug, Clone, Copy)]
struct Column {
    kind: i64,
    at: usize,
    length: usize,
}

impl Column {
    fn value(self, row: &[u8]) -> Option<&[u8]> {
        row.get(self.at..self.at.checked_add(self.length)?)
    }

    fn number(self, row: &[u8]) -> i64 {
        match self.kind {
            9 => 1,
            1..=6 => {
                let bytes = self.value(row).unwrap_or_default();
                let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
                let start = if negative { -1 } else { 0 };
                bytes
                    .iter()
                    .fold(start, |value: i64, byte| value << 8 | i64::from(*byte))
            }
            _ => 0,
        }
    }
}

/// Where the columns of a row begin.
fn columns_end(row: &[u8]) -> io::Result<usize> {
    let (end, _) = varint(row, 0)?;
    length(end, SHORT)
}

fn columns(row: &[u8]) -> io::Result<Vec<Column>> {
    let (end, mut place) = varint(row, 0)?;
    let (end, mut columns) = (length(end, SHORT)?, Vec::new());
    let mut at = end;
    while place < end {
        let (kind, next) = varint(row, place)?;
        place = next;
        let size = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            12.. => (kind - 12) / 2,
            _ => return Err(damaged(format!("has a column of type {kind}"))),
        };
        let size = length(size, LENGTH)?;
        columns.push(Column {
            kind,
            at,
            length: size,
        });
        at += size;
    }
    Ok(columns)
}

/// The log's own checksum (section 4.2).
fn checksum(bytes: &[u8], (mut a, mut b): (u32, u32), little: bool) -> (u32, u32) {
    let word = |bytes: &[u8]| {
        let bytes = bytes.try_into().unwrap_or_default();
        if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        }
    };
    for pair in bytes.chunks_exact(8) {
        let (one, two) = pair.split_at(4);
        a = a.wrapping_add(word(one)).wrapping_add(b);
        b = b.wrapping_add(word(two)).wrapping_add(a);
    }
    (a, b)
}
