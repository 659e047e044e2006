// SPDX-License-Identifier: GPL-3.0-or-later
//! The least that a transaction asks of the kernel: the measure for what the engine adds.
#![expect(
    unsafe_code,
    reason = "ioctl(2) takes a pointer whose meaning depends on the request"
)]

use linux_raw_sys::btrfs::{BTRFS_SUBVOL_RDONLY, btrfs_ioctl_get_subvol_info_args, btrfs_ioctl_vol_args_v2};
use linux_raw_sys::ioctl::{
    BTRFS_IOC_DEFAULT_SUBVOL, BTRFS_IOC_GET_SUBVOL_INFO, BTRFS_IOC_SNAP_CREATE_V2, BTRFS_IOC_SNAP_DESTROY_V2,
    BTRFS_IOC_START_SYNC, BTRFS_IOC_WAIT_SYNC,
};
use rustix::ioctl::{Getter, Opcode, Setter, ioctl};
use std::ffi::c_char;
use std::fs::{File, create_dir, remove_dir, remove_file, rename, write};
use std::io::{Error, Result};
use std::os::fd::AsRawFd;

const BOOKS: &str = "<?xml version=\"1.0\"?>\n<snapshot>\n  <type>single</type>\n  <num>1</num>\n  \
    <date>2026-11-22 12:00:00</date>\n  <description>bare</description>\n</snapshot>\n";

const MARK: &str = "  <userdata>\n    <key>transactional-update-in-progress</key>\n    <value>yes</value>\n  \
    </userdata>\n</snapshot>";

fn arguments(name: &str) -> btrfs_ioctl_vol_args_v2 {
    // SAFETY: the type is made of integers, arrays of integers and a raw pointer, for which zero is a value.
    let mut arguments: btrfs_ioctl_vol_args_v2 = unsafe { std::mem::zeroed() };
    let mut field = [0 as c_char; 4040];
    for (to, from) in field.iter_mut().zip(name.bytes()) {
        *to = c_char::from_ne_bytes([from]);
    }
    arguments.__bindgen_anon_2.name = field;
    arguments
}

/// The number of the subvolume that lies here.
fn number(path: &str) -> Result<u64> {
    let file = File::open(path)?;
    // SAFETY: the request writes a btrfs_ioctl_get_subvol_info_args.
    let info: btrfs_ioctl_get_subvol_info_args =
        unsafe { ioctl(&file, Getter::<{ BTRFS_IOC_GET_SUBVOL_INFO as Opcode }, _>::new())? };
    Ok(info.treeid)
}

fn set_default(root: &str, number: u64) -> Result<()> {
    // SAFETY: the request reads one u64.
    unsafe {
        ioctl(
            File::open(root)?,
            Setter::<{ BTRFS_IOC_DEFAULT_SUBVOL as Opcode }, u64>::new(number),
        )
    }
    .map_err(Error::from)
}

/// Waits until everything is on disk.
pub(crate) fn sync(root: &str) -> Result<()> {
    Ok(rustix::fs::syncfs(File::open(root)?)?)
}

/// Read-only snapshots 1 to `count` of the root, with books as an update leaves them.
pub(crate) fn fill(root: &str, count: u32) -> Result<()> {
    for new in 1..=count {
        let directory = format!("{root}/.snapshots/{new}");
        create_dir(&directory)?;
        snapshot(root, &directory, u64::from(BTRFS_SUBVOL_RDONLY))?;
        let books = format!(
            "<?xml version=\"1.0\"?>\n<snapshot>\n  <type>single</type>\n  <num>{new}</num>\n  \
             <date>2026-11-22 12:00:00</date>\n  <description>Snapshot Update of #{new}</description>\n  \
             <cleanup>number</cleanup>\n  <userdata>\n    <key>important</key>\n    <value>no</value>\n  \
             </userdata>\n</snapshot>\n"
        );
        write(format!("{directory}/info.xml"), books)?;
    }
    sync(root)
}

fn snapshot(source: &str, directory: &str, flags: u64) -> Result<()> {
    let source = File::open(source)?;
    let mut snapshot = arguments("snapshot");
    snapshot.fd = i64::from(source.as_raw_fd());
    snapshot.flags = flags;
    // SAFETY: the request reads a btrfs_ioctl_vol_args_v2 with a name that ends in zero; `source` outlives the call.
    unsafe {
        let request = Setter::<{ BTRFS_IOC_SNAP_CREATE_V2 as Opcode }, _>::new(snapshot);
        ioctl(File::open(directory)?, request).map_err(Error::from)
    }
}

/// Writes a file so that no crash shows half of it.
fn put(directory: &str, text: &str) -> Result<()> {
    let (temporary, name) = (
        format!("{directory}/info.xml.tmp"),
        format!("{directory}/info.xml"),
    );
    write(&temporary, text)?;
    File::open(&temporary)?.sync_all()?;
    rename(temporary, name)?;
    File::open(directory)?.sync_all()
}

/// What opening and closing a transaction needs at the very least: a writable copy of a snapshot whose books mark it as
/// open, made the default on disk, and the mark removed.
pub(crate) fn transaction(root: &str, source: u32, new: u32) -> Result<()> {
    let directory = format!("{root}/.snapshots/{new}");
    create_dir(&directory)?;
    put(&directory, &BOOKS.replace("</snapshot>", MARK))?;
    snapshot(&format!("{root}/.snapshots/{source}/snapshot"), &directory, 0)?;
    set_default(root, number(&format!("{directory}/snapshot"))?)?;
    commit(root)?;
    put(&directory, BOOKS)
}

/// Waits until names and subvolumes are on disk.
fn commit(root: &str) -> Result<()> {
    let root = File::open(root)?;
    // SAFETY: the first request writes one u64, the second reads one.
    unsafe {
        let transaction: u64 = ioctl(&root, Getter::<{ BTRFS_IOC_START_SYNC as Opcode }, _>::new())?;
        ioctl(
            &root,
            Setter::<{ BTRFS_IOC_WAIT_SYNC as Opcode }, u64>::new(transaction),
        )
        .map_err(Error::from)
    }
}

/// Takes the copy away again; the root itself becomes the default.
pub(crate) fn remove(root: &str, new: u32) -> Result<()> {
    set_default(root, number(root)?)?;
    let directory = format!("{root}/.snapshots/{new}");
    // SAFETY: the request reads a btrfs_ioctl_vol_args_v2 with a name that ends in zero.
    unsafe {
        let request = Setter::<{ BTRFS_IOC_SNAP_DESTROY_V2 as Opcode }, _>::new(arguments("snapshot"));
        ioctl(File::open(&directory)?, request)?;
    }
    remove_file(format!("{directory}/info.xml"))?;
    remove_dir(directory)?;
    sync(root)
}
