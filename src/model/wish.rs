// SPDX-License-Identifier: GPL-3.0-or-later
use crate::code::coded;
use serde::Serialize;

coded! {
    /// What a person wants to be done with packages.
    WishKind {
        /// Install them, or newer versions of them.
        Install = "install",
        /// Remove them.
        Remove = "remove",
    }
}

/// Packages that a person wants to have, or to be rid of. Names count only as far as the package manager lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageWish {
    /// What is to be done.
    pub kind: WishKind,
    /// With these.
    pub names: Vec<String>,
    /// What else may be removed for it: what a person saw in the plan and agreed to.
    pub removes: Vec<String>,
}

impl PackageWish {
    /// The most names.
    pub const NAMES: usize = 100;

    /// A wish for which nothing else may be removed.
    pub fn new(kind: WishKind, names: impl IntoIterator<Item = String>) -> Self {
        Self {
            kind,
            names: names.into_iter().collect(),
            removes: Vec::new(),
        }
    }

    /// Whether this package may be removed for it.
    pub fn may_remove(&self, name: &str) -> bool {
        let is_it = |it: &String| it == name;
        (self.kind == WishKind::Remove && self.names.iter().any(is_it)) || self.removes.iter().any(is_it)
    }
}

/// A package that the repositories have, or that is installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// The version that would be installed; empty where no repository has any.
    pub version: String,
    /// What it is, in one line by its makers.
    pub summary: String,
    /// The version in what starts next; empty where it is not installed there.
    pub installed: String,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SearchResult {
    /// The packages, those first whose names fit best.
    pub packages: Vec<Listed>,
    /// How many more there are.
    pub more: u32,
}

impl SearchResult {
    /// The longest text to search for, in bytes.
    pub const TEXT: usize = 128;
    /// The most packages in one result.
    pub const LIMIT: u32 = 500;
}

/// How well a package fits to the words of a search: every word is in its name or summary. Smaller is better, `None` is
/// not at all. Upper and lower case are the same.
pub fn search_rank(words: &[String], name: &str, summary: &str) -> Option<u8> {
    let (name, summary) = (name.to_lowercase(), summary.to_lowercase());
    if words.is_empty() {
        return None;
    }
    let mut rank = 0;
    for word in words {
        let own = match name.find(word.as_str()) {
            Some(0) if name.len() == word.len() => 0,
            Some(0) => 1,
            Some(_) => 2,
            None if summary.contains(word.as_str()) => 3,
            None => return None,
        };
        rank = rank.max(own);
    }
    Some(rank)
}

/// The words of a search, in lower case.
pub fn search_words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_summaries() {
        let rank = |text: &str, name: &str, summary: &str| search_rank(&search_words(text), name, summary);
        assert_eq!(rank("vim", "vim", "An editor"), Some(0));
        assert_eq!(rank("VIM", "vim-data", ""), Some(1));
        assert_eq!(rank("vim", "gvim", ""), Some(2));
        assert_eq!(rank("editor", "vim", "An Editor"), Some(3));
        assert_eq!(rank("vim editor", "vim", "An editor"), Some(3));
        assert_eq!(rank("vim printer", "vim", "An editor"), None);
        assert_eq!(rank("  ", "vim", "An editor"), None);
    }

    #[test]
    fn only_what_was_agreed_to_is_removed() {
        let mut wish = PackageWish::new(WishKind::Remove, ["alpha".to_owned()]);
        assert!(wish.may_remove("alpha") && !wish.may_remove("beta"));
        wish.removes.push("beta".into());
        assert!(wish.may_remove("beta"));
        wish.kind = WishKind::Install;
        assert!(!wish.may_remove("alpha") && wish.may_remove("beta"));
    }
}
