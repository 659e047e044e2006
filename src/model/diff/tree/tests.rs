// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::{Aspects, FileChangeKind, FileKind, PathText};

fn files(paths: &[&str]) -> Files {
    let mut files = Files::default();
    for path in paths {
        let change = FileChange {
            path: (*path).into(),
            kind: FileChangeKind::Changed,
            file: FileKind::Regular,
            aspects: Aspects::CONTENT,
            from: None,
        };
        files.push(&change).unwrap();
    }
    files.sort();
    files
}

fn shown(tree: &FileTree, files: &Files) -> Vec<String> {
    let line = |row: FileRow| {
        let name = match &row.kind {
            FileRowKind::Package(name) => name.clone().unwrap_or("-".into()),
            FileRowKind::More(left) => format!("+{left}"),
            _ => PathText(&row.name).to_string(),
        };
        let below = row.below.total();
        format!("{}{name}:{below}", " ".repeat(row.depth.into()))
    };
    tree.rows(files).into_iter().map(line).collect()
}

fn toggle(tree: &mut FileTree, files: &Files, at: usize) {
    let row = tree.rows(files).swap_remove(at);
    tree.toggle(&row);
}

#[test]
fn only_what_is_unfolded_is_shown_and_lonely_directories_are_one_line() {
    let files = files(&[
        "usr/lib/mesa/a",
        "usr/lib/mesa/b",
        "usr/lib/mesa/dri/x",
        "etc/issue",
        "vmlinuz",
    ]);
    let mut tree = FileTree::default();
    assert_eq!(shown(&tree, &files), ["etc:1", "usr/lib/mesa:3", "vmlinuz:0"]);
    toggle(&mut tree, &files, 1);
    let open = ["etc:1", "usr/lib/mesa:3", " a:0", " b:0", " dri:1", "vmlinuz:0"];
    assert_eq!(shown(&tree, &files), open);
    toggle(&mut tree, &files, 1);
    assert_eq!(shown(&tree, &files).len(), 3);
}

#[test]
fn packages_hold_their_files_and_a_filter_finds_plain_paths() {
    let mut files = files(&["usr/lib/a", "usr/lib/b", "etc/issue"]);
    files.set_owner("mesa", &[0, 1]);
    let mut tree = FileTree::default();
    assert!(tree.set_fold(FileFold::Packages) && !tree.set_fold(FileFold::Packages));
    assert_eq!(shown(&tree, &files), ["mesa:2", "-:1"]);
    toggle(&mut tree, &files, 0);
    assert_eq!(
        shown(&tree, &files),
        ["mesa:2", " usr/lib/a:0", " usr/lib/b:0", "-:1"]
    );
    assert!(tree.set_filter(b"ISSUE"));
    assert_eq!(shown(&tree, &files), ["-:1"]);
    tree.set_fold(FileFold::Directories);
    assert_eq!(shown(&tree, &files), ["etc/issue:0"]);
}

#[test]
fn a_large_directory_is_shown_piece_by_piece() {
    let paths: Vec<String> = (0..1300).map(|number| format!("d/{number:04}")).collect();
    let files = files(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    let mut tree = FileTree::default();
    toggle(&mut tree, &files, 0);
    for (lines, last) in [(502, " +800:0"), (1002, " +300:0"), (1301, " 1299:0")] {
        let rows = shown(&tree, &files);
        assert_eq!((rows.len(), rows.last().map(String::as_str)), (lines, Some(last)));
        toggle(&mut tree, &files, lines - 1);
    }
}

#[test]
fn what_comes_later_finds_its_place_and_keeps_its_number() {
    let mut files = files(&["b/x", "d"]);
    let late = FileChange {
        path: b"a".to_vec(),
        kind: FileChangeKind::Created,
        file: FileKind::Regular,
        aspects: Aspects::none(),
        from: None,
    };
    assert_eq!(files.push(&late), Some(2));
    assert_eq!(shown(&FileTree::default(), &files), ["b:1", "d:0"]);
    files.sort();
    files.set_owner("late", &[2]);
    assert_eq!(shown(&FileTree::default(), &files), ["a:0", "b:1", "d:0"]);
    let owners: Vec<Option<&str>> = files.iter().map(|(_, owner)| owner).collect();
    assert_eq!(owners, [Some("late"), None, None]);
}
