// SPDX-License-Identifier: GPL-3.0-or-later
//! One transaction at a time, also against other programs: Kedge's own lock and those of the platform.

use crate::Error;
use crate::packages::Tree;
use model::{Failure, FailureCode};
use rustix::fs::{FlockOperation, Mode, OFlags, fcntl_lock, flock};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, Pid, fcntl_getlk, getpid, test_kill_process};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;

const OWN: &str = "run/kedge/transaction.lock";
/// What transactional-update and its timer take: a file with the number of the process, linked into place.
const PLATFORM: &str = "transactional-update.pid";
/// What tukit takes while it changes something.
const TUKIT: &str = "run/tukit.lock";

/// The locks of a transaction, let go when dropped or when the process ends.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    /// Released first.
    platform: Option<Linked>,
    files: Vec<OwnedFd>,
}

fn held(lock: &str, holder: &str) -> Error {
    let detail = format!("/{lock} is held by process {holder}");
    Error::Packages(Failure::new(FailureCode::LockHeld, detail).with("holder", holder))
}

impl Locks {
    /// Takes Kedge's own lock, which keeps two checks or updates from running at once.
    pub(crate) fn own(running: Tree<'_>) -> Result<Self, Error> {
        Ok(Self {
            platform: None,
            files: vec![own(running)?],
        })
    }

    /// Takes Kedge's own lock and those of the platform's own tools, where it has them. Where tukit is to work, `by_tukit`,
    /// its own lock is left to it, but refused all the same while somebody else's tukit holds it.
    pub(crate) fn platform(running: Tree<'_>, by_tukit: bool) -> Result<Self, Error> {
        let mut locks = Self::own(running)?;
        let transactional = ["usr/sbin/transactional-update", "usr/sbin/tukit", "usr/bin/tukit"];
        if transactional.iter().any(|program| running.exists(program)) {
            locks.platform = Some(Linked::take(running)?);
            let tukit = record_lock(running, TUKIT, OFlags::CREATE)?;
            if !by_tukit {
                locks.files.push(tukit);
            }
        }
        Ok(locks)
    }

    /// Takes all locks of a transaction. `package_lock` is the lock file of the running system's package manager.
    pub(crate) fn all(running: Tree<'_>, package_lock: &str, by_tukit: bool) -> Result<Self, Error> {
        let mut locks = Self::platform(running, by_tukit)?;
        // What apt changes in the running system meanwhile would not be in the snapshot.
        match record_lock(running, package_lock, OFlags::empty()) {
            Ok(file) => locks.files.push(file),
            // No such file, or one of a read-only system, where nobody can take it either.
            Err(Error::Io { source, .. })
                if [Errno::NOENT, Errno::ROFS, Errno::NOTDIR]
                    .iter()
                    .any(|errno| source.raw_os_error() == Some(errno.raw_os_error())) => {}
            Err(error) => return Err(error),
        }
        Ok(locks)
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        self.platform = None;
        for file in self.files.drain(..) {
            // Closing alone is not enough: a program that another thread is just starting holds a copy of the
            // descriptor until it executes, and would keep the lock of flock(2) for as long. Failing leaves it to that.
            let _ = flock(&file, FlockOperation::Unlock);
        }
    }
}

fn own(running: Tree<'_>) -> Result<OwnedFd, Error> {
    let failed = |source| Error::io(format!("lock /{OWN}"), source);
    running.make_directories("run/kedge")?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK;
    let fd = running
        .open_as(
            OWN,
            flags,
            Mode::from_raw_mode(0o600),
            rustix::fs::ResolveFlags::empty(),
        )
        .map_err(failed)?;
    let mut file = File::from(fd);
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // Whoever holds it wrote its number; without it the refusal still stands.
            let _ = (&mut file).take(20).read_to_string(&mut holder);
            return Err(held(OWN, holder.trim()));
        }
        Err(source) => return Err(failed(source)),
    }
    let number = getpid().as_raw_nonzero().to_string();
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(number.as_bytes()))
        .map_err(|source| Error::io(format!("write /{OWN}"), source))?;
    Ok(file.into())
}

/// Takes a lock as lockf(3) does.
fn record_lock(running: Tree<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Error> {
    let failed = |source| Error::io(format!("lock /{path}"), source);
    // openat2 refuses a mode for what it need not create.
    let mode = match flags.contains(OFlags::CREATE) {
        true => Mode::from_raw_mode(0o600),
        false => Mode::empty(),
    };
    let fd = running
        .open_as(
            path,
            flags | OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW,
            mode,
            rustix::fs::ResolveFlags::empty(),
        )
        .map_err(failed)?;
    match fcntl_lock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(fd),
        Err(Errno::ACCESS | Errno::AGAIN) => {
            let holder = fcntl_getlk(&fd, &Flock::from(FlockType::WriteLock))
                .ok()
                .flatten();
            let holder = holder
                .and_then(|lock| lock.pid)
                .map(|pid| pid.as_raw_nonzero().to_string());
            Err(held(path, &holder.unwrap_or_default()))
        }
        Err(source) => Err(failed(source)),
    }
}

/// transactional-update's lock file, removed when dropped.
#[derive(Debug)]
struct Linked {
    directory: OwnedFd,
}

impl Linked {
    fn take(running: Tree<'_>) -> Result<Self, Error> {
        let failed = |source| Error::io(format!("lock /run/{PLATFORM}"), source);
        let directory = running
            .open("run", OFlags::RDONLY | OFlags::DIRECTORY)
            .map_err(failed)?;
        let own = getpid().as_raw_nonzero();
        let temporary = format!("{PLATFORM}.{own}");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file =
            rustix::fs::openat(&directory, &temporary, flags, Mode::from_raw_mode(0o644)).map_err(failed)?;
        let linked = rustix::io::write(&file, format!("{own}\n").as_bytes())
            .map_err(failed)
            .and_then(|_| Self::link(&directory, &temporary));
        // The name that counts is the link; the other one must go in any case.
        let _ = rustix::fs::unlinkat(&directory, &temporary, rustix::fs::AtFlags::empty());
        linked.map(|()| Self { directory })
    }

    fn link(directory: &OwnedFd, temporary: &str) -> Result<(), Error> {
        let failed = |source| Error::io(format!("lock /run/{PLATFORM}"), source);
        let none = rustix::fs::AtFlags::empty();
        for _ in 0..2 {
            match rustix::fs::linkat(directory, temporary, directory, PLATFORM, none) {
                Ok(()) => return Ok(()),
                Err(Errno::EXIST) => {}
                Err(source) => return Err(failed(source)),
            }
            let holder = Self::holder(directory);
            let lives = |pid: Pid| !matches!(test_kill_process(pid), Err(Errno::SRCH));
            if let Some(pid) = holder.filter(|pid| lives(*pid)) {
                return Err(held(
                    &format!("run/{PLATFORM}"),
                    &pid.as_raw_nonzero().to_string(),
                ));
            }
            // Its holder is gone: transactional-update takes such a lock over too.
            match rustix::fs::unlinkat(directory, PLATFORM, none) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(source) => return Err(failed(source)),
            }
        }
        Err(held(&format!("run/{PLATFORM}"), ""))
    }

    fn holder(directory: &OwnedFd) -> Option<Pid> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(directory, PLATFORM, flags, Mode::empty()).ok()?;
        let mut text = String::new();
        File::from(fd).take(20).read_to_string(&mut text).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }
}

impl Drop for Linked {
    fn drop(&mut self) {
        if let Err(error) = rustix::fs::unlinkat(&self.directory, PLATFORM, rustix::fs::AtFlags::empty()) {
            tracing::warn!(%error, "left /run/{PLATFORM} behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;
    use std::path::Path;

    fn with<T>(root: &Path, work: impl FnOnce(Tree<'_>) -> T) -> T {
        let root = File::open(root).unwrap();
        work(Tree::new(root.as_fd()))
    }

    fn holder(result: Result<Locks, Error>) -> String {
        let failure = result.unwrap_err().failure();
        assert_eq!(failure.code, FailureCode::LockHeld);
        failure.args["holder"].clone()
    }

    #[test]
    fn one_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let own = getpid().as_raw_nonzero().to_string();
        let first = with(root.path(), Locks::own).unwrap();
        assert_eq!(holder(with(root.path(), Locks::own)), own);
        assert_eq!(
            holder(with(root.path(), |tree| Locks::all(tree, "lock", false))),
            own
        );
        drop(first);
        assert!(with(root.path(), |tree| Locks::all(tree, "lock", false)).is_ok());
        assert!(!root.path().join("run/transactional-update.pid").exists());
    }

    #[test]
    fn a_copy_of_the_descriptor_does_not_keep_the_lock() {
        let root = tempfile::tempdir().unwrap();
        let locks = with(root.path(), |tree| Locks::all(tree, "lock", false)).unwrap();
        // What a child has between fork(2) and execve(2).
        let copies: Vec<_> = locks.files.iter().map(|file| file.try_clone().unwrap()).collect();
        drop(locks);
        assert!(with(root.path(), Locks::own).is_ok());
        drop(copies);
    }

    #[test]
    fn the_platforms_lock_is_respected_and_a_dead_one_is_taken_over() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("usr/sbin")).unwrap();
        std::fs::create_dir_all(root.path().join("run")).unwrap();
        std::fs::write(root.path().join("usr/sbin/transactional-update"), "").unwrap();
        let lock = root.path().join("run/transactional-update.pid");
        std::fs::write(&lock, "1\n").unwrap();
        assert_eq!(
            holder(with(root.path(), |tree| Locks::all(tree, "lock", false))),
            "1"
        );
        assert_eq!(std::fs::read_to_string(&lock).unwrap(), "1\n");
        // Larger than any number a process can have (proc_sys_kernel(5), pid_max).
        std::fs::write(&lock, "2000000000\n").unwrap();
        let locks = with(root.path(), |tree| Locks::all(tree, "lock", false)).unwrap();
        assert_eq!(
            std::fs::read_to_string(&lock).unwrap(),
            format!("{}\n", getpid().as_raw_nonzero())
        );
        drop(locks);
        assert_eq!(
            std::fs::read_dir(root.path().join("run")).unwrap().count(),
            2,
            "kedge and tukit.lock"
        );
    }
}
