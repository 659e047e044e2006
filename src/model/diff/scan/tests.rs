// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::{Aspects, FileKind, PathText};
use proptest::prelude::*;

/// Changes with the places of their packages, in the order in which they came.
type Files = Vec<(FileChange, u32)>;

fn change(path: &str, kind: FileChangeKind) -> FileChange {
    FileChange {
        path: path.into(),
        kind,
        file: FileKind::Regular,
        aspects: Aspects::none(),
        from: None,
    }
}

fn files(paths: &[&str]) -> Files {
    let changed = |path: &&str| (change(path, FileChangeKind::Changed), 0);
    paths.iter().map(changed).collect()
}

fn rows(tree: &FileTree, files: &Files) -> Vec<FileRow> {
    let packages = ["mesa".to_owned(), "curl".to_owned()];
    let mut scan = FileScan::new(tree, &packages);
    for (change, owner) in files {
        scan.take(change.into(), *owner);
    }
    let (rows, counts) = scan.rows();
    assert_eq!(counts.total() as usize, files.len());
    rows
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
    rows(tree, files).into_iter().map(line).collect()
}

fn toggle(tree: &mut FileTree, files: &Files, at: usize) {
    let row = rows(tree, files).swap_remove(at);
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
    let mut files = files(&["usr/lib/b", "usr/lib/a", "etc/issue"]);
    files[0].1 = 1;
    files[1].1 = 1;
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
fn a_file_that_became_a_directory_is_one_line_with_what_came_of_it() {
    let mut files = files(&["a/b/x", "a/b/y", "a"]);
    files[2].0.kind = FileChangeKind::Created;
    files.push((change("a", FileChangeKind::Deleted), 0));
    let rows = rows(&FileTree::default(), &files);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].change.as_ref().map(|it| it.kind),
        Some(FileChangeKind::Deleted)
    );
    assert_eq!(
        (rows[0].kind.clone(), rows[0].below.changed),
        (FileRowKind::Directory, 2)
    );
}

/// The lines of one level by the plain way: everything in memory, sorted, and looked through again for each directory.
fn plainly(files: &[&FileChange], tree: &FileTree, path: &[u8], depth: u16, rows: &mut Vec<FileRow>) {
    let prefix = if path.is_empty() {
        Vec::new()
    } else {
        [path, b"/"].concat()
    };
    let below: Vec<&FileChange> = files
        .iter()
        .copied()
        .filter(|it| it.path.starts_with(&prefix))
        .collect();
    let name = |it: &FileChange| {
        it.path[prefix.len()..]
            .split(|byte| *byte == b'/')
            .next()
            .unwrap()
            .to_vec()
    };
    let mut names: Vec<Vec<u8>> = below.iter().map(|it| name(it)).collect();
    names.sort();
    names.dedup();
    let mut left = below.len();
    for name in names.into_iter().take(tree.limit(path)) {
        let mut entry = [&prefix[..], &name].concat();
        let at = |entry: &[u8]| -> Vec<FileChange> {
            let own = below.iter().filter(|it| it.path == entry).map(|it| (*it).clone());
            let mut own: Vec<FileChange> = own.collect();
            own.sort_by_key(|it| it.kind);
            own
        };
        let inside = |entry: &[u8]| -> Vec<&FileChange> {
            let slash = [entry, b"/"].concat();
            let inside = below.iter().copied().filter(|it| it.path.starts_with(&slash));
            inside.collect()
        };
        left -= at(&entry).len() + inside(&entry).len();
        if inside(&entry).is_empty() {
            rows.extend(at(&entry).into_iter().map(|it| file(b"", path, it, depth)));
            continue;
        }
        while at(&entry).is_empty() {
            let steps = inside(&entry).into_iter().map(|it| {
                let rest = it.path[entry.len() + 1..].split(|byte| *byte == b'/');
                rest.into_iter().next().unwrap().to_vec()
            });
            let mut steps: Vec<Vec<u8>> = steps.collect();
            steps.sort();
            steps.dedup();
            let next = [&entry[..], b"/", &steps[0]].concat();
            if steps.len() > 1 || inside(&next).is_empty() {
                break;
            }
            entry = next;
        }
        let mut counts = Counts::default();
        inside(&entry).iter().for_each(|it| counts.add(it.kind));
        let is_open = tree.open().contains(&entry);
        rows.push(FileRow {
            key: entry.clone(),
            kind: FileRowKind::Directory,
            depth,
            name: name_below(&entry, path),
            change: at(&entry).pop(),
            below: counts,
            is_open,
        });
        if is_open {
            plainly(files, tree, &entry, depth + 1, rows);
        }
    }
    rows.extend(more(path, left, depth));
}

fn any_files() -> impl Strategy<Value = Files> {
    // Few names of few letters, one of which sorts before the slash: so that directories, files and prefixes collide.
    let path = proptest::collection::vec("[ab.-]{1,2}", 1..5).prop_map(|names| names.join("/"));
    let kind = proptest::sample::select(FileChangeKind::ALL);
    let one = (path, kind, 0_u32..3).prop_map(|(path, kind, owner)| (change(&path, kind), owner));
    proptest::collection::vec(one, 0..40).prop_map(|mut files| {
        // A path has at most one change of a kind.
        let mut seen = std::collections::BTreeSet::new();
        files.retain(|(it, _)| seen.insert((it.path.clone(), it.kind)));
        files
    })
}

proptest! {
    #[test]
    fn one_look_shows_what_a_sorted_list_would(files in any_files(), toggles in proptest::collection::vec(0_usize..30, 0..6), filter in "[ab]{1,2}") {
        let changes: Vec<&FileChange> = files.iter().map(|(change, _)| change).collect();
        let mut tree = FileTree::default();
        for at in toggles.into_iter().map(Some).chain([None]) {
            let mut expected = Vec::new();
            plainly(&changes, &tree, b"", 0, &mut expected);
            let lines = rows(&tree, &files);
            prop_assert_eq!(&lines, &expected);
            if let Some(row) = at.and_then(|at| lines.get(at)) {
                tree.toggle(row);
            }
        }
        let mut sorted: Vec<&(FileChange, u32)> = files.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| tree_order(&a.path, &b.path).then(a.kind.cmp(&b.kind)));
        sorted.retain(|(it, _)| contains(&it.path, filter.as_bytes()));
        tree.set_filter(filter.as_bytes());
        let found: Vec<FileRow> = sorted.iter().map(|(it, _)| file(b"", &[], it.clone(), 0)).collect();
        prop_assert_eq!(rows(&tree, &files), found);
        tree.set_fold(FileFold::Packages);
        for owner in 0..3 {
            let key = package_key(["", "mesa", "curl"][owner as usize]);
            let own: Vec<_> = sorted.iter().filter(|(_, it)| *it == owner).collect();
            let line = rows(&tree, &files).into_iter().find(|row| row.key == key);
            prop_assert_eq!(line.as_ref().map_or(0, |row| row.below.total() as usize), own.len());
            let Some(line) = line else { continue };
            tree.toggle(&line);
            let open: Vec<FileRow> = rows(&tree, &files).into_iter().skip_while(|row| row.key != key).collect();
            let expected: Vec<FileRow> = own.iter().map(|(it, _)| file(&key, &[], it.clone(), 1)).collect();
            prop_assert_eq!(&open[1..=own.len()], &expected[..]);
            tree.toggle(&line);
        }
    }
}
