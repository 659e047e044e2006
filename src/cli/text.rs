// SPDX-License-Identifier: GPL-3.0-or-later
//! Texts on their way to a terminal: made harmless, aligned, dated.

use chrono::{DateTime, Local, TimeZone};
use model::Timestamp;
use std::fmt::{self, Write as _};

/// A text of somebody else's. Whatever could move the cursor, colour the screen, or turn the direction of writing shows
/// as `\u{…}` instead.
pub(crate) struct Safe<'a>(pub(crate) &'a str);

fn is_hostile(c: char) -> bool {
    // Bidirectional controls reorder what stands beside them (Unicode TR 36, section 2.1); line and paragraph
    // separators break lines; zero-width characters and the byte order mark hide.
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_hostile(c) {
                write!(f, "\\u{{{:x}}}", u32::from(c))?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// A text of somebody else's, made harmless.
pub(crate) fn safe(text: &str) -> String {
    Safe(text).to_string()
}

/// JSON whose texts are the same but show nothing hostile: what JSON itself leaves as it is becomes `\uXXXX`.
pub(crate) fn safe_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        // Between its texts JSON has line ends, inside of them none.
        if is_hostile(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

fn local(time: Timestamp) -> Option<DateTime<Local>> {
    let micros = i64::try_from(time.0).ok()?;
    Local.timestamp_micros(micros).single()
}

/// A moment in local time with its zone, to the minute.
pub(crate) fn date(time: Timestamp) -> String {
    match local(time) {
        Some(time) => time.format("%Y-%m-%d %H:%M %:z").to_string(),
        None => "unknown".into(),
    }
}

/// A moment as RFC 3339 in UTC, for machines.
pub(crate) fn rfc3339(time: Timestamp) -> Option<String> {
    let time = DateTime::from_timestamp_micros(i64::try_from(time.0).ok()?)?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

/// How long ago, in the largest unit that fits.
pub(crate) fn ago(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(time).as_secs();
    let (count, unit) = match seconds {
        0..60 => return "just now".into(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{} ago", counted(count, unit))
}

/// `1 update`, `2 updates`.
pub(crate) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A size in the binary unit that gives it one to four digits, rounded as the window's (`KFormat`) are.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut unit, mut of) = (0, 1_u128);
    while u128::from(bytes) >= of * 1024 && unit + 1 < UNITS.len() {
        of *= 1024;
        unit += 1;
    }
    let tenths = (u128::from(bytes) * 10 + of / 2) / of;
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
    }
}

/// Rows with aligned columns; the last column is never padded.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let pad = if at + 1 < row.len() { widths[at] + 2 } else { 0 };
            let filled = cell.chars().count();
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', pad.saturating_sub(filled)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        let hostile = "a\u{1b}[2J\u{7}\r\n\t\u{9b}31m\u{202e}txt\u{2066}\u{200f}\u{feff}b";
        let shown = safe(hostile);
        assert!(!shown.chars().any(is_hostile), "{shown:?}");
        assert!(shown.starts_with("a\\u{1b}[2J") && shown.ends_with('b'));
        assert_eq!(safe("Größe 漢字 🚀"), "Größe 漢字 🚀");
    }

    #[test]
    fn json_stays_the_same_when_it_is_made_harmless() {
        let hostile = "a\u{9b}31m\u{7f}\u{202e}\u{e0041}\u{1b}\n\"ä";
        let json = serde_json::to_string_pretty(&[hostile]).unwrap();
        let shown = safe_json(&json);
        assert!(!shown.chars().any(|c| is_hostile(c) && c != '\n'), "{shown:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [hostile]);
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (34_607_616, "33.0 MiB"),
            (34_660_000, "33.1 MiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn times_are_told_in_the_largest_unit() {
        let now = Timestamp::from_seconds(1_000_000);
        for (seconds, shown) in [
            (1_000_000, "just now"),
            (999_940, "1 minute ago"),
            (1_000_000 - 7_200, "2 hours ago"),
            (1_000_000 - 86_400, "1 day ago"),
            (2_000_000, "just now"),
        ] {
            assert_eq!(ago(Timestamp::from_seconds(seconds), now), shown);
        }
        assert_eq!(
            rfc3339(Timestamp(1_500_000)).as_deref(),
            Some("1970-01-01T00:00:01.500Z")
        );
        assert_eq!(rfc3339(Timestamp(u64::MAX)), None);
    }

    #[test]
    fn columns_are_aligned_and_lines_end_without_blanks() {
        let rows = [["a", "b", ""], ["long", "ä", "x"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "a     b\nlong  ä  x\n");
    }
}
