// SPDX-License-Identifier: GPL-3.0-or-later
//! The rows behind the model, and how they follow the state.

use super::super::{date, publish, rows, value};
use super::qobject::SnapshotModel;
use super::role;
use chrono::NaiveDate;
use core::pin::Pin;
use cxx_qt::CxxQtType;
use cxx_qt_lib::{QList, QModelIndex, QString, QVariant};
use model::{ChangeCounts, Condition, Position, Row, SnapshotId, State, Step};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is shown.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) state: Arc<State>,
    pub(super) rows: Vec<Row>,
    /// Off the list already, to be deleted soon.
    pub(super) leaving: BTreeSet<SnapshotId>,
    today: NaiveDate,
    /// The state that the rows were made from, by which a change of time alone is known.
    busy: bool,
}

impl List {
    /// One value of one line.
    pub(super) fn data(&self, at: usize, role: i32) -> QVariant {
        match self.rows.get(at) {
            Some(Row::Available) => self.available(role),
            Some(Row::Snapshot(position, id)) => self.line(*position, id.0, role),
            None => QVariant::default(),
        }
    }

    /// One value of one snapshot.
    pub(super) fn value(&self, id: SnapshotId, role: i32) -> QVariant {
        self.line(model::position(&self.state, id), id, role)
    }

    fn available(&self, role: i32) -> QVariant {
        let set = &self.state.updates.set;
        match role {
            role::POSITION | role::SECTION => value::text("available"),
            role::PACKAGES => (&value::count(set.packages.len())).into(),
            role::SECURITY => (&value::count(set.security_count())).into(),
            role::TIME => (&value::milliseconds(self.state.updates.succeeded)).into(),
            role::NUMBER | role::PREVIOUS => (&0).into(),
            role::DEFAULT | role::PINNED | role::IN_PROGRESS | role::DAMAGED => (&false).into(),
            _ => value::text(""),
        }
    }

    fn line(&self, position: Position, id: SnapshotId, role: i32) -> QVariant {
        let state = &*self.state;
        let Some(snapshot) = state.snapshots.get(&id) else {
            return QVariant::default();
        };
        match role {
            role::NUMBER => (&value::number(Some(id))).into(),
            role::POSITION => value::text(position.as_str()),
            role::SECTION => match position {
                Position::Earlier => value::text(&date::group(date::day(snapshot.time), self.today)),
                _ => value::text(position.as_str()),
            },
            role::DESCRIPTION => value::text(&snapshot.description),
            role::TIME => (&value::milliseconds(Some(snapshot.time))).into(),
            role::KIND => value::text(snapshot.kind.as_str()),
            role::DEFAULT => (&(state.default == Some(id))).into(),
            role::PINNED => (&snapshot.is_pinned()).into(),
            role::IN_PROGRESS => (&snapshot.is_in_progress()).into(),
            role::DAMAGED => (&(snapshot.condition != Condition::Complete)).into(),
            role::CLEANUP => value::text(&snapshot.cleanup.0),
            role::PREVIOUS => (&value::number(model::predecessor(state, id))).into(),
            role::PACKAGES | role::SECURITY => (&0).into(),
            role::ROLLBACK_REFUSAL => (&value::refusal(state.may_roll_back(id))).into(),
            role::DELETE_REFUSAL => (&value::refusal(state.may_delete(id))).into(),
            role::CHANGES => value::text(&state.counts.get(&id).map(ChangeCounts::signs).unwrap_or_default()),
            role::EDIT_REFUSAL => (&value::refusal(state.may_edit(id))).into(),
            _ => QVariant::default(),
        }
    }

    /// The rows that a state and a filter make.
    fn rows_of(&self, state: &State, filter: &QString) -> Vec<Row> {
        let mut rows = model::rows(state, &filter.to_string());
        rows.retain(|row| row.snapshot().is_none_or(|id| !self.leaving.contains(&id)));
        rows
    }

    /// The places whose values differ although the row is the same, as ranges; all of them when what differs is true
    /// of every row.
    fn touched(&self, old: &State, all: bool) -> Vec<(usize, usize)> {
        let differs = |row: &Row| match row {
            Row::Available => old.updates != self.state.updates,
            Row::Snapshot(_, id) => {
                old.snapshots.get(&id.0) != self.state.snapshots.get(&id.0)
                    || old.counts.get(&id.0) != self.state.counts.get(&id.0)
            }
        };
        let mut ranges = Vec::<(usize, usize)>::new();
        for at in (0..self.rows.len()).filter(|at| all || differs(&self.rows[*at])) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == at => *last = at,
                _ => ranges.push((at, at)),
            }
        }
        ranges
    }
}

impl SnapshotModel {
    /// Takes over a state: rows that are gone go, new ones come, changed ones are told of.
    pub(super) fn show(mut self: Pin<&mut Self>, state: Arc<State>) {
        let wanted = self.list.rows_of(&state, &self.filter);
        let steps = model::steps(&self.list.rows, &wanted);
        let old = std::mem::replace(&mut self.as_mut().rust_mut().list.state, state);
        let root = QModelIndex::default();
        for step in steps {
            match step {
                Step::Remove(range) => {
                    self.as_mut()
                        .begin_remove_rows(&root, rows::row(range.start), rows::row(range.end - 1));
                    self.as_mut().rust_mut().list.rows.drain(range);
                    self.as_mut().end_remove_rows();
                }
                Step::Insert(range) => {
                    self.as_mut()
                        .begin_insert_rows(&root, rows::row(range.start), rows::row(range.end - 1));
                    let new = wanted[range.clone()].iter().copied();
                    self.as_mut()
                        .rust_mut()
                        .list
                        .rows
                        .splice(range.start..range.start, new);
                    self.as_mut().end_insert_rows();
                }
            }
        }
        self.as_mut().tell(&old);
        let (count, total) = (self.list.rows.len(), self.list.state.snapshots.len());
        publish!(self, count, count_changed, value::count(count));
        publish!(self, total, total_changed, value::count(total));
        let leaving = self.list.leaving.len();
        publish!(self, deleting, deleting_changed, value::count(leaving));
        let revision = self.revision.wrapping_add(1);
        publish!(self, revision, revision_changed, revision);
    }

    /// Tells of rows whose values changed.
    fn tell(mut self: Pin<&mut Self>, old: &State) {
        let today = date::day(date::now());
        let busy = self.list.state.working().is_some();
        let state = self.list.state.clone();
        let all = (today, busy) != (self.list.today, self.list.busy)
            || old.default != state.default
            || old.booted != state.booted
            || old.capabilities != state.capabilities;
        let mut this = self.as_mut().rust_mut();
        (this.list.today, this.list.busy) = (today, busy);
        let root = QModelIndex::default();
        for (first, last) in self.list.touched(old, all) {
            let first = self.index(rows::row(first), 0, &root);
            let last = self.index(rows::row(last), 0, &root);
            self.as_mut().data_changed(&first, &last, &QList::default());
        }
    }
}
