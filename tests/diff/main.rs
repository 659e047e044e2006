// SPDX-License-Identifier: GPL-3.0-or-later
//! Which files differ between two snapshots, on a real btrfs: judged by an independent walk through both, and by snapper.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a test says how much it compared")]

mod hostile;
mod lineages;
mod oracle;
mod random;
mod snapper;
mod stage;
mod visible;

use libtest_mimic::{Arguments, Trial};

/// A test with its name.
type Case = (&'static str, fn());

fn main() {
    engine::read_if_asked();
    let arguments = Arguments::from_args();
    let lacks = support::isolate().err();
    let lacks_snapper = (!support::loop_btrfs::has_program("snapper")).then(|| "needs snapper".to_owned());
    let groups: [(&[Case], Option<String>); 5] = [
        (random::CASES, None),
        (lineages::CASES, None),
        (hostile::CASES, None),
        (visible::CASES, None),
        (snapper::CASES, lacks_snapper),
    ];
    let mut trials = Vec::new();
    for (cases, lacks_more) in groups {
        for (name, case) in cases {
            trials.push(match lacks.as_ref().or(lacks_more.as_ref()) {
                // The reason stands in the name: that is what the runner prints.
                Some(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
                None => Trial::test(*name, || {
                    case();
                    Ok(())
                }),
            });
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
