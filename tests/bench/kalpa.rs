// SPDX-License-Identifier: GPL-3.0-or-later
//! What a transaction and a listing take where tukit and snapper's service do the same.

use crate::{Done, Verb, open};
use engine::{Cancel, Context, Report};
use model::Progress;
use std::fmt::Write as _;

pub(crate) const VERBS: &[Verb] = &[("open-close", open_close), ("snapperd-list", snapperd_list)];

struct Deaf;

impl Report for Deaf {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: &str) {}
}

/// `open-close ROOT`: opens a transaction and makes it the default, with everything that is read back and written to disk.
fn open_close(words: &[&str]) -> Done {
    let [root] = words else {
        return Err("open-close ROOT".into());
    };
    let (engine, cancel) = (open(root)?, Cancel::new()?);
    let context = Context {
        report: &Deaf,
        cancel: &cancel,
    };
    let id = engine.open_transaction(&context)?;
    engine.close_transaction(id, &context)?;
    println!("{id}");
    Ok(())
}

/// `snapperd-list ROOT ADDRESS CONFIG`: prints what snapper's service lists, as `snapper list` does.
fn snapperd_list(words: &[&str]) -> Done {
    let [root, address, config] = words else {
        return Err("snapperd-list ROOT ADDRESS CONFIG".into());
    };
    let engine = open(root)?.with_snapperd(address, Some(config));
    let listed = engine
        .listed_by_snapper()?
        .ok_or("snapper's service is not there")?;
    let mut text = String::new();
    for info in &listed {
        writeln!(
            text,
            "{} {:?} {:?} {} {:?}",
            info.id, info.books.time, info.books.cleanup, info.books.description, info.books.userdata
        )?;
    }
    print!("{text}");
    Ok(())
}
