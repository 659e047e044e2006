// SPDX-License-Identifier: GPL-3.0-or-later
//! This test program started again as a process that works on a system until it is killed.

use crate::fixture::{Deaf, open};
use engine::{Cancel, Context, Engine};
use model::{NewSnapshot, SnapshotId};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Names what a started process is to do: `WORK:ROOT`.
pub(crate) const WORK: &str = "KEDGE_TEST_WORK";

/// Starts the work on the system with this root.
pub(crate) fn start(work: &str, root: &Path) -> Child {
    // By its path it may be out of reach in a chroot.
    Command::new("/proc/self/exe")
        .env(WORK, format!("{work}:{}", root.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Works for ever, or until something fails.
pub(crate) fn run(work: &OsStr) -> ! {
    let (work, root) = work.to_str().and_then(|work| work.split_once(':')).unwrap();
    let engine = open(Path::new(root));
    let wish = |description: &str| NewSnapshot {
        description: description.to_owned(),
        ..NewSnapshot::default()
    };
    loop {
        match work {
            "create-delete" => {
                let id = engine.create(&wish("of the child")).unwrap();
                engine.delete(id).unwrap();
            }
            "roll-back" => {
                for target in [2, 3] {
                    let cancel = Cancel::new().unwrap();
                    let context = Context {
                        report: &Deaf,
                        cancel: &cancel,
                    };
                    // The first may be the default already.
                    let _ = engine.roll_back(SnapshotId(target), &context);
                }
            }
            work => panic!("no such work: {work}"),
        }
    }
}
