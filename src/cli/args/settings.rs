// SPDX-License-Identifier: GPL-3.0-or-later
//! The verbs about what is decided for the whole system.

use super::Format;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Subcommand};
use model::{Automation, Cadence, Policy, PolicyChange};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) format: Format,
    #[command(subcommand)]
    pub(crate) verb: Option<SettingsVerb>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsVerb {
    /// Change some of it; what is not named stays
    Set(Set),
}

/// One of the codes of an enumeration of the model.
fn code<T: Clone + Send + Sync + 'static>(
    all: &'static [T],
    code_of: fn(T) -> &'static str,
    from_code: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().cloned().map(code_of))
        .try_map(move |text| from_code(&text).ok_or("an unknown value"))
}

fn yes_or_no() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["yes", "no"]).map(|text| text == "yes")
}

fn within(bounds: &std::ops::RangeInclusive<u32>) -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(i64::from(*bounds.start())..=i64::from(*bounds.end()))
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("setting").required(true).multiple(true).args([
    "automation", "cadence", "on_battery", "on_metered", "clean_up", "keep_updates", "space_percent",
])))]
pub(crate) struct Set {
    /// How far the system goes with updates by itself; it never restarts
    #[arg(long, value_name = "WHAT", value_parser = code(Automation::ALL, Automation::as_str, Automation::from_code))]
    automation: Option<Automation>,
    /// How often it looks for updates
    #[arg(long, value_name = "WHEN", value_parser = code(Cadence::ALL, Cadence::as_str, Cadence::from_code))]
    cadence: Option<Cadence>,
    /// Whether it works while the machine runs from its battery
    #[arg(long, value_name = "ANSWER", value_parser = yes_or_no())]
    on_battery: Option<bool>,
    /// Whether it works over a network that is paid by volume
    #[arg(long, value_name = "ANSWER", value_parser = yes_or_no())]
    on_metered: Option<bool>,
    /// Whether old snapshots are removed automatically, but never the running one, the one that starts next, or pinned
    /// ones
    #[arg(long, value_name = "ANSWER", value_parser = yes_or_no())]
    clean_up: Option<bool>,
    /// How many updates are then kept while there is room
    #[arg(long, value_name = "COUNT", value_parser = within(&Policy::KEEP_UPDATES))]
    keep_updates: Option<u32>,
    /// How much of the disk snapshots may then hold before fewer are kept; 100 for any
    #[arg(long, value_name = "PERCENT", value_parser = within(&Policy::SPACE_PERCENT))]
    space_percent: Option<u32>,
}

impl From<&Set> for PolicyChange {
    fn from(args: &Set) -> Self {
        Self {
            automation: args.automation,
            cadence: args.cadence,
            on_battery: args.on_battery,
            on_metered: args.on_metered,
            clean_up: args.clean_up,
            keep_updates: args.keep_updates,
            space_percent: args.space_percent,
        }
    }
}
