// SPDX-License-Identifier: GPL-3.0-or-later
//! `FileHistory`: one file through all snapshots, the newest version first.

use super::row_model::{self, Row, show_rows};
use super::value::{self, Members, put, text};
use super::{glue, publish};
use crate::runtime;
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QString, QVariant};
use model::{FileVersion, SnapshotId};

#[cxx_qt::bridge]
pub(crate) mod qobject {
    unsafe extern "C++" {
        include!("app/rows.h");
        type RowModel;
        include!("cxx-qt-lib/qlist.h");
        type QList_QVariant = cxx_qt_lib::QList<QVariant>;
        include!("cxx-qt-lib/qvariant.h");
        type QVariant = cxx_qt_lib::QVariant;
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
        include!("cxx-qt-lib/qstringlist.h");
        type QStringList = cxx_qt_lib::QStringList;
    }

    extern "RustQt" {
        #[qobject]
        #[base = RowModel]
        #[qml_element]
        #[qproperty(QString, address, READ, NOTIFY)]
        #[qproperty(QString, path, READ, NOTIFY)]
        #[qproperty(QString, name, READ, NOTIFY)]
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        #[qproperty(QVariant, present, READ, NOTIFY)]
        /// The newest snapshot whose version differs from the present one; else the newest with one; zero for none.
        #[qproperty(i32, suggested, READ, NOTIFY)]
        #[qproperty(i32, revision, READ, NOTIFY)]
        type FileHistory = super::FileHistoryRust;

        /// Looks for a file by its address, as `FileModel` has it or as of a `file:` address.
        #[qinvokable]
        fn open(self: Pin<&mut Self>, address: &QString);
        /// Asks again.
        #[qinvokable]
        fn reload(self: Pin<&mut Self>);
        /// The version that a snapshot has, with all roles; empty when it has none.
        #[qinvokable]
        fn find(self: &Self, snapshot: i32) -> QVariant;
        /// The path of an address, to be read.
        #[qinvokable]
        fn shown(self: &Self, address: &QString) -> QString;
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "setRoles"]
        fn set_roles(self: Pin<&mut FileHistory>, names: &QStringList);
        #[inherit]
        fn splice(self: Pin<&mut FileHistory>, at: i32, removed: i32, values: &QList_QVariant);
        #[inherit]
        fn rewrite(self: Pin<&mut FileHistory>, at: i32, values: &QList_QVariant);
    }

    impl cxx_qt::Threading for FileHistory {}
    impl cxx_qt::Initialize for FileHistory {}
}

const ROLES: [&str; 11] = [
    "snapshot",
    "oldest",
    "snapshots",
    "version",
    "running",
    "same",
    "file",
    "size",
    "modified",
    "owner",
    "mode",
];

/// Snapshots in a row that have the same version.
#[derive(Debug, Clone, PartialEq)]
struct Version {
    /// Of the newest snapshot.
    it: FileVersion,
    /// The number by which rows are known: that of the newest snapshot, zero for a running system that is none.
    number: i32,
    oldest: i32,
    snapshots: Vec<i32>,
    is_running: bool,
    /// It is what the running system has.
    is_same: bool,
}

impl Version {
    fn named(&self) -> impl Iterator<Item = (&'static str, QVariant)> {
        let it = &self.it;
        let owner = glue::user_name(it.uid);
        let owner = match owner.is_empty() {
            true => QString::from(&it.uid.to_string()),
            false => owner,
        };
        let values = [
            QVariant::from(&self.number),
            (&self.oldest).into(),
            (&value::count(self.snapshots.len())).into(),
            (&i32::try_from(it.version).unwrap_or(i32::MAX)).into(),
            (&self.is_running).into(),
            (&self.is_same).into(),
            text(it.file.as_str()),
            value::bytes(it.size),
            (&value::milliseconds(Some(it.modified))).into(),
            QVariant::from(&owner),
            text(&permissions(it.mode)),
        ];
        ROLES.into_iter().zip(values)
    }

    fn members(&self) -> QVariant {
        let mut members = Members::default();
        for (name, value) in self.named() {
            put(&mut members, name, value);
        }
        QVariant::from(&members)
    }
}

impl Row for Version {
    type Key = i32;

    fn key(&self) -> &i32 {
        &self.number
    }

    fn values(&self) -> Vec<QVariant> {
        self.named().map(|(_, value)| value).collect()
    }
}

/// Permissions as `ls` writes them, without the kind of file.
fn permissions(mode: u32) -> String {
    let mut text = String::new();
    for (shift, special, letters) in [(6, 0o4000, "sS"), (3, 0o2000, "sS"), (0, 0o1000, "tT")] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        let (is_executable, mut letters) = (bits & 1 != 0, letters.chars());
        let (both, alone) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('S'));
        text.push(match (mode & special != 0, is_executable) {
            (true, true) => both,
            (true, false) => alone,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// The versions, newest first, with the snapshots in a row that have the same one as one.
fn versions(all: &[FileVersion], booted: Option<SnapshotId>) -> Vec<Version> {
    let present = all.iter().find(|it| it.snapshot == booted).map(|it| it.version);
    let same = |a: &FileVersion, b: &FileVersion| {
        (a.version, a.file, a.mode, a.uid, a.gid) == (b.version, b.file, b.mode, b.uid, b.gid)
    };
    let mut versions: Vec<Version> = Vec::new();
    for part in all.chunk_by(same) {
        let (Some(first), Some(last)) = (part.first(), part.last()) else {
            continue;
        };
        versions.push(Version {
            it: last.clone(),
            number: value::number(last.snapshot),
            oldest: value::number(first.snapshot),
            snapshots: part.iter().map(|it| value::number(it.snapshot)).collect(),
            is_running: part.iter().any(|it| it.snapshot == booted),
            is_same: Some(last.version) == present,
        });
    }
    versions.reverse();
    versions
}

/// The fields behind `FileHistory`.
#[derive(Default)]
pub struct FileHistoryRust {
    address: QString,
    path: QString,
    name: QString,
    loading: bool,
    error: QVariant,
    /// The version of the running system.
    present: QVariant,
    suggested: i32,
    /// Rises with every answer, for what `find` returned.
    revision: i32,
    rows: Vec<Version>,
    question: u64,
}

impl Initialize for qobject::FileHistory {
    fn initialize(mut self: Pin<&mut Self>) {
        let mut this = self.as_mut().rust_mut();
        (this.error, this.present) = (value::nothing(), value::nothing());
        self.set_roles(&row_model::roles(&ROLES));
    }
}

impl qobject::FileHistory {
    fn open(mut self: Pin<&mut Self>, address: &QString) {
        let path = value::path(address).unwrap_or_default();
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let name = model::PathText(name).to_string();
        publish!(self, address, address_changed, address.clone());
        publish!(self, name, name_changed, QString::from(&name));
        let path = self.shown(address);
        publish!(self, path, path_changed, path);
        self.as_mut().show(Vec::new());
        self.reload();
    }

    fn reload(mut self: Pin<&mut Self>) {
        let question = self.question + 1;
        self.as_mut().rust_mut().question = question;
        publish!(self, error, error_changed, value::nothing());
        let Some(path) = value::path(&self.address) else {
            publish!(self, loading, loading_changed, false);
            return;
        };
        publish!(self, loading, loading_changed, true);
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let answer = runtime::client().file_versions(&path).await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |model| model.answered(question, answer));
        });
    }

    fn answered(mut self: Pin<&mut Self>, question: u64, answer: Result<Vec<FileVersion>, client::Error>) {
        if self.question != question {
            return;
        }
        match answer {
            Ok(all) => self.as_mut().show(versions(&all, runtime::view().state.booted)),
            Err(error) => publish!(self, error, error_changed, value::error(&error)),
        }
        publish!(self, loading, loading_changed, false);
    }

    fn show(mut self: Pin<&mut Self>, rows: Vec<Version>) {
        let present = rows.iter().find(|it| it.is_running).map(Version::members);
        let other = rows.iter().find(|it| !it.is_same && it.number > 0);
        let suggested = other.or_else(|| rows.iter().find(|it| it.number > 0));
        let suggested = suggested.map_or(0, |it| it.number);
        show_rows!(self, rows);
        publish!(self, suggested, suggested_changed, suggested);
        publish!(
            self,
            present,
            present_changed,
            present.unwrap_or_else(value::nothing)
        );
        let revision = self.revision.wrapping_add(1);
        publish!(self, revision, revision_changed, revision);
    }

    fn shown(&self, address: &QString) -> QString {
        let path = value::path(address).unwrap_or_default();
        QString::from(&format!("/{}", model::PathText(&path)))
    }

    fn find(&self, snapshot: i32) -> QVariant {
        let row = self.rows.iter().find(|row| row.snapshots.contains(&snapshot));
        row.map_or_else(value::nothing, Version::members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{FileKind, Timestamp};

    fn version(snapshot: u32, version: u32) -> FileVersion {
        FileVersion {
            snapshot: Some(SnapshotId(snapshot)),
            version,
            file: FileKind::Regular,
            size: 1,
            modified: Timestamp(1),
            mode: 0o644,
            uid: 0,
            gid: 0,
        }
    }

    #[test]
    fn snapshots_with_the_same_version_are_one_row() {
        let all = [version(1, 1), version(2, 1), version(3, 2), version(5, 1)];
        let rows = versions(&all, Some(SnapshotId(3)));
        let seen: Vec<_> = rows
            .iter()
            .map(|it| (it.number, it.oldest, it.is_running, it.is_same))
            .collect();
        assert_eq!(
            seen,
            [(5, 5, false, false), (3, 3, true, true), (2, 1, false, false)]
        );
    }

    #[test]
    fn permissions_are_written_as_people_know_them() {
        for (mode, text) in [
            (0o644, "rw-r--r--"),
            (0o4755, "rwsr-xr-x"),
            (0o1777, "rwxrwxrwt"),
            (0o2600, "rw---S---"),
        ] {
            assert_eq!(permissions(mode), text);
        }
    }
}
