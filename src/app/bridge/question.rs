// SPDX-License-Identifier: GPL-3.0-or-later
//! `Question`: what only a person can decide, asked by a job that waits for the answer. It is answered by `App`.

use super::publish;
use super::value::{self, Members, put};
use crate::runtime;
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QString, QStringList, QVariant};
use model::{Asked, JobId, State};

#[cxx_qt::bridge]
pub(crate) mod qobject {
    unsafe extern "C++" {
        include!("cxx-qt-lib/qvariant.h");
        type QVariant = cxx_qt_lib::QVariant;
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
        include!("cxx-qt-lib/qstringlist.h");
        type QStringList = cxx_qt_lib::QStringList;
    }

    extern "RustQt" {
        #[qobject]
        #[qml_element]
        #[qproperty(bool, open, READ, NOTIFY)]
        #[qproperty(i32, job, READ, NOTIFY)]
        #[qproperty(i32, number, READ, NOTIFY)]
        #[qproperty(QString, kind, READ, NOTIFY)]
        #[qproperty(QVariant, about, READ, NOTIFY)]
        #[qproperty(QString, text, READ, NOTIFY)]
        #[qproperty(QStringList, choices, READ, NOTIFY)]
        #[qproperty(f64, until, READ, NOTIFY)]
        type Question = super::QuestionRust;

        /// Another question than before is open.
        #[qsignal]
        fn asked(self: Pin<&mut Self>);
    }

    impl cxx_qt::Threading for Question {}
    impl cxx_qt::Initialize for Question {}
}

/// The fields behind `Question`.
#[derive(Default)]
pub struct QuestionRust {
    open: bool,
    job: i32,
    number: i32,
    kind: QString,
    about: QVariant,
    text: QString,
    choices: QStringList,
    until: f64,
    shown: Option<(JobId, u32)>,
}

impl Initialize for qobject::Question {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().about = value::nothing();
        let qt = self.qt_thread();
        runtime::follow(move |view| qt.queue(move |it| it.show(&view.state)).is_ok());
    }
}

/// What a job asks.
fn open(state: &State) -> Option<(JobId, &Asked)> {
    let mut jobs = state.jobs.values();
    jobs.find_map(|job| Some((job.id, job.asked()?)))
}

/// A text of somebody else's in which no character turns, joins or hides others. Line ends and tabs stay.
fn harmless(words: &str) -> QString {
    let plain = |it| match it {
        '\n' | '\t' => it,
        _ if model::is_hostile(it) => '\u{fffd}',
        _ => it,
    };
    let words = words.replace("\r\n", "\n");
    QString::from(&words.chars().map(plain).collect::<String>())
}

impl qobject::Question {
    fn show(mut self: Pin<&mut Self>, state: &State) {
        let Some((job, asked)) = open(state) else {
            self.as_mut().rust_mut().shown = None;
            return publish!(self, open, open_changed, false);
        };
        let shown = Some((job, asked.number));
        if self.shown == shown {
            return;
        }
        self.as_mut().rust_mut().shown = shown;
        let question = &asked.question;
        let mut about = Members::default();
        for (name, words) in &question.args {
            put(&mut about, name, &harmless(words));
        }
        let choices = question.choices.iter().map(|it| harmless(it)).collect();
        let number = i32::try_from(asked.number).unwrap_or(0);
        publish!(self, job, job_changed, value::job(job));
        publish!(self, number, number_changed, number);
        publish!(self, kind, kind_changed, QString::from(question.kind.as_str()));
        publish!(self, about, about_changed, QVariant::from(&about));
        publish!(self, text, text_changed, harmless(&question.text));
        publish!(self, choices, choices_changed, choices);
        publish!(self, until, until_changed, value::milliseconds(Some(asked.until)));
        publish!(self, open, open_changed, true);
        self.asked();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_turns_or_hides_the_rest() {
        let words = harmless("Read\r\n\tme\u{1b}[2J \u{202e}kcab\u{200b}");
        assert_eq!(words, QString::from("Read\n\tme\u{fffd}[2J \u{fffd}kcab\u{fffd}"));
    }
}
