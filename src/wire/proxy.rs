// SPDX-License-Identifier: GPL-3.0-or-later
//! The client's side of each interface.

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

pub use bisect::BisectProxy;
pub use boot::BootProxy;
pub use changes::ChangesProxy;
pub use files::FilesProxy;
pub use history::HistoryProxy;
pub use job::{JobProxy, LogStream};
pub use manager::ManagerProxy;
pub use packages::PackagesProxy;
pub use platform::PlatformProxy;
pub use settings::SettingsProxy;
pub use snapshots::SnapshotsProxy;
pub use space::SpaceProxy;
pub use updates::UpdatesProxy;
