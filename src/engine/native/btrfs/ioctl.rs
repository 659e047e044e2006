// SPDX-License-Identifier: GPL-3.0-or-later
//! The system calls of btrfs, one function each. All `unsafe` of the engine's btrfs part is in this file.
#![expect(
    unsafe_code,
    reason = "ioctl(2) takes a pointer whose meaning depends on the request"
)]

use super::Root;
use linux_raw_sys::{btrfs, ioctl};
use model::Uuid;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::{Errno, Result};
use rustix::ioctl::{Getter, IoctlOutput, Opcode, Setter, Updater};
use std::ffi::{CStr, c_char, c_void};
use std::os::fd::AsRawFd;

/// The inode number of every subvolume's root directory.
pub(crate) const ROOT_DIRECTORY: u64 = btrfs::BTRFS_FIRST_FREE_OBJECTID as u64;

/// The size of what precedes the results in the argument of a search: the key and the buffer's size.
pub(super) const SEARCH_HEADER: usize = size_of::<btrfs::btrfs_ioctl_search_key>() + size_of::<u64>();

const RDONLY: u64 = btrfs::BTRFS_SUBVOL_RDONLY as u64;

/// An argument of which nothing but zeroes is known yet.
trait Zeroed: Copy {
    fn zeroed() -> Self;
}

macro_rules! zeroed {
    ($($name:ident),+) => { $(impl Zeroed for btrfs::$name {
        fn zeroed() -> Self {
            // SAFETY: the type is made of integers, arrays of integers and a raw pointer, for which zero is a value.
            unsafe { std::mem::zeroed() }
        }
    })+ };
}
zeroed!(
    btrfs_ioctl_vol_args_v2,
    btrfs_ioctl_fs_info_args,
    btrfs_ioctl_ino_lookup_args,
    btrfs_ioctl_dev_info_args
);

fn named(name: &CStr) -> Result<btrfs::btrfs_ioctl_vol_args_v2> {
    let mut args = btrfs::btrfs_ioctl_vol_args_v2::zeroed();
    let bytes = name.to_bytes();
    if bytes.is_empty() || bytes.len() > btrfs::BTRFS_SUBVOL_NAME_MAX as usize {
        return Err(Errno::NAMETOOLONG);
    }
    let mut field = [0 as c_char; 4040];
    for (to, from) in field.iter_mut().zip(bytes) {
        *to = c_char::from_ne_bytes([*from]);
    }
    args.__bindgen_anon_2.name = field;
    Ok(args)
}

/// Makes a snapshot of the subvolume whose root directory is `source`, called `name`, in `directory`. It is on disk
/// when this returns, for the kernel makes snapshots by committing.
pub(crate) fn create_snapshot(
    directory: impl AsFd,
    source: impl AsFd,
    name: &CStr,
    read_only: bool,
) -> Result<()> {
    let mut args = named(name)?;
    args.fd = i64::from(source.as_fd().as_raw_fd());
    args.flags = if read_only { RDONLY } else { 0 };
    // SAFETY: the request reads a btrfs_ioctl_vol_args_v2 with a name that ends in zero; `source` outlives the call.
    unsafe {
        let request = Setter::<{ ioctl::BTRFS_IOC_SNAP_CREATE_V2 as Opcode }, _>::new(args);
        rustix::ioctl::ioctl(directory, request)
    }
}

/// Deletes the subvolume with this number, wherever it lies. The kernel refuses the default one and one in which
/// others are nested. Not yet on disk when this returns.
pub(crate) fn destroy_subvolume(filesystem: impl AsFd, subvolume: u64) -> Result<()> {
    let mut args = btrfs::btrfs_ioctl_vol_args_v2::zeroed();
    args.flags = u64::from(btrfs::BTRFS_SUBVOL_SPEC_BY_ID);
    args.__bindgen_anon_2.subvolid = subvolume;
    // SAFETY: the request reads a btrfs_ioctl_vol_args_v2, whose union holds a number as the flag says.
    unsafe {
        let request = Setter::<{ ioctl::BTRFS_IOC_SNAP_DESTROY_V2 as Opcode }, _>::new(args);
        rustix::ioctl::ioctl(filesystem, request)
    }
}

fn flags(root: BorrowedFd<'_>) -> Result<u64> {
    // SAFETY: the request writes one u64.
    unsafe {
        rustix::ioctl::ioctl(
            root,
            Getter::<{ ioctl::BTRFS_IOC_SUBVOL_GETFLAGS as Opcode }, u64>::new(),
        )
    }
}

/// Whether the subvolume with this root directory is read-only.
pub(crate) fn is_read_only(root: impl AsFd) -> Result<bool> {
    Ok(flags(root.as_fd())? & RDONLY != 0)
}

/// Sets or clears the read-only flag of the subvolume with this root directory, and nothing when it is so already. The
/// change is on disk when this returns.
pub(crate) fn set_read_only(root: impl AsFd, read_only: bool) -> Result<()> {
    let old = flags(root.as_fd())?;
    let new = if read_only { old | RDONLY } else { old & !RDONLY };
    if old == new {
        return Ok(());
    }
    // SAFETY: the request reads one u64.
    unsafe {
        let request = Setter::<{ ioctl::BTRFS_IOC_SUBVOL_SETFLAGS as Opcode }, u64>::new(new);
        rustix::ioctl::ioctl(root, request)
    }
}

/// The subvolume in which this file or directory lies.
pub(crate) fn root_of(file: impl AsFd) -> Result<Root> {
    // SAFETY: the request writes a btrfs_ioctl_get_subvol_info_args.
    let args: btrfs::btrfs_ioctl_get_subvol_info_args = unsafe {
        rustix::ioctl::ioctl(
            file,
            Getter::<{ ioctl::BTRFS_IOC_GET_SUBVOL_INFO as Opcode }, _>::new(),
        )?
    };
    Ok(Root {
        id: args.treeid,
        parent: args.parent_id,
        directory: args.dirid,
        // Here the flags are those of the root item on disk, not those of SUBVOL_GETFLAGS.
        read_only: args.flags & u64::from(btrfs::BTRFS_ROOT_SUBVOL_RDONLY) != 0,
        uuid: Uuid(args.uuid),
        parent_uuid: Uuid(args.parent_uuid),
        created: i64::try_from(args.otime.sec).unwrap_or(0),
    })
}

/// The path of a directory below the root directory of the subvolume it lies in, any bytes.
pub(crate) fn path_in(filesystem: impl AsFd, subvolume: u64, directory: u64) -> Result<Vec<u8>> {
    let mut args = btrfs::btrfs_ioctl_ino_lookup_args::zeroed();
    args.treeid = subvolume;
    args.objectid = directory;
    // SAFETY: the request reads and writes a btrfs_ioctl_ino_lookup_args.
    unsafe {
        let request = Updater::<{ ioctl::BTRFS_IOC_INO_LOOKUP as Opcode }, _>::new(&mut args);
        rustix::ioctl::ioctl(filesystem, request)?;
    }
    let path = args.name.iter().map(|byte| byte.to_ne_bytes()[0]);
    let mut path: Vec<u8> = path.take_while(|byte| *byte != 0).collect();
    // The kernel ends the path of a directory with a slash.
    if path.last() == Some(&b'/') {
        path.pop();
    }
    Ok(path)
}

/// Makes the subvolume with this number the one that is mounted when none is named. Not yet on disk when this returns:
/// see [`commit`].
pub(crate) fn default_from(filesystem: impl AsFd, subvolume: u64) -> Result<()> {
    // SAFETY: the request reads one u64.
    unsafe {
        let request = Setter::<{ ioctl::BTRFS_IOC_DEFAULT_SUBVOL as Opcode }, u64>::new(subvolume);
        rustix::ioctl::ioctl(filesystem, request)
    }
}

/// Writes all changes of names, subvolumes and the default to disk and waits for it. File contents that were not yet
/// written out stay behind; for those there is syncfs(2). Returns the transaction that was written: the same as last
/// time when nothing has changed since.
pub(crate) fn commit(filesystem: impl AsFd) -> Result<u64> {
    let filesystem = filesystem.as_fd();
    // SAFETY: the first request writes one u64, the second reads one.
    unsafe {
        let transaction: u64 = rustix::ioctl::ioctl(
            filesystem,
            Getter::<{ ioctl::BTRFS_IOC_START_SYNC as Opcode }, _>::new(),
        )?;
        let request = Setter::<{ ioctl::BTRFS_IOC_WAIT_SYNC as Opcode }, u64>::new(transaction);
        rustix::ioctl::ioctl(filesystem, request)?;
        Ok(transaction)
    }
}

/// A filesystem as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filesystem {
    /// Its identity.
    pub(crate) id: [u8; 16],
    /// The number of its current transaction; `None` from a kernel (before 5.10) that does not tell.
    pub(crate) generation: Option<u64>,
    /// The bytes of a block of its trees.
    pub(crate) node_size: u32,
    /// How many devices it has.
    pub(crate) devices: u64,
    /// The highest number of a device.
    pub(crate) last_device: u64,
}

/// The filesystem in which this file or directory lies.
pub(crate) fn filesystem_of(file: impl AsFd) -> Result<Filesystem> {
    let flag = u64::from(btrfs::BTRFS_FS_INFO_FLAG_GENERATION);
    let mut args = btrfs::btrfs_ioctl_fs_info_args::zeroed();
    args.flags = flag;
    // SAFETY: the request reads and writes a btrfs_ioctl_fs_info_args.
    unsafe {
        let request = Updater::<{ ioctl::BTRFS_IOC_FS_INFO as Opcode }, _>::new(&mut args);
        rustix::ioctl::ioctl(file, request)?;
    }
    Ok(Filesystem {
        id: args.fsid,
        generation: (args.flags & flag != 0).then_some(args.generation),
        node_size: args.nodesize,
        devices: args.num_devices,
        last_device: args.max_id,
    })
}

/// The size in bytes of one device; `None` when there is none with this number.
pub(super) fn device_size(filesystem: BorrowedFd<'_>, device: u64) -> Result<Option<u64>> {
    let mut args = btrfs::btrfs_ioctl_dev_info_args::zeroed();
    args.devid = device;
    // SAFETY: the request reads and writes a btrfs_ioctl_dev_info_args.
    let result = unsafe {
        let request = Updater::<{ ioctl::BTRFS_IOC_DEV_INFO as Opcode }, _>::new(&mut args);
        rustix::ioctl::ioctl(filesystem, request)
    };
    match result {
        Ok(()) => Ok(Some(args.total_bytes)),
        Err(Errno::NODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The size of what precedes the slots in the argument of [`space_info`]: how many there are, and how many are filled.
pub(super) const SPACE_HEADER: usize = 2 * size_of::<u64>();
/// The size of a slot: flags, bytes and used bytes of one kind of block groups.
pub(super) const SPACE_SLOT: usize = size_of::<btrfs::btrfs_ioctl_space_info>();

struct Spaces<'a>(&'a mut [u8]);

// SAFETY: the request reads the number of slots from the start of the slice and writes the number of those it filled and
// at most that many slots; `space_info` makes sure that the slice is as long as it says.
unsafe impl rustix::ioctl::Ioctl for Spaces<'_> {
    type Output = ();
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        ioctl::BTRFS_IOC_SPACE_INFO as Opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> Result<()> {
        Ok(())
    }
}

/// Fills `argument` with what each kind of block groups holds: a header and as many slots as fit behind it. Without a
/// slot, the kernel tells how many there are.
pub(super) fn space_info(filesystem: BorrowedFd<'_>, argument: &mut [u8]) -> Result<()> {
    let Some(size) = argument.len().checked_sub(SPACE_HEADER) else {
        return Err(Errno::INVAL);
    };
    let slots = (size / SPACE_SLOT) as u64;
    argument[..size_of::<u64>()].copy_from_slice(&slots.to_ne_bytes());
    // SAFETY: see `Spaces`; the slice holds as many slots as were written above.
    unsafe { rustix::ioctl::ioctl(filesystem, Spaces(argument)) }
}

/// Fills `result` with every reference to the data extent that begins at `start`: a header of four u32 (bytes left,
/// bytes missing, numbers written, numbers missed), then inode, offset and subvolume of each.
pub(super) fn logical_references(filesystem: BorrowedFd<'_>, start: u64, result: &mut [u8]) -> Result<()> {
    let mut args = btrfs::btrfs_ioctl_logical_ino_args {
        logical: start,
        size: result.len() as u64,
        reserved: [0; 3],
        flags: u64::from(btrfs::BTRFS_LOGICAL_INO_ARGS_IGNORE_OFFSET),
        inodes: result.as_mut_ptr() as u64,
    };
    // SAFETY: the request reads a btrfs_ioctl_logical_ino_args and writes at most `size` bytes to where `inodes` points,
    // which is `result` and outlives the call.
    unsafe {
        let request = Updater::<{ ioctl::BTRFS_IOC_LOGICAL_INO_V2 as Opcode }, _>::new(&mut args);
        rustix::ioctl::ioctl(filesystem, request)
    }
}

struct Search<'a>(&'a mut [u8]);

// SAFETY: the request reads the key and the buffer's size from the start of the slice and writes the key and at most
// that many bytes after it; `tree_search` makes sure that the slice is as long as it says.
unsafe impl rustix::ioctl::Ioctl for Search<'_> {
    type Output = ();
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        ioctl::BTRFS_IOC_TREE_SEARCH_V2 as Opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> Result<()> {
        Ok(())
    }
}

/// Searches a tree. `argument` begins with a search key; the size of the buffer behind it is written here.
pub(super) fn tree_search(filesystem: BorrowedFd<'_>, argument: &mut [u8]) -> Result<()> {
    let Some(size) = argument.len().checked_sub(SEARCH_HEADER) else {
        return Err(Errno::INVAL);
    };
    let field = &mut argument[SEARCH_HEADER - size_of::<u64>()..SEARCH_HEADER];
    field.copy_from_slice(&(size as u64).to_ne_bytes());
    // SAFETY: see `Search`; the size written above is what the slice holds behind its header.
    unsafe { rustix::ioctl::ioctl(filesystem, Search(argument)) }
}
