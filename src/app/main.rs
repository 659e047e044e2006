// SPDX-License-Identifier: GPL-3.0-or-later
//! The window. Rust keeps the truth (`model::State`, by `client`), QML draws it, the bridges between them translate.
//!
//! Deliberately absent: rules about snapshots (`model`), talk with the bus (`client`) and sentences for people (QML).

mod bridge;
mod runtime;

use bridge::glue;
use cxx_qt_lib::{QQmlApplicationEngine, QString};
use cxx_qt_lib_extras::QApplication;
use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    glue::before_app();
    // QApplication rather than QGuiApplication: the desktop style paints with the widget style.
    let mut app = QApplication::new();
    glue::after_app(&QString::from(env!("CARGO_PKG_VERSION")));
    if let Err(error) = runtime::start(runtime::bus(&glue::bus_option())) {
        tracing::error!("the runtime could not be started: {error}");
        return ExitCode::FAILURE;
    }
    let mut engine = QQmlApplicationEngine::new();
    if !glue::load(engine.pin_mut()) {
        return ExitCode::FAILURE;
    }
    let code = app.pin_mut().exec();
    // The engine and every object in it go before the application.
    drop(engine);
    drop(app);
    u8::try_from(code).map_or(ExitCode::FAILURE, Into::into)
}
