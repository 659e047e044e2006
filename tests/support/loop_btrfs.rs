// SPDX-License-Identifier: GPL-3.0-or-later
//! A real btrfs with a system on it, in a file that is gone when the test is.
//!
//! Call [`isolate`] first thing in `main`: mounts are then private to the test process, and the kernel removes them with
//! it however it ends. The image lies in a tmpfs. With `KEEP=1` it lies in the temporary directory and stays.

#![expect(
    unsafe_code,
    reason = "unshare(2) is unsafe where threads share file descriptors"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests start the filesystem's own programs"
)]
#![expect(
    clippy::print_stderr,
    reason = "who asked to keep an image wants to know where it is"
)]

use crate::recorded::{Disk, Served};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use rustix::thread::UnshareFlags;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where systems keep their root and their snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// MicroOS and Kalpa: the root is the read-only snapshot 1 with `/etc` nested in it, `/var` is a subvolume apart.
    Transactional,
    /// openSUSE: the root is the writable snapshot 1.
    Classic,
    /// Debian with snapper: the root is the writable subvolume `@`, no snapshot itself, with `.snapshots` in it.
    At,
}

/// Gives this process mounts of its own. To be called before any thread is started.
///
/// # Errors
/// Why tests on a real btrfs cannot run here.
pub fn isolate() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("needs root".to_owned());
    }
    for program in ["mkfs.btrfs", "btrfs", "mount"] {
        if !has_program(program) {
            return Err(format!("needs {program}"));
        }
    }
    if !Path::new("/dev/loop-control").exists() {
        return Err("needs loop devices".to_owned());
    }
    let filesystems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let has_btrfs = filesystems.contains("btrfs") || run("modprobe", ["btrfs"]).is_ok();
    if !has_btrfs {
        return Err("needs btrfs in the kernel".to_owned());
    }
    // SAFETY: no other thread runs yet, and file descriptors stay shared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }
        .map_err(io::Error::from)
        .and_then(|()| keep_to_ourselves())
        .map_err(|error| format!("needs mounts of its own: {error}"))
}

/// Mounts of ours appear nowhere else.
fn keep_to_ourselves() -> io::Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    if mount_change("/", private).is_ok() {
        return Ok(());
    }
    // In a chroot, `/` is no mount: those below it are changed one by one, and the one we work in must be among them.
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let fields = || table.lines().map(|line| line.split(' '));
    for place in fields().filter_map(|mut fields| fields.nth(4)) {
        // Hidden below others, or with blanks in its name: neither is where we work.
        let _ = mount_change(place, private);
    }
    let here = rustix::fs::statx(
        rustix::fs::CWD,
        std::env::temp_dir(),
        rustix::fs::AtFlags::empty(),
        rustix::fs::StatxFlags::MNT_ID,
    )?;
    let here = here.stx_mnt_id.to_string();
    let is_listed = fields()
        .filter_map(|mut fields| fields.next())
        .any(|id| id == here);
    is_listed
        .then_some(())
        .ok_or_else(|| io::Error::other("the temporary directory lies on a mount that is out of reach"))
}

/// Whether a program is in the `PATH`.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| {
        fs::metadata(folder.join(name)).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0)
    })
}

/// Runs a program to its end and returns what it printed; an error with all it said when it failed.
///
/// # Errors
/// It could not be started, or it failed.
pub fn run<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> io::Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C.UTF-8");
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(io::Error::other(format!(
        "{command:?}: {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    )))
}

/// A btrfs on a loop device, with a system on it.
#[derive(Debug)]
pub struct LoopBtrfs {
    folder: PathBuf,
    keep: bool,
    /// What carries it instead of the image.
    disk: Option<Served>,
}

impl LoopBtrfs {
    /// An empty filesystem of this many MiB (btrfs wants 114 at least).
    ///
    /// # Errors
    /// It could not be made.
    pub fn empty(mebibytes: u64) -> io::Result<Self> {
        let keep = std::env::var_os("KEEP").is_some_and(|value| !value.is_empty());
        let folder = tempfile::Builder::new()
            .prefix("kedge-btrfs-")
            .disable_cleanup(true)
            .tempdir()?;
        let this = Self {
            folder: folder.path().to_owned(),
            keep,
            disk: None,
        };
        // Room for a second image: see `power_cut`.
        this.make_folders(2 * mebibytes + 16)?;
        let image = this.image();
        fs::File::create(&image)?.set_len(mebibytes << 20)?;
        // One copy of everything: small images hold more, and the profile is not what is tested.
        run(
            "mkfs.btrfs",
            ["-q", "-m", "single", "-d", "single", text(&image)?],
        )?;
        // The kernel detaches such a loop device by itself when the last mount of it goes.
        this.mount_top()?;
        Ok(this)
    }

    /// A filesystem with a system on it, started from it. `fill` gets the root directory of the system to put files in,
    /// before it is sealed; `etc` is there already.
    ///
    /// # Errors
    /// It could not be made.
    pub fn with_system(
        mebibytes: u64,
        layout: Layout,
        fill: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<Self> {
        let this = Self::empty(mebibytes)?;
        let top = this.top();
        this.btrfs(["subvolume", "create", text(&top.join("@"))?])?;
        let snapshots = top.join("@/.snapshots");
        this.btrfs(["subvolume", "create", text(&snapshots)?])?;
        fs::set_permissions(&snapshots, fs::Permissions::from_mode(0o750))?;
        let system = match layout {
            Layout::At => top.join("@"),
            Layout::Transactional | Layout::Classic => {
                let place = snapshots.join("1");
                fs::create_dir(&place)?;
                fs::write(
                    place.join("info.xml"),
                    "<?xml version=\"1.0\"?>\n<snapshot>\n  <type>single</type>\n  <num>1</num>\n  \
                     <date>2026-03-01 07:15:09</date>\n  <description>first root filesystem</description>\n\
                     </snapshot>\n",
                )?;
                let system = place.join("snapshot");
                this.btrfs(["subvolume", "create", text(&system)?])?;
                fs::create_dir(system.join(".snapshots"))?;
                system
            }
        };
        if layout == Layout::Transactional {
            this.btrfs(["subvolume", "create", text(&system.join("etc"))?])?;
            this.btrfs(["subvolume", "create", text(&top.join("@/var"))?])?;
            fs::create_dir(system.join("var"))?;
        } else {
            fs::create_dir(system.join("etc"))?;
        }
        fs::write(system.join("etc/fstab"), "")?;
        fs::create_dir(system.join("usr"))?;
        fill(&system)?;
        if layout == Layout::Transactional {
            this.btrfs(["property", "set", text(&system)?, "ro", "true"])?;
        }
        this.btrfs(["subvolume", "set-default", text(&system)?])?;
        this.mount_system()?;
        Ok(this)
    }

    /// A filesystem with a system on it that lies on this disk, started from what is its default.
    ///
    /// # Errors
    /// It could not be mounted.
    pub fn on_disk(disk: &Disk) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("kedge-btrfs-")
            .disable_cleanup(true)
            .tempdir()?;
        let mut this = Self {
            folder: folder.path().to_owned(),
            keep: false,
            disk: None,
        };
        this.make_folders(16)?;
        this.disk = Some(disk.serve(&this.served())?);
        Ok(this)
    }

    /// Mounts what [`LoopBtrfs::on_disk`] put there, or what was shut down, and starts it.
    ///
    /// # Errors
    /// It could not be mounted.
    pub fn start(&self) -> io::Result<()> {
        self.mount_top()?;
        self.mount_system()
    }

    /// Shuts the system down: nothing of the filesystem is mounted any more. [`LoopBtrfs::start`] starts it again. Everything
    /// that holds a file of it open must be gone.
    ///
    /// # Errors
    /// It could not be unmounted.
    pub fn shut_down(&self) -> io::Result<()> {
        [self.root(), self.top()]
            .iter()
            .try_for_each(|place| unmount_all(place))
    }

    /// Moves it onto a disk that records, and starts it anew from there. Everything that holds a file of it open must be
    /// gone.
    ///
    /// # Errors
    /// It could not be moved.
    pub fn onto_disk(&mut self) -> io::Result<Disk> {
        for place in [self.root(), self.top()] {
            unmount(&place, UnmountFlags::DETACH)?;
        }
        let disk = Disk::load(&self.folder.join("image"))?;
        self.disk = Some(disk.serve(&self.served())?);
        self.start()?;
        Ok(disk)
    }

    /// The same with another partition behind it, of which the place is returned: see [`mount_part`].
    ///
    /// # Errors
    /// It could not be moved.
    pub fn onto_disk_with(&mut self, other: &Path) -> io::Result<(Disk, u64)> {
        for place in [self.root(), self.top()] {
            unmount(&place, UnmountFlags::DETACH)?;
        }
        let (disk, places) = Disk::load_all(&[&self.folder.join("image"), other])?;
        self.disk = Some(disk.serve(&self.served())?);
        self.start()?;
        Ok((disk, places.last().copied().unwrap_or_default()))
    }

    fn make_folders(&self, mebibytes: u64) -> io::Result<()> {
        if !self.keep {
            let size = std::ffi::CString::new(format!("size={mebibytes}m,mode=0755"))?;
            let none = MountFlags::empty();
            mount("kedge", &self.folder, "tmpfs", none, Some(size.as_c_str()))?;
        }
        for folder in [self.top(), self.root(), self.served()] {
            fs::create_dir(folder)?;
        }
        Ok(())
    }

    fn served(&self) -> PathBuf {
        self.folder.join("disk")
    }

    /// The file that the filesystem lies in.
    pub fn image(&self) -> PathBuf {
        match &self.disk {
            Some(disk) => disk.file().to_owned(),
            None => self.folder.join("image"),
        }
    }

    /// Where the whole filesystem is mounted.
    pub fn top(&self) -> PathBuf {
        self.folder.join("top")
    }

    /// Where the running system is mounted.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// `.snapshots`, whatever runs.
    pub fn snapshots(&self) -> PathBuf {
        self.top().join("@/.snapshots")
    }

    /// The root directory of a snapshot.
    pub fn snapshot(&self, number: u32) -> PathBuf {
        self.snapshots().join(format!("{number}/snapshot"))
    }

    /// Runs `btrfs` with these arguments.
    ///
    /// # Errors
    /// It failed.
    pub fn btrfs<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> io::Result<String> {
        run("btrfs", arguments)
    }

    /// The path, from the top of the filesystem, of the subvolume that starts next, as `btrfs` tells it; empty for the
    /// top itself.
    ///
    /// # Errors
    /// It failed.
    pub fn default_path(&self) -> io::Result<String> {
        let told = self.btrfs(["subvolume", "get-default", text(&self.top())?])?;
        Ok(told
            .split_once(" path ")
            .map_or_else(String::new, |(_, path)| path.trim_end().to_owned()))
    }

    /// Every subvolume's path from the top of the filesystem, as `btrfs` tells them, sorted.
    ///
    /// # Errors
    /// It failed.
    pub fn subvolumes(&self) -> io::Result<Vec<String>> {
        let told = self.btrfs(["subvolume", "list", text(&self.top())?])?;
        let mut paths: Vec<String> = told
            .lines()
            .filter_map(|line| line.split_once(" path "))
            .map(|(_, path)| path.to_owned())
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// Whether the subvolume at this path is read-only, as `btrfs` tells it.
    ///
    /// # Errors
    /// It failed.
    pub fn is_read_only(&self, path: &Path) -> io::Result<bool> {
        let told = self.btrfs(["property", "get", "-t", "subvol", text(path)?, "ro"])?;
        Ok(told.trim() == "ro=true")
    }

    /// Starts the system anew: from what is the default by then. Engines must be opened anew too.
    ///
    /// # Errors
    /// It could not be mounted.
    pub fn restart(&self) -> io::Result<()> {
        // Whoever still holds a directory of it keeps the old one, as after a lazy unmount.
        unmount(self.root(), UnmountFlags::DETACH)?;
        self.mount_system()
    }

    /// What a power cut leaves: the image as it is on disk at this moment, mounted and started anew. Everything that
    /// holds a file of the old system open must be gone.
    ///
    /// # Errors
    /// It could not be copied or mounted.
    pub fn power_cut(&self) -> io::Result<()> {
        let (image, copy) = (self.image(), self.folder.join("image.cut"));
        run("cp", ["--sparse=always", text(&image)?, text(&copy)?])?;
        for place in [self.root(), self.top()] {
            unmount(&place, UnmountFlags::DETACH)?;
        }
        fs::rename(&copy, &image)?;
        self.mount_top()?;
        self.mount_system()
    }

    fn mount_top(&self) -> io::Result<()> {
        let (image, top) = (self.image(), self.top());
        let mut tries = 0;
        loop {
            let arguments = ["-o", "loop,noatime,subvolid=5", text(&image)?, text(&top)?];
            match run("mount", arguments) {
                Ok(_) => return Ok(()),
                // Somebody else took the loop device between looking and taking.
                Err(_) if tries < 5 => tries += 1,
                Err(error) => return Err(error),
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    fn mount_system(&self) -> io::Result<()> {
        let (root, top) = (self.root(), self.top());
        let table = fs::read_to_string("/proc/self/mountinfo")?;
        let device = table
            .lines()
            .find(|line| line.split(' ').nth(4) == top.to_str())
            .and_then(|line| line.split(" - ").nth(1)?.split(' ').nth(1))
            .ok_or_else(|| io::Error::other("the filesystem is not mounted"))?;
        // As a boot does it: no subvolume is named.
        mount(device, &root, "btrfs", MountFlags::NOATIME, None)?;
        if fs::metadata(root.join(".snapshots"))?.ino() != 256 {
            mount_bind(self.snapshots(), root.join(".snapshots"))?;
        }
        if top.join("@/var").exists() {
            mount_bind(top.join("@/var"), root.join("var"))?;
        }
        Ok(())
    }
}

impl Drop for LoopBtrfs {
    fn drop(&mut self) {
        // A test may have failed half-way: whatever is mounted goes, whatever is not is no matter.
        for place in [self.root(), self.top()] {
            let _ = unmount(&place, UnmountFlags::DETACH);
        }
        self.disk = None;
        let _ = unmount(&self.folder, UnmountFlags::DETACH);
        if self.keep {
            eprintln!("kept: {}", self.image().display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Unmounts a directory and all below it. What another thread is just starting holds copies of descriptors until it
/// executes, so that a mount may be busy a moment longer than anybody uses it.
///
/// # Errors
/// It could not be unmounted.
pub fn unmount_all(place: &Path) -> io::Result<()> {
    let arguments = ["-R", text(place)?];
    for _ in 0..100 {
        if run("umount", arguments).is_ok() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    run("umount", arguments).map(drop)
}

/// Mounts what lies at this place of a disk and is so long.
///
/// # Errors
/// It could not be mounted.
pub fn mount_part(disk: &Path, place: u64, length: u64, at: &Path) -> io::Result<()> {
    // mount(8) by itself refuses a second loop device on the same file.
    let (place, length) = (place.to_string(), length.to_string());
    let arguments = [
        "--find",
        "--show",
        "--offset",
        &place,
        "--sizelimit",
        &length,
        text(disk)?,
    ];
    let device = run("losetup", arguments)?;
    let device = device.trim();
    let mounted = run("mount", ["-o", "noatime", device, text(at)?]);
    // It goes with the mount.
    run("losetup", ["--detach", device])?;
    mounted.map(drop)
}

fn text(path: &Path) -> io::Result<&str> {
    path.to_str()
        .ok_or_else(|| io::Error::other("a path that is not UTF-8"))
}
