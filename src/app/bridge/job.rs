// SPDX-License-Identifier: GPL-3.0-or-later
//! `CurrentJob`: the job that runs, or else the one that ended last, with its log as a list of lines.

use super::{publish, rows, value};
use crate::runtime;
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QHash, QHashPair_i32_QByteArray, QModelIndex, QString, QVariant};
use futures_util::StreamExt;
use model::{Job, JobId, JobState, State};
use std::collections::VecDeque;
use std::pin::pin;

/// How many lines of a log are kept; the oldest go first.
const LINES: usize = 10_000;
/// At most so many lines are handed over at once, so that a long log does not stop the window.
const BATCH: usize = 512;

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
        #[qproperty(i32, number, READ, NOTIFY)]
        #[qproperty(QString, kind, READ, NOTIFY)]
        #[qproperty(bool, running, READ, NOTIFY)]
        #[qproperty(bool, cancellable, READ, NOTIFY)]
        #[qproperty(QString, phase, READ, NOTIFY)]
        #[qproperty(i32, permille, READ, NOTIFY)]
        #[qproperty(i32, item, READ, NOTIFY)]
        #[qproperty(i32, items, READ, NOTIFY)]
        #[qproperty(QString, subject, READ, NOTIFY)]
        #[qproperty(f64, started, READ, NOTIFY)]
        #[qproperty(QString, ending, READ, NOTIFY)]
        #[qproperty(QVariant, failure, READ, NOTIFY)]
        #[qproperty(i32, lines, READ, NOTIFY)]
        #[qproperty(bool, reading, READ, WRITE = set_reading, NOTIFY)]
        type CurrentJob = super::CurrentJobRust;

        /// Reads the log only while somebody looks.
        #[cxx_name = "setReading"]
        fn set_reading(self: Pin<&mut Self>, reading: bool);
        /// Shows this job from now on, be it over: number zero for the one that runs or ran last.
        #[qinvokable]
        fn pick(self: Pin<&mut Self>, number: i32, kind: &QString);
        /// The log as one text.
        #[qinvokable]
        fn text(self: &Self) -> QString;

        #[qinvokable]
        #[cxx_override]
        fn data(self: &CurrentJob, index: &QModelIndex, role: i32) -> QVariant;
        #[qinvokable]
        #[cxx_override]
        #[cxx_name = "roleNames"]
        fn role_names(self: &CurrentJob) -> QHash_i32_QByteArray;
        #[qinvokable]
        #[cxx_override]
        #[cxx_name = "rowCount"]
        fn row_count(self: &CurrentJob, parent: &QModelIndex) -> i32;
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "beginInsertRows"]
        fn begin_insert_rows(self: Pin<&mut CurrentJob>, parent: &QModelIndex, first: i32, last: i32);
        #[inherit]
        #[cxx_name = "endInsertRows"]
        fn end_insert_rows(self: Pin<&mut CurrentJob>);
        #[inherit]
        #[cxx_name = "beginRemoveRows"]
        fn begin_remove_rows(self: Pin<&mut CurrentJob>, parent: &QModelIndex, first: i32, last: i32);
        #[inherit]
        #[cxx_name = "endRemoveRows"]
        fn end_remove_rows(self: Pin<&mut CurrentJob>);
    }

    impl cxx_qt::Threading for CurrentJob {}
    impl cxx_qt::Initialize for CurrentJob {}
}

const NAMES: &rows::Roles = &[(0x101, "line")];

/// The fields behind `CurrentJob`.
#[derive(Default)]
pub struct CurrentJobRust {
    number: i32,
    kind: QString,
    running: bool,
    cancellable: bool,
    phase: QString,
    permille: i32,
    item: i32,
    items: i32,
    subject: QString,
    started: f64,
    ending: QString,
    failure: QVariant,
    lines: i32,
    reading: bool,
    job: Option<JobId>,
    picked: Option<JobId>,
    log: VecDeque<String>,
    reader: Option<tokio::task::AbortHandle>,
}

impl Initialize for qobject::CurrentJob {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().permille = -1;
        self.as_mut().rust_mut().failure = value::nothing();
        let qt = self.qt_thread();
        runtime::follow(move |view| qt.queue(move |job| job.show(&view.state)).is_ok());
    }
}

/// The job that a person wants to see.
fn current(state: &State) -> Option<&Job> {
    let running = state.jobs.values().rev().find(|job| job.outcome().is_none());
    state
        .working()
        .or(running)
        .or_else(|| state.jobs.values().next_back())
}

impl qobject::CurrentJob {
    fn show(mut self: Pin<&mut Self>, state: &State) {
        let shown = match self.picked {
            Some(id) => state.jobs.get(&id),
            None => current(state),
        };
        let Some(job) = shown else { return };
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        publish!(self, kind, kind_changed, QString::from(job.kind.as_str()));
        publish!(
            self,
            started,
            started_changed,
            value::milliseconds(Some(job.started))
        );
        if let JobState::Running {
            progress,
            cancellable,
            ..
        } = &job.state
        {
            let permille = progress.permille.map_or(-1, i32::from);
            publish!(self, phase, phase_changed, QString::from(progress.phase.as_str()));
            publish!(self, permille, permille_changed, permille);
            publish!(self, item, item_changed, number(progress.item));
            publish!(self, items, items_changed, number(progress.items));
            publish!(self, subject, subject_changed, QString::from(&progress.subject));
            publish!(self, cancellable, cancellable_changed, *cancellable);
        }
        let outcome = job.outcome();
        let ending = outcome.map_or("", |it| it.ending.as_str());
        let failure = outcome.and_then(|it| it.failure.as_ref()).map(value::failure);
        publish!(
            self,
            failure,
            failure_changed,
            failure.unwrap_or_else(value::nothing)
        );
        publish!(self, ending, ending_changed, QString::from(ending));
        publish!(self, running, running_changed, outcome.is_none());
        publish!(self, number, number_changed, number(job.id.0));
        if self.job != Some(job.id) {
            self.as_mut().rust_mut().job = Some(job.id);
            self.read();
        }
    }

    fn pick(mut self: Pin<&mut Self>, wanted: i32, kind: &QString) {
        let picked = u32::try_from(wanted).ok().filter(|it| *it > 0).map(JobId);
        self.as_mut().rust_mut().picked = picked;
        if let Some(id) = picked {
            // It may be known to the history alone.
            publish!(self, kind, kind_changed, kind.clone());
            publish!(self, running, running_changed, false);
            publish!(self, number, number_changed, wanted);
            if self.job != picked {
                self.as_mut().rust_mut().job = Some(id);
                self.as_mut().read();
            }
        }
        self.show(&runtime::view().state);
    }

    fn set_reading(mut self: Pin<&mut Self>, reading: bool) {
        if self.reading != reading {
            self.as_mut().rust_mut().reading = reading;
            self.as_mut().reading_changed();
            self.read();
        }
    }

    /// Follows the log of the shown job from its first line, if somebody looks.
    fn read(mut self: Pin<&mut Self>) {
        if let Some(reader) = self.as_mut().rust_mut().reader.take() {
            reader.abort();
        }
        let all = self.log.len();
        self.as_mut().forget(all);
        let Some(job) = self.job.filter(|_| self.reading) else {
            return;
        };
        let qt = self.qt_thread();
        let reader = runtime::spawn(async move {
            let client = runtime::client();
            let mut batches = pin!(client.log_stream(job).ready_chunks(BATCH));
            while let Some(lines) = batches.next().await {
                if qt.queue(move |it| it.append(job, lines)).is_err() {
                    return;
                }
            }
        });
        self.as_mut().rust_mut().reader = Some(reader);
    }

    fn append(mut self: Pin<&mut Self>, job: JobId, lines: Vec<String>) {
        if self.job != Some(job) || !self.reading || lines.is_empty() {
            return;
        }
        let surplus = (self.log.len() + lines.len()).saturating_sub(LINES);
        self.as_mut().forget(surplus);
        let first = self.log.len();
        let last = first + lines.len() - 1;
        self.as_mut()
            .begin_insert_rows(&QModelIndex::default(), rows::row(first), rows::row(last));
        self.as_mut().rust_mut().log.extend(lines);
        self.as_mut().end_insert_rows();
        publish!(self, lines, lines_changed, value::count(last + 1));
    }

    /// Takes the oldest lines out.
    fn forget(mut self: Pin<&mut Self>, count: usize) {
        let count = count.min(self.log.len());
        if count > 0 {
            self.as_mut()
                .begin_remove_rows(&QModelIndex::default(), 0, rows::row(count - 1));
            self.as_mut().rust_mut().log.drain(..count);
            self.as_mut().end_remove_rows();
            let left = self.log.len();
            publish!(self, lines, lines_changed, value::count(left));
        }
    }

    fn text(&self) -> QString {
        QString::from(&Vec::from_iter(self.log.iter().map(String::as_str)).join("\n"))
    }

    fn data(&self, index: &QModelIndex, role: i32) -> QVariant {
        match (self.log.get(rows::place(index)), rows::name(NAMES, role)) {
            (Some(line), Some(_)) => value::text(line),
            _ => QVariant::default(),
        }
    }

    fn role_names(&self) -> QHash<QHashPair_i32_QByteArray> {
        rows::names(NAMES)
    }

    fn row_count(&self, parent: &QModelIndex) -> i32 {
        rows::count(parent, self.log.len())
    }
}
