// SPDX-License-Identifier: GPL-3.0-or-later
//! kedge-agent: what of Kedge is there without its window. An icon in the tray while there is something to say,
//! notifications at the right rhythm, progress in Plasma's job view, and the daily check for updates.
//!
//! It has no Qt and no privileges, sleeps until something happens or is due, and holds the helper only meanwhile. What
//! is due when is decided by `model::cadence`; what the tray shows by [`tray::tray`]; both are pure.
//!
//! Deliberately absent: windows, and anything that changes the system without a person's press of a button, but for the
//! check that only looks.

mod agent;
mod event;
mod gettext;
mod icon;
mod item;
mod job_view;
mod link;
mod memory;
mod menu;
mod notice;
mod notify;
mod restart;
mod runner;
mod service;
mod session;
mod settings;
mod system;
mod tray;
mod window;
mod words;

use anyhow::{Context, Result, bail};
use client::Bus;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
Usage: kedge-agent [--bus BUS] [--login-delay SECONDS]

Shows Kedge in the tray. Started with the session; a second one ends at once.

  --bus BUS               where the helper is: system (default), session or a D-Bus address
  --login-delay SECONDS   how long to leave the session alone at first (default 20)
  --version               show the version and end
  --help                  show this and end";

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    bus: Bus,
    login_delay: Duration,
}

/// Reads the command line; `None` when it asked for a text, which is then printed.
fn arguments(mut words: impl Iterator<Item = String>) -> Result<Option<Arguments>> {
    let mut found = Arguments {
        bus: Bus::System,
        login_delay: model::AFTER_LOGIN,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bus" => {
                found.bus = match value()?.as_str() {
                    "system" => Bus::System,
                    "session" => Bus::Session,
                    address => Bus::Address(address.to_owned()),
                }
            }
            "--login-delay" => {
                let seconds = value()?
                    .parse()
                    .context("--login-delay takes a whole number of seconds")?;
                found.login_delay = Duration::from_secs(seconds);
            }
            "--version" => {
                say(concat!("kedge-agent ", env!("CARGO_PKG_VERSION")))?;
                return Ok(None);
            }
            "--help" | "-h" => {
                say(HELP)?;
                return Ok(None);
            }
            other => bail!("there is no option {other}; --help names them"),
        }
    }
    Ok(Some(found))
}

fn say(text: &str) -> Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{text}").context("write to standard output")
}

/// Below what the translations are: this program is in `PREFIX/bin` or `PREFIX/libexec`.
fn prefix() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("/usr"))
        .to_path_buf()
}

fn main() -> ExitCode {
    gettext::start(&prefix());
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .init();
    let ended = arguments(std::env::args().skip(1)).and_then(|arguments| match arguments {
        Some(arguments) => run(arguments),
        None => Ok(()),
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(agent::run(arguments.bus, arguments.login_delay))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line() {
        let read = |words: &[&str]| arguments(words.iter().map(|word| (*word).to_owned()));
        let usual = Arguments {
            bus: Bus::System,
            login_delay: Duration::from_secs(20),
        };
        assert_eq!(read(&[]).expect("nothing is fine"), Some(usual));
        let other = Arguments {
            bus: Bus::Address("unix:path=/x".into()),
            login_delay: Duration::ZERO,
        };
        let words = ["--bus", "unix:path=/x", "--login-delay", "0"];
        assert_eq!(read(&words).expect("both options"), Some(other));
        for words in [&["--bus"][..], &["--login-delay", "soon"], &["--frobnicate"]] {
            assert!(read(words).is_err(), "{words:?}");
        }
    }
}
