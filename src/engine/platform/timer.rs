// SPDX-License-Identifier: GPL-3.0-or-later
//! The distribution's timers that change snapshots, from systemd's unit files.

use super::{shell, text};
use crate::packages::Tree;
use model::{Timer, Timestamp};
use rustix::fs::{Mode, OFlags, ResolveFlags};

/// The timer of the nightly update.
pub(super) const UPDATE: &str = "transactional-update.timer";
/// The timers whose work shows in the list of snapshots.
const TIMERS: [&str; 7] = [
    UPDATE,
    "transactional-update-cleanup.timer",
    "snapper-cleanup.timer",
    "snapper-timeline.timer",
    "snapper-boot.timer",
    "btrfs-balance.timer",
    "dnf-automatic.timer",
];
/// Where units lie, the ones that win first (systemd.unit(5)).
const UNITS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// No unit has more drop-ins than this.
const DROP_INS: usize = 100;

/// What transactional-update's configuration says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Configuration {
    pub(super) update_method: String,
    pub(super) reboot_method: String,
}

/// transactional-update's configuration: the distribution's, its drop-ins, the administrator's.
pub(super) fn configuration(tree: Tree<'_>) -> Configuration {
    let below = "usr/etc/transactional-update.conf.d";
    let names = tree.names(below, DROP_INS).unwrap_or_default();
    let files = std::iter::once("usr/etc/transactional-update.conf".to_owned())
        .chain(names.iter().map(|name| format!("{below}/{name}")))
        .chain(["etc/transactional-update.conf".to_owned()]);
    let mut configuration = Configuration {
        update_method: "dup".to_owned(),
        reboot_method: "auto".to_owned(),
    };
    for file in files {
        let mut values = shell::parse(&text(tree, &file).unwrap_or_default());
        if let Some(method) = values.remove("UPDATE_METHOD") {
            configuration.update_method = method;
        }
        if let Some(method) = values.remove("REBOOT_METHOD") {
            configuration.reboot_method = method;
        }
    }
    configuration
}

/// The timers that the machine has.
pub(super) fn read(tree: Tree<'_>) -> Vec<Timer> {
    TIMERS.iter().filter_map(|unit| one(tree, unit)).collect()
}

fn one(tree: Tree<'_>, unit: &str) -> Option<Timer> {
    let place = UNITS.iter().map(|folder| format!("{folder}/{unit}"));
    let found = place.clone().find(|path| {
        tree.open_as(
            path,
            OFlags::PATH | OFlags::NOFOLLOW,
            Mode::empty(),
            ResolveFlags::empty(),
        )
        .is_ok()
    })?;
    // A mask is a link to /dev/null, which is no regular file.
    let own = tree.file(&found).ok().flatten().and_then(|_| text(tree, &found));
    let mut words = own.clone().unwrap_or_default();
    for folder in UNITS.iter().rev() {
        let folder = format!("{folder}/{unit}.d");
        for name in tree.names(&folder, DROP_INS).unwrap_or_default() {
            words.push('\n');
            words += &text(tree, &format!("{folder}/{name}")).unwrap_or_default();
        }
    }
    let (schedule, delay) = schedule(&words);
    let wanted = [
        "etc/systemd/system",
        "run/systemd/system",
        "usr/lib/systemd/system",
    ]
    .iter()
    .map(|folder| format!("{folder}/timers.target.wants/{unit}"))
    .any(|path| {
        tree.open_as(
            &path,
            OFlags::PATH | OFlags::NOFOLLOW,
            Mode::empty(),
            ResolveFlags::empty(),
        )
        .is_ok()
    });
    Some(Timer {
        unit: unit.to_owned(),
        enabled: own.is_some() && wanted,
        schedule,
        delay,
        last: last(tree, unit),
    })
}

/// When a persistent timer last elapsed: the time of its stamp (systemd.timer(5), `Persistent=`).
fn last(tree: Tree<'_>, unit: &str) -> Option<Timestamp> {
    let stamp = tree
        .open(&format!("var/lib/systemd/timers/stamp-{unit}"), OFlags::PATH)
        .ok()?;
    let seconds = rustix::fs::fstat(&stamp).ok()?.st_mtime;
    Some(Timestamp::from_seconds(seconds))
}

/// The schedules and the delay. An empty assignment takes away what came before it.
fn schedule(unit: &str) -> (String, u64) {
    let (mut schedules, mut delay) = (Vec::new(), 0);
    for line in unit.lines() {
        let Some((key, value)) = line.trim().split_once('=') else {
            continue;
        };
        let value = value.trim();
        match key.trim() {
            "OnCalendar" | "OnBootSec" | "OnUnitActiveSec" | "OnUnitInactiveSec" | "OnStartupSec"
                if value.is_empty() =>
            {
                schedules.clear();
            }
            "OnCalendar" => schedules.push(value.to_owned()),
            key @ ("OnBootSec" | "OnUnitActiveSec" | "OnUnitInactiveSec" | "OnStartupSec") => {
                schedules.push(format!("{key}={value}"));
            }
            "RandomizedDelaySec" => delay = seconds(value).unwrap_or(0),
            _ => {}
        }
    }
    (schedules.join(", "), delay)
}

/// A time span as systemd writes it (systemd.time(7)), of the units that occur: `2h`, `90m`, `1h 30min`, `45`.
fn seconds(text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.trim_start();
        let word = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let factor = match rest.get(..word)? {
            "" | "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hr" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            _ => return None,
        };
        rest = rest.get(word..)?.trim_start();
        sum = sum.checked_add(number.checked_mul(factor)?)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_schedules() {
        for (text, expected) in [
            ("2h", Some(7200)),
            ("1h 30min", Some(5400)),
            ("45", Some(45)),
            ("", None),
            ("x", None),
            ("99999999999999999999h", None),
            ("2 fortnights", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        let unit = "[Timer]\nOnCalendar=daily\nRandomizedDelaySec=2h\nPersistent=true\n[Timer]\nOnCalendar=\n\
                    OnCalendar=*-*-* 03:00\nOnBootSec=10m\n";
        assert_eq!(schedule(unit), ("*-*-* 03:00, OnBootSec=10m".to_owned(), 7200));
    }
}
