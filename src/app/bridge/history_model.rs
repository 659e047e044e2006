// SPDX-License-Identifier: GPL-3.0-or-later
//! `HistoryModel`: what was done to this system, the newest first.

use super::value::{self, Members, put, text};
use super::{date, glue, publish, rows};
use crate::runtime;
use client::{Link, View};
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QHash, QHashPair_i32_QByteArray, QModelIndex, QString, QVariant};
use model::{Job, JobId, Machine};

/// At most so many jobs are shown: all that a helper remembers.
const JOBS: u32 = 200;
/// So much of a log goes into a report; its end tells most.
const REPORTED_LINES: usize = 2_000;

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
    }

    extern "RustQt" {
        #[qobject]
        #[base = QAbstractListModel]
        #[qml_element]
        #[qproperty(i32, count, READ, NOTIFY)]
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        #[qproperty(i32, revision, READ, NOTIFY)]
        type HistoryModel = super::HistoryModelRust;

        /// The log that `fetchLog` asked for, as one text; and why it could not be read.
        #[qsignal]
        fn fetched(self: Pin<&mut Self>, job: i32, log: QString, error: QVariant);

        /// All roles of a job; empty when there is none.
        #[qinvokable]
        fn find(self: &Self, job: i32) -> QVariant;
        /// Reads a log; `fetched` follows.
        #[qinvokable]
        #[cxx_name = "fetchLog"]
        fn fetch_log(self: Pin<&mut Self>, job: i32);
        /// Puts a text on the clipboard.
        #[qinvokable]
        fn copy(self: &Self, text: &QString);
        /// Asks again.
        #[qinvokable]
        fn reload(self: Pin<&mut Self>);

        #[qinvokable]
        #[cxx_override]
        fn data(self: &HistoryModel, index: &QModelIndex, role: i32) -> QVariant;
        #[qinvokable]
        #[cxx_override]
        #[cxx_name = "roleNames"]
        fn role_names(self: &HistoryModel) -> QHash_i32_QByteArray;
        #[qinvokable]
        #[cxx_override]
        #[cxx_name = "rowCount"]
        fn row_count(self: &HistoryModel, parent: &QModelIndex) -> i32;
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "beginResetModel"]
        fn begin_reset_model(self: Pin<&mut HistoryModel>);
        #[inherit]
        #[cxx_name = "endResetModel"]
        fn end_reset_model(self: Pin<&mut HistoryModel>);
    }

    impl cxx_qt::Threading for HistoryModel {}
    impl cxx_qt::Initialize for HistoryModel {}
}

const NAMES: &rows::Roles = &[
    (0x101, "number"),
    (0x102, "kind"),
    (0x103, "ending"),
    (0x104, "machine"),
    (0x105, "snapshot"),
    (0x106, "target"),
    (0x107, "started"),
    (0x108, "finished"),
    (0x109, "user"),
    (0x10a, "failure"),
    (0x10b, "section"),
];

/// The fields behind `HistoryModel`.
#[derive(Default)]
pub struct HistoryModelRust {
    count: i32,
    loading: bool,
    error: QVariant,
    /// Rises with every answer, for what `find` returned.
    revision: i32,
    rows: Vec<Job>,
    /// What of the state the shown rows belong to: the link, and which jobs it remembers with their ends.
    seen: Option<(bool, Vec<(JobId, bool)>)>,
    question: u64,
}

impl Initialize for qobject::HistoryModel {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().error = value::nothing();
        self.as_mut().rust_mut().loading = true;
        let qt = self.qt_thread();
        runtime::follow(move |view| qt.queue(move |model| model.follow(&view)).is_ok());
    }
}

impl qobject::HistoryModel {
    /// Asks again when a job began or ended, or the helper is back.
    fn follow(mut self: Pin<&mut Self>, view: &View) {
        if view.link == Link::Connecting {
            return;
        }
        let jobs = view.state.jobs.values();
        let jobs = jobs.map(|job| (job.id, job.outcome().is_some())).collect();
        let seen = Some((view.link == Link::Ready, jobs));
        if self.seen != seen {
            self.as_mut().rust_mut().seen = seen;
            self.reload();
        }
    }

    fn reload(mut self: Pin<&mut Self>) {
        let question = self.question + 1;
        self.as_mut().rust_mut().question = question;
        publish!(self, loading, loading_changed, true);
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let past = runtime::client().history(JOBS).await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |model| model.answered(question, past));
        });
    }

    fn answered(mut self: Pin<&mut Self>, question: u64, past: Result<Vec<Job>, client::Error>) {
        if self.question != question {
            return;
        }
        match past {
            Ok(past) => {
                let view = runtime::view();
                let running = view
                    .state
                    .jobs
                    .values()
                    .rev()
                    .filter(|job| job.outcome().is_none());
                let rows = running.cloned().chain(past).filter(Job::is_history).collect();
                self.as_mut().show(rows);
                publish!(self, error, error_changed, value::nothing());
            }
            // What was seen stays.
            Err(error) => publish!(self, error, error_changed, value::error(&error)),
        }
        publish!(self, loading, loading_changed, false);
    }

    fn show(mut self: Pin<&mut Self>, rows: Vec<Job>) {
        if self.rows != rows {
            let count = value::count(rows.len());
            self.as_mut().begin_reset_model();
            self.as_mut().rust_mut().rows = rows;
            self.as_mut().end_reset_model();
            publish!(self, count, count_changed, count);
        }
        let revision = self.revision.wrapping_add(1);
        publish!(self, revision, revision_changed, revision);
    }

    fn find(&self, job: i32) -> QVariant {
        let mut members = Members::default();
        if let Some(row) = self.rows.iter().find(|row| value::job(row.id) == job) {
            for (_, name) in NAMES {
                put(&mut members, name, role(row, name));
            }
        }
        QVariant::from(&members)
    }

    fn fetch_log(self: Pin<&mut Self>, job: i32) {
        let Ok(id) = u32::try_from(job) else { return };
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let read = read_log(JobId(id)).await;
            let _ = qt.queue(move |model| {
                let (log, error) = match read {
                    Ok(log) => (log, value::nothing()),
                    Err(error) => (String::new(), value::error(&error)),
                };
                model.fetched(job, QString::from(&log), error);
            });
        });
    }

    fn copy(&self, text: &QString) {
        glue::copy_text(text);
    }

    fn data(&self, index: &QModelIndex, role_number: i32) -> QVariant {
        match (self.rows.get(rows::place(index)), rows::name(NAMES, role_number)) {
            (Some(row), Some(name)) => role(row, name),
            _ => QVariant::default(),
        }
    }

    fn role_names(&self) -> QHash<QHashPair_i32_QByteArray> {
        rows::names(NAMES)
    }

    fn row_count(&self, parent: &QModelIndex) -> i32 {
        rows::count(parent, self.rows.len())
    }
}

/// The last lines of a log.
async fn read_log(job: JobId) -> Result<String, client::Error> {
    let client = runtime::client();
    let (mut lines, mut from) = (Vec::new(), 0);
    loop {
        let (next, more) = client.log(job, from).await?;
        if more.is_empty() {
            return Ok(lines.join("\n"));
        }
        from = next;
        lines.extend(more);
        let surplus = lines.len().saturating_sub(REPORTED_LINES);
        lines.drain(..surplus);
    }
}

fn role(job: &Job, name: &str) -> QVariant {
    let outcome = job.outcome();
    match name {
        "number" => (&value::job(job.id)).into(),
        "kind" => text(job.kind.as_str()),
        "ending" => text(outcome.map_or("", |it| it.ending.as_str())),
        "machine" => text(outcome.map_or(Machine::Unknown, |it| it.machine).as_str()),
        "snapshot" => (&value::number(outcome.and_then(|it| it.snapshot))).into(),
        "target" => (&value::number(job.target)).into(),
        "started" => (&value::milliseconds(Some(job.started))).into(),
        "finished" => (&value::milliseconds(outcome.map(|it| it.finished))).into(),
        "user" => QVariant::from(&glue::user_name(job.uid)),
        "failure" => outcome
            .and_then(|it| it.failure.as_ref())
            .map_or_else(value::nothing, value::failure),
        _ => text(&date::group(date::day(job.started), date::day(date::now()))),
    }
}
