// SPDX-License-Identifier: GPL-3.0-or-later
//! The command line: the only place that knows clap's attributes.

mod files;
mod packages;
mod settings;

pub(crate) use files::{Browse, Cat, Changelog, CleanUp, Diff, History, MakeRoom, Restore, Space};
pub(crate) use packages::{Packages, Search};
pub(crate) use settings::{Set, Settings, SettingsVerb};

use clap::{ArgGroup, Args, Parser, Subcommand};
use client::Bus;
use model::{Cleanup, Edit, NewSnapshot, SnapshotId};
use std::path::PathBuf;

/// What every man page and `--help` ends with.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done, or there was nothing to do
  1    it failed, and everything is as it was before
  2    the command line is wrong
  3    refused: a rule does not allow it now
  4    not authorized
  5    the helper cannot be reached
  6    it failed, and something is left that wants a look
  7    cancelled, and everything is as it was before
  100  updates are available (check, update --check)";

/// Shows the versions of the system that are kept as snapshots, installs updates into a new one, and chooses which one
/// starts next.
///
/// The running system is never modified: updates and rollbacks take effect with the next restart, which kedgectl never
/// begins by itself. What changes the system may ask for a password.
#[derive(Debug, Parser)]
#[command(name = "kedgectl", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Command {
    /// The bus that the helper is on: system, session, or a D-Bus address
    #[arg(long, global = true, hide = true, value_parser = bus, default_value = "system")]
    pub(crate) bus: Bus,

    /// Work on a system that does not run, whose filesystem is mounted at this directory
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "bus")]
    pub(crate) root: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

fn bus(text: &str) -> Result<Bus, std::convert::Infallible> {
    Ok(match text {
        "system" => Bus::System,
        "session" => Bus::Session,
        address => Bus::Address(address.into()),
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the state of the system in one sentence, and what may be done next
    Status(Status),
    /// List the snapshots
    #[command(visible_alias = "ls")]
    List(List),
    /// Show one snapshot, and how its packages differ from those of the running system
    Show(Show),
    /// Show how the packages or the files of two snapshots differ
    Diff(Diff),
    /// Write what is in a file of a snapshot to the standard output
    Cat(Cat),
    /// Show what is in a snapshot in the file manager, until Ctrl-C is pressed
    Browse(Browse),
    /// Show what was written about a package between two snapshots
    Changelog(Changelog),
    /// Get a file back out of a snapshot, with everything that it has
    Restore(Restore),
    /// Show which snapshots have which version of a file
    History(History),
    /// Take a snapshot of the running system
    Create(Create),
    /// Delete snapshots
    Delete(Delete),
    /// Change a snapshot's description, cleanup, pin or read-only flag
    Edit(EditArgs),
    /// Look for updates
    Check(Check),
    /// Install all updates into a new snapshot, which starts with the next restart
    ///
    /// On a terminal the update may ask what only a person can decide: whether a license is agreed to, which solution of a
    /// conflict to take, whether to trust a new key of a repository, whether to keep a system in which a package's script
    /// failed. That is asked with --yes too. Elsewhere nothing is agreed to: the update ends with that as the cause, and the
    /// old system stays.
    Update(Update),
    /// Find packages by words in their names and summaries
    Search(Search),
    /// Install packages into a new snapshot, which starts with the next restart
    ///
    /// What waits for the restart already is continued. What else would be installed, updated or removed is shown first; if
    /// by then more would have to be removed, nothing is changed. May ask what an update may ask.
    Install(Packages),
    /// Remove packages in a new snapshot, which starts with the next restart
    ///
    /// What needs them is removed too, and shown first. What the package manager calls essential is not removed.
    Remove(Packages),
    /// Let another snapshot start with the next restart
    Rollback(Rollback),
    /// Let a snapshot start once with the next restart, and the present default again after that
    Try(Try),
    /// Discard what waits for the restart: the running system starts again
    Discard(Work),
    /// Find the version in which something broke, by halving: each step starts a version once
    Bisect(BisectArgs),
    /// Show what snapshots cost, or what deleting some of them together frees
    Space(Space),
    /// Delete old snapshots until so much is free again
    MakeRoom(MakeRoom),
    /// Delete the snapshots that are not to be kept, by the rules in force
    CleanUp(CleanUp),
    /// Show the jobs of the past, or what one of them said
    Log(Log),
    /// Show what is decided for the whole system, or change it
    Settings(Settings),
    /// Show or choose who installs updates every night
    Nightly(Nightly),
    /// Look for updates and install them as far as the settings allow by itself; what kedge-automatic.timer runs
    ///
    /// Says what it does, or why it does nothing: a network paid by volume, the battery, another version that was chosen
    /// for the next restart. Never restarts the machine.
    Automatic(Automatic),
    /// Write the completions and man pages into a directory
    #[command(hide = true)]
    Generate { directory: PathBuf },
}

#[derive(Debug, Args)]
pub(crate) struct Format {
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) format: Format,
    /// Also what the machine has beside Kedge: tools, layout, timers, and what they did last
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Automatic {
    /// Only say what would be done next
    #[arg(long)]
    pub(crate) plan: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Nightly {
    /// kedge: continue what waits for the restart, and restart nothing; distribution: as it came
    #[arg(value_parser = nightly)]
    pub(crate) who: Option<model::Nightly>,
}

fn nightly(text: &str) -> Result<model::Nightly, String> {
    match model::Nightly::from_code(text) {
        Some(who @ (model::Nightly::Kedge | model::Nightly::Distribution)) => Ok(who),
        _ => Err("kedge or distribution".into()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Work {
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Print the job's log while it runs
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) format: Format,
    /// Only snapshots whose number, description, cleanup or userdata contain every word
    #[arg(value_name = "WORD")]
    pub(crate) words: Vec<String>,
}

/// A number of a snapshot, with or without `#`.
fn number(text: &str) -> Result<SnapshotId, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    match digits.parse() {
        Ok(0) | Err(_) => Err("not the number of a snapshot".into()),
        Ok(number) => Ok(SnapshotId(number)),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Number of the snapshot
    #[arg(value_parser = number)]
    pub(crate) number: SnapshotId,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Words about it
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    description: String,
    /// Cleanup algorithm of snapper that may delete it one day: number, timeline
    #[arg(long, short, value_name = "NAME", default_value = "")]
    cleanup: String,
    /// Keep it until it is unpinned
    #[arg(long)]
    pin: bool,
}

impl From<&Create> for NewSnapshot {
    fn from(args: &Create) -> Self {
        Self {
            description: args.description.clone(),
            cleanup: Cleanup(args.cleanup.clone()),
            pinned: args.pin,
            // The helper asks the bus who calls.
            uid: 0,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Numbers of the snapshots
    #[arg(required = true, value_parser = number, value_name = "NUMBER")]
    pub(crate) numbers: Vec<SnapshotId>,
}

#[derive(Debug, Args)]
#[command(override_usage = "kedgectl edit <NUMBER> [OPTIONS]", group(ArgGroup::new("change").required(true).multiple(true).args([
    "description", "cleanup", "pin", "unpin", "read_only", "read_write",
])))]
pub(crate) struct EditArgs {
    /// Number of the snapshot
    #[arg(value_parser = number)]
    pub(crate) number: SnapshotId,
    /// New words about it
    #[arg(long, short, value_name = "TEXT")]
    description: Option<String>,
    /// Cleanup algorithm of snapper that may delete it one day: number, timeline; empty for none
    #[arg(long, short, value_name = "NAME")]
    cleanup: Option<String>,
    /// Keep it until it is unpinned
    #[arg(long, conflicts_with = "unpin")]
    pin: bool,
    /// Let cleanups delete it again
    #[arg(long)]
    unpin: bool,
    /// Protect its files from changes
    #[arg(long, conflicts_with = "read_write")]
    read_only: bool,
    /// Allow changes to its files
    #[arg(long)]
    read_write: bool,
}

impl From<&EditArgs> for Edit {
    fn from(args: &EditArgs) -> Self {
        let either = |yes: bool, no: bool| if yes { Some(true) } else { no.then_some(false) };
        Self {
            description: args.description.clone(),
            cleanup: args.cleanup.clone().map(Cleanup),
            pinned: either(args.pin, args.unpin),
            read_only: either(args.read_only, args.read_write),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) format: Format,
    /// Print the job's log while it runs
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    #[command(flatten)]
    pub(crate) work: Work,
    /// Only look for updates, as `kedgectl check`
    #[arg(long, conflicts_with = "yes")]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Number of the snapshot
    #[arg(value_parser = number)]
    pub(crate) number: SnapshotId,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Only show what it would change
    #[arg(long, conflicts_with = "yes")]
    pub(crate) plan: bool,
    /// Print the plan as JSON instead of text
    #[arg(long, requires = "plan")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Try {
    /// Number of the snapshot
    #[arg(value_parser = number, required_unless_present = "forget")]
    pub(crate) number: Option<SnapshotId>,
    /// Start the default after all
    #[arg(long, conflicts_with = "number")]
    pub(crate) forget: bool,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Debug, Args)]
pub(crate) struct BisectArgs {
    #[command(subcommand)]
    pub(crate) verb: BisectVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BisectVerb {
    /// Begin between a version that works and a newer one that does not
    Start(BisectStart),
    /// The version works
    Good(Judged),
    /// The version does not work
    Bad(Judged),
    /// It cannot be told of this version
    Skip(Judged),
    /// Show how far it is, or what was found
    Status(Format),
    /// End the search
    Stop(Work),
}

#[derive(Debug, Args)]
pub(crate) struct BisectStart {
    /// Number of the version that works
    #[arg(value_parser = number)]
    pub(crate) good: SnapshotId,
    /// Number of the version that does not; the running one when it is left out
    #[arg(value_parser = number)]
    pub(crate) bad: Option<SnapshotId>,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Debug, Args)]
pub(crate) struct Judged {
    /// Number of the version; the running one when it is left out
    #[arg(value_parser = number)]
    pub(crate) number: Option<SnapshotId>,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Number of a job; without it, the last jobs are listed
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<u32>,
    #[command(flatten)]
    pub(crate) format: Format,
    /// Go on until the job ends
    #[arg(long, short, requires = "job", conflicts_with = "json")]
    pub(crate) follow: bool,
    /// List so many jobs
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20, conflicts_with = "job",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn an_edit_names_a_change_and_no_two_opposite_ones() {
        let parse = |args: &[&str]| Command::try_parse_from([&["kedgectl", "edit"], args].concat());
        assert!(parse(&["3"]).is_err());
        assert!(parse(&["3", "--pin", "--unpin"]).is_err());
        assert!(parse(&["3", "--read-only", "--read-write"]).is_err());
        let Verb::Edit(args) = parse(&["#3", "-d", "x", "--unpin", "--read-only"])
            .expect("valid")
            .verb
        else {
            panic!("not an edit");
        };
        let expected = Edit {
            description: Some("x".into()),
            cleanup: None,
            pinned: Some(false),
            read_only: Some(true),
        };
        assert_eq!((args.number, Edit::from(&args)), (SnapshotId(3), expected));
    }

    #[test]
    fn numbers_are_numbers_of_snapshots() {
        for text in ["0", "#", "-1", "x", "", "4294967296"] {
            assert!(number(text).is_err(), "{text}");
        }
        assert_eq!(
            (number("7"), number("#7")),
            (Ok(SnapshotId(7)), Ok(SnapshotId(7)))
        );
    }
}
