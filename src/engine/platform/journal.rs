// SPDX-License-Identifier: GPL-3.0-or-later
//! What the journals of starts that failed tell. Whatever a program of the failed system wrote is in them, so that nothing
//! of it is taken over but names of units and a few words of the kernel's that are known here.

use crate::run::Run;
use crate::{Cancel, Context, Error, Report};
use model::{Progress, StartFailure, StartFailureKind};
use serde_json::Value;

/// Of so many starts at most: an update has three tries.
const STARTS: u32 = 3;
/// So many of the last errors of each are looked at.
const LINES: u32 = 400;
/// And so many bytes.
const LIMIT: usize = 1 << 20;
/// More than this tells nobody anything.
const TOLD: usize = 10;
/// systemd's message for a unit that could not be started (sd-messages(3), `SD_MESSAGE_UNIT_FAILED`).
const UNIT_FAILED: &str = "be02cf6855d2428ba40df7e9d022f03d";
/// How a kernel says that it gives up.
const KERNEL: [&str; 5] = [
    "Kernel panic - not syncing",
    "VFS: Unable to mount root fs",
    "BUG: unable to handle",
    "Oops:",
    "Out of memory",
];
/// systemd.unit(5): no name is longer.
const NAME_LIMIT: usize = 255;

struct Nobody;

impl Report for Nobody {
    fn progress(&self, _: Progress) {}
    fn log(&self, _: &str) {}
}

/// What the starts since the one with this identity failed by, the last one first. Empty when there was none.
pub(crate) fn failed_starts(since: &str) -> Result<Vec<StartFailure>, Error> {
    let since = since.trim().replace('-', "");
    let cancel = Cancel::new()?;
    let context = Context {
        report: &Nobody,
        cancel: &cancel,
    };
    let mut found: Vec<StartFailure> = Vec::new();
    for back in 1..=STARTS {
        let run = Run::new("journalctl")
            .args([
                format!("--boot=-{back}"),
                "--output=json".to_owned(),
                "--output-fields=_BOOT_ID,MESSAGE_ID,UNIT,MESSAGE,_TRANSPORT".to_owned(),
                "--priority=err".to_owned(),
                format!("--lines={LINES}"),
                "--no-pager".to_owned(),
                "--quiet".to_owned(),
            ])
            .env([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8")]);
        let finished = run.capture(LIMIT).finish(&context)?;
        if !finished.status.success() {
            if back == 1 {
                found.push(StartFailure::of(StartFailureKind::NoJournal));
            }
            break;
        }
        match told(&String::from_utf8_lossy(&finished.stdout), &since) {
            None => break,
            Some(told) => found.extend(told),
        }
    }
    let mut once: Vec<StartFailure> = Vec::new();
    for failure in found {
        if !once.contains(&failure) && once.len() < TOLD {
            once.push(failure);
        }
    }
    Ok(once)
}

/// What one journal tells; `None` when it is that of the start `since`, or of none that is known.
fn told(text: &str, since: &str) -> Option<Vec<StartFailure>> {
    let mut failures = Vec::new();
    for line in text.lines() {
        let Ok(Value::Object(entry)) = serde_json::from_str(line) else {
            continue;
        };
        let field = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        if field("_BOOT_ID") == since {
            return None;
        }
        let unit = field("UNIT");
        if field("MESSAGE_ID") == UNIT_FAILED && is_unit(unit) {
            failures.push(StartFailure {
                kind: StartFailureKind::Unit,
                subject: unit.to_owned(),
            });
        }
        let words = KERNEL.into_iter().find(|words| field("MESSAGE").contains(words));
        if let Some(words) = words.filter(|_| field("_TRANSPORT") == "kernel") {
            failures.push(StartFailure {
                kind: StartFailureKind::Kernel,
                subject: words.trim_end_matches(':').to_owned(),
            });
        }
    }
    if failures.is_empty() {
        failures.push(StartFailure::of(StartFailureKind::Silent));
    }
    Some(failures)
}

/// Whether this can be the name of a unit, which is shown.
fn is_unit(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    !name.is_empty() && name.len() <= NAME_LIMIT && name.contains('.') && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JOURNAL: &str = r#"{"MESSAGE":"Failed to start dbus-broker.service - D-Bus System Message Bus.","MESSAGE_ID":"be02cf6855d2428ba40df7e9d022f03d","UNIT":"dbus-broker.service","_BOOT_ID":"b1","_TRANSPORT":"journal","__CURSOR":"s=1"}
{"MESSAGE":[255,0,27],"_BOOT_ID":"b1","_TRANSPORT":"stdout"}
{"MESSAGE":"Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b","_BOOT_ID":"b1","_TRANSPORT":"kernel"}
{"MESSAGE":"Kernel panic - not syncing, says a program","_BOOT_ID":"b1","_TRANSPORT":"syslog"}
{"MESSAGE":"x","MESSAGE_ID":"be02cf6855d2428ba40df7e9d022f03d","UNIT":"evil\u001b[2J.service","_BOOT_ID":"b1"}
not json
[1]
"#;

    #[test]
    fn units_and_the_kernel_are_named_and_nothing_else() {
        let shown = |text, since| {
            told(text, since).map(|all| {
                let shown = all.iter().map(|it| format!("{} {}", it.kind, it.subject));
                shown.collect::<Vec<_>>()
            })
        };
        let expected = ["unit dbus-broker.service", "kernel Kernel panic - not syncing"];
        assert_eq!(shown(JOURNAL, "b0").unwrap(), expected);
        assert_eq!(shown(JOURNAL, "b1"), None);
        assert_eq!(shown("", "b0").unwrap(), ["silent "]);
    }

    #[test]
    fn names_of_units_are_plain() {
        for (name, is) in [
            ("a.service", true),
            ("getty@tty1.service", true),
            ("dev-disk-by\\x2dlabel-x.device", true),
            ("", false),
            ("a b.service", false),
            ("a\n.service", false),
            ("service", false),
        ] {
            assert_eq!(is_unit(name), is, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn no_journal_makes_it_panic(text in "(.|\n){0,300}", since in ".{0,10}") {
            let _ = told(&text, &since);
        }
    }
}
