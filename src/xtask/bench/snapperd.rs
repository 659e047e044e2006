// SPDX-License-Identifier: GPL-3.0-or-later
//! snapper's service on a bus of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Both of them.
pub(super) struct Service {
    /// What clients connect to
    pub(super) address: String,
    programs: Vec<Child>,
    scratch: PathBuf,
}

impl Service {
    /// Starts both; the bus lies beside the root directory of the system.
    pub(super) fn start(root: &str) -> Result<Self> {
        let scratch = Path::new(root).with_file_name("bus");
        fs::create_dir_all(&scratch)?;
        let socket = scratch.join("socket");
        let config = format!(
            "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN'\n \
             'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>\n\
             <busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\n\
             <policy context='default'><allow own='*'/><allow send_destination='*'/><allow send_type='signal'/>\
             <allow eavesdrop='true'/></policy></busconfig>\n",
            socket.display()
        );
        fs::write(scratch.join("bus.conf"), config)?;
        let mut service = Self {
            address: format!("unix:path={}", socket.display()),
            programs: Vec::new(),
            scratch: scratch.clone(),
        };
        let configuration = format!("--config-file={}", scratch.join("bus.conf").display());
        service.run(Command::new("dbus-daemon").args(["--nofork", "--nopidfile", &configuration]))?;
        let end = Instant::now() + Duration::from_secs(30);
        while !socket.exists() {
            if Instant::now() > end {
                bail!("dbus-daemon does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut snapperd = Command::new("/usr/sbin/snapperd");
        snapperd
            .arg("--stdout")
            .env("DBUS_SYSTEM_BUS_ADDRESS", &service.address);
        service.run(&mut snapperd)?;
        Ok(service)
    }

    fn run(&mut self, command: &mut Command) -> Result<()> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        self.programs.push(command.spawn().context("start a service")?);
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        for program in self.programs.iter_mut().rev() {
            // Both fail only when it has ended already.
            let _ = program.kill();
            let _ = program.wait();
        }
        let _ = fs::remove_dir_all(&self.scratch);
    }
}
