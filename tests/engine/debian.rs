// SPDX-License-Identifier: GPL-3.0-or-later
//! A small Debian with a repository of its own, as the transaction's tests make it.

use std::fs;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};
use support::LoopBtrfs;
use support::loop_btrfs::{has_program, run};
use support::machine::{Kit, Machine, Place};
use support::repository::{Deb, Repository};

static KIT: LazyLock<Kit> = LazyLock::new(|| Kit::new(&tarball().expect("trials are ignored without it")));

fn tarball() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("KEDGE_DEBIAN_TARBALL")?);
    path.is_file().then_some(path)
}

/// Why there can be none here.
pub(crate) fn lacks() -> Option<String> {
    let programs = ["dpkg-deb", "gpg", "gpgconf", "tar", "sha256sum", "chroot"];
    match programs.into_iter().find(|program| !has_program(program)) {
        Some(program) => Some(format!("needs {program}")),
        None => tarball().is_none().then(|| "needs KEDGE_DEBIAN_TARBALL".into()),
    }
}

/// A fresh one.
pub(crate) fn machine() -> (LoopBtrfs, Offers) {
    let Machine { disk, repository, .. } = Machine::with(&KIT, Place::Sysimage, 1400, |_| Ok(()));
    let away = repository.path.with_extension("away");
    (
        disk,
        Offers {
            repository,
            away,
            reachable: Mutex::new(true),
        },
    )
}

/// Mounts again what a restart took along.
pub(crate) fn mount_rest(disk: &LoopBtrfs) {
    let path = |path: PathBuf| {
        path.to_str()
            .expect("a temporary directory with a plain name")
            .to_owned()
    };
    let (root, srv) = (disk.root(), path(disk.top().join("@/srv")));
    let mounted = run("mount", ["--bind", &srv, &path(root.join("srv"))]).and_then(|_| {
        run(
            "mount",
            ["-t", "tmpfs", "-o", "mode=0755", "run", &path(root.join("run"))],
        )
    });
    mounted.expect("what a start mounts");
}

/// The repository, which may be out of reach.
#[derive(Debug)]
pub(crate) struct Offers {
    repository: Repository,
    away: PathBuf,
    reachable: Mutex<bool>,
}

impl Offers {
    /// Offers these and nothing else.
    pub(crate) fn publish(&self, packages: &[Deb]) {
        let reachable = *self.reachable.lock().unwrap_or_else(PoisonError::into_inner);
        let repository = if reachable {
            self.repository.clone()
        } else {
            Repository {
                path: self.away.clone(),
            }
        };
        repository.publish(&KIT.key, "stable", packages);
    }

    /// Takes the repository away, or brings it back.
    pub(crate) fn set_reachable(&self, wished: bool) {
        let mut reachable = self.reachable.lock().unwrap_or_else(PoisonError::into_inner);
        if *reachable != wished {
            let (here, away) = (&self.repository.path, &self.away);
            let (from, to) = if wished { (away, here) } else { (here, away) };
            fs::rename(from, to).expect("the repository can be moved");
            *reachable = wished;
        }
    }
}
