// SPDX-License-Identifier: GPL-3.0-or-later
//! The main job for people to watch: the scenario with its transcript, then the window on the guest's own bus.

use anyhow::{Context, Result, bail};

use crate::desktop::{Bus, Running, window};
use crate::enter::Session;
use crate::guest::Guest;
use crate::guest::image::Image;
use crate::pictures::{LIGHT, Scene, pictures};
use crate::process::run as must_run;
use crate::scenario::Scenario;

/// A file of the guest that the update changes.
const FILE: &str = "/usr/share/demo-editor/version";

/// Plays the scenario, opens the window or takes its pictures, and optionally gives a shell in the guest.
pub(crate) fn run(session: &Session, no_window: bool, shell: bool) -> Result<u8> {
    let directory = session.results("demo")?;
    let mut programs = session.cargo();
    programs.args(["build", "--package", "helper", "--package", "cli"]);
    if !no_window {
        programs.args(["--package", "app"]);
    }
    must_run(&mut programs)?;
    let mut scenario = Scenario::new(session, &directory.join("transcript.txt"))?;
    scenario.play(true);
    scenario.say(&scenario.summary());
    if scenario.guest.init().is_err() {
        bail!(
            "the guest is not running any more; see {}",
            directory.join("transcript.txt").display()
        );
    }
    let outcome = if no_window {
        Ok(())
    } else {
        show_window(session, &mut scenario, &directory)
    };
    if shell {
        // The shell is the person's: its exit status is no news for us.
        let _ = scenario.guest.interactive(&["bash", "-l"])?.status();
    }
    outcome?;
    println!("the transcript and the pictures are in {}", directory.display());
    Ok(u8::from(!scenario.is_good()))
}

/// Boots a fresh guest for a command or a shell of the developer.
pub(crate) fn guest(session: &Session, command: &[String]) -> Result<u8> {
    let mut guest = Guest::new(session, Image::make(session)?)?;
    guest.boot()?;
    let words: Vec<&str> = if command.is_empty() {
        vec!["bash", "-l"]
    } else {
        command.iter().map(String::as_str).collect()
    };
    let status = guest.interactive(&words)?.status().context("start nsenter")?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1))
}

/// The window runs out here as root and reaches the helper over the guest's real system bus.
fn show_window(session: &Session, scenario: &mut Scenario, directory: &std::path::Path) -> Result<()> {
    // The old system runs again: the window shows what it could become.
    crate::scenario::checks(scenario)?;
    let socket = scenario.guest.root()?.join("run/dbus/system_bus_socket");
    let address = format!("unix:path={}", socket.display());
    if std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some() {
        scenario.say("# the window is open on the guest's system bus; close it to end the demo");
        let bus = Bus::start(session, "session-bus")?;
        Running::start(&mut window(session, &address, &bus.address))?.wait()?;
        return Ok(());
    }
    scenario.say("# no display here: pictures of every page under Xvfb");
    let scene = Scene {
        system_bus: &address,
        file: FILE,
        // The updates and the version that runs.
        above: 2,
    };
    for file in pictures(session, scene, directory, LIGHT)? {
        scenario.say(&format!("# {}", file.display()));
    }
    Ok(())
}
