// SPDX-License-Identifier: GPL-3.0-or-later
//! What QML sees of Rust: one object a file, each a thin translation of `model` values.
#![expect(
    unsafe_code,
    unreachable_pub,
    reason = "what cxx-qt generates is public, and declares what it binds in unsafe extern blocks"
)]

pub(crate) mod agent;
pub(crate) mod app;
mod calls;
pub(crate) mod changelog;
pub(crate) mod clean_up;
mod date;
pub(crate) mod file_history;
pub(crate) mod file_model;
pub(crate) mod glue;
pub(crate) mod history_model;
pub(crate) mod job;
pub(crate) mod package_model;
pub(crate) mod question;
pub(crate) mod room;
mod row_model;
mod rows;
pub(crate) mod selection;
pub(crate) mod settings;
pub(crate) mod snapshot_model;
pub(crate) mod text_comparison;
mod value;

/// Sets a property's value and tells QML, when it is another one.
macro_rules! publish {
    ($object:expr, $field:ident, $changed:ident, $value:expr) => {{
        let value = $value;
        if $object.$field != value {
            $object.as_mut().rust_mut().$field = value;
            $object.as_mut().$changed();
        }
    }};
}
pub(crate) use publish;
