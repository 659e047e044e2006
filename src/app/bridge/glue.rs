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
        #[rust_name = "file_option"]
        fn fileOption() -> QString;
        #[rust_name = "directory_address"]
        fn directoryAddress(directory: i32, snapshot: i32) -> QString;
        #[rust_name = "user_name"]
        fn userName(uid: u32) -> QString;
        #[rust_name = "copy_text"]
        fn copyText(text: &QString);
        #[rust_name = "taste_of"]
        fn tasteOf(group: &QString, key: &QString) -> bool;
        #[rust_name = "set_taste"]
        fn setTaste(group: &QString, key: &QString, value: bool);
        fn load(engine: Pin<&mut QQmlApplicationEngine>) -> bool;
    }
}

pub(crate) use ffi::{
    after_app, before_app, bus_option, copy_text, directory_address, file_option, load, page_option,
    set_taste, taste_of, user_name,
};
