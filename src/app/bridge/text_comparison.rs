// SPDX-License-Identifier: GPL-3.0-or-later
//! `TextComparison`: how the text of a file differs between two snapshots, line by line.

use super::publish;
use super::row_model::{self, Row, show_rows};
use super::value::{self, text};
use crate::runtime;
use client::{Error, Side, TextDiff};
use core::pin::Pin;
use cxx_qt::{CxxQtType, Initialize, Threading};
use cxx_qt_lib::{QString, QVariant};

#[cxx_qt::bridge]
pub(crate) mod qobject {
    unsafe extern "C++" {
        include!("app/rows.h");
        type RowModel;
        include!("cxx-qt-lib/qlist.h");
        type QList_QVariant = cxx_qt_lib::QList<QVariant>;
        include!("cxx-qt-lib/qvariant.h");
        type QVariant = cxx_qt_lib::QVariant;
        include!("cxx-qt-lib/qstring.h");
        type QString = cxx_qt_lib::QString;
        include!("cxx-qt-lib/qstringlist.h");
        type QStringList = cxx_qt_lib::QStringList;
    }

    extern "RustQt" {
        #[qobject]
        #[base = RowModel]
        #[qml_element]
        #[qproperty(i32, from, READ, NOTIFY)]
        #[qproperty(i32, to, READ, NOTIFY)]
        #[qproperty(bool, loading, READ, NOTIFY)]
        #[qproperty(QVariant, error, READ, NOTIFY)]
        /// `same`, `binary`, `too-large`, `lines`; empty when nothing was compared.
        #[qproperty(QString, result, READ, NOTIFY)]
        type TextComparison = super::TextComparisonRust;

        /// Compares a file of one version with a file of another, which may have another name there; zero is the running
        /// system.
        #[qinvokable]
        fn compare(self: Pin<&mut Self>, before: &QString, from: i32, after: &QString, to: i32);
        /// Compares the same again.
        #[qinvokable]
        fn reload(self: Pin<&mut Self>);
        /// Shows nothing.
        #[qinvokable]
        fn clear(self: Pin<&mut Self>);
    }

    unsafe extern "RustQt" {
        #[inherit]
        #[cxx_name = "setRoles"]
        fn set_roles(self: Pin<&mut TextComparison>, names: &QStringList);
        #[inherit]
        fn splice(self: Pin<&mut TextComparison>, at: i32, removed: i32, values: &QList_QVariant);
        #[inherit]
        fn rewrite(self: Pin<&mut TextComparison>, at: i32, values: &QList_QVariant);
    }

    impl cxx_qt::Threading for TextComparison {}
    impl cxx_qt::Initialize for TextComparison {}
}

const ROLES: [&str; 3] = ["side", "line", "place"];

/// A line, or the gap before the next ones.
#[derive(Debug, PartialEq)]
struct Line {
    number: usize,
    side: &'static str,
    text: String,
    /// The number of the line where it is: after, or before for one that is gone.
    place: u32,
}

impl Row for Line {
    type Key = usize;

    fn key(&self) -> &usize {
        &self.number
    }

    fn values(&self) -> Vec<QVariant> {
        let place = i32::try_from(self.place).unwrap_or(i32::MAX);
        vec![text(self.side), text(&self.text), (&place).into()]
    }
}

/// The fields behind `TextComparison`.
#[derive(Default)]
pub struct TextComparisonRust {
    from: i32,
    to: i32,
    loading: bool,
    error: QVariant,
    result: QString,
    rows: Vec<Line>,
    /// Of the file in both versions.
    paths: Option<(Vec<u8>, Vec<u8>)>,
    question: u64,
}

impl Initialize for qobject::TextComparison {
    fn initialize(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().error = value::nothing();
        self.set_roles(&row_model::roles(&ROLES));
    }
}

impl qobject::TextComparison {
    fn clear(mut self: Pin<&mut Self>) {
        self.as_mut().rust_mut().question += 1;
        publish!(self, loading, loading_changed, false);
        publish!(self, error, error_changed, value::nothing());
        publish!(self, result, result_changed, QString::default());
        show_rows!(self, Vec::new());
    }

    fn compare(mut self: Pin<&mut Self>, before: &QString, from: i32, after: &QString, to: i32) {
        let paths = value::path(before).zip(value::path(after));
        self.as_mut().rust_mut().paths = paths;
        publish!(self, from, from_changed, from);
        publish!(self, to, to_changed, to);
        self.reload();
    }

    fn reload(mut self: Pin<&mut Self>) {
        self.as_mut().clear();
        let Some((before, after)) = self.paths.clone() else {
            return;
        };
        publish!(self, loading, loading_changed, true);
        let (question, qt) = (self.question, self.qt_thread());
        let (from, to) = (value::snapshot(self.from), value::snapshot(self.to));
        runtime::spawn(async move {
            let diff = runtime::client().text_diff((from, &before), (to, &after)).await;
            // An error here only means that the window is gone.
            let _ = qt.queue(move |model| model.answered(question, diff));
        });
    }

    fn answered(mut self: Pin<&mut Self>, question: u64, diff: Result<TextDiff, Error>) {
        if self.question != question {
            return;
        }
        let (result, lines) = match diff {
            Ok(TextDiff::Same) => ("same", Vec::new()),
            Ok(TextDiff::Binary) => ("binary", Vec::new()),
            Ok(TextDiff::TooLarge) => ("too-large", Vec::new()),
            Ok(diff @ TextDiff::Hunks(_)) => ("lines", lines(&diff)),
            Err(error) => {
                publish!(self, error, error_changed, value::error(&error));
                ("", Vec::new())
            }
        };
        show_rows!(self, lines);
        publish!(self, loading, loading_changed, false);
        publish!(self, result, result_changed, QString::from(result));
    }
}

/// All hunks as lines, with a gap wherever lines are left out.
fn lines(diff: &TextDiff) -> Vec<Line> {
    let TextDiff::Hunks(hunks) = diff else {
        return Vec::new();
    };
    let (mut lines, mut end) = (Vec::<Line>::new(), 0);
    let mut push = |side, text: &str, place| {
        let number = lines.len();
        lines.push(Line {
            number,
            side,
            text: text.to_owned(),
            place,
        });
    };
    for hunk in hunks {
        if hunk.after.start > end {
            push("gap", "", 0);
        }
        end = hunk.after.end;
        let (mut before, mut after) = (hunk.before.start, hunk.after.start);
        for line in &hunk.lines {
            before += u32::from(line.side != Side::After);
            after += u32::from(line.side != Side::Before);
            match line.side {
                Side::Both => push("both", &line.text, after),
                Side::Before => push("before", &line.text, before),
                Side::After => push("after", &line.text, after),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_numbers_of_their_side() {
        let before: String = (1..=20).map(|it| format!("{it}\n")).collect();
        let after = before.replace("12\n", "twelve\nmore\n");
        let diff = client::compare_texts(before.as_bytes(), after.as_bytes());
        let seen: Vec<_> = lines(&diff)
            .iter()
            .map(|it| format!("{} {} {}", it.side, it.place, it.text))
            .collect();
        let expected = [
            "gap 0 ",
            "both 9 9",
            "both 10 10",
            "both 11 11",
            "before 12 12",
            "after 12 twelve",
            "after 13 more",
            "both 14 13",
            "both 15 14",
            "both 16 15",
        ];
        assert_eq!(seen, expected);
    }
}
