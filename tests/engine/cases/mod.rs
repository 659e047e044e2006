// SPDX-License-Identifier: GPL-3.0-or-later
//! The cases: each is one thing that every engine must do, told through `dyn Engine` alone.

mod boot;
mod files;
mod packages;
mod snapshots;
mod updates;

use crate::bench::{Bench, Layout, Need};
use engine::{Engine, Error};
use libtest_mimic::Failed;
use model::{NewSnapshot, Refusal, RefusalCode, SnapshotId};

/// What a case does.
pub(crate) type Run = fn(&mut dyn Bench) -> Result<(), Failed>;

/// A case with the machine it wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) layout: Layout,
    pub(crate) need: Need,
    pub(crate) run: Run,
}

/// Lists functions as cases of one layout and need.
macro_rules! cases {
    ($layout:ident, $need:ident: $($name:ident),+ $(,)?) => {
        [$($crate::cases::Case {
            name: stringify!($name),
            layout: $crate::bench::Layout::$layout,
            need: $crate::bench::Need::$need,
            run: $name,
        }),+]
    };
}
use cases;

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    [
        snapshots::cases(),
        boot::cases(),
        updates::cases(),
        packages::cases(),
        files::cases(),
    ]
    .concat()
}

/// A snapshot with a description.
fn create(engine: &dyn Engine, description: &str) -> Result<SnapshotId, Error> {
    engine.create(&NewSnapshot {
        description: description.into(),
        ..NewSnapshot::default()
    })
}

/// The rule that said no; fails the test when none did.
#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> (RefusalCode, Option<SnapshotId>) {
    match result {
        Err(Error::Refused(Refusal { code, snapshot })) => (code, snapshot),
        other => panic!("not refused but {other:?}"),
    }
}
