// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Timestamp;
use crate::code::coded;
use serde::Serialize;
use std::collections::BTreeMap;

coded! {
    /// What a job may ask. The answer zero always is the careful one, with which the job ends and the old system stays.
    QuestionKind {
        /// Whether the license in the text is agreed to (argument `package`). One: it is.
        License = "license",
        /// What to do about packages that cannot be installed together; the text tells the problem, the choices are the
        /// package manager's own. Zero: none of them.
        Conflict = "conflict",
        /// Whether to keep a system in which a package's own script failed (argument `package`, the text is what was said
        /// about it). One: it is kept.
        PackageScript = "package-script",
        /// Whether to trust a key from now on (arguments `repository`, `fingerprint`, `key`). One: it is trusted.
        RepositoryKey = "repository-key",
    }
}

/// Something that only a person can decide, asked by a job that waits for the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// What is asked.
    pub kind: QuestionKind,
    /// What it is about, by name.
    pub args: BTreeMap<String, String>,
    /// What has to be read before answering, in the words of the package or of the package manager.
    pub text: String,
    /// What can be chosen from, in the package manager's words; empty where it is yes or no.
    pub choices: Vec<String>,
}

impl Question {
    /// The longest text, in bytes.
    pub const TEXT: usize = 64 * 1024;
    /// The most choices.
    pub const CHOICES: usize = 32;
    /// The longest choice, and the longest argument, in bytes.
    pub const LINE: usize = 2048;

    /// A question with a text, cut where it is too long.
    pub fn new(kind: QuestionKind, text: &str) -> Self {
        Self {
            kind,
            args: BTreeMap::new(),
            text: cut(text, Self::TEXT),
            choices: Vec::new(),
        }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.args.insert(name.to_owned(), cut(value, Self::LINE));
        self
    }

    /// The same with one more choice.
    #[must_use]
    pub fn or(mut self, choice: &str) -> Self {
        if self.choices.len() < Self::CHOICES {
            self.choices.push(cut(choice, Self::LINE));
        }
        self
    }

    /// The highest number that is an answer.
    pub fn last(&self) -> u32 {
        u32::try_from(self.choices.len()).unwrap_or(u32::MAX).max(1)
    }
}

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Which question of the job it is, from 1: an answer names it, so that none is taken for another's.
    pub number: u32,
    /// When the job stops waiting.
    pub until: Timestamp,
    /// What is asked.
    pub question: Question,
}

fn cut(text: &str, limit: usize) -> String {
    let end = (0..=text.len().min(limit))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_bounds() {
        let mut question = Question::new(QuestionKind::Conflict, &"ä".repeat(Question::TEXT));
        assert!(question.text.len() <= Question::TEXT && question.text.ends_with('ä'));
        assert_eq!(question.last(), 1);
        for number in 1..=100 {
            question = question.or(&format!("{number}"));
        }
        assert_eq!((question.choices.len(), question.last()), (Question::CHOICES, 32));
        let long = question.with("package", &"x".repeat(9_999));
        assert_eq!(long.args["package"].len(), Question::LINE);
    }
}
