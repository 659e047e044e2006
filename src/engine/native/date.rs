// SPDX-License-Identifier: GPL-3.0-or-later
//! Snapper's dates: `2026-03-01 07:15:09`, always UTC.

use model::Timestamp;

const DAY: u64 = 86_400;
/// The first day that no longer has a year of four digits, in days since the epoch.
const YEAR_10000: u64 = 2_932_897;

/// The civil date of a day counted from 1970-01-01, by counting eras of 400 years that begin in March.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (
        400 * era + year_of_era + u64::from(month <= 2),
        month,
        day_of_month,
    )
}

/// The inverse of [`civil`] for dates from 1970 on.
fn days(year: u64, month: u64, day_of_month: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day_of_month.checked_sub(1)?;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era).checked_sub(719_468)
}

/// The date of a moment. Fractions of a second are cut off; what lies after the year 9999 is its last second.
pub(super) fn format(time: Timestamp) -> String {
    let seconds = time.seconds().min(YEAR_10000 * DAY - 1);
    let ((year, month, day), clock) = (civil(seconds / DAY), seconds % DAY);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The moment of a date from 1970 to 9999; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 19] = text.as_bytes().try_into().ok()?;
    let mut numbers = [0_u64; 6];
    let fields = [0..4, 5..7, 8..10, 11..13, 14..16, 17..19];
    for (number, field) in numbers.iter_mut().zip(fields) {
        for digit in bytes.get(field)? {
            *number = *number * 10 + u64::from(char::from(*digit).to_digit(10)?);
        }
    }
    let [.., b'-', _, _, b'-', _, _, b' ', _, _, b':', _, _, b':', _, _] = bytes else {
        return None;
    };
    let [year, month, day, hour, minute, second] = numbers;
    let in_range = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60 && year >= 1970;
    let date = days(year, month, day).filter(|_| in_range)?;
    // A day that its month does not have comes back as another date.
    (civil(date) == (year, month, day))
        .then(|| Timestamp((date * DAY + hour * 3600 + minute * 60 + second) * 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments_have_their_dates() {
        for (seconds, date) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_772_349_309, "2026-03-01 07:15:09"),
            (4_107_542_399, "2100-02-28 23:59:59"),
            (YEAR_10000 * DAY - 1, "9999-12-31 23:59:59"),
        ] {
            let time = Timestamp(seconds * 1_000_000);
            assert_eq!((format(time).as_str(), parse(date)), (date, Some(time)));
        }
        assert_eq!(format(Timestamp(u64::MAX)), "9999-12-31 23:59:59");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2026-03-01",
            "2026-03-01T07:15:09",
            "2026-13-01 00:00:00",
            "2026-00-01 00:00:00",
            "2026-02-29 00:00:00",
            "2026-04-31 00:00:00",
            "2026-01-00 00:00:00",
            "2026-03-00 00:00:00",
            "2026-01-01 24:00:00",
            "1969-12-31 23:59:59",
            "+026-01-01 00:00:00",
            "2026-01-01 00:00:0\u{e9}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_comes_back(seconds in 0..YEAR_10000 * DAY) {
            let time = Timestamp(seconds * 1_000_000);
            prop_assert_eq!(parse(&format(time)), Some(time));
        }

        #[test]
        fn any_text_is_survived(text in ".{0,24}") {
            let _ = parse(&text);
        }
    }
}
