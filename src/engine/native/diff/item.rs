// SPDX-License-Identifier: GPL-3.0-or-later
//! The items of a subvolume's tree that describe its files. Whoever wrote them is not trusted: an item that is cut short
//! or says nonsense is read as far as it makes sense.

use crate::native::btrfs::Fields;
use linux_raw_sys::btrfs::{
    self, btrfs_dir_item, btrfs_disk_key, btrfs_file_extent_item, btrfs_inode_extref, btrfs_inode_item,
    btrfs_inode_ref, btrfs_timespec,
};
use model::FileKind;
use std::mem::offset_of;

pub(crate) const INODE: u32 = btrfs::BTRFS_INODE_ITEM_KEY;
pub(crate) const REF: u32 = btrfs::BTRFS_INODE_REF_KEY;
pub(crate) const EXTREF: u32 = btrfs::BTRFS_INODE_EXTREF_KEY;
pub(crate) const XATTR: u32 = btrfs::BTRFS_XATTR_ITEM_KEY;
pub(crate) const DIR_ITEM: u32 = btrfs::BTRFS_DIR_ITEM_KEY;
pub(crate) const DIR_INDEX: u32 = btrfs::BTRFS_DIR_INDEX_KEY;
pub(crate) const EXTENT: u32 = btrfs::BTRFS_EXTENT_DATA_KEY;
const ROOT_ITEM: u8 = btrfs::BTRFS_ROOT_ITEM_KEY as u8;

/// What an inode says of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inode {
    /// The transaction in which it was made.
    pub(crate) generation: u64,
    /// The transaction in which it was last changed.
    pub(crate) changed: u64,
    /// Bytes; for a directory, two for each byte of the names in it.
    pub(crate) size: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
    pub(crate) device: u64,
    /// Seconds and nanoseconds.
    pub(crate) modified: (i64, u32),
    pub(crate) born: (i64, u32),
}

impl Inode {
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        let fields = Fields(data);
        let time = |at: usize| {
            let seconds = fields.u64(at + offset_of!(btrfs_timespec, sec))?;
            Some((
                seconds.cast_signed(),
                fields.u32(at + offset_of!(btrfs_timespec, nsec))?,
            ))
        };
        Some(Self {
            generation: fields.u64(offset_of!(btrfs_inode_item, generation))?,
            changed: fields.u64(offset_of!(btrfs_inode_item, transid))?,
            size: fields.u64(offset_of!(btrfs_inode_item, size))?,
            uid: fields.u32(offset_of!(btrfs_inode_item, uid))?,
            gid: fields.u32(offset_of!(btrfs_inode_item, gid))?,
            mode: fields.u32(offset_of!(btrfs_inode_item, mode))?,
            device: fields.u64(offset_of!(btrfs_inode_item, rdev))?,
            modified: time(offset_of!(btrfs_inode_item, mtime))?,
            born: time(offset_of!(btrfs_inode_item, otime))?,
        })
    }

    pub(crate) fn kind(&self) -> FileKind {
        kind_of_mode(self.mode)
    }
}

/// The kind of file that a mode tells.
pub(crate) fn kind_of_mode(mode: u32) -> FileKind {
    match rustix::fs::FileType::from_raw_mode(mode) {
        rustix::fs::FileType::Directory => FileKind::Directory,
        rustix::fs::FileType::Symlink => FileKind::Symlink,
        rustix::fs::FileType::CharacterDevice => FileKind::Character,
        rustix::fs::FileType::BlockDevice => FileKind::Block,
        rustix::fs::FileType::Fifo => FileKind::Fifo,
        rustix::fs::FileType::Socket => FileKind::Socket,
        _ => FileKind::Regular,
    }
}

/// Calls `visit` with the name of each reference in an INODE_REF item, whose key has the directory.
pub(crate) fn refs(mut data: &[u8], mut visit: impl FnMut(&[u8])) {
    while let Some(length) = Fields(data).u16(offset_of!(btrfs_inode_ref, name_len)) {
        let size = size_of::<btrfs_inode_ref>();
        let Some(name) = Fields(data).slice(size, length.into()) else {
            return;
        };
        visit(name);
        data = data.get(size + name.len()..).unwrap_or_default();
    }
}

/// Calls `visit` with directory and name of each reference in an INODE_EXTREF item.
pub(crate) fn extrefs(mut data: &[u8], mut visit: impl FnMut(u64, &[u8])) {
    loop {
        let fields = Fields(data);
        let size = offset_of!(btrfs_inode_extref, name);
        let directory = fields.u64(offset_of!(btrfs_inode_extref, parent_objectid));
        let length = fields.u16(offset_of!(btrfs_inode_extref, name_len));
        let Some((directory, length)) = directory.zip(length) else {
            return;
        };
        let Some(name) = fields.slice(size, length.into()) else {
            return;
        };
        visit(directory, name);
        data = data.get(size + name.len()..).unwrap_or_default();
    }
}

/// What a directory's entry leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Target {
    /// The file with this inode.
    Inode(u64),
    /// The root directory of this subvolume.
    Subvolume(u64),
}

/// An entry of a directory or an extended attribute: they share one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) target: Target,
    /// The transaction in which it was made.
    pub(crate) made: u64,
    pub(crate) kind: FileKind,
    pub(crate) name: &'a [u8],
    /// The value of an attribute.
    pub(crate) value: &'a [u8],
}

/// Calls `visit` with each entry in an item. Several share an item when their names have one hash.
pub(crate) fn entries<'a>(mut data: &'a [u8], mut visit: impl FnMut(Entry<'a>)) {
    const SIZE: usize = size_of::<btrfs_dir_item>();
    loop {
        let Some((entry, size)) = entry(data) else { return };
        visit(entry);
        data = data.get(SIZE + size..).unwrap_or_default();
    }
}

fn entry(data: &[u8]) -> Option<(Entry<'_>, usize)> {
    const LOCATION: usize = offset_of!(btrfs_dir_item, location);
    let fields = Fields(data);
    let names = usize::from(fields.u16(offset_of!(btrfs_dir_item, name_len))?);
    let values = usize::from(fields.u16(offset_of!(btrfs_dir_item, data_len))?);
    let number = fields.u64(LOCATION + offset_of!(btrfs_disk_key, objectid))?;
    let is_subvolume = fields.u8(LOCATION + offset_of!(btrfs_disk_key, type_))? == ROOT_ITEM;
    let kind = match fields.u8(offset_of!(btrfs_dir_item, type_))? & 0x7f {
        _ if is_subvolume => FileKind::Subvolume,
        2 => FileKind::Directory,
        3 => FileKind::Character,
        4 => FileKind::Block,
        5 => FileKind::Fifo,
        6 => FileKind::Socket,
        7 => FileKind::Symlink,
        _ => FileKind::Regular,
    };
    let start = size_of::<btrfs_dir_item>();
    let entry = Entry {
        target: if is_subvolume {
            Target::Subvolume(number)
        } else {
            Target::Inode(number)
        },
        made: fields.u64(offset_of!(btrfs_dir_item, transid))?,
        kind,
        name: fields.slice(start, names)?,
        value: fields.slice(start + names, values)?,
    };
    Some((entry, names + values))
}

/// Where a piece of a file's content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nowhere: it reads as zeroes.
    Zero,
    /// In the tree itself. Compressed bytes are only good for a comparison with others.
    Inline { compression: u8, bytes: Box<[u8]> },
    /// In an extent: its address, how it is stored, and where in it the piece begins.
    Disk {
        address: u64,
        encoding: u32,
        within: u64,
    },
}

/// A piece of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Where in the file it begins.
    pub(crate) start: u64,
    /// Bytes; what is in the tree ends where the file does.
    pub(crate) length: u64,
    pub(crate) source: Source,
}

impl Extent {
    /// Reads an EXTENT_DATA item, whose key has the start.
    pub(crate) fn parse(start: u64, data: &[u8]) -> Option<Self> {
        let fields = Fields(data);
        let at = |offset: usize| fields.u64(offset);
        let compression = fields.u8(offset_of!(btrfs_file_extent_item, compression))?;
        let encryption = fields.u8(offset_of!(btrfs_file_extent_item, encryption))?;
        let other = fields.u16(offset_of!(btrfs_file_extent_item, other_encoding))?;
        let encoding = u32::from(compression) | u32::from(encryption) << 8 | u32::from(other) << 16;
        let head = offset_of!(btrfs_file_extent_item, disk_bytenr);
        let (length, source) = match fields.u8(offset_of!(btrfs_file_extent_item, type_))? {
            0 => (
                at(offset_of!(btrfs_file_extent_item, ram_bytes))?,
                Source::Inline {
                    compression,
                    bytes: data.get(head..)?.into(),
                },
            ),
            kind => {
                let address = at(head)?;
                let length = at(offset_of!(btrfs_file_extent_item, num_bytes))?;
                let within = at(offset_of!(btrfs_file_extent_item, offset))?;
                // Preallocated extents (2) read as zeroes, holes have no address.
                let source = match (kind, address) {
                    (2, _) | (_, 0) => Source::Zero,
                    _ => Source::Disk {
                        address,
                        encoding,
                        within,
                    },
                };
                (length, source)
            }
        };
        Some(Self {
            start,
            length,
            source,
        })
    }
}

/// Reads an item's data as everything it may be; how much of it made sense.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_item(data: &[u8]) -> usize {
    let mut read = usize::from(Inode::parse(data).is_some());
    refs(data, |name| read += name.len());
    assert!(read <= data.len() + 1);
    extrefs(data, |_, name| assert!(name.len() <= data.len()));
    let mut total = 0;
    entries(data, |entry| total += entry.name.len() + entry.value.len());
    assert!(total <= data.len());
    if let Some(extent) = Extent::parse(0, data) {
        assert!(matches!(extent.source, Source::Zero | Source::Disk { .. }) || extent.start == 0);
    }
    read
}

#[cfg(test)]
mod tests;
