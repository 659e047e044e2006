// SPDX-License-Identifier: GPL-3.0-or-later
//! The rules as snapper's configuration writes them.

use super::{Limit, NumberRule, Retention, TimelineRule};
use std::collections::BTreeMap;

/// What snapper takes where its configuration says nothing (its client, `cleanup.cc`).
const MIN_AGE: u32 = 1_800;

/// A limit as snapper writes it: `10` or `2-10`.
fn limit(text: &str) -> Option<Limit> {
    let limit = match text.split_once('-') {
        None => Limit::exactly(text.parse().ok()?),
        Some((least, most)) => Limit {
            least: least.parse().ok()?,
            most: most.parse().ok()?,
        },
    };
    (limit.least <= limit.most).then_some(limit)
}

/// A fraction in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let fraction: f64 = text.parse().ok()?;
    // Between 0 and 1000 the cast is exact.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is in range"
    )]
    (0.0..=1.0)
        .contains(&fraction)
        .then_some((fraction * 1000.0).round() as u16)
}

impl Retention {
    /// What a configuration of snapper says, given as its assignments. What it says without sense counts as unsaid, as
    /// for snapper itself.
    pub fn from_snapper(values: &BTreeMap<String, String>) -> Self {
        let text = |key: &str| values.get(key).map(String::as_str);
        let is_on = |key: &str| text(key) == Some("yes");
        let limit = |key: &str, otherwise: u32| {
            let said = text(key).and_then(limit);
            said.unwrap_or(Limit::exactly(otherwise))
        };
        let age = |key: &str| text(key).and_then(|it| it.parse().ok()).unwrap_or(MIN_AGE);
        let fraction = |key: &str, otherwise: u16| text(key).and_then(thousandths).unwrap_or(otherwise);
        // Without a quota group snapper cannot tell what snapshots hold.
        let has_quota = text("QGROUP").is_some_and(|group| !group.is_empty());
        Self {
            number: is_on("NUMBER_CLEANUP").then(|| NumberRule {
                keep: limit("NUMBER_LIMIT", 50),
                important: limit("NUMBER_LIMIT_IMPORTANT", 10),
                min_age: age("NUMBER_MIN_AGE"),
            }),
            timeline: is_on("TIMELINE_CLEANUP").then(|| TimelineRule {
                hourly: limit("TIMELINE_LIMIT_HOURLY", 10),
                daily: limit("TIMELINE_LIMIT_DAILY", 10),
                weekly: limit("TIMELINE_LIMIT_WEEKLY", 0),
                monthly: limit("TIMELINE_LIMIT_MONTHLY", 10),
                quarterly: limit("TIMELINE_LIMIT_QUARTERLY", 0),
                yearly: limit("TIMELINE_LIMIT_YEARLY", 10),
                min_age: age("TIMELINE_MIN_AGE"),
            }),
            empty_pairs: is_on("EMPTY_PRE_POST_CLEANUP").then(|| age("EMPTY_PRE_POST_MIN_AGE")),
            space: if has_quota {
                fraction("SPACE_LIMIT", 500)
            } else {
                1000
            },
            free: fraction("FREE_LIMIT", 200),
        }
    }

    /// The assignments that make snapper keep so many updates, important or not.
    pub fn snapper_keeps(updates: u32) -> [(&'static str, String); 3] {
        [
            ("NUMBER_CLEANUP", "yes".to_owned()),
            ("NUMBER_LIMIT", updates.to_string()),
            ("NUMBER_LIMIT_IMPORTANT", updates.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_say_what_snapper_reads() {
        let read = |text: &str| {
            let values = text.split_whitespace().filter_map(|it| it.split_once('='));
            Retention::from_snapper(&values.map(|(key, value)| (key.into(), value.into())).collect())
        };
        let nothing = read("");
        assert_eq!(
            (nothing.number, nothing.timeline, nothing.empty_pairs),
            (None, None, None)
        );
        let some = read(
            "NUMBER_CLEANUP=yes NUMBER_LIMIT=2-10 NUMBER_LIMIT_IMPORTANT=9-3 NUMBER_MIN_AGE=60 \
             EMPTY_PRE_POST_CLEANUP=yes SPACE_LIMIT=0.5 FREE_LIMIT=0.25 TIMELINE_CLEANUP=no",
        );
        let rule = some.number.unwrap();
        assert_eq!((rule.keep, rule.min_age), (Limit { least: 2, most: 10 }, 60));
        assert_eq!(rule.important, Limit::exactly(10));
        assert_eq!(
            (some.empty_pairs, some.space, some.free),
            (Some(1_800), 1000, 250)
        );
        assert_eq!(read("QGROUP=1/0 SPACE_LIMIT=0.3 FREE_LIMIT=2").space, 300);
        assert_eq!(read("QGROUP=1/0 FREE_LIMIT=nan").free, 200);
    }
}
