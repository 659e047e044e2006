// SPDX-License-Identifier: GPL-3.0-or-later
//! A system bus with our policy on it, and a polkitd that knows our actions.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::bus::{PrivateBus, Program};

const ACTIONS: &str = "/usr/share/polkit-1/actions";
const RULES: &str = "/etc/polkit-1/rules.d";

/// `games` may do everything of ours, `man` may only install updates.
const RULE: &str = "polkit.addRule(function(action, subject) {
    if (action.id.indexOf('org.kedge.kedge1.') == 0 && subject.user == 'games') return polkit.Result.YES;
    if (action.id == 'org.kedge.kedge1.update' && subject.user == 'man') return polkit.Result.YES;
});
";

/// Where this system has polkitd.
pub(crate) fn polkitd() -> Option<PathBuf> {
    [
        "/usr/lib/polkit-1/polkitd",
        "/usr/libexec/polkitd",
        "/usr/libexec/polkit-1/polkitd",
    ]
    .iter()
    .map(PathBuf::from)
    .find(|path| path.exists())
}

/// Makes our actions and rule the system's, in this mount namespace only.
pub(crate) fn install(tests: &Path) -> io::Result<()> {
    let desktop = tests.with_file_name("desktop");
    // Gone with the namespace.
    let place = PathBuf::from("/run/kedge-polkit");
    fs::create_dir_all("/run")?;
    mount(&["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"])?;
    for (name, over) in [("actions", ACTIONS), ("rules", RULES)] {
        let dir = place.join(name);
        fs::create_dir_all(&dir)?;
        fs::create_dir_all(over)?;
        if name == "actions" {
            for entry in fs::read_dir(over)? {
                let entry = entry?;
                fs::copy(entry.path(), dir.join(entry.file_name()))?;
            }
            let ours = "org.kedge.kedge1.policy";
            fs::copy(desktop.join(ours), dir.join(ours))?;
        } else {
            fs::write(dir.join("00-test.rules"), RULE)?;
        }
        for entry in fs::read_dir(&dir)? {
            fs::set_permissions(entry?.path(), fs::Permissions::from_mode(0o644))?;
        }
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755))?;
        mount(&["--bind", &dir.display().to_string(), over])?;
    }
    Ok(())
}

fn mount(arguments: &[&str]) -> io::Result<()> {
    let status = Command::new("mount").args(arguments).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("mount {} failed", arguments.join(" "))))
    }
}

/// A system bus with polkitd on it.
pub(crate) struct SystemBus {
    // Before the bus: it complains when its bus goes.
    _polkitd: Program,
    pub(crate) bus: PrivateBus,
}

impl SystemBus {
    pub(crate) async fn start() -> Self {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR"))
            .with_file_name("desktop")
            .join("org.kedge.Kedge1.conf");
        // As in dbus-daemon's own system.conf.
        let policy = format!(
            "<policy context='default'><allow user='*'/><deny own='*'/><deny send_type='method_call'/>\
             <allow send_type='signal'/><allow send_requested_reply='true' send_type='method_return'/>\
             <allow send_requested_reply='true' send_type='error'/><allow receive_type='method_call'/>\
             <allow receive_type='method_return'/><allow receive_type='error'/><allow receive_type='signal'/>\
             <allow send_destination='org.freedesktop.DBus' send_interface='org.freedesktop.DBus'/>\
             <allow send_destination='org.freedesktop.DBus' send_interface='org.freedesktop.DBus.Introspectable'/>\
             </policy><include>/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf</include>\
             <include>{}</include>",
            ours.display()
        );
        let bus = PrivateBus::with_policy("system", &policy).unwrap();
        fs::set_permissions(bus.dir(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(polkitd().unwrap());
        command
            .arg("--no-debug")
            .env("DBUS_SYSTEM_BUS_ADDRESS", bus.address())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let polkitd = Program::start(&mut command).unwrap();
        let connection = zbus::connection::Builder::address(bus.address().as_str())
            .build()
            .await
            .unwrap();
        let names = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
        let name = zbus::names::BusName::try_from("org.freedesktop.PolicyKit1").unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while !names.name_has_owner(name.clone()).await.unwrap() {
            assert!(Instant::now() < end, "polkitd does not come");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self {
            _polkitd: polkitd,
            bus,
        }
    }
}
