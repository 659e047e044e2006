// SPDX-License-Identifier: GPL-3.0-or-later
//! What a job asks, on a terminal. Elsewhere nothing is asked: a license or a key is never accepted by nobody.

use crate::text::safe;
use model::{Question, QuestionKind};
use rustix::termios::{QueueSelector, tcflush};
use std::io::IsTerminal;
use tokio::sync::mpsc;

/// Whether there is somebody to ask.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// The question with all that has to be read before.
pub(crate) fn words(question: &Question) -> String {
    let argument = |name: &str| {
        let value = question.args.get(name).filter(|value| !value.is_empty());
        value.map_or_else(|| "?".to_owned(), |value| safe(value))
    };
    let text: Vec<_> = question.text.lines().map(safe).collect();
    let text = text.join("\n");
    match question.kind {
        QuestionKind::License => format!(
            "{text}\n\nThe package {} asks for this license to be agreed to. Agree? [y/N]",
            argument("package")
        ),
        QuestionKind::Conflict => {
            let choices = question.choices.iter().enumerate();
            let choices: String = choices
                .map(|(at, choice)| format!("  {}  {}\n", at + 1, indented(choice)))
                .collect();
            format!(
                "{text}\n{choices}  0  None of these: nothing is installed\nWhich one? [0-{}]",
                question.last()
            )
        }
        QuestionKind::PackageScript => format!(
            "{text}\n\nA script of the package {} failed, so it may not work as it should. Keep the new system anyway? [y/N]",
            argument("package")
        ),
        QuestionKind::RepositoryKey => format!(
            "The repository {} is signed with a key that is not trusted yet:\n  {}\n  Fingerprint {}\n{text}\nTrust it from \
             now on? [y/N]",
            argument("repository"),
            argument("key"),
            argument("fingerprint")
        ),
    }
}

fn indented(choice: &str) -> String {
    let lines: Vec<_> = choice.lines().map(safe).collect();
    lines.join("\n     ")
}

/// The number that a line means; `None` when it means nothing.
pub(crate) fn choice(question: &Question, line: &str) -> Option<u32> {
    let line = line.trim().to_lowercase();
    match (line.as_str(), question.kind) {
        ("", _) => Some(0),
        (number, QuestionKind::Conflict) => number.parse().ok().filter(|number| *number <= question.last()),
        ("y" | "yes", _) => Some(1),
        ("n" | "no", _) => Some(0),
        _ => None,
    }
}

/// The lines that somebody types. One thread reads them for as long as the program runs: a second one would fight with it
/// for the next line, and nobody can make it stop reading.
#[derive(Debug)]
pub(crate) struct Keyboard {
    lines: mpsc::UnboundedReceiver<String>,
}

impl Keyboard {
    pub(crate) fn new() -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            // The end of the keyboard and its loss end the channel, and so does the end of the job.
            while matches!(std::io::stdin().read_line(&mut line), Ok(1..)) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        Self { lines }
    }

    /// Throws away what was typed until now: it was meant for something else.
    pub(crate) fn forget_typed(&mut self) {
        // Fails only where the keyboard is no terminal any more, and then reading ends at once.
        let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
        while self.lines.try_recv().is_ok() {}
    }

    /// The next line, empty at the end of the keyboard.
    pub(crate) async fn line(&mut self) -> String {
        self.lines.recv().await.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_word_agrees() {
        let license = Question::new(QuestionKind::License, "Read\u{1b}[2J me").with("package", "flash");
        for (line, number) in [
            ("y\n", Some(1)),
            (" YES ", Some(1)),
            ("n", Some(0)),
            ("\n", Some(0)),
            ("1", None),
            ("sure", None),
        ] {
            assert_eq!(choice(&license, line), number, "{line:?}");
        }
        let conflict = Question::new(QuestionKind::Conflict, "Problem")
            .or("do not install x\n  but y")
            .or("break x");
        for (line, number) in [
            ("2\n", Some(2)),
            ("0", Some(0)),
            ("", Some(0)),
            ("3", None),
            ("y", None),
        ] {
            assert_eq!(choice(&conflict, line), number, "{line:?}");
        }
        assert!(!words(&license).contains('\u{1b}') && words(&license).contains("flash"));
        assert!(
            words(&conflict)
                .ends_with("  2  break x\n  0  None of these: nothing is installed\nWhich one? [0-2]")
        );
        assert!(words(&conflict).contains("do not install x\n       but y"));
    }
}
