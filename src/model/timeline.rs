// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;
use crate::{Snapshot, SnapshotId, State};

coded! {
    /// Where a snapshot stands on the time axis.
    Position {
        /// Starts with the next restart.
        Pending = "pending",
        /// Runs now.
        Running = "running",
        /// Neither.
        Earlier = "earlier",
    }
}

/// Where this snapshot stands.
pub fn position(state: &State, id: SnapshotId) -> Position {
    if state.booted == Some(id) {
        Position::Running
    } else if state.pending() == Some(id) {
        Position::Pending
    } else {
        Position::Earlier
    }
}

/// Whether a snapshot matches what a person typed: every word occurs in its number, description, cleanup or userdata,
/// whatever the case. An empty text matches everything.
pub fn filter_matches(snapshot: &Snapshot, text: &str) -> bool {
    text.split_whitespace().all(|word| {
        let word = word.to_lowercase();
        let number = word.strip_prefix('#').unwrap_or(&word);
        snapshot.id.to_string() == number
            || snapshot.description.to_lowercase().contains(&word)
            || snapshot.cleanup.0.to_lowercase().contains(&word)
            || snapshot
                .userdata
                .iter()
                .any(|(key, value)| format!("{key}={value}").to_lowercase().contains(&word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::{snapshot, state};

    #[test]
    fn words_of_a_filter_all_have_to_match() {
        let it = Snapshot {
            description: "Vor Codec-Installation".into(),
            ..snapshot(42)
        };
        for (text, matches) in [
            ("", true),
            ("codec", true),
            ("codec vor", true),
            ("codec nach", false),
            ("#42", true),
            ("4", false),
        ] {
            assert_eq!(filter_matches(&it, text), matches, "{text}");
        }
    }

    #[test]
    fn the_running_snapshot_is_running_even_when_it_is_the_default() {
        let mut it = state(3);
        assert_eq!(position(&it, SnapshotId(3)), Position::Running);
        it.default = Some(SnapshotId(2));
        assert_eq!(position(&it, SnapshotId(2)), Position::Pending);
        assert_eq!(position(&it, SnapshotId(1)), Position::Earlier);
    }
}
