// SPDX-License-Identifier: GPL-3.0-or-later
//! Hours, days, weeks and so on of the wall clock, told apart exactly as snapper does.

use crate::Timestamp;

/// A reading of the wall clock in the machine's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// The year, e.g. 2026.
    pub year: i32,
    /// The month, from 0.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// The hour, from 0.
    pub hour: u8,
    /// The day of the year, from 0.
    pub year_day: u16,
    /// The day of the week, from Sunday, which is 0.
    pub week_day: u8,
}

/// A stretch of time of which one snapshot is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday.
    Week,
    /// A month.
    Month,
    /// Three months.
    Quarter,
    /// A year.
    Year,
}

/// The day of the year on which the week began (the day before its Monday), perhaps below zero.
fn week(civil: Civil) -> i32 {
    let day = if civil.week_day == 0 { 7 } else { civil.week_day };
    i32::from(civil.year_day) - i32::from(day)
}

fn days(year: i32) -> i32 {
    match year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) {
        true => 366,
        false => 365,
    }
}

impl Period {
    /// Whether two readings lie in the same one.
    pub fn is_shared(self, a: Civil, b: Civil) -> bool {
        let same_month = a.year == b.year && a.month == b.month;
        match self {
            Self::Year => a.year == b.year,
            Self::Quarter => a.year == b.year && a.month / 3 == b.month / 3,
            Self::Month => same_month,
            Self::Day => same_month && a.day == b.day,
            Self::Hour => same_month && a.day == b.day && a.hour == b.hour,
            Self::Week => match b.year.checked_sub(a.year) {
                Some(0) => week(a) == week(b),
                Some(1) => week(a) == week(b) + days(a.year),
                Some(-1) => week(a) + days(b.year) == week(b),
                _ => false,
            },
        }
    }
}

/// Whether the first of these snapshots, newest number first, is the first of its period: no older one lies in the same.
pub(super) fn is_first(period: Period, newest_first: &[(Timestamp, Civil)]) -> bool {
    let Some(((time, civil), older)) = newest_first.split_first() else {
        return true;
    };
    for (other_time, other) in older {
        if !period.is_shared(*civil, *other) {
            return true;
        }
        // A clock that was set back: those are looked past.
        if time.seconds() > other_time.seconds() {
            return false;
        }
    }
    true
}
