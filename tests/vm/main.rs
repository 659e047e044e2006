// SPDX-License-Identifier: GPL-3.0-or-later
//! Whole machines: a kernel of their own, systemd as its first process, and restarts that are real ones. User-mode Linux
//! follows the default subvolume and is quick; QEMU has a firmware and a boot loader that decide what starts, and what
//! starts instead when that fails.
//!
//! `cargo xtask test vm` makes the disk that all of them start from (`KEDGE_MACHINES`) and brings the packages that are
//! machines. Where one is missing, the trials are ignored and say so. What the machines said is in target/vm.
#![expect(
    clippy::disallowed_methods,
    reason = "a machine is a process; the rule keeps those of the product in one place"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod console;
mod disk;
mod machine;
mod systemd_boot;
mod uml;

use libtest_mimic::{Arguments, Trial};
use std::path::PathBuf;
use support::loop_btrfs::{has_program, isolate};

type Case = (&'static str, fn(&'static str));

/// Why no machine can be started here.
fn lacks() -> Option<String> {
    if let Some(reason) = std::env::var_os("KEDGE_MACHINES_LACK") {
        return Some(reason.to_string_lossy().into_owned());
    }
    if disk::place().is_none() {
        return Some("needs KEDGE_MACHINES".to_owned());
    }
    isolate().err()
}

/// Why those of one kind cannot.
fn lacks_also(programs: &[&str], files: &[&str]) -> Option<String> {
    let program = programs.iter().find(|program| !has_program(program));
    let file = files.iter().find(|file| !PathBuf::from(file).is_file());
    program.or(file).map(|missing| format!("needs {missing}"))
}

fn main() {
    let arguments = Arguments::from_args();
    let lacks = lacks();
    let kinds: [(&[Case], Option<String>); 2] = [
        (uml::CASES, lacks_also(&["linux.uml"], &[])),
        (
            systemd_boot::CASES,
            lacks_also(
                &["qemu-system-x86_64", "mkfs.vfat", "mcopy"],
                &[machine::FIRMWARE, machine::VARIABLES],
            ),
        ),
    ];
    let mut trials = Vec::new();
    for (cases, also) in kinds {
        let lacks = lacks.clone().or(also);
        for (name, case) in cases {
            trials.push(match &lacks {
                // The reason stands in the name: that is what the runner prints.
                Some(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
                None => Trial::test(*name, || {
                    case(name);
                    Ok(())
                }),
            });
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
