// SPDX-License-Identifier: GPL-3.0-or-later
//! The C++ of `cpp/kde.h` as seen from Rust.

#[cxx_qt::bridge]
mod ffi {
    unsafe extern "C++" {
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
        include!("cxx-qt-lib/qqmlapplicationengine.h");
        type QQmlApplicationEngine = cxx_qt_lib::QQmlApplicationEngine;
    }

    #[namespace = "kedge"]
    unsafe extern "C++" {
        include!("app/kde.h");
        #[rust_name = "before_app"]
        fn beforeApp();
        #[rust_name = "after_app"]
        fn afterApp(version: &QString);
        #[rust_name = "bus_option"]
        fn busOption() -> QString;
        #[rust_name = "page_option"]
        fn pageOption() -> QString;
        fn load(engine: Pin<&mut QQmlApplicationEngine>) -> bool;
    }
}

pub(crate) use ffi::{after_app, before_app, bus_option, load, page_option};
