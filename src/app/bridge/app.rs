// SPDX-License-Identifier: GPL-3.0-or-later
//! `App`: how the system is, what may be done, and the doing. What a call leads to shows in the state, never here.

use super::calls::Calls;
use super::value::{self, Members, put, text};
use super::{date, publish};
use crate::runtime;
use client::{Link, View};
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QString, QVariant};
use model::{JobId, SnapshotId, State, Status};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

#[cxx_qt::bridge]
pub(crate) mod qobject {
    unsafe extern "C++" {
        include!("cxx-qt-lib/qlist.h");
        type QList_i32 = cxx_qt_lib::QList<i32>;
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
        include!("cxx-qt-lib/qvariant.h");
        type QVariant = cxx_qt_lib::QVariant;
    }

    extern "RustQt" {
        #[qobject]
        #[qml_element]
        #[qproperty(QString, link, READ, NOTIFY)]
        #[qproperty(QString, link_detail, cxx_name = "linkDetail", READ, NOTIFY)]
        #[qproperty(QVariant, status, READ, NOTIFY)]
        #[qproperty(i32, booted, READ, NOTIFY)]
        #[qproperty(QVariant, running, READ, NOTIFY)]
        #[qproperty(QVariant, next, READ, NOTIFY)]
        #[qproperty(QVariant, previous, READ, NOTIFY)]
        #[qproperty(i32, pending, READ, NOTIFY)]
        #[qproperty(i32, snapshots, READ, NOTIFY)]
        #[qproperty(f64, checked, READ, NOTIFY)]
        #[qproperty(QString, check_refusal, cxx_name = "checkRefusal", READ, NOTIFY)]
        #[qproperty(QString, update_refusal, cxx_name = "updateRefusal", READ, NOTIFY)]
        #[qproperty(QString, create_refusal, cxx_name = "createRefusal", READ, NOTIFY)]
        #[qproperty(QString, discard_refusal, cxx_name = "discardRefusal", READ, NOTIFY)]
        #[qproperty(bool, discarding, READ, NOTIFY)]
        #[qproperty(i32, tick, READ, NOTIFY)]
        #[qproperty(QString, first_page, cxx_name = "firstPage", READ, CONSTANT)]
        #[qproperty(QString, first_file, cxx_name = "firstFile", READ, CONSTANT)]
        type App = super::AppRust;

        /// A call could not be made or was refused: what was asked for, and why not.
        #[qsignal]
        fn refused(self: Pin<&mut Self>, what: QString, error: QVariant);
        /// A job that this window asked for has ended.
        #[qsignal]
        fn ended(self: Pin<&mut Self>, kind: QString, ending: QString, snapshot: i32, failure: QVariant);

        /// A snapshot can be looked at under this address, which the file manager could not be asked to show.
        #[qsignal]
        fn browsed(self: Pin<&mut Self>, address: QString);

        #[qinvokable]
        fn check(self: Pin<&mut Self>);
        #[qinvokable]
        fn update(self: Pin<&mut Self>);
        #[qinvokable]
        fn discard(self: Pin<&mut Self>);
        /// Takes a discarding back that has not begun.
        #[qinvokable]
        fn keep(self: Pin<&mut Self>);
        #[qinvokable]
        fn cancel(self: Pin<&mut Self>, job: i32);
        /// Answers what a job asks by the number of a choice; zero is the careful answer.
        #[qinvokable]
        fn answer(self: Pin<&mut Self>, job: i32, question: i32, choice: i32);
        #[qinvokable]
        fn restart(self: Pin<&mut Self>);
        #[qinvokable]
        fn dismiss(self: Pin<&mut Self>);
        #[qinvokable]
        #[cxx_name = "rollBack"]
        fn roll_back(self: Pin<&mut Self>, snapshot: i32, restart: bool);
        #[qinvokable]
        fn create(self: Pin<&mut Self>, description: &QString, pinned: bool);
        #[qinvokable]
        fn describe(self: Pin<&mut Self>, snapshot: i32, description: &QString);
        #[qinvokable]
        fn pin(self: Pin<&mut Self>, snapshot: i32, pinned: bool);
        /// Gets a file back, beside the present one or in its place.
        #[qinvokable]
        fn restore(self: Pin<&mut Self>, snapshot: i32, address: &QString, replace: bool);
        /// Shows what is in a snapshot in the file manager, until this window is closed.
        #[qinvokable]
        fn browse(self: Pin<&mut Self>, snapshot: i32);
        /// Deletes these and waits until what they held is free.
        #[qinvokable]
        #[cxx_name = "makeRoom"]
        fn make_room(self: Pin<&mut Self>, snapshots: &QList_i32);
        /// Deletes what the rules of keeping snapshots name.
        #[qinvokable]
        #[cxx_name = "cleanUp"]
        fn clean_up(self: Pin<&mut Self>);
    }

    impl cxx_qt::Threading for App {}
    impl cxx_qt::Initialize for App {}
}

/// The fields behind `App`.
#[derive(Default)]
pub struct AppRust {
    link: QString,
    link_detail: QString,
    status: QVariant,
    booted: i32,
    running: QVariant,
    next: QVariant,
    previous: QVariant,
    pending: i32,
    snapshots: i32,
    checked: f64,
    check_refusal: QString,
    update_refusal: QString,
    create_refusal: QString,
    discard_refusal: QString,
    /// What waits for the restart is discarded in a few seconds.
    pub(super) discarding: bool,
    /// Ends the wait before that.
    pub(super) clock: Option<tokio::task::AbortHandle>,
    tick: i32,
    first_page: QString,
    first_file: QString,
    /// The snapshots that are looked at: each is there as long as its directory is open here.
    pub(super) browsed: BTreeMap<SnapshotId, OwnedFd>,
    /// A failure that was read and put away.
    dismissed: Option<JobId>,
    pub(super) calls: Calls,
}

impl Initialize for qobject::App {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().first_page = super::glue::page_option();
        self.as_mut().rust_mut().first_file = super::glue::file_option();
        self.as_mut().rust_mut().link = QString::from("connecting");
        let mut this = self.as_mut().rust_mut();
        this.status = value::nothing();
        this.running = about(&State::default(), None);
        (this.next, this.previous) = (this.running.clone(), this.running.clone());
        let qt = self.qt_thread();
        runtime::follow(move |view| qt.queue(move |app| app.apply(&view)).is_ok());
    }
}

impl qobject::App {
    /// Draws a view.
    fn apply(mut self: Pin<&mut Self>, view: &View) {
        let state = &*view.state;
        let (link, detail) = match &view.link {
            Link::Connecting => ("connecting", ""),
            Link::Ready => ("ready", ""),
            Link::Lost { detail } => ("lost", detail.as_str()),
        };
        if view.link != Link::Connecting {
            let status = self.status_of(state);
            publish!(self, status, status_changed, members(&status));
        }
        publish!(self, booted, booted_changed, value::number(state.booted));
        publish!(self, running, running_changed, about(state, state.booted));
        publish!(self, next, next_changed, about(state, state.default));
        publish!(
            self,
            previous,
            previous_changed,
            about(state, model::step_back(state))
        );
        publish!(self, pending, pending_changed, value::number(state.pending()));
        publish!(
            self,
            snapshots,
            snapshots_changed,
            value::count(state.snapshots.len())
        );
        publish!(
            self,
            checked,
            checked_changed,
            value::milliseconds(state.updates.succeeded)
        );
        publish!(
            self,
            check_refusal,
            check_refusal_changed,
            value::refusal(state.may_check())
        );
        publish!(
            self,
            update_refusal,
            update_refusal_changed,
            value::refusal(state.may_update())
        );
        publish!(
            self,
            create_refusal,
            create_refusal_changed,
            value::refusal(state.may_create())
        );
        publish!(
            self,
            discard_refusal,
            discard_refusal_changed,
            value::refusal(state.may_discard())
        );
        publish!(self, link_detail, link_detail_changed, QString::from(detail));
        publish!(self, link, link_changed, QString::from(link));
        let tick = self.tick.wrapping_add(1);
        publish!(self, tick, tick_changed, tick);
        self.settle(state);
    }

    /// The status, without a failure that was put away.
    fn status_of(&self, state: &State) -> Status {
        let mut status = Status::of(state, date::now());
        if let Status::Failed { job, .. } = status
            && self.dismissed == Some(job)
        {
            let mut rest = state.clone();
            rest.jobs.remove(&job);
            status = Status::of(&rest, date::now());
        }
        status
    }

    /// Puts the shown failure away.
    fn dismiss(mut self: Pin<&mut Self>) {
        let view = runtime::view();
        if let Status::Failed { job, .. } = Status::of(&view.state, date::now()) {
            self.as_mut().rust_mut().dismissed = Some(job);
            self.apply(&view);
        }
    }
}

/// A snapshot as `{ number, description, time }`; number zero when there is none.
fn about(state: &State, id: Option<SnapshotId>) -> QVariant {
    let mut members = Members::default();
    let snapshot = id.and_then(|id| state.snapshots.get(&id));
    let description = snapshot.map_or("", |it| &it.description);
    put(&mut members, "number", &value::number(id));
    put(&mut members, "description", text(description));
    put(
        &mut members,
        "time",
        &value::milliseconds(snapshot.map(|it| it.time)),
    );
    QVariant::from(&members)
}

/// A status as `{ code, action, <its fields> }`.
fn members(status: &Status) -> QVariant {
    let mut members = Members::default();
    let it = &mut members;
    put(it, "code", text(status.code()));
    put(it, "action", text(status.action().as_str()));
    match status {
        Status::Working { job, kind } => {
            put(it, "job", &value::count(job.0 as usize));
            put(it, "kind", text(kind.as_str()));
        }
        Status::Failed {
            job,
            kind,
            ending,
            failure,
        } => {
            put(it, "job", &value::count(job.0 as usize));
            put(it, "kind", text(kind.as_str()));
            put(it, "ending", text(ending.as_str()));
            if let Some(failure) = failure {
                put(it, "failure", value::failure(failure));
            }
        }
        Status::UpdatePending { snapshot, updates } => {
            put(it, "snapshot", &value::number(Some(*snapshot)));
            put(it, "updates", &value::count(*updates));
        }
        Status::RollbackPending { snapshot } => put(it, "snapshot", &value::number(Some(*snapshot))),
        Status::Available { packages, security } => {
            put(it, "packages", &value::count(*packages));
            put(it, "security", &value::count(*security));
        }
        Status::CouldNotCheck { failure, succeeded } => {
            put(it, "failure", value::failure(failure));
            put(it, "succeeded", &value::milliseconds(*succeeded));
        }
        Status::NotChecked { succeeded } | Status::Stale { succeeded } | Status::UpToDate { succeeded } => {
            let days = date::now().since(*succeeded).as_secs() / (24 * 60 * 60);
            put(it, "succeeded", &value::milliseconds(Some(*succeeded)));
            put(it, "days", &i32::try_from(days).unwrap_or(i32::MAX));
        }
        Status::NeverChecked | Status::NoUpdates => {}
    }
    QVariant::from(&members)
}
