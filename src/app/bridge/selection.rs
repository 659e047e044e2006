// SPDX-License-Identifier: GPL-3.0-or-later
//! `Selection`: snapshots that a person chose on the timeline, and what deleting all of them frees.

use super::publish;
use super::value::{self, Members, put, text};
use crate::runtime;
use client::Error;
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QList, QString, QVariant};
use model::{Freed, SnapshotId, State};
use std::collections::BTreeSet;

#[cxx_qt::bridge]
pub(crate) mod qobject {
    unsafe extern "C++" {
        include!("cxx-qt-lib/qvariant.h");
        type QVariant = cxx_qt_lib::QVariant;
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
    }

    extern "RustQt" {
        #[qobject]
        #[qml_element]
        #[qproperty(i32, count, READ, NOTIFY)]
        #[qproperty(QVariant, numbers, READ, NOTIFY)]
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        #[qproperty(bool, known, READ, NOTIFY)]
        #[qproperty(f64, data, READ, NOTIFY)]
        #[qproperty(f64, metadata, READ, NOTIFY)]
        #[qproperty(f64, held, READ, NOTIFY)]
        /// Who keeps most of what is held, as `{ number, subvolume, bytes }`.
        #[qproperty(QVariant, holder, READ, NOTIFY)]
        /// Why not all of them can be deleted; empty when they can.
        #[qproperty(QString, delete_refusal, cxx_name = "deleteRefusal", READ, NOTIFY)]
        #[qproperty(i32, refused, READ, NOTIFY)]
        type Selection = super::SelectionRust;

        /// Takes a snapshot in, or out again.
        #[qinvokable]
        fn toggle(self: Pin<&mut Self>, snapshot: i32);
        #[qinvokable]
        fn clear(self: Pin<&mut Self>);
    }

    impl cxx_qt::Threading for Selection {}
    impl cxx_qt::Initialize for Selection {}
}

/// The fields behind `Selection`.
#[derive(Default)]
pub struct SelectionRust {
    count: i32,
    numbers: QVariant,
    loading: bool,
    error: QVariant,
    known: bool,
    data: f64,
    metadata: f64,
    held: f64,
    holder: QVariant,
    delete_refusal: QString,
    /// The snapshot that cannot be deleted.
    refused: i32,
    chosen: BTreeSet<SnapshotId>,
    /// What is being measured.
    asked: Option<BTreeSet<SnapshotId>>,
}

impl Initialize for qobject::Selection {
    fn initialize(mut self: Pin<&mut Self>) {
        let mut this = self.as_mut().rust_mut();
        (this.error, this.holder) = (value::nothing(), value::nothing());
        this.numbers = QVariant::from(&QList::<i32>::default());
        let qt = self.qt_thread();
        runtime::follow(move |view| qt.queue(move |it| it.follow(&view.state)).is_ok());
    }
}

impl qobject::Selection {
    /// What is gone is no longer chosen.
    fn follow(mut self: Pin<&mut Self>, state: &State) {
        let before = self.chosen.len();
        let mut this = self.as_mut().rust_mut();
        this.chosen.retain(|id| state.snapshots.contains_key(id));
        if self.chosen.len() != before {
            self.as_mut().tell();
        }
        self.judge(state);
    }

    fn judge(mut self: Pin<&mut Self>, state: &State) {
        let refusal = self.chosen.iter().find_map(|id| state.may_delete(*id).err());
        publish!(
            self,
            refused,
            refused_changed,
            value::number(refusal.and_then(|it| it.snapshot))
        );
        publish!(
            self,
            delete_refusal,
            delete_refusal_changed,
            value::refusal(refusal.map_or(Ok(()), Err))
        );
    }

    fn toggle(mut self: Pin<&mut Self>, snapshot: i32) {
        let Some(id) = value::snapshot(snapshot) else {
            return;
        };
        let mut this = self.as_mut().rust_mut();
        if !this.chosen.remove(&id) {
            this.chosen.insert(id);
        }
        self.tell();
    }

    fn clear(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().chosen.clear();
        self.tell();
    }

    fn tell(mut self: Pin<&mut Self>) {
        let numbers = QList::from(&Vec::from_iter(
            self.chosen.iter().map(|id| value::number(Some(*id))),
        ));
        let count = value::count(self.chosen.len());
        publish!(self, known, known_changed, false);
        publish!(self, error, error_changed, value::nothing());
        publish!(self, numbers, numbers_changed, QVariant::from(&numbers));
        publish!(self, count, count_changed, count);
        self.as_mut().judge(&runtime::view().state);
        self.measure();
    }

    /// Asks what deleting the chosen ones frees, one question at a time: the first may take minutes.
    fn measure(mut self: Pin<&mut Self>) {
        if self.asked.is_some() {
            return;
        }
        publish!(self, loading, loading_changed, !self.chosen.is_empty());
        if self.chosen.is_empty() {
            return;
        }
        let chosen = self.chosen.clone();
        self.as_mut().rust_mut().asked = Some(chosen.clone());
        let qt = self.qt_thread();
        runtime::spawn(async move {
            let freed = runtime::client().freed(&Vec::from_iter(chosen)).await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |it| it.answered(freed));
        });
    }

    fn answered(mut self: Pin<&mut Self>, freed: Result<Freed, Error>) {
        let asked = self.as_mut().rust_mut().asked.take();
        if asked.as_ref() != Some(&self.chosen) {
            return self.measure();
        }
        match freed {
            Ok(freed) => {
                publish!(self, data, data_changed, freed.data as f64);
                publish!(self, metadata, metadata_changed, freed.metadata as f64);
                publish!(self, held, held_changed, freed.held as f64);
                publish!(self, holder, holder_changed, holder(&freed));
                publish!(self, known, known_changed, true);
            }
            Err(error) => publish!(self, error, error_changed, value::error(&error)),
        }
        publish!(self, loading, loading_changed, false);
    }
}

/// Who keeps most of what a selection holds.
fn holder(freed: &Freed) -> QVariant {
    let mut members = Members::default();
    if let Some(it) = freed.holders.first() {
        put(&mut members, "number", &value::number(it.snapshot));
        put(&mut members, "subvolume", text(&it.subvolume));
        put(&mut members, "bytes", value::bytes(it.bytes));
    }
    QVariant::from(&members)
}
