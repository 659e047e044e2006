// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;

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
