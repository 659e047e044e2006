// SPDX-License-Identifier: GPL-3.0-or-later
//! `FileModel`: files that differ between two snapshots, as they are found, folded; a line exists only while it is shown.

use super::publish;
use super::row_model::{self, Row, show_rows};
use super::value::{self, shown, text};
use crate::runtime;
use client::{ChangeFile, Error, FilesFrame, FilesWish, KeepError};
use core::pin::Pin;
use cxx_qt::{CxxQtThread, CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QString, QVariant};
use model::{Counts, FileFold, FileRow, FileRowKind, FileTree, SnapshotId};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// When the first lines are shown; the next ones after twice the time, and so on.
const FIRST: Duration = Duration::from_millis(50);
/// So many changes are taken in at once.
const BATCH: usize = 1024;

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
        #[qproperty(i32, from, READ, NOTIFY)]
        #[qproperty(i32, to, READ, NOTIFY)]
        #[qproperty(QString, fold, READ, WRITE = set_fold, NOTIFY)]
        #[qproperty(QString, filter, READ, WRITE = set_filter, NOTIFY)]
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        #[qproperty(i32, created, READ, NOTIFY)]
        #[qproperty(i32, deleted, READ, NOTIFY)]
        #[qproperty(i32, changed, READ, NOTIFY)]
        #[qproperty(i32, renamed, READ, NOTIFY)]
        #[qproperty(i32, hidden, READ, NOTIFY)]
        #[qproperty(i32, left_out, cxx_name = "leftOut", READ, NOTIFY)]
        #[qproperty(bool, full, READ, NOTIFY)]
        type FileModel = super::FileModelRust;

        /// Asks how the files of `to` differ from those of `from`, unless that is shown. Zero is the running system.
        #[qinvokable]
        fn compare(self: Pin<&mut Self>, from: i32, to: i32);
        /// Asks again, also for what is in directories that are not for everybody.
        #[qinvokable]
        #[cxx_name = "showHidden"]
        fn show_hidden(self: Pin<&mut Self>);
        /// Asks again.
        #[qinvokable]
        fn reload(self: Pin<&mut Self>);
        /// Unfolds or folds a line, or shows more behind it.
        #[qinvokable]
        fn toggle(self: Pin<&mut Self>, row: i32);
        #[cxx_name = "setFold"]
        fn set_fold(self: Pin<&mut Self>, fold: QString);
        #[cxx_name = "setFilter"]
        fn set_filter(self: Pin<&mut Self>, filter: QString);
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "setRoles"]
        fn set_roles(self: Pin<&mut FileModel>, names: &QStringList);
        #[inherit]
        fn splice(self: Pin<&mut FileModel>, at: i32, removed: i32, values: &QList_QVariant);
        #[inherit]
        fn rewrite(self: Pin<&mut FileModel>, at: i32, values: &QList_QVariant);
    }

    impl cxx_qt::Threading for FileModel {}
    impl cxx_qt::Initialize for FileModel {}
}

const ROLES: [&str; 12] = [
    "kind",
    "name",
    "address",
    "depth",
    "open",
    "change",
    "file",
    "aspects",
    "before",
    "addressBefore",
    "below",
    "rest",
];

impl Row for FileRow {
    type Key = [u8];

    fn key(&self) -> &[u8] {
        &self.key
    }

    fn values(&self) -> Vec<QVariant> {
        let (kind, name, left) = match &self.kind {
            FileRowKind::Package(name) => ("package", text(name.as_deref().unwrap_or_default()), 0),
            FileRowKind::Directory => ("directory", shown(&self.name), 0),
            FileRowKind::File => ("file", shown(&self.name), 0),
            FileRowKind::More(left) => ("more", text(""), *left),
        };
        let change = self.change.as_ref();
        let names = change.into_iter().flat_map(|it| it.aspects.names());
        let aspects = Vec::from_iter(names).join(" ");
        let address = change.map(|it| value::address(&it.path));
        let before = change.and_then(|it| it.from.as_deref());
        vec![
            text(kind),
            name,
            QVariant::from(&address.unwrap_or_default()),
            (&i32::from(self.depth)).into(),
            (&self.is_open).into(),
            text(change.map_or("", |it| it.kind.as_str())),
            text(change.map_or("", |it| it.file.as_str())),
            text(&aspects),
            shown(before.unwrap_or_default()),
            QVariant::from(&before.map(value::address).unwrap_or_default()),
            (&number(self.below.total())).into(),
            (&value::count(left)).into(),
        ]
    }
}

/// The changes that have come, once there is a place for them.
type Kept = Mutex<Option<ChangeFile>>;

/// The fields behind `FileModel`.
#[derive(Default)]
pub struct FileModelRust {
    from: i32,
    to: i32,
    fold: QString,
    filter: QString,
    loading: bool,
    error: QVariant,
    created: i32,
    deleted: i32,
    changed: i32,
    renamed: i32,
    hidden: i32,
    left_out: i32,
    /// There was no room for all changes.
    full: bool,
    asked: bool,
    all: bool,
    tree: FileTree,
    files: Arc<Kept>,
    rows: Vec<FileRow>,
    /// Lines are being made of the changes, and have to be made anew afterwards.
    drawing: bool,
    again: bool,
    /// Which question the shown answer belongs to.
    question: u64,
    reader: Option<tokio::task::AbortHandle>,
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl Initialize for qobject::FileModel {
    fn initialize(mut self: Pin<&mut Self>) {
        let mut this = self.as_mut().rust_mut();
        this.error = value::nothing();
        this.fold = QString::from(FileFold::Directories.as_str());
        self.set_roles(&row_model::roles(&ROLES));
    }
}

impl qobject::FileModel {
    fn compare(mut self: Pin<&mut Self>, from: i32, to: i32) {
        if self.asked && (self.from, self.to) == (from, to) {
            return;
        }
        let fold = self.tree.fold();
        let mut this = self.as_mut().rust_mut();
        (this.asked, this.all, this.tree) = (true, false, FileTree::default());
        this.tree.set_fold(fold);
        publish!(self, from, from_changed, from);
        publish!(self, to, to_changed, to);
        publish!(self, filter, filter_changed, QString::default());
        self.reload();
    }

    fn show_hidden(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().all = true;
        self.reload();
    }

    fn reload(mut self: Pin<&mut Self>) {
        let mut this = self.as_mut().rust_mut();
        this.question += 1;
        this.files = Arc::default();
        if let Some(before) = this.reader.take() {
            before.abort();
        }
        publish!(self, error, error_changed, value::nothing());
        publish!(self, left_out, left_out_changed, 0);
        publish!(self, full, full_changed, false);
        publish!(self, loading, loading_changed, true);
        self.as_mut().draw();
        let (question, files, qt) = (self.question, Arc::clone(&self.files), self.qt_thread());
        let pair = (value::snapshot(self.from), value::snapshot(self.to));
        let wish = FilesWish {
            all: self.all,
            owners: true,
        };
        let reader = runtime::spawn(async move {
            let told = read(&files, pair, wish, &qt).await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |model| model.ended(question, told));
        });
        self.as_mut().rust_mut().reader = Some(reader);
    }

    fn ended(mut self: Pin<&mut Self>, question: u64, told: Result<Told, Error>) {
        if self.question != question {
            return;
        }
        match told {
            Ok(Told::All { left_out }) => publish!(
                self,
                left_out,
                left_out_changed,
                i32::try_from(left_out).unwrap_or(i32::MAX)
            ),
            Ok(Told::AsManyAsThereIsRoom) => publish!(self, full, full_changed, true),
            Err(error) => publish!(self, error, error_changed, value::error(&error)),
        }
        publish!(self, loading, loading_changed, false);
        self.draw();
    }

    /// Makes the lines, beside the window: the changes may be many.
    fn draw(mut self: Pin<&mut Self>) {
        if self.drawing {
            self.as_mut().rust_mut().again = true;
            return;
        }
        self.as_mut().rust_mut().drawing = true;
        let (tree, files, question) = (self.tree.clone(), Arc::clone(&self.files), self.question);
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let lines = move || match files.blocking_lock().as_mut() {
                Some(files) => files.rows(&tree),
                None => Ok(Default::default()),
            };
            let lines = tokio::task::spawn_blocking(lines).await;
            let lines = lines.unwrap_or_else(|_| Ok(Default::default()));
            let _ = qt.queue(move |model| model.drawn(question, lines));
        });
    }

    fn drawn(mut self: Pin<&mut Self>, question: u64, lines: Result<(Vec<FileRow>, Counts), KeepError>) {
        self.as_mut().rust_mut().drawing = false;
        if self.question == question {
            match lines {
                Ok((rows, counts)) => {
                    publish!(self, created, created_changed, number(counts.created));
                    publish!(self, deleted, deleted_changed, number(counts.deleted));
                    publish!(self, changed, changed_changed, number(counts.changed));
                    publish!(self, renamed, renamed_changed, number(counts.renamed));
                    publish!(self, hidden, hidden_changed, number(counts.hidden));
                    show_rows!(self, rows);
                }
                Err(error) => publish!(self, error, error_changed, value::error(&error.into())),
            }
        }
        if std::mem::take(&mut self.as_mut().rust_mut().again) {
            self.draw();
        }
    }

    fn toggle(mut self: Pin<&mut Self>, row: i32) {
        let mut this = self.as_mut().rust_mut();
        let row = usize::try_from(row)
            .ok()
            .and_then(|at| this.rows.get(at))
            .cloned();
        if let Some(row) = row {
            this.tree.toggle(&row);
            self.draw();
        }
    }

    fn set_fold(mut self: Pin<&mut Self>, fold: QString) {
        let wanted = FileFold::from_code(&fold.to_string()).unwrap_or(FileFold::Directories);
        publish!(self, fold, fold_changed, QString::from(wanted.as_str()));
        if self.as_mut().rust_mut().tree.set_fold(wanted) {
            self.draw();
        }
    }

    fn set_filter(mut self: Pin<&mut Self>, filter: QString) {
        let wanted = filter.to_string();
        publish!(self, filter, filter_changed, filter);
        if self.as_mut().rust_mut().tree.set_filter(wanted.as_bytes()) {
            self.draw();
        }
    }
}

/// How far the changes were told.
enum Told {
    /// To the end, but for so many.
    All { left_out: u64 },
    /// Until there was no room for more.
    AsManyAsThereIsRoom,
}

/// Reads the changes, and lets lines be made of them now and then.
async fn read(
    files: &Kept,
    (from, to): (Option<SnapshotId>, Option<SnapshotId>),
    wish: FilesWish,
    qt: &CxxQtThread<qobject::FileModel>,
) -> Result<Told, Error> {
    let made = tokio::task::block_in_place(|| ChangeFile::create(&runtime::scratch()))?;
    *files.lock().await = Some(made);
    let mut stream = runtime::client().file_changes(from, to, wish).await?;
    let (mut batch, mut shown, mut pause) = (Vec::new(), Instant::now(), FIRST);
    loop {
        let frame = stream.next().await?;
        let (owner, end) = match frame {
            FilesFrame::Change(change) => {
                batch.push(change);
                (None, None)
            }
            FilesFrame::Owner { package, numbers } => (Some((package, numbers)), None),
            FilesFrame::End(summary) => (None, Some(summary)),
            FilesFrame::Failed(error) => return Err(error.into()),
        };
        let is_due = shown.elapsed() >= pause;
        if owner.is_none() && end.is_none() && !is_due && batch.len() < BATCH {
            continue;
        }
        let mut kept = files.lock().await;
        let keep = || match kept.as_mut() {
            Some(files) => {
                batch.drain(..).try_for_each(|change| files.push(&change))?;
                owner.map_or(Ok(()), |(package, numbers)| files.set_owner(&package, &numbers))
            }
            None => Ok(()),
        };
        match tokio::task::block_in_place(keep) {
            Ok(()) => {}
            Err(KeepError::Full) => return Ok(Told::AsManyAsThereIsRoom),
            Err(error) => return Err(error.into()),
        }
        drop(kept);
        if let Some(summary) = end {
            let left_out = summary.left_out;
            return Ok(Told::All { left_out });
        }
        if is_due {
            (shown, pause) = (Instant::now(), pause * 2);
            let _ = qt.queue(qobject::FileModel::draw);
        }
    }
}
