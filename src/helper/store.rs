// SPDX-License-Identifier: GPL-3.0-or-later
//! What the helper remembers over its restarts: the jobs, and their logs.
//!
//! `history.jsonl` gets a line when a job begins and one when it ends; a job with no second line was cut short. A torn
//! last line is left out. Both the file and the number of logs are bounded. What cannot be written is logged and kept in
//! memory: a full disk must not stop the job that is to free it.

use crate::log::{BYTES, Ring};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many jobs are remembered.
const KEEP: usize = 200;
/// The file is written anew when it has so many lines.
const LINES: usize = 3 * KEEP;
/// No file of ours is longer; what is, is not ours.
const LIMIT: u64 = 16 * 1024 * 1024;

/// A job as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What would have started next when it began.
    pub(crate) default: u32,
    /// The job.
    pub(crate) job: wire::Job,
}

impl Record {
    fn is_over(&self) -> bool {
        !self.job.outcome.ending.is_empty()
    }
}

#[derive(Debug, Default)]
struct Books {
    records: BTreeMap<u32, Record>,
    last: u32,
    lines: usize,
}

/// The state directory.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    books: Mutex<Books>,
}

impl Store {
    /// Reads the directory, which is made when it is missing.
    pub(crate) fn open(dir: &Path) -> Self {
        let store = Self {
            dir: dir.to_owned(),
            books: Mutex::default(),
        };
        if let Err(error) = fs::create_dir_all(dir.join("logs")) {
            tracing::error!(%error, dir = %dir.display(), "the state directory cannot be made");
        }
        let (records, whole) = match store.read() {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (BTreeMap::new(), true),
            Err(error) => {
                tracing::error!(%error, "the history cannot be read");
                (BTreeMap::new(), false)
            }
        };
        let mut books = store.books();
        books.last = records.keys().next_back().copied().unwrap_or(0);
        books.lines = records.len() * 2;
        books.records = records;
        let is_long = books.records.len() > KEEP;
        while books.records.len() > KEEP {
            books.records.pop_first();
        }
        if !whole || is_long {
            store.rewrite(&mut books);
        }
        drop(books);
        store
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self) -> PathBuf {
        self.dir.join("history.jsonl")
    }

    /// The records, and whether every line of the file was one.
    fn read(&self) -> io::Result<(BTreeMap<u32, Record>, bool)> {
        let mut text = Vec::new();
        File::open(self.file())?.take(LIMIT).read_to_end(&mut text)?;
        let mut whole = text.is_empty() || text.ends_with(b"\n");
        let mut records = BTreeMap::new();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<Record>(line) {
                Ok(record) => drop(records.insert(record.job.id, record)),
                Err(error) => {
                    tracing::warn!(%error, "a line of the history is damaged");
                    whole = false;
                }
            }
        }
        Ok((records, whole))
    }

    /// The number of a new job.
    pub(crate) fn next_id(&self) -> u32 {
        let mut books = self.books();
        books.last = books.last.checked_add(1).unwrap_or(1);
        books.last
    }

    /// Remembers a job that begins or ends.
    pub(crate) fn put(&self, record: Record) {
        let mut books = self.books();
        if let Err(error) = self.append(&record) {
            tracing::error!(%error, "the history cannot be written");
        }
        books.lines += 1;
        books.records.insert(record.job.id, record);
        while books.records.len() > KEEP {
            let Some((id, _)) = books.records.pop_first() else {
                break;
            };
            // Most jobs have no log.
            let _ = fs::remove_file(self.log_file(id));
        }
        if books.lines > LINES {
            self.rewrite(&mut books);
        }
    }

    fn append(&self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().append(true).create(true).open(self.file())?;
        file.write_all(&line)?;
        file.sync_data()
    }

    fn rewrite(&self, books: &mut Books) {
        let write = |file: &mut File| {
            let mut text = Vec::new();
            for record in books.records.values() {
                serde_json::to_writer(&mut text, record)?;
                text.push(b'\n');
            }
            file.write_all(&text)
        };
        match replace(&self.file(), write) {
            Ok(()) => books.lines = books.records.len(),
            Err(error) => tracing::error!(%error, "the history cannot be written anew"),
        }
    }

    /// Jobs that are over, newest first.
    pub(crate) fn past(&self, limit: usize) -> Vec<Record> {
        let books = self.books();
        let past = books.records.values().rev().filter(|record| record.is_over());
        past.take(limit).cloned().collect()
    }

    /// Jobs that began but have no end: cut short, when nothing runs.
    pub(crate) fn unfinished(&self) -> Vec<Record> {
        let books = self.books();
        books
            .records
            .values()
            .filter(|record| !record.is_over())
            .cloned()
            .collect()
    }

    fn log_file(&self, id: u32) -> PathBuf {
        self.dir.join("logs").join(format!("{id}.log"))
    }

    /// The writer of a job's log.
    pub(crate) fn log_writer(&self, id: u32) -> LogWriter {
        LogWriter {
            path: self.log_file(id),
            file: None,
            written: 0,
            bytes: 0,
        }
    }

    /// A bounded piece of a past job's log. `None` for a job that nobody remembers.
    pub(crate) fn read_log(&self, id: u32, from: u64) -> Option<(u64, Vec<String>)> {
        if !self.books().records.contains_key(&id) {
            return None;
        }
        match read_ring(&self.log_file(id)) {
            Ok(ring) => Some(ring.piece(from)),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, id, "a log cannot be read");
                }
                Some((from, Vec::new()))
            }
        }
    }
}

/// The first line of the file is the number of its second.
fn read_ring(path: &Path) -> io::Result<Ring> {
    let mut lines = BufReader::new(File::open(path)?.take(LIMIT)).split(b'\n');
    let first = lines.next().transpose()?.unwrap_or_default();
    let first = std::str::from_utf8(&first)
        .ok()
        .and_then(|first| first.parse().ok());
    let mut ring = Ring::starting_at(first.unwrap_or(0));
    for line in lines {
        ring.push(&String::from_utf8_lossy(&line?));
    }
    Ok(ring)
}

/// Writes a file whole or not at all.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    write(&mut file)?;
    file.sync_data()?;
    fs::rename(&new, path)
}

/// Appends what a running job says, so that the log outlives the helper.
#[derive(Debug)]
pub(crate) struct LogWriter {
    path: PathBuf,
    file: Option<File>,
    written: u64,
    bytes: usize,
}

impl LogWriter {
    /// From which line number on it has something to write.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Writes these lines, the first of which has this number.
    pub(crate) fn write(&mut self, first: u64, lines: &[String]) -> io::Result<()> {
        let mut text = String::new();
        // A gap, and a file that has grown too long, begin anew with what is left.
        if self.file.is_none() || first != self.written || self.bytes > 2 * BYTES {
            self.file = Some(File::create(&self.path)?);
            self.bytes = 0;
            text = format!("{first}\n");
        }
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        self.bytes += text.len();
        self.written = first + lines.len() as u64;
        match &mut self.file {
            Some(file) => file.write_all(text.as_bytes()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
