// SPDX-License-Identifier: GPL-3.0-or-later
//! gettext's catalogues, read as far as the tests need them.

/// One text with its translations.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) context: String,
    pub(crate) id: String,
    pub(crate) plural: Option<String>,
    pub(crate) strings: Vec<String>,
    pub(crate) fuzzy: bool,
}

impl Entry {
    /// What makes it one text.
    pub(crate) fn key(&self) -> (String, String) {
        (self.context.clone(), self.id.clone())
    }
}

/// All entries of a file, the header first; those that are out of use are left out.
pub(crate) fn entries(text: &str) -> Vec<Entry> {
    let mut found = Vec::new();
    for block in text.split("\n\n") {
        let mut entry = Entry::default();
        let mut field = None;
        for line in block.lines() {
            if line.starts_with('#') {
                entry.fuzzy |= line.starts_with("#,") && line.contains("fuzzy");
                continue;
            }
            let quoted = match line.split_once(' ') {
                Some((name, quoted)) if !line.starts_with('"') => {
                    field = Some(name.to_owned());
                    match name {
                        "msgid_plural" => entry.plural = Some(String::new()),
                        name if name.starts_with("msgstr") => entry.strings.push(String::new()),
                        _ => {}
                    }
                    quoted
                }
                _ => line,
            };
            let part = unquoted(quoted);
            let place = match field.as_deref() {
                Some("msgctxt") => &mut entry.context,
                Some("msgid") => &mut entry.id,
                Some("msgid_plural") => entry.plural.as_mut().expect("made with its name"),
                Some(_) => entry.strings.last_mut().expect("made with its name"),
                None => continue,
            };
            place.push_str(&part);
        }
        if field.is_some() {
            found.push(entry);
        }
    }
    found
}

/// The text of a line between its quotes.
fn unquoted(line: &str) -> String {
    let inside = line
        .trim()
        .strip_prefix('"')
        .and_then(|line| line.strip_suffix('"'));
    let mut text = String::new();
    let mut letters = inside.unwrap_or_default().chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => {}
            },
            (other, false) => text.push(other),
        }
    }
    text
}
