// SPDX-License-Identifier: GPL-3.0-or-later
//! One conformance suite for every engine, written against `dyn Engine`: on the simulated one always, on the native one
//! over a real btrfs where this machine can. It keeps the simulator honest, and the simulator is the oracle of the
//! native engine under random operations.

mod bench;
mod cases;
mod debian;
mod native;
mod property;
mod sim;

use bench::Maker;
use libtest_mimic::{Arguments, Trial};
use native::Native;

fn main() {
    engine::read_if_asked();
    // First of all: from here on the process has mounts of its own.
    let native: &'static Native = Box::leak(Box::new(Native::new()));
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let makers: [&'static dyn Maker; 2] = [&sim::Sim, native];
    for maker in makers {
        for case in cases::all() {
            let name = format!("{}::{}", maker.name(), case.name);
            trials.push(match maker.lacks(case.need) {
                // The reason stands in the name: that is what the runner prints.
                Some(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
                None => Trial::test(name, move || (case.run)(&mut *maker.make(case.layout, case.need))),
            });
        }
    }
    trials.extend(property::trials(&makers));
    libtest_mimic::run(&arguments, trials).exit();
}
