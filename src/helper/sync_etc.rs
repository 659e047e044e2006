// SPDX-License-Identifier: GPL-3.0-or-later
//! `kedge-sync-etc`: carries what changed in the old system's `/etc` over into a new snapshot's, at its first start.
//!
//! Its arguments are those of transactional-update's `transactional-update-sync-etc-state`, so that it can stand in for
//! that program in the initrd.

use anyhow::{Context, bail};
use engine::etc::{Action, Three, apply, plan, remove_sync_point};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "Arguments: [--dry-run|-n] [--keep-syncpoint] <parent etc> <current etc> <reference etc>";

/// What to do, and with which directories.
#[derive(Debug, Default)]
struct Args {
    dry_run: bool,
    keep_sync_point: bool,
    paths: Vec<PathBuf>,
}

fn arguments(given: impl Iterator<Item = std::ffi::OsString>) -> anyhow::Result<Args> {
    let mut args = Args::default();
    for argument in given {
        // Options come first; a directory may be called anything.
        match argument.to_str() {
            Some("--dry-run" | "-n") if args.paths.is_empty() => args.dry_run = true,
            Some("--keep-syncpoint") if args.paths.is_empty() => args.keep_sync_point = true,
            _ => args.paths.push(argument.into()),
        }
    }
    if args.paths.len() != 3 {
        bail!("Wrong number of arguments.\n{USAGE}");
    }
    Ok(args)
}

fn main() -> ExitCode {
    match arguments(std::env::args_os().skip(1)).and_then(|args| merge(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is there any more to hear of it when this fails.
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    // A closed pipe is no reason to leave a system half merged.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn merge(args: &Args) -> anyhow::Result<()> {
    let [old, new, sync_point] = args.paths.as_slice() else {
        bail!("{USAGE}");
    };
    let open = |path: &PathBuf| -> anyhow::Result<File> {
        let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
        Ok(file)
    };
    say(&format!(
        "Using new snapshot - syncing from old parent {}...",
        old.display()
    ));
    let (old, new) = (open(old)?, open(new)?);
    {
        let reference = open(sync_point)?;
        let three = Three {
            old: old.as_fd(),
            new: new.as_fd(),
            sync_point: reference.as_fd(),
        };
        let plan = plan(three)?;
        if args.dry_run {
            for (path, action) in &plan {
                let path = String::from_utf8_lossy(path);
                say(&match action {
                    Action::Keep => format!("Changed in new snapshot: {path}"),
                    Action::Copy => format!("Would copy {path}"),
                    Action::Delete => format!("Would delete {path}"),
                });
            }
            return Ok(());
        }
        say("Processing files...");
        if let Err(error) = apply(three, &plan, |line| say(&line)) {
            // As the program it stands in for: what could not be merged is told, and the start goes on.
            let _ = writeln!(std::io::stderr(), "{}", error.chain());
        }
    }
    if !args.keep_sync_point {
        remove_sync_point(sync_point)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> anyhow::Result<Args> {
        arguments(words.iter().map(Into::into))
    }

    #[test]
    fn arguments_are_those_of_the_program_it_stands_in_for() {
        let args = parse(&["--dry-run", "a", "b", "c"]).unwrap();
        assert!(args.dry_run && !args.keep_sync_point && args.paths.len() == 3);
        assert!(
            parse(&["-n", "--keep-syncpoint", "a", "b", "c"])
                .unwrap()
                .keep_sync_point
        );
        assert!(!parse(&["a", "b", "-n"]).unwrap().dry_run);
        assert!(parse(&["a", "b"]).is_err() && parse(&["a", "b", "c", "d"]).is_err());
    }

    #[test]
    fn a_dry_run_changes_nothing_and_a_real_one_takes_the_sync_point_away() {
        let root = tempfile::tempdir().unwrap();
        let sides = ["old", "new", "sync"].map(|name| root.path().join(name));
        for side in &sides {
            std::fs::create_dir(side).unwrap();
        }
        std::fs::write(sides[0].join("added"), "old's\n").unwrap();
        let mut args = Args {
            dry_run: true,
            keep_sync_point: false,
            paths: sides.to_vec(),
        };
        merge(&args).unwrap();
        assert!(!sides[1].join("added").exists() && sides[2].exists());
        args.dry_run = false;
        args.keep_sync_point = true;
        merge(&args).unwrap();
        assert!(sides[1].join("added").exists() && sides[2].exists());
        args.keep_sync_point = false;
        merge(&args).unwrap();
        assert!(!sides[2].exists());
    }
}
