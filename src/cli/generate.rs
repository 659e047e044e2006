// SPDX-License-Identifier: GPL-3.0-or-later
//! Completions and man pages, made from the command line's own definition so that they cannot disagree with it.

use crate::args::Command;
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::roff::{Roff, bold, roman};
use std::fs;
use std::path::Path;

/// The completions for a shell.
fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Command::command(), "kedgectl", &mut script);
    script
}

/// The man page, kedgectl(1).
fn man() -> std::io::Result<Vec<u8>> {
    let mut command = Command::command();
    command.build();
    let exit_codes = crate::args::EXIT_CODES;
    let page = clap_mangen::Man::new(command.clone().after_help(""));
    let mut roff = Vec::new();
    page.render_title(&mut roff)?;
    page.render_name_section(&mut roff)?;
    let mut synopsis = Roff::new();
    synopsis
        .control("SH", ["SYNOPSIS"])
        .text([bold("kedgectl"), roman(" COMMAND [OPTIONS]")]);
    synopsis.to_writer(&mut roff)?;
    page.render_description_section(&mut roff)?;
    commands(&command).to_writer(&mut roff)?;
    let mut end = Roff::new();
    end.control("SH", ["EXIT STATUS"]);
    for line in exit_codes.lines().skip(1) {
        let (code, words) = line.trim().split_once(' ').unwrap_or((line, ""));
        end.control("TP", ["8"])
            .text([bold(code)])
            .text([roman(words.trim())]);
    }
    for (title, paragraphs) in SECTIONS {
        end.control("SH", [*title]);
        for paragraph in *paragraphs {
            end.control("PP", []).text([roman(*paragraph)]);
        }
    }
    end.control("SH", ["SEE ALSO"]).text([
        bold("kedge"),
        roman("(1), "),
        bold("kedge-helper"),
        roman("(8), "),
        bold("snapper"),
        roman("(8)"),
    ]);
    end.to_writer(&mut roff)?;
    Ok(roff)
}

/// What a definition of options cannot tell.
const SECTIONS: &[(&str, &[&str])] = &[
    (
        "CANCELLING",
        &[
            "Ctrl-C cancels the running job as long as that leaves no trace, waits until everything is put back, and \
           says so. Past that point the job is completed; a second Ctrl-C leaves it alone, and it goes on without \
           kedgectl.",
        ],
    ),
    (
        "JSON",
        &[
            "With --json the standard output is one JSON value (make-room and clean-up: with --preview); talk goes to the \
             standard error output. Fields are \
             added in later versions, never renamed or removed. Times are RFC 3339 in UTC, codes are those of the \
             bus interface (docs/bus.md), and what is absent is null.",
            "status: an object with status, action, booted, default, pending, pending_updates, snapshots (their \
             count), updates (check, attempted, succeeded, packages, security, download_size, failure), jobs, \
             capabilities (each with null, or the reason for which it is absent). status --verbose: the same with \
             platform (what the machine has beside Kedge) and nightly_would_replace (a snapshot).",
            "list: an array of snapshots, each with number, kind, pre, time, uid, description, cleanup, userdata, \
             read_only, pinned, booted, default, position (pending, running, earlier), condition, uuid, parent_uuid. \
             show: one of them, with changes.",
            "diff: an array of packages, each with name, arch, change (added, removed, upgraded, downgraded, rebuilt), old, \
             new, download_size, origin, security, fixes. check: an object with such packages, download_size, \
             installed_delta; install --plan and remove --plan the same. search: an object with packages, each with name, \
             version, summary, installed, and more (how many are left out). rollback --plan: an object with target, restart, concerns, changes.",
            "diff --files: an object with files, each with path, kind (created, deleted, changed, renamed, hidden), file (its \
             kind), aspects (an array), from (the path before a renaming), package; and left_out (changes whose paths are \
             too long). A path is text; a backslash in it is \\\\, and what is no UTF-8 or could harm a terminal is \\xNN. \
             history: an array of versions, each with snapshot (null for a running system that is none), version (equal \
             for equal contents), file, size, modified, mode (octal, as text), uid, gid.",
            "log: an array of jobs, each with id, kind, uid, target, started, finished, phase, permille, ending, \
             machine, snapshot, failure (code, args, detail). log JOB: an object with job and lines.",
            "space: an object with usage (size, used, unallocated, free, free_least) and snapshots (each with id, data, \
             metadata). space NUMBER: an object with data, metadata, held, holders (snapshot or subvolume, bytes). \
             make-room: an object with snapshots, freed, is_enough. clean-up: an object with keeper (snapper, kedge, \
             nobody) and doomed (id, reason).",
            "settings: an object with automation (notify, download, install), cadence (daily, weekly, monthly, never), \
             on_battery, on_metered, clean_up, keep_updates, space_percent.",
        ],
    ),
];

/// Every command with its arguments and options.
fn commands(command: &clap::Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        if verb.get_name() == "help" {
            continue;
        }
        let usage = verb.clone().render_usage().to_string();
        let usage = usage
            .trim_start_matches("Usage: ")
            .trim_start_matches("kedgectl ")
            .to_owned();
        roff.control("SS", [usage.as_str()]);
        if let Some(about) = verb.get_about() {
            roff.text([roman(format!("{about}."))]);
        }
        for argument in verb
            .get_arguments()
            .filter(|it| !it.is_hide_set() && it.get_id() != "help")
        {
            let Some(help) = argument.get_help() else { continue };
            let mut name = String::new();
            if let Some(short) = argument.get_short() {
                name += &format!("-{short}, ");
            }
            match argument.get_long() {
                Some(long) => name += &format!("--{long}"),
                None => {
                    let names = argument.get_value_names().unwrap_or_default();
                    name += names.first().map(clap::builder::Str::as_str).unwrap_or_default();
                }
            }
            if argument.get_long().is_some() && argument.get_action().takes_values() {
                let names = argument.get_value_names().unwrap_or_default();
                for value in names {
                    name += &format!(" {value}");
                }
            }
            roff.control("TP", ["24"])
                .text([bold(name)])
                .text([roman(format!("{help}."))]);
        }
    }
    roff
}

/// Writes all of them into a directory, under the names they are installed by.
pub(crate) fn everything(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let write = |name: &str, content: &[u8]| {
        let path = directory.join(name);
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))
    };
    write("kedgectl.bash", &completions(Shell::Bash))?;
    write("_kedgectl", &completions(Shell::Zsh))?;
    write("kedgectl.fish", &completions(Shell::Fish))?;
    write("kedgectl.1", &man().context("make the man page")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_man_page_tells_every_command_option_and_exit_code() {
        let page = String::from_utf8(man().unwrap()).unwrap();
        for verb in Command::command().get_subcommands() {
            let told = page.contains(&format!(".SS \"{}", verb.get_name()))
                || page.contains(&format!(".SS {}", verb.get_name()));
            assert_eq!(told, !verb.is_hide_set(), "{}", verb.get_name());
        }
        for word in [
            "EXIT STATUS",
            "100",
            "updates are available",
            "JSON",
            "SEE ALSO",
            "\\-\\-verbose",
        ] {
            assert!(page.contains(word), "{word}");
        }
        assert!(!page.contains("\\-\\-bus"));
    }

    #[test]
    fn completions_know_the_verbs_but_not_the_hidden_ones() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(completions(shell)).unwrap();
            assert!(
                script.contains("rollback") && script.contains("discard"),
                "{shell}"
            );
        }
    }
}
