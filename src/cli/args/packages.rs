// SPDX-License-Identifier: GPL-3.0-or-later
//! The verbs about packages.

use super::{Format, Work};
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Words that are in the name or the summary of the package
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) words: Vec<String>,
    /// Show so many packages at most
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Packages {
    /// Names of the packages
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Only show what it would change
    #[arg(long, conflicts_with = "yes")]
    pub(crate) plan: bool,
    /// Print the plan as JSON instead of text
    #[arg(long, requires = "plan")]
    pub(crate) json: bool,
}
