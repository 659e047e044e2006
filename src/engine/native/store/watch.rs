// SPDX-License-Identifier: GPL-3.0-or-later
//! Notices what others do in `.snapshots`, before it is written back to the disk.

use super::number;
use model::SnapshotId;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::{Errno, Result};
use std::collections::{BTreeSet, HashMap};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

/// Watches on `.snapshots` and on every directory in it. A watch costs the kernel about a kilobyte and us nothing.
#[derive(Debug)]
pub(super) struct Watch {
    inotify: OwnedFd,
    directory: i32,
    numbers: HashMap<i32, SnapshotId>,
    /// Directories the kernel gave no watch for (`fs.inotify.max_user_watches`): to be read again each time.
    unwatched: BTreeSet<SnapshotId>,
}

/// What may have changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dirty {
    /// Everything: events were lost, or the directory itself is gone.
    pub(super) all: bool,
    /// The directories with these numbers, in them or they themselves.
    pub(super) numbers: BTreeSet<SnapshotId>,
}

const EVENTS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW);

impl Watch {
    /// Watches `.snapshots` itself.
    pub(super) fn new(directory: BorrowedFd<'_>) -> Result<Self> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let path = format!("/proc/self/fd/{}/.", directory.as_raw_fd());
        let directory = add_watch(&inotify, path, EVENTS | WatchFlags::DELETE_SELF)?;
        Ok(Self {
            inotify,
            directory,
            numbers: HashMap::new(),
            unwatched: BTreeSet::new(),
        })
    }

    /// Watches one directory in it. To be called before that directory is read.
    pub(super) fn add(&mut self, directory: BorrowedFd<'_>, id: SnapshotId) {
        let path = format!("/proc/self/fd/{}/{id}", directory.as_raw_fd());
        match add_watch(&self.inotify, path, EVENTS) {
            Ok(watch) => {
                self.unwatched.remove(&id);
                self.numbers.insert(watch, id);
            }
            // No directory: its coming is an event of `.snapshots`.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                self.unwatched.remove(&id);
            }
            Err(_) => {
                self.unwatched.insert(id);
            }
        }
    }

    /// What may have changed since the last call.
    pub(super) fn drain(&mut self) -> Result<Dirty> {
        let mut dirty = Dirty {
            all: false,
            numbers: self.unwatched.clone(),
        };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(dirty),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error),
            };
            let what = event.events();
            if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                dirty.all = true;
            } else if event.wd() == self.directory {
                if what.intersects(ReadFlags::IGNORED | ReadFlags::DELETE_SELF | ReadFlags::UNMOUNT) {
                    dirty.all = true;
                }
                let name = event.file_name().and_then(|name| name.to_str().ok());
                dirty.numbers.extend(name.and_then(number));
            } else if what.contains(ReadFlags::IGNORED) {
                dirty.numbers.extend(self.numbers.remove(&event.wd()));
            } else {
                dirty.numbers.extend(self.numbers.get(&event.wd()));
            }
        }
    }
}

impl AsFd for Watch {
    /// Readable when [`Watch::drain`] has something to tell.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
