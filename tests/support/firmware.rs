// SPDX-License-Identifier: GPL-3.0-or-later
//! The variables of a machine's firmware, as efivarfs shows them: a directory in which one write is one variable, kept
//! at once and whatever becomes of the disks.
//!
//! Who watches is told of each change before the writer goes on, so that a change has its place among what a disk
//! recorded.

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, WriteFlags,
};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// The directory itself.
const TOP: INodeNo = INodeNo(1);
/// What may be in it changes behind the kernel's back.
const NEVER: Duration = Duration::ZERO;
/// The vendor of the Boot Loader Interface.
const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// Kept over restarts, readable before and after the firmware has handed over (UEFI specification, 8.2).
const ATTRIBUTES: [u8; 4] = [7, 0, 0, 0];

/// Values by name.
pub type Values = BTreeMap<String, Vec<u8>>;
type Watch = Box<dyn Fn(&Values) + Send>;

#[derive(Default)]
struct Content {
    /// Every name there ever was: its place, and two, is the number of its file.
    names: Vec<String>,
    values: Values,
    watch: Option<Watch>,
    fails: bool,
}

/// The firmware.
#[derive(Clone, Default)]
pub struct Firmware(Arc<Mutex<Content>>);

impl std::fmt::Debug for Firmware {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Firmware").finish_non_exhaustive()
    }
}

/// The name of the file of a variable of the Boot Loader Interface.
fn file(name: &str) -> String {
    format!("{name}-{VENDOR}")
}

impl Firmware {
    /// One with these variables.
    pub fn with(values: Values) -> Self {
        let this = Self::default();
        this.content().values = values;
        this
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All variables.
    pub fn values(&self) -> Values {
        self.content().values.clone()
    }

    /// Calls this after each change.
    pub fn watch(&self, watch: impl Fn(&Values) + Send + 'static) {
        self.content().watch = Some(Box::new(watch));
    }

    /// Lets every change fail, or heals it.
    pub fn fail(&self, fails: bool) {
        self.content().fails = fails;
    }

    /// A variable of the Boot Loader Interface; `None` when it is not set.
    pub fn get(&self, name: &str) -> Option<String> {
        let content = self.content();
        let bytes = content.values.get(&file(name))?;
        let (units, _) = bytes.get(4..)?.as_chunks();
        let units: Vec<u16> = units
            .iter()
            .map(|pair| u16::from_le_bytes(*pair))
            .take_while(|unit| *unit != 0)
            .collect();
        String::from_utf16(&units).ok()
    }

    /// Sets a variable of the Boot Loader Interface, as the boot loader itself does.
    pub fn set(&self, name: &str, value: Option<&str>) {
        let mut content = self.content();
        match value {
            None => drop(content.values.remove(&file(name))),
            Some(value) => {
                let units = value.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
                let bytes = ATTRIBUTES.into_iter().chain(units).collect();
                content.values.insert(file(name), bytes);
            }
        }
    }

    /// Shows the variables in this directory, until what is returned is dropped.
    ///
    /// # Errors
    /// FUSE is not to be had.
    pub fn serve(&self, directory: &Path) -> io::Result<Shown> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("efivarfs".to_owned()), MountOption::RW];
        Ok(Shown {
            session: Some(fuser::spawn_mount(self.clone(), directory, &config)?),
            directory: directory.to_owned(),
        })
    }
}

/// The variables are there until this is dropped.
#[derive(Debug)]
pub struct Shown {
    session: Option<BackgroundSession>,
    directory: std::path::PathBuf,
}

impl Drop for Shown {
    fn drop(&mut self) {
        // Somebody may still have it open: then the kernel ends the session with the last of them.
        let _ = rustix::mount::unmount(&self.directory, rustix::mount::UnmountFlags::DETACH);
        self.session = None;
    }
}

impl Content {
    fn number(&mut self, name: &str) -> INodeNo {
        let at = self.names.iter().position(|known| known == name);
        let at = at.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        INodeNo(at as u64 + 2)
    }

    fn name(&self, number: INodeNo) -> Option<&str> {
        let at = usize::try_from(number.0.checked_sub(2)?).ok()?;
        self.names.get(at).map(String::as_str)
    }

    fn attributes(&self, number: INodeNo) -> Option<FileAttr> {
        let (kind, size) = match number {
            TOP => (FileType::Directory, 0),
            number => (
                FileType::RegularFile,
                self.values.get(self.name(number)?)?.len() as u64,
            ),
        };
        Some(FileAttr {
            ino: number,
            size,
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm: if number == TOP { 0o755 } else { 0o644 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    fn changed(&self) {
        if let Some(watch) = &self.watch {
            watch(&self.values);
        }
    }
}

impl Filesystem for Firmware {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut content = self.content();
        let name = name.to_string_lossy().into_owned();
        let number = content.number(&name);
        match content.attributes(number) {
            Some(attributes) => reply.entry(&NEVER, &attributes, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.content().attributes(number) {
            Some(attributes) => reply.attr(&NEVER, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn create(&self, _: &Request, _: INodeNo, name: &OsStr, _: u32, _: u32, _: i32, reply: ReplyCreate) {
        let mut content = self.content();
        if content.fails {
            return reply.error(Errno::EROFS);
        }
        let name = name.to_string_lossy().into_owned();
        let number = content.number(&name);
        // There, but without a value until it is written.
        content.values.insert(name, Vec::new());
        match content.attributes(number) {
            Some(attributes) => {
                let flags = FopenFlags::FOPEN_DIRECT_IO;
                reply.created(&NEVER, &attributes, Generation(0), FileHandle(0), flags);
            }
            None => reply.error(Errno::EIO),
        }
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let content = self.content();
        let bytes = content.name(number).and_then(|name| content.values.get(name));
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = bytes.and_then(|bytes| bytes.get(from..)).unwrap_or_default();
        reply.data(&rest[..rest.len().min(size as usize)]);
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        _: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut content = self.content();
        let Some(name) = content.name(number).map(str::to_owned).filter(|_| !content.fails) else {
            return reply.error(Errno::EROFS);
        };
        content.values.insert(name, data.to_vec());
        content.changed();
        reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX));
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let mut content = self.content();
        if content.fails {
            return reply.error(Errno::EROFS);
        }
        match content.values.remove(&*name.to_string_lossy()) {
            Some(_) => {
                content.changed();
                reply.ok();
            }
            None => reply.error(Errno::ENOENT),
        }
    }

    fn readdir(&self, _: &Request, _: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let mut content = self.content();
        let names: Vec<String> = content.values.keys().cloned().collect();
        let mut rows = vec![
            (TOP, FileType::Directory, ".".to_owned()),
            (TOP, FileType::Directory, "..".to_owned()),
        ];
        for name in names {
            rows.push((content.number(&name), FileType::RegularFile, name));
        }
        for (at, (number, kind, name)) in (1_u64..).zip(rows) {
            if at > offset && reply.add(number, at, kind, name) {
                break;
            }
        }
        reply.ok();
    }
}
