// SPDX-License-Identifier: GPL-3.0-or-later
//! The variables by which an operating system and its boot loader speak to each other (systemd.io/BOOT_LOADER_INTERFACE).

use crate::Error;
use crate::packages::Tree;
use rustix::fs::{AtFlags, IFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::io::Read as _;

/// Where the kernel shows them.
const PLACE: &str = "sys/firmware/efi/efivars";
/// The vendor of the Boot Loader Interface.
const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// Kept over restarts, and readable before and after the firmware has handed over (UEFI specification, 8.2).
const ATTRIBUTES: [u8; 4] = [7, 0, 0, 0];
/// No variable of ours is longer.
const LIMIT: usize = 4096;

/// Whether there are variables at all: a system that was started in the way of old PCs has none.
pub(super) fn is_there(root: Tree<'_>) -> bool {
    root.names(PLACE, 1).is_ok_and(|names| !names.is_empty())
}

/// A variable of the Boot Loader Interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    /// The boot loader's name and version.
    Info,
    /// The entry that starts when nobody chooses.
    Default,
    /// The entry that starts next, once.
    OneShot,
}

impl Variable {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "LoaderInfo",
            Self::Default => "LoaderEntryDefault",
            Self::OneShot => "LoaderEntryOneShot",
        }
    }

    fn path(self) -> String {
        format!("{PLACE}/{}-{VENDOR}", self.name())
    }

    /// What it says; `None` when it is not set.
    pub(super) fn read(self, root: Tree<'_>) -> Result<Option<String>, Error> {
        let Some(file) = root.file(&self.path())? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.take(LIMIT as u64)
            .read_to_end(&mut bytes)
            .map_err(|source| Error::io(format!("read {}", self.name()), source))?;
        Ok(text(&bytes))
    }

    /// Sets it, or removes it, and reads it back.
    pub(super) fn write(self, root: Tree<'_>, value: Option<&str>) -> Result<(), Error> {
        let failed = |source: Errno| Error::io(format!("set {}", self.name()), source);
        if self.read(root)?.as_deref() == value {
            return Ok(());
        }
        let place = root
            .open(PLACE, OFlags::RDONLY | OFlags::DIRECTORY)
            .map_err(failed)?;
        let name = format!("{}-{VENDOR}", self.name());
        self.allow_changes(root);
        match value {
            None => match rustix::fs::unlinkat(&place, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(failed(error)),
            },
            Some(value) => {
                let file = root
                    .open_as(
                        &self.path(),
                        OFlags::WRONLY | OFlags::CREATE | OFlags::NOCTTY,
                        Mode::from_raw_mode(0o644),
                        ResolveFlags::NO_SYMLINKS,
                    )
                    .map_err(failed)?;
                // One write is one variable, whatever was in it.
                rustix::io::write(&file, &bytes(value)).map_err(failed)?;
            }
        }
        match self.read(root)?.as_deref() == value {
            true => Ok(()),
            false => Err(Error::Damaged {
                path: format!("/{}", self.path()).into(),
                reason: "is not what was written".to_owned(),
            }),
        }
    }

    /// The kernel protects variables from `rm -rf /` by the flag that chattr(1) knows as `i`.
    fn allow_changes(self, root: Tree<'_>) {
        if let Ok(file) = root.open_plain(&self.path(), OFlags::RDONLY | OFlags::NONBLOCK)
            && let Ok(flags) = rustix::fs::ioctl_getflags(&file)
            && flags.contains(IFlags::IMMUTABLE)
        {
            // Whether that helped shows when the variable is written.
            let _ = rustix::fs::ioctl_setflags(&file, flags.difference(IFlags::IMMUTABLE));
        }
    }
}

/// The text of a variable: attributes, then UTF-16 up to a zero.
fn text(bytes: &[u8]) -> Option<String> {
    let units: Vec<u16> = bytes
        .get(4..)?
        .as_chunks()
        .0
        .iter()
        .map(|pair| u16::from_le_bytes(*pair))
        .take_while(|unit| *unit != 0)
        .collect();
    String::from_utf16(&units).ok().filter(|text| !text.is_empty())
}

fn bytes(value: &str) -> Vec<u8> {
    let units = value.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
    ATTRIBUTES.into_iter().chain(units).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn a_variable_is_set_read_and_removed() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join(PLACE)).unwrap();
        let fd = std::fs::File::open(root.path()).unwrap();
        let tree = Tree::new(fd.as_fd());
        let variable = Variable::OneShot;
        assert_eq!(variable.read(tree).unwrap(), None);
        for value in ["kedge-12-6.12.conf", "ä.conf"] {
            variable.write(tree, Some(value)).unwrap();
            assert_eq!(variable.read(tree).unwrap().as_deref(), Some(value));
        }
        variable.write(tree, None).unwrap();
        variable.write(tree, None).unwrap();
        assert_eq!(variable.read(tree).unwrap(), None);
    }

    #[test]
    fn what_is_no_text_is_no_value() {
        for bytes in [
            &b""[..],
            b"\x07\0\0",
            b"\x07\0\0\0",
            b"\x07\0\0\0\0\0",
            b"\x07\0\0\0\x00\xd8",
        ] {
            assert_eq!(text(bytes), None, "{bytes:?}");
        }
        assert_eq!(text(b"\x07\0\0\0a\0\0\0rest").as_deref(), Some("a"));
    }
}
