// SPDX-License-Identifier: GPL-3.0-or-later
//! Packages that are searched for, installed and removed, as they cross the bus.

use crate::options::{Incoming, Outgoing, check_package, no_options, take};
use crate::{Error, PackageChange};
use model::{Listed, PackageWish, SearchResult, TextError, UpdateSet, WishKind, checked_text};
use serde::{Deserialize, Serialize};
use zbus::Type;

/// A package that a search found: name, version, summary, installed version.
pub type Found = (String, String, String, String);

/// What a wish would change: `(a(ssssstsbas)tx)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PackagePlan {
    /// The packages that would change.
    pub packages: Vec<PackageChange>,
    /// Bytes to download.
    pub download_size: u64,
    /// Bytes by which the installed system grows.
    pub installed_delta: i64,
}

impl From<&UpdateSet> for PackagePlan {
    fn from(it: &UpdateSet) -> Self {
        Self {
            packages: it.packages.iter().map(Into::into).collect(),
            download_size: it.download_size,
            installed_delta: it.installed_delta,
        }
    }
}

impl From<PackagePlan> for UpdateSet {
    fn from(it: PackagePlan) -> Self {
        Self {
            packages: it.packages.into_iter().map(Into::into).collect(),
            download_size: it.download_size,
            installed_delta: it.installed_delta,
        }
    }
}

/// A package that was found, for the bus.
pub fn found_to_wire(it: Listed) -> Found {
    (it.name, it.version, it.summary, it.installed)
}

/// A package that was found, from the bus.
pub fn found_from_wire((name, version, summary, installed): Found) -> Listed {
    Listed {
        name,
        version,
        summary,
        installed,
    }
}

/// The text of a search: at most 128 bytes, one word at least.
pub fn check_search(text: &str) -> Result<(), Error> {
    let limit = SearchResult::TEXT;
    match checked_text(text, limit) {
        Err(TextError::TooLong) => Err(Error::Invalid(format!("text is longer than {limit} bytes"))),
        Err(TextError::Control) => Err(Error::Invalid("text holds a control character".into())),
        Ok(text) if text.trim().is_empty() => Err(Error::Invalid("text is empty".into())),
        Ok(_) => Ok(()),
    }
}

/// The options of `Install` and `Remove`.
pub fn wish_options(wish: &PackageWish, ask: bool) -> Outgoing {
    let mut options = crate::ask_options(ask);
    if !wish.removes.is_empty() {
        options.insert("removes", wish.removes.clone().into());
    }
    options
}

/// The wish of a call, and whether its job may ask.
pub fn wish_from_wire(
    kind: WishKind,
    names: &[String],
    mut options: Incoming,
) -> Result<(PackageWish, bool), Error> {
    let limit = PackageWish::NAMES;
    if names.is_empty() || names.len() > limit {
        let count = names.len();
        return Err(Error::Invalid(format!(
            "names holds {count} names, not 1 to {limit}"
        )));
    }
    let mut wish = PackageWish::new(kind, []);
    for name in names {
        check_package(name)?;
        if !wish.names.contains(name) {
            wish.names.push(name.clone());
        }
    }
    let removes: Vec<String> = take(&mut options, "removes")?.unwrap_or_default();
    if removes.len() > crate::limit::REMOVES {
        return Err(Error::Invalid("removes holds too many names".into()));
    }
    removes.iter().try_for_each(|name| check_package(name))?;
    wish.removes = removes;
    let ask = take(&mut options, "ask")?.unwrap_or_default();
    no_options(&options)?;
    Ok((wish, ask))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(outgoing: Outgoing) -> Incoming {
        outgoing
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.try_to_owned().unwrap()))
            .collect()
    }

    #[test]
    fn a_wish_comes_back_as_it_went() {
        let mut wish = PackageWish::new(WishKind::Remove, ["alpha".to_owned(), "g++".to_owned()]);
        wish.removes = vec!["beta".to_owned()];
        for ask in [true, false] {
            let options = incoming(wish_options(&wish, ask));
            let back = wish_from_wire(WishKind::Remove, &wish.names, options);
            assert_eq!(back, Ok((wish.clone(), ask)));
        }
        let twice = ["alpha", "alpha"].map(str::to_owned);
        let (once, _) = wish_from_wire(WishKind::Install, &twice, Incoming::new()).unwrap();
        assert_eq!(once.names, ["alpha"]);
    }

    #[test]
    fn what_can_be_no_name_is_refused() {
        let long = "a".repeat(257);
        for name in [
            "",
            "-y",
            "--root=/",
            "a b",
            "a;b",
            "a/b",
            "/tmp/x.rpm",
            "a=1",
            "a*",
            "a\n",
            "!a",
            "~a",
            "é",
            "+a",
            &long,
        ] {
            let names = [name.to_owned()];
            let result = wish_from_wire(WishKind::Install, &names, Incoming::new());
            assert!(matches!(result, Err(Error::Invalid(_))), "{name:?}");
            let mut wish = PackageWish::new(WishKind::Install, ["alpha".to_owned()]);
            wish.removes = names.to_vec();
            let result = wish_from_wire(
                WishKind::Install,
                &wish.names,
                incoming(wish_options(&wish, false)),
            );
            assert!(matches!(result, Err(Error::Invalid(_))), "{name:?}");
        }
        let many = vec!["a".to_owned(); PackageWish::NAMES + 1];
        for names in [&many[..], &[]] {
            assert!(wish_from_wire(WishKind::Install, names, Incoming::new()).is_err());
        }
        for text in ["", "  ", "a\u{1b}", &"x".repeat(129)] {
            assert!(check_search(text).is_err(), "{text:?}");
        }
        assert_eq!(check_search("text editor"), Ok(()));
    }
}
