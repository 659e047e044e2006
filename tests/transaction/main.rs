// SPDX-License-Identifier: GPL-3.0-or-later
//! Updates of a real Debian on a real btrfs: what succeeds, what fails, what is cut short, and what is hostile.
//!
//! Needs root, loop devices, btrfs, `dpkg-deb`, `gpg` and, in `KEDGE_DEBIAN_TARBALL`, a Debian system with apt
//! (`mmdebstrap --variant=apt`). Where one is missing, the trials are ignored and say so.
#![expect(clippy::disallowed_methods, reason = "tests start programs and themselves")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and the child speaks to its parent"
)]

mod child;
mod failures;
mod faults;
mod hostile;
mod network;
mod power;
mod successes;
mod trouble;
mod versions;
mod wishes;
mod zypper;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use std::sync::LazyLock;
use support::loop_btrfs::has_program;
use support::machine::Kit;

type Case = (&'static str, fn(&Kit));

static KIT: LazyLock<Kit> = LazyLock::new(|| Kit::new(&tarball().expect("trials are ignored without it")));

fn tarball() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("KEDGE_DEBIAN_TARBALL")?);
    path.is_file().then_some(path)
}

/// Why the trials cannot run here.
fn lacks() -> Option<String> {
    if let Err(reason) = support::isolate() {
        return Some(reason);
    }
    let programs = [
        "dpkg",
        "dpkg-deb",
        "gpg",
        "gpgconf",
        "tar",
        "sha256sum",
        "chroot",
        "flock",
    ];
    if let Some(program) = programs.into_iter().find(|program| !has_program(program)) {
        return Some(format!("needs {program}"));
    }
    tarball()
        .is_none()
        .then(|| "needs KEDGE_DEBIAN_TARBALL".to_owned())
}

fn main() {
    engine::read_if_asked();
    if let Some(root) = std::env::var_os(child::ROOT) {
        child::main(&PathBuf::from(root));
        return;
    }
    let arguments = Arguments::from_args();
    let lacks = lacks();
    let cases = [
        successes::CASES,
        failures::CASES,
        faults::CASES,
        hostile::CASES,
        network::CASES,
        power::CASES,
        trouble::CASES,
        versions::CASES,
        wishes::CASES,
    ];
    let lacks_zypper = lacks.clone().or_else(zypper::lacks);
    let others = cases.into_iter().flatten().map(|case| (case, &lacks));
    let trials = others
        .chain(
            zypper::CASES
                .iter()
                .chain(zypper::QUESTIONS)
                .chain(zypper::WISHES)
                .map(|case| (case, &lacks_zypper)),
        )
        .map(|((name, case), lacks)| match lacks {
            // The reason stands in the name: that is what the runner prints.
            Some(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
            None => Trial::test(*name, move || -> Result<(), Failed> {
                case(&KIT);
                Ok(())
            }),
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
