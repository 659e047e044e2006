// SPDX-License-Identifier: GPL-3.0-or-later
//! apt-get and dpkg, as Debian and its kin have them.
//!
//! The apt-get that runs is the snapshot's own. What it prints is parsed by pure functions, each beside the captured
//! output it was written for; what it means for the system is judged by the database afterwards, not by its words.

pub mod failure;
mod lists;
pub mod simulate;
pub mod status;

use super::reader::{Format, Reader, Source};
use super::{Cache, Database, Package, Packages, Task, Tree, agreed, changelog, dpkg, known, version};
use crate::run::{Finished, OnStatus, Run};
use crate::transaction::Sandboxed;
use crate::{Context, Error, Outcome, VisitFile};
use model::{Failure, FailureCode, PackageWish, Phase, Progress, UpdateSet, WishKind};
use rustix::fs::OFlags;
use rustix::io::Errno;
use simulate::Planned;
use status::Tracker;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

/// The most that a simulation or a description of packages may say.
const CAPTURE_LIMIT: usize = 64 * 1024 * 1024;
/// The descriptor that apt-get reports its status on.
const STATUS_FD: i32 = 3;
/// How many packages are asked for in one call, well below what arguments may take.
const SHOW_AT_ONCE: usize = 1000;

/// The word for installing all updates.
const UPGRADE: &str = "dist-upgrade";
/// The name of apt's lists in Kedge's cache.
const LISTS: &str = "apt/lists";

/// Configuration that holds for every call. Nobody is there to answer a question: configuration files that a person
/// changed stay, new ones come. dpkg need not sync each file, since the whole filesystem is synced before the snapshot
/// becomes the default, and a crash before that throws the snapshot away. Archives are not kept once installed.
const OPTIONS: [&str; 7] = [
    "APT::Update::Error-Mode=any",
    "APT::Keep-Downloaded-Packages=false",
    "APT::Color=0",
    "Dpkg::Use-Pty=0",
    "Dpkg::Options::=--force-confdef",
    "Dpkg::Options::=--force-confold",
    "Dpkg::Options::=--force-unsafe-io",
];

/// The environment of every call.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("NEEDRESTART_SUSPEND", "1"),
    ("UCF_FORCE_CONFFOLD", "1"),
    ("SYSTEMD_OFFLINE", "1"),
];

/// The apt/dpkg package manager.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apt;

impl Packages for Apt {
    fn database(&self, snapshot: Tree<'_>, running: Tree<'_>, var_is_apart: bool) -> Database {
        dpkg::locate(snapshot, running, var_is_apart)
    }

    fn source(&self, tree: Tree<'_>, place: &str) -> Result<Source, Error> {
        dpkg::source(tree, place)
    }

    fn changelogs(&self, tree: Tree<'_>, _: &str) -> Result<Option<Source>, Error> {
        match tree.open(changelog::DOCS, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(directory) => Ok(Some(Source {
                format: Format::DebianDocs,
                path: changelog::DOCS.to_owned(),
                files: vec![directory],
            })),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(source) => Err(Error::io(format!("open /{}", changelog::DOCS), source)),
        }
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        version::compare(a, b)
    }

    fn visit_files(
        &self,
        tree: Tree<'_>,
        place: &str,
        _: &Reader,
        visit: VisitFile<'_>,
    ) -> Result<(), Error> {
        dpkg::visit_files(tree, place, visit)
    }

    fn caches(&self) -> &'static [Cache] {
        &[
            Cache {
                name: LISTS,
                at: "var/lib/apt/lists",
            },
            Cache {
                name: "apt/cache",
                at: "var/cache/apt",
            },
        ]
    }

    fn lock_file(&self) -> &'static str {
        "var/lib/dpkg/lock-frontend"
    }

    fn check(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        installed: &[Package],
    ) -> Result<UpdateSet, Error> {
        refresh(inside, context, 0..700)?;
        context.report.progress(Progress {
            permille: Some(700),
            ..Progress::at(Phase::Refresh)
        });
        described(inside, context, &[UPGRADE.to_owned()], installed)
    }

    fn download(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        installed: &[Package],
    ) -> Result<UpdateSet, Error> {
        refresh(inside, context, 0..150)?;
        let plan = simulate(inside, context, &[UPGRADE.to_owned()])?;
        if plan.is_empty() {
            return Ok(UpdateSet::default());
        }
        let sizes = sizes(inside, context, &plan)?;
        let mut tracker = Tracker::new(Phase::Download, 200..1000, 1000..1000, 0);
        let mut take = |line: &str| {
            if let Some(progress) = tracker.take(line) {
                context.report.progress(progress);
            }
        };
        let command = apt_get(inside, ["-y", "--download-only", UPGRADE]);
        let finished = reporting(command, &mut take).finish(context)?;
        done(finished, tracker.failed())?;
        Ok(simulate::update_set(&plan, installed, &BTreeMap::new(), &sizes).fetched())
    }

    fn perform(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        task: Task<'_>,
        permille: Range<u16>,
    ) -> Result<Outcome<()>, Error> {
        let at = |part: u32| {
            let length = u32::from(permille.end.saturating_sub(permille.start));
            permille.start + u16::try_from(length * part / 100).unwrap_or(0)
        };
        let is_removal = matches!(task, Task::Change(wish, _) if wish.kind == WishKind::Remove);
        if !is_removal {
            refresh(inside, context, at(0)..at(8))?;
        }
        let words = match task {
            Task::Update => vec![UPGRADE.to_owned()],
            Task::Change(wish, installed) => words(inside, context, wish, installed)?,
        };
        let plan = simulate(inside, context, &words)?;
        if let Task::Change(wish, _) = task {
            let gone = plan.iter().filter(|planned| planned.new.is_none());
            agreed(wish, gone.map(|planned| planned.name.as_str()))?;
        }
        if plan.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let steps: usize = plan
            .iter()
            .map(|planned| if planned.new.is_some() { 2 } else { 1 })
            .sum();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        let mut tracker = Tracker::new(Phase::Download, at(10)..at(45), at(45)..at(100), steps);
        let mut take = |line: &str| {
            if let Some(progress) = tracker.take(line) {
                context.report.progress(progress);
            }
        };
        // The words come last: what follows names is one.
        let command = reporting(apt_get(inside, ["-y"]), &mut take).args(words);
        let finished = command.finish(context)?;
        done(finished, tracker.failed())?;
        Ok(Outcome::Changed(()))
    }

    fn plan(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        wish: &PackageWish,
        installed: &[Package],
    ) -> Result<UpdateSet, Error> {
        let words = words(inside, context, wish, installed)?;
        described(inside, context, &words, installed)
    }

    fn listed(&self, inside: &Sandboxed, context: &Context<'_>) -> Result<Vec<(String, String)>, Error> {
        let listed = apt_cache(inside, context, ["search", "."])?;
        Ok(simulate::parse_search(&String::from_utf8_lossy(&listed)))
    }

    fn candidates(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        names: &[String],
    ) -> Result<BTreeMap<String, String>, Error> {
        let sizes = show(inside, context, names)?;
        Ok(sizes.into_keys().collect())
    }

    fn security_versions(
        &self,
        running: Tree<'_>,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Vec<String>>, Error> {
        lists::security_versions(running, &format!("{}/{LISTS}", crate::packages::CACHE), wanted)
    }

    fn verify(&self, tree: Tree<'_>, place: &str) -> Result<(), Error> {
        dpkg::verify_journal(tree, place)
    }
}

/// Has apt-get report its status to `take`.
fn reporting<'a>(run: Run<'a>, take: OnStatus<'a>) -> Run<'a> {
    run.args(["-o".to_owned(), format!("APT::Status-Fd={STATUS_FD}")])
        .status(STATUS_FD, take)
}

fn apt_get<'a>(inside: &Sandboxed, args: impl IntoIterator<Item = &'static str>) -> Run<'a> {
    let options = OPTIONS.iter().flat_map(|option| ["-o", option]);
    inside
        .command("apt-get")
        .env(ENVIRONMENT)
        .args(["-q"])
        .args(options)
        .args(args)
}

fn done(finished: Finished, failed: Option<(&str, &str)>) -> Result<Finished, Error> {
    if finished.status.success() {
        return Ok(finished);
    }
    let stderr = finished.stderr.clone();
    let detail = finished.into_error().chain();
    Err(Error::Packages(failure::classify(&stderr, failed, detail)))
}

/// Asks every repository. A single one that does not answer is a failure: what it may have is unknown then.
fn refresh(inside: &Sandboxed, context: &Context<'_>, permille: Range<u16>) -> Result<(), Error> {
    let mut tracker = Tracker::new(Phase::Refresh, permille.clone(), permille, 0);
    let mut take = |line: &str| {
        if let Some(progress) = tracker.take(line) {
            context.report.progress(progress);
        }
    };
    let run = reporting(apt_get(inside, ["update"]), &mut take);
    done(run.finish(context)?, None)?;
    Ok(())
}

/// What these words to apt-get would change.
fn simulate(inside: &Sandboxed, context: &Context<'_>, words: &[String]) -> Result<Vec<Planned>, Error> {
    let run = apt_get(inside, ["-s", "-o", "Debug::NoLocking=1"]);
    let run = run.args(words.iter().cloned()).capture(CAPTURE_LIMIT);
    let finished = done(run.finish(context)?, None)?;
    let text = String::from_utf8_lossy(&finished.stdout);
    if let Some(package) = simulate::essential(&text) {
        let detail = format!("{package} is essential, and would be removed");
        let failure = Failure::new(FailureCode::Essential, detail);
        return Err(Error::Packages(failure.with("package", package)));
    }
    Ok(simulate::parse_simulation(&text))
}

/// The same with what is to be downloaded and how the system grows.
fn described(
    inside: &Sandboxed,
    context: &Context<'_>,
    words: &[String],
    installed: &[Package],
) -> Result<UpdateSet, Error> {
    let plan = simulate(inside, context, words)?;
    if plan.is_empty() {
        return Ok(UpdateSet::default());
    }
    let uris = apt_get(inside, ["-y", "--print-uris"]).args(words.iter().cloned());
    let uris = done(uris.capture(CAPTURE_LIMIT).finish(context)?, None)?;
    let downloads = simulate::parse_uris(&String::from_utf8_lossy(&uris.stdout));
    let sizes = sizes(inside, context, &plan)?;
    Ok(simulate::update_set(&plan, installed, &downloads, &sizes))
}

/// A wish in apt-get's words.
fn words(
    inside: &Sandboxed,
    context: &Context<'_>,
    wish: &PackageWish,
    installed: &[Package],
) -> Result<Vec<String>, Error> {
    let (verb, names) = match wish.kind {
        WishKind::Install => {
            let listed = apt_cache(inside, context, ["pkgnames"])?;
            let listed = String::from_utf8_lossy(&listed);
            ("install", known(&wish.names, listed.lines())?)
        }
        WishKind::Remove => {
            let installed = installed.iter().map(|package| package.name.as_str());
            ("remove", known(&wish.names, installed)?)
        }
    };
    Ok([verb, "--"].map(str::to_owned).into_iter().chain(names).collect())
}

fn apt_cache(
    inside: &Sandboxed,
    context: &Context<'_>,
    args: impl IntoIterator<Item = &'static str>,
) -> Result<Vec<u8>, Error> {
    let run = inside.command("apt-cache").env(ENVIRONMENT).args(args);
    Ok(done(run.capture(CAPTURE_LIMIT).finish(context)?, None)?.stdout)
}

/// What the new packages take when installed.
fn sizes(
    inside: &Sandboxed,
    context: &Context<'_>,
    plan: &[Planned],
) -> Result<BTreeMap<(String, String), u64>, Error> {
    let wanted: Vec<_> = plan
        .iter()
        .filter_map(|planned| {
            Some(format!(
                "{}:{}={}",
                planned.name,
                planned.arch,
                planned.new.as_ref()?
            ))
        })
        .map(|wanted| wanted.replace(":all=", "="))
        .collect();
    show(inside, context, &wanted)
}

/// What these take when installed, by name and version. One without a version is the one that would be installed.
fn show(
    inside: &Sandboxed,
    context: &Context<'_>,
    wanted: &[String],
) -> Result<BTreeMap<(String, String), u64>, Error> {
    let mut sizes = BTreeMap::new();
    for wanted in wanted.chunks(SHOW_AT_ONCE) {
        let run = inside
            .command("apt-cache")
            .env(ENVIRONMENT)
            .args(["show", "--no-all-versions", "--"])
            .args(wanted)
            .capture(CAPTURE_LIMIT);
        let finished = done(run.finish(context)?, None)?;
        sizes.extend(simulate::parse_show(&finished.stdout));
    }
    Ok(sizes)
}
