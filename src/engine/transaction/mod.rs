// SPDX-License-Identifier: GPL-3.0-or-later
//! Changes the system by making the next one: an update happens in a new snapshot that nobody starts from until it is
//! complete.
//!
//! The order of an update, and why a crash at any point leaves the old or the new system whole:
//! 1. locks, rules, the state read again behind the locks;
//! 2. a writable snapshot of the default one, marked in progress in its books: from here on a crash leaves a marked
//!    snapshot that the next start removes ([`crate::Engine::recover`]);
//! 3. the package manager runs in a sandbox of it; nothing to update, a failure or a cancellation deletes it;
//! 4. the result is verified by looking at it; from here on cancelling is refused;
//! 5. everything is written to disk, then the snapshot is made read-only where the present default is;
//! 6. it becomes the default, which is the commit point, and is read back;
//! 7. the mark is removed. A crash between 6 and 7 leaves a default that is marked: it is complete, and only the mark
//!    needs removing.

mod change;
mod lock;
mod mounts;
mod place;
mod plan;
mod room;
mod sandbox;
mod search;
mod transactor;
mod verify;

pub(crate) use change::change;
pub(crate) use mounts::unescaped;
pub(crate) use plan::{
    change_counts, changelog, package_changes, package_files, package_stamp, plan_rollback,
};
pub(crate) use sandbox::Sandboxed;
use sandbox::View;
pub(crate) use search::{plan_packages, search};
pub(crate) use verify::{Kernel, concerns, kernels, refuse_unbootable};

use crate::native::{Base, NativeEngine};
use crate::packages::{self, CACHE, Database, Package, Packages, Task, Tree};
use crate::platform::books::PlatformBooks;
use crate::{Context, Engine as _, Error, Outcome};
use lock::Locks;
use model::{
    FailureCode, PackageWish, Phase, Progress, RefusalCode, SnapshotId, Transactor, UpdateSet, WishKind,
};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

/// So many bytes of names are in the description of a snapshot.
const WORDS: usize = 200;

/// A system's package manager, with where its database is.
pub(crate) struct Managed {
    packages: Box<dyn Packages>,
    place: &'static str,
}

/// The package manager of a snapshot, or why there is none to work with.
pub(crate) fn managed(engine: &NativeEngine, tree: Tree<'_>) -> Result<Managed, Error> {
    let root = engine.store()?.root();
    let running = Tree::new(root);
    let apart = mounts::var_is_apart(root)?;
    let packages = packages::detect(tree, running, apart).ok_or(RefusalCode::NoPackageManager)?;
    match packages.database(tree, running, apart) {
        Database::Inside(place) => Ok(Managed { packages, place }),
        Database::Outside => Err(RefusalCode::DatabaseOutside.into()),
        Database::Unknown => Err(RefusalCode::DatabaseUnknown.into()),
        Database::None => Err(RefusalCode::NoPackageManager.into()),
    }
}

/// Why what starts next cannot be updated, and why its packages cannot be compared, if so.
pub(crate) fn absence(engine: &NativeEngine) -> (Option<RefusalCode>, Option<RefusalCode>) {
    let manager = origin(engine).and_then(|(_, _, snapshot)| managed(engine, Tree::new(snapshot.as_fd())));
    match manager {
        Ok(Managed { packages, .. }) => {
            let updates = (!packages.can_update()).then_some(RefusalCode::NoPackageManager);
            (updates, None)
        }
        Err(Error::Refused(refusal)) => (Some(refusal.code), Some(refusal.code)),
        // What cannot be read cannot be worked with.
        Err(_) => (
            Some(RefusalCode::NoPackageManager),
            Some(RefusalCode::NoPackageManager),
        ),
    }
}

/// Keeps transactions from starting, or `None` when one runs.
pub(crate) fn idle(engine: &NativeEngine) -> Result<Option<Locks>, Error> {
    match transactor::lock(engine, None) {
        Ok(locks) => Ok(Some(locks)),
        Err(Error::Packages(failure)) if failure.code == FailureCode::LockHeld => Ok(None),
        // Where no lock can be written, no transaction can start.
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
            Ok(Some(Locks::default()))
        }
        Err(error) => Err(error),
    }
}

/// What starts next, as something to make a snapshot of, with its root directory.
fn origin(engine: &NativeEngine) -> Result<(Base, Option<SnapshotId>, OwnedFd), Error> {
    let store = engine.store()?;
    if let Some(id) = engine.default()? {
        return Ok((Base::Snapshot(id), Some(id), store.open(id)?));
    }
    if engine.boot()?.default()? != engine.boot()?.booted()? {
        return Err(RefusalCode::ForeignDefault.into());
    }
    let root = store.root().try_clone_to_owned();
    let root = root.map_err(|source| Error::io("keep the root directory open", source))?;
    Ok((Base::Running, None, root))
}

fn at(phase: Phase, permille: u16) -> Progress {
    Progress {
        permille: Some(permille),
        ..Progress::at(phase)
    }
}

/// Asks the repositories what an update of the default snapshot would change.
pub(crate) fn check(engine: &NativeEngine, context: &Context<'_>) -> Result<UpdateSet, Error> {
    let view = View::ReadOnly;
    ask(
        engine,
        context,
        (view, CACHE),
        |packages, inside, context, installed| packages.check(inside, context, installed),
    )
}

/// Asks the same, and fetches what an update would install to where it will look for it.
pub(crate) fn download(engine: &NativeEngine, context: &Context<'_>) -> Result<UpdateSet, Error> {
    let caches_in = match transactor::of(engine)? {
        // What runs in a transaction of tukit has the running system's cache, and keeps packages as `zypp` there.
        Transactor::Tukit => "var/cache",
        _ => CACHE,
    };
    ask(
        engine,
        context,
        (View::Scratch, caches_in),
        |packages, inside, context, installed| packages.download(inside, context, installed),
    )
}

/// Has the package manager of the default snapshot look at it, unchanged.
fn ask<T: Send>(
    engine: &NativeEngine,
    context: &Context<'_>,
    (view, caches_in): (View, &'static str),
    question: impl FnOnce(&dyn Packages, &Sandboxed, &Context<'_>, &[Package]) -> Result<T, Error> + Send,
) -> Result<T, Error> {
    context.report.progress(at(Phase::Prepare, 0));
    engine.system()?.to_state().may_check()?;
    let (_, _, snapshot) = origin(engine)?;
    let tree = Tree::new(snapshot.as_fd());
    let Managed { packages, place } = managed(engine, tree)?;
    let running = engine.store()?.root();
    let _locks = Locks::own(Tree::new(running))?;
    let installed = engine.reader().installed(packages.source(tree, place)?)?;
    let spec = sandbox::Spec {
        snapshot: snapshot.as_fd(),
        running,
        view,
        caches: packages.caches(),
        caches_in,
        database: (place, packages.looks_in()),
    };
    sandbox::enter(&spec, context, |inside, context| {
        question(&*packages, inside, context, &installed)
    })
}

/// Installs all updates, or fulfils a wish, in a new snapshot of the default one and makes that the default.
pub(crate) fn update(
    engine: &NativeEngine,
    wish: Option<&PackageWish>,
    context: &Context<'_>,
) -> Result<Outcome<SnapshotId>, Error> {
    context.report.progress(at(Phase::Prepare, 0));
    engine.system()?.to_state().may_update()?;
    let (_, _, present) = origin(engine)?;
    let manager = managed(engine, Tree::new(present.as_fd()))?;
    let _locks = transactor::lock(engine, Some(manager.packages.lock_file()))?;
    // Read again: what was looked at before the locks may have been changed by whoever held them.
    let (base, default, present) = origin(engine)?;
    let manager = managed(engine, Tree::new(present.as_fd()))?;
    context.cancel.check()?;
    let description = match wish {
        Some(wish) => wished(wish),
        None => description(default),
    };
    let id = transactor::open(engine, base, default, &description, context)?;
    context
        .report
        .log(&format!("Snapshot {id} is made: {description}."));
    let job = Job {
        engine,
        context,
        manager: &manager,
        present: Tree::new(present.as_fd()),
        default,
        id,
        wish,
    };
    match job.run() {
        Ok(Outcome::Changed(())) => Ok(Outcome::Changed(id)),
        Ok(Outcome::Unchanged) => job
            .remove()
            .map(|()| Outcome::Unchanged)
            .map_err(|error| job.left(error)),
        Err(cause) => Err(job.undo(cause)),
    }
}

/// An update whose snapshot exists.
struct Job<'a> {
    engine: &'a NativeEngine,
    context: &'a Context<'a>,
    manager: &'a Managed,
    present: Tree<'a>,
    default: Option<SnapshotId>,
    id: SnapshotId,
    wish: Option<&'a PackageWish>,
}

impl Job<'_> {
    fn run(&self) -> Result<Outcome<()>, Error> {
        let (store, packages) = (self.engine.store()?, &self.manager.packages);
        let snapshot = store.open(self.id)?;
        let installed = match self.wish {
            Some(_) => {
                let source = packages.source(self.present, self.manager.place)?;
                self.engine.reader().installed(source)?
            }
            None => Vec::new(),
        };
        let task = match self.wish {
            Some(wish) => Task::Change(wish, &installed),
            None => Task::Update,
        };
        let spec = sandbox::Spec {
            snapshot: snapshot.as_fd(),
            running: store.root(),
            view: View::Writable,
            caches: packages.caches(),
            caches_in: CACHE,
            database: (self.manager.place, packages.looks_in()),
        };
        let done = if transactor::of(self.engine)? == Transactor::Tukit {
            let inside = transactor::inside(self.engine, self.id)?;
            packages.perform(&inside, self.context, task, 10..930)
        } else {
            sandbox::enter(&spec, self.context, |inside, context| {
                packages.perform(inside, context, task, 10..930)
            })
        };
        let done = done.map_err(|cause| room::named(cause, &snapshot))?;
        if done == Outcome::Unchanged {
            self.context.report.progress(at(Phase::CleanUp, 930));
            return Ok(Outcome::Unchanged);
        }
        self.context.report.progress(at(Phase::Verify, 930));
        let tree = Tree::new(snapshot.as_fd());
        let verified = packages::verify(&**packages, self.engine.reader(), tree, self.manager.place);
        verified.map_err(|cause| room::named(cause, &snapshot))?;
        verify::bootable(self.present, tree)?;
        self.context.cancel.close()?;
        self.context.report.progress(at(Phase::Commit, 960));
        self.commit(&snapshot)?;
        Ok(Outcome::Changed(()))
    }

    fn commit(&self, snapshot: &OwnedFd) -> Result<(), Error> {
        transactor::close(self.engine, self.id, self.default, self.context)?;
        keep_platform_books(self.engine, self.id, self.present, snapshot, self.context);
        self.context.report.progress(at(Phase::Commit, 1000));
        Ok(())
    }

    /// Puts everything back and says why; the error tells when that did not work either.
    fn undo(&self, cause: Error) -> Error {
        self.context.report.progress(Progress::at(Phase::CleanUp));
        let put_back = || {
            if self.engine.default()? == Some(self.id) {
                match self.default {
                    Some(id) => self.engine.set_default(id)?,
                    None => self
                        .engine
                        .boot()?
                        .set_default(self.engine.boot()?.booted()?, false)?,
                }
            }
            self.remove()
        };
        match put_back() {
            Ok(()) => cause,
            Err(error) => {
                self.context.report.log(&error.chain());
                self.left(cause)
            }
        }
    }

    fn left(&self, cause: Error) -> Error {
        Error::NeedsAttention {
            left: format!(
                "snapshot {} of an unfinished update could not be removed",
                self.id
            ),
            cause: Box::new(cause),
        }
    }

    fn remove(&self) -> Result<(), Error> {
        transactor::abort(self.engine, self.id, self.context)
    }
}

/// Words about the snapshot of an update.
fn description(default: Option<SnapshotId>) -> String {
    match default {
        Some(id) => format!("Update of #{id}"),
        None => "Update of the running system".to_owned(),
    }
}

/// Words about the snapshot of a wish: which packages, as many as fit.
pub(crate) fn wished(wish: &PackageWish) -> String {
    let what = match wish.kind {
        WishKind::Install => "Installed",
        WishKind::Remove => "Removed",
    };
    let mut words = format!("{what}: ");
    for (at, name) in wish.names.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        if words.len() + comma.len() + name.len() > WORDS && at > 0 {
            words.push_str(", …");
            break;
        }
        words.push_str(comma);
        words.push_str(name);
    }
    words
}

/// What transactional-update would note. The new default is complete by now, so that failing to is only told.
fn keep_platform_books(
    engine: &NativeEngine,
    id: SnapshotId,
    present: Tree<'_>,
    snapshot: &OwnedFd,
    context: &Context<'_>,
) {
    let written = engine.store().and_then(|store| {
        let Some(books) = PlatformBooks::of(Tree::new(store.root())) else {
            return Ok(());
        };
        books.committed(id, engine.booted()?)?;
        books.products(present, Tree::new(snapshot.as_fd()))?;
        let words = format!("New default snapshot is #{id} (/.snapshots/{id}/snapshot).");
        books.log(engine.now(), &words)
    });
    if let Err(error) = written {
        let words = "transactional-update's books are not as they should be";
        context.report.log(&format!("{words}: {}", error.chain()));
    }
}

/// Sets the time of `/usr` to now, by which systemd knows at the next start that there was an update
/// (systemd-update-done.service(8)).
fn touch_usr(snapshot: &OwnedFd) -> Result<(), Error> {
    let failed = |source| Error::io("set the time of /usr", source);
    let usr = Tree::new(snapshot.as_fd())
        .open_plain("usr", rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY);
    let usr = usr.map_err(failed)?;
    let now = rustix::fs::Timespec {
        tv_sec: 0,
        tv_nsec: rustix::fs::UTIME_NOW,
    };
    let times = rustix::fs::Timestamps {
        last_access: now,
        last_modification: now,
    };
    let path = format!("/proc/self/fd/{}", usr.as_raw_fd());
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::empty()).map_err(failed)
}
