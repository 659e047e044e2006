// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use model::{FileFold, FileRowKind};

mod memory;

fn change(number: u32) -> FileChange {
    let path = format!(
        "usr/lib/python3/dist-packages/group-{:03}/module_{number:06}_with_a_long_name.py",
        number % 300
    );
    FileChange {
        path: path.into_bytes(),
        kind: FileChangeKind::ALL[number as usize % 4],
        file: FileKind::Regular,
        aspects: Aspects::CONTENT,
        from: (number % 4 == 3).then(|| format!("old/{number}").into_bytes()),
    }
}

fn made() -> ChangeFile {
    ChangeFile::create(&[std::env::temp_dir()]).unwrap()
}

#[test]
fn three_hundred_thousand_changes_leave_the_memory_alone() {
    const ALL: u32 = 300_000;
    let (shown, most) = memory::most(|| {
        let mut files = made();
        for number in 0..ALL {
            files.push(&change(number)).unwrap();
        }
        // As the helper tells them: in frames, of which a large package has several.
        for package in 0..100 {
            let numbers: Vec<u32> = (package..ALL).step_by(100).collect();
            for numbers in numbers.chunks(1000) {
                files
                    .set_owner(&format!("package-{package:02}"), numbers)
                    .unwrap();
            }
        }
        let mut tree = FileTree::default();
        let (folded, counts) = files.rows(&tree).unwrap();
        assert_eq!((folded.len(), counts.total()), (1, ALL));
        tree.toggle(&folded[0]);
        let directories = files.rows(&tree).unwrap().0;
        assert_eq!(directories.len(), 301);
        tree.toggle(&directories[300]);
        let unfolded = files.rows(&tree).unwrap().0;
        tree.set_filter(b"MODULE_29999");
        let found = files.rows(&tree).unwrap().0;
        tree.set_filter(b"");
        tree.set_fold(FileFold::Packages);
        let packages = files.rows(&tree).unwrap().0;
        tree.toggle(&packages[7]);
        let of_package = files.rows(&tree).unwrap().0;
        [unfolded, found, packages, of_package]
    });
    let [unfolded, found, packages, of_package] = shown;
    // The thousand of the last group, of which five hundred are shown.
    assert_eq!(unfolded.len(), 301 + 500 + 1);
    assert_eq!(unfolded[801].kind, FileRowKind::More(500));
    assert_eq!(unfolded[301].change, Some(change(299)));
    let found: Vec<_> = found.into_iter().filter_map(|row| row.change).collect();
    let mut expected: Vec<_> = (299_990..ALL).map(change).collect();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(packages.len(), 100);
    assert_eq!(packages[7].kind, FileRowKind::Package(Some("package-07".into())));
    assert_eq!(packages[7].below.total(), ALL / 100);
    assert_eq!(of_package.len(), 100 + 500 + 1);
    // What is seen and a few pieces of the files: the paths alone would be 25 MB.
    assert!(most < 3 << 20, "{most} bytes at once");
}

#[test]
fn more_may_come_after_a_look() {
    let mut files = made();
    let tree = FileTree::default();
    assert!(files.rows(&tree).unwrap().0.is_empty() && files.is_empty());
    files.push(&change(7)).unwrap();
    assert_eq!(files.rows(&tree).unwrap().1.renamed, 1);
    files.push(&change(8)).unwrap();
    // A number that no change has, and one that the next will have.
    files.set_owner("a", &[1, 2, 70_000]).unwrap();
    files.push(&change(9)).unwrap();
    let mut tree = tree;
    tree.set_fold(FileFold::Packages);
    let rows = files.rows(&tree).unwrap().0;
    assert_eq!(
        rows.iter().map(|row| row.below.total()).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(files.len(), 3);
}

#[test]
fn what_came_before_the_room_ended_can_be_looked_at() {
    let mut files = made();
    files.limit = 600_000;
    let taken = (0..)
        .take_while(|number| files.push(&change(*number)).is_ok())
        .count();
    let next = u32::try_from(taken).unwrap();
    assert!(taken > 5000);
    assert!(matches!(files.push(&change(next)), Err(KeepError::Full)));
    assert_eq!(
        files.rows(&FileTree::default()).unwrap().1.total() as usize,
        taken
    );
    // The longest paths that a helper tells.
    let mut files = made();
    let long = |first: u8| FileChange {
        path: [&[first], &*vec![b'x'; model::PATH_LIMIT - 1]].concat(),
        from: Some(vec![b'y'; model::PATH_LIMIT]),
        ..change(3)
    };
    for first in b'a'..b'j' {
        files.push(&long(first)).unwrap();
    }
    let rows = files.rows(&FileTree::default()).unwrap().0;
    assert_eq!((rows.len(), rows[8].change.as_ref()), (9, Some(&long(b'i'))));
}

#[test]
fn a_directory_that_is_not_there_is_passed_over() {
    let missing = PathBuf::from("/nonexistent/cache");
    assert!(matches!(
        ChangeFile::create(std::slice::from_ref(&missing)),
        Err(KeepError::Broken(_))
    ));
    assert!(ChangeFile::create(&[missing, std::env::temp_dir()]).is_ok());
}

#[test]
fn a_full_disk_is_told_as_that() {
    let error = KeepError::from(io::Error::from(ErrorKind::StorageFull));
    let Error::Failed(failure) = Error::from(error) else {
        panic!("it is a failure")
    };
    assert_eq!(failure.code, FailureCode::DiskFull);
}
