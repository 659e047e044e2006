// SPDX-License-Identifier: GPL-3.0-or-later
//! `SnapshotModel`: the lines of the timeline. Changes move single rows; there is no reset.

mod list;
mod role;

use super::{rows, value};
use crate::runtime;
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QHash, QHashPair_i32_QByteArray, QModelIndex, QString, QVariant};
use list::List;
use model::SnapshotId;
use std::time::Duration;

/// How long a deletion can be taken back.
const UNDO: Duration = Duration::from_secs(10);

#[cxx_qt::bridge]
pub(crate) mod qobject {
    unsafe extern "C++" {
        include!(<QtCore/QAbstractListModel>);
        type QAbstractListModel;
        include!("cxx-qt-lib/qhash.h");
        type QHash_i32_QByteArray = cxx_qt_lib::QHash<cxx_qt_lib::QHashPair_i32_QByteArray>;
        include!("cxx-qt-lib/qvariant.h");
        type QVariant = cxx_qt_lib::QVariant;
        include!("cxx-qt-lib/qmodelindex.h");
        type QModelIndex = cxx_qt_lib::QModelIndex;
        include!("cxx-qt-lib/qlist.h");
        type QList_i32 = cxx_qt_lib::QList<i32>;
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
    }

    extern "RustQt" {
        #[qobject]
        #[base = QAbstractListModel]
        #[qml_element]
        #[qproperty(QString, filter, READ, WRITE = set_filter, NOTIFY)]
        #[qproperty(i32, count, READ, NOTIFY)]
        #[qproperty(i32, total, READ, NOTIFY)]
        #[qproperty(i32, deleting, READ, NOTIFY)]
        #[qproperty(i32, revision, READ, NOTIFY)]
        type SnapshotModel = super::SnapshotModelRust;

        /// A deletion was refused when its time had come.
        #[qsignal]
        fn refused(self: Pin<&mut Self>, error: QVariant);

        #[cxx_name = "setFilter"]
        fn set_filter(self: Pin<&mut Self>, filter: QString);
        /// Takes a snapshot off the list now, and deletes it when nobody says otherwise for a while.
        #[qinvokable]
        #[cxx_name = "deleteLater"]
        fn delete_later(self: Pin<&mut Self>, snapshot: i32);
        /// Puts what is about to be deleted back on the list.
        #[qinvokable]
        #[cxx_name = "undoDelete"]
        fn undo_delete(self: Pin<&mut Self>);
        /// All roles of a snapshot, whether the filter shows it or not; empty when there is none.
        #[qinvokable]
        fn find(self: &Self, snapshot: i32) -> QVariant;

        #[qinvokable]
        #[cxx_override]
        fn data(self: &SnapshotModel, index: &QModelIndex, role: i32) -> QVariant;
        #[qinvokable]
        #[cxx_override]
        #[cxx_name = "roleNames"]
        fn role_names(self: &SnapshotModel) -> QHash_i32_QByteArray;
        #[qinvokable]
        #[cxx_override]
        #[cxx_name = "rowCount"]
        fn row_count(self: &SnapshotModel, parent: &QModelIndex) -> i32;
    }

    unsafe extern "RustQt" {
        #[inherit]
        fn index(self: &SnapshotModel, row: i32, column: i32, parent: &QModelIndex) -> QModelIndex;
        #[inherit]
        #[cxx_name = "beginInsertRows"]
        fn begin_insert_rows(self: Pin<&mut SnapshotModel>, parent: &QModelIndex, first: i32, last: i32);
        #[inherit]
        #[cxx_name = "endInsertRows"]
        fn end_insert_rows(self: Pin<&mut SnapshotModel>);
        #[inherit]
        #[cxx_name = "beginRemoveRows"]
        fn begin_remove_rows(self: Pin<&mut SnapshotModel>, parent: &QModelIndex, first: i32, last: i32);
        #[inherit]
        #[cxx_name = "endRemoveRows"]
        fn end_remove_rows(self: Pin<&mut SnapshotModel>);
        #[inherit]
        #[cxx_name = "dataChanged"]
        fn data_changed(
            self: Pin<&mut SnapshotModel>,
            first: &QModelIndex,
            last: &QModelIndex,
            roles: &QList_i32,
        );
    }

    impl cxx_qt::Threading for SnapshotModel {}
    impl cxx_qt::Initialize for SnapshotModel {}
}

/// The fields behind `SnapshotModel`.
#[derive(Default)]
pub struct SnapshotModelRust {
    filter: QString,
    count: i32,
    total: i32,
    deleting: i32,
    /// Rises with every state, for what `find` returned.
    revision: i32,
    list: List,
    /// Ends the wait before a deletion.
    clock: Option<tokio::task::AbortHandle>,
}

impl Initialize for qobject::SnapshotModel {
    fn initialize(self: Pin<&mut Self>) {
        let qt = self.qt_thread();
        runtime::follow(move |view| qt.queue(move |model| model.show(view.state)).is_ok());
    }
}

impl qobject::SnapshotModel {
    fn set_filter(mut self: Pin<&mut Self>, filter: QString) {
        if self.filter != filter {
            self.as_mut().rust_mut().filter = filter;
            self.as_mut().filter_changed();
            let state = self.list.state.clone();
            self.show(state);
        }
    }

    fn delete_later(mut self: Pin<&mut Self>, snapshot: i32) {
        let Some(id) = value::snapshot(snapshot) else {
            return;
        };
        if self.list.state.may_delete(id).is_err() || !self.as_mut().rust_mut().list.leaving.insert(id) {
            return;
        }
        self.as_mut().wait();
        let state = self.list.state.clone();
        self.show(state);
    }

    fn undo_delete(mut self: Pin<&mut Self>) {
        if let Some(clock) = self.as_mut().rust_mut().clock.take() {
            clock.abort();
        }
        self.as_mut().rust_mut().list.leaving.clear();
        let state = self.list.state.clone();
        self.show(state);
    }

    /// Begins the wait anew, so that several deletions in a row are one call and one question for a password.
    fn wait(mut self: Pin<&mut Self>) {
        let qt = self.qt_thread();
        let clock = runtime::spawn(async move {
            tokio::time::sleep(UNDO).await;
            let _ = qt.queue(|model| model.delete());
        });
        if let Some(before) = self.as_mut().rust_mut().clock.replace(clock) {
            before.abort();
        }
    }

    fn delete(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().clock = None;
        let ids: Vec<SnapshotId> = self.list.leaving.iter().copied().collect();
        if ids.is_empty() {
            return;
        }
        let qt = self.qt_thread();
        let client = runtime::client();
        runtime::spawn(async move {
            let outcome = match client.delete(&ids).await {
                Ok(job) => client.wait(job).await.map(|outcome| outcome.failure),
                Err(error) => Err(error),
            };
            let _ = qt.queue(move |model| model.deleted(&ids, outcome));
        });
    }

    /// What was deleted is gone from the state; what was not comes back.
    fn deleted(
        mut self: Pin<&mut Self>,
        ids: &[SnapshotId],
        outcome: Result<Option<model::Failure>, client::Error>,
    ) {
        self.as_mut()
            .rust_mut()
            .list
            .leaving
            .retain(|id| !ids.contains(id));
        match outcome {
            Ok(None) | Err(client::Error::Cancelled) => {}
            Ok(Some(failure)) => self.as_mut().refused(value::failure(&failure)),
            Err(error) => self.as_mut().refused(value::error(&error)),
        }
        self.show(runtime::view().state);
    }

    fn find(&self, snapshot: i32) -> QVariant {
        let mut members = value::Members::default();
        if let Some(id) = value::snapshot(snapshot).filter(|id| self.list.state.snapshots.contains_key(id)) {
            for (role, name) in role::NAMES {
                members.insert(QString::from(*name), self.list.value(id, *role));
            }
        }
        QVariant::from(&members)
    }

    fn data(&self, index: &QModelIndex, role: i32) -> QVariant {
        self.list.data(rows::place(index), role)
    }

    fn role_names(&self) -> QHash<QHashPair_i32_QByteArray> {
        rows::names(role::NAMES)
    }

    fn row_count(&self, parent: &QModelIndex) -> i32 {
        rows::count(parent, self.list.rows.len())
    }
}
