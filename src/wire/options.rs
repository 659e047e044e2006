// SPDX-License-Identifier: GPL-3.0-or-later
//! Arguments with bounds, in both directions: the client writes them, the helper reads them and refuses what is out of
//! bounds or of a name it does not know.

use crate::Error;
use model::{Cleanup, Edit, NewSnapshot, SnapshotId, TextError, checked_text};
use std::collections::HashMap;
use zbus::{OwnedVariant, Variant};

/// The bounds of arguments.
pub mod limit {
    /// Bytes of a description.
    pub const DESCRIPTION: usize = 1024;
    /// Bytes of the name of a cleanup algorithm.
    pub const CLEANUP: usize = 64;
    /// Snapshots in one call.
    pub const NUMBERS: usize = 1000;
    /// Bytes of the name of a package.
    pub const PACKAGE: usize = 256;
    /// Packages that may be removed for others.
    pub const REMOVES: usize = 10_000;
    /// Past jobs in one call.
    pub const HISTORY: u32 = 1000;
}

/// Options on their way out.
pub(crate) type Outgoing = HashMap<&'static str, Variant<'static>>;
/// Options on their way in.
pub(crate) type Incoming = HashMap<String, OwnedVariant>;

/// The options of `Create` for a wish.
pub fn new_snapshot_options(wish: &NewSnapshot) -> Outgoing {
    let mut options = Outgoing::new();
    if !wish.cleanup.0.is_empty() {
        options.insert("cleanup", wish.cleanup.0.clone().into());
    }
    if wish.pinned {
        options.insert("pinned", true.into());
    }
    options
}

/// The wish that a call of `Create` by this user makes.
pub fn new_snapshot_from_wire(
    description: &str,
    mut options: Incoming,
    uid: u32,
) -> Result<NewSnapshot, Error> {
    let wish = NewSnapshot {
        description: text("description", description, limit::DESCRIPTION)?,
        cleanup: take(&mut options, "cleanup")?
            .map(|name: String| cleanup(&name))
            .transpose()?
            .unwrap_or_default(),
        pinned: take(&mut options, "pinned")?.unwrap_or_default(),
        uid,
    };
    no_options(&options)?;
    Ok(wish)
}

/// The options of what may ask.
pub fn ask_options(ask: bool) -> Outgoing {
    let mut options = Outgoing::new();
    if ask {
        options.insert("ask", true.into());
    }
    options
}

/// Whether a job may ask.
pub fn ask_from_wire(mut options: Incoming) -> Result<bool, Error> {
    let ask = take(&mut options, "ask")?.unwrap_or_default();
    no_options(&options)?;
    Ok(ask)
}

/// The changes of `Edit` for an edit.
pub fn edit_changes(edit: &Edit) -> Outgoing {
    let mut changes = Outgoing::new();
    if let Some(description) = &edit.description {
        changes.insert("description", description.clone().into());
    }
    if let Some(cleanup) = &edit.cleanup {
        changes.insert("cleanup", cleanup.0.clone().into());
    }
    if let Some(pinned) = edit.pinned {
        changes.insert("pinned", pinned.into());
    }
    if let Some(read_only) = edit.read_only {
        changes.insert("read-only", read_only.into());
    }
    changes
}

/// The edit that a call of `Edit` asks for.
pub fn edit_from_wire(mut changes: Incoming) -> Result<Edit, Error> {
    let edit = Edit {
        description: take(&mut changes, "description")?
            .map(|words: String| text("description", &words, limit::DESCRIPTION))
            .transpose()?,
        cleanup: take(&mut changes, "cleanup")?
            .map(|name: String| cleanup(&name))
            .transpose()?,
        pinned: take(&mut changes, "pinned")?,
        read_only: take(&mut changes, "read-only")?,
    };
    no_options(&changes)?;
    if edit == Edit::default() {
        return Err(Error::Invalid("changes is empty".into()));
    }
    Ok(edit)
}

/// An error unless this can be the name of a package: it is only ever compared with the names that the system knows.
pub fn check_package(name: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._:@~^".contains(&byte);
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match begins && name.len() <= limit::PACKAGE && name.bytes().all(fits) {
        true => Ok(()),
        false => Err(Error::Invalid("package is no name of a package".into())),
    }
}

/// What a call of `Files` asks for: whether names that are not for the caller are wanted too, and whether the packages
/// that the files belong to are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilesWish {
    /// Names that the caller could not list, too.
    pub all: bool,
    /// The packages that the files belong to, too.
    pub owners: bool,
}

/// The options of `Files` for a wish.
pub fn files_options(wish: FilesWish) -> Outgoing {
    [("all", wish.all), ("owners", wish.owners)]
        .into_iter()
        .filter(|(_, is_wanted)| *is_wanted)
        .map(|(name, is_wanted)| (name, is_wanted.into()))
        .collect()
}

/// The wish of a call of `Files`.
pub fn files_wish_from_wire(mut options: Incoming) -> Result<FilesWish, Error> {
    let wish = FilesWish {
        all: take(&mut options, "all")?.unwrap_or_default(),
        owners: take(&mut options, "owners")?.unwrap_or_default(),
    };
    no_options(&options)?;
    Ok(wish)
}

/// A path that a call names: any bytes, of which only what lies within the version is ever looked up.
pub fn path_from_wire(path: &[u8]) -> Result<Vec<u8>, Error> {
    model::checked_path(path).map_err(|error| Error::Invalid(error.to_string()))
}

/// The snapshots that a list of numbers asks for, each once.
pub fn numbers_from_wire(numbers: &[u32]) -> Result<Vec<SnapshotId>, Error> {
    if numbers.is_empty() || numbers.len() > limit::NUMBERS {
        return Err(Error::Invalid(format!(
            "numbers holds {} numbers, not 1 to {}",
            numbers.len(),
            limit::NUMBERS
        )));
    }
    let mut ids = Vec::with_capacity(numbers.len());
    for id in numbers.iter().copied().map(SnapshotId) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// An error when there is an option left that nobody knows: a silently ignored wish would be worse.
pub fn no_options(options: &Incoming) -> Result<(), Error> {
    match options.keys().min() {
        // The name is somebody else's text of any length.
        Some(name) => Err(Error::Invalid(format!(
            "unknown option {:?}",
            name.chars().take(64).collect::<String>()
        ))),
        None => Ok(()),
    }
}

pub(crate) fn take<T: TryFrom<OwnedVariant>>(options: &mut Incoming, name: &str) -> Result<Option<T>, Error> {
    options
        .remove(name)
        .map(|value| T::try_from(value).map_err(|_| Error::Invalid(format!("{name} is of the wrong type"))))
        .transpose()
}

fn text(what: &str, words: &str, limit: usize) -> Result<String, Error> {
    match checked_text(words, limit) {
        Ok(words) => Ok(words.to_owned()),
        Err(TextError::TooLong) => Err(Error::Invalid(format!("{what} is longer than {limit} bytes"))),
        Err(TextError::Control) => Err(Error::Invalid(format!("{what} holds a control character"))),
    }
}

fn cleanup(name: &str) -> Result<Cleanup, Error> {
    let name = text("cleanup", name, limit::CLEANUP)?;
    if name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        Ok(Cleanup(name))
    } else {
        Err(Error::Invalid("cleanup is not of a-z, 0-9 and -".into()))
    }
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
    fn wishes_and_edits_come_back_as_they_went() {
        let wish = NewSnapshot {
            description: "before the codec".into(),
            cleanup: Cleanup("number".into()),
            pinned: true,
            uid: 1000,
        };
        let options = incoming(new_snapshot_options(&wish));
        assert_eq!(new_snapshot_from_wire(&wish.description, options, 1000), Ok(wish));
        let edit = Edit {
            description: Some(String::new()),
            cleanup: Some(Cleanup::default()),
            pinned: Some(false),
            read_only: Some(true),
        };
        assert_eq!(edit_from_wire(incoming(edit_changes(&edit))), Ok(edit));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let create = |description: &str, options| new_snapshot_from_wire(description, options, 0);
        let long = "x".repeat(limit::DESCRIPTION + 1);
        for (description, options) in [
            (long.as_str(), Outgoing::new()),
            ("a\nb", Outgoing::new()),
            ("\u{1b}[31m", Outgoing::new()),
            ("", [("cleanup", Variant::from("Number"))].into()),
            ("", [("cleanup", Variant::from("../x"))].into()),
            ("", [("cleanup", Variant::from("x".repeat(65)))].into()),
            ("", [("pinned", Variant::from("yes"))].into()),
            ("", [("path", Variant::from("/etc"))].into()),
        ] {
            assert!(
                matches!(create(description, incoming(options)), Err(Error::Invalid(_))),
                "{description}"
            );
        }
        assert!(matches!(edit_from_wire(Incoming::new()), Err(Error::Invalid(_))));
        assert!(matches!(numbers_from_wire(&[]), Err(Error::Invalid(_))));
        assert!(matches!(
            numbers_from_wire(&[1; limit::NUMBERS + 1]),
            Err(Error::Invalid(_))
        ));
        assert_eq!(
            numbers_from_wire(&[3, 1, 3]),
            Ok(vec![SnapshotId(3), SnapshotId(1)])
        );
    }
}
