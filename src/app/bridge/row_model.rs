// SPDX-License-Identifier: GPL-3.0-or-later
//! Rows of the models that stand on `RowModel` of `cpp/rows.h`: how one list becomes another, so that what stays keeps its
//! place.

use super::value;
use cxx_qt_lib::{QList, QString, QStringList, QVariant};
use std::collections::BTreeSet;
use std::ops::Range;

/// A row of such a model.
pub(super) trait Row: PartialEq {
    /// By what it is known again.
    type Key: Ord + ?Sized;

    /// Its key; no two rows of a list share one.
    fn key(&self) -> &Self::Key;

    /// The values of all roles.
    fn values(&self) -> Vec<QVariant>;
}

/// One call of the model.
pub(super) enum Step {
    /// `splice`.
    Splice(i32, i32, QList<QVariant>),
    /// `rewrite`.
    Rewrite(i32, QList<QVariant>),
}

/// Names of roles.
pub(super) fn roles(names: &[&str]) -> QStringList {
    names.iter().map(|name| QString::from(*name)).collect()
}

fn values<R: Row>(rows: &[R]) -> QList<QVariant> {
    let mut list = QList::default();
    for value in rows.iter().flat_map(Row::values) {
        list.append(value);
    }
    list
}

/// The calls that turn one list into another. Rows that change places are taken out and put in again, all of them.
pub(super) fn steps<R: Row>(old: &[R], new: &[R]) -> Vec<Step> {
    let before: BTreeSet<&R::Key> = old.iter().map(Row::key).collect();
    let after: BTreeSet<&R::Key> = new.iter().map(Row::key).collect();
    let stay = old.iter().filter(|row| after.contains(row.key()));
    let known = new.iter().filter(|row| before.contains(row.key()));
    if !stay.clone().map(Row::key).eq(known.map(Row::key)) {
        return vec![Step::Splice(0, value::count(old.len()), values(new))];
    }
    let mut steps = Vec::new();
    for gone in ranges(old, |row| !after.contains(row.key())).into_iter().rev() {
        let count = value::count(gone.len());
        steps.push(Step::Splice(value::count(gone.start), count, QList::default()));
    }
    for come in ranges(new, |row| !before.contains(row.key())) {
        let rows = new.get(come.clone()).unwrap_or_default();
        steps.push(Step::Splice(value::count(come.start), 0, values(rows)));
    }
    let mut stay = stay;
    let differs = |row: &R| before.contains(row.key()) && stay.next().is_some_and(|old| old != row);
    for changed in ranges(new, differs) {
        let rows = new.get(changed.clone()).unwrap_or_default();
        steps.push(Step::Rewrite(value::count(changed.start), values(rows)));
    }
    steps
}

/// The stretches of rows of which something is true.
fn ranges<R>(rows: &[R], mut is: impl FnMut(&R) -> bool) -> Vec<Range<usize>> {
    let mut ranges = Vec::<Range<usize>>::new();
    for (at, row) in rows.iter().enumerate() {
        if !is(row) {
            continue;
        }
        match ranges.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => ranges.push(at..at + 1),
        }
    }
    ranges
}

/// Shows other rows in a model that keeps them in its field `rows`.
macro_rules! show_rows {
    ($object:expr, $rows:expr) => {{
        let rows: Vec<_> = $rows;
        let steps = $crate::bridge::row_model::steps(&$object.rows, &rows);
        $object.as_mut().rust_mut().rows = rows;
        for step in steps {
            match step {
                $crate::bridge::row_model::Step::Splice(at, removed, values) => {
                    $object.as_mut().splice(at, removed, &values);
                }
                $crate::bridge::row_model::Step::Rewrite(at, values) => {
                    $object.as_mut().rewrite(at, &values);
                }
            }
        }
    }};
}
pub(super) use show_rows;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Line(&'static str, i32);

    impl Row for Line {
        type Key = str;

        fn key(&self) -> &str {
            self.0
        }

        fn values(&self) -> Vec<QVariant> {
            vec![QVariant::from(&QString::from(self.0)), QVariant::from(&self.1)]
        }
    }

    /// Plays the steps on a list of pairs, as the model does.
    fn played(old: &[Line], new: &[Line]) -> (Vec<(String, i32)>, usize) {
        let pairs = |values: &QList<QVariant>| {
            let all: Vec<QVariant> = values.iter().cloned().collect();
            let pair = |it: &[QVariant]| {
                let name = it[0].value::<QString>().unwrap_or_default().to_string();
                (name, it[1].value::<i32>().unwrap_or_default())
            };
            all.chunks(2).map(pair).collect::<Vec<_>>()
        };
        let mut list = pairs(&values(old));
        let steps = steps(old, new);
        let count = steps.len();
        for step in steps {
            match step {
                Step::Splice(at, removed, values) => {
                    let at = at as usize;
                    list.splice(at..at + removed as usize, pairs(&values));
                }
                Step::Rewrite(at, values) => {
                    for (row, pair) in pairs(&values).into_iter().enumerate() {
                        list[at as usize + row] = pair;
                    }
                }
            }
        }
        (list, count)
    }

    #[test]
    fn the_steps_lead_from_one_list_to_the_other() {
        let lists = [
            vec![],
            vec![Line("a", 1), Line("b", 1), Line("c", 1)],
            vec![Line("a", 2), Line("x", 1), Line("c", 1), Line("d", 1)],
            vec![Line("c", 1), Line("a", 1)],
        ];
        for old in &lists {
            for new in &lists {
                let expected: Vec<_> = new.iter().map(|it| (it.0.to_owned(), it.1)).collect();
                assert_eq!(played(old, new).0, expected);
            }
        }
    }

    #[test]
    fn rows_that_stay_are_left_alone() {
        let old = [Line("a", 1), Line("b", 1), Line("c", 1)];
        let new = [Line("a", 1), Line("b", 1), Line("b2", 1), Line("c", 1)];
        assert_eq!(played(&old, &new).1, 1);
        assert_eq!(played(&old, &old).1, 0);
    }
}
