// SPDX-License-Identifier: GPL-3.0-or-later
//! Roles of the timeline's lines, from `Qt::UserRole` up: a `#[qenum]` of cxx-qt 0.10 takes no numbers.

use super::super::rows::Roles;

pub(super) const NUMBER: i32 = 0x101;
pub(super) const POSITION: i32 = 0x102;
pub(super) const SECTION: i32 = 0x103;
pub(super) const DESCRIPTION: i32 = 0x104;
pub(super) const TIME: i32 = 0x105;
pub(super) const KIND: i32 = 0x106;
pub(super) const DEFAULT: i32 = 0x107;
pub(super) const PINNED: i32 = 0x108;
pub(super) const IN_PROGRESS: i32 = 0x109;
pub(super) const DAMAGED: i32 = 0x10a;
pub(super) const CLEANUP: i32 = 0x10b;
pub(super) const PREVIOUS: i32 = 0x10c;
pub(super) const PACKAGES: i32 = 0x10d;
pub(super) const SECURITY: i32 = 0x10e;
pub(super) const ROLLBACK_REFUSAL: i32 = 0x10f;
pub(super) const DELETE_REFUSAL: i32 = 0x110;
pub(super) const EDIT_REFUSAL: i32 = 0x111;
pub(super) const CHANGES: i32 = 0x1f0;

/// Their names in QML.
pub(super) const NAMES: &Roles = &[
    (NUMBER, "number"),
    (POSITION, "position"),
    (SECTION, "section"),
    (DESCRIPTION, "description"),
    (TIME, "time"),
    (KIND, "kind"),
    (DEFAULT, "isDefault"),
    (PINNED, "pinned"),
    (IN_PROGRESS, "inProgress"),
    (DAMAGED, "damaged"),
    (CLEANUP, "cleanup"),
    (PREVIOUS, "previous"),
    (PACKAGES, "packages"),
    (SECURITY, "security"),
    (ROLLBACK_REFUSAL, "rollbackRefusal"),
    (DELETE_REFUSAL, "deleteRefusal"),
    (EDIT_REFUSAL, "editRefusal"),
    (CHANGES, "changes"),
];
