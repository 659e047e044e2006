// SPDX-License-Identifier: GPL-3.0-or-later
//! The root service between the bus and the engine.
//!
//! A call is answered in this order: arguments within their bounds, the model's rules (so that nobody types a password
//! only to read "busy"), polkit, the rules again under the lock that starts the job. Work is a job with an object of
//! its own; its client may go away. [`serve`] puts the objects on a connection; `main.rs` chooses engine, bus and
//! authority. It is a library so that tests can serve it with a machine in memory and an authority that counts.
//!
//! Deliberately absent: decisions about snapshots (the engine's), presentation (the faces'), and anything that would
//! run a path, command or package name that came over the bus.

mod authority;
mod begin;
mod bisect;
mod bus;
mod checked;
mod clean_up;
mod counts;
mod emit;
mod error;
mod idle;
mod inhibit;
mod jobs;
mod log;
mod outcome;
mod policy;
mod receipt;
mod recover;
mod service;
mod store;
mod stream;
mod watch;

pub use authority::{Authority, Caller, Everyone, Polkit};
pub use service::{PATIENCE, Served, Setup, serve};
