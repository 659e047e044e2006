// SPDX-License-Identifier: GPL-3.0-or-later
use crate::Error;
use model::FileKind;
use std::io::Read;

/// Takes the files that packages own, one at a time, as package and path.
pub type VisitFile<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<(), Error>;

/// A file of a snapshot that can be read.
pub struct OpenFile {
    /// A regular file or a symbolic link; anything else is refused.
    pub kind: FileKind,
    /// Bytes.
    pub size: u64,
    /// What is in it; of a symbolic link, its target.
    pub content: Box<dyn Read + Send>,
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenFile")
            .field("kind", &self.kind)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
