// SPDX-License-Identifier: GPL-3.0-or-later
//! The files of a simulated version: they follow from the packages that are installed in it.

use super::SimEngine;
use super::packages::Packages;
use crate::{Error, OpenFile, TakeChanges, Viewer, VisitFile};
use model::{
    Aspects, Capability, FileChange, FileChangeKind, FileKind, FileVersion, FilesSummary, Refusal,
    RefusalCode, SnapshotId, Timestamp,
};
use std::collections::BTreeMap;

/// The only directory that is not for everybody.
const PRIVATE: &[u8] = b"root";

/// The files of a version by path, with the package each belongs to.
pub(super) type Tree = BTreeMap<Vec<u8>, (Option<String>, FileKind, Vec<u8>)>;

fn tree(packages: &Packages) -> Tree {
    let mut tree = Tree::new();
    let mut put = |path: String, owner: Option<&str>, kind: FileKind, content: String| {
        tree.insert(
            path.into_bytes(),
            (owner.map(str::to_owned), kind, content.into_bytes()),
        );
    };
    let mut system = String::new();
    for (name, package) in packages.iter() {
        let version = &package.version;
        let owner = Some(name.as_str());
        let documents = format!("usr/share/doc/packages/{name}");
        put(documents.clone(), owner, FileKind::Directory, String::new());
        put(
            format!("{documents}/NEWS"),
            owner,
            FileKind::Regular,
            format!("{name}\n\nThis is version {version}.\nOlder versions are in older snapshots.\n"),
        );
        put(
            format!("usr/lib64/lib{name}.so.{version}"),
            owner,
            FileKind::Regular,
            format!("\u{7f}ELF\0{name}\0{version}\0"),
        );
        put(
            format!("usr/lib64/lib{name}.so"),
            owner,
            FileKind::Symlink,
            format!("lib{name}.so.{version}"),
        );
        if name.starts_with("kernel") {
            system.push_str(version);
        }
    }
    for directory in [
        "etc",
        "root",
        "usr",
        "usr/lib64",
        "usr/share",
        "usr/share/doc",
        "usr/share/doc/packages",
    ] {
        put(directory.to_owned(), None, FileKind::Directory, String::new());
    }
    put(
        "etc/issue".to_owned(),
        None,
        FileKind::Regular,
        format!("Welcome.\nKernel {system}\n"),
    );
    put(
        "root/notes".to_owned(),
        None,
        FileKind::Regular,
        format!("Runs {system}.\n"),
    );
    tree
}

impl SimEngine {
    pub(super) fn tree(&self, id: Option<SnapshotId>) -> Result<Tree, Error> {
        let machine = self.machine();
        match (machine.packages(id), id) {
            (Some(packages), _) => Ok(tree(packages)),
            (None, Some(id)) => Err(Refusal::of(RefusalCode::NoSuchSnapshot, id).into()),
            (None, None) => Err(RefusalCode::NoSuchSnapshot.into()),
        }
    }

    pub(super) fn compare_files(
        &self,
        (from, to): (Option<SnapshotId>, Option<SnapshotId>),
        viewer: Viewer,
        take: &mut dyn TakeChanges,
    ) -> Result<FilesSummary, Error> {
        let (old, new) = (self.tree(from)?, self.tree(to)?);
        let mut summary = FilesSummary::default();
        let mut is_told = false;
        let mut paths: Vec<&Vec<u8>> = old.keys().chain(new.keys()).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            let (before, after) = (old.get(path), new.get(path));
            let Some((_, file, _)) = after.or(before) else {
                continue;
            };
            let mut aspects = Aspects::none();
            let mut kind = match (before, after) {
                (Some(before), Some(after)) if before == after => continue,
                (Some(_), Some(_)) => FileChangeKind::Changed,
                (None, _) => FileChangeKind::Created,
                (_, None) => FileChangeKind::Deleted,
            };
            aspects.set(Aspects::CONTENT | Aspects::TIMES, kind == FileChangeKind::Changed);
            let (mut path, mut file) = (path.clone(), *file);
            if path.starts_with(b"root/") && !viewer.may_list(0o700, 0) {
                if std::mem::replace(&mut is_told, true) {
                    continue;
                }
                (path, kind, file, aspects) = (
                    PRIVATE.to_vec(),
                    FileChangeKind::Hidden,
                    FileKind::Directory,
                    Aspects::none(),
                );
            }
            summary.rows += 1;
            take.change(FileChange {
                path,
                kind,
                file,
                aspects,
                from: None,
            })?;
        }
        Ok(summary)
    }

    pub(super) fn visit_package_files(
        &self,
        id: Option<SnapshotId>,
        visit: VisitFile<'_>,
    ) -> Result<(), Error> {
        let capabilities = self.machine().state().capabilities.clone();
        if !capabilities.has(Capability::PackageChanges) {
            let absence = capabilities.absence(Capability::PackageChanges);
            return Err(absence.unwrap_or(RefusalCode::NoPackageManager).into());
        }
        for (path, (owner, _, _)) in self.tree(id)? {
            if let Some(owner) = owner {
                visit(&owner, &path)?;
            }
        }
        Ok(())
    }

    pub(super) fn open_simulated(&self, id: Option<SnapshotId>, path: &[u8]) -> Result<OpenFile, Error> {
        let refused = |code| match id {
            Some(id) => Error::from(Refusal::of(code, id)),
            None => code.into(),
        };
        let (_, kind, content) = self
            .tree(id)?
            .remove(path)
            .ok_or_else(|| refused(RefusalCode::NoSuchFile))?;
        if kind == FileKind::Directory {
            return Err(refused(RefusalCode::NotAFile));
        }
        Ok(OpenFile {
            kind,
            size: content.len() as u64,
            content: Box::new(std::io::Cursor::new(content)),
        })
    }

    pub(super) fn simulated_versions(
        &self,
        path: &[u8],
        viewer: Viewer,
    ) -> Result<Option<Vec<FileVersion>>, Error> {
        if path.starts_with(b"root/") && !viewer.may_list(0o700, 0) {
            return Ok(None);
        }
        let (mut places, booted): (Vec<_>, _) = {
            let machine = self.machine();
            let state = machine.state();
            let places = state
                .snapshots
                .values()
                .map(|it| (Some(it.id), it.time))
                .collect();
            (places, state.booted)
        };
        if booted.is_none() {
            places.push((None, self.clock.now()));
        }
        let (mut known, mut versions) = (Vec::<(u32, Timestamp, Vec<u8>)>::new(), Vec::new());
        for (snapshot, time) in places {
            let Some((_, file, content)) = self.tree(snapshot)?.remove(path) else {
                continue;
            };
            let size = content.len() as u64;
            let (version, modified) = match known.iter().find(|(_, _, other)| *other == content) {
                Some((version, time, _)) => (*version, *time),
                None => {
                    let version = u32::try_from(known.len()).unwrap_or(u32::MAX).saturating_add(1);
                    known.push((version, time, content));
                    (version, time)
                }
            };
            versions.push(FileVersion {
                snapshot,
                version,
                file,
                size,
                modified,
                mode: if file == FileKind::Directory { 0o755 } else { 0o644 },
                uid: 0,
                gid: 0,
            });
        }
        Ok(Some(versions))
    }
}
