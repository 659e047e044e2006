// SPDX-License-Identifier: GPL-3.0-or-later
//! Pictures of every page of the window, in the looks that a desktop may have.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::desktop::{Bus, Display, HEIGHT, Running, window};
use crate::enter::Session;
use crate::process::quiet;

/// A place that the window opens on, and where it goes from there, one after the other.
struct Place {
    /// What its option takes: a page, or the name that its picture has where it is a file
    name: &'static str,
    /// What is done there, and the name of the picture; without a name it only leads on to the next
    on: &'static [(&'static [Step], &'static str)],
}

/// What a hand does.
enum Step {
    /// Presses keys, one after the other
    Keys(&'static [&'static str]),
    /// Goes down the timeline to a version that may be rolled back to
    Version,
    /// Turns the wheel over the page
    Wheel,
}

use Step::{Keys, Version, Wheel};

/// What a second start is asked for with `--page`; [`FILE`] stands for `--file`.
const PLACES: [Place; 9] = [
    Place {
        name: "status",
        on: &[(&[Keys(&["F1"])], "about")],
    },
    Place {
        name: "timeline",
        on: &[
            (&[Keys(&["ctrl+n"])], "describe"),
            (
                &[
                    Keys(&["Escape", "ctrl+f"]),
                    Version,
                    Keys(&["space", "Up", "space"]),
                ],
                "chosen",
            ),
            (&[Keys(&["space", "Down", "space", "Return"])], "snapshot"),
            (&[Keys(&["ctrl+r"])], "rollback"),
            (&[Keys(&["Escape", "Down", "Return"])], "changelog"),
            (&[Keys(&["Escape", "ctrl+d"])], "files"),
            (
                &[Keys(&["ctrl+f", "u", "s", "r", "Down", "Right", "Down", "Right"])],
                "files-filtered",
            ),
        ],
    },
    Place {
        name: "changes",
        on: &[],
    },
    Place {
        name: FILE,
        on: &[(&[Keys(&["ctrl+shift+d"])], "text")],
    },
    Place {
        name: "room",
        on: &[(&[Keys(&["Return"])], "room-planned")],
    },
    Place {
        name: "updates",
        on: &[(&[Keys(&["ctrl+l"])], "log"), (&[Keys(&["Escape"])], "")],
    },
    Place {
        name: "history",
        on: &[(&[Keys(&["Down", "Return"])], "entry")],
    },
    Place {
        name: "settings",
        on: &[(&[Wheel], "settings-below"), (&[Wheel, Wheel], "settings-end")],
    },
    Place {
        name: "clean-up",
        on: &[],
    },
];
const FILE: &str = "file";

/// How a picture is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    width: u32,
    dark: bool,
    /// Laid out from right to left, as for Arabic
    reverse: bool,
    /// Size of the font in points where it is not the usual one
    font: Option<u8>,
    /// In German, whose words are long
    german: bool,
}

/// As most people will see it.
pub(crate) const LIGHT: Look = Look {
    width: WIDE,
    dark: false,
    reverse: false,
    font: None,
    german: false,
};

/// The widths of pictures: a laptop's, and as narrow as a window gets.
pub(crate) const WIDE: u32 = 1000;
const NARROW: u32 = 360;

impl Look {
    /// Every look: both colors, both widths, and each of them from right to left, with large letters, and in German.
    pub(crate) fn all() -> Vec<Self> {
        let mut looks = Vec::new();
        for (reverse, font, german) in [
            (false, None, false),
            (true, None, false),
            (false, Some(14), false),
            (false, None, true),
            (false, Some(14), true),
        ] {
            for dark in [false, true] {
                for width in [WIDE, NARROW] {
                    looks.push(Self {
                        width,
                        dark,
                        reverse,
                        font,
                        german,
                    });
                }
            }
        }
        looks
    }

    /// What it is called.
    pub(crate) fn name(self) -> String {
        let suffix = self.suffix();
        suffix.strip_prefix('-').unwrap_or("light").to_owned()
    }

    /// What the names of its files end with; nothing for the usual look.
    fn suffix(self) -> String {
        let mut suffix = String::new();
        for (is_so, word) in [
            (self.dark, "-dark"),
            (self.width < WIDE, "-narrow"),
            (self.reverse, "-rtl"),
            (self.font.is_some(), "-large"),
            (self.german, "-de"),
        ] {
            if is_so {
                suffix += word;
            }
        }
        suffix
    }

    /// The configuration of a desktop that looks so.
    fn write_settings(self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(directory)?;
        let (scheme, icons) = if self.dark {
            ("BreezeDark", "breeze-dark")
        } else {
            ("BreezeLight", "breeze")
        };
        let mut text = std::fs::read_to_string(format!("/usr/share/color-schemes/{scheme}.colors"))
            .context("read the color scheme")?;
        text += &format!("\n[General]\nColorScheme={scheme}\n");
        if let Some(points) = self.font {
            for name in ["font", "menuFont", "toolBarFont"] {
                text += &format!("{name}=Noto Sans,{points},-1,5,400,0,0,0,0,0,0,0,0,0,0,1\n");
            }
        }
        text += &format!("[Icons]\nTheme={icons}\n");
        std::fs::write(directory.join("kdeglobals"), text).context("write the configuration")
    }

    /// The language of the pictures, which writes times without seconds; its letters are UTF-8 on every machine.
    fn speak(self, session: &Session, command: &mut Command) {
        command.env_remove("LC_ALL");
        if self.german {
            command
                .envs([("LANG", "de_DE.UTF-8"), ("LANGUAGE", "de")])
                .env("LOCPATH", session.scratch.join("locale"));
        } else {
            command.envs([("LANG", "C.UTF-8"), ("LC_TIME", "en_US.UTF-8")]);
        }
    }

    /// Its language where the programs look for it.
    fn write_language(self, session: &Session) -> Result<()> {
        let locale = session.scratch.join("locale/de_DE.UTF-8");
        if !self.german || locale.exists() {
            return Ok(());
        }
        let messages = session.scratch.join("share/locale/de/LC_MESSAGES");
        std::fs::create_dir_all(&messages)?;
        std::fs::create_dir_all(session.scratch.join("locale"))?;
        quiet(
            Command::new("msgfmt")
                .arg("--output-file")
                .arg(messages.join("kedge.mo"))
                .arg(session.checkout.join("desktop/po/de.po")),
        )?;
        quiet(
            Command::new("localedef")
                .args(["-i", "de_DE", "-f", "UTF-8"])
                .arg(locale),
        )
    }
}

/// What the pictures show of a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    /// The bus that its helper is on
    pub(crate) system_bus: &'a str,
    /// A path of the system that snapshots have, too
    pub(crate) file: &'a str,
    /// How many lines of the timeline come before a version that may be rolled back to; the one just before is a version, too
    pub(crate) above: usize,
}

/// One picture of every page in `directory`; returns the files.
pub(crate) fn pictures(
    session: &Session,
    scene: Scene<'_>,
    directory: &Path,
    look: Look,
) -> Result<Vec<PathBuf>> {
    let suffix = look.suffix();
    let display = Display::start(session, look.width)?;
    let bus = Bus::start(session, "session-bus")?;
    let settings = session.scratch.join(format!("config{suffix}"));
    look.write_settings(&settings)?;
    look.write_language(session)?;
    let window_here = || {
        let mut command = window(session, scene.system_bus, &bus.address);
        look.speak(session, &mut command);
        command
            .env("DISPLAY", display.name())
            .env("XDG_CONFIG_HOME", &settings)
            .env("QT_QPA_PLATFORM", "xcb");
        command
    };
    let mut command = window_here();
    command
        .args(look.reverse.then_some("-reverse"))
        .env("LIBGL_ALWAYS_SOFTWARE", "1");
    let log_name = session.scratch.join(format!("window{suffix}.log"));
    let log = std::fs::File::create(&log_name)?;
    command.stdout(log.try_clone()?).stderr(log);
    let said = || {
        let text = std::fs::read_to_string(&log_name).unwrap_or_default();
        text.trim().to_owned()
    };
    let mut window = Running::start(&mut command)?;
    display
        .wait_for_window(&mut window)
        .with_context(|| format!("the look {suffix:?}: {}", said()))?;
    // Nothing shall be hovered over in a picture: above the title there is nothing to press.
    let aside = || display.put_pointer(if look.reverse { look.width - 2 } else { 2 }, 2);
    aside()?;
    let mut files = Vec::new();
    for place in &PLACES {
        // A second start opens the page in the first window, and ends.
        let to = if place.name == FILE {
            ["--file", scene.file]
        } else {
            ["--page", place.name]
        };
        quiet(window_here().args(to)).with_context(|| format!("open the page {}: {}", place.name, said()))?;
        let pictures = place.on.iter().map(|(steps, name)| (*steps, *name));
        for (steps, name) in std::iter::once((&[][..], place.name)).chain(pictures) {
            for step in steps {
                match step {
                    Keys(keys) => display.press(keys)?,
                    Version => display.press(&vec!["Down"; scene.above + 1])?,
                    Wheel => display.turn_wheel(look.width / 2, HEIGHT / 2)?,
                }
            }
            aside()?;
            // The page fills with what the helper answers; there is no signal for "drawn" across processes.
            std::thread::sleep(Duration::from_secs(3));
            if window.has_ended() {
                bail!("the window ended by itself on page {name}: {}", said());
            }
            if !name.is_empty() {
                let file = directory.join(format!("{name}{suffix}.png"));
                display.picture(&file)?;
                files.push(file);
            }
        }
    }
    // What QML complains about is worth a look.
    if !said().is_empty() {
        println!("the window said:\n{}", said());
    }
    Ok(files)
}
