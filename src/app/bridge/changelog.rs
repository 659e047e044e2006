// SPDX-License-Identifier: GPL-3.0-or-later
//! `Changelog`: what the makers of a package wrote between two versions of it.

use super::publish;
use super::row_model::{self, Row, show_rows};
use super::value::{self, text};
use crate::runtime;
use client::Error;
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QString, QVariant};
use model::LogEntry;

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
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        type Changelog = super::ChangelogRust;

        /// Asks what was written about a package between two snapshots; zero is the running system.
        #[qinvokable]
        fn read(self: Pin<&mut Self>, package: &QString, from: i32, to: i32);
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "setRoles"]
        fn set_roles(self: Pin<&mut Changelog>, names: &QStringList);
        #[inherit]
        fn splice(self: Pin<&mut Changelog>, at: i32, removed: i32, values: &QList_QVariant);
        #[inherit]
        fn rewrite(self: Pin<&mut Changelog>, at: i32, values: &QList_QVariant);
    }

    impl cxx_qt::Threading for Changelog {}
    impl cxx_qt::Initialize for Changelog {}
}

const ROLES: [&str; 4] = ["time", "author", "version", "words"];

/// An entry in its place.
#[derive(Debug, PartialEq)]
struct Entry(usize, LogEntry);

impl Row for Entry {
    type Key = usize;

    fn key(&self) -> &usize {
        &self.0
    }

    fn values(&self) -> Vec<QVariant> {
        let it = &self.1;
        vec![
            (&value::milliseconds(Some(it.time))).into(),
            text(&it.author),
            text(&it.version),
            text(&it.text),
        ]
    }
}

/// The fields behind `Changelog`.
#[derive(Default)]
pub struct ChangelogRust {
    loading: bool,
    error: QVariant,
    rows: Vec<Entry>,
    question: u64,
}

impl Initialize for qobject::Changelog {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().error = value::nothing();
        self.set_roles(&row_model::roles(&ROLES));
    }
}

impl qobject::Changelog {
    fn read(mut self: Pin<&mut Self>, package: &QString, from: i32, to: i32) {
        let question = self.question + 1;
        self.as_mut().rust_mut().question = question;
        publish!(self, error, error_changed, value::nothing());
        publish!(self, loading, loading_changed, true);
        show_rows!(self, Vec::new());
        let (package, qt) = (package.to_string(), self.qt_thread());
        let (from, to) = (value::snapshot(from), value::snapshot(to));
        runtime::spawn(async move {
            let entries = runtime::client().changelog(from, to, &package).await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |model| model.answered(question, entries));
        });
    }

    fn answered(mut self: Pin<&mut Self>, question: u64, entries: Result<Vec<LogEntry>, Error>) {
        if self.question != question {
            return;
        }
        publish!(self, loading, loading_changed, false);
        match entries {
            Ok(entries) => {
                let entries = entries.into_iter().enumerate();
                let entries = entries.map(|(at, it)| Entry(at, it)).collect::<Vec<_>>();
                show_rows!(self, entries);
            }
            Err(error) => publish!(self, error, error_changed, value::error(&error)),
        }
    }
}
