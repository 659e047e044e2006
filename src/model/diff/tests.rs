// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;

fn change(path: &str, kind: FileChangeKind) -> FileChange {
    FileChange {
        path: path.into(),
        kind,
        file: FileKind::Regular,
        aspects: Aspects::none(),
        from: None,
    }
}

fn sample() -> Files {
    use FileChangeKind::*;
    let mut files = Files::default();
    let numbers: Vec<u32> = [
        change("usr/lib/mesa/a", Changed),
        change("usr", Changed),
        change("usr.old", Created),
        change("usr/lib/mesa/b", Created),
        change("etc/x", Deleted),
        change("usr/share/Doc", Created),
    ]
    .iter()
    .map(|row| files.push(row).unwrap())
    .collect();
    let renamed = FileChange {
        from: Some(b"usr/old".to_vec()),
        ..change("usr/new", Renamed)
    };
    files.push(&renamed);
    files.set_owner("mesa", &[numbers[0], numbers[3], 999]);
    files.sort();
    files
}

#[test]
fn a_level_holds_its_entries_and_counts_what_is_below() {
    let files = sample();
    let top: Vec<(String, usize, u32)> = files
        .level(b"", b"")
        .into_iter()
        .map(|it| (PathText(&it.path).to_string(), it.changes.len(), it.below.total()))
        .collect();
    let expected = [("etc", 0, 1), ("usr", 1, 4), ("usr.old", 1, 0)];
    assert_eq!(
        top,
        expected.map(|(path, own, below)| (path.to_owned(), own, below))
    );
    let usr = files.level(b"usr", b"");
    assert_eq!(usr.len(), 3);
    assert_eq!(usr[1].changes[0].from.as_deref(), Some(&b"usr/old"[..]));
    assert_eq!(files.level(b"usr", b"DOC")[0].path, b"usr/share");
    assert!(files.level(b"us", b"").is_empty() && files.level(b"usr/lib/mesa/a", b"").is_empty());
}

#[test]
fn packages_come_by_size_and_what_belongs_to_none_last() {
    let files = sample();
    let groups = files.groups(b"");
    assert_eq!(groups[0].package.as_deref(), Some("mesa"));
    assert_eq!((groups[0].counts.changed, groups[0].counts.created), (1, 1));
    assert_eq!(
        (groups[1].package.as_deref(), groups[1].counts.total()),
        (None, 5)
    );
    assert_eq!(files.of_package(Some("mesa"), b"", 9).len(), 2);
    assert_eq!(files.of_package(None, b"", 2).len(), 2);
    assert_eq!(files.counts().total(), 7);
}

#[test]
fn paths_are_shown_without_harm() {
    let shown = |bytes: &[u8]| PathText(bytes).to_string();
    assert_eq!(shown(b"a\nb\x1b[31m"), "a\\x0ab\\x1b[31m");
    assert_eq!(shown(b"\xff\\z"), "\\xff\\\\z");
    assert_eq!(shown("grün\u{202e}".as_bytes()), "grün\\xe2\\x80\\xae");
}

#[test]
fn only_plain_paths_are_taken() {
    assert_eq!(checked_path(b"//etc///x/"), Ok(b"etc/x".to_vec()));
    assert_eq!(checked_path(b"/"), Err(PathError::Empty));
    assert_eq!(checked_path(b"etc/../x"), Err(PathError::NotPlain));
    assert_eq!(checked_path(b"a\0b"), Err(PathError::NotPlain));
    assert_eq!(checked_path(&[b'a'; 4096]), Err(PathError::TooLong));
    assert_eq!(checked_path(b"..."), Ok(b"...".to_vec()));
}

#[test]
fn aspects_have_names() {
    let mut aspects = Aspects::CONTENT | Aspects::ACL;
    aspects.set(Aspects::OWNER, false);
    assert_eq!(aspects.names().collect::<Vec<_>>(), ["content", "acl"]);
    assert_eq!(Aspects::from_bits(aspects.bits()), aspects);
    assert!(aspects.without(Aspects::ACL).without(Aspects::CONTENT).is_empty());
}
