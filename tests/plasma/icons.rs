// SPDX-License-Identifier: GPL-3.0-or-later
//! An icon by a name that the theme lacks draws nothing at all, and nobody says so.

use libtest_mimic::Trial;
use std::path::Path;

const THEME: &str = "/usr/share/icons/breeze";
/// The names that src/agent asks for, besides the program's own icon.
const NAMES: [&str; 13] = [
    "dialog-cancel",
    "dialog-error",
    "dialog-warning",
    "drive-harddisk",
    "media-playback-pause",
    "media-playback-start",
    "system-reboot",
    "system-reboot-update",
    "update-high",
    "update-low",
    "update-none",
    "view-history",
    "view-refresh",
];

pub(crate) fn trial() -> Trial {
    let name = "every_icon_is_in_breeze";
    if Path::new(THEME).is_dir() {
        return Trial::test(name, || {
            every_icon_is_in_breeze();
            Ok(())
        });
    }
    Trial::test(format!("{name} [needs {THEME}]"), || Ok(())).with_ignored_flag(true)
}

fn every_icon_is_in_breeze() {
    let room = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("src/agent");
    let code: String = ["tray.rs", "menu.rs", "notice.rs", "agent.rs"]
        .map(|file| std::fs::read_to_string(room.join(file)).unwrap())
        .concat();
    for name in NAMES {
        assert!(
            code.contains(&format!("\"{name}\"")),
            "{name} is no longer asked for"
        );
        let found = ["status", "actions", "devices", "apps"].iter().any(|kind| {
            let sizes = ["22", "24", "16", "symbolic"];
            sizes.iter().any(|size| {
                Path::new(THEME)
                    .join(kind)
                    .join(size)
                    .join(format!("{name}.svg"))
                    .exists()
            })
        });
        assert!(found, "Breeze has no {name}");
    }
}
