// SPDX-License-Identifier: GPL-3.0-or-later
//! `Room`: how full the disk is, and which snapshots to delete for how much room.

use super::publish;
use super::row_model::{self, Row, show_rows};
use super::value::{self, text};
use crate::runtime;
use client::{Error, View};
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QList, QString, QVariant};
use model::{JobKind, RoomPlan, SnapshotId, State, Timestamp, Usage};
use std::time::Duration;

/// How often the disk is looked at while room is made.
const LOOK: Duration = Duration::from_secs(1);

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
        #[qproperty(f64, size, READ, NOTIFY)]
        #[qproperty(f64, used, READ, NOTIFY)]
        #[qproperty(f64, free, READ, NOTIFY)]
        #[qproperty(QVariant, numbers, READ, NOTIFY)]
        #[qproperty(f64, data, READ, NOTIFY)]
        #[qproperty(f64, metadata, READ, NOTIFY)]
        #[qproperty(bool, planned, READ, NOTIFY)]
        #[qproperty(bool, enough, READ, NOTIFY)]
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(bool, working, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        /// Why nothing can be deleted now; empty when it can.
        #[qproperty(QString, refusal, READ, NOTIFY)]
        type Room = super::RoomRust;

        /// Looks how full the disk is.
        #[qinvokable]
        fn look(self: Pin<&mut Self>);
        /// Asks which snapshots to delete for so many bytes.
        #[qinvokable]
        fn plan(self: Pin<&mut Self>, bytes: f64);
        /// Forgets the plan, or ends the asking.
        #[qinvokable]
        fn forget(self: Pin<&mut Self>);
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "setRoles"]
        fn set_roles(self: Pin<&mut Room>, names: &QStringList);
        #[inherit]
        fn splice(self: Pin<&mut Room>, at: i32, removed: i32, values: &QList_QVariant);
        #[inherit]
        fn rewrite(self: Pin<&mut Room>, at: i32, values: &QList_QVariant);
    }

    impl cxx_qt::Threading for Room {}
    impl cxx_qt::Initialize for Room {}
}

pub(super) const ROLES: [&str; 4] = ["number", "description", "time", "reason"];

/// A snapshot that would go.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Doomed {
    id: SnapshotId,
    description: String,
    time: Timestamp,
    reason: &'static str,
}

impl Doomed {
    pub(super) fn of(state: &State, id: SnapshotId, reason: &'static str) -> Self {
        let snapshot = state.snapshots.get(&id);
        Self {
            id,
            description: snapshot.map(|it| it.description.clone()).unwrap_or_default(),
            time: snapshot.map(|it| it.time).unwrap_or_default(),
            reason,
        }
    }
}

impl Row for Doomed {
    type Key = SnapshotId;

    fn key(&self) -> &SnapshotId {
        &self.id
    }

    fn values(&self) -> Vec<QVariant> {
        vec![
            (&value::number(Some(self.id))).into(),
            text(&self.description),
            (&value::milliseconds(Some(self.time))).into(),
            text(self.reason),
        ]
    }
}

/// The fields behind `Room`.
#[derive(Default)]
pub struct RoomRust {
    size: f64,
    used: f64,
    free: f64,
    numbers: QVariant,
    data: f64,
    metadata: f64,
    planned: bool,
    enough: bool,
    loading: bool,
    /// Something is being deleted now.
    working: bool,
    error: QVariant,
    refusal: QString,
    rows: Vec<Doomed>,
    question: u64,
    /// Looks at the disk now and then while something is being deleted.
    watch: Option<tokio::task::AbortHandle>,
}

impl Initialize for qobject::Room {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().error = value::nothing();
        self.as_mut().rust_mut().numbers = QVariant::from(&QList::<i32>::default());
        self.as_mut().set_roles(&row_model::roles(&ROLES));
        let qt = self.qt_thread();
        runtime::follow(move |view| qt.queue(move |it| it.follow(&view)).is_ok());
    }
}

impl qobject::Room {
    fn follow(mut self: Pin<&mut Self>, view: &View) {
        let kind = view.state.working().map(|job| job.kind);
        let working = matches!(kind, Some(JobKind::MakeRoom | JobKind::Delete | JobKind::CleanUp));
        publish!(
            self,
            refusal,
            refusal_changed,
            value::refusal(view.state.may_clean_up())
        );
        if self.working == working {
            return;
        }
        publish!(self, working, working_changed, working);
        if let Some(watch) = self.as_mut().rust_mut().watch.take() {
            watch.abort();
        }
        self.as_mut().look();
        if !working {
            // What was proposed is done, or not true any more.
            return self.forget();
        }
        let qt = self.qt_thread();
        let watch = runtime::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                if qt.queue(|it| it.look()).is_err() {
                    return;
                }
            }
        });
        self.as_mut().rust_mut().watch = Some(watch);
    }

    fn look(self: Pin<&mut Self>) {
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let usage = runtime::client().usage().await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |it| it.seen(usage));
        });
    }

    fn seen(mut self: Pin<&mut Self>, usage: Result<Usage, Error>) {
        match usage {
            Ok(usage) => {
                publish!(self, size, size_changed, usage.size as f64);
                publish!(self, used, used_changed, usage.used as f64);
                publish!(self, free, free_changed, usage.free as f64);
            }
            Err(error) => publish!(self, error, error_changed, value::error(&error)),
        }
    }

    fn plan(mut self: Pin<&mut Self>, bytes: f64) {
        let question = self.question + 1;
        self.as_mut().rust_mut().question = question;
        publish!(self, error, error_changed, value::nothing());
        publish!(self, planned, planned_changed, false);
        publish!(self, loading, loading_changed, true);
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let plan = runtime::client().plan_room(bytes.max(0.0) as u64).await;
            let _ = qt.queue(move |it| it.answered(question, plan));
        });
    }

    fn answered(mut self: Pin<&mut Self>, question: u64, plan: Result<RoomPlan, Error>) {
        if self.question != question {
            return;
        }
        publish!(self, loading, loading_changed, false);
        match plan {
            Ok(plan) => {
                self.as_mut().show(&plan);
                publish!(self, planned, planned_changed, true);
            }
            Err(error) => publish!(self, error, error_changed, value::error(&error)),
        }
    }

    fn show(mut self: Pin<&mut Self>, plan: &RoomPlan) {
        let state = runtime::view().state;
        let ids = plan.snapshots.iter();
        let lines = Vec::from_iter(ids.clone().map(|id| Doomed::of(&state, *id, "")));
        let numbers = QList::from(&Vec::from_iter(ids.map(|id| value::number(Some(*id)))));
        show_rows!(self, lines);
        publish!(self, numbers, numbers_changed, QVariant::from(&numbers));
        publish!(self, data, data_changed, plan.freed.data as f64);
        publish!(self, metadata, metadata_changed, plan.freed.metadata as f64);
        publish!(self, enough, enough_changed, plan.is_enough);
    }

    fn forget(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().question += 1;
        if self.loading {
            runtime::spawn(async {
                // When it cannot be stopped it ends by itself, and nobody waits for it.
                let _ = runtime::client().stop_measuring().await;
            });
        }
        publish!(self, loading, loading_changed, false);
        publish!(self, planned, planned_changed, false);
        self.show(&RoomPlan::default());
    }
}
