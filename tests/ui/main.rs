// SPDX-License-Identifier: GPL-3.0-or-later
//! The window: its pages over plain models, and the whole of it over a simulated machine, driven by what a screen
//! reader reads.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start programs: the window, the helper, a display and the runner of the component tests"
)]

mod signatures;
mod words;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use support::loop_btrfs::has_program;

/// The component tests, one file each.
const COMPONENTS: &[&str] = &[
    "tst_Dialogs.qml",
    "tst_EntryPage.qml",
    "tst_FilePage.qml",
    "tst_FilesPage.qml",
    "tst_HistoryPage.qml",
    "tst_Main.qml",
    "tst_Pseudo.qml",
    "tst_QuestionDialog.qml",
    "tst_RoomPage.qml",
    "tst_SettingsPage.qml",
    "tst_SnapshotPage.qml",
    "tst_StatusPage.qml",
    "tst_TimelinePage.qml",
    "tst_UpdatesPage.qml",
    "tst_RollbackDialog.qml",
];
/// The stories of `window.py`.
const STORIES: &[&str] = &[
    "rollback",
    "update",
    "cancel",
    "failing",
    "offline",
    "lost",
    "delete",
    "many",
    "thousand",
    "names",
    "again",
    "history",
    "settings",
    "keyboard",
    "actions",
    "later",
    "waits",
    "file",
    "files",
    "looking",
    "asking",
    "declining",
    "space",
    "cleaning",
];

/// One at a time: the runner is compiled once, and a window that waits for the processor is a window that times out.
static ALONE: Mutex<()> = Mutex::new(());

fn main() {
    let arguments = Arguments::from_args();
    let components = COMPONENTS.iter().map(|name| {
        trial(name, lacks_runner(), move || {
            let directory = programs().join("ui");
            std::fs::create_dir_all(&directory)?;
            run(Command::new(here("components.sh")).arg(directory).arg(name))
        })
    });
    let stories = STORIES.iter().map(|name| {
        trial(name, lacks_window(), move || {
            run(Command::new("python3")
                .arg(here("window.py"))
                .arg(programs().join("kedge"))
                .arg(programs().join("kedge-helper"))
                .arg(name))
        })
    });
    let trials = components
        .chain(stories)
        .chain(words::trials())
        .chain(signatures::trials())
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

type Body = Result<(), Box<dyn std::error::Error>>;

/// A trial, or an ignored one that says in its name what is missing: that is what the runner prints.
fn trial(name: &str, lacks: Option<String>, body: impl Fn() -> Body + Send + 'static) -> Trial {
    match lacks {
        Some(reason) => Trial::test(format!("{name} ({reason})"), || Ok(())).with_ignored_flag(true),
        None => Trial::test(name.to_owned(), move || {
            let _alone = ALONE.lock();
            body().map_err(|error| Failed::from(error.to_string()))
        }),
    }
}

fn lacks_runner() -> Option<String> {
    let missing = ["qmake6", "c++", "pkg-config"]
        .into_iter()
        .find(|it| !has_program(it))?;
    Some(format!("needs {missing}"))
}

fn lacks_window() -> Option<String> {
    let needed = [
        "Xvfb",
        "openbox",
        "dbus-daemon",
        "xdotool",
        "xprop",
        "python3",
        "c++",
        "pkg-config",
    ];
    if let Some(missing) = needed.into_iter().find(|it| !has_program(it)) {
        return Some(format!("needs {missing}"));
    }
    let missing = ["kedge", "kedge-helper", "kedge-agent"]
        .into_iter()
        .find(|name| !programs().join(name).exists())?;
    Some(format!("needs {missing} to be built"))
}

/// Where cargo puts programs: this one is in a directory below.
fn programs() -> PathBuf {
    let this = std::env::current_exe().expect("a running test has a path");
    this.ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui").join(name)
}

/// Runs it; what it said is the failure.
fn run(command: &mut Command) -> Body {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Err(format!("{}\n{}", output.status, said.join("\n")).into())
}
