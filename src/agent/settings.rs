// SPDX-License-Identifier: GPL-3.0-or-later
//! What a person set in System Settings, read where Plasma keeps it, whenever it is needed.

use model::{Notice, Wanted};
use std::path::PathBuf;
use std::time::Duration;

/// The value of a key in KDE's configuration files: in the person's own, else in the system's.
fn value(file: &str, group: &str, key: &str) -> Option<String> {
    configuration()
        .into_iter()
        .find_map(|directory| lookup(&std::fs::read_to_string(directory.join(file)).ok()?, group, key))
}

/// The directories of configuration, most important first.
fn configuration() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".config"));
    let own = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
    let others = variable("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".into());
    own.into_iter()
        .chain(std::env::split_paths(&others))
        .filter(|path| path.is_absolute())
        .collect()
}

/// The value of a key in one file's text.
fn lookup(text: &str, group: &str, key: &str) -> Option<String> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            // A group may be marked as immutable: `[Group][$i]`.
            let name = line.strip_prefix('[').and_then(|line| line.split_once(']'));
            inside =
                name.is_some_and(|(name, rest)| name == group && (rest.is_empty() || rest.starts_with("[$")));
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && name.trim().split('[').next() == Some(key)
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

/// Whether notifications of this event are not to pop up. Plasma itself mutes whole programs; single events are up to
/// the program.
pub(crate) fn is_muted(event: &str) -> bool {
    let action = value("org.kedge.Kedge.notifyrc", &format!("Event/{event}"), "Action");
    action.is_some_and(|action| !pops_up(&action))
}

fn pops_up(action: &str) -> bool {
    action.split('|').any(|part| part == "Popup")
}

/// The person's own settings of Kedge, which the window writes; docs/window.md lists them.
const OWN: &str = "kedgerc";
/// The object in whose name KConfig tells that they were written.
pub(crate) const OWN_PATH: &str = "/kedgerc";

/// Whether a person wants to see the icon at all.
pub(crate) fn shows_icon() -> bool {
    is_on(value(OWN, "Tray", "Enabled").as_deref())
}

/// Whether a person wants to be told this. What went wrong is always told.
pub(crate) fn tells(notice: Notice) -> bool {
    let about_updates = matches!(
        notice,
        Notice::SecurityUpdates | Notice::UpdatesAvailable | Notice::RestartReady
    );
    !about_updates || is_on(value(OWN, "Notifications", "Updates").as_deref())
}

/// A switch that is on unless it was switched off.
fn is_on(value: Option<&str>) -> bool {
    value != Some("false")
}

/// How often a person wants to be told of updates: what is set for all of Plasma.
pub(crate) fn wanted() -> Wanted {
    parse_wanted(value("PlasmaDiscoverUpdates", "Global", "RequiredNotificationInterval").as_deref())
}

fn parse_wanted(value: Option<&str>) -> Wanted {
    match value.and_then(|value| value.parse::<i64>().ok()) {
        None => Wanted::Usual,
        Some(seconds) => match u64::try_from(seconds) {
            Ok(seconds) => Wanted::Every(Duration::from_secs(seconds.max(60))),
            Err(_) => Wanted::Never,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_its_group_only() {
        let text = "Action=outside\n[Event/Other]\nAction=Sound\n[Event/Mine][$i]\nName[de]=x\nAction[$e]=Popup|Sound\n\
                    [Event/Mine][Sub]\nAction=nested\n";
        for (group, key, found) in [
            ("Event/Mine", "Action", Some("Popup|Sound")),
            ("Event/Other", "Action", Some("Sound")),
            ("Event/Mine", "Sound", None),
            ("Event/None", "Action", None),
        ] {
            assert_eq!(lookup(text, group, key).as_deref(), found, "{group} {key}");
        }
    }

    #[test]
    fn an_event_without_popup_is_muted() {
        for (action, shown) in [
            ("Popup", true),
            ("Sound|Popup", true),
            ("", false),
            ("Sound", false),
            ("PopupX", false),
        ] {
            assert_eq!(pops_up(action), shown, "{action:?}");
        }
    }

    #[test]
    fn a_switch_is_on_unless_it_was_switched_off() {
        for (value, on) in [
            (None, true),
            (Some("true"), true),
            (Some("what"), true),
            (Some("false"), false),
        ] {
            assert_eq!(is_on(value), on, "{value:?}");
        }
    }

    #[test]
    fn the_interval_of_system_settings() {
        for (value, wanted) in [
            (None, Wanted::Usual),
            (Some("nonsense"), Wanted::Usual),
            (Some("-1"), Wanted::Never),
            (Some("604800"), Wanted::Every(Duration::from_secs(604_800))),
            (Some("0"), Wanted::Every(Duration::from_secs(60))),
        ] {
            assert_eq!(parse_wanted(value), wanted, "{value:?}");
        }
    }
}
