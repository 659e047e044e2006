// SPDX-License-Identifier: GPL-3.0-or-later
//! A system that does not run, worked on from another one: `kedgectl --root` with the helper's own program, on a real
//! btrfs that is mounted as somebody with a rescue system would mount it. What came of it is judged by `btrfs` and by
//! starting the system.
//!
//! Needs root, loop devices, btrfs, and both programs built.
#![expect(
    clippy::disallowed_methods,
    reason = "the programs under test are started here"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod layouts;
mod loader;
mod refused;
mod stage;

use libtest_mimic::{Arguments, Trial};
use support::bus::built;

type Case = (&'static str, fn());

fn main() {
    engine::read_if_asked();
    // Each helper has mounts of its own, copies of all that there are when it starts: those of another trial would keep a
    // filesystem mounted that this one has just unmounted.
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    let programs = built("kedgectl").and(built("kedge-helper")).map(drop);
    let lacks = support::isolate().and(programs).err();
    let mut trials = Vec::new();
    for (name, case) in [layouts::CASES, loader::CASES, refused::CASES]
        .into_iter()
        .flatten()
    {
        trials.push(match &lacks {
            // The reason stands in the name: that is what the runner prints.
            Some(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
            None => Trial::test(*name, || {
                case();
                Ok(())
            }),
        });
    }
    libtest_mimic::run(&arguments, trials).exit();
}
