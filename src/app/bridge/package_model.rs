// SPDX-License-Identifier: GPL-3.0-or-later
//! `PackageModel`: packages that differ, be it by an update, by a rollback or between two snapshots.

use super::value::{self, Members};
use super::{publish, rows};
use crate::runtime;
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QHash, QHashPair_i32_QByteArray, QModelIndex, QString, QStringList, QVariant};
use model::{ChangeKind, PackageChange, State};

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
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
        include!("cxx-qt-lib/qstringlist.h");
        type QStringList = cxx_qt_lib::QStringList;
    }

    extern "RustQt" {
        #[qobject]
        #[base = QAbstractListModel]
        #[qml_element]
        #[qproperty(QString, source, READ, WRITE = set_source, NOTIFY)]
        #[qproperty(i32, snapshot, READ, WRITE = set_snapshot, NOTIFY)]
        #[qproperty(i32, base, READ, NOTIFY)]
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        #[qproperty(i32, count, READ, NOTIFY)]
        #[qproperty(i32, added, READ, NOTIFY)]
        #[qproperty(i32, removed, READ, NOTIFY)]
        #[qproperty(i32, upgraded, READ, NOTIFY)]
        #[qproperty(i32, downgraded, READ, NOTIFY)]
        #[qproperty(i32, security, READ, NOTIFY)]
        #[qproperty(f64, download_size, cxx_name = "downloadSize", READ, NOTIFY)]
        #[qproperty(QStringList, concerns, READ, NOTIFY)]
        #[qproperty(QVariant, kernel, READ, NOTIFY)]
        type PackageModel = super::PackageModelRust;

        #[cxx_name = "setSource"]
        fn set_source(self: Pin<&mut Self>, source: QString);
        #[cxx_name = "setSnapshot"]
        fn set_snapshot(self: Pin<&mut Self>, snapshot: i32);
        /// Asks again.
        #[qinvokable]
        fn reload(self: Pin<&mut Self>);

        #[qinvokable]
        #[cxx_override]
        fn data(self: &PackageModel, index: &QModelIndex, role: i32) -> QVariant;
        #[qinvokable]
        #[cxx_override]
        #[cxx_name = "roleNames"]
        fn role_names(self: &PackageModel) -> QHash_i32_QByteArray;
        #[qinvokable]
        #[cxx_override]
        #[cxx_name = "rowCount"]
        fn row_count(self: &PackageModel, parent: &QModelIndex) -> i32;
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "beginResetModel"]
        fn begin_reset_model(self: Pin<&mut PackageModel>);
        #[inherit]
        #[cxx_name = "endResetModel"]
        fn end_reset_model(self: Pin<&mut PackageModel>);
    }

    impl cxx_qt::Threading for PackageModel {}
    impl cxx_qt::Initialize for PackageModel {}
}

const NAMES: &rows::Roles = &[
    (0x101, "name"),
    (0x102, "arch"),
    (0x103, "change"),
    (0x104, "oldVersion"),
    (0x105, "newVersion"),
    (0x106, "size"),
    (0x107, "origin"),
    (0x108, "security"),
    (0x109, "group"),
];

/// The fields behind `PackageModel`.
#[derive(Default)]
pub struct PackageModelRust {
    source: QString,
    snapshot: i32,
    base: i32,
    loading: bool,
    error: QVariant,
    count: i32,
    added: i32,
    removed: i32,
    upgraded: i32,
    downgraded: i32,
    security: i32,
    download_size: f64,
    concerns: QStringList,
    kernel: QVariant,
    rows: Vec<PackageChange>,
    /// Which question the shown answer belongs to.
    question: u64,
}

impl Initialize for qobject::PackageModel {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().error = value::nothing();
        self.as_mut().rust_mut().kernel = value::nothing();
        let qt = self.qt_thread();
        runtime::follow(move |view| qt.queue(move |model| model.follow(&view.state)).is_ok());
    }
}

impl qobject::PackageModel {
    fn set_source(mut self: Pin<&mut Self>, source: QString) {
        if self.source != source {
            self.as_mut().rust_mut().source = source;
            self.as_mut().source_changed();
            self.reload();
        }
    }

    fn set_snapshot(mut self: Pin<&mut Self>, snapshot: i32) {
        if self.snapshot != snapshot {
            self.as_mut().rust_mut().snapshot = snapshot;
            self.as_mut().snapshot_changed();
            self.reload();
        }
    }

    /// Updates are part of the state; the other sources are asked for.
    fn follow(self: Pin<&mut Self>, state: &State) {
        if self.source.to_string() == "updates" && self.rows != state.updates.set.packages {
            let set = state.updates.set.clone();
            self.show(set.packages, set.download_size, QStringList::default());
        }
    }

    fn reload(mut self: Pin<&mut Self>) {
        let view = runtime::view();
        let source = self.source.to_string();
        if source == "updates" {
            return self.follow(&view.state);
        }
        let question = self.question + 1;
        self.as_mut().rust_mut().question = question;
        self.as_mut().show(Vec::new(), 0, QStringList::default());
        let Some(id) = value::snapshot(self.snapshot) else {
            return;
        };
        let base = model::predecessor(&view.state, id);
        publish!(self, base, base_changed, value::number(base));
        publish!(self, error, error_changed, value::nothing());
        publish!(self, loading, loading_changed, true);
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let client = runtime::client();
            let answer = match (source.as_str(), base) {
                ("rollback", _) => client.plan_rollback(id).await.map(|plan| {
                    let concerns = plan.concerns.iter().map(|it| QString::from(it.as_str()));
                    (plan.changes, concerns.collect())
                }),
                ("changes", Some(base)) => {
                    let changes = client.package_changes(Some(base), Some(id)).await;
                    changes.map(|changes| (changes, QStringList::default()))
                }
                _ => Ok((Vec::new(), QStringList::default())),
            };
            let _ = qt.queue(move |model| model.answered(question, answer));
        });
    }

    fn answered(
        mut self: Pin<&mut Self>,
        question: u64,
        answer: Result<(Vec<PackageChange>, QStringList), client::Error>,
    ) {
        if self.question != question {
            return;
        }
        match answer {
            Ok((rows, concerns)) => self.as_mut().show(rows, 0, concerns),
            Err(error) => publish!(self, error, error_changed, value::error(&error)),
        }
        publish!(self, loading, loading_changed, false);
    }

    fn show(mut self: Pin<&mut Self>, rows: Vec<PackageChange>, download: u64, concerns: QStringList) {
        let of = |kind| value::count(rows.iter().filter(|it| it.kind == kind).count());
        let (added, removed) = (of(ChangeKind::Added), of(ChangeKind::Removed));
        let (upgraded, downgraded) = (of(ChangeKind::Upgraded), of(ChangeKind::Downgraded));
        let security = value::count(rows.iter().filter(|it| it.security).count());
        let mut kernel = Members::default();
        if let Some(it) = rows.iter().find(|it| it.is_kernel()) {
            value::put(&mut kernel, "old", value::text(&it.old));
            value::put(&mut kernel, "new", value::text(&it.new));
        }
        let mut sorted = rows;
        sorted.sort_by(|a, b| (a.group(), &a.name, &a.arch).cmp(&(b.group(), &b.name, &b.arch)));
        let count = value::count(sorted.len());
        self.as_mut().begin_reset_model();
        self.as_mut().rust_mut().rows = sorted;
        self.as_mut().end_reset_model();
        publish!(self, added, added_changed, added);
        publish!(self, removed, removed_changed, removed);
        publish!(self, upgraded, upgraded_changed, upgraded);
        publish!(self, downgraded, downgraded_changed, downgraded);
        publish!(self, security, security_changed, security);
        publish!(self, kernel, kernel_changed, QVariant::from(&kernel));
        publish!(self, concerns, concerns_changed, concerns);
        publish!(self, download_size, download_size_changed, download as f64);
        publish!(self, count, count_changed, count);
    }

    fn data(&self, index: &QModelIndex, role: i32) -> QVariant {
        let (Some(row), Some(name)) = (self.rows.get(rows::place(index)), rows::name(NAMES, role)) else {
            return QVariant::default();
        };
        match name {
            "name" => value::text(&row.name),
            "arch" => value::text(&row.arch),
            "change" => value::text(row.kind.as_str()),
            "oldVersion" => value::text(&row.old),
            "newVersion" => value::text(&row.new),
            "size" => (&(row.download_size as f64)).into(),
            "origin" => value::text(&row.origin),
            "security" => (&row.security).into(),
            _ => value::text(row.group().as_str()),
        }
    }

    fn role_names(&self) -> QHash<QHashPair_i32_QByteArray> {
        rows::names(NAMES)
    }

    fn row_count(&self, parent: &QModelIndex) -> i32 {
        rows::count(parent, self.rows.len())
    }
}
