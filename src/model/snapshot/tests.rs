// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use crate::state::tests::snapshot;
use proptest::prelude::*;

#[test]
fn pinning_takes_the_cleanup_away_and_unpinning_brings_it_back() {
    let mut it = snapshot(7);
    it.cleanup = Cleanup("number".into());
    Edit {
        pinned: Some(true),
        ..Edit::default()
    }
    .apply(&mut it);
    assert!(it.is_pinned() && it.cleanup.0.is_empty());
    Edit {
        pinned: Some(false),
        ..Edit::default()
    }
    .apply(&mut it);
    assert_eq!((it.cleanup.0.as_str(), it.userdata.len()), ("number", 0));
}

#[test]
fn a_cleanup_set_while_pinned_waits_for_the_unpinning() {
    let mut it = snapshot(7);
    Edit {
        pinned: Some(true),
        ..Edit::default()
    }
    .apply(&mut it);
    Edit {
        cleanup: Some(Cleanup("timeline".into())),
        ..Edit::default()
    }
    .apply(&mut it);
    assert_eq!(it.cleanup.0, "");
    Edit {
        pinned: Some(false),
        ..Edit::default()
    }
    .apply(&mut it);
    assert_eq!(it.cleanup.0, "timeline");
}

#[test]
fn texts_are_bounded_and_printable() {
    assert_eq!(checked_text("Größe 1", 64), Ok("Größe 1"));
    assert_eq!(checked_text("a\nb", 64), Err(TextError::Control));
    assert_eq!(checked_text("a\u{1b}[31m", 64), Err(TextError::Control));
    assert_eq!(checked_text("abc", 2), Err(TextError::TooLong));
}

proptest! {
    #[test]
    fn pin_and_unpin_is_the_identity(cleanup in "[a-z-]{0,12}", description in "\\PC{0,20}") {
        let mut it = snapshot(1);
        it.cleanup = Cleanup(cleanup);
        it.description = description;
        let before = it.clone();
        Edit { pinned: Some(true), ..Edit::default() }.apply(&mut it);
        Edit { pinned: Some(true), ..Edit::default() }.apply(&mut it);
        Edit { pinned: Some(false), ..Edit::default() }.apply(&mut it);
        prop_assert_eq!(it, before);
    }
}
