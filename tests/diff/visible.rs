// SPDX-License-Identifier: GPL-3.0-or-later
//! Names are for those who could list them.

use crate::Case;
use crate::stage::Stage;
use engine::{Engine as _, Viewer};
use model::{FileChangeKind, PathText};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};

pub(crate) const CASES: &[Case] = &[("visible::names_in_closed_directories_are_hidden", hidden)];

fn hidden() {
    let stage = Stage::new(300);
    let live = stage.subvolume("live");
    for (path, mode, owner) in [
        ("root", 0o700, 0),
        ("root/deep", 0o755, 0),
        ("home", 0o755, 0),
        ("home/anna", 0o700, 1000),
        ("home/deniz", 0o711, 1001),
        ("open", 0o755, 0),
    ] {
        fs::create_dir(live.join(path)).unwrap();
        fs::set_permissions(live.join(path), fs::Permissions::from_mode(mode)).unwrap();
        chown(live.join(path), Some(owner), Some(owner)).unwrap();
        fs::write(live.join(path).join("file"), "one").unwrap();
    }
    let one = stage.snapshot(&live);
    for path in ["root", "root/deep", "home/anna", "home/deniz", "open"] {
        fs::write(live.join(path).join("new"), "two").unwrap();
    }
    fs::rename(live.join("open/file"), live.join("root/taken")).unwrap();
    fs::rename(live.join("home/anna/file"), live.join("open/given")).unwrap();
    fs::rename(live.join("root/deep"), live.join("root/deeper")).unwrap();
    let two = stage.snapshot(&live);
    let told = |from, to, viewer| -> Vec<String> {
        let rows = stage.changes_for(from, to, viewer);
        rows.iter()
            .map(|row| format!("{} {}", row.kind, PathText(&row.path)))
            .collect()
    };
    let expected = [
        "hidden home/anna",
        "hidden home/deniz",
        "deleted open/file",
        "created open/given",
        "created open/new",
        "hidden root",
    ];
    assert_eq!(told(one, two, Viewer::User(4711)), expected);
    let of_anna = told(one, two, Viewer::User(1000));
    assert!(
        of_anna.contains(&"created home/anna/new".to_owned())
            && of_anna.contains(&"renamed open/given".to_owned())
    );
    assert!(of_anna.contains(&"hidden root".to_owned()));
    // The other way, where the closed ones lose names.
    let back = told(two, one, Viewer::User(4711));
    assert!(back.contains(&"hidden root".to_owned()) && !back.iter().any(|row| row.contains("taken")));
    let all = stage.changes(one, two);
    assert!(all.iter().all(|row| row.kind != FileChangeKind::Hidden) && all.len() == 8);
    assert_eq!(stage.changes_for(one, two, Viewer::User(0)), all);
    // One file through all versions is found by those who could find it.
    let versions = |path: &[u8], viewer| stage.engine.file_versions(path, viewer).unwrap();
    assert_eq!(versions(b"root/file", Viewer::User(1000)), None);
    assert_eq!(versions(b"home/anna/new", Viewer::User(1000)).unwrap().len(), 1);
    assert_eq!(versions(b"home/anna/new", Viewer::User(1001)), None);
    assert_eq!(versions(b"root/file", Viewer::Everything).unwrap().len(), 2);
}
