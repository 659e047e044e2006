// SPDX-License-Identifier: GPL-3.0-or-later
//! The log of a job: lines with numbers that only grow. The oldest go when there are too many.

use std::collections::VecDeque;

/// How many lines are kept.
pub(crate) const LINES: usize = 10_000;
/// How many bytes of them are kept.
pub(crate) const BYTES: usize = 4 * 1024 * 1024;
/// Longer lines are cut.
const LINE: usize = 4096;
/// At most so many lines and bytes in one reply or signal.
pub(crate) const PIECE: (usize, usize) = (1000, 64 * 1024);

/// The last lines of a log.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    lines: VecDeque<String>,
    first: u64,
    bytes: usize,
}

impl Ring {
    /// A log whose first line has this number.
    pub(crate) fn starting_at(first: u64) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// Adds a line.
    pub(crate) fn push(&mut self, line: &str) {
        let mut end = line.len().min(LINE);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let line = line.get(..end).unwrap_or_default();
        self.bytes += line.len();
        self.lines.push_back(line.to_owned());
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some(line) = self.lines.pop_front() else { break };
            self.bytes -= line.len();
            self.first += 1;
        }
    }

    /// The number of the first line kept.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next line will have.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// The lines from a number on.
    pub(crate) fn since(&self, from: u64) -> impl Iterator<Item = &str> {
        let skip = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.lines.iter().skip(skip).map(String::as_str)
    }

    /// A bounded piece from a number on, and the number after it.
    pub(crate) fn piece(&self, from: u64) -> (u64, Vec<String>) {
        let from = from.max(self.first);
        let mut bytes = 0;
        let lines: Vec<String> = self
            .since(from)
            .take(PIECE.0)
            .take_while(|line| {
                bytes += line.len();
                bytes <= PIECE.1
            })
            .map(str::to_owned)
            .collect();
        (from + lines.len() as u64, lines)
    }

    /// The last bounded piece of what came from a number on, with the number of its first line: what a signal carries
    /// when more was said than it may hold.
    pub(crate) fn tail(&self, from: u64) -> (u64, Vec<String>) {
        let mut bytes = 0;
        let fresh = usize::try_from(self.next().saturating_sub(from)).unwrap_or(usize::MAX);
        let mut lines: Vec<String> = self
            .lines
            .iter()
            .rev()
            .take(fresh.min(PIECE.0))
            .take_while(|line| {
                bytes += line.len();
                bytes <= PIECE.1
            })
            .cloned()
            .collect();
        lines.reverse();
        (self.next() - lines.len() as u64, lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_when_old_lines_go() {
        let mut ring = Ring::default();
        for line in 0..LINES + 5 {
            ring.push(&line.to_string());
        }
        assert_eq!((ring.first(), ring.next()), (5, 10_005));
        let (next, lines) = ring.piece(0);
        assert_eq!((next, lines[0].as_str(), lines.len()), (1005, "5", 1000));
        assert_eq!(ring.piece(10_004), (10_005, vec!["10004".to_owned()]));
        assert_eq!(ring.piece(20_000), (20_000, Vec::new()));
        assert_eq!(
            ring.tail(10_003),
            (10_003, vec!["10003".to_owned(), "10004".to_owned()])
        );
    }

    #[test]
    fn long_lines_and_long_logs_are_bounded() {
        let mut ring = Ring::default();
        ring.push(&"ä".repeat(LINE));
        assert_eq!(ring.since(0).next().unwrap().len(), LINE);
        for _ in 0..2000 {
            ring.push(&"x".repeat(LINE));
        }
        assert!(ring.bytes <= BYTES && ring.lines.len() < 2000);
        assert!(ring.piece(0).1.iter().map(String::len).sum::<usize>() <= PIECE.1);
        assert!(ring.tail(0).1.iter().map(String::len).sum::<usize>() <= PIECE.1);
    }
}
