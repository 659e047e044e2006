// SPDX-License-Identifier: GPL-3.0-or-later
//! What zypper asks, as it says it with `--xmlout`, and as the question it is for a person.
//!
//! A prompt has a number that says what is asked (zypper's `output/prompt.h`), a text, for some a description, and options
//! of which one is the answer that zypper would give itself. What has to be read before is not in the prompt but in the
//! message before it.

use super::stream::{Element, Said, Stream};
use model::{Question, QuestionKind};

/// So many options of a prompt are kept, and so many prompts that nobody took.
const LIMIT: usize = 64;

/// Whether to go on after the summary.
const CONTINUE: &str = "0";
/// Which solution to take.
const RESOLVE: &str = "1";
/// Whether the license is agreed to.
const LICENSE: &str = "10";
/// Whether to trust a key.
const KEY: &str = "14";

/// A prompt that is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    /// What is asked.
    id: String,
    /// The words at the end.
    pub text: String,
    /// The words before.
    description: String,
    /// What may be answered.
    options: Vec<String>,
    /// What zypper would answer.
    default: Option<String>,
}

/// Collects prompts, with what has to be read before them.
#[derive(Debug, Default)]
pub struct Prompts {
    next: Prompt,
    complete: Vec<(Prompt, Option<Asked>)>,
    said: String,
    key: Option<Question>,
    /// The package whose license was asked for last.
    pub licensed: Option<String>,
}

/// A prompt that only a person can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What it is for a person.
    pub question: Question,
    /// What is typed for each number that may be chosen, from zero.
    pub answers: Vec<String>,
}

impl Prompts {
    /// Takes what was said to people.
    pub fn message(&mut self, text: &str) {
        if let Some(key) = key(text) {
            self.key = Some(key);
        }
        text.clone_into(&mut self.said);
    }

    /// Takes an element of a prompt, or the prompt itself, which comes last.
    pub fn element(&mut self, it: &Element) {
        let next = &mut self.next;
        match it.name.as_str() {
            "text" => it.text.trim().clone_into(&mut next.text),
            "description" => it.text.trim().clone_into(&mut next.description),
            "option" if next.options.len() < LIMIT => {
                let value = it.get("value").to_owned();
                if it.get("default") == "1" {
                    next.default = Some(value.clone());
                }
                next.options.push(value);
            }
            "prompt" => {
                let mut prompt = std::mem::take(next);
                it.get("id").clone_into(&mut prompt.id);
                let asked = self.asked(&prompt);
                if self.complete.len() < LIMIT {
                    self.complete.push((prompt, asked));
                }
            }
            _ => {}
        }
    }

    /// The prompts since the last time.
    pub fn take(&mut self) -> Vec<(Prompt, Option<Asked>)> {
        std::mem::take(&mut self.complete)
    }

    fn asked(&mut self, prompt: &Prompt) -> Option<Asked> {
        let has = |option: &str| prompt.options.iter().any(|it| it == option);
        let yes_or_no = |question, no: &str, yes: &str| {
            (has(no) && has(yes)).then(|| Asked {
                question,
                answers: vec![no.to_owned(), yes.to_owned()],
            })
        };
        match prompt.id.as_str() {
            LICENSE => {
                let (package, text) = license(&self.said);
                self.licensed = Some(package.to_owned());
                let question = Question::new(QuestionKind::License, text).with("package", package);
                yes_or_no(question, "no", "yes")
            }
            KEY => yes_or_no(self.key.take()?, "r", "a"),
            RESOLVE => resolve(prompt),
            _ => None,
        }
    }
}

impl Prompt {
    /// What is typed where no person is asked: what zypper would do by itself, but that it goes on after its summary.
    pub fn unasked(&self) -> Option<&str> {
        match self.id.as_str() {
            CONTINUE => self.options.iter().find(|it| *it == "y").map(String::as_str),
            _ => self.default.as_deref(),
        }
    }
}

/// `In order to install 'NAME', you must agree …:`, an empty line, the license.
fn license(said: &str) -> (&str, &str) {
    let (first, text) = said.split_once('\n').unwrap_or(("", said));
    let package = first.split('\'').nth(1).unwrap_or_default();
    (package, text.trim_matches('\n'))
}

/// The key that a message presents.
fn key(said: &str) -> Option<Question> {
    if !said.contains("<gpgkey-info>") {
        return None;
    }
    let mut question = Question::new(QuestionKind::RepositoryKey, "");
    let (mut stream, mut found) = (Stream::default(), Vec::new());
    stream.feed(said, |it| {
        if let Said::Element(it) = it {
            found.push((it.name.clone(), it.text.trim().to_owned()));
        }
    });
    for (element, argument) in [
        ("repository", "repository"),
        ("key-name", "key"),
        ("key-fingerprint", "fingerprint"),
    ] {
        let (_, value) = found.iter().find(|(name, _)| name == element)?;
        question = question.with(argument, value);
    }
    // Without it nobody could tell whose key it is.
    question.args.get("fingerprint").filter(|it| !it.is_empty())?;
    Some(question)
}

/// `Problem: …`, then ` Solution N: …` with lines of its own below each.
fn resolve(prompt: &Prompt) -> Option<Asked> {
    let (mut problem, mut solutions) = (Vec::new(), Vec::<String>::new());
    for line in prompt.description.lines() {
        let number = format!("Solution {}: ", solutions.len() + 1);
        if let Some(solution) = line.trim_start().strip_prefix(&number) {
            solutions.push(solution.to_owned());
        } else if let Some(last) = solutions.last_mut() {
            last.push('\n');
            last.push_str(line.trim());
        } else {
            problem.push(line);
        }
    }
    let numbers = prompt
        .options
        .iter()
        .filter(|it| it.parse::<u32>().is_ok())
        .count();
    // What is chosen must be what was read.
    if solutions.is_empty() || numbers != solutions.len() || !prompt.options.iter().any(|it| it == "c") {
        return None;
    }
    let mut question = Question::new(QuestionKind::Conflict, &problem.join("\n"));
    let mut answers = vec!["c".to_owned()];
    for (at, solution) in solutions.iter().enumerate().take(Question::CHOICES) {
        question = question.or(solution);
        answers.push((at + 1).to_string());
    }
    Some(Asked { question, answers })
}

#[cfg(test)]
mod tests {
    use crate::packages::zypper::said::Run;
    use model::QuestionKind;

    const LICENSE: &str = include_str!("../../../../tests/fixtures/zypper/license.xml");
    const CONFLICT: &str = include_str!("../../../../tests/fixtures/zypper/conflict.xml");
    const KEY: &str = include_str!("../../../../tests/fixtures/zypper/key.xml");

    fn prompts(text: &str) -> (Run, Vec<(super::Prompt, Option<super::Asked>)>) {
        let mut run = Run::default();
        for line in text.lines() {
            run.feed(&format!("{line}\n"), &mut |_| {}, &mut |_| {});
        }
        let prompts = run.prompts.take();
        (run, prompts)
    }

    #[test]
    fn a_license_is_asked_with_its_text() {
        let (run, prompts) = prompts(LICENSE);
        assert_eq!((prompts.len(), prompts[0].1.as_ref()), (2, None));
        assert_eq!(prompts[0].0.unasked(), Some("y"), "the summary is gone on after");
        let asked = prompts[1].1.as_ref().unwrap();
        assert_eq!(asked.question.kind, QuestionKind::License);
        assert_eq!(asked.question.args["package"], "alpha");
        assert_eq!(asked.question.text, "You shall not <copy>.\nSecond line.");
        assert_eq!(asked.answers, ["no", "yes"]);
        assert_eq!(prompts[1].0.unasked(), Some("no"));
        let failure = run.failure(Some(4), String::new());
        assert_eq!(
            (failure.code, failure.args["package"].as_str()),
            (model::FailureCode::License, "alpha")
        );
    }

    #[test]
    fn a_conflict_is_asked_with_its_solutions() {
        let (run, prompts) = prompts(CONFLICT);
        let asked = prompts[0].1.as_ref().unwrap();
        assert_eq!(asked.question.kind, QuestionKind::Conflict);
        assert!(
            asked
                .question
                .text
                .starts_with("Problem: 1: the installed theta-1-1.noarch requires 'beta = 1'")
        );
        assert_eq!(
            asked.question.choices,
            [
                "keep obsolete beta-1-1.noarch",
                "remove lock to allow removal of theta-1-1.noarch",
                "break theta-1-1.noarch by ignoring some of its dependencies",
            ]
        );
        assert_eq!(asked.answers, ["c", "1", "2", "3"]);
        assert_eq!(prompts[0].0.unasked(), Some("c"));
        assert_eq!(
            run.failure(Some(4), String::new()).code,
            model::FailureCode::Conflict
        );
    }

    #[test]
    fn a_key_is_asked_with_its_fingerprint() {
        let (run, prompts) = prompts(KEY);
        let asked = prompts[0].1.as_ref().unwrap();
        assert_eq!(asked.question.kind, QuestionKind::RepositoryKey);
        assert_eq!(asked.question.args["repository"], "local");
        assert_eq!(asked.question.args["key"], "Repo 1 <r@example.org>");
        assert_eq!(asked.question.args["fingerprint"].len(), 40);
        assert_eq!(asked.answers, ["r", "a"]);
        let failure = run.failure(Some(4), String::new());
        assert_eq!(failure.code, model::FailureCode::RepositorySignature);
    }

    #[test]
    fn what_is_not_understood_is_asked_of_nobody() {
        // Options that are not those of the text, a key without a fingerprint, a prompt of an unknown kind.
        for text in [
            "<prompt id=\"1\"><description>Problem: x\n Solution 1: y</description><option value=\"1\"/><option value=\"2\"/>\
             <option default=\"1\" value=\"c\"/></prompt>",
            "<message type=\"info\">&lt;gpgkey-info&gt;&lt;repository&gt;r&lt;/repository&gt;&lt;/gpgkey-info&gt;</message>\
             <prompt id=\"14\"><option value=\"r\" default=\"1\"/><option value=\"a\"/></prompt>",
            "<prompt id=\"15\"><text>Continue?</text><option value=\"yes\"/><option default=\"1\" value=\"no\"/></prompt>",
        ] {
            let (_, prompts) = prompts(text);
            assert_eq!(prompts.len(), 1, "{text}");
            assert_eq!(prompts[0].1, None, "{text}");
            assert!(
                ["c", "r", "no"].contains(&prompts[0].0.unasked().unwrap()),
                "{text}"
            );
        }
    }
}
