// SPDX-License-Identifier: GPL-3.0-or-later
//! What `zypper --xmlout` says: elements of XML, one after the other, with plain text between them from package scripts
//! and programs that zypper starts. It is no document that an XML parser would accept, so it is cut into elements here,
//! and what is none is text.

use std::collections::BTreeMap;

/// Elements within elements beyond this are text; zypper nests five deep.
const DEPTH: usize = 16;
/// The longest tag and the longest text of an element that are kept, in bytes.
const LONG: usize = 64 * 1024;

/// An element with what stood directly in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// The names of the elements around it, outermost first.
    pub within: Vec<String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Its text.
    pub text: String,
}

impl Element {
    /// An attribute; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// Whether an element of this name is around it.
    pub fn is_in(&self, name: &str) -> bool {
        self.within.iter().any(|it| it == name)
    }
}

/// Cuts what is said into elements.
#[derive(Debug, Default)]
pub struct Stream {
    open: Vec<Element>,
    /// A tag whose end has not come yet.
    tag: Option<String>,
}

impl Stream {
    /// Takes the next piece and hands out every element that it closes, and every line of text outside of all.
    pub fn feed(&mut self, piece: &str, mut take: impl FnMut(Said<'_>)) {
        let mut rest = piece;
        while !rest.is_empty() {
            if let Some(tag) = &mut self.tag {
                let (inside, end) = match rest.split_once('>') {
                    Some((inside, after)) => (inside, Some(after)),
                    None => (rest, None),
                };
                if tag.len() + inside.len() <= LONG {
                    tag.push_str(inside);
                }
                let Some(after) = end else { return };
                rest = after;
                let tag = self.tag.take().unwrap_or_default();
                self.tag(&tag, &mut take);
                continue;
            }
            match begin_of_tag(rest) {
                Some(at) => {
                    let (text, after) = rest.split_at(at);
                    self.text(text, &mut take);
                    self.tag = Some(String::new());
                    rest = after.split_at(1).1;
                }
                None => {
                    self.text(rest, &mut take);
                    rest = "";
                }
            }
        }
    }

    fn text(&mut self, text: &str, take: &mut impl FnMut(Said<'_>)) {
        match self.open.last_mut().filter(|element| element.name != "stream") {
            Some(element) if element.text.len() + text.len() <= LONG => {
                element.text.push_str(&unescaped(text))
            }
            Some(_) => {}
            None => text
                .lines()
                .filter(|line| !line.trim().is_empty())
                .for_each(|line| take(Said::Text(line))),
        }
    }

    fn tag(&mut self, tag: &str, take: &mut impl FnMut(Said<'_>)) {
        let tag = tag.trim();
        if tag.starts_with(['?', '!']) {
            return;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let Some(at) = self.open.iter().rposition(|it| it.name == name.trim()) else {
                return;
            };
            // What was left open inside was cut short.
            while self.open.len() > at {
                if let Some(element) = self.open.pop() {
                    take(Said::Element(&element));
                }
            }
            return;
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let mut element = element(tag);
        element.within = self.open.iter().map(|it| it.name.clone()).collect();
        if is_empty || self.open.len() >= DEPTH {
            take(Said::Element(&element));
        } else {
            self.open.push(element);
        }
    }
}

/// What was said.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// An element that is complete.
    Element(&'a Element),
    /// A line outside of all elements.
    Text(&'a str),
}

/// Where a tag begins; a `<` before anything but a name is text.
fn begin_of_tag(text: &str) -> Option<usize> {
    let begins = |at: usize| {
        let next = text.as_bytes().get(at + 1);
        next.is_none_or(|byte| byte.is_ascii_lowercase() || b"/?!".contains(byte))
    };
    text.match_indices('<').map(|(at, _)| at).find(|at| begins(*at))
}

fn element(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    let mut attributes = BTreeMap::new();
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|quote| ['"', '\''].contains(quote)) else {
            break;
        };
        let Some((value, after)) = after.split_at(1).1.split_once(quote) else {
            break;
        };
        attributes.insert(key.trim().to_owned(), unescaped(value));
        rest = after;
    }
    Element {
        name: name.to_owned(),
        attributes,
        ..Element::default()
    }
}

fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (entity, is)| text.replace(entity, is))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(pieces: &[&str]) -> Vec<String> {
        let (mut stream, mut shown) = (Stream::default(), Vec::new());
        for piece in pieces {
            stream.feed(piece, |said| {
                shown.push(match said {
                    Said::Element(it) => format!("{}{:?} {:?}", it.name, it.attributes, it.text.trim()),
                    Said::Text(line) => format!("text {line}"),
                });
            });
        }
        shown
    }

    #[test]
    fn elements_and_text_are_told_apart() {
        assert_eq!(
            shown(&[
                "<?xml version='1.0'?>\n<stream>\n<message type=\"info\">a &lt;b&gt; &amp;lt;</message>\n",
                "script says 1 < 2 > 0\n<progress id=\"raw-refresh\" name='x \"y\"' value=\"7\"/>\n<prompt id=\"1\">\n<text>one\ntwo",
                "</text>\n<option default=\"1\" value=\"y\"/></prompt>\n</stream>\n",
            ]),
            [
                "message{\"type\": \"info\"} \"a <b> &lt;\"",
                "text script says 1 < 2 > 0",
                "progress{\"id\": \"raw-refresh\", \"name\": \"x \\\"y\\\"\", \"value\": \"7\"} \"\"",
                "text{} \"one\\ntwo\"",
                "option{\"default\": \"1\", \"value\": \"y\"} \"\"",
                "prompt{\"id\": \"1\"} \"\"",
                "stream{} \"\"",
            ]
        );
    }

    proptest! {
        #[test]
        fn anything_is_taken(pieces in proptest::collection::vec("(</?[a-c]{0,2}( x=\"?y?\"?)?/?>?|[&;<> a]{0,6}|\\n){0,9}", 0..6)) {
            let (mut whole, mut parts) = (0, 0);
            Stream::default().feed(&pieces.concat(), |said| whole += usize::from(matches!(said, Said::Element(_))));
            let mut stream = Stream::default();
            for piece in &pieces {
                stream.feed(piece, |said| parts += usize::from(matches!(said, Said::Element(_))));
            }
            prop_assert!(whole < 1000 && parts < 1000);
        }
    }
}
