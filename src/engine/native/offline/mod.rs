// SPDX-License-Identifier: GPL-3.0-or-later
//! A system that does not run: its filesystem is mounted somewhere in another one, and its root directory is put together
//! from it in mounts that nobody else sees, as its own boot would have done.
//!
//! What its files say is nothing to rely on. Its table of filesystems names subvolumes of the same btrfs and devices for
//! the boot partition, and mount points are looked up in the system's own tree, without links.

mod fstab;
mod table;

use super::boot::detect_offline;
use super::btrfs::{self, ROOT_DIRECTORY};
use super::{Store, last_run};
use crate::Error;
use crate::packages::Tree;
use crate::transaction::unescaped;
use fstab::Line;
use model::RefusalCode;
use rustix::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, FlockOperation, Mode, OFlags, StatVfsMountFlags, flock, fstatvfs};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    unmount,
};
use rustix::thread::UnshareFlags;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use table::{mount_of, mounted};

/// Where the mounts are, of which only empty directories are left for others to see.
const PLACE: &str = "kedge/offline";
/// What somebody may have mounted in the system by hand, as for a chroot(1): that is taken over.
const BY_HAND: [&str; 4] = ["boot", "efi", "boot/efi", "sys"];
/// Where boot loaders find their partition.
const BOOT: [&str; 3] = ["boot", "efi", "boot/efi"];
/// What boot partitions are made with.
const KINDS: [&str; 5] = ["vfat", "msdos", "ext4", "ext3", "ext2"];
/// Where snapshots are where nothing tells, from the top of the filesystem: openSUSE, snapper's own, Arch.
const SNAPSHOTS: [&str; 4] = ["@/.snapshots", ".snapshots", "@snapshots", "@.snapshots"];

/// A system that does not run, put together.
#[derive(Debug)]
pub struct Offline {
    /// Its root directory.
    pub(super) root: OwnedFd,
    /// Whether nothing may be written.
    pub(super) read_only: bool,
    /// One helper at a time works on a filesystem.
    _lock: OwnedFd,
}

fn failed(what: &str) -> impl Fn(Errno) -> Error {
    move |source| Error::io(what, source)
}

impl Offline {
    /// Gives this process mounts of its own and puts the system together whose filesystem is mounted at `at`, whichever
    /// of its subvolumes that shows. To be called before any thread is started.
    ///
    /// Where the filesystem is mounted read-only, nothing of it is written.
    ///
    /// # Errors
    /// Refused with `NotBtrfs`, `Runs` for the filesystem of the running system, `NoSnapshots` where no system is found
    /// in it, `Busy` while another process does this.
    pub fn assemble(at: &Path) -> Result<Self, Error> {
        leave_others()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let given = rustix::fs::open(at, flags, Mode::empty())
            .map_err(|error| Error::io(format!("open {}", at.display()), error))?;
        let mounted = mounted(given.as_fd())?;
        if mounted.kind != "btrfs" {
            return Err(RefusalCode::NotBtrfs.into());
        }
        let id = btrfs::filesystem_of(&given)
            .map_err(failed("ask the filesystem who it is"))?
            .id;
        if runs(&id) {
            return Err(RefusalCode::Runs.into());
        }
        let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let place = base().join(PLACE).join(name);
        for folder in ["top", "root", "run"] {
            std::fs::create_dir_all(place.join(folder))
                .map_err(|source| Error::io(format!("make {}", place.display()), source))?;
        }
        let lock = lock(&place)?;
        let this = Assembly {
            device: &mounted.device,
            read_only: mounted.read_only,
            id,
            place: &place,
            given: given.as_fd(),
        };
        let top = this.mount_at(&place.join("top"), Some("subvolid=5"))?;
        let top = Tree::new(top.as_fd());
        let root = this.root(top, None)?;
        let root = match this.last_run(root.as_fd())? {
            None => root,
            // An update that never started is the default: it must not be in use, so that it can be discarded.
            Some(last) => {
                unmount(place.join("root"), UnmountFlags::DETACH)
                    .map_err(failed("put the system together"))?;
                this.root(top, Some(last))?
            }
        };
        // What is worked on is not in use by being mounted there. For everybody else it stays mounted.
        if let Err(error) = unmount(&mounted.place, UnmountFlags::DETACH) {
            tracing::debug!(%error, place = mounted.place, "stays mounted");
        }
        Ok(Self {
            root,
            read_only: mounted.read_only,
            _lock: lock,
        })
    }

    /// A directory of the system for what is remembered about it, made when it is not there, without following any
    /// link. `path` is an absolute one.
    ///
    /// # Errors
    /// It cannot be made or written to.
    pub fn directory(&self, path: &Path) -> Result<PathBuf, Error> {
        if self.read_only {
            return Err(RefusalCode::ReadOnlyDisk.into());
        }
        let path = path.to_string_lossy();
        let made = Tree::new(self.root.as_fd()).make_directories(path.trim_start_matches('/'))?;
        let writable = fstatvfs(&made).map_err(failed("look at a directory"))?;
        if writable.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Err(RefusalCode::ReadOnlyDisk.into());
        }
        // As long as the process lives: what is remembered is written to its end.
        let number = std::mem::ManuallyDrop::new(made).as_raw_fd();
        Ok(PathBuf::from(format!("/proc/self/fd/{number}")))
    }
}

/// What is needed to put a system together.
struct Assembly<'a> {
    device: &'a str,
    read_only: bool,
    id: [u8; 16],
    place: &'a Path,
    given: BorrowedFd<'a>,
}

impl Assembly<'_> {
    /// What ran last, where that is not what starts next.
    fn last_run(&self, root: BorrowedFd<'_>) -> Result<Option<u64>, Error> {
        let Some(store) = Store::of_system(root)? else {
            return Ok(None);
        };
        let boot = detect_offline(store.root(), store.directory())?;
        let default = boot.default()?;
        let last = last_run(&store, default)?;
        let shown = btrfs::root_of(root)
            .map_err(failed("read the subvolume of the system"))?
            .id;
        Ok(Some(last).filter(|last| ![0, shown].contains(last)))
    }

    /// Mounts a system: the subvolume with this number, or the default one.
    fn root(&self, top: Tree<'_>, subvolume: Option<u64>) -> Result<OwnedFd, Error> {
        let place = self.place.join("root");
        let options = subvolume.map(|id| format!("subvolid={id}"));
        let mut root = self.mount_at(&place, options.as_deref())?;
        if !is_system(root.as_fd()) {
            // Nobody chose a default: what was mounted by hand may be the system.
            if !is_system(self.given) {
                return Err(RefusalCode::NoSnapshots.into());
            }
            mount_bind(of(self.given), &place).map_err(failed("show the system"))?;
            root = open(&place)?;
        }
        let tree = Tree::new(root.as_fd());
        let table = fstab::read(tree)?;
        self.snapshots(tree, top, &table)?;
        for line in table
            .iter()
            .filter(|line| line.place == "var" && self.is_ours(line))
        {
            self.subvolume(tree, line)?;
        }
        // Whoever prepared a chroot has mounted these already.
        for path in BY_HAND {
            let own = Tree::new(self.given).open_plain(path, OFlags::PATH | OFlags::DIRECTORY);
            if let Ok(own) = own
                && mount_of(own.as_fd()) != mount_of(self.given)
            {
                self.attach(tree, path, |to| mount_bind_recursive(of(own.as_fd()), to));
            }
        }
        for line in table.iter().filter(|line| BOOT.contains(&line.place.as_str())) {
            if !is_mounted(tree, &line.place) && !self.is_ours(line) {
                self.partition(tree, line);
            }
        }
        if !is_mounted(tree, "sys") {
            self.attach(tree, "sys", |to| mount_bind_recursive("/sys", to));
        }
        // Locks of transactions, which a read-only system could not keep.
        self.attach(tree, "run", |to| mount_bind(self.place.join("run"), to));
        Ok(root)
    }

    fn flags(&self) -> MountFlags {
        let flags = MountFlags::NOATIME | MountFlags::NOSUID | MountFlags::NODEV;
        match self.read_only {
            true => flags | MountFlags::RDONLY,
            false => flags,
        }
    }

    fn mount_at(&self, place: &Path, options: Option<&str>) -> Result<OwnedFd, Error> {
        let options = options.map(text).transpose()?;
        mount(self.device, place, "btrfs", self.flags(), options.as_deref())
            .map_err(|error| Error::io(format!("mount {}", self.device), error))?;
        open(place)
    }

    /// `.snapshots`, which most systems mount, where it is.
    fn snapshots(&self, tree: Tree<'_>, top: Tree<'_>, table: &[Line]) -> Result<(), Error> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let Ok(there) = tree.open_plain(".snapshots", flags) else {
            return Ok(());
        };
        if is_subvolume(there.as_fd()) {
            return Ok(());
        }
        if let Some(line) = table
            .iter()
            .find(|line| line.place == ".snapshots" && self.is_ours(line))
        {
            return self.subvolume(tree, line);
        }
        for path in SNAPSHOTS {
            if let Ok(found) = top.open_plain(path, flags)
                && is_subvolume(found.as_fd())
            {
                return mount_bind(of(found.as_fd()), of(there.as_fd())).map_err(failed("show .snapshots"));
            }
        }
        Ok(())
    }

    /// Mounts a subvolume where the table says.
    fn subvolume(&self, tree: Tree<'_>, line: &Line) -> Result<(), Error> {
        let Some(subvolume) = line.option("subvol").or(line.option("subvolid")) else {
            return Ok(());
        };
        let options = text(&subvolume)?;
        self.attach(tree, &line.place, |to| {
            mount(self.device, to, "btrfs", self.flags(), Some(options.as_c_str()))
        });
        Ok(())
    }

    /// Mounts the boot partition where the table says. One that cannot be is missed where it is needed.
    fn partition(&self, tree: Tree<'_>, line: &Line) {
        let Some(device) = line.device().filter(|_| KINDS.contains(&line.kind.as_str())) else {
            return;
        };
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let flags = if self.read_only {
            flags | MountFlags::RDONLY
        } else {
            flags
        };
        let Ok(kind) = text(&line.kind) else { return };
        self.attach(tree, &line.place, |to| {
            mount(&device, to, kind.as_c_str(), flags, None)
        });
    }

    /// Mounts something at a directory of the system. Where there is no such directory, or it cannot be mounted, it is
    /// missing as it would be in the system itself.
    fn attach(&self, tree: Tree<'_>, path: &str, what: impl FnOnce(PathBuf) -> Result<(), Errno>) {
        let attached = tree
            .open_plain(path, OFlags::PATH | OFlags::DIRECTORY)
            .and_then(|to| what(of(to.as_fd())));
        if let Err(error) = attached {
            tracing::info!(%error, path, "is not mounted in the system");
        }
    }

    /// Whether a line of the table means this filesystem.
    fn is_ours(&self, line: &Line) -> bool {
        if line.kind != "btrfs" {
            return false;
        }
        let uuid: String = self.id.iter().map(|byte| format!("{byte:02x}")).collect();
        match line.tag("UUID") {
            Some(given) => given.replace('-', "").eq_ignore_ascii_case(&uuid),
            None => {
                let device = |path: &str| rustix::fs::stat(path).ok().map(|stat| stat.st_rdev);
                line.device()
                    .is_some_and(|path| device(&path) == device(self.device))
            }
        }
    }
}

/// The path by which the kernel finds what is open.
fn of(file: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn open(place: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(place, flags, Mode::empty())
        .map_err(|error| Error::io(format!("open {}", place.display()), error))
}

fn text(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|error| Error::io("name what to mount", std::io::Error::other(error)))
}

/// Where programs keep what is gone with the next restart.
fn base() -> PathBuf {
    let run = PathBuf::from("/run");
    let is_directory = |path: &Path| {
        rustix::fs::lstat(path).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    };
    if is_directory(&run) {
        run
    } else {
        std::env::temp_dir()
    }
}

fn lock(place: &Path) -> Result<OwnedFd, Error> {
    let path = place.join("lock");
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o600))
        .map_err(|error| Error::io(format!("open {}", path.display()), error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(RefusalCode::Busy.into()),
        Err(error) => Err(Error::io(format!("lock {}", path.display()), error)),
    }
}

/// Mounts of ours appear nowhere else from here on.
fn leave_others() -> Result<(), Error> {
    let failed = failed("get mounts of its own");
    #[expect(
        unsafe_code,
        reason = "unshare(2) is unsafe where threads share file descriptors"
    )]
    // SAFETY: descriptors stay shared; only the table of mounts becomes one of our own.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }.map_err(&failed)?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    if mount_change("/", private).is_ok() {
        return Ok(());
    }
    // In a chroot, `/` is no mount: those that can be seen are changed one by one.
    let table = std::fs::read_to_string("/proc/self/mountinfo")
        .map_err(|source| Error::io("read the table of mounts", source))?;
    for place in table.lines().filter_map(|line| line.split(' ').nth(4)) {
        // Hidden below another one, or gone by now: neither is where we work.
        let _ = mount_change(unescaped(place), private);
    }
    Ok(())
}

/// Whether something is mounted at a directory of the system.
fn is_mounted(tree: Tree<'_>, path: &str) -> bool {
    let mount = |path: &str| {
        let found = tree.open_plain(path, OFlags::PATH | OFlags::DIRECTORY);
        found.ok().and_then(|found| mount_of(found.as_fd()))
    };
    mount(path).is_some_and(|there| Some(there) != mount("."))
}

/// Whether this is the filesystem that the running system was started from.
fn runs(id: &[u8; 16]) -> bool {
    let root = rustix::fs::open(
        "/",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    );
    root.ok()
        .and_then(|root| btrfs::filesystem_of(&root).ok())
        .is_some_and(|filesystem| filesystem.id == *id)
}

fn is_subvolume(directory: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(directory).is_ok_and(|stat| stat.st_ino == ROOT_DIRECTORY)
}

/// Whether this is the root directory of a system.
fn is_system(root: BorrowedFd<'_>) -> bool {
    let tree = Tree::new(root);
    ["usr", "etc"]
        .iter()
        .all(|path| tree.open_plain(path, OFlags::PATH | OFlags::DIRECTORY).is_ok())
}
