// SPDX-License-Identifier: GPL-3.0-or-later
//! Puts programs and files where a system looks for them. QML and texts are inside the window's program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::enter::Session;
use crate::process::{command, quiet, run as must_run};

/// What to install and where.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Directory that stands for /
    pub(crate) destdir: PathBuf,
    /// Where the programs will live
    pub(crate) prefix: PathBuf,
    /// Debug programs
    pub(crate) debug: bool,
    /// With the window
    pub(crate) window: bool,
}

/// A program: its package, its name, its directory below the prefix.
const PROGRAMS: [(&str, &str, &str); 5] = [
    ("cli", "kedgectl", "bin"),
    ("agent", "kedge-agent", "libexec"),
    ("app", "kedge", "bin"),
    ("helper", "kedge-helper", "libexec"),
    ("helper", "kedge-sync-etc", "libexec"),
];

/// Builds and installs everything.
pub(crate) fn run(session: &Session, options: &Options) -> Result<u8> {
    let programs = PROGRAMS
        .iter()
        .filter(|program| options.window || program.0 != "app");
    let mut build = session.cargo();
    build
        .args(["build", "--quiet"])
        .args(programs.clone().flat_map(|program| ["--package", program.0]));
    if !options.debug {
        build.arg("--release");
    }
    must_run(&mut build)?;
    let built = session
        .target()
        .join(if options.debug { "debug" } else { "release" });
    let place = Place { options };
    for (_, name, directory) in programs {
        place.program(&built.join(name), &format!("{directory}/{name}"))?;
    }
    place.desktop(&session.checkout.join("desktop"))?;
    place.icons(&session.checkout.join("icons"))?;
    place.generated(&built.join("kedgectl"), &session.scratch)?;
    Ok(0)
}

struct Place<'a> {
    options: &'a Options,
}

impl Place<'_> {
    /// A path below the prefix, inside of the destination.
    fn below(&self, path: &str) -> PathBuf {
        let prefix = self
            .options
            .prefix
            .strip_prefix("/")
            .unwrap_or(&self.options.prefix);
        self.options.destdir.join(prefix).join(path)
    }

    fn write(&self, to: &Path, content: &[u8], mode: u32) -> Result<()> {
        if let Some(directory) = to.parent() {
            fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        }
        // A program that runs cannot be written over, but it can be replaced.
        let mut new = to.as_os_str().to_owned();
        new.push(".new");
        fs::write(&new, content).with_context(|| format!("write {}", to.display()))?;
        fs::set_permissions(&new, fs::Permissions::from_mode(mode))?;
        fs::rename(&new, to).with_context(|| format!("write {}", to.display()))
    }

    fn program(&self, from: &Path, to: &str) -> Result<()> {
        let content = fs::read(from).with_context(|| format!("read {}", from.display()))?;
        self.write(&self.below(to), &content, 0o755)
    }

    /// The files of desktop/, each by what it is.
    fn desktop(&self, directory: &Path) -> Result<()> {
        for path in walk(directory) {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if let Some(language) = name.strip_suffix(".po") {
                self.translation(&path, language)?;
                continue;
            }
            let content = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            let text = String::from_utf8_lossy(&content).into_owned();
            let parent = path
                .parent()
                .and_then(Path::file_name)
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if let Some(to) = destination(&name, &parent, &text) {
                let text = text.replace("/usr/", &format!("{}/", self.options.prefix.display()));
                let to = if let Some(absolute) = to.strip_prefix('/') {
                    self.options.destdir.join(absolute)
                } else {
                    self.below(&to)
                };
                self.write(&to, text.as_bytes(), 0o644)?;
                if let Some(target) = text.lines().find_map(|line| line.strip_prefix("WantedBy="))
                    && (parent == "user" || name.ends_with(".timer"))
                {
                    self.enable(&to, &name, target)?;
                }
            }
        }
        Ok(())
    }

    /// Makes a unit start with its target: in everybody's session, or with the system.
    fn enable(&self, unit: &Path, name: &str, target: &str) -> Result<()> {
        let wants = unit.with_file_name(format!("{target}.wants"));
        fs::create_dir_all(&wants).with_context(|| format!("create {}", wants.display()))?;
        let link = wants.join(name);
        if link.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(Path::new("..").join(name), &link)
                .with_context(|| format!("link {}", link.display()))?;
        }
        Ok(())
    }

    /// A translation, compiled to what gettext reads.
    fn translation(&self, from: &Path, language: &str) -> Result<()> {
        let to = self.below(&format!("share/locale/{language}/LC_MESSAGES/kedge.mo"));
        fs::create_dir_all(to.parent().unwrap_or(&to))?;
        quiet(
            command("msgfmt", ["--check-format", "--output-file"])
                .arg(&to)
                .arg(from),
        )
    }

    /// Icons keep their place below hicolor/.
    fn icons(&self, directory: &Path) -> Result<()> {
        for path in walk(directory) {
            let Ok(inside) = path.strip_prefix(directory) else {
                continue;
            };
            if path
                .extension()
                .is_some_and(|ending| ending == "svg" || ending == "png")
            {
                let inside = inside.strip_prefix("hicolor").unwrap_or(inside);
                let to = self.below("share/icons/hicolor").join(inside);
                self.write(&to, &fs::read(&path)?, 0o644)?;
            }
        }
        Ok(())
    }

    /// Man pages and completions are made by the program itself, so that they never disagree with it.
    fn generated(&self, kedgectl: &Path, scratch: &Path) -> Result<()> {
        let directory = scratch.join("generated");
        fs::create_dir_all(&directory)?;
        quiet(command(kedgectl, ["generate"]).arg(&directory))?;
        for path in walk(&directory) {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let to = generated(&name).with_context(|| format!("kedgectl made an unknown file, {name}"))?;
            self.write(&self.below(&to), &fs::read(&path)?, 0o644)?;
        }
        Ok(())
    }
}

/// Where a file that kedgectl writes belongs, below the prefix.
fn generated(name: &str) -> Option<String> {
    if let Some(program) = name.strip_suffix(".bash") {
        return Some(format!("share/bash-completion/completions/{program}"));
    }
    match name.rsplit_once('.') {
        Some((_, "fish")) => Some(format!("share/fish/vendor_completions.d/{name}")),
        Some((_, section @ ("1" | "8"))) => Some(format!("share/man/man{section}/{name}")),
        None if name.starts_with('_') => Some(format!("share/zsh/site-functions/{name}")),
        _ => None,
    }
}

/// Where a file of desktop/ belongs: below the prefix, or absolute. Unknown files stay at home.
fn destination(name: &str, parent: &str, text: &str) -> Option<String> {
    let below = |directory: &str| Some(format!("{directory}/{name}"));
    let ending = Path::new(name).extension()?.to_str()?;
    match ending {
        "desktop" if parent == "autostart" => below("/etc/xdg/autostart"),
        "desktop" if parent == "krunner" => below("share/krunner/dbusplugins"),
        "desktop" if parent == "servicemenus" => below("share/kio/servicemenus"),
        "desktop" => below("share/applications"),
        "notifyrc" => below("share/knotifications6"),
        "policy" => below("share/polkit-1/actions"),
        "rules" => below("share/polkit-1/rules.d"),
        "conf" if text.contains("<busconfig>") => below("share/dbus-1/system.d"),
        "conf" if parent.starts_with("tmpfiles") => below("lib/tmpfiles.d"),
        "service" if text.contains("[D-BUS Service]") && text.contains("User=root") => {
            below("share/dbus-1/system-services")
        }
        "service" if text.contains("[D-BUS Service]") => below("share/dbus-1/services"),
        "service" | "timer" | "socket" if parent == "user" => below("lib/systemd/user"),
        "service" | "timer" | "socket" => below("lib/systemd/system"),
        "xml" if name.ends_with(".metainfo.xml") => below("share/metainfo"),
        "1" => below("share/man/man1"),
        "8" => below("share/man/man8"),
        _ => None,
    }
}

/// All files below a directory, in order; none where there is no such directory.
fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_has_its_place() {
        for (name, parent, text, to) in [
            (
                "org.kedge.Kedge.desktop",
                "desktop",
                "",
                Some("share/applications/org.kedge.Kedge.desktop"),
            ),
            (
                "kedge-agent.service",
                "user",
                "[Unit]",
                Some("lib/systemd/user/kedge-agent.service"),
            ),
            (
                "kedge-agent.desktop",
                "autostart",
                "",
                Some("/etc/xdg/autostart/kedge-agent.desktop"),
            ),
            (
                "org.kedge.Kedge.desktop",
                "krunner",
                "",
                Some("share/krunner/dbusplugins/org.kedge.Kedge.desktop"),
            ),
            (
                "org.kedge.Kedge.desktop",
                "servicemenus",
                "",
                Some("share/kio/servicemenus/org.kedge.Kedge.desktop"),
            ),
            (
                "kedge-night.timer",
                "user",
                "[Timer]",
                Some("lib/systemd/user/kedge-night.timer"),
            ),
            (
                "org.kedge.kedge1.policy",
                "desktop",
                "",
                Some("share/polkit-1/actions/org.kedge.kedge1.policy"),
            ),
            (
                "org.kedge.Kedge1.conf",
                "desktop",
                "<busconfig>",
                Some("share/dbus-1/system.d/org.kedge.Kedge1.conf"),
            ),
            (
                "org.kedge.Kedge1.service",
                "desktop",
                "[D-BUS Service]\nUser=root",
                Some("share/dbus-1/system-services/org.kedge.Kedge1.service"),
            ),
            (
                "org.kedge.Kedge.service",
                "desktop",
                "[D-BUS Service]",
                Some("share/dbus-1/services/org.kedge.Kedge.service"),
            ),
            (
                "kedge-helper.service",
                "desktop",
                "[Unit]",
                Some("lib/systemd/system/kedge-helper.service"),
            ),
            (
                "org.kedge.Kedge.metainfo.xml",
                "desktop",
                "",
                Some("share/metainfo/org.kedge.Kedge.metainfo.xml"),
            ),
            ("kedge-helper.8", "man", "", Some("share/man/man8/kedge-helper.8")),
            ("README.md", "desktop", "", None),
        ] {
            assert_eq!(destination(name, parent, text).as_deref(), to, "{name}");
        }
        for (name, to) in [
            (
                "kedgectl.bash",
                Some("share/bash-completion/completions/kedgectl"),
            ),
            ("_kedgectl", Some("share/zsh/site-functions/_kedgectl")),
            (
                "kedgectl.fish",
                Some("share/fish/vendor_completions.d/kedgectl.fish"),
            ),
            ("kedgectl-list.1", Some("share/man/man1/kedgectl-list.1")),
            ("kedgectl.elv", None),
        ] {
            assert_eq!(generated(name).as_deref(), to, "{name}");
        }
    }
}
