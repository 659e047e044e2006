// SPDX-License-Identifier: GPL-3.0-or-later
//! How far a job is: one line that is redrawn on a terminal, one line a phase elsewhere.

use crate::exit::say;
use crate::text::safe;
use crate::words;
use model::{Phase, Progress};
use std::io::{IsTerminal, Write};

/// What is shown of a job while it runs.
#[derive(Debug)]
pub(crate) struct Bar {
    /// Its width when it can be redrawn.
    terminal: Option<usize>,
    phase: Option<Phase>,
    drawn: bool,
}

impl Bar {
    pub(crate) fn new() -> Self {
        let error = std::io::stderr();
        // A terminal that cannot move its cursor says so by its name.
        let dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        // A terminal that does not know its size says zero.
        let columns = rustix::termios::tcgetwinsize(&error).map_or(0, |size| size.ws_col.into());
        let width: usize = if columns == 0 { 80 } else { columns };
        Self {
            terminal: (error.is_terminal() && !dumb).then_some(width.max(20)),
            phase: None,
            drawn: false,
        }
    }

    /// Shows this progress.
    pub(crate) fn show(&mut self, progress: &Progress) {
        match self.terminal {
            Some(width) => {
                let line = line(progress, width);
                self.write(&format!("\r\u{1b}[K{line}"));
                self.drawn = true;
            }
            None if self.phase != Some(progress.phase) => {
                say(&format!("{} …", words::phase(progress.phase)));
            }
            None => {}
        }
        self.phase = Some(progress.phase);
    }

    /// Says something beside it.
    pub(crate) fn say(&mut self, text: &str) {
        self.clear();
        say(text);
    }

    /// Takes it away.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            self.write("\r\u{1b}[K");
        }
    }

    fn write(&self, text: &str) {
        let mut error = std::io::stderr().lock();
        // A bar that cannot be drawn is not worth a word.
        let _ = error.write_all(text.as_bytes()).and_then(|()| error.flush());
    }
}

/// The line for this progress, one column narrower than the terminal so that it never wraps.
fn line(progress: &Progress, width: usize) -> String {
    const CELLS: usize = 20;
    let label = words::phase(progress.phase);
    let mut line = format!("{label:<24}");
    if let Some(permille) = progress.permille {
        let permille = usize::from(permille.min(1000));
        let full = permille * CELLS / 1000;
        line += &format!(
            "[{}{}] {:>3} %",
            "#".repeat(full),
            "-".repeat(CELLS - full),
            permille / 10
        );
    }
    if progress.items > 0 {
        line += &format!("  {}/{}", progress.item, progress.items);
    }
    if !progress.subject.is_empty() {
        line += &format!("  {}", safe(&progress.subject));
    }
    line.chars().take(width.saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_phase_part_item_and_subject_and_never_wraps() {
        let progress = Progress {
            permille: Some(425),
            item: 3,
            items: 12,
            subject: "kernel\u{1b}[2J-default".into(),
            ..Progress::at(Phase::Download)
        };
        assert_eq!(
            line(&progress, 200),
            "Downloading             [########------------]  42 %  3/12  kernel\\u{1b}[2J-default"
        );
        assert_eq!(line(&progress, 40).chars().count(), 39);
        assert_eq!(line(&Progress::at(Phase::Prepare), 80).trim_end(), "Preparing");
    }
}
