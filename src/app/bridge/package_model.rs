// SPDX-License-Identifier: GPL-3.0-or-later
//! `PackageModel`: packages that differ, be it by an update, by a rollback or between two snapshots.

use super::publish;
use super::row_model::{self, Row, show_rows};
use super::value::{self, Members, text};
use crate::runtime;
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QString, QStringList, QVariant};
use model::{ChangeKind, PackageChange, PackageGroup, State};

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
        #[qproperty(QString, source, READ, WRITE = set_source, NOTIFY)]
        #[qproperty(i32, snapshot, READ, WRITE = set_snapshot, NOTIFY)]
        /// Zero for the version before.
        #[qproperty(i32, against, READ, WRITE = set_against, NOTIFY)]
        #[qproperty(i32, base, READ, NOTIFY)]
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        #[qproperty(i32, added, READ, NOTIFY)]
        #[qproperty(i32, removed, READ, NOTIFY)]
        #[qproperty(i32, upgraded, READ, NOTIFY)]
        #[qproperty(i32, downgraded, READ, NOTIFY)]
        #[qproperty(i32, security, READ, NOTIFY)]
        #[qproperty(i32, security_lost, cxx_name = "securityLost", READ, NOTIFY)]
        #[qproperty(f64, download_size, cxx_name = "downloadSize", READ, NOTIFY)]
        #[qproperty(QStringList, concerns, READ, NOTIFY)]
        #[qproperty(QVariant, kernel, READ, NOTIFY)]
        type PackageModel = super::PackageModelRust;

        #[cxx_name = "setSource"]
        fn set_source(self: Pin<&mut Self>, source: QString);
        #[cxx_name = "setSnapshot"]
        fn set_snapshot(self: Pin<&mut Self>, snapshot: i32);
        #[cxx_name = "setAgainst"]
        fn set_against(self: Pin<&mut Self>, against: i32);
        /// Asks again.
        #[qinvokable]
        fn reload(self: Pin<&mut Self>);
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "setRoles"]
        fn set_roles(self: Pin<&mut PackageModel>, names: &QStringList);
        #[inherit]
        fn splice(self: Pin<&mut PackageModel>, at: i32, removed: i32, values: &QList_QVariant);
        #[inherit]
        fn rewrite(self: Pin<&mut PackageModel>, at: i32, values: &QList_QVariant);
    }

    impl cxx_qt::Threading for PackageModel {}
    impl cxx_qt::Initialize for PackageModel {}
}

const ROLES: [&str; 10] = [
    "name",
    "arch",
    "change",
    "oldVersion",
    "newVersion",
    "size",
    "origin",
    "security",
    "group",
    "fixes",
];

/// Group, name, architecture, both versions: a name may be there in several versions.
type Key = (PackageGroup, String, String, String, String);

/// A package in its place.
#[derive(Debug, PartialEq)]
struct Line {
    key: Key,
    it: PackageChange,
}

impl Row for Line {
    type Key = Key;

    fn key(&self) -> &Key {
        &self.key
    }

    fn values(&self) -> Vec<QVariant> {
        let it = &self.it;
        let fixes: QStringList = it.fixes.iter().map(QString::from).collect();
        vec![
            text(&it.name),
            text(&it.arch),
            text(it.kind.as_str()),
            text(&it.old),
            text(&it.new),
            (&(it.download_size as f64)).into(),
            text(&it.origin),
            (&it.security).into(),
            text(self.key.0.as_str()),
            QVariant::from(&fixes),
        ]
    }
}

/// The fields behind `PackageModel`.
#[derive(Default)]
pub struct PackageModelRust {
    source: QString,
    snapshot: i32,
    against: i32,
    base: i32,
    loading: bool,
    error: QVariant,
    added: i32,
    removed: i32,
    upgraded: i32,
    downgraded: i32,
    security: i32,
    security_lost: i32,
    download_size: f64,
    concerns: QStringList,
    kernel: QVariant,
    rows: Vec<Line>,
    /// Which question the shown answer belongs to.
    question: u64,
}

impl Initialize for qobject::PackageModel {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().error = value::nothing();
        self.as_mut().rust_mut().kernel = value::nothing();
        self.as_mut().set_roles(&row_model::roles(&ROLES));
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

    fn set_against(mut self: Pin<&mut Self>, against: i32) {
        if self.against != against {
            self.as_mut().rust_mut().against = against;
            self.as_mut().against_changed();
            self.reload();
        }
    }

    /// Updates are part of the state; the other sources are asked for.
    fn follow(self: Pin<&mut Self>, state: &State) {
        if self.source.to_string() == "updates" {
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
        let base = value::snapshot(self.against).or_else(|| model::predecessor(&view.state, id));
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

    fn show(mut self: Pin<&mut Self>, changes: Vec<PackageChange>, download: u64, concerns: QStringList) {
        let of = |kind| value::count(changes.iter().filter(|it| it.kind == kind).count());
        let (added, removed) = (of(ChangeKind::Added), of(ChangeKind::Removed));
        let (upgraded, downgraded) = (of(ChangeKind::Upgraded), of(ChangeKind::Downgraded));
        let fixing = changes.iter().filter(|it| it.security);
        let (lost, gained): (Vec<_>, Vec<_>) = fixing.partition(|it| it.kind == ChangeKind::Downgraded);
        let (lost, gained) = (value::count(lost.len()), value::count(gained.len()));
        let mut kernel = Members::default();
        if let Some(it) = changes.iter().find(|it| it.is_kernel()) {
            value::put(&mut kernel, "old", text(&it.old));
            value::put(&mut kernel, "new", text(&it.new));
        }
        let mut lines = Vec::from_iter(changes.into_iter().map(|it| Line {
            key: (
                it.group(),
                it.name.clone(),
                it.arch.clone(),
                it.old.clone(),
                it.new.clone(),
            ),
            it,
        }));
        lines.sort_by(|a, b| a.key.cmp(&b.key));
        lines.dedup_by(|a, b| a.key == b.key);
        show_rows!(self, lines);
        publish!(self, added, added_changed, added);
        publish!(self, removed, removed_changed, removed);
        publish!(self, upgraded, upgraded_changed, upgraded);
        publish!(self, downgraded, downgraded_changed, downgraded);
        publish!(self, security, security_changed, gained);
        publish!(self, security_lost, security_lost_changed, lost);
        publish!(self, kernel, kernel_changed, QVariant::from(&kernel));
        publish!(self, concerns, concerns_changed, concerns);
        publish!(self, download_size, download_size_changed, download as f64);
    }
}
