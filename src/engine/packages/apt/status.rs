// SPDX-License-Identifier: GPL-3.0-or-later
//! APT's status descriptor (`APT::Status-Fd`): lines `KIND:SUBJECT:PERCENT:TEXT`.

use model::{Phase, Progress};
use std::collections::BTreeSet;
use std::ops::Range;

/// One line of the status descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status<'a> {
    /// Downloading.
    Download {
        /// Thousandths of all bytes to download.
        permille: u16,
        /// `Retrieving file 2 of 3`.
        text: &'a str,
    },
    /// dpkg works on a package.
    Install {
        /// The package, or `dpkg-exec` when dpkg starts.
        package: &'a str,
        /// Thousandths of all of dpkg's steps.
        permille: u16,
        /// `Configuring alpha (amd64)`.
        text: &'a str,
    },
    /// A package failed.
    Failed {
        /// The package, or the path of its file.
        package: &'a str,
        /// What dpkg said.
        text: &'a str,
    },
    /// A changed configuration file: apt-get asks, and our options answer that the old one stays.
    ConfigurationFile(&'a str),
    /// Another medium is wanted, which nobody is there to insert.
    Medium(&'a str),
}

/// Reads one line; `None` when it is none of these.
pub fn parse(line: &str) -> Option<Status<'_>> {
    let (kind, rest) = line.split_once(':')?;
    let (subject, number, text) = fields(rest)?;
    Some(match kind {
        "dlstatus" => Status::Download {
            permille: permille(number)?,
            text,
        },
        "pmstatus" => Status::Install {
            package: subject,
            permille: permille(number)?,
            text,
        },
        "pmerror" => Status::Failed {
            package: subject,
            text,
        },
        "pmconffile" => Status::ConfigurationFile(subject),
        "media-change" => Status::Medium(text),
        _ => return None,
    })
}

/// Splits `SUBJECT:PERCENT:TEXT`, where the subject may hold colons (`libc6:i386`) and so may the text.
fn fields(rest: &str) -> Option<(&str, &str, &str)> {
    let is_number = |field: &str| {
        field.starts_with(|c: char| c.is_ascii_digit())
            && field.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let mut from = rest.find(':')? + 1;
    loop {
        let end = from + rest[from..].find(':')?;
        if is_number(&rest[from..end]) {
            return Some((&rest[..from - 1], &rest[from..end], &rest[end + 1..]));
        }
        from = end + 1;
    }
}

fn permille(percent: &str) -> Option<u16> {
    let percent: f64 = percent.parse().ok()?;
    // Within 0 to 1000, so nothing is cut off.
    Some((percent.clamp(0.0, 100.0) * 10.0).round() as u16)
}

/// `Retrieving file 2 of 3` → 2 and 3.
fn counted(text: &str) -> Option<(u32, u32)> {
    let (rest, items) = text.rsplit_once(" of ")?;
    let (_, item) = rest.rsplit_once(' ')?;
    let (item, items) = (item.parse().ok()?, items.parse().ok()?);
    (item <= items).then_some((item, items))
}

/// Makes one rising number out of the lines.
#[derive(Debug)]
pub struct Tracker {
    download: (Phase, Range<u16>),
    install: Range<u16>,
    permille: u16,
    items: u32,
    steps: BTreeSet<(String, String)>,
    failed: Option<(String, String)>,
}

impl Tracker {
    /// Downloading counts as `phase` within `download`, installing takes `items` steps within `install`.
    pub fn new(phase: Phase, download: Range<u16>, install: Range<u16>, items: u32) -> Self {
        Self {
            permille: download.start,
            download: (phase, download),
            install,
            items,
            steps: BTreeSet::new(),
            failed: None,
        }
    }

    /// The first package that failed, and what dpkg said.
    pub fn failed(&self) -> Option<(&str, &str)> {
        self.failed
            .as_ref()
            .map(|(package, text)| (package.as_str(), text.as_str()))
    }

    /// Takes the next line; progress when there is any.
    pub fn take(&mut self, line: &str) -> Option<Progress> {
        match parse(line)? {
            Status::Download { permille, text } => {
                let (phase, range) = self.download.clone();
                self.advance(&range, permille);
                let (item, items) = counted(text).unwrap_or((0, 0));
                Some(self.progress(phase, item, items, ""))
            }
            Status::Install {
                package,
                permille,
                text,
            } => {
                self.advance(&self.install.clone(), permille);
                let subject = if package == "dpkg-exec" { "" } else { package };
                let verb = text.split(' ').next().unwrap_or_default();
                if matches!(verb, "Unpacking" | "Configuring" | "Removing") {
                    self.steps.insert((verb.to_owned(), subject.to_owned()));
                }
                let done = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
                Some(self.progress(Phase::Install, done.min(self.items), self.items, subject))
            }
            Status::Failed { package, text } => {
                self.failed
                    .get_or_insert_with(|| (package.to_owned(), text.to_owned()));
                None
            }
            Status::ConfigurationFile(_) | Status::Medium(_) => None,
        }
    }

    fn advance(&mut self, range: &Range<u16>, permille: u16) {
        let length = u32::from(range.end.saturating_sub(range.start));
        let part = u16::try_from(length * u32::from(permille.min(1000)) / 1000).unwrap_or(u16::MAX);
        self.permille = self.permille.max(range.start.saturating_add(part));
    }

    fn progress(&self, phase: Phase, item: u32, items: u32, subject: &str) -> Progress {
        Progress {
            phase,
            permille: Some(self.permille),
            item,
            items,
            subject: subject.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = include_str!("../../../../tests/fixtures/apt/status-fd.txt");
    const SCRIPT: &str = include_str!("../../../../tests/fixtures/apt/status-fd-script.txt");
    const FULL: &str = include_str!("../../../../tests/fixtures/apt/status-fd-full.txt");

    fn tracker() -> Tracker {
        Tracker::new(Phase::Download, 100..400, 400..900, 7)
    }

    #[test]
    fn a_real_run_becomes_one_rising_number() {
        let mut tracker = tracker();
        let mut shown: Vec<_> = GOOD
            .lines()
            .filter_map(|line| tracker.take(line))
            .map(|p| {
                format!(
                    "{} {} {}/{} {}",
                    p.phase,
                    p.permille.unwrap(),
                    p.item,
                    p.items,
                    p.subject
                )
            })
            .collect();
        shown.dedup();
        assert_eq!(
            shown[..5],
            [
                "download 100 1/3 ",
                "download 199 2/3 ",
                "download 300 3/3 ",
                "download 400 3/3 ",
                "install 400 0/7 ",
            ]
        );
        assert_eq!(shown.last().unwrap(), "install 866 7/7 alpha");
        assert!(
            shown.contains(&"install 699 4/7 beta".to_owned())
                || shown.contains(&"install 700 5/7 beta".to_owned())
        );
        assert_eq!(tracker.failed(), None);
    }

    #[test]
    fn the_package_that_failed_is_remembered() {
        let fail = |text: &str| {
            let mut tracker = tracker();
            for line in text.lines() {
                tracker.take(line);
            }
            let (package, text) = tracker.failed().unwrap();
            (package.to_owned(), text.to_owned())
        };
        let (package, text) = fail(SCRIPT);
        assert_eq!(package, "fail");
        assert!(text.ends_with("post-installation script subprocess returned error exit status 1"));
        let (package, text) = fail(FULL);
        assert_eq!(package, "/srv/./pool/large_2_all.deb");
        assert!(text.ends_with("failed to write (No space left on device)"));
    }

    #[test]
    fn odd_lines_are_understood_or_skipped() {
        assert_eq!(
            parse("pmstatus:libc6:i386:12.5:Unpacking libc6:i386"),
            Some(Status::Install {
                package: "libc6:i386",
                permille: 125,
                text: "Unpacking libc6:i386"
            })
        );
        assert_eq!(
            parse("pmconffile:/etc/x:50.0:'/etc/x' '/etc/x.dpkg-new' 1 1"),
            Some(Status::ConfigurationFile("/etc/x"))
        );
        assert_eq!(
            parse("media-change: Ubuntu 5.10:/cdrom/:0.5:insert"),
            Some(Status::Medium("insert"))
        );
        for line in [
            "",
            ":",
            "pmstatus",
            "pmstatus:x",
            "pmstatus:x:y:z",
            "other:x:1:y",
            "dlstatus:1:9.9.9:x",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn the_number_never_falls_nor_leaves_its_range(
            lines in proptest::collection::vec(
                prop_oneof![
                    "(dlstatus|pmstatus|pmerror|pmconffile|media-change):[a-z:0-9/.]{0,8}:[0-9]{1,4}(\\.[0-9]{1,4})?:[A-Za-z 0-9:]{0,20}",
                    ".{0,40}",
                ],
                0..30,
            )
        ) {
            let mut tracker = tracker();
            let mut last = 100;
            for line in &lines {
                if let Some(progress) = tracker.take(line) {
                    let now = progress.permille.unwrap();
                    prop_assert!((last..=900).contains(&now) && progress.item <= progress.items.max(progress.item));
                    last = now;
                }
            }
        }
    }
}
