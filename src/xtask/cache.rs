// SPDX-License-Identifier: GPL-3.0-or-later
//! What is kept between runs and between checkouts: the build root, the cargo target directory, tools, guest system.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::mounts::remove;

/// The per-user cache directory of the project.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    base: PathBuf,
}

impl Cache {
    /// `$XDG_CACHE_HOME/kedge` or `~/.cache/kedge`.
    pub(crate) fn new() -> Result<Self> {
        let base = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
            (Some(cache), _) if Path::new(&cache).is_absolute() => PathBuf::from(cache),
            (_, Some(home)) => Path::new(&home).join(".cache"),
            _ => bail!("neither XDG_CACHE_HOME nor HOME is set"),
        };
        Ok(Self {
            base: base.join("kedge"),
        })
    }

    /// The directory itself.
    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    /// Cargo's target directory for everything built by xtask; `KEDGE_TARGET_DIR` says otherwise.
    pub(crate) fn target(&self) -> PathBuf {
        std::env::var_os("KEDGE_TARGET_DIR").map_or_else(|| self.base.join("target"), PathBuf::from)
    }

    /// Tools that cargo installs for us.
    pub(crate) fn tools(&self) -> PathBuf {
        self.base.join("tools")
    }

    /// Guest systems.
    pub(crate) fn guest(&self) -> PathBuf {
        self.base.join("guest")
    }

    /// Waits until nobody else makes the thing of this name, and keeps others out until the lock is dropped.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        fs::create_dir_all(&self.base).with_context(|| format!("create {}", self.base.display()))?;
        let path = self.base.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        if file.try_lock().is_err() {
            eprintln!("xtask: another run is making the {name}; waiting for it");
            file.lock().with_context(|| format!("lock {}", path.display()))?;
        }
        Ok(file)
    }
}

/// A directory for the files of one run, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes `cache/scratch/PID` and removes what dead runs left behind.
    pub(crate) fn new(cache: &Cache) -> Result<Self> {
        let all = cache.base.join("scratch");
        fs::create_dir_all(&all).with_context(|| format!("create {}", all.display()))?;
        for entry in fs::read_dir(&all)?.flatten() {
            let name = entry.file_name();
            if !Path::new("/proc").join(&name).exists() {
                crate::guest::image::detach_below(&entry.path());
                let _ = remove(&entry.path());
            }
        }
        let path = all.join(std::process::id().to_string());
        remove(&path)?;
        fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(Self { path })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        crate::guest::image::detach_below(&self.path);
        if let Err(error) = remove(&self.path) {
            eprintln!("xtask: {} is left behind: {error:#}", self.path.display());
        }
    }
}

/// The words of a package list: comments and blank lines do not count.
pub(crate) fn words(list: &str) -> Vec<&str> {
    list.lines()
        .map(|line| line.split('#').next().unwrap_or(""))
        .flat_map(str::split_whitespace)
        .collect()
}

/// A short name for some content (FNV-1a, 64 bits): enough to tell our own lists apart.
pub(crate) fn fingerprint(parts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.join(" ").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_layout_do_not_change_the_fingerprint() {
        let one = words("# a list\nalpha beta\n\ngamma # why\n");
        let two = words("alpha\nbeta gamma");
        assert_eq!(one, ["alpha", "beta", "gamma"]);
        assert_eq!(fingerprint(&one), fingerprint(&two));
        assert_ne!(fingerprint(&one), fingerprint(&["alpha", "beta"]));
        assert_eq!(fingerprint(&[]), "cbf29ce484222325");
    }
}
