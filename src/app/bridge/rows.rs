// SPDX-License-Identifier: GPL-3.0-or-later
//! What every list model answers alike: the names of its roles, how many rows it has, and which one is meant.

use super::value;
use cxx_qt_lib::{QByteArray, QHash, QHashPair_i32_QByteArray, QModelIndex};

/// Roles with their names in QML, from `Qt::UserRole` up.
pub(super) type Roles = [(i32, &'static str)];

/// The answer to `roleNames`.
pub(super) fn names(roles: &Roles) -> QHash<QHashPair_i32_QByteArray> {
    let mut names = QHash::<QHashPair_i32_QByteArray>::default();
    for (role, name) in roles {
        names.insert(*role, QByteArray::from(*name));
    }
    names
}

/// The name of a role; none for a number that is no role.
pub(super) fn name(roles: &Roles, role: i32) -> Option<&'static str> {
    roles.iter().find(|(it, _)| *it == role).map(|(_, name)| *name)
}

/// The answer to `rowCount`: a list has no rows below a row.
pub(super) fn count(parent: &QModelIndex, rows: usize) -> i32 {
    if parent.is_valid() { 0 } else { value::count(rows) }
}

/// The place in a list that an index means, for `Vec::get`.
pub(super) fn place(index: &QModelIndex) -> usize {
    // A row below zero is none, and so is one past every list.
    usize::try_from(index.row()).unwrap_or(usize::MAX)
}

/// A place in a list as Qt counts.
pub(super) fn row(place: usize) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}
