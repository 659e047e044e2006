// SPDX-License-Identifier: GPL-3.0-or-later
//! What is this machine, and which packages does it still need?

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache::words;
use crate::process::{find, output, quiet, succeeds};

/// A package manager that we can ask for packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    /// Debian and its relatives
    Apt,
    /// openSUSE
    Zypper,
    /// Fedora
    Dnf,
    /// Arch
    Pacman,
}

/// Where Kedge is built on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// With the machine's own packages
    Native,
    /// In a Debian 13 build root
    BuildRoot,
}

/// This machine.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// `PRETTY_NAME` of os-release
    pub(crate) name: String,
    id: String,
    like: String,
    version: String,
    /// Its package manager, if we know it
    pub(crate) manager: Option<Manager>,
}

/// Are we root?
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Machine {
    /// Reads os-release.
    pub(crate) fn detect() -> Self {
        let text = fs::read_to_string("/etc/os-release")
            .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
            .unwrap_or_default();
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        let field = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .map(|value| value.trim().trim_matches('"').to_owned())
                .unwrap_or_default()
        };
        let (id, like) = (field("ID"), field("ID_LIKE"));
        let is = |name: &str| id.starts_with(name) || like.split(' ').any(|word| word.starts_with(name));
        let manager = if is("debian") || is("ubuntu") {
            Some(Manager::Apt)
        } else if is("opensuse") || is("suse") {
            Some(Manager::Zypper)
        } else if is("fedora") {
            Some(Manager::Dnf)
        } else if is("arch") {
            Some(Manager::Pacman)
        } else {
            None
        };
        Self {
            name: field("PRETTY_NAME"),
            id,
            like,
            version: field("VERSION_ID"),
            manager,
        }
    }

    /// Do the machine's own packages give Qt 6.6 or newer and KDE Frameworks 6?
    fn is_new_enough(&self) -> bool {
        let mut numbers = self
            .version
            .split('.')
            .map(|part| part.parse::<u32>().unwrap_or(0));
        let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        match self.id.as_str() {
            // Testing and unstable have no VERSION_ID.
            "debian" => self.version.is_empty() || major >= 13,
            "ubuntu" => (major, minor) >= (24, 10),
            "fedora" => major >= 40,
            "opensuse-tumbleweed" | "opensuse-slowroll" | "arch" => true,
            _ => self.like.split(' ').any(|word| word == "arch"),
        }
    }

    /// Where to build; `KEDGE_GROUND=native` or `=buildroot` decides otherwise.
    pub(crate) fn ground(&self) -> Result<Ground> {
        if let Some(choice) = std::env::var_os("KEDGE_GROUND") {
            return match choice.to_str() {
                Some("native") => Ok(Ground::Native),
                Some("buildroot") => Ok(Ground::BuildRoot),
                _ => bail!("KEDGE_GROUND must be \"native\" or \"buildroot\""),
            };
        }
        Ok(if self.is_new_enough() {
            Ground::Native
        } else {
            Ground::BuildRoot
        })
    }

    /// Installs what a native build misses.
    pub(crate) fn install_native(&self) -> Result<()> {
        let list = match self.manager {
            Some(Manager::Apt) => include_str!("buildroot-packages.txt"),
            Some(Manager::Zypper) => include_str!("packages-zypper.txt"),
            Some(Manager::Dnf) => include_str!("packages-dnf.txt"),
            Some(Manager::Pacman) => include_str!("packages-pacman.txt"),
            None => bail!(
                "{}: no package manager known here; see docs/building.md for what is needed",
                self.name
            ),
        };
        self.install(&words(list))
    }

    /// Installs those of the packages that are missing.
    pub(crate) fn install(&self, packages: &[&str]) -> Result<()> {
        let Some(manager) = self.manager else {
            bail!("{}: please install {} by hand", self.name, packages.join(" "));
        };
        let missing = manager.missing(packages);
        if missing.is_empty() {
            return Ok(());
        }
        if !is_root() {
            bail!(
                "{} package(s) are missing and installing them needs root; run as root: {}",
                missing.len(),
                manager.install_line(&missing)
            );
        }
        require_space(Path::new("/usr"), 3, "the packages")?;
        println!(
            "xtask: installing {} package(s): {}",
            missing.len(),
            missing.join(" ")
        );
        manager.install(&missing)
    }
}

impl Manager {
    fn missing<'a>(self, packages: &[&'a str]) -> Vec<&'a str> {
        match self {
            Manager::Apt => {
                let known =
                    output(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status} ${Package}\n"]))
                        .unwrap_or_default();
                let installed: std::collections::HashSet<&str> = known
                    .lines()
                    .filter_map(|line| line.strip_prefix("installed "))
                    .collect();
                packages
                    .iter()
                    .copied()
                    .filter(|name| !installed.contains(name))
                    .collect()
            }
            Manager::Zypper | Manager::Dnf => packages
                .iter()
                .copied()
                .filter(|name| !succeeds(Command::new("rpm").args(["-q", "--whatprovides", name])))
                .collect(),
            Manager::Pacman => packages
                .iter()
                .copied()
                .filter(|name| !succeeds(Command::new("pacman").args(["-T", name])))
                .collect(),
        }
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Manager::Apt => &[
                "apt-get",
                "-qq",
                "-o=Dpkg::Use-Pty=0",
                "install",
                "-y",
                "--no-install-recommends",
            ],
            Manager::Zypper => &["zypper", "--non-interactive", "install", "--no-recommends"],
            Manager::Dnf => &["dnf", "install", "-y", "--setopt=install_weak_deps=False"],
            Manager::Pacman => &["pacman", "-Sy", "--needed", "--noconfirm"],
        }
    }

    fn install_line(self, packages: &[&str]) -> String {
        format!("{} {}", self.words().join(" "), packages.join(" "))
    }

    fn install(self, packages: &[&str]) -> Result<()> {
        if self == Manager::Apt {
            refresh_apt()?;
        }
        let words = self.words();
        quiet(
            Command::new(words[0])
                .args(&words[1..])
                .args(packages)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdin(std::process::Stdio::null()),
        )
        .context("the packages could not be installed; is the package mirror reachable?")
    }
}

/// `apt-get update`, with a message that names the likely cause.
pub(crate) fn refresh_apt() -> Result<()> {
    println!("xtask: reading the package lists");
    output(Command::new("apt-get").args(["-q", "-o", "APT::Update::Error-Mode=any", "update"]))
        .map(drop)
        .context("the package mirror of this machine cannot be read; is there a network?")
}

/// The addresses of Debian's archive and of its security archive, as this machine's apt knows them.
/// `KEDGE_DEBIAN_MIRROR` (and `KEDGE_DEBIAN_SECURITY_MIRROR`) come first.
pub(crate) fn debian_mirrors() -> Result<(String, Option<String>)> {
    if let Ok(mirror) = std::env::var("KEDGE_DEBIAN_MIRROR") {
        return Ok((mirror, std::env::var("KEDGE_DEBIAN_SECURITY_MIRROR").ok()));
    }
    let ask = || {
        output(Command::new("apt-get").args([
            "indextargets",
            "--format",
            "$(ORIGIN)|$(LABEL)|$(REPO_URI)",
            "Created-By: Packages",
        ]))
        .unwrap_or_default()
    };
    let mut known = ask();
    if !known.contains("Debian|") && is_root() && find("apt-get").is_some() {
        refresh_apt()?;
        known = ask();
    }
    let address = |origin: &str| {
        known
            .lines()
            .find_map(|line| line.strip_prefix(origin))
            .map(|uri| uri.trim().to_owned())
    };
    let main = address("Debian|Debian|").context(
        "apt on this machine has no Debian archive; set KEDGE_DEBIAN_MIRROR to the address of one",
    )?;
    Ok((main, address("Debian|Debian-Security|")))
}

/// Refuses when the file system of `path` has less than so many GiB left.
pub(crate) fn require_space(path: &Path, gib: u64, what: &str) -> Result<()> {
    let mut here = path;
    while !here.exists() {
        here = here.parent().unwrap_or(Path::new("/"));
    }
    let stat =
        rustix::fs::statvfs(here).with_context(|| format!("ask for the free space of {}", here.display()))?;
    let free = stat.f_bavail * stat.f_frsize;
    if free < gib << 30 {
        bail!(
            "{what} needs {gib} GiB, but {} has only {:.1} GiB left; free some space or set XDG_CACHE_HOME",
            here.display(),
            free as f64 / (1u64 << 30) as f64
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(text: &str) -> Machine {
        Machine::parse(text)
    }

    #[test]
    fn machines_that_can_build_natively() {
        for (text, manager, native) in [
            ("ID=debian\nVERSION_ID=\"12\"", Some(Manager::Apt), false),
            ("ID=debian\nVERSION_ID=\"13\"", Some(Manager::Apt), true),
            ("ID=debian", Some(Manager::Apt), true),
            (
                "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"",
                Some(Manager::Apt),
                false,
            ),
            (
                "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"25.04\"",
                Some(Manager::Apt),
                true,
            ),
            (
                "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\nVERSION_ID=\"20251110\"",
                Some(Manager::Zypper),
                true,
            ),
            (
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\nVERSION_ID=\"15.6\"",
                Some(Manager::Zypper),
                false,
            ),
            ("ID=fedora\nVERSION_ID=43", Some(Manager::Dnf), true),
            ("ID=arch", Some(Manager::Pacman), true),
            ("ID=manjaro\nID_LIKE=arch", Some(Manager::Pacman), true),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=\"22\"",
                Some(Manager::Apt),
                false,
            ),
            ("ID=gentoo", None, false),
        ] {
            let machine = machine(text);
            assert_eq!(machine.manager, manager, "{text}");
            assert_eq!(machine.is_new_enough(), native, "{text}");
        }
    }

    #[test]
    fn no_machine_has_an_exabyte() {
        let refusal =
            require_space(Path::new("/no/such/place"), 1 << 30, "the test").expect_err("cannot be there");
        assert!(refusal.to_string().starts_with("the test needs"), "{refusal}");
    }
}
