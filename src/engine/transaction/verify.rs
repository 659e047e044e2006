// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether a system can be started: it has a kernel and an initrd if its origin had them.

use crate::Error;
use crate::native::NativeEngine;
use crate::packages::Tree;
use model::{Concern, Failure, FailureCode, Refusal, RefusalCode, SnapshotId};

/// More names than this in one directory are not looked at.
const LIMIT: usize = 10_000;

/// A kernel in a system's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// Its version, as in the names of its files.
    pub(crate) version: String,
    /// Where it is.
    pub(crate) path: String,
    /// Where its initrd is, if it has one.
    pub(crate) initrd: Option<String>,
}

/// The kernels in a tree: those in `/boot`, and those beside their modules.
pub(crate) fn kernels(tree: Tree<'_>) -> Result<Vec<Kernel>, Error> {
    let mut found = Vec::new();
    for name in tree.names("boot", LIMIT)? {
        let Some(version) = name.strip_prefix("vmlinuz-") else {
            continue;
        };
        found.push((version.to_owned(), format!("boot/{name}")));
    }
    for version in tree.names("usr/lib/modules", LIMIT)? {
        let path = format!("usr/lib/modules/{version}/vmlinuz");
        if !found.iter().any(|(other, _)| *other == version) {
            found.push((version, path));
        }
    }
    found.retain(|(_, path)| tree.has_content(path));
    Ok(found
        .into_iter()
        .map(|(version, path)| Kernel {
            initrd: initrds(&version).into_iter().find(|path| tree.has_content(path)),
            version,
            path,
        })
        .collect())
}

/// Where Debian, openSUSE, Fedora and the kernel's own layout put a kernel's initrd.
fn initrds(version: &str) -> [String; 4] {
    [
        format!("boot/initrd.img-{version}"),
        format!("boot/initrd-{version}"),
        format!("boot/initramfs-{version}.img"),
        format!("usr/lib/modules/{version}/initrd"),
    ]
}

/// What speaks against starting a snapshot, by its files and the boot loader: in comparison with the running system,
/// since a machine may well be started by a kernel from elsewhere.
pub(crate) fn concerns(engine: &NativeEngine, id: SnapshotId) -> Result<Vec<Concern>, Error> {
    let candidate = engine.candidate(id)?;
    let (target, running) = (candidate.tree(), Tree::new(engine.store()?.root()));
    let (own, others) = (kernels(target)?, kernels(running)?);
    let mut concerns = Vec::new();
    if own.is_empty() && !others.is_empty() {
        concerns.push(Concern::NoKernel);
    }
    let has_initrd = |kernel: &Kernel| kernel.initrd.is_some();
    if !own.is_empty() && !own.iter().any(has_initrd) && others.iter().any(has_initrd) {
        concerns.push(Concern::NoInitrd);
    }
    let has_modules =
        |tree: Tree<'_>, kernel: &Kernel| tree.exists(&format!("usr/lib/modules/{}", kernel.version));
    if !own.is_empty()
        && !own.iter().any(|kernel| has_modules(target, kernel))
        && others.iter().any(|kernel| has_modules(running, kernel))
    {
        concerns.push(Concern::NoModules);
    }
    if target.names("etc", 1)?.is_empty() && !running.names("etc", 1)?.is_empty() {
        concerns.push(Concern::NoEtc);
    }
    concerns.extend(engine.boot()?.concerns(&candidate)?);
    Ok(concerns)
}

/// Refuses a snapshot that the machine would not start from.
pub(crate) fn refuse_unbootable(engine: &NativeEngine, id: SnapshotId) -> Result<(), Error> {
    match concerns(engine, id)?.into_iter().any(Concern::is_blocking) {
        true => Err(Refusal::of(RefusalCode::NotBootable, id).into()),
        false => Ok(()),
    }
}

/// Fails unless `new` has a kernel where `old` had one, and each kernel an initrd where `old`'s kernels had.
pub(crate) fn bootable(old: Tree<'_>, new: Tree<'_>) -> Result<(), Error> {
    let (old, new) = (kernels(old)?, kernels(new)?);
    let missing = |what: &str, path: String| {
        let failure = Failure::new(FailureCode::NotBootable, format!("there is no {what} at /{path}"));
        Err(Error::Unverified(failure.with("path", format!("/{path}"))))
    };
    if let (Some(kernel), []) = (old.first(), &*new) {
        return missing("kernel", kernel.path.clone());
    }
    // A kernel that was there before is judged by itself, a new one by its elders.
    for kernel in new.iter().filter(|kernel| kernel.initrd.is_none()) {
        let before = old.iter().find(|before| before.version == kernel.version);
        let model = before.or(old.iter().find(|before| before.initrd.is_some()));
        if let Some((model, initrd)) = model.and_then(|model| Some((model, model.initrd.as_ref()?))) {
            return missing("initrd", initrd.replace(&model.version, &kernel.version));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    fn judged(old: &[&str], new: &[&str]) -> Result<(), (FailureCode, String)> {
        let make = |files: &[&str]| {
            let dir = tempfile::tempdir().unwrap();
            for file in files {
                let path = dir.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, if file.contains("EMPTY") { "" } else { "x" }).unwrap();
            }
            dir
        };
        let (old, new) = (make(old), make(new));
        let open = |dir: &tempfile::TempDir| std::fs::File::open(dir.path()).unwrap();
        let (old, new) = (open(&old), open(&new));
        bootable(Tree::new(old.as_fd()), Tree::new(new.as_fd())).map_err(|error| {
            let failure = error.failure();
            (failure.code, failure.args["path"].clone())
        })
    }

    #[test]
    fn a_kernel_and_its_initrd_must_not_get_lost() {
        let bad = |path: &str| Err((FailureCode::NotBootable, path.to_owned()));
        let (k1, i1, k2, i2) = (
            "boot/vmlinuz-1",
            "boot/initrd.img-1",
            "boot/vmlinuz-2",
            "boot/initrd.img-2",
        );
        assert_eq!(judged(&[], &[]), Ok(()));
        assert_eq!(judged(&[], &[k1]), Ok(()));
        assert_eq!(judged(&[k1, i1], &[k2, i2]), Ok(()));
        assert_eq!(judged(&[k1, i1], &[k1, i1, k2]), bad("/boot/initrd.img-2"));
        assert_eq!(judged(&[k1, i1], &[]), bad("/boot/vmlinuz-1"));
        assert_eq!(judged(&[k1], &[k1, k2]), Ok(()));
        assert_eq!(judged(&[k1, i1, k2], &[k1, i1, k2]), Ok(()));
        assert_eq!(judged(&[k1, i1], &["boot/vmlinuz-EMPTY"]), bad("/boot/vmlinuz-1"));
        let modules = ["usr/lib/modules/7/vmlinuz", "usr/lib/modules/7/initrd"];
        assert_eq!(
            judged(&modules, &["usr/lib/modules/8/vmlinuz"]),
            bad("/usr/lib/modules/8/initrd")
        );
    }
}
