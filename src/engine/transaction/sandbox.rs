// SPDX-License-Identifier: GPL-3.0-or-later
//! A place where a snapshot's own programs run as if it were the running system.
//!
//! A thread of its own gets a private mount namespace with the snapshot as its root, and stays the only way in: what it
//! starts lives in process namespaces that end with it. Everything that is mounted is found by descriptors that cannot
//! leave the snapshot, whatever links it holds. The running system is seen, but only Kedge's cache can be written; the
//! kernel's settings below `/proc/sys` and `/sys` cannot be changed.
//!
//! Reports travel back to the calling thread, since whatever a report may start must not start in here.
#![expect(
    unsafe_code,
    reason = "unshare is unsafe as a whole, though not with the flags used here"
)]

use super::mounts::{self, Shown};
use super::place::{Place, Placed};
use crate::packages::{Cache, Tree};
use crate::run::Run;
use crate::{Context, Error, Report};
use model::{Progress, Question, SnapshotId};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, OpenTreeFlags,
    UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_change, mount_remount,
    open_tree, unmount,
};
use rustix::process::{chdir, chroot, fchdir, pivot_root};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::mpsc::{SyncSender, sync_channel};

/// What becomes of what is written into the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Nothing can be.
    ReadOnly,
    /// It is thrown away with the sandbox: for who wants to write without having anything to say (zypper(8) does nothing
    /// but a dry run in what is read-only).
    Scratch,
    /// It stays.
    Writable,
}

/// What a sandbox is made of.
#[derive(Debug)]
pub(crate) struct Spec<'a> {
    /// The snapshot's root directory.
    pub(crate) snapshot: BorrowedFd<'a>,
    /// The running system's root directory.
    pub(crate) running: BorrowedFd<'a>,
    /// What becomes of what is written into the snapshot.
    pub(crate) view: View,
    /// What outlives the sandbox.
    pub(crate) caches: &'static [Cache],
    /// Where it lies, below the running system's root: Kedge's cache, unless others are to find it.
    pub(crate) caches_in: &'static str,
    /// The directory of the package database, and where the package manager looks for it.
    pub(crate) database: (&'static str, &'static str),
}

/// The inside of a transaction: where the programs of its snapshot run.
#[derive(Debug)]
pub(crate) struct Sandboxed(Inside);

#[derive(Debug)]
enum Inside {
    /// This thread's root is the snapshot.
    Here,
    /// tukit leads there; the root directory of the running system, and the snapshot.
    Tukit(OwnedFd, SnapshotId),
}

impl Sandboxed {
    /// The inside of a transaction that tukit opened on the system with this root directory.
    pub(super) fn by_tukit(root: OwnedFd, id: SnapshotId) -> Self {
        Self(Inside::Tukit(root, id))
    }

    /// A program of the snapshot, to be run in it. It ends with the exit code of the program whoever leads there.
    pub(crate) fn command<'a>(&self, program: &str) -> Run<'a> {
        let environment = [
            (
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ),
            ("HOME", "/root"),
            ("LC_ALL", "C.UTF-8"),
        ];
        match &self.0 {
            Inside::Here => Run::new(program)
                .isolated()
                .env(environment)
                .env([("TRANSACTIONAL_UPDATE", "true")]),
            // tukit sets that variable itself, and refuses to work where it is set already.
            Inside::Tukit(root, id) => super::transactor::tukit(root.as_fd()).args([
                "call".to_owned(),
                id.to_string(),
                program.to_owned(),
            ]),
        }
    }
}

enum Said {
    Progress(Progress),
    Log(String),
    Ask(Question, SyncSender<Result<Option<u32>, Error>>),
}

/// A report from the sandbox's thread to the thread of the job.
struct Relay {
    to: SyncSender<Said>,
    can_ask: bool,
}

impl Report for Relay {
    fn progress(&self, progress: Progress) {
        // Nobody listens any more only when the calling thread is unwinding.
        let _ = self.to.send(Said::Progress(progress));
    }

    fn log(&self, line: &str) {
        let _ = self.to.send(Said::Log(line.to_owned()));
    }

    fn can_ask(&self) -> bool {
        self.can_ask
    }

    fn ask(&self, question: &Question) -> Result<Option<u32>, Error> {
        let (sender, answer) = sync_channel(1);
        let _ = self.to.send(Said::Ask(question.clone(), sender));
        answer.recv().unwrap_or(Ok(None))
    }
}

/// Does `work` in a sandbox. When it returns, nothing of the sandbox is left: no process, no mount, no file.
pub(crate) fn enter<T: Send>(
    spec: &Spec<'_>,
    context: &Context<'_>,
    work: impl FnOnce(&Sandboxed, &Context<'_>) -> Result<T, Error> + Send,
) -> Result<T, Error> {
    let (sender, receiver) = sync_channel(256);
    let (cancel, can_ask) = (context.cancel, context.report.can_ask());
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let report = Relay { to: sender, can_ask };
            within(
                spec,
                &Context {
                    report: &report,
                    cancel,
                },
                work,
            )
        });
        for said in receiver {
            match said {
                Said::Progress(progress) => context.report.progress(progress),
                Said::Log(line) => context.report.log(&line),
                Said::Ask(question, sender) => {
                    // It waits for this.
                    let _ = sender.send(context.report.ask(&question));
                }
            }
        }
        match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Leaves the sandbox's namespaces on every way out, so that its mounts are gone before anybody else looks.
struct Home(OwnedFd);

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Mount)) {
            tracing::warn!(%error, "the mounts of a sandbox last until its thread ends");
        }
    }
}

fn within<T>(
    spec: &Spec<'_>,
    context: &Context<'_>,
    work: impl FnOnce(&Sandboxed, &Context<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let failed = |source: Errno| Error::io("make a mount namespace", source);
    // What is shown inside is cloned before the namespace is left in which it is mounted.
    let sources = Sources::clone_from(spec)?;
    let home = rustix::fs::open(
        "/proc/thread-self/ns/mnt",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let home = home.map_err(failed)?;
    // SAFETY: only UnshareFlags::FILES has requirements, and it is not among the flags.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }.map_err(failed)?;
    // Declared first, dropped last: what was placed is removed when nothing covers it any more.
    let mut placed = Placed::default();
    let _home = Home(home);
    make_private().map_err(failed)?;
    let root = furnish(spec, &sources, &mut placed)?;
    become_root(root.as_ref().unwrap_or(&sources.snapshot))
        .map_err(|source| Error::io("make the snapshot the root", source))?;
    drop((root, sources));
    work(&Sandboxed(Inside::Here), context)
}

/// Keeps every mount that follows in this namespace.
fn make_private() -> Result<(), Errno> {
    match mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC) {
        // The root of a chroot is no mount: then nothing may be shared already.
        Err(Errno::INVAL) => {
            let table = std::fs::read_to_string("/proc/self/mountinfo").map_err(|_| Errno::INVAL)?;
            if table.contains(" shared:") {
                Err(Errno::INVAL)
            } else {
                Ok(())
            }
        }
        result => result,
    }
}

/// Makes a mount that lies on `/` the root, and lets go of everything that was mounted before.
fn become_root(snapshot: &OwnedFd) -> Result<(), Errno> {
    fchdir(snapshot)?;
    match pivot_root(".", ".") {
        Ok(()) => unmount(".", UnmountFlags::DETACH)?,
        // The root of a chroot is no mount and cannot be exchanged (pivot_root(2)).
        Err(Errno::INVAL) => chroot(".")?,
        Err(error) => return Err(error),
    }
    chdir("/")
}

/// Clones of what is mounted inside, attached to nothing yet.
struct Sources {
    snapshot: OwnedFd,
    dev: OwnedFd,
    proc: OwnedFd,
    proc_sys: OwnedFd,
    sys: OwnedFd,
    caches: Vec<(&'static str, OwnedFd)>,
    apart: Vec<(mounts::Apart, OwnedFd)>,
    resolver: Option<Vec<u8>>,
}

impl Sources {
    fn clone_from(spec: &Spec<'_>) -> Result<Self, Error> {
        let kernel = |path: &str, flags| {
            open_tree(
                CWD,
                path,
                OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | flags,
            )
            .map_err(|source| Error::io(format!("clone the mount of {path}"), source))
        };
        let running = Place::new(spec.running);
        let mut caches = Vec::new();
        for cache in spec.caches {
            let path = format!("{}/{}", spec.caches_in, cache.name);
            let directory = running.make_directories(&path)?;
            caches.push((cache.at, clone(&directory, &path)?));
        }
        let mut apart = Vec::new();
        for part in mounts::apart(spec.running)? {
            let directory = running
                .tree()
                .open_plain(&part.path, OFlags::PATH | OFlags::DIRECTORY);
            // Unmounted meanwhile, or covered by something else.
            let Ok(directory) = directory else { continue };
            let source = clone(&directory, &part.path)?;
            apart.push((part, source));
        }
        Ok(Self {
            snapshot: clone(spec.snapshot, "")?,
            dev: kernel("/dev", OpenTreeFlags::AT_RECURSIVE)?,
            proc: kernel("/proc", OpenTreeFlags::empty())?,
            proc_sys: kernel("/proc/sys", OpenTreeFlags::empty())?,
            sys: kernel("/sys", OpenTreeFlags::empty())?,
            caches,
            apart,
            resolver: resolver(running.tree()),
        })
    }
}

fn clone(directory: impl AsFd, path: &str) -> Result<OwnedFd, Error> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(directory, "", flags).map_err(|source| Error::io(format!("clone the mount of /{path}"), source))
}

/// The running system's `resolv.conf`, where it has one of sane size.
fn resolver(running: Tree<'_>) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut content = Vec::new();
    let file = running.file("etc/resolv.conf").ok()??;
    file.take(64 * 1024).read_to_end(&mut content).ok()?;
    Some(content)
}

/// Attaches everything to the snapshot. The order matters: later ones lie on earlier ones. Returns what is the root in the
/// snapshot's place.
fn furnish(spec: &Spec<'_>, sources: &Sources, placed: &mut Placed) -> Result<Option<OwnedFd>, Error> {
    let failed = |source| Error::io("mount the snapshot", source);
    super::place::attach(&sources.snapshot, CWD, "/").map_err(failed)?;
    if spec.view != View::Writable {
        read_only(&sources.snapshot, MountFlags::empty())?;
    }
    let scratch = match spec.view {
        View::Scratch => Some(scratch(&sources.snapshot)?),
        _ => None,
    };
    if let Some(scratch) = &scratch {
        // The overlay has its own hold on it. Two mounts upon another on `/` could not both be let go of later.
        let path = format!("/proc/self/fd/{}", sources.snapshot.as_raw_fd());
        unmount(path, UnmountFlags::DETACH).map_err(failed)?;
        super::place::attach(scratch, CWD, "/").map_err(failed)?;
    }
    let place = Place::new(scratch.as_ref().unwrap_or(&sources.snapshot).as_fd());
    place.mount("dev", &sources.dev)?;
    place.mount("proc", &sources.proc)?;
    place.mount("proc/sys", &sources.proc_sys)?;
    place.mount("sys", &sources.sys)?;
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    read_only(&sources.proc_sys, quiet)?;
    read_only(&sources.sys, quiet)?;
    place.tmpfs("run", "0755")?;
    place.tmpfs("tmp", "1777")?;
    if place.tree().exists("dev/shm") {
        place.tmpfs("dev/shm", "1777")?;
    }
    place.make_directories("run/lock")?;
    for (number, (part, source)) in sources.apart.iter().enumerate() {
        match part.shown {
            Shown::Overlaid => overlay(place, &part.path, source, number)?,
            Shown::ReadOnly if place.is_directory(&part.path) => {
                place.mount(&part.path, source)?;
                read_only(source, MountFlags::empty())?;
            }
            Shown::ReadOnly => {}
        }
    }
    if place.is_directory("var/tmp") {
        place.tmpfs("var/tmp", "1777")?;
    }
    let var_is_ours = spec.view != View::ReadOnly || sources.apart.iter().any(|(part, _)| part.path == "var");
    for (at, source) in &sources.caches {
        if var_is_ours {
            place.make_directories(at)?;
        }
        place.mount_resolved(at, source)?;
    }
    database(place, spec.database, var_is_ours)?;
    if let Some(content) = &sources.resolver {
        placed.resolver(place, content)?;
    }
    if spec.view == View::Writable {
        placed.policy(place)?;
    }
    Ok(scratch)
}

/// A mount of the snapshot over which memory lies: whatever is written there ends with it.
fn scratch(snapshot: &OwnedFd) -> Result<OwnedFd, Error> {
    let place = Place::new(snapshot.as_fd());
    let failed = |source| Error::io("lay memory over the snapshot", source);
    place.tmpfs("run", "0755")?;
    let directory = |name: &str| place.make_directories(&format!("run/kedge/{name}"));
    let (lower, upper, work) = (directory("lower")?, directory("upper")?, directory("work")?);
    super::place::attach(clone(snapshot, "")?, &lower, "").map_err(failed)?;
    let lower = place
        .tree()
        .open("run/kedge/lower", OFlags::PATH)
        .map_err(failed)?;
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(failed)?;
    for (name, directory) in [("lowerdir", &lower), ("upperdir", &upper), ("workdir", &work)] {
        let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
        fsconfig_set_string(&context, name, path).map_err(failed)?;
    }
    fsconfig_create(&context).map_err(failed)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).map_err(failed)
}

fn read_only(mount: &OwnedFd, others: MountFlags) -> Result<(), Error> {
    let path = format!("/proc/self/fd/{}", mount.as_raw_fd());
    mount_remount(path, MountFlags::BIND | MountFlags::RDONLY | others, c"")
        .map_err(|source| Error::io("make a mount read-only", source))
}

/// Shows a directory of the running system with everything in it; what is written there is thrown away.
fn overlay(place: Place<'_>, path: &str, source: &OwnedFd, number: usize) -> Result<(), Error> {
    if !place.is_directory(path) {
        return Ok(());
    }
    let failed = |source| Error::io(format!("overlay /{path}"), source);
    let base = format!("run/kedge/overlay/{number}");
    let lower = place.make_directories(&format!("{base}/lower"))?;
    place.make_directories(&format!("{base}/upper"))?;
    place.make_directories(&format!("{base}/work"))?;
    super::place::attach(source, &lower, "").map_err(failed)?;
    let directory = |name: &str| {
        place
            .tree()
            .open(&format!("{base}/{name}"), OFlags::PATH)
            .map_err(failed)
    };
    let (lower, upper, work) = (directory("lower")?, directory("upper")?, directory("work")?);
    let target = place.directory(path)?;
    let fd = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        fd(&lower),
        fd(&upper),
        fd(&work)
    );
    let options = std::ffi::CString::new(options).expect("numbers and names hold no zero byte");
    let mounted = rustix::mount::mount(
        "overlay",
        fd(&target),
        "overlay",
        MountFlags::empty(),
        options.as_c_str(),
    );
    mounted.map_err(failed)?;
    // The overlay has its own hold on what lies below; nothing else should reach the running system's directory.
    unmount(fd(&lower), UnmountFlags::DETACH).map_err(failed)
}

/// Lets the package manager find the database where it looks for it.
fn database(place: Place<'_>, (database, at): (&str, &str), var_is_ours: bool) -> Result<(), Error> {
    let failed = |source| Error::io(format!("show /{database}"), source);
    let identity = |path: &str| {
        let directory = place.tree().open(path, OFlags::PATH | OFlags::DIRECTORY)?;
        rustix::fs::fstat(&directory).map(|stat| (stat.st_dev, stat.st_ino))
    };
    let wanted = identity(database).map_err(failed)?;
    if identity(at) == Ok(wanted) {
        return Ok(());
    }
    if var_is_ours {
        place.make_directories(at)?;
    }
    let source = place
        .tree()
        .open(database, OFlags::PATH | OFlags::DIRECTORY)
        .map_err(failed)?;
    place.mount_resolved(at, &clone(&source, database)?)
}
