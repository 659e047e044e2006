// SPDX-License-Identifier: GPL-3.0-or-later
//! `kedgectl` as a program, against a helper with a machine in memory on a bus of its own: what it prints, as text and
//! as JSON, how it exits, and what it does when somebody presses Ctrl-C.

mod alone;
mod automatic;
mod bisect;
mod changing;
mod files;
mod hostile;
mod packages;
mod reading;
mod stage;
mod stopping;
mod terminal;

use libtest_mimic::{Arguments, Failed, Trial};
use stage::{Asserted, Stage};
use support::bus::{built, installed};

/// A trial with a stage of its own.
type Play = fn(&Asserted) -> Result<(), Failed>;

/// Lists functions as trials.
macro_rules! trials {
    ($($name:ident),+ $(,)?) => { vec![$((stringify!($name), $name as $crate::Play)),+] };
}
use trials;

fn main() {
    let arguments = Arguments::from_args();
    let lacks = installed("dbus-daemon").and(built("kedgectl").map(drop)).err();
    let no_terminal = installed("script").err();
    let mut trials = Vec::new();
    for (room, plays, lacks) in [
        ("alone", alone::trials(), &lacks),
        ("reading", reading::trials(), &lacks),
        ("files", files::trials(), &lacks),
        ("changing", changing::trials(), &lacks),
        ("automatic", automatic::trials(), &lacks),
        ("packages", packages::trials(), &lacks),
        ("bisect", bisect::trials(), &lacks),
        ("stopping", stopping::trials(), &lacks),
        ("hostile", hostile::trials(), &lacks),
        (
            "terminal",
            terminal::trials(),
            if lacks.is_some() { &lacks } else { &no_terminal },
        ),
    ] {
        for (name, play) in plays {
            let name = format!("{room}::{name}");
            trials.push(match lacks {
                Some(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
                None => Trial::test(name, move || play(&Stage::kedgectl()?)),
            });
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
