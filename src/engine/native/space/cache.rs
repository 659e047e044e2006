// SPDX-License-Identifier: GPL-3.0-or-later
//! The books in a file, so that a restart of the helper reads no tree that it has read before.
//!
//! One file a filesystem, named after its identity. It begins with the version of its form; another version, a file that
//! is cut, too long or damaged is no cache, and everything is read anew. All numbers are little-endian:
//!
//! ```text
//! magic[16] filesystem[16]
//! u32 trees,     each: u8 present, and if so u64 id, uuid[16], u64 as_of base fork fresh kept tree_bytes
//! u32 sets,      each: u32 words, u64 word…
//! u64 extents,   each: u64 start, u32 size in 512 bytes, u32 set, of which the highest bit says "several files"
//! u32 strangers, each: u64 id, uuid[16], u64 as_of, u64 starts, u64 start…
//! u64 sum of everything before (FNV-1a of the words)
//! ```

use super::books::{Books, Stranger, Tree};
use super::ledger::{Ledger, Trees};
use crate::native::btrfs::Extent;
use model::Uuid;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 16] = b"kedge space 1\n\0\0";
/// No cache of ours is longer: four million extents, and as many of strangers.
const LIMIT: u64 = 256 << 20;
/// Subvolumes of one filesystem; more are not kept.
const TREES: u32 = 100_000;
const UNIT: u64 = 512;
const SHARED: u32 = 1 << 31;

fn file(directory: &Path, filesystem: &[u8; 16]) -> PathBuf {
    directory.join(format!("space-{}", Uuid(*filesystem)))
}

/// FNV-1a over words of eight bytes: finds what was torn or turned, not what was forged, for only root can write there.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words.iter().chain((!rest.is_empty()).then_some(&last));
    words.fold(0xcbf2_9ce4_8422_2325, |sum, word| {
        let word = u64::from_le_bytes(*word);
        (sum ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
    })
}

#[derive(Default)]
struct Output(Vec<u8>);

impl Output {
    fn word(&mut self, word: u64) {
        self.0.extend_from_slice(&word.to_le_bytes());
    }

    fn half(&mut self, half: usize) {
        let half = u32::try_from(half).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&half.to_le_bytes());
    }
}

/// The bytes of a cache.
fn written(filesystem: &[u8; 16], books: &Books) -> Vec<u8> {
    let mut out = Output(Vec::with_capacity(4096 + 16 * books.ledger.len()));
    out.0.extend_from_slice(MAGIC);
    out.0.extend_from_slice(filesystem);
    out.half(books.trees.len());
    for tree in &books.trees {
        out.0.push(u8::from(tree.is_some()));
        if let Some(tree) = tree {
            out.word(tree.id);
            out.0.extend_from_slice(&tree.uuid.0);
            let numbers = [
                tree.as_of,
                tree.base,
                tree.fork,
                tree.fresh,
                tree.kept,
                tree.tree_bytes,
            ];
            numbers.into_iter().for_each(|number| out.word(number));
        }
    }
    out.half(books.ledger.all_sets().len());
    for set in books.ledger.all_sets() {
        out.half(set.words().len());
        set.words().iter().for_each(|word| out.word(*word));
    }
    out.word(books.ledger.entries().count() as u64);
    for (extent, set, is_shared) in books.ledger.entries() {
        out.word(extent.start);
        out.half(usize::try_from(extent.size / UNIT).unwrap_or(usize::MAX));
        let flag = if is_shared { SHARED } else { 0 };
        out.0.extend_from_slice(&(set & !SHARED | flag).to_le_bytes());
    }
    out.half(books.strangers.len());
    for (id, stranger) in &books.strangers {
        out.word(*id);
        out.0.extend_from_slice(&stranger.uuid.0);
        out.word(stranger.as_of);
        out.word(stranger.starts.len() as u64);
        stranger.starts.iter().for_each(|start| out.word(*start));
    }
    let sum = sum(&out.0);
    out.word(sum);
    out.0
}

/// Bytes that are taken from the front and never past the end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn word(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn half(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    /// A number of things of at least so many bytes each: never more than there is room for.
    fn count(&mut self, count: u64, each: usize) -> Option<usize> {
        let count = usize::try_from(count).ok()?;
        (count.checked_mul(each)? <= self.0.len()).then_some(count)
    }

    fn tree(&mut self) -> Option<Option<Tree>> {
        match self.bytes::<1>()? {
            [0] => Some(None),
            [1] => Some(Some(Tree {
                id: self.word()?,
                uuid: Uuid(self.bytes()?),
                as_of: self.word()?,
                base: self.word()?,
                fork: self.word()?,
                fresh: self.word()?,
                kept: self.word()?,
                tree_bytes: self.word()?,
            })),
            _ => None,
        }
    }

    fn trees(&mut self) -> Option<Vec<Option<Tree>>> {
        let count = self.half().filter(|count| *count <= TREES)?;
        let count = self.count(count.into(), 1)?;
        let trees: Vec<Option<Tree>> = (0..count).map(|_| self.tree()).collect::<Option<_>>()?;
        let mut ids = HashSet::new();
        let is_once = trees.iter().flatten().all(|tree| ids.insert(tree.id));
        is_once.then_some(trees)
    }

    /// The sets, without places where there is no tree: those of strangers are found anew.
    fn sets(&mut self, trees: &[Option<Tree>]) -> Option<Vec<Trees>> {
        let mut present = Trees::default();
        for (place, _) in trees.iter().enumerate().filter(|(_, tree)| tree.is_some()) {
            present.insert(place);
        }
        let count = self.half()?;
        let count = self.count(count.into(), 4)?;
        let mut sets = Vec::with_capacity(count);
        for _ in 0..count {
            let words = self.half()?;
            let words = self.count(words.into(), 8)?;
            let words: Vec<u64> = (0..words).map(|_| self.word()).collect::<Option<_>>()?;
            let masks = present.words().iter().copied().chain(std::iter::repeat(0));
            let masked = words.iter().zip(masks).map(|(word, mask)| word & mask);
            sets.push(Trees::from_words(masked.collect()));
        }
        Some(sets)
    }

    fn ledger(&mut self, sets: Vec<Trees>) -> Option<Ledger> {
        let count = self.word()?;
        let count = self.count(count, 16)?;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let start = self.word()?;
            let size = u64::from(self.half()?) * UNIT;
            let set = self.half()?;
            let (set, is_shared) = (set & !SHARED, set & SHARED != 0);
            if !sets.get(set as usize)?.is_empty() {
                entries.push((Extent { start, size }, set, is_shared));
            }
        }
        Ledger::from_parts(sets, entries.into_iter())
    }

    fn strangers(&mut self) -> Option<BTreeMap<u64, Stranger>> {
        let count = self.half()?;
        let count = self.count(count.into(), 40)?;
        let mut strangers = BTreeMap::new();
        for _ in 0..count {
            let (id, uuid, as_of) = (self.word()?, Uuid(self.bytes()?), self.word()?);
            let starts = self.word()?;
            let starts = self.count(starts, 8)?;
            let starts: Vec<u64> = (0..starts).map(|_| self.word()).collect::<Option<_>>()?;
            strangers.insert(id, Stranger { uuid, as_of, starts });
        }
        Some(strangers)
    }
}

/// The books that the bytes of a cache hold; `None` when they are not those of a cache of this filesystem.
fn read(bytes: &[u8], filesystem: &[u8; 16]) -> Option<Books> {
    let (bytes, end) = bytes.split_last_chunk()?;
    if u64::from_le_bytes(*end) != sum(bytes) {
        return None;
    }
    parsed(bytes, filesystem)
}

fn parsed(bytes: &[u8], filesystem: &[u8; 16]) -> Option<Books> {
    let mut input = Input(bytes);
    if input.bytes()? != *MAGIC || input.bytes()? != *filesystem {
        return None;
    }
    let trees = input.trees()?;
    let sets = input.sets(&trees)?;
    let ledger = input.ledger(sets)?;
    let strangers = input.strangers()?;
    input.0.is_empty().then(|| Books::new(trees, ledger, strangers))
}

/// Reads the cache of a filesystem; `None` when there is none.
pub(super) fn load(directory: &Path, filesystem: &[u8; 16]) -> Option<Books> {
    let path = file(directory, filesystem);
    let mut bytes = Vec::new();
    let mut read_all = || -> io::Result<()> {
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&path)?;
        file.take(LIMIT + 1).read_to_end(&mut bytes).map(drop)
    };
    match read_all() {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(%error, "the cache of what snapshots use cannot be read");
            return None;
        }
    }
    let books = (bytes.len() as u64 <= LIMIT)
        .then(|| read(&bytes, filesystem))
        .flatten();
    if books.is_none() {
        tracing::info!("the cache of what snapshots use is not one of this version, or damaged");
    }
    books
}

/// Writes the cache of a filesystem: whole or not at all, and readable by root only, for it tells who has the same files.
pub(super) fn save(directory: &Path, filesystem: &[u8; 16], books: &Books) -> io::Result<()> {
    let bytes = written(filesystem, books);
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other("it would be too long"));
    }
    fs::create_dir_all(directory)?;
    let path = file(directory, filesystem);
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file: File = options.write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(&bytes)?;
    file.sync_data()?;
    fs::rename(&new, &path)
}

/// Reads bytes that nobody vouches for as what follows a cache's first line, whatever their sum, and what comes of them
/// again.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_cache(bytes: &[u8]) {
    let filesystem = [0; 16];
    let bytes = &[&MAGIC[..], &filesystem, bytes].concat();
    if let Some(books) = parsed(bytes, &filesystem) {
        assert!(books.ledger.len() <= bytes.len() / 16 && books.trees.len() <= bytes.len());
        let again = read(&written(&filesystem, &books), &filesystem).expect("what was written can be read");
        assert_eq!(again.ledger.len(), books.ledger.len());
        assert_eq!((again.trees, again.strangers), (books.trees, books.strangers));
    }
}

#[cfg(test)]
mod tests;
