// SPDX-License-Identifier: GPL-3.0-or-later
//! A disk that remembers every write and every flush, so that a test can cut the power at each point afterwards, and
//! that can be made to fail.
//!
//! The disk is a file of a FUSE filesystem that this process serves; a loop device over it carries the filesystem
//! under test. The kernel sends a write when it leaves the block layer and an fsync(2) for each flush, and requests are
//! served one at a time, so the recording is in the order in which a drive sees them. A loop device knows no forced
//! unit access: the kernel sends a flush after the write instead.
//!
//! What a cut leaves: everything before the last flush, and of what came after it any part, since a drive may keep what
//! it likes in its volatile cache. A write may be torn between pages of 4 KiB, never inside of one.

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyWrite, Request, WriteFlags,
};
use rustix::fs::SeekFrom;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// What tears: the kernel's page, btrfs' sector and the sector of today's drives.
const PAGE: u64 = 4096;
const PAGE_BYTES: usize = 4096;
/// `FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE` (fallocate(2)): what a loop device makes of a discard.
const PUNCH_HOLE: i32 = 3;
/// The one file of the filesystem.
const NAME: &str = "disk";
const FILE: INodeNo = INodeNo(2);
/// Nothing about the file ever changes.
const FOREVER: Duration = Duration::from_secs(1 << 30);

type Pages = HashMap<u64, Arc<[u8]>>;

/// What reached the disk.
#[derive(Debug, Clone)]
pub enum Entry {
    /// Bytes at an offset.
    Write(u64, Arc<[u8]>),
    /// Nothing is kept there any more: offset and length.
    Discard(u64, u64),
    /// Everything before this is safe from now on.
    Flush,
}

#[derive(Debug, Default)]
struct Content {
    base: Arc<Pages>,
    over: Pages,
    log: Option<Vec<Entry>>,
    marks: Vec<(usize, String)>,
    /// After so many more requests everything fails.
    fails_after: Option<u64>,
}

impl Content {
    fn page(&self, number: u64) -> Option<&Arc<[u8]>> {
        self.over.get(&number).or_else(|| self.base.get(&number))
    }

    fn read(&self, offset: u64, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        for (number, at, range) in pieces(offset, size) {
            if let Some(page) = self.page(number) {
                let length = range.len();
                bytes[range].copy_from_slice(&page[at..at + length]);
            }
        }
        bytes
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        for (number, at, range) in pieces(offset, bytes.len()) {
            let part = &bytes[range];
            let page: Arc<[u8]> = if part.len() == PAGE_BYTES {
                part.into()
            } else {
                let mut page = self
                    .page(number)
                    .map_or_else(|| vec![0; PAGE_BYTES], |page| page.to_vec());
                page[at..at + part.len()].copy_from_slice(part);
                page.into()
            };
            self.over.insert(number, page);
        }
    }

    fn discard(&mut self, offset: u64, length: u64) {
        let (first, end) = (offset.div_ceil(PAGE), (offset + length) / PAGE);
        for number in first..end {
            if self.page(number).is_some() {
                self.over.insert(number, vec![0; PAGE_BYTES].into());
            }
        }
    }

    fn record(&mut self, entry: Entry) {
        if let Some(log) = &mut self.log {
            log.push(entry);
        }
    }

    /// Whether the disk still works, one request later.
    fn works(&mut self) -> bool {
        match &mut self.fails_after {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// The pages that a range touches: number, where in the page, and which bytes of the range.
fn pieces(offset: u64, size: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done >= size {
            return None;
        }
        let place = offset + done as u64;
        let at = usize::try_from(place % PAGE).unwrap_or(0);
        let length = (PAGE_BYTES - at).min(size - done);
        let piece = (place / PAGE, at, done..done + length);
        done += length;
        Some(piece)
    })
}

/// The disk.
#[derive(Debug, Clone)]
pub struct Disk {
    size: u64,
    content: Arc<Mutex<Content>>,
}

impl Disk {
    /// A disk with what is in a file.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn load(image: &Path) -> io::Result<Self> {
        let file = File::open(image)?;
        let size = file.metadata()?.len();
        let mut pages = Pages::new();
        let mut place = 0;
        while let Ok(start) = rustix::fs::seek(&file, SeekFrom::Data(place)) {
            let end = rustix::fs::seek(&file, SeekFrom::Hole(start))?;
            let mut offset = start / PAGE * PAGE;
            while offset < end {
                let mut page = vec![0; PAGE_BYTES];
                file.read_exact_at(&mut page, offset)?;
                if page.iter().any(|byte| *byte != 0) {
                    pages.insert(offset / PAGE, page.into());
                }
                offset += PAGE;
            }
            place = end;
        }
        Ok(Self::of(size, Arc::new(pages)))
    }

    /// A disk with what is in several files, one behind the other, as partitions are. Also returns where each begins.
    ///
    /// # Errors
    /// A file could not be read, or is no whole number of pages long.
    pub fn load_all(images: &[&Path]) -> io::Result<(Self, Vec<u64>)> {
        let (mut pages, mut places, mut size) = (Pages::new(), Vec::new(), 0);
        for image in images {
            let part = Self::load(image)?;
            if part.size % PAGE != 0 {
                return Err(io::Error::other("not a whole number of pages"));
            }
            places.push(size);
            let base = Arc::clone(&part.content().base);
            pages.extend(
                base.iter()
                    .map(|(number, page)| (number + size / PAGE, Arc::clone(page))),
            );
            size += part.size;
        }
        Ok((Self::of(size, Arc::new(pages)), places))
    }

    fn of(size: u64, base: Arc<Pages>) -> Self {
        let content = Content {
            base,
            ..Content::default()
        };
        Self {
            size,
            content: Arc::new(Mutex::new(content)),
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to record. What is on the disk now is what the recording starts from.
    pub fn record(&self) {
        let mut content = self.content();
        let mut base = Pages::clone(&content.base);
        base.extend(std::mem::take(&mut content.over));
        content.base = Arc::new(base);
        content.log = Some(Vec::new());
        content.marks.clear();
    }

    /// Names this moment.
    pub fn mark(&self, name: impl Into<String>) {
        let mut content = self.content();
        let at = content.log.as_ref().map_or(0, Vec::len);
        content.marks.push((at, name.into()));
    }

    /// How many requests were recorded so far.
    pub fn recorded(&self) -> usize {
        self.content().log.as_ref().map_or(0, Vec::len)
    }

    /// Ends the recording.
    pub fn recording(&self) -> Recording {
        let mut content = self.content();
        Recording {
            size: self.size,
            base: Arc::clone(&content.base),
            entries: content.log.take().unwrap_or_default(),
            marks: std::mem::take(&mut content.marks),
        }
    }

    /// Lets everything fail after so many more reads, writes and flushes; `None` heals it.
    pub fn fail_after(&self, requests: Option<u64>) {
        self.content().fails_after = requests;
    }

    /// Serves the disk as a file in this directory.
    ///
    /// # Errors
    /// FUSE is not to be had.
    pub fn serve(&self, directory: &Path) -> io::Result<Served> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("kedge-disk".to_owned()), MountOption::RW];
        let session = fuser::spawn_mount(self.clone(), directory, &config)?;
        Ok(Served {
            session: Some(session),
            file: directory.join(NAME),
        })
    }

    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let is_file = inode == FILE;
        FileAttr {
            ino: inode,
            size: if is_file { self.size } else { 0 },
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if is_file {
                FileType::RegularFile
            } else {
                FileType::Directory
            },
            perm: if is_file { 0o600 } else { 0o700 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

/// A disk that is there until this is dropped.
#[derive(Debug)]
pub struct Served {
    session: Option<BackgroundSession>,
    file: PathBuf,
}

impl Served {
    /// The disk's file.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // Somebody may still hold the file open; then the kernel ends the session with the last of them.
            let _ = rustix::mount::unmount(
                self.file.parent().unwrap_or(Path::new("/")),
                rustix::mount::UnmountFlags::DETACH,
            );
            drop(session);
        }
    }
}

impl Filesystem for Disk {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name == NAME {
            true => reply.entry(&FOREVER, &self.attributes(FILE), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&FOREVER, &self.attributes(inode));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let left = self.size.saturating_sub(offset);
        let size = usize::try_from(u64::from(size).min(left)).unwrap_or(0);
        let mut content = self.content();
        match content.works() {
            true => reply.data(&content.read(offset, size)),
            false => reply.error(Errno::EIO),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut content = self.content();
        if !content.works() {
            return reply.error(Errno::EIO);
        }
        content.write(offset, data);
        content.record(Entry::Write(offset, data.into()));
        reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX));
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let mut content = self.content();
        if !content.works() {
            return reply.error(Errno::EIO);
        }
        content.record(Entry::Flush);
        reply.ok();
    }

    fn fallocate(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let mut content = self.content();
        if mode != PUNCH_HOLE {
            return reply.error(Errno::EOPNOTSUPP);
        }
        if !content.works() {
            return reply.error(Errno::EIO);
        }
        content.discard(offset, length);
        content.record(Entry::Discard(offset, length));
        reply.ok();
    }
}

/// What happened on a disk, from a known beginning on.
#[derive(Debug)]
pub struct Recording {
    size: u64,
    base: Arc<Pages>,
    /// In the order of their arrival.
    pub entries: Vec<Entry>,
    /// Before which entry a mark was set.
    pub marks: Vec<(usize, String)>,
}

impl Recording {
    /// Before which entry the first mark of this name was set.
    pub fn marked(&self, name: &str) -> Option<usize> {
        self.marks
            .iter()
            .find(|(_, mark)| mark == name)
            .map(|(at, _)| *at)
    }

    /// Where the flushes are.
    pub fn flushes(&self) -> Vec<usize> {
        let is_flush = |(at, entry): (usize, &Entry)| matches!(entry, Entry::Flush).then_some(at);
        self.entries.iter().enumerate().filter_map(is_flush).collect()
    }

    /// The disk after a cut before entry `at`: what came after the last flush is kept, dropped or torn by chance.
    pub fn cut(&self, at: usize, chance: &mut Chance) -> Disk {
        let disk = Disk::of(self.size, Arc::clone(&self.base));
        let entries = &self.entries[..at.min(self.entries.len())];
        let safe = entries
            .iter()
            .rposition(|entry| matches!(entry, Entry::Flush))
            .map_or(0, |flush| flush + 1);
        let mut content = disk.content();
        // Now and then nothing after the flush survives, or all of it.
        let (keep, tear) = match chance.below(8) {
            0 => (0, 0),
            1 => (8, 0),
            keep => (keep, 3),
        };
        for (number, entry) in entries.iter().enumerate() {
            let survives = number < safe || chance.below(8) < keep;
            match entry {
                Entry::Write(offset, bytes) if survives => {
                    if number >= safe && chance.below(10) < tear {
                        for (page, part) in bytes.chunks(PAGE_BYTES).enumerate() {
                            if chance.below(2) == 0 {
                                content.write(offset + page as u64 * PAGE, part);
                            }
                        }
                    } else {
                        content.write(*offset, bytes);
                    }
                }
                Entry::Discard(offset, length) if survives => content.discard(*offset, *length),
                _ => {}
            }
        }
        drop(content);
        disk
    }
}

/// A source of chance that does the same again for the same seed (splitmix64, by Sebastiano Vigna, public domain).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// For a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}
