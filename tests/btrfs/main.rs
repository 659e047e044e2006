// SPDX-License-Identifier: GPL-3.0-or-later
//! The native engine on a real btrfs: what it makes of the disk, judged by `btrfs` and by snapper, not by itself.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start programs: snapper as the judge, and themselves to be killed"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod children;
mod clean_up;
mod faults;
mod fixture;
mod hostile;
mod restore;
mod rollback;
mod snapper;
mod snapperd;
mod snapshots;
mod space;
mod sync_point;
mod systemd_boot;
mod tukit;
mod watching;

use libtest_mimic::{Arguments, Trial};

/// A test with its name.
type Case = (&'static str, fn());

fn main() {
    engine::read_if_asked();
    if let Some(work) = std::env::var_os(children::WORK) {
        children::run(&work);
    }
    let arguments = Arguments::from_args();
    let lacks = support::isolate().err();
    let lacks_snapper = (!support::loop_btrfs::has_program("snapper")).then(|| "needs snapper".to_owned());
    let lacks_python = (!support::loop_btrfs::has_program("python3")).then(|| "needs python3".to_owned());
    let groups: [(&[Case], Option<String>); 13] = [
        (snapshots::CASES, None),
        (watching::CASES, None),
        (hostile::CASES, None),
        (restore::CASES, None),
        (rollback::CASES, None),
        (space::CASES, None),
        (faults::CASES, None),
        (sync_point::CASES, None),
        (tukit::CASES, lacks_python),
        (systemd_boot::CASES, None),
        (clean_up::CASES, lacks_snapper.clone()),
        (snapper::CASES, lacks_snapper),
        (snapperd::CASES, snapperd::lacks()),
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
