// SPDX-License-Identifier: GPL-3.0-or-later
//! Compiles the bridges and the QML module, and links the parts of KDE Frameworks that the glue uses.

#![expect(unsafe_code, reason = "cxx-qt-build marks access to the C++ compiler so")]

use cxx_qt_build::{CxxQtBuilder, QmlFile, QmlModule};
use std::path::{Path, PathBuf};

const URI: &str = "org.kedge.app";

/// The packages, and the targets of each that the glue includes.
const FRAMEWORKS: &[(&str, &[&str])] = &[
    ("KF6Config", &["KF6::ConfigCore"]),
    ("KF6CoreAddons", &["KF6::CoreAddons"]),
    ("KF6Crash", &["KF6::Crash"]),
    ("KF6DBusAddons", &["KF6::DBusAddons"]),
    ("KF6I18n", &["KF6::I18n", "KF6::I18nQml"]),
    ("KF6IconThemes", &["KF6::IconThemes"]),
    ("KF6WindowSystem", &["KF6::WindowSystem"]),
];

/// The files that declare what QML sees. They are listed, not looked for: a watched directory would compile all the C++
/// again for every edit in a file beside them.
const BRIDGES: [&str; 16] = [
    "bridge/agent.rs",
    "bridge/app.rs",
    "bridge/changelog.rs",
    "bridge/clean_up.rs",
    "bridge/file_history.rs",
    "bridge/file_model.rs",
    "bridge/glue.rs",
    "bridge/history_model.rs",
    "bridge/job.rs",
    "bridge/package_model.rs",
    "bridge/question.rs",
    "bridge/room.rs",
    "bridge/selection.rs",
    "bridge/settings.rs",
    "bridge/snapshot_model.rs",
    "bridge/text_comparison.rs",
];

fn main() {
    let include_dirs = link_frameworks();
    let module = QmlModule::new(URI)
        .depends(["QtQuick", "org.kde.kirigami"])
        .qml_files(qml_files());
    let builder = CxxQtBuilder::new_qml_module(module)
        .files(BRIDGES)
        // Only cpp/ holds headers; with the whole crate as include root every edit would compile all the C++ again.
        .crate_include_root(Some("cpp".to_owned()))
        .cpp_file("cpp/kde.cpp")
        .cpp_file("cpp/rows.cpp")
        .cpp_file("cpp/rows.h")
        .cpp_file("cpp/window.h")
        .qt_module("DBus")
        .qt_module("Quick")
        .qt_module("QuickControls2")
        .qt_module("Widgets");
    // SAFETY: adds include directories and nothing else, so the generated code stays what cxx-qt made it.
    let builder = unsafe {
        builder.cc_builder(move |cc| {
            for dir in &include_dirs {
                cc.flag(format!("-isystem{dir}"));
            }
        })
    };
    builder.build();
}

/// Links the frameworks and returns their include directories.
fn link_frameworks() -> Vec<String> {
    let mut include_dirs = Vec::new();
    for (package, targets) in FRAMEWORKS {
        let found = cmake_package::find_package(*package)
            .find()
            .unwrap_or_else(|error| panic!("{package} was not found: {error:?}"));
        for name in *targets {
            let target = found
                .target(*name)
                .unwrap_or_else(|| panic!("{package} has no target {name}"));
            target.link();
            // cmake also reports /usr/include and Qt's own directories: the first as -isystem breaks <cmath>.
            let dirs = target.include_directories.into_iter();
            include_dirs.extend(dirs.filter(|dir| dir.contains("/KF6")));
        }
    }
    include_dirs
}

/// Every QML file below qml/, the singletons marked as such.
fn qml_files() -> Vec<QmlFile> {
    files_below(Path::new("qml"), "qml")
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let singleton = text.lines().any(|line| line == "pragma Singleton");
            QmlFile::from(path).singleton(singleton)
        })
        .collect()
}

/// The files below a directory with an extension, sorted so that a build is like the one before. Directories are
/// watched so that a new file is seen.
fn files_below(dir: &Path, extension: &str) -> Vec<PathBuf> {
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut files = Vec::new();
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}
