// SPDX-License-Identifier: GPL-3.0-or-later
//! The objects on the bus, one file an interface. They check arguments and hand on.

mod bisect;
mod boot;
mod changes;
mod files;
mod history;
mod job;
mod manager;
mod packages;
mod platform;
mod settings;
mod snapshots;
mod space;
mod updates;

pub(crate) use changes::Changes;
pub(crate) use job::JobObject;
pub(crate) use manager::Manager;
pub(crate) use snapshots::Snapshots;
pub(crate) use space::clean_up;
pub(crate) use updates::Updates;

use crate::service::Service;
use std::collections::HashMap;
use std::sync::Arc;
use zbus::OwnedVariant;
use zbus::connection::Builder;

/// Options as they arrive.
type Options = HashMap<String, OwnedVariant>;

/// Everything but jobs, whose objects come and go.
pub(crate) fn serve_at<'a>(builder: Builder<'a>, service: &Arc<Service>) -> Builder<'a> {
    let service = || Arc::clone(service);
    builder
        .serve_at(wire::name::PATH, Manager(service()))
        .serve_at(wire::name::PATH, Snapshots(service()))
        .serve_at(wire::name::PATH, Updates(service()))
        .serve_at(wire::name::PATH, packages::Packages(service()))
        .serve_at(wire::name::PATH, boot::Boot(service()))
        .serve_at(wire::name::PATH, Changes(service()))
        .serve_at(wire::name::PATH, history::History(service()))
        .serve_at(wire::name::PATH, settings::Settings(service()))
        .serve_at(wire::name::PATH, platform::Platform(service()))
        .serve_at(wire::name::PATH, space::Space(service()))
        .serve_at(wire::name::PATH, files::Files(service()))
        .serve_at(wire::name::PATH, bisect::Bisect(service()))
}
