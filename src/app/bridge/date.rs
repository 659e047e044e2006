// SPDX-License-Identifier: GPL-3.0-or-later
//! Calendar days of the person who looks.

use chrono::{DateTime, Datelike, Local, NaiveDate, Utc};
use model::Timestamp;

/// The moment it is.
pub(super) fn now() -> Timestamp {
    Timestamp(u64::try_from(Utc::now().timestamp_micros()).unwrap_or(0))
}

/// The local day of a moment.
pub(super) fn day(time: Timestamp) -> NaiveDate {
    let micros = i64::try_from(time.0).unwrap_or(i64::MAX);
    DateTime::<Utc>::from_timestamp_micros(micros)
        .unwrap_or_default()
        .with_timezone(&Local)
        .date_naive()
}

/// Under which heading a day is shown: `today`, `yesterday`, `week`, else its month as `2026-03`.
pub(super) fn group(day: NaiveDate, today: NaiveDate) -> String {
    match (today - day).num_days() {
        ..=0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        2..=6 => "week".to_owned(),
        _ => format!("{:04}-{:02}", day.year(), day.month()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_fall_under_the_headings_that_people_think_in() {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).expect("a day of the calendar");
        let today = day(3, 2);
        for (month, date, expected) in [
            (3, 3, "today"),
            (3, 2, "today"),
            (3, 1, "yesterday"),
            (2, 28, "week"),
            (2, 24, "week"),
            (2, 23, "2026-02"),
        ] {
            assert_eq!(group(day(month, date), today), expected, "{month}-{date}");
        }
    }
}
