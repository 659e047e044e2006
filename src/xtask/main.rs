// SPDX-License-Identifier: GPL-3.0-or-later
//! The one door for developers: `cargo xtask VERB` builds, tests, shows and installs Kedge.
//!
//! A verb first makes the machine ready (packages, or a Debian 13 build root where the machine's own Qt is too
//! old), then runs itself again inside private namespaces, so that whatever it mounts or starts ends with it.
//! What is not here: anything a user of Kedge needs; that lives in the programs themselves.
#![expect(
    clippy::disallowed_methods,
    reason = "the rule keeps processes of the product in one place; this is a developer tool whose work is to start processes"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program talks on its streams"
)]

mod bench;
mod buildroot;
mod cache;
mod cgroup;
mod check;
mod demo;
mod desktop;
mod enter;
mod fuzz;
mod guest;
mod host;
mod inside;
mod install;
mod layer;
mod mounts;
mod pictures;
mod process;
mod run;
mod scenario;
mod screenshots;
mod test;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::enter::{Session, Wants};

/// Developer commands of Kedge.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Format, lints, QML, desktop files, XML, licences
    Check {
        /// Only these checks (see `cargo xtask check --list`)
        only: Vec<String>,
        /// Name the checks and end
        #[arg(long)]
        list: bool,
    },
    /// Run the tests, all of them or only the named stages
    Test {
        /// Stages (see `cargo xtask test --list`); none = all but `vm`
        stages: Vec<String>,
        /// Whole machines: the same as the stage `vm`
        #[arg(long)]
        vm: bool,
        /// Name the stages and end
        #[arg(long)]
        list: bool,
        /// Arguments for the test programs, for example a name to filter by
        #[arg(last = true)]
        rest: Vec<String>,
    },
    /// Boot a small Debian guest from btrfs and show the main job in it: list, update, roll back, window
    Demo {
        /// Leave out the window and its screenshots
        #[arg(long)]
        no_window: bool,
        /// After the steps open a root shell in the guest
        #[arg(long)]
        shell: bool,
    },
    /// Boot the guest and run a command (or a shell) in it
    Guest {
        /// The command and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Open the window on a simulated machine; needs no root rights where Qt 6 is installed
    Run {
        /// Arguments for the window
        #[arg(last = true)]
        rest: Vec<OsString>,
    },
    /// Pictures of every page, taken on the simulated machine under Xvfb into target/screenshots
    Screenshots {
        /// Looks, by what the names of their files end with (`dark-narrow-rtl`; `light` is the usual one); none = all
        looks: Vec<String>,
    },
    /// Compare the speed with the tools people have today
    Bench {
        /// Benches (see `cargo xtask bench --list`); none = all
        names: Vec<String>,
        /// Name the benches and end
        #[arg(long)]
        list: bool,
        /// Pairs of runs of every comparison
        #[arg(long, default_value_t = 7)]
        pairs: usize,
    },
    /// Build the release programs and put every file where it belongs
    Install {
        /// Directory that stands for /
        #[arg(long)]
        destdir: PathBuf,
        /// Where the programs will live
        #[arg(long, default_value = "/usr")]
        prefix: PathBuf,
        /// Debug programs: quicker to build, for tests
        #[arg(long)]
        debug: bool,
        /// Without the window (and so without Qt)
        #[arg(long)]
        no_window: bool,
    },
    /// Feed random input to the parsers of outside text
    Fuzz {
        /// Seconds for each target
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Only this target
        target: Option<String>,
    },
    /// Run a command (or a shell) in the build root
    Enter {
        /// The command and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Make the machine ready and end: packages or build root, crates, tools, guest system
    Setup,
    #[command(name = "__inside", hide = true)]
    Inside(inside::Args),
    #[command(name = "__guest-start", hide = true)]
    GuestStart(guest::boot::StartArgs),
    #[command(name = "__guest-init", hide = true)]
    GuestInit(guest::boot::InitArgs),
}

impl Verb {
    /// What this verb needs from the machine before it can run.
    fn wants(&self) -> Wants {
        let base = Wants::default();
        match self {
            Verb::Check { .. } => Wants { deny: true, ..base },
            Verb::Demo { .. } => Wants {
                guest: true,
                root: true,
                display: true,
                ..base
            },
            Verb::Guest { .. } => Wants {
                guest: true,
                root: true,
                ..base
            },
            Verb::Run { .. } => Wants {
                display: true,
                ..base
            },
            Verb::Fuzz { .. } => Wants { fuzz: true, ..base },
            Verb::Setup => Wants {
                guest: true,
                deny: true,
                ..base
            },
            _ => base,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.verb) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(verb: Verb) -> Result<u8> {
    match verb {
        Verb::Inside(args) => return inside::run(args),
        Verb::GuestStart(args) => return guest::boot::start(&args),
        Verb::GuestInit(args) => return guest::boot::init(&args),
        Verb::Check { list: true, .. } => return check::list(),
        Verb::Test { list: true, .. } => return test::list(),
        Verb::Bench { list: true, .. } => return bench::list(),
        _ => {}
    }
    let Some(mut session) = Session::current()? else {
        return match verb {
            Verb::Setup => enter::prepare(&verb.wants()).map(|_| 0),
            Verb::Enter { command } => enter::command(&Wants::default(), command),
            Verb::Test {
                mut stages, vm, rest, ..
            } => {
                stages.extend(vm.then(|| test::ON_DEMAND.to_owned()));
                enter::passes(test::passes(&stages, &rest)?, test::close)
            }
            Verb::Bench { names, pairs, .. } => enter::passes(bench::passes(&names, pairs)?, bench::close),
            verb => enter::same_verb(&verb.wants()),
        };
    };
    match verb {
        Verb::Check { only, .. } => check::run(&session, &only),
        Verb::Test { stages, rest, .. } => test::run(&session, &stages, &rest),
        Verb::Demo { no_window, shell } => demo::run(&session, no_window, shell),
        Verb::Guest { command } => demo::guest(&session, &command),
        Verb::Run { rest } => run::run(&session, &rest),
        Verb::Screenshots { looks } => screenshots::run(&session, &looks),
        Verb::Bench { names, pairs, .. } => {
            session.release = true;
            bench::run(&session, &names, pairs)
        }
        Verb::Install {
            destdir,
            prefix,
            debug,
            no_window,
        } => install::run(
            &session,
            &install::Options {
                destdir,
                prefix,
                debug,
                window: !no_window,
            },
        ),
        Verb::Fuzz { seconds, target } => fuzz::run(&session, seconds, target.as_deref()),
        Verb::Enter { .. } | Verb::Setup => anyhow::bail!("already inside; run the command itself"),
        Verb::Inside(_) | Verb::GuestStart(_) | Verb::GuestInit(_) => {
            anyhow::bail!("this verb is for the tool itself")
        }
    }
}
