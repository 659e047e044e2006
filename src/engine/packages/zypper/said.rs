// SPDX-License-Identifier: GPL-3.0-or-later
//! What zypper said in one run: what it would change, what it was asked, what went wrong, and how far it is.

use super::prompt::Prompts;
use super::stream::{Element, Said, Stream};
use crate::packages::{Package, change, rpm};
use model::{Failure, FailureCode, PackageChange, Phase, Progress, UpdateSet};
use std::ops::Range;

/// So many messages and questions are kept.
const MESSAGES: usize = 400;

/// A package in the summary of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// How its version is before; `None` when it is not installed.
    pub old: Option<String>,
    /// How it is after; `None` when it is removed.
    pub new: Option<String>,
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// The repository that the new version comes from.
    pub repository: String,
    /// It is the same version, built anew.
    pub rebuilt: bool,
}

/// A package that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// What it is; empty where versions were asked for.
    pub summary: String,
    /// One of its versions; empty unless versions were asked for.
    pub edition: String,
}

/// Everything of one run that counts.
#[derive(Debug, Default)]
pub struct Run {
    stream: Stream,
    /// The packages that would change.
    pub planned: Vec<Planned>,
    /// The packages that a search found.
    pub found: Vec<Found>,
    /// How many that are, by zypper's own count, once it said so.
    pub count: Option<usize>,
    /// Bytes to download.
    pub download_size: u64,
    /// Bytes by which the system grows.
    pub installed_delta: i64,
    /// Errors and warnings, in their order.
    pub messages: Vec<String>,
    /// What it asked, in its own words; it answers itself.
    pub questions: Vec<String>,
    /// What it asked.
    pub prompts: Prompts,
    /// What it said about scripts of packages that failed.
    pub scripts: Vec<String>,
    /// The names of patches for security that are needed.
    pub security: Vec<String>,
    /// The package it worked on last.
    pub current: Option<String>,
    position: (u32, u32),
}

impl Run {
    /// Takes the next piece of what it says. `log` gets every line that is for people, `progress` what changed.
    pub fn feed(&mut self, piece: &str, log: &mut dyn FnMut(&str), progress: &mut dyn FnMut(Step)) {
        let mut stream = std::mem::take(&mut self.stream);
        stream.feed(piece, |said| match said {
            Said::Text(line) => log(line.trim()),
            Said::Element(element) => self.element(element, log, progress),
        });
        self.stream = stream;
    }

    fn element(&mut self, it: &Element, log: &mut dyn FnMut(&str), progress: &mut dyn FnMut(Step)) {
        let text = it.text.trim();
        match it.name.as_str() {
            "message" => {
                text.lines()
                    .filter(|line| !line.trim().is_empty())
                    .for_each(|line| log(line.trim()));
                // rpm's own complaints are passed on as information.
                let counts = it.get("type") != "info" || text.starts_with("error:") || tells_of_space(text);
                if counts && self.messages.len() < MESSAGES {
                    self.messages.push(text.to_owned());
                }
                if text.contains("scriptlet failed") && self.scripts.len() < MESSAGES {
                    self.scripts.push(text.to_owned());
                }
                self.prompts.message(text);
            }
            "text" | "description" if it.is_in("prompt") => {
                text.lines()
                    .filter(|line| !line.trim().is_empty())
                    .for_each(|line| log(line.trim()));
                if self.questions.len() < MESSAGES {
                    self.questions.push(text.to_owned());
                }
                self.prompts.element(it);
            }
            "option" if it.is_in("prompt") => self.prompts.element(it),
            "prompt" => self.prompts.element(it),
            "install-summary" => {
                let number = |name| it.get(name).parse::<i64>().unwrap_or(0);
                self.count = it.get("packages-to-change").parse().ok();
                self.download_size = u64::try_from(number("download-size")).unwrap_or(0);
                self.installed_delta = number("space-usage-diff");
            }
            "solvable" if it.is_in("install-summary") => self.planned.extend(planned(it)),
            "solvable" if it.is_in("search-result") && it.get("kind") == "package" => {
                self.found.push(Found {
                    name: it.get("name").to_owned(),
                    summary: it.get("summary").to_owned(),
                    edition: it.get("edition").to_owned(),
                });
            }
            "update" if it.get("category") == "security" => self.security.push(it.get("name").to_owned()),
            "progress" => self.progress(it, log, progress),
            "download" if !it.get("percent").is_empty() => {
                let file = it.get("url").rsplit('/').next().unwrap_or_default();
                progress(Step::Download(file.to_owned()));
            }
            _ => {}
        }
    }

    fn progress(&mut self, it: &Element, log: &mut dyn FnMut(&str), progress: &mut dyn FnMut(Step)) {
        let name = it.get("name");
        match it.get("id") {
            "raw-refresh" => progress(Step::Refresh(name.to_owned())),
            // `(i/n) Installing: NAME-VERSION.ARCH [done]`; the percentages between are not guaranteed.
            "install-resolvable" | "remove-resolvable" => {
                let Some((position, subject)) = position(name) else {
                    return;
                };
                if self.position != position {
                    self.position = position;
                    log(name);
                }
                self.current = Some(subject.to_owned());
                let done = !it.get("done").is_empty();
                progress(Step::Install(position.0, position.1, subject.to_owned(), done));
            }
            _ => {}
        }
    }

    /// The update that the plan amounts to.
    pub fn update_set(&self, is_security: &dyn Fn(&str) -> bool) -> UpdateSet {
        let package = |it: &Planned, version: &Option<String>| {
            version.as_ref().map(|version| Package {
                name: it.name.clone(),
                arch: it.arch.clone(),
                version: version.clone(),
                ..Package::default()
            })
        };
        let one = |it: &Planned| {
            let (old, mut new) = (package(it, &it.old), package(it, &it.new));
            if let Some(new) = new.as_mut().filter(|_| it.rebuilt) {
                "another".clone_into(&mut new.build);
            }
            let change = change(old.as_ref(), new.as_ref(), rpm::version::compare)?;
            Some(PackageChange {
                origin: it.repository.clone(),
                security: is_security(&it.name),
                ..change
            })
        };
        let mut packages: Vec<_> = self.planned.iter().filter_map(one).collect();
        packages.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
        UpdateSet {
            packages,
            download_size: self.download_size,
            installed_delta: self.installed_delta,
        }
    }

    /// The package whose script failed first: `%post(NAME) scriptlet failed`, else the one that was worked on last.
    pub fn failed_script(&self) -> Option<&str> {
        let named = self.scripts.iter().find_map(|text| {
            let (_, rest) = text.split_once('(')?;
            rest.split_once(')').map(|(name, _)| name)
        });
        named.or(self.current.as_deref())
    }

    /// Why it failed, by its exit code and its words; `detail` is everything for a technician.
    pub fn failure(&self, code: Option<i32>, detail: String) -> Failure {
        let said = |words: &[&str]| {
            let all = self.messages.iter().chain(&self.questions);
            let mut all = all.map(|text| (text, text.to_ascii_lowercase()));
            all.find(|(_, text)| words.iter().any(|word| text.contains(word)))
                .map(|(text, _)| text)
        };
        let cause = CAUSES
            .iter()
            .find_map(|(words, code)| said(words).map(|text| (*code, text.as_str())));
        let (code, text) = match (code, cause) {
            // A script that failed is the cause even where others complained before.
            (Some(107), _) => (FailureCode::PackageScript, ""),
            (Some(7), _) => (FailureCode::LockHeld, ""),
            (Some(4), None) if self.prompts.licensed.is_some() => (FailureCode::License, ""),
            (_, Some(cause)) => cause,
            // It asked something that only a person can answer.
            (Some(4), None) if !self.questions.is_empty() => (FailureCode::Conflict, ""),
            (Some(6 | 106), None) => (FailureCode::RepositoryUnavailable, ""),
            _ => (FailureCode::PackageManager, ""),
        };
        let mut details = self.messages.clone();
        details.extend(self.questions.iter().cloned());
        details.push(detail);
        let failure = Failure::new(code, details.join("\n"));
        match code {
            FailureCode::LockHeld => failure.with("holder", "zypper"),
            FailureCode::Network
            | FailureCode::RepositoryUnavailable
            | FailureCode::RepositorySignature
            | FailureCode::RepositoryExpired => match quoted(text) {
                Some(name) => failure.with("repository", name),
                None => failure,
            },
            FailureCode::License => match &self.prompts.licensed {
                Some(package) => failure.with("package", package),
                None => failure,
            },
            FailureCode::PackageScript => match self.failed_script() {
                Some(package) => failure.with("package", package),
                None => failure,
            },
            FailureCode::DiskFull => match &self.current {
                Some(package) => failure.with("package", package),
                None => failure,
            },
            _ => failure,
        }
    }
}

/// What zypper says, in lower case, and what it means. The first that is found counts.
const CAUSES: &[(&[&str], FailureCode)] = &[
    (
        &[
            "no space left",
            "more space on the",
            "more space needed",
            "not enough space",
            "disk full",
            "insufficient disk space",
            "needs at least",
        ],
        FailureCode::DiskFull,
    ),
    (
        &[
            "signature verification",
            "not signed",
            "unsigned",
            "gpg check",
            "unknown key",
            "untrusted",
            "wrong digest",
            "digest verification",
        ],
        FailureCode::RepositorySignature,
    ),
    (
        &[
            "could not resolve host",
            "connection failed",
            "connection refused",
            "timed out",
            "timeout exceeded",
            "network is unreachable",
            "couldn't connect",
            "could not connect",
        ],
        FailureCode::Network,
    ),
    (
        &[
            "valid metadata not found",
            "not found on medium",
            "not found on media",
            "can't provide",
            "repository is invalid",
            "skipping repository",
            "some of the repositories have not been refreshed",
            "failed to mount",
            "doesn't exist",
        ],
        FailureCode::RepositoryUnavailable,
    ),
    (&["scriptlet failed", "script failed"], FailureCode::PackageScript),
    (
        &[
            "file conflict:",
            "file conflicts:",
            "conflicts with",
            "conflict with",
            "nothing provides",
            "problem:",
            "cannot install both",
        ],
        FailureCode::Conflict,
    ),
];

/// `installing package NAME needs 43MB more space on the / filesystem`.
fn tells_of_space(text: &str) -> bool {
    ["more space on the", "No space left"]
        .iter()
        .any(|words| text.contains(words))
}

fn quoted(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('\'')?;
    rest.split_once('\'').map(|(name, _)| name)
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It asks this repository.
    Refresh(String),
    /// It downloads this file.
    Download(String),
    /// It installs or removes the i-th of n packages: this one, which may be done.
    Install(u32, u32, String, bool),
}

/// Makes one rising number of the steps.
#[derive(Debug)]
pub struct Tracker {
    permille: u16,
    download: Range<u16>,
    install: Range<u16>,
    /// How many packages change.
    count: u32,
    files: Vec<String>,
}

impl Tracker {
    /// Downloading `count` packages counts within `download`, installing within `install`.
    pub fn new(download: Range<u16>, install: Range<u16>, count: usize) -> Self {
        Self {
            permille: download.start,
            download,
            install,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            files: Vec::new(),
        }
    }

    /// Takes the next step.
    pub fn take(&mut self, step: Step) -> Progress {
        let (phase, item, items, subject) = match step {
            Step::Refresh(name) => (Phase::Refresh, 0, 0, name),
            Step::Download(file) => {
                if self.files.last() != Some(&file) && self.files.len() < 100_000 {
                    self.files.push(file.clone());
                }
                let item = u32::try_from(self.files.len())
                    .unwrap_or(u32::MAX)
                    .min(self.count);
                self.advance(&self.download.clone(), item.saturating_sub(1), self.count);
                (Phase::Download, item, self.count, file)
            }
            Step::Install(item, items, subject, done) => {
                let complete = if done { item } else { item.saturating_sub(1) };
                self.advance(&self.install.clone(), complete, items);
                (Phase::Install, item, items, subject)
            }
        };
        Progress {
            phase,
            permille: Some(self.permille),
            item,
            items,
            subject,
        }
    }

    fn advance(&mut self, range: &Range<u16>, done: u32, all: u32) {
        let length = u64::from(range.end.saturating_sub(range.start));
        let part = length * u64::from(done.min(all)) / u64::from(all.max(1));
        let part = u16::try_from(part).unwrap_or(u16::MAX);
        self.permille = self.permille.max(range.start.saturating_add(part));
    }
}

/// `(3/12) Installing: alpha-2-1.noarch [..]` → 3, 12 and the package.
fn position(name: &str) -> Option<((u32, u32), &str)> {
    let (inside, rest) = name.strip_prefix('(')?.split_once(')')?;
    let (item, items) = inside.split_once('/')?;
    let (item, items) = (item.trim().parse().ok()?, items.trim().parse().ok()?);
    let (_, subject) = rest.split_once(": ").unwrap_or(("", rest));
    (item <= items).then_some((
        (item, items),
        subject.split(" [").next().unwrap_or(subject).trim(),
    ))
}

fn planned(it: &Element) -> Option<Planned> {
    if it.get("type") != "package" {
        return None;
    }
    let (edition, before) = (it.get("edition"), it.get("edition-old"));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (old, new) = match it.within.last()?.as_str() {
        "to-install" => (None, some(edition)),
        "to-remove" => (some(edition), None),
        "to-reinstall" => (some(edition), some(edition)),
        "to-upgrade" | "to-downgrade" | "to-change-arch" => (some(before), some(edition)),
        _ => return None,
    };
    Some(Planned {
        old,
        new,
        name: some(it.get("name"))?,
        arch: it.get("arch").to_owned(),
        repository: it.get("repository").to_owned(),
        rebuilt: it.within.last().is_some_and(|it| it == "to-reinstall"),
    })
}

#[cfg(test)]
mod tests;
