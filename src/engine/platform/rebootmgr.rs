// SPDX-License-Identifier: GPL-3.0-or-later
//! What rebootmgr has in mind. It speaks varlink (varlink.org): one JSON object and a zero byte each way.

use super::text;
use crate::packages::Tree;
use model::RebootManager;
use rustix::fs::OFlags;
use serde::Deserialize;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

const SOCKET: &str = "run/rebootmgr/rebootmgrd.socket";
const CONFIGURATION: &str = "etc/rebootmgr/rebootmgr.conf";
/// It answers from memory; whoever does not is as good as not there.
const PATIENCE: Duration = Duration::from_secs(2);
/// An answer has some hundred bytes.
const ANSWER: u64 = 64 << 10;

#[derive(Debug, Deserialize)]
struct Reply {
    error: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

/// The reply of `FullStatus` (rebootmgr 3, varlink-org.openSUSE.rebootmgr.c).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Parameters {
    reboot_status: i64,
    reboot_strategy: i64,
    reboot_time: Option<String>,
    maintenance_window_start: Option<String>,
    maintenance_window_duration: Option<i64>,
}

/// What it has in mind: as it says itself where it runs, else as it is configured; `None` where it is not used.
pub(super) fn read(tree: Tree<'_>) -> Option<RebootManager> {
    let configured = text(tree, CONFIGURATION).map(|text| configured(&text));
    let Some(reply) = ask(tree) else {
        return configured;
    };
    let mut manager = answered(reply);
    // The codes of strategies moved between versions; the words in the file that it reads did not.
    if let Some(configured) = configured.filter(|configured| configured.strategy != "unknown") {
        manager.strategy = configured.strategy;
    }
    Some(manager)
}

fn ask(tree: Tree<'_>) -> Option<Parameters> {
    let socket = tree.open(SOCKET, OFlags::PATH).ok()?;
    // The path of a descriptor, since a socket is connected to by path and that one is found below the root.
    let mut stream = UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    stream
        .write_all(b"{\"method\":\"org.openSUSE.rebootmgr.FullStatus\",\"parameters\":{}}\0")
        .ok()?;
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).ok()?;
        bytes.extend_from_slice(piece.get(..length)?);
        if length == 0 || bytes.contains(&0) || bytes.len() as u64 > ANSWER {
            break;
        }
    }
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let reply: Reply = serde_json::from_slice(bytes.get(..end)?).ok()?;
    reply.error.is_none().then_some(reply.parameters)
}

/// The codes of rebootmgr.h that every version has.
fn strategy(code: i64) -> &'static str {
    match code {
        1 => "best-effort",
        2 => "instantly",
        3 => "maint-window",
        _ => "unknown",
    }
}

fn safe(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn answered(reply: Parameters) -> RebootManager {
    let minutes = reply.maintenance_window_duration.unwrap_or(0);
    RebootManager {
        strategy: strategy(reply.reboot_strategy).to_owned(),
        window_start: safe(&reply.maintenance_window_start.unwrap_or_default()),
        window_duration: u64::try_from(minutes).unwrap_or(0).saturating_mul(60),
        requested: reply.reboot_status != 0,
        time: safe(&reply.reboot_time.unwrap_or_default()),
    }
}

fn configured(text: &str) -> RebootManager {
    let value = |key: &str| {
        let mut pairs = text.lines().filter_map(|line| line.trim().split_once('='));
        let found = pairs.rfind(|(name, _)| name.trim() == key);
        found.map_or_else(String::new, |(_, value)| safe(value.trim().trim_matches('"')))
    };
    let known = ["instantly", "maint-window", "best-effort", "off"];
    let strategy = value("strategy");
    RebootManager {
        strategy: match known.contains(&strategy.as_str()) {
            true => strategy,
            false => "unknown".to_owned(),
        },
        window_start: value("window-start"),
        window_duration: hours(&value("window-duration")).unwrap_or(0),
        requested: false,
        time: String::new(),
    }
}

/// `1h30m`, as rebootmgr writes it.
fn hours(text: &str) -> Option<u64> {
    let (hours, rest) = text.split_once('h').unwrap_or(("0", text));
    let minutes = rest.trim().trim_end_matches('m').trim();
    let hours: u64 = hours.trim().parse().ok()?;
    let minutes: u64 = if minutes.is_empty() {
        0
    } else {
        minutes.parse().ok()?
    };
    hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_configuration_is_read() {
        let manager = configured(
            "[rebootmgr]\nwindow-start=03:30\nwindow-duration=1h30m\nstrategy=maint-window\nlock-group=\"default\"\n",
        );
        assert_eq!(
            (
                manager.strategy.as_str(),
                manager.window_start.as_str(),
                manager.window_duration
            ),
            ("maint-window", "03:30", 5400)
        );
        assert_eq!(configured("strategy=etcd\n").strategy, "unknown");
    }

    #[test]
    fn it_is_asked_over_its_socket() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("run/rebootmgr")).unwrap();
        let listener = std::os::unix::net::UnixListener::bind(root.path().join(SOCKET)).unwrap();
        let answer = |json: &'static [u8]| {
            let listener = listener.try_clone().unwrap();
            let served = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 512];
                let length = stream.read(&mut asked).unwrap();
                stream.write_all(json).unwrap();
                asked[..length].to_vec()
            });
            let directory = std::fs::File::open(root.path()).unwrap();
            let read = read(Tree::new(std::os::fd::AsFd::as_fd(&directory)));
            let asked = served.join().unwrap();
            assert_eq!(asked.last(), Some(&0));
            assert!(asked.starts_with(b"{\"method\":\"org.openSUSE.rebootmgr.FullStatus\""));
            read
        };
        let told = answer(
            b"{\"parameters\":{\"RebootStatus\":1,\"RebootStrategy\":3,\"RequestedMethod\":1,\"RebootTime\":\"03:41\",\
              \"MaintenanceWindowStart\":\"03:30\",\"MaintenanceWindowDuration\":90}}\0",
        );
        let expected = RebootManager {
            strategy: "maint-window".to_owned(),
            window_start: "03:30".to_owned(),
            window_duration: 5400,
            requested: true,
            time: "03:41".to_owned(),
        };
        assert_eq!(told, Some(expected));
        assert_eq!(
            answer(b"{\"error\":\"org.openSUSE.rebootmgr.InternalError\"}\0"),
            None
        );
        assert_eq!(answer(b"garbage\0"), None);
    }
}
