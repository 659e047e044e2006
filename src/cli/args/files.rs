// SPDX-License-Identifier: GPL-3.0-or-later
//! The verbs about files and about what snapshots cost.

use super::{Format, Work};
use clap::Args;
use model::SnapshotId;
use std::ffi::OsString;

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Number of the older snapshot
    #[arg(value_parser = super::number)]
    pub(crate) from: SnapshotId,
    /// Number of the newer snapshot; the running system when it is left out
    #[arg(value_parser = super::number)]
    pub(crate) to: Option<SnapshotId>,
    #[command(flatten)]
    pub(crate) format: Format,
    /// Compare the packages; so it is without an option
    #[arg(long, conflicts_with_all = ["files", "text"])]
    pub(crate) packages: bool,
    /// Compare the files
    #[arg(long)]
    pub(crate) files: bool,
    /// Also show names in directories that are not for everybody, which may ask for a password
    #[arg(long, requires = "files")]
    pub(crate) all: bool,
    /// Compare the text of this file
    #[arg(long, value_name = "PATH", conflicts_with_all = ["files", "json"])]
    pub(crate) text: Option<OsString>,
}

/// Arguments of `browse`.
#[derive(Debug, Args)]
pub(crate) struct Browse {
    /// Number of the snapshot
    #[arg(value_parser = super::number)]
    pub(crate) number: SnapshotId,
    /// Only tell the directory, and open nothing
    #[arg(long)]
    pub(crate) no_open: bool,
}

/// Arguments of `changelog`.
#[derive(Debug, Args)]
pub(crate) struct Changelog {
    /// Number of the snapshot with the one version
    #[arg(value_parser = super::number)]
    pub(crate) from: SnapshotId,
    /// Number of the snapshot with the other version; the running system when there is none
    #[arg(value_parser = super::number)]
    pub(crate) to: Option<SnapshotId>,
    /// Name of the package
    #[arg(long)]
    pub(crate) package: String,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// Number of the snapshot
    #[arg(value_parser = super::number)]
    pub(crate) number: SnapshotId,
    /// Path of the file, from the root of the system
    pub(crate) path: OsString,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Path of the file, from the root of the system
    pub(crate) path: OsString,
    #[command(flatten)]
    pub(crate) format: Format,
    /// Show what changed in its text from each version to the next
    #[arg(long, conflicts_with = "json")]
    pub(crate) text: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Space {
    /// Numbers of snapshots: what deleting all of them frees
    #[arg(value_parser = super::number, value_name = "NUMBER")]
    pub(crate) numbers: Vec<SnapshotId>,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct MakeRoom {
    /// How much, in bytes or with K, M, G or T (of 1024): 10G
    #[arg(value_parser = bytes, value_name = "SIZE")]
    pub(crate) size: u64,
    /// Only show what would be deleted; as JSON there is only this
    #[arg(long, required_if_eq("json", "true"))]
    pub(crate) preview: bool,
    #[command(flatten)]
    pub(crate) work: Work,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CleanUp {
    /// Only show what would be deleted; as JSON there is only this
    #[arg(long, required_if_eq("json", "true"))]
    pub(crate) preview: bool,
    #[command(flatten)]
    pub(crate) work: Work,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// A size: digits, perhaps a fraction, perhaps a unit (`10G`, `1.5 GiB`).
fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "not a size like 10G".to_owned();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let unit = unit.trim().to_ascii_uppercase();
    let power = match unit
        .strip_suffix("IB")
        .or(unit.strip_suffix('B'))
        .unwrap_or(&unit)
    {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(wrong()),
    };
    let bytes = number * 1024_f64.powi(power);
    // Up to 2^53 a fraction is exact to the byte, and no disk is larger.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is in range"
    )]
    (0.0..9e15)
        .contains(&bytes)
        .then_some(bytes as u64)
        .ok_or_else(wrong)
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Number of the snapshot
    #[arg(value_parser = super::number)]
    pub(crate) number: SnapshotId,
    /// Path of the file, from the root of the system
    pub(crate) path: OsString,
    /// beside: under a name that says where it is from; replace: in the place of the present one
    #[arg(long, value_name = "PLACE", value_parser = place, default_value = "beside")]
    pub(crate) to: model::RestoreTo,
    #[command(flatten)]
    pub(crate) work: Work,
}

fn place(text: &str) -> Result<model::RestoreTo, String> {
    model::RestoreTo::from_code(text).ok_or_else(|| "beside or replace".into())
}
