// SPDX-License-Identifier: GPL-3.0-or-later
//! How the packages of two snapshots differ.

use crate::{Done, Verb, open};
use engine::Engine as _;
use model::{NewSnapshot, SnapshotId};

pub(crate) const VERBS: &[Verb] = &[("take", take), ("packages", packages)];

/// `take ROOT`: makes a snapshot and prints its number.
fn take(words: &[&str]) -> Done {
    let [root] = words else {
        return Err("take ROOT".into());
    };
    println!("{}", open(root)?.create(&NewSnapshot::default())?);
    Ok(())
}

/// `packages ROOT FROM TO`: counts what differs, each database read by a process without privileges.
fn packages(words: &[&str]) -> Done {
    let [root, from, to] = words else {
        return Err("packages ROOT FROM TO".into());
    };
    let id = |word: &str| word.parse().map(SnapshotId);
    let counts = open(root)?.change_counts(Some(id(from)?), Some(id(to)?))?;
    println!("{} {}", counts.upgraded, counts.removed);
    Ok(())
}
