// SPDX-License-Identifier: GPL-3.0-or-later
//! Who may do what, asked of a real polkitd on a bus with our policy, with a machine in memory behind it.
//!
//! The program starts itself again with mounts of its own, in which our actions and the rules of this test are the
//! system's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "tests start the system's own programs")]

mod authority;
mod callers;
mod table;

use libtest_mimic::{Arguments, Failed, Trial};
use std::future::Future;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const INSIDE: &str = "KEDGE_TEST_OWN_MOUNTS";
const LIMIT: Duration = Duration::from_secs(60);

fn needs() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("needs root".to_owned());
    }
    for program in ["dbus-daemon", "unshare", "mount"] {
        support::bus::installed(program)?;
    }
    authority::polkitd()
        .map(drop)
        .ok_or_else(|| "needs polkitd".to_owned())
}

fn trial<F: Future<Output = ()> + 'static>(name: &str, need: &Result<(), String>, body: fn() -> F) -> Trial {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let result = runtime.block_on(async { tokio::time::timeout(LIMIT, body()).await });
        runtime.shutdown_background();
        result.map_err(|_| Failed::from(format!("takes longer than {LIMIT:?}")))
    };
    match need {
        Ok(()) => Trial::test(name, run),
        Err(reason) => Trial::test(format!("{name} [{reason}]"), run).with_ignored_flag(true),
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let need = needs();
    if need.is_ok() && !arguments.list && std::env::var_os(INSIDE).is_none() {
        let program = std::env::current_exe().expect("a running program has a path");
        // The root of a chroot is no mount that could be made private; whoever made the chroot has done so.
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("the kernel lists its mounts");
        let propagation = if mounts.contains(" shared:") {
            "private"
        } else {
            "unchanged"
        };
        let status = Command::new("unshare")
            .args(["--mount", "--propagation", propagation, "--"])
            .arg(program)
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "1")
            .status()
            .expect("unshare was found a moment ago");
        std::process::exit(status.code().unwrap_or(1));
    }
    let need = need.and_then(|()| match std::env::var_os(INSIDE) {
        Some(_) => {
            authority::install(Path::new(env!("CARGO_MANIFEST_DIR"))).map_err(|error| error.to_string())
        }
        None => Ok(()),
    });
    let trials = vec![
        trial(
            "polkit: every method for every caller, exactly as the table says",
            &need,
            table::whole,
        ),
        trial(
            "polkit: names that are not for everybody are hidden until somebody authenticates",
            &need,
            table::hidden_names,
        ),
        trial(
            "polkit: trying a snapshot once has an action of its own",
            &need,
            table::trying,
        ),
        trial(
            "polkit: one's own job may be cancelled, another's asks",
            &need,
            table::cancelling,
        ),
        trial(
            "polkit: what a job asks is answered by those who may do what it does",
            &need,
            table::answering,
        ),
        trial(
            "polkit: polkitd has the defaults that the policy states",
            &need,
            table::defaults,
        ),
        trial(
            "polkit: who does the nightly job is an administrator's choice",
            &need,
            table::nightly,
        ),
        trial("polkit: only root may be the helper", &need, table::name),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}
