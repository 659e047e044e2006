// SPDX-License-Identifier: GPL-3.0-or-later
//! `CleanUp`: what the rules of keeping snapshots would delete now.

use super::publish;
use super::room::{Doomed, ROLES};
use super::row_model::{self, show_rows};
use super::value;
use crate::runtime;
use client::{CleanUpPlan, Error};
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QString, QVariant};

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
        /// Who follows the rules: `snapper`, `kedge`, `nobody`; empty before the first answer.
        #[qproperty(QString, keeper, READ, NOTIFY)]
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        type CleanUp = super::CleanUpRust;

        /// Asks what would go.
        #[qinvokable]
        fn reload(self: Pin<&mut Self>);
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "setRoles"]
        fn set_roles(self: Pin<&mut CleanUp>, names: &QStringList);
        #[inherit]
        fn splice(self: Pin<&mut CleanUp>, at: i32, removed: i32, values: &QList_QVariant);
        #[inherit]
        fn rewrite(self: Pin<&mut CleanUp>, at: i32, values: &QList_QVariant);
    }

    impl cxx_qt::Threading for CleanUp {}
    impl cxx_qt::Initialize for CleanUp {}
}

/// The fields behind `CleanUp`.
#[derive(Default)]
pub struct CleanUpRust {
    keeper: QString,
    loading: bool,
    error: QVariant,
    rows: Vec<Doomed>,
    question: u64,
}

impl Initialize for qobject::CleanUp {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().error = value::nothing();
        self.set_roles(&row_model::roles(&ROLES));
    }
}

impl qobject::CleanUp {
    fn reload(mut self: Pin<&mut Self>) {
        let question = self.question + 1;
        self.as_mut().rust_mut().question = question;
        publish!(self, error, error_changed, value::nothing());
        publish!(self, loading, loading_changed, true);
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let plan = runtime::client().plan_clean_up().await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |it| it.answered(question, plan));
        });
    }

    fn answered(mut self: Pin<&mut Self>, question: u64, plan: Result<CleanUpPlan, Error>) {
        if self.question != question {
            return;
        }
        publish!(self, loading, loading_changed, false);
        match plan {
            Ok(plan) => {
                let state = runtime::view().state;
                let doomed = plan.doomed.iter();
                let lines = doomed.map(|it| Doomed::of(&state, it.id, it.reason.as_str()));
                show_rows!(self, lines.collect::<Vec<_>>());
                publish!(self, keeper, keeper_changed, QString::from(&plan.keeper));
            }
            Err(error) => publish!(self, error, error_changed, value::error(&error)),
        }
    }
}
