// SPDX-License-Identifier: GPL-3.0-or-later
//! zypper and rpm, as openSUSE has them.
//!
//! The zypper that runs is the snapshot's own. Its exit code is the verdict, its words name the cause, and what it means
//! for the system is judged by the database afterwards. Where somebody can be asked, what only a person can decide is
//! (`talk`); where nobody can, a license to agree to, a conflict without a way out, a new key or a script that failed ends
//! the update with that as the cause.

mod method;
pub mod prompt;
pub mod said;
pub mod stream;
mod talk;

use super::reader::{Reader, Source};
use super::{Cache, Database, Package, Packages, Task, Tree, agreed, known, removed, rpm};
use crate::run::{Finished, Run, Terminal};
use crate::transaction::Sandboxed;
use crate::{Context, Error, Outcome, Report, VisitFile};
use method::Method;
use model::{PackageWish, Phase, Progress, Question, QuestionKind, UpdateSet, WishKind};
use said::{Step, Tracker};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Mutex;
use talk::{Answers, IS_THERE, Talk};

/// The most that a dry run may say.
const CAPTURE_LIMIT: usize = 64 * 1024 * 1024;
/// zypper itself, by which a system is recognized.
const PROGRAM: &str = "usr/bin/zypper";

/// The environment of every call, the same as transactional-update's.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("DISABLE_RESTART_ON_UPDATE", "yes"),
    ("DISABLE_SNAPPER_ZYPP_PLUGIN", "1"),
    ("SYSTEMD_OFFLINE", "1"),
    (READ_ONLY, "0"),
];
/// Where this is set, whatever to, a key that is trusted is not written into rpm's database: libzypp looks only whether
/// it is there.
const READ_ONLY: &str = "ZYPP_READONLY_HACK";

/// Exit codes (zypper(8)): a restart of the machine or of zypper itself is wanted, repositories were left out.
const REBOOT_NEEDED: i32 = 102;
const RESTART_NEEDED: i32 = 103;
const REPOSITORIES_SKIPPED: i32 = 106;
/// Nothing has this name.
const NOTHING_FOUND: i32 = 104;
/// A package's script failed; everything else was done.
const SCRIPT_FAILED: i32 = 107;

/// The zypper package manager.
#[derive(Debug, Default)]
pub(crate) struct Zypper {
    /// Read when the database is found, since that is when the system is seen.
    method: Mutex<Option<Method>>,
}

impl Zypper {
    fn method(&self) -> Method {
        let method = self
            .method
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        method.unwrap_or(Method::DistUpgrade)
    }
}

impl Packages for Zypper {
    fn database(&self, snapshot: Tree<'_>, running: Tree<'_>, var_is_apart: bool) -> Database {
        if !snapshot.exists(PROGRAM) {
            return Database::None;
        }
        *self
            .method
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(method::of(snapshot));
        rpm::locate(snapshot, running, var_is_apart)
    }

    fn source(&self, tree: Tree<'_>, place: &str) -> Result<Source, Error> {
        rpm::source(tree, place)
    }

    fn changelogs(&self, tree: Tree<'_>, place: &str) -> Result<Option<Source>, Error> {
        rpm::source(tree, place).map(Some)
    }

    fn visit_files(
        &self,
        tree: Tree<'_>,
        place: &str,
        reader: &Reader,
        visit: VisitFile<'_>,
    ) -> Result<(), Error> {
        reader.files(self.source(tree, place)?, visit)
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        rpm::version::compare(a, b)
    }

    fn caches(&self) -> &'static [Cache] {
        &[Cache {
            name: "zypp",
            at: "var/cache/zypp",
        }]
    }

    fn looks_in(&self) -> &'static str {
        rpm::VAR
    }

    fn lock_file(&self) -> &'static str {
        "run/zypp-rpm.pid"
    }

    fn check(&self, inside: &Sandboxed, context: &Context<'_>, _: &[Package]) -> Result<UpdateSet, Error> {
        refresh(inside, context, 0..600, None)?;
        let plan = self.dry_run(inside, context, &self.update_words(), None)?;
        context.report.progress(Progress {
            permille: Some(850),
            ..Progress::at(Phase::Refresh)
        });
        if plan.planned.is_empty() {
            return Ok(UpdateSet::default());
        }
        let security = security(inside, context)?;
        Ok(plan.update_set(&|name| security.contains(name)))
    }

    fn download(&self, inside: &Sandboxed, context: &Context<'_>, _: &[Package]) -> Result<UpdateSet, Error> {
        refresh(inside, context, 0..150, None)?;
        let words = self.update_words();
        let plan = self.dry_run(inside, context, &words, None)?;
        if plan.planned.is_empty() {
            return Ok(UpdateSet::default());
        }
        let security = security(inside, context)?;
        let mut tracker = Tracker::new(200..1000, 1000..1000, plan.planned.len());
        let run = self.run(
            inside,
            context,
            &words.with("--download-only"),
            &mut tracker,
            None,
        );
        run.map(|()| plan.update_set(&|name| security.contains(name)).fetched())
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
        let mut answers = context.report.can_ask().then(Answers::default);
        let is_removal = matches!(task, Task::Change(wish, _) if wish.kind == WishKind::Remove);
        if !is_removal {
            refresh(inside, context, at(0)..at(8), answers.as_mut())?;
        }
        let asked_by_refresh = answers.as_ref().map_or(0, Answers::count);
        let words = match task {
            Task::Update => self.update_words(),
            Task::Change(wish, installed) => wish_words(inside, context, wish, installed)?,
        };
        let plan = self.dry_run(inside, context, &words, answers.as_mut())?;
        if plan.count == Some(0) || (plan.count.is_none() && plan.planned.is_empty()) {
            return Ok(Outcome::Unchanged);
        }
        if let Task::Change(wish, _) = task {
            agreed(wish, removed(&plan.update_set(&|_| false)))?;
        }
        let mut tracker = Tracker::new(at(10)..at(45), at(45)..at(100), plan.planned.len());
        // Where nothing was asked nothing will be, and then package scripts have no terminal to wait at.
        let mut answers = answers.filter(|answers| answers.count() > asked_by_refresh);
        self.run(inside, context, &words, &mut tracker, answers.as_mut())?;
        Ok(Outcome::Changed(()))
    }

    fn plan(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        wish: &PackageWish,
        installed: &[Package],
    ) -> Result<UpdateSet, Error> {
        let words = wish_words(inside, context, wish, installed)?;
        let plan = self.dry_run(inside, context, &words, None)?;
        Ok(plan.update_set(&|_| false))
    }

    fn listed(&self, inside: &Sandboxed, context: &Context<'_>) -> Result<Vec<(String, String)>, Error> {
        let found = search(inside, context, &[], &[])?;
        Ok(found.into_iter().map(|it| (it.name, it.summary)).collect())
    }

    fn candidates(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        names: &[String],
    ) -> Result<BTreeMap<String, String>, Error> {
        let mut newest: BTreeMap<String, String> = BTreeMap::new();
        for found in search(inside, context, &["--details", "--match-exact"], names)? {
            let known = newest.entry(found.name).or_default();
            if known.is_empty() || rpm::version::compare(known, &found.edition) == Ordering::Less {
                *known = found.edition;
            }
        }
        Ok(newest)
    }

    fn security_versions(
        &self,
        _: Tree<'_>,
        _: &dyn Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Vec<String>>, Error> {
        // The changelogs in the headers name what is fixed.
        Ok(BTreeMap::new())
    }

    fn verify(&self, _: Tree<'_>, _: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// What zypper is told to do.
struct Words {
    verb: &'static str,
    options: Vec<&'static str>,
    /// Names that it lists itself.
    names: Vec<String>,
}

impl Words {
    /// The same with one more option.
    fn with(&self, option: &'static str) -> Self {
        let mut options = self.options.clone();
        options.push(option);
        Self {
            verb: self.verb,
            options,
            names: self.names.clone(),
        }
    }

    fn args(&self) -> Vec<String> {
        let words = std::iter::once(&self.verb).chain(&self.options);
        let mut args: Vec<String> = words.map(|it| (*it).to_owned()).collect();
        if !self.names.is_empty() {
            args.push("--".to_owned());
            args.extend(self.names.iter().cloned());
        }
        args
    }
}

/// A wish in zypper's words. Names are plain ones of packages, no capabilities that others may provide.
fn wish_words(
    inside: &Sandboxed,
    context: &Context<'_>,
    wish: &PackageWish,
    installed: &[Package],
) -> Result<Words, Error> {
    let by_name = ["--name", "--type", "package"];
    Ok(match wish.kind {
        WishKind::Install => {
            let listed = search(inside, context, &[], &[])?;
            let options = by_name.into_iter().chain(["--auto-agree-with-product-licenses"]);
            Words {
                verb: "install",
                options: options.collect(),
                names: known(&wish.names, listed.iter().map(|it| it.name.as_str()))?,
            }
        }
        WishKind::Remove => Words {
            verb: "remove",
            options: by_name.to_vec(),
            names: known(&wish.names, installed.iter().map(|it| it.name.as_str()))?,
        },
    })
}

/// The packages that the repositories have or that are installed: all of them, or those with these names.
fn search(
    inside: &Sandboxed,
    context: &Context<'_>,
    options: &[&'static str],
    names: &[String],
) -> Result<Vec<said::Found>, Error> {
    // So many names fit into the arguments of a program.
    let pieces: Vec<&[String]> = match names {
        [] => vec![&[]],
        names => names.chunks(1000).collect(),
    };
    let mut found = Vec::new();
    for names in pieces {
        let words = ["--no-refresh", "search", "--type", "package"];
        let mut run = zypper(inside, words).args(options.iter().copied());
        if !names.is_empty() {
            run = run.args(["--"]).args(names.iter().cloned());
        }
        let (finished, run) = listen(run, context)?;
        match finished.status.code() {
            Some(0) => found.extend(run.found),
            Some(NOTHING_FOUND) => {}
            code => return Err(Error::Packages(run.failure(code, finished.into_error().chain()))),
        }
    }
    Ok(found)
}

impl Zypper {
    /// The words of an update.
    fn update_words(&self) -> Words {
        Words {
            verb: self.method().verb(),
            options: vec!["--auto-agree-with-product-licenses"],
            names: Vec::new(),
        }
    }

    /// What these words would change.
    fn dry_run(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        words: &Words,
        answers: Option<&mut Answers>,
    ) -> Result<said::Run, Error> {
        let words = words.with("--dry-run").args();
        let (finished, run) = match answers {
            None => listen(zypper(inside, ["--no-refresh"]).args(words), context)?,
            Some(answers) => {
                let args = std::iter::once("--no-refresh".to_owned()).chain(words);
                converse(inside, args, context, answers, &mut |_| {})?
            }
        };
        self.judge(finished, &run)?;
        Ok(run)
    }

    /// Does what these words say.
    fn run(
        &self,
        inside: &Sandboxed,
        context: &Context<'_>,
        words: &Words,
        tracker: &mut Tracker,
        answers: Option<&mut Answers>,
    ) -> Result<(), Error> {
        let report = context.report;
        let mut progress = |step| report.progress(tracker.take(step));
        let (finished, run) = match answers {
            None => {
                let mut run = said::Run::default();
                let mut take = |line: &str| {
                    let mut log = |line: &str| report.log(line);
                    run.feed(&format!("{line}\n"), &mut log, &mut progress);
                };
                let command = zypper(inside, []).args(words.args());
                (command.lines(&mut take).finish(context)?, run)
            }
            Some(answers) => converse(inside, words.args(), context, answers, &mut progress)?,
        };
        if finished.status.code() == Some(SCRIPT_FAILED) && is_kept(report, &run)? {
            return Ok(());
        }
        self.judge(finished, &run)
    }

    /// The verdict is the exit code's alone: what zypper says of each package is "done" even when its script failed.
    fn judge(&self, finished: Finished, run: &said::Run) -> Result<(), Error> {
        match finished.status.code() {
            Some(0 | REBOOT_NEEDED | RESTART_NEEDED) => Ok(()),
            // A distribution upgrade with a part of the repositories missing would remove what they have.
            Some(REPOSITORIES_SKIPPED) if self.method() != Method::DistUpgrade => Ok(()),
            code => Err(Error::Packages(run.failure(code, finished.into_error().chain()))),
        }
    }
}

/// Whether a person wants to keep a system in which a package's script failed.
fn is_kept(report: &dyn Report, run: &said::Run) -> Result<bool, Error> {
    if !report.can_ask() {
        return Ok(false);
    }
    let package = run.failed_script().unwrap_or_default();
    let question =
        Question::new(QuestionKind::PackageScript, &run.scripts.join("\n")).with("package", package);
    let kept = report.ask(&question)?.is_some_and(|choice| choice > 0);
    if kept {
        report.log("Kept although a script failed.");
    }
    Ok(kept)
}

/// Runs zypper to its end and answers what it asks.
fn converse(
    inside: &Sandboxed,
    args: impl IntoIterator<Item = impl Into<String>>,
    context: &Context<'_>,
    answers: &mut Answers,
    progress: &mut (dyn FnMut(Step) + Send),
) -> Result<(Finished, said::Run), Error> {
    let terminal = Terminal::open()?;
    let mut talk = Talk::new(context.report, &terminal, answers);
    let mut run = said::Run::default();
    let mut take = |line: &str| {
        let mut log = |line: &str| match line.contains(IS_THERE) {
            // Whether it listens is between the two of us.
            true => {}
            false => context.report.log(line),
        };
        run.feed(&format!("{line}\n"), &mut log, &mut |step| {
            if matches!(step, Step::Install(..)) {
                talk.installs();
            }
            progress(step);
        });
        for (prompt, asked) in run.prompts.take() {
            if talk.prompt(&prompt, asked) {
                run.prompts.licensed = None;
            }
        }
    };
    let environment = ENVIRONMENT.into_iter().filter(|(key, _)| *key != READ_ONLY);
    let zypper = inside.command("zypper").env(environment);
    let zypper = zypper.args(["--xmlout"]).args(args);
    let finished = zypper.terminal(&terminal).lines(&mut take).finish(context)?;
    talk.end()?;
    Ok((finished, run))
}

fn zypper<'a>(inside: &Sandboxed, args: impl IntoIterator<Item = &'static str>) -> Run<'a> {
    inside
        .command("zypper")
        .env(ENVIRONMENT)
        .args(["--non-interactive", "--xmlout"])
        .args(args)
}

/// Runs it to its end and reads what it said as a whole.
fn listen(command: Run<'_>, context: &Context<'_>) -> Result<(Finished, said::Run), Error> {
    let finished = command.capture(CAPTURE_LIMIT).finish(context)?;
    let mut run = said::Run::default();
    let mut log = |line: &str| context.report.log(line);
    let text = String::from_utf8_lossy(&finished.stdout);
    for line in text.lines() {
        run.feed(&crate::run::line::clean(line.as_bytes()), &mut log, &mut |_| {});
        run.feed("\n", &mut log, &mut |_| {});
    }
    Ok((finished, run))
}

/// Asks every repository. A single one that does not answer is a failure: what it may have is unknown then.
fn refresh(
    inside: &Sandboxed,
    context: &Context<'_>,
    permille: Range<u16>,
    answers: Option<&mut Answers>,
) -> Result<(), Error> {
    context.report.progress(Progress {
        permille: Some(permille.start),
        ..Progress::at(Phase::Refresh)
    });
    let (finished, run) = match answers {
        None => listen(zypper(inside, ["refresh"]), context)?,
        Some(answers) => converse(inside, ["refresh"], context, answers, &mut |_| {})?,
    };
    match finished.status.code() {
        Some(0) => Ok(()),
        code => Err(Error::Packages(run.failure(code, finished.into_error().chain()))),
    }
}

/// The packages that patches for security bring, where the repositories have patches.
fn security(inside: &Sandboxed, context: &Context<'_>) -> Result<BTreeSet<String>, Error> {
    let listed = listen(
        zypper(inside, ["--no-refresh", "list-patches", "--category", "security"]),
        context,
    )?;
    let (finished, run) = listed;
    if !finished.status.success() || run.security.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut packages = BTreeSet::new();
    for patches in run.security.chunks(100) {
        let command = inside
            .command("zypper")
            .env(ENVIRONMENT)
            .args(["--non-interactive", "--no-refresh", "info", "-t", "patch", "--"])
            .args(patches.iter().cloned())
            .capture(CAPTURE_LIMIT);
        let finished = command.finish(context)?;
        packages.extend(patched(&String::from_utf8_lossy(&finished.stdout)));
    }
    Ok(packages)
}

/// Architectures that zypper puts behind a package's name; one without any is for all.
const ARCHITECTURES: [&str; 11] = [
    "aarch64", "armv6hl", "armv7hl", "i586", "i686", "noarch", "ppc64le", "riscv64", "s390x", "src", "x86_64",
];

/// The packages in what `zypper info -t patch` says: lines `NAME.ARCH < VERSION` below `Conflicts`, or one behind it when
/// it is the only one.
fn patched(text: &str) -> Vec<String> {
    let package = |line: &str| {
        let (name, _) = line.trim().split_once(" < ")?;
        let name = match name.strip_prefix("Conflicts") {
            Some(only) => only.trim_start().trim_start_matches(':').trim_start(),
            None => name,
        };
        let name = match name.rsplit_once('.') {
            Some((name, arch)) if ARCHITECTURES.contains(&arch) => name,
            _ => name,
        };
        (!name.contains(' ') && !name.is_empty()).then(|| name.trim_start_matches("srcpackage:").to_owned())
    };
    text.lines().filter_map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_names_its_packages() {
        let text = "Information for patch openSUSE-2026-1:\n------\nName        : openSUSE-2026-1\nConflicts   : [3]\n    \
                    curl.x86_64 < 8.14-2.1\n    libcurl4.noarch < 8.14-2.1\n    srcpackage:curl < 8.14-2.1\n";
        assert_eq!(patched(text), ["curl", "libcurl4", "curl"]);
        assert_eq!(
            patched("Provides    : patch:x = 1\nConflicts   : alpha < 2-1\n"),
            ["alpha"]
        );
        assert_eq!(
            patched("Conflicts   : [2]\n    python3.11 < 3\n    python3.11.x86_64 < 3\n"),
            ["python3.11", "python3.11"]
        );
    }
}
