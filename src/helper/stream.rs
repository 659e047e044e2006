// SPDX-License-Identifier: GPL-3.0-or-later
//! Bulk data for one caller, through a pipe: changed files, and what is in a file.
//!
//! A thread fills the pipe while the caller reads. A caller who goes away ends it at once, one who stops reading ends it
//! after a while, and no user has more than a few at a time: nobody can use up the helper's threads.

use crate::service::Service;
use engine::{Engine, TakeChanges, Viewer};
use model::{Failure, FailureCode, FileChange, FileChangeKind, SnapshotId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wire::{Error, FilesWish, FilesWriter};

/// So many streams at a time, of one user and of all.
const EACH: usize = 4;
const ALL: usize = 16;
/// A caller who takes nothing for so long is given up.
const STALLED: Timespec = Timespec {
    tv_sec: 30,
    tv_nsec: 0,
};
/// Written when there is so much, or when the first has waited so long.
const FULL: usize = 32 << 10;
const SOON: Duration = Duration::from_millis(40);

/// How many streams each user has.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<HashMap<u32, usize>>);

/// A place among them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    service: Arc<Service>,
    uid: u32,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self
            .service
            .streams
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.uid) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                streams.remove(&self.uid);
            }
        }
    }
}

/// Both ends of a pipe: the one that is read and the one that is written without waiting.
pub(crate) fn pipe() -> Result<(OwnedFd, OwnedFd), Error> {
    let failed = |error: Errno| {
        Error::Failed(Failure::new(
            FailureCode::Internal,
            format!("a pipe could not be made: {error}"),
        ))
    };
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).map_err(failed)?;
    Ok((reader, writer))
}

impl Service {
    /// A place for one more stream of this user.
    pub(crate) fn stream(self: &Arc<Self>, uid: u32) -> Result<Place, Error> {
        let mut streams = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.get(&uid).is_some_and(|count| *count >= EACH) || streams.values().sum::<usize>() >= ALL {
            let failure = Failure::new(FailureCode::Internal, "too many files are read at a time");
            return Err(Error::Failed(failure));
        }
        *streams.entry(uid).or_default() += 1;
        Ok(Place {
            service: Arc::clone(self),
            uid,
        })
    }
}

/// Writes everything, waiting for the reader. An error when it went away or takes nothing any more.
fn write_all(pipe: &OwnedFd, mut bytes: &[u8]) -> Result<(), engine::Error> {
    while !bytes.is_empty() {
        match rustix::io::write(pipe, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::AGAIN) => {
                let mut ready = [PollFd::new(pipe, PollFlags::OUT)];
                match poll(&mut ready, Some(&STALLED)) {
                    Ok(0) => return Err(engine::Error::Cancelled),
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(engine::Error::io("wait for a reader", error)),
                }
            }
            Err(Errno::INTR) => {}
            Err(Errno::PIPE) => return Err(engine::Error::Cancelled),
            Err(error) => return Err(engine::Error::io("write into a pipe", error)),
        }
    }
    Ok(())
}

/// A stream of changes that is being written.
struct Writer {
    pipe: OwnedFd,
    frames: FilesWriter,
    written: Instant,
    has_written: bool,
    rows: u32,
    /// Hashes of the paths with the numbers of their changes: those before and those after.
    hashes: Option<[Vec<(u64, u32)>; 2]>,
    hasher: RandomState,
}

impl Writer {
    fn flush(&mut self) -> Result<(), engine::Error> {
        write_all(&self.pipe, self.frames.pending())?;
        self.frames.taken();
        self.written = Instant::now();
        Ok(())
    }
}

impl TakeChanges for Writer {
    fn change(&mut self, change: FileChange) -> Result<(), engine::Error> {
        self.frames.change(&change);
        if let Some([before, after]) = &mut self.hashes {
            let side = if change.kind == FileChangeKind::Deleted {
                before
            } else {
                after
            };
            side.push((self.hasher.hash_one(&change.path), self.rows));
        }
        self.rows = self.rows.saturating_add(1);
        let is_first = !std::mem::replace(&mut self.has_written, true);
        if is_first || self.frames.pending().len() >= FULL {
            return self.flush();
        }
        self.proceed()
    }

    fn proceed(&mut self) -> Result<(), engine::Error> {
        if self.written.elapsed() < SOON {
            return Ok(());
        }
        if !self.frames.pending().is_empty() {
            return self.flush();
        }
        self.written = Instant::now();
        // Nothing to write: has the reader gone away?
        let mut ready = [PollFd::new(&self.pipe, PollFlags::empty())];
        match poll(&mut ready, Some(&Timespec::default())) {
            Ok(count) if count > 0 => Err(engine::Error::Cancelled),
            _ => Ok(()),
        }
    }
}

/// Tells the changes between two versions. Returns when all is told or nobody listens; logs what went wrong.
pub(crate) fn tell_changes(
    engine: &dyn Engine,
    (from, to): (Option<SnapshotId>, Option<SnapshotId>),
    viewer: Viewer,
    wish: FilesWish,
    pipe: OwnedFd,
) {
    let mut writer = Writer {
        pipe,
        frames: FilesWriter::default(),
        written: Instant::now(),
        has_written: false,
        rows: 0,
        hashes: wish.owners.then(Default::default),
        hasher: RandomState::new(),
    };
    let told = engine
        .file_changes(from, to, viewer, &mut writer)
        .and_then(|summary| {
            tell_owners(engine, (from, to), &mut writer)?;
            Ok(summary)
        });
    match told {
        Ok(summary) => writer.frames.end(summary),
        Err(engine::Error::Cancelled) => return,
        Err(error) => {
            tracing::warn!(
                error = error.chain(),
                "the changes between two versions could not be told"
            );
            writer.frames.failed(&crate::error::from_engine(error));
        }
    }
    // Who does not read the end has gone away.
    let _ = writer.flush();
}

/// Tells which packages the changed files belong to: for those that are gone, in the version before.
fn tell_owners(
    engine: &dyn Engine,
    (from, to): (Option<SnapshotId>, Option<SnapshotId>),
    writer: &mut Writer,
) -> Result<(), engine::Error> {
    let Some([before, after]) = writer.hashes.take() else {
        return Ok(());
    };
    for (id, mut rows) in [(from, before), (to, after)] {
        if rows.is_empty() {
            continue;
        }
        rows.sort_unstable();
        let mut is_owned = vec![false; rows.len()];
        let (mut current, mut numbers) = (String::new(), Vec::new());
        let hasher = writer.hasher.clone();
        let visited = engine.package_files(id, &mut |package, path| {
            if package != current {
                tell_owner(writer, &current, &mut numbers);
                package.clone_into(&mut current);
                writer.proceed()?;
            }
            let hash = hasher.hash_one(path);
            let mut at = rows.partition_point(|(other, _)| *other < hash);
            while let Some((_, number)) = rows.get(at).filter(|(other, _)| *other == hash) {
                // A directory is of several packages: the first has it.
                if let Some(is_owned) = is_owned.get_mut(at)
                    && !std::mem::replace(is_owned, true)
                {
                    numbers.push(*number);
                }
                at += 1;
            }
            Ok(())
        });
        tell_owner(writer, &current, &mut numbers);
        match visited {
            // Without a package manager nothing belongs to a package.
            Ok(()) | Err(engine::Error::Refused(_)) => {}
            Err(error @ engine::Error::Cancelled) => return Err(error),
            Err(error) => tracing::warn!(error = error.chain(), "which packages files belong to is unknown"),
        }
    }
    Ok(())
}

fn tell_owner(writer: &mut Writer, package: &str, numbers: &mut Vec<u32>) {
    numbers.sort_unstable();
    writer.frames.owner(package, numbers);
    numbers.clear();
}

/// Copies what is in a file into a pipe.
pub(crate) fn copy(mut content: Box<dyn std::io::Read + Send>, pipe: &OwnedFd) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                if write_all(pipe, buffer.get(..count).unwrap_or_default()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::warn!(%error, "a file of a snapshot cannot be read");
                return;
            }
        }
    }
}
