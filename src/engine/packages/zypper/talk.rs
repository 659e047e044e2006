// SPDX-License-Identifier: GPL-3.0-or-later
//! Answering zypper on a terminal of its own.
//!
//! zypper reads answers from its controlling terminal. Before it waits for one it throws away what was typed so far, at a
//! moment that nobody outside can see. So what is typed first is no answer but a word that is none; zypper says so by
//! repeating its prompt with that word in it, and then it does wait. Only then the answer is typed, once.
//!
//! An answer holds for the whole job: the same question, asked again by the next run of zypper, gets the same answer, and a
//! person has answered everything before anything is installed.

use super::prompt::{Asked, Prompt};
use crate::run::Terminal;
use crate::{Error, Report};
use model::Question;

/// No answer of any prompt, and neither a yes nor a no in any language.
pub(super) const IS_THERE: &str = "(kedge asks whether you listen)";

/// What was answered in a job.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<(Question, u32)>);

impl Answers {
    /// How often a person was asked.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    fn of(&self, question: &Question) -> Option<u32> {
        let known = self.0.iter().find(|(it, _)| it == question);
        known.map(|(_, choice)| *choice)
    }
}

/// A talk with one zypper.
pub(super) struct Talk<'a> {
    report: &'a dyn Report,
    terminal: &'a Terminal,
    answers: &'a mut Answers,
    /// What to type when it listens.
    next: Option<String>,
    failed: Option<Error>,
    /// A package's script may say what looks like a prompt: from the first package on nobody is asked anything.
    installs: bool,
}

impl<'a> Talk<'a> {
    pub(super) fn new(report: &'a dyn Report, terminal: &'a Terminal, answers: &'a mut Answers) -> Self {
        Self {
            report,
            terminal,
            answers,
            next: None,
            failed: None,
            installs: false,
        }
    }

    /// It changes packages from now on.
    pub(super) fn installs(&mut self) {
        self.installs = true;
    }

    /// Answers a prompt. Returns whether a person agreed to what was asked.
    pub(super) fn prompt(&mut self, prompt: &Prompt, asked: Option<Asked>) -> bool {
        if prompt.text.contains(IS_THERE) {
            if let Some(answer) = self.next.take() {
                self.terminal.enter(&answer);
            }
            return false;
        }
        let choice = match &asked {
            Some(asked) if !self.installs && self.failed.is_none() => self.choice(&asked.question),
            _ => None,
        };
        let typed = asked.and_then(|asked| asked.answers.into_iter().nth(choice? as usize));
        // A prompt without options is answered by its empty standard input.
        if let Some(answer) = typed.or_else(|| prompt.unasked().map(str::to_owned)) {
            self.next = Some(answer);
            self.terminal.repeat(IS_THERE);
        }
        choice.is_some_and(|choice| choice > 0)
    }

    fn choice(&mut self, question: &Question) -> Option<u32> {
        if let Some(choice) = self.answers.of(question) {
            return Some(choice);
        }
        match self.report.ask(question) {
            Ok(choice) => {
                let choice = choice?;
                self.report.log(&format!("The answer is {choice}."));
                self.answers.0.push((question.clone(), choice));
                Some(choice)
            }
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    /// An error when asking failed: then zypper was told what it would have done by itself.
    pub(super) fn end(self) -> Result<(), Error> {
        self.failed.map_or(Ok(()), Err)
    }
}
