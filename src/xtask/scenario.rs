// SPDX-License-Identifier: GPL-3.0-or-later
//! The main job in a real guest, step by step: list, check, update, restart, roll back, restart.
//!
//! Every step is shown as what a person would type and see, and is then judged by state read from the guest with
//! other tools than ours: `findmnt`, `btrfs subvolume get-default`, the package database of the snapshot itself.

mod units;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::enter::Session;
use crate::guest::Guest;
use crate::guest::image::Image;

const PACKAGES: [&str; 4] = ["demo-editor", "demo-library", "demo-spelling", "demo-wallpapers"];
const BEFORE: [Option<&str>; 4] = [Some("1.0"), Some("1.0"), None, Some("1.0")];
const AFTER: [Option<&str>; 4] = [Some("2.0"), Some("1.0-1+deb13u1"), Some("1.0"), Some("2.0")];

/// A guest with the story told so far.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// The guest
    pub(crate) guest: Guest,
    transcript: fs::File,
    first_error: Option<String>,
    passed: u32,
    failed: u32,
}

type Step = (&'static str, fn(&mut Scenario) -> Result<()>);

const STEPS: [Step; 10] = [
    ("boots_the_default_subvolume", boots),
    ("lists_snapshots", lists),
    ("finds_the_update", checks),
    ("units_are_sound_and_closed", units::sound),
    ("the_timer_does_what_was_decided", units::timer),
    ("the_agent_lives_as_long_as_a_desktop", units::session),
    ("updates_into_a_new_snapshot", updates),
    ("restarts_into_the_update", restarts_into_the_update),
    ("rolls_back_with_a_preview", rolls_back),
    ("restarts_into_the_old_system", restarts_back),
];

/// Runs all steps as tests and returns the summary line.
pub(crate) fn test(session: &Session) -> Result<String> {
    let directory = session.results("system")?;
    let mut scenario = Scenario::new(session, &directory.join("transcript.txt"))?;
    scenario.play(false);
    let line = scenario.summary();
    println!("{line}");
    Ok(line)
}

impl Scenario {
    /// Makes the guest; nothing is booted yet.
    pub(crate) fn new(session: &Session, transcript: &Path) -> Result<Self> {
        let began = Instant::now();
        let image = Image::make(session)?;
        let transcript =
            fs::File::create(transcript).with_context(|| format!("create {}", transcript.display()))?;
        let guest = Guest::new(session, image)?;
        let mut scenario = Self {
            guest,
            transcript,
            first_error: None,
            passed: 0,
            failed: 0,
        };
        scenario.say(&format!(
            "# a Debian 13 on a fresh btrfs image, made in {:.1} s",
            began.elapsed().as_secs_f64()
        ));
        Ok(scenario)
    }

    /// Plays the steps; after a failure the rest is not run, since each one needs the one before.
    pub(crate) fn play(&mut self, show: bool) {
        for (name, step) in STEPS {
            if self.failed > 0 {
                println!("test system::{name} ... FAILED (not reached)");
                self.failed += 1;
                continue;
            }
            let began = Instant::now();
            self.say(&format!("\n### {}", name.replace('_', " ")));
            match step(self) {
                Ok(()) => {
                    self.passed += 1;
                    if show {
                        self.say(&format!(
                            "# as it should be ({:.1} s)",
                            began.elapsed().as_secs_f64()
                        ));
                    }
                    println!("test system::{name} ... ok");
                }
                Err(error) => {
                    self.failed += 1;
                    self.first_error = Some(format!("{error:#}"));
                    self.say(&format!("# WRONG: {error:#}"));
                    println!("test system::{name} ... FAILED\n{error:#}");
                }
            }
        }
    }

    /// Did all steps pass?
    pub(crate) fn is_good(&self) -> bool {
        self.failed == 0
    }

    /// The summary in the form that test runners print.
    pub(crate) fn summary(&self) -> String {
        let verdict = if self.failed == 0 { "ok" } else { "FAILED" };
        format!(
            "test result: {verdict}. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out",
            self.passed, self.failed
        )
    }

    /// Writes to the transcript and the terminal.
    pub(crate) fn say(&mut self, text: &str) {
        println!("{text}");
        let _ = writeln!(self.transcript, "{text}");
    }

    /// Shows a command line and what it prints while it runs; it must succeed.
    fn show(&mut self, words: &[&str]) -> Result<String> {
        self.say(&format!("kedge-guest# {}", words.join(" ")));
        self.stream(words, 0)
    }

    fn stream(&mut self, words: &[&str], code: i32) -> Result<String> {
        let mut child = self
            .guest
            .command(words)?
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let errors = child.stderr.take().context("read the command's messages")?;
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let mut stream = std::io::BufReader::new(errors);
            let mut bytes = Vec::new();
            if stream.read_to_end(&mut bytes).is_ok() {
                text = String::from_utf8_lossy(&bytes).into_owned();
            }
            text
        });
        let mut all = Vec::new();
        let mut piece = [0; 4096];
        let mut stream = child.stdout.take().context("read the command's output")?;
        loop {
            let length = stream.read(&mut piece)?;
            if length == 0 {
                break;
            }
            all.extend_from_slice(&piece[..length]);
            // As it comes, so that a person sees the progress live.
            let _ = std::io::stdout().write_all(&piece[..length]);
            let _ = std::io::stdout().flush();
            let _ = self.transcript.write_all(&plain(&piece[..length]));
        }
        let errors = errors.join().unwrap_or_default();
        if !errors.trim().is_empty() {
            self.say(errors.trim_end());
        }
        let status = child.wait()?;
        ensure!(
            status.code() == Some(code),
            "{} ended with {status}: {}",
            words.join(" "),
            errors.trim()
        );
        Ok(String::from_utf8_lossy(&all).into_owned())
    }

    /// Shows a command line that runs on a terminal, as it draws its progress only there, and must end with this code.
    fn show_on_terminal(&mut self, line: &str, code: i32) -> Result<String> {
        self.say(&format!("kedge-guest# {line}"));
        let inside = format!("export TERM=xterm; stty cols 100 rows 40; {line}");
        self.stream(
            &[
                "script",
                "--quiet",
                "--flush",
                "--return",
                "--command",
                &inside,
                "/dev/null",
            ],
            code,
        )
    }

    /// The subvolume that is mounted at `/`.
    fn booted(&self) -> Result<String> {
        let line = self
            .guest
            .run(&["findmnt", "--noheadings", "--output", "FSROOT", "/"])?;
        Ok(line.trim().trim_start_matches('/').to_owned())
    }

    /// The subvolume that starts next.
    fn default(&self) -> Result<String> {
        let line = self.guest.run(&["btrfs", "subvolume", "get-default", "/"])?;
        Ok(line.split(" path ").nth(1).unwrap_or_default().trim().to_owned())
    }

    /// The demo packages by the package database of a root directory in the guest.
    fn packages(&self, root: &str) -> Result<Vec<Option<String>>> {
        let database = format!("--admindir={root}/usr/lib/sysimage/dpkg");
        let list = self.guest.run(&[
            "dpkg-query",
            &database,
            "-W",
            "-f",
            "${db:Status-Status} ${Package} ${Version}\n",
        ])?;
        Ok(PACKAGES
            .iter()
            .map(|name| {
                list.lines()
                    .find_map(|line| line.strip_prefix(&format!("installed {name} ")))
                    .map(str::to_owned)
            })
            .collect())
    }

    /// Says and checks which subvolume runs, which one is the default, and what is installed in the running one.
    fn judge(&mut self, booted: &str, default: &str, running: &[Option<&str>]) -> Result<()> {
        let is = (self.booted()?, self.default()?, self.packages("")?);
        let mut line = format!("# findmnt / -> {}; get-default -> {}; dpkg:", is.0, is.1);
        for (name, version) in PACKAGES.iter().zip(&is.2) {
            let _ = write!(line, " {name} {}", version.as_deref().unwrap_or("-"));
        }
        self.say(&line);
        ensure!(is.0 == booted, "the running system is {}, not {booted}", is.0);
        ensure!(is.1 == default, "the default is {}, not {default}", is.1);
        let installed: Vec<Option<&str>> = is.2.iter().map(Option::as_deref).collect();
        ensure!(
            installed == running,
            "installed is {installed:?}, not {running:?}"
        );
        Ok(())
    }
}

/// What a terminal was sent, for a file: every state of a line that was drawn over becomes a line of its own.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            // A control sequence: parameters, then one letter.
            0x1b if rest.peek() == Some(&b'[') => {
                rest.next();
                let _ = rest.find(|byte| (0x40..0x7f).contains(byte));
            }
            0x1b => {}
            b'\r' if rest.peek() != Some(&b'\n') => text.push(b'\n'),
            b'\r' => {}
            byte => text.push(byte),
        }
    }
    text
}

/// The root directory of a snapshot in the guest, from its subvolume path.
fn directory(subvolume: &str) -> String {
    format!("/{}", subvolume.trim_start_matches("@/"))
}

/// What `kedgectl check` ends with when there are updates.
const FOUND: i32 = 100;

const FIRST: &str = "@/.snapshots/1/snapshot";

fn boots(scenario: &mut Scenario) -> Result<()> {
    let took = scenario.guest.boot()?;
    scenario.say(&format!("# booted in {:.1} s", took.as_secs_f64()));
    scenario.show(&["findmnt", "/"])?;
    scenario.show(&["systemctl", "is-system-running"])?;
    scenario.judge(FIRST, FIRST, &BEFORE)?;
    let write = scenario.guest.try_run(&["touch", "/usr/x"])?;
    ensure!(!write.status.success(), "the running system is writable");
    scenario.guest.run(&["touch", "/etc/kedge-demo-was-here"])?;
    Ok(())
}

fn lists(scenario: &mut Scenario) -> Result<()> {
    scenario.show(&["kedgectl", "status"])?;
    let list = scenario.show(&["kedgectl", "list"])?;
    ensure!(
        list.contains("first root filesystem"),
        "the first snapshot is not in the list"
    );
    Ok(())
}

/// Looks for updates and wants all of them.
pub(crate) fn checks(scenario: &mut Scenario) -> Result<()> {
    let list = scenario.show_on_terminal("kedgectl check", FOUND)?;
    for name in PACKAGES {
        ensure!(
            list.contains(name),
            "{name} is missing in what `kedgectl check` found"
        );
    }
    scenario.judge(FIRST, FIRST, &BEFORE)
}

fn updates(scenario: &mut Scenario) -> Result<()> {
    let seen = scenario.show_on_terminal("kedgectl update --yes", 0)?;
    ensure!(seen.contains('%'), "no progress was shown");
    let default = scenario.default()?;
    ensure!(default != FIRST, "the default is still the first snapshot");
    scenario.judge(FIRST, &default, &BEFORE)?;
    let new = directory(&default);
    let inside = scenario.packages(&new)?;
    let inside: Vec<Option<&str>> = inside.iter().map(Option::as_deref).collect();
    scenario.say(&format!("# in {new}: {inside:?}"));
    ensure!(inside == AFTER, "the new snapshot has {inside:?}");
    let property = scenario.show(&["btrfs", "property", "get", "-ts", &new, "ro"])?;
    ensure!(property.trim() == "ro=true", "the new snapshot is not read-only");
    scenario.show(&["kedgectl", "list"])?;
    Ok(())
}

fn restarts_into_the_update(scenario: &mut Scenario) -> Result<()> {
    let default = scenario.default()?;
    scenario.say("kedge-guest# systemctl reboot");
    let took = scenario.guest.reboot()?;
    scenario.say(&format!("# down and up again in {:.1} s", took.as_secs_f64()));
    scenario.judge(&default, &default, &AFTER)?;
    scenario.show(&["kedgectl", "status"])?;
    Ok(())
}

fn rolls_back(scenario: &mut Scenario) -> Result<()> {
    let new = scenario.booted()?;
    let preview = scenario.show(&["kedgectl", "rollback", "1", "--plan"])?;
    for name in PACKAGES {
        ensure!(preview.contains(name), "the preview does not name {name}");
    }
    scenario.judge(&new, &new, &AFTER)?;
    scenario.show_on_terminal("kedgectl rollback 1 --yes", 0)?;
    let default = scenario.default()?;
    ensure!(default != new, "the default is still {new}");
    scenario.judge(&new, &default, &AFTER)?;
    let inside = scenario.packages(&directory(&default))?;
    let inside: Vec<Option<&str>> = inside.iter().map(Option::as_deref).collect();
    if inside != BEFORE {
        bail!("the system to go back to has {inside:?}");
    }
    scenario.show(&["kedgectl", "list"])?;
    Ok(())
}

fn restarts_back(scenario: &mut Scenario) -> Result<()> {
    let default = scenario.default()?;
    scenario.say("kedge-guest# systemctl reboot");
    let took = scenario.guest.reboot()?;
    scenario.say(&format!("# down and up again in {:.1} s", took.as_secs_f64()));
    scenario.judge(&default, &default, &BEFORE)?;
    ensure!(
        scenario.guest.boots() == 3,
        "the guest was booted {} times",
        scenario.guest.boots()
    );
    scenario.show(&["kedgectl", "status"])?;
    scenario.show(&["kedgectl", "log"])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_becomes_text() {
        assert_eq!(
            plain(b"a 1 %\r\x1b[Ka \x1b[1;32m2\x1b[0m %\r\nend\n"),
            b"a 1 %\na 2 %\nend\n"
        );
        assert_eq!(plain(b"cut \x1b["), b"cut ");
    }

    #[test]
    fn subvolumes_become_directories() {
        assert_eq!(directory("@/.snapshots/7/snapshot"), "/.snapshots/7/snapshot");
    }
}
